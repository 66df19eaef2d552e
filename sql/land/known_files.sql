-- The files landed up to a moment, as landing wrote them down, in its order.
SELECT
    source.file_id, source.path, source.sha256, source.byte_count, source.kind,
    source.read_count, source.set_aside_count, source.first_record_id, source.ingested_at,
    source.message, rejected.remedy, source.layouts
FROM raw_source_file AS source
LEFT JOIN raw_rejected AS rejected
    ON rejected.file_id = source.file_id AND rejected.position IS NULL
    AND source.message IS NOT NULL
WHERE source.ingested_at <= $until
ORDER BY source.file_id
