-- model:   product
-- purpose: The products that any source names.
-- grain:   one row per GTIN
-- key:     gtin
-- kind:    view
-- reads:   core_lot, core_product
-- columns:
--   gtin             GTIN-14
--   name             as stated
--   ndc              US National Drug Code as stated
--   shelf_life_days  days from manufacture to expiry
--   markets          countries it is licensed for
--   storage          as stated
--   is_high_risk     its owner calls it a target of counterfeiters
--   is_synthetic     the source has no GTIN
--   lot_count        lots known
-- caveats: A list says what its owner claims.
WITH counted AS (
    SELECT gtin, count(*) AS lot_count FROM core_lot GROUP BY gtin
)
SELECT
    p.gtin, p.name, p.ndc, p.shelf_life_days, p.markets, p.storage, p.is_high_risk, p.is_synthetic,
    coalesce(c.lot_count, 0) AS lot_count
FROM core_product p
LEFT JOIN counted c ON c.gtin = p.gtin
