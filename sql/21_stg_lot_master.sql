-- model:   stg_lot_master
-- purpose: What the makers' lists say of lots: of equal rows the first landed.
-- grain:   one row per distinct list row
-- key:     record_id
-- reads:   raw_lot_master
-- columns:
--   record_id     of the row
--   file_id       raw_source_file
--   position      1-based ordinal in its file
--   gtin          GTIN-14
--   lot           as stated
--   expiry        as stated
--   expiry_text   as read
--   manufactured  day of manufacture
--   quantity      units made
--   markets       countries the lot was made for
--   attributes    further columns of the list
--   content_key   what the row says
-- caveats: A lot may appear with different statements; core_lot takes the last landed.
SELECT * REPLACE (nullif(trim(lot), '') AS lot)
FROM raw_lot_master
QUALIFY record_id = min(record_id) OVER (PARTITION BY coalesce(content_key, record_id::VARCHAR))
