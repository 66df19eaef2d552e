-- The file of these bytes, or one under this path whose bytes could not be read then.
SELECT
    source.file_id, source.sha256, source.kind, source.read_count, source.set_aside_count,
    source.message, rejected.remedy
FROM raw_source_file AS source
LEFT JOIN raw_rejected AS rejected
    ON rejected.file_id = source.file_id AND rejected.position IS NULL AND source.message IS NOT NULL
WHERE source.sha256 = $sha256 OR (source.sha256 IS NULL AND source.path = $path)
ORDER BY source.sha256 IS NULL, source.file_id
LIMIT 1
