-- model:   score_part
-- purpose: What each feature adds to a detector's score of a lot.
-- grain:   one row per lot, detector, feature and neighbour
-- key:     gtin, lot, detector, feature, neighbour
-- kind:    view
-- reads:   core_lot, find_score_part
-- columns:
--   gtin          GTIN-14
--   lot           as stated
--   detector      local_density, nearest_prototype
--   feature       as in feat_lot, or a pattern's signal
--   value         of the lot
--   contribution  to the score
--   exact         the parts add up to the score
--   neighbour     lot or case the part compares with; all: those not named, together
-- caveats: Where exact is false the parts say what weighs most, not how much in all.
SELECT
    core_lot.gtin, core_lot.lot, part.detector, part.feature, part.value, part.contribution,
    part.is_exact AS exact, coalesce(part.neighbour, 'all') AS neighbour
FROM find_score_part AS part
JOIN core_lot ON core_lot.lot_id = part.lot_id
