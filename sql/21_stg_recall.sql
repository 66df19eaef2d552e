-- model:   stg_recall
-- purpose: Recalls: of equal rows the first landed.
-- grain:   one row per distinct recall row
-- key:     record_id
-- reads:   raw_recall
-- columns:
--   record_id    of the recall
--   file_id      raw_source_file
--   position     1-based ordinal in its file
--   gtin         GTIN-14
--   lot          as stated; null: all lots
--   class        as stated
--   from_at      UTC, when it took effect
--   attributes   further columns of the list
--   content_key  what the row says
-- caveats: The list says what its owner claims.
SELECT * REPLACE (nullif(trim(lot), '') AS lot)
FROM raw_recall
QUALIFY record_id = min(record_id) OVER (PARTITION BY coalesce(content_key, record_id::VARCHAR))
