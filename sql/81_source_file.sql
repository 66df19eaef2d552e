-- model:   source_file
-- purpose: Every file that was named to a run, and what became of its records.
-- grain:   one row per file
-- key:     file_id
-- kind:    view
-- reads:   raw_exemption, raw_licence, raw_lot_master, raw_master_data, raw_product_master,
--          raw_recall, raw_rejected, raw_shipment, raw_site, raw_source_file, raw_theft_notice,
--          raw_verification, stg_event, stg_exemption, stg_licence, stg_lot_master,
--          stg_product_master, stg_recall, stg_shipment, stg_site, stg_theft_notice,
--          stg_verification
-- columns:
--   file_id      1, 2, 3 in the order of landing
--   path         from the folder or file on that the operator named
--   sha256       of the bytes: the file's identity; null where it could not be opened
--   byte_count   bytes
--   kind         epcis, shipments, verifications, licences, theft_notices, recalls, exemptions,
--                lot_master, product_master, sites, archive (of several kinds), unknown
--   read         records met; always accepted + duplicate + void + set_aside
--   accepted     records that count: live events, master data, first of equal lines
--   duplicate    records whose content was landed before
--   void         events withdrawn by an error declaration, and the declarations
--   set_aside    records that could not be read; `rejected` says why
--   first_at     UTC, earliest event, shipment or verification in it
--   last_at      UTC, latest
--   ingested_at  UTC, the run's clock when it was landed
--   message      what was wrong with the file as a whole; null: nothing
-- caveats: A lot master or licence list has no times of its own: first_at and last_at are null.
WITH event AS (
    SELECT
        file_id,
        count(*) FILTER (WHERE status = 'live') AS accepted,
        count(*) FILTER (WHERE status = 'duplicate') AS duplicate,
        count(*) FILTER (WHERE status IN ('void', 'declaration')) AS void,
        min(event_at) AS first_at,
        max(event_at) AS last_at
    FROM stg_event
    GROUP BY file_id
),
landed AS (
    SELECT file_id, shipped_at AS happened_at FROM raw_shipment
    UNION ALL
    SELECT file_id, requested_at FROM raw_verification
    UNION ALL
    SELECT file_id, NULL FROM raw_licence
    UNION ALL
    SELECT file_id, NULL FROM raw_theft_notice
    UNION ALL
    SELECT file_id, NULL FROM raw_recall
    UNION ALL
    SELECT file_id, NULL FROM raw_exemption
    UNION ALL
    SELECT file_id, NULL FROM raw_lot_master
    UNION ALL
    SELECT file_id, NULL FROM raw_product_master
    UNION ALL
    SELECT file_id, NULL FROM raw_site
),
kept AS (
    SELECT file_id FROM stg_shipment
    UNION ALL
    SELECT file_id FROM stg_verification
    UNION ALL
    SELECT file_id FROM stg_licence
    UNION ALL
    SELECT file_id FROM stg_theft_notice
    UNION ALL
    SELECT file_id FROM stg_recall
    UNION ALL
    SELECT file_id FROM stg_exemption
    UNION ALL
    SELECT file_id FROM stg_lot_master
    UNION ALL
    SELECT file_id FROM stg_product_master
    UNION ALL
    SELECT file_id FROM stg_site
),
line AS (
    SELECT file_id, count(*) AS landed, min(happened_at) AS first_at, max(happened_at) AS last_at
    FROM landed
    GROUP BY file_id
),
kept_line AS (
    SELECT file_id, count(*) AS accepted
    FROM kept
    GROUP BY file_id
),
master AS (
    SELECT file_id, count(DISTINCT record_id) AS accepted
    FROM raw_master_data
    GROUP BY file_id
),
refused AS (
    SELECT file_id, count(*) AS set_aside
    FROM raw_rejected
    GROUP BY file_id
)
SELECT
    f.file_id,
    f.path,
    f.sha256,
    f.byte_count,
    f.kind,
    f.read_count AS read,
    coalesce(event.accepted, 0) + coalesce(master.accepted, 0) + coalesce(kept_line.accepted, 0)
        AS accepted,
    coalesce(event.duplicate, 0) + coalesce(line.landed, 0) - coalesce(kept_line.accepted, 0)
        AS duplicate,
    coalesce(event.void, 0) AS void,
    coalesce(refused.set_aside, 0) AS set_aside,
    coalesce(event.first_at, line.first_at) AS first_at,
    coalesce(event.last_at, line.last_at) AS last_at,
    f.ingested_at,
    f.message
FROM raw_source_file AS f
LEFT JOIN event USING (file_id)
LEFT JOIN line USING (file_id)
LEFT JOIN kept_line USING (file_id)
LEFT JOIN master USING (file_id)
LEFT JOIN refused USING (file_id)
