-- model:   stg_site
-- purpose: What site lists say: of equal rows the first landed.
-- grain:   one row per distinct list row
-- key:     record_id
-- reads:   raw_site
-- columns:
--   record_id     of the row
--   file_id       raw_source_file
--   position      1-based ordinal in its file
--   gln           GLN-13
--   name          as stated
--   role          as stated
--   city          as stated
--   country       as stated
--   latitude      degrees north
--   longitude     degrees east
--   partner       the firm it belongs to, as stated
--   is_synthetic  the source has no GLN; ours is an in-house number
--   attributes    further columns of the list
--   content_key   what the row says
-- caveats: A site may appear with different statements; core_site takes the last landed.
SELECT *
FROM raw_site
QUALIFY record_id = min(record_id) OVER (PARTITION BY coalesce(content_key, record_id::VARCHAR))
