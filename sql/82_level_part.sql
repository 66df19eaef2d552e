-- model:   level_part
-- purpose: What each feature adds to the score of a month of trade, of a site or of a trajectory,
--   and beside whom.
-- grain:   one row per level, subject, feature and neighbour
-- key:     level, subject, feature, neighbour
-- kind:    view
-- reads:   find_level_part, find_level_score
-- columns:
--   level         edge, site, trajectory
--   subject       as edge_score, site_score or trajectory_score has it
--   feature       as in feat_edge_month, feat_site_month or feat_trajectory
--   value         of the subject
--   contribution  to the score; negative: more unlike than usual
--   exact         the parts add up to the score
--   neighbour     subject the part compares with; all: those not named, together
-- caveats: Of each month or run only the 200 oddest have parts.
SELECT
    part.level, judged.subject, part.feature, part.value, part.contribution,
    part.is_exact AS exact, coalesce(part.neighbour, 'all') AS neighbour
FROM find_level_part AS part
JOIN find_level_score AS judged ON judged.level = part.level AND judged.key_id = part.key_id
