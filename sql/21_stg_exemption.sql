-- model:   stg_exemption
-- purpose: Products and partners that need not serialise, as listed: of equal rows the first landed.
-- grain:   one row per distinct row of a list
-- key:     record_id
-- reads:   raw_exemption
-- columns:
--   record_id    of the row
--   file_id      raw_source_file
--   position     1-based ordinal in its file
--   gtin         GTIN-14 of the product; null: all that the partner makes
--   gln          the partner; null: whoever makes the product
--   valid_from   first day; null: not stated
--   valid_to     last day; null: open
--   source       who granted it, or where it is written, as stated
--   attributes   further columns of the list
--   content_key  what the row says
-- caveats: The list says what its owner claims.
SELECT * REPLACE (nullif(trim("source"), '') AS "source")
FROM raw_exemption
QUALIFY record_id = min(record_id) OVER (PARTITION BY coalesce(content_key, record_id::VARCHAR))
