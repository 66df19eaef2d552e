-- model:   lot
-- purpose: Every lot that any record names.
-- grain:   one row per GTIN and lot
-- key:     gtin, lot
-- kind:    view
-- reads:   core_lot, core_product, core_site
-- columns:
--   gtin                GTIN-14
--   lot                 '(unstated)' where nobody stated it
--   product             name as stated
--   expiry              lot master, else commissioning
--   made_on             day of manufacture
--   markets             countries it was made for
--   stated_quantity     units made, by the lot master
--   commissioned_units  packs whose birth is in the data
--   observed_units      packs seen after or without their birth
--   class_units         quantities without serials, at least
--   coverage            commissioned / stated; null: not known
--   maker_gln           where most of it was commissioned
--   first_at            UTC
--   last_at             UTC
-- caveats: A lot that only a verification names may never have existed.
SELECT
    l.gtin, l.lot, p.name AS product, l.expiry, l.made_on, l.markets, l.stated_quantity,
    l.commissioned_units, l.observed_units, l.class_units, l.coverage, s.gln AS maker_gln,
    l.first_at, l.last_at
FROM core_lot l
LEFT JOIN core_product p ON p.gtin = l.gtin
LEFT JOIN core_site s ON s.site_id = l.maker_site_id
