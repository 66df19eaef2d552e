-- model:   cited_case
-- purpose: The past cases that a lot resembles most, and in what.
-- grain:   one row per lot and rank
-- key:     gtin, lot, rank
-- kind:    view
-- reads:   core_lot, find_cited_case, raw_case
-- columns:
--   gtin      GTIN-14
--   lot       as stated
--   rank      1 is the nearest
--   case_id   of the library
--   kind      public, own, benign, simulated, imported
--   title     of the case
--   distance  0 same, 1 nothing in common
--   is_near   false: the nearest there is, yet not near
--   shared    signals that lot and case have
--   unshared  signals that the case has and the lot lacks
--   outcome   of the case
-- caveats: Likeness is no proof; read what is not shared.
SELECT
    core_lot.gtin, core_lot.lot, cited.rank, cited.case_id, cited.kind, known.title, cited.distance,
    cited.is_near, cited.shared, cited.unshared, known.outcome
FROM find_cited_case AS cited
JOIN core_lot ON core_lot.lot_id = cited.lot_id
LEFT JOIN raw_case AS known ON known.case_id = cited.case_id
