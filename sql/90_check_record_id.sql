-- model:   check_record_id
-- purpose: A record_id belongs to one record, in the range of its file: findings cite by it.
-- grain:   one row per record_id that breaks this
-- key:     none
-- reads:   raw_event, raw_exemption, raw_licence, raw_lot_master, raw_master_data,
--          raw_product_master, raw_recall, raw_shipment, raw_site, raw_source_file,
--          raw_theft_notice, raw_verification
-- columns:
--   record_id  of the record
--   records    how many records carry it
--   file_id    a file that it is in
WITH record AS (
    SELECT record_id, file_id, position FROM raw_event
    UNION ALL
    SELECT DISTINCT record_id, file_id, position FROM raw_master_data
    UNION ALL
    SELECT record_id, file_id, position FROM raw_shipment
    UNION ALL
    SELECT record_id, file_id, position FROM raw_verification
    UNION ALL
    SELECT record_id, file_id, position FROM raw_licence
    UNION ALL
    SELECT record_id, file_id, position FROM raw_theft_notice
    UNION ALL
    SELECT record_id, file_id, position FROM raw_recall
    UNION ALL
    SELECT record_id, file_id, position FROM raw_exemption
    UNION ALL
    SELECT record_id, file_id, position FROM raw_lot_master
    UNION ALL
    SELECT record_id, file_id, position FROM raw_product_master
    UNION ALL
    SELECT record_id, file_id, position FROM raw_site
)
SELECT record.record_id, count(*) AS records, min(record.file_id) AS file_id
FROM record
LEFT JOIN raw_source_file AS f ON f.file_id = record.file_id
GROUP BY record.record_id
HAVING count(*) > 1
    OR NOT bool_and(coalesce(
        record.record_id = f.first_record_id + record.position - 1
            AND record.position BETWEEN 1 AND f.read_count,
        FALSE
    ))
