-- model:   check_finding_record
-- purpose: A finding that stands or is explained cites records, and every record cited exists.
-- grain:   one row per finding and fault
-- key:     none
-- reads:   find_finding, stg_record
-- columns:
--   finding_id  the finding
--   record_id   cited, yet absent; null: the finding cites nothing
WITH cited AS (
    SELECT finding_id, unnest(record_ids) AS record_id
    FROM find_finding
)
SELECT cited.finding_id, cited.record_id
FROM cited
ANTI JOIN stg_record ON stg_record.record_id = cited.record_id
UNION ALL
SELECT finding_id, NULL AS record_id
FROM find_finding
WHERE status <> 'data_gap' AND coalesce(len(record_ids), 0) = 0
