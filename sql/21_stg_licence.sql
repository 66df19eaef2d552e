-- model:   stg_licence
-- purpose: Licences as listed: of equal rows the first landed.
-- grain:   one row per distinct licence row
-- key:     record_id
-- reads:   raw_licence
-- columns:
--   record_id    of the row
--   file_id      raw_source_file
--   position     1-based ordinal in its file
--   gln          holder
--   role         as stated
--   licence_no   as stated
--   valid_from   first day
--   valid_to     last day; null: open
--   country      as stated
--   attributes   further columns of the list
--   content_key  what the row says
-- caveats: The list says what its owner claims.
SELECT *
FROM raw_licence
QUALIFY record_id = min(record_id) OVER (PARTITION BY coalesce(content_key, record_id::VARCHAR))
