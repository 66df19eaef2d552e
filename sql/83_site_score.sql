-- model:   site_score
-- purpose: A month of a site's trade, and how unlike the months before it, of all sites, it is.
-- grain:   one row per site and month
-- key:     gln, month
-- kind:    view
-- reads:   core_site, feat_site_month, find_level_score, level_reason
-- columns:
--   gln            GLN or text of the place
--   name           as stated
--   role           our word, see stg_role
--   country        ISO 3166 alpha-2, or as stated
--   month          first day of the UTC month
--   suspicion_pct  0 to 100, higher is worse; null: no earlier months to compare with
--   p_value        share of earlier months' sites that look at least as odd
--   q_value        the same, adjusted over the month (Benjamini-Hochberg)
--   score          higher is more normal; level_part splits it
--   top_features   the three that make it most unlike the others; null: ordinary
--   nearest        the earlier site months it compares with most, largest part first
--   units_in       packs or quantity
--   units_out      packs or quantity
--   supplier_count distinct origins
--   buyer_count    distinct destinations
--   out_in_ratio   ever let go / ever had; null where nothing came
--   subject        how level_part names it
-- caveats: Out of the ordinary is no offence, and raises no lot's tier. Only the 200 oddest of a
--   month have parts.
SELECT
    p.gln, p.name, p.role, p.country, m.month,
    s.suspicion_pct, s.p_value, s.q_value, s.score, r.top_features,
    r.nearest, m.units_in, m.units_out, m.supplier_count, m.buyer_count, m.out_in_ratio,
    m.subject
FROM feat_site_month m
JOIN core_site p ON p.site_id = m.site_id
LEFT JOIN find_level_score s ON s.level = 'site' AND s.key_id = m.site_month_id
LEFT JOIN level_reason r ON r.level = 'site' AND r.key_id = m.site_month_id
ORDER BY s.suspicion_pct DESC NULLS LAST, m.month, p.gln
