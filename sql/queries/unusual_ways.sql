-- query:   unusual_ways
-- purpose: Which ways of packs are least like those of lots on which nothing stands?
-- caveats: Out of the ordinary is no offence. touchstone trace EPC tells the story of its example.
SELECT epc, path, packs, lots, suspicion_pct, p_value, q_value, top_features
FROM trajectory_score
WHERE suspicion_pct IS NOT NULL
ORDER BY suspicion_pct DESC, packs DESC, epc
LIMIT 50
