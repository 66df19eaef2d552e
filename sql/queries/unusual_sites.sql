-- query:   unusual_sites
-- purpose: Which months of a site are least like the months before, of all sites?
-- caveats: Out of the ordinary is no offence. q_value tells how many of a list are likely ordinary.
SELECT
    month, gln, name, role, suspicion_pct, p_value, q_value, units_in, units_out, supplier_count,
    buyer_count, out_in_ratio, top_features, nearest
FROM site_score
WHERE suspicion_pct IS NOT NULL
ORDER BY suspicion_pct DESC, month DESC, gln
LIMIT 50
