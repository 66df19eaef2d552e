-- model:   trade_edge
-- purpose: Who sent what to whom, by month.
-- grain:   one row per origin, destination, GTIN and month
-- key:     from_gln, to_gln, gtin, month
-- kind:    view
-- reads:   core_product, core_site, graph_trade_edge
-- columns:
--   from_gln           origin
--   from_name          as stated
--   to_gln             destination
--   to_name            as stated
--   gtin               GTIN-14
--   product            name as stated
--   month              first day of the UTC month
--   movement_count     movements
--   units              packs or quantity together
--   value              units * unit price, currencies as stated
--   median_unit_price  over movements with a price
--   first_at           UTC
--   last_at            UTC
--   lot_count          distinct lots
-- caveats: value and price mix currencies where a lane does.
SELECT
    f.gln AS from_gln, f.name AS from_name, t.gln AS to_gln, t.name AS to_name,
    e.gtin, p.name AS product, e.month, e.movement_count, e.units, e.value, e.median_unit_price,
    e.first_at, e.last_at, e.lot_count
FROM graph_trade_edge e
JOIN core_site f ON f.site_id = e.from_site_id
JOIN core_site t ON t.site_id = e.to_site_id
LEFT JOIN core_product p ON p.gtin = e.gtin
