-- model:   graph_trade_edge
-- purpose: Who sent what to whom, by month.
-- grain:   one row per origin, destination, GTIN and month
-- key:     from_site_id, to_site_id, gtin, month
-- reads:   core_movement
-- columns:
--   from_site_id       core_site
--   to_site_id         core_site
--   gtin               GTIN-14
--   month              first day of the UTC month of shipping, else of receipt
--   movement_count     movements
--   units              packs or quantity together; null where never stated
--   value              units * unit_price over movements with a price, all currencies as stated
--   median_unit_price  over movements with a price
--   first_at           UTC
--   last_at            UTC
--   lot_count          distinct lots
-- caveats: value and price mix currencies where a lane does. Goods of one site's own moves are left
--   out.
SELECT
    from_site_id, to_site_id, gtin,
    date_trunc('month', coalesce(shipped_at, received_at))::DATE AS month,
    count(*) AS movement_count,
    sum(units) AS units,
    sum(units * unit_price ORDER BY movement_id) AS value,
    median(unit_price) AS median_unit_price,
    min(coalesce(shipped_at, received_at)) AS first_at,
    max(coalesce(received_at, shipped_at)) AS last_at,
    count(DISTINCT lot_id) AS lot_count
FROM core_movement
WHERE from_site_id <> to_site_id AND coalesce(shipped_at, received_at) IS NOT NULL
GROUP BY ALL
ORDER BY from_site_id, to_site_id, gtin, month
