-- model:   stg_product_master
-- purpose: What product lists say: of equal rows the first landed.
-- grain:   one row per distinct list row
-- key:     record_id
-- reads:   raw_product_master
-- columns:
--   record_id        of the row
--   file_id          raw_source_file
--   position         1-based ordinal in its file
--   gtin             GTIN-14
--   name             as stated
--   shelf_life_days  days from manufacture to expiry
--   markets          countries the product is licensed for
--   storage          as stated
--   high_risk        the owner calls it a target of counterfeiters
--   is_synthetic     the source has no GTIN; ours is an in-house number
--   attributes       further columns of the list
--   content_key      what the row says
-- caveats: A product may appear with different statements; core_product takes the last landed.
SELECT *
FROM raw_product_master
QUALIFY record_id = min(record_id) OVER (PARTITION BY coalesce(content_key, record_id::VARCHAR))
