-- query:   unusual_trade
-- purpose: Which months of trade between two partners are least like the months before?
-- caveats: Out of the ordinary is no offence. q_value tells how many of a list are likely ordinary.
SELECT
    month, from_gln, from_name, to_gln, to_name, suspicion_pct, p_value, q_value, units, lots,
    is_new, price_ratio, top_features, nearest
FROM edge_score
WHERE suspicion_pct IS NOT NULL
ORDER BY suspicion_pct DESC, month DESC, from_gln, to_gln
LIMIT 50
