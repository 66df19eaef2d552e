-- model:   check_source_file_sum
-- purpose: No record of a file may vanish or be counted twice.
-- grain:   one row per file whose counts do not add up
-- key:     none
-- reads:   source_file
-- columns:
--   file_id    source_file
--   kind       of the file
--   read       records met
--   counted    accepted + duplicate + void + set_aside
SELECT file_id, kind, read, accepted + duplicate + void + set_aside AS counted
FROM source_file
WHERE read <> accepted + duplicate + void + set_aside
