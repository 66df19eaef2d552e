-- model:   stg_verification
-- purpose: Verification requests that count: of equal requests the first landed.
-- grain:   one row per distinct request
-- key:     record_id
-- reads:   raw_verification
-- columns:
--   record_id     of the request
--   file_id       raw_source_file
--   position      1-based ordinal in its file
--   requested_at  UTC
--   site_gln      where, or who asked
--   epc           raw_identifier.text_id of the pack; null without a serial
--   gtin          GTIN-14 as asked
--   serial        as asked
--   lot           as asked: what was printed or typed, not what is true
--   expiry        as asked
--   expiry_text   as read
--   entry_mode    scan, manual
--   answer_code   ACTIVE, A2, A3, A7, A24, A52, A68, NO_ANSWER, or a VRS reason
--   attributes    further columns of the log
--   content_key   what the request says
-- caveats: NO_ANSWER is a network fault, not a verdict.
SELECT * REPLACE (nullif(trim(lot), '') AS lot)
FROM raw_verification
QUALIFY record_id = min(record_id) OVER (PARTITION BY coalesce(content_key, record_id::VARCHAR))
