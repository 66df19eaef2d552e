-- model:   stg_theft_notice
-- purpose: Theft notices: of equal rows the first landed.
-- grain:   one row per distinct notice row
-- key:     record_id
-- reads:   raw_theft_notice
-- columns:
--   record_id    of the notice
--   file_id      raw_source_file
--   position     1-based ordinal in its file
--   reported_at  UTC
--   gtin         GTIN-14
--   lot          as stated
--   serial       of one pack; null with sscc null: the whole lot
--   sscc         of one container
--   epc          raw_identifier.text_id of the serial or sscc
--   place        where it was stolen, as stated
--   attributes   further columns of the list
--   content_key  what the row says
-- caveats: A notice may name a lot that is shared with goods never stolen.
SELECT * REPLACE (nullif(trim(lot), '') AS lot)
FROM raw_theft_notice
QUALIFY record_id = min(record_id) OVER (PARTITION BY coalesce(content_key, record_id::VARCHAR))
