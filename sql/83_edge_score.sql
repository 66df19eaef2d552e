-- model:   edge_score
-- purpose: A month of trade between two sites, and how unlike the trade of earlier months it is.
-- grain:   one row per origin, destination and month
-- key:     from_gln, to_gln, month
-- kind:    view
-- reads:   core_site, feat_edge_month, find_level_score, level_reason
-- columns:
--   from_gln           origin
--   from_name          as stated
--   from_role          our word, see stg_role
--   to_gln             destination
--   to_name            as stated
--   to_role            our word
--   month              first day of the UTC month
--   suspicion_pct      0 to 100, higher is worse; null: no earlier months to compare with
--   p_value            share of earlier months' edges that look at least as odd
--   q_value            the same, adjusted over the month (Benjamini-Hochberg): of all with at most
--                      0.1 about a tenth would be ordinary
--   score              higher is more normal; level_part splits it
--   top_features       the three that make it most unlike the others; null: ordinary
--   nearest            the earlier edges it compares with most, largest part first
--   units              packs or quantity
--   transfers          acts told
--   lots               distinct lots
--   products           distinct products
--   is_new             these two did not trade before; null in the data's first month
--   growth_ratio       units / mean of its earlier months with trade; null for a new edge
--   price_ratio        median price / usual price of the product
--   high_risk_share    share of units in products that their owners call targets
--   subject            how level_part names it
-- caveats: Out of the ordinary is no offence, and raises no lot's tier. Trade that grows or changes
--   its ways makes many edges odd at once. Only the 200 oddest of a month have parts.
SELECT
    f.gln AS from_gln, f.name AS from_name, f.role AS from_role,
    t.gln AS to_gln, t.name AS to_name, t.role AS to_role, e.month,
    s.suspicion_pct, s.p_value, s.q_value, s.score, r.top_features, r.nearest,
    e.units, e.transfers, e.lots, e.products, e.is_new::BOOLEAN AS is_new, e.growth_ratio,
    e.price_ratio, e.high_risk_share, e.subject
FROM feat_edge_month e
JOIN core_site f ON f.site_id = e.from_site_id
JOIN core_site t ON t.site_id = e.to_site_id
LEFT JOIN find_level_score s ON s.level = 'edge' AND s.key_id = e.edge_month_id
LEFT JOIN level_reason r ON r.level = 'edge' AND r.key_id = e.edge_month_id
ORDER BY s.suspicion_pct DESC NULLS LAST, e.month, from_gln, to_gln
