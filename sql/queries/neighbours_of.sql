-- query:   neighbours_of
-- purpose: Who supplies a site, and whom does it supply?
-- try:     site=9521234000112
SELECT 'supplier' AS side, from_gln AS gln, from_name AS name, sum(units) AS units,
    count(DISTINCT gtin) AS products, min(first_at) AS first_at, max(last_at) AS last_at
FROM trade_edge
WHERE to_gln = $site
GROUP BY ALL
UNION ALL
SELECT 'customer', to_gln, to_name, sum(units), count(DISTINCT gtin), min(first_at), max(last_at)
FROM trade_edge
WHERE from_gln = $site
GROUP BY ALL
ORDER BY side, units DESC, gln
