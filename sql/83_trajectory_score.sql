-- model:   trajectory_score
-- purpose: The distinct ways that packs went, and how unlike the ways of lots without a standing
--   finding they are.
-- grain:   one row per trajectory
-- key:     subject
-- kind:    view
-- reads:   core_unit, feat_trajectory, find_level_score, level_reason
-- columns:
--   subject        how level_part names it
--   epc            a pack that went this way, for trace
--   path           roles of the places in order, each with the steps done there
--   packs          packs that went this way
--   lots           lots they are of
--   suspicion_pct  0 to 100, higher is worse; null: too few lots to compare with
--   p_value        share of the ways of such lots, each as often as lots show it, that look at least
--                  as odd
--   q_value        the same, adjusted over all trajectories (Benjamini-Hochberg)
--   score          higher is more normal; level_part splits it
--   top_features   the three that make it most unlike the others; null: ordinary
--   nearest        the trajectories it compares with most, the most unlike first
--   surprise_max   its rarest step, -ln of the share of lots that go on so
-- caveats: Out of the ordinary is no offence, and raises no lot's tier: missed scans make odd ways
--   too. Only the 200 oddest have parts.
SELECT
    s.subject, u.epc, t.path, t.packs, t.lots, s.suspicion_pct, s.p_value, s.q_value, s.score,
    r.top_features, r.nearest, t.surprise_max
FROM feat_trajectory t
JOIN find_level_score s ON s.level = 'trajectory' AND s.key_id = t.trajectory_id
JOIN core_unit u ON u.unit_id = t.trajectory_id
LEFT JOIN level_reason r ON r.level = 'trajectory' AND r.key_id = t.trajectory_id
ORDER BY s.suspicion_pct DESC NULLS LAST, t.packs DESC, t.trajectory_id
