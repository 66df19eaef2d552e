-- model:   rejected
-- purpose: Everything that was set aside, with the reason and what to do.
-- grain:   one row per record, or whole file, that could not be read
-- key:     none
-- kind:    view
-- reads:   raw_rejected, raw_source_file
-- columns:
--   file_id      source_file
--   source_file  path from the folder or file on that the operator named
--   position     1-based ordinal of the record in its file; null: the file as a whole, or its rest
--   place        where a person finds it: line 812, event 14, row 7
--   reason       what is wrong
--   remedy       what to do
-- caveats: Where a file breaks off, one row stands for all that follows.
SELECT r.file_id, f.path AS source_file, r.position, r.place, r.reason, r.remedy
FROM raw_rejected AS r
JOIN raw_source_file AS f ON f.file_id = r.file_id
