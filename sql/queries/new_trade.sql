-- query:   new_trade
-- purpose: Which pairs of partners traded for the first time in a month?
-- try:     month=2026-04-01
-- caveats: First in what was landed: nothing is known of the time before.
WITH first_trade AS (
    SELECT from_gln, from_name, to_gln, to_name, min(first_at) AS first_at, sum(units) AS units,
        count(DISTINCT gtin) AS products
    FROM trade_edge
    GROUP BY ALL
)
FROM first_trade
WHERE date_trunc('month', first_at) = date_trunc('month', CAST($month AS TIMESTAMP))
ORDER BY units DESC, from_gln, to_gln
