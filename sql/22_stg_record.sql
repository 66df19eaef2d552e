-- model:   stg_record
-- purpose: Every landed record, whether it counts or not, and where to find it: what findings cite.
-- grain:   one row per landed record
-- key:     record_id
-- kind:    view
-- reads:   raw_exemption, raw_licence, raw_lot_master, raw_master_data, raw_product_master,
--          raw_recall, raw_shipment, raw_site, raw_source_file, raw_theft_notice, raw_verification,
--          stg_event, stg_exemption, stg_licence, stg_lot_master, stg_product_master, stg_recall,
--          stg_shipment, stg_site, stg_theft_notice, stg_verification
-- columns:
--   record_id    unique over all kinds
--   kind         event, shipment, verification, licence, theft_notice, recall, exemption,
--                lot_master, product_master, site, master_data
--   status       live, duplicate, void, declaration
--   file_id      raw_source_file
--   path         of the file as the operator gave it
--   position     1-based ordinal in its file
--   event_id     as stated; null for other kinds
--   event_at     UTC, when what it tells happened; null where it tells of no moment
--   recorded_at  UTC, when a system took note
--   ingested_at  when the file was landed
-- caveats: Declarations and withdrawn events are listed: they are records too.
WITH record AS (
    SELECT record_id, 'event' AS kind, status, event_id, event_at, recorded_at FROM stg_event
    UNION ALL BY NAME
    SELECT r.record_id, 'shipment' AS kind, r.shipped_at AS event_at,
        if(s.record_id IS NULL, 'duplicate', 'live') AS status
    FROM raw_shipment r LEFT JOIN stg_shipment s ON s.record_id = r.record_id
    UNION ALL BY NAME
    SELECT r.record_id, 'verification' AS kind, r.requested_at AS event_at,
        if(s.record_id IS NULL, 'duplicate', 'live') AS status
    FROM raw_verification r LEFT JOIN stg_verification s ON s.record_id = r.record_id
    UNION ALL BY NAME
    SELECT r.record_id, 'licence' AS kind, if(s.record_id IS NULL, 'duplicate', 'live') AS status
    FROM raw_licence r LEFT JOIN stg_licence s ON s.record_id = r.record_id
    UNION ALL BY NAME
    SELECT r.record_id, 'theft_notice' AS kind, r.reported_at AS event_at,
        if(s.record_id IS NULL, 'duplicate', 'live') AS status
    FROM raw_theft_notice r LEFT JOIN stg_theft_notice s ON s.record_id = r.record_id
    UNION ALL BY NAME
    SELECT r.record_id, 'recall' AS kind, r.from_at AS event_at,
        if(s.record_id IS NULL, 'duplicate', 'live') AS status
    FROM raw_recall r LEFT JOIN stg_recall s ON s.record_id = r.record_id
    UNION ALL BY NAME
    SELECT r.record_id, 'exemption' AS kind, if(s.record_id IS NULL, 'duplicate', 'live') AS status
    FROM raw_exemption r LEFT JOIN stg_exemption s ON s.record_id = r.record_id
    UNION ALL BY NAME
    SELECT r.record_id, 'lot_master' AS kind, if(s.record_id IS NULL, 'duplicate', 'live') AS status
    FROM raw_lot_master r LEFT JOIN stg_lot_master s ON s.record_id = r.record_id
    UNION ALL BY NAME
    SELECT r.record_id, 'product_master' AS kind,
        if(s.record_id IS NULL, 'duplicate', 'live') AS status
    FROM raw_product_master r LEFT JOIN stg_product_master s ON s.record_id = r.record_id
    UNION ALL BY NAME
    SELECT r.record_id, 'site' AS kind, if(s.record_id IS NULL, 'duplicate', 'live') AS status
    FROM raw_site r LEFT JOIN stg_site s ON s.record_id = r.record_id
    UNION ALL BY NAME
    SELECT DISTINCT record_id, 'master_data' AS kind, 'live' AS status FROM raw_master_data
)
SELECT
    r.record_id, r.kind, r.status, f.file_id, f.path,
    r.record_id - f.first_record_id + 1 AS position,
    r.event_id, r.event_at, r.recorded_at, f.ingested_at
FROM record r
LEFT JOIN raw_source_file f
    ON r.record_id BETWEEN f.first_record_id AND f.first_record_id + f.read_count - 1
