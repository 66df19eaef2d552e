-- The next file's id and the record_id of its first position.
SELECT
    coalesce(max(file_id), 0) + 1 AS file_id,
    coalesce(max(first_record_id + read_count), 1) AS first_record_id
FROM raw_source_file
