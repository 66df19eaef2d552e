-- item_event over live and archived lots: the rows that the model gives. What is asked of a lot or
-- pack reaches the archive's files as it is, so that only the parts that can hold it are read.
SELECT
    u.epc, u.gtin, u.serial, l.lot, e.event_id, i.event_at, i.recorded_at, i.step, i.disposition,
    s.gln AS site_gln, f.gln AS from_gln, t.gln AS to_gln, i.is_inferred, c.canonical AS container,
    i.record_id
FROM core_item_event_live i
JOIN core_unit u ON u.unit_id = i.unit_id
JOIN core_lot l ON l.lot_id = i.lot_id
JOIN stg_event e ON e.record_id = i.record_id
LEFT JOIN core_site s ON s.site_id = i.site_id
LEFT JOIN core_site f ON f.site_id = i.from_site_id
LEFT JOIN core_site t ON t.site_id = i.to_site_id
LEFT JOIN core_container c ON c.container_id = i.container_id
UNION ALL
SELECT
    past.epc, past.gtin, past.serial, past.lot, past.event_id, past.event_at, past.recorded_at,
    past.step, past.disposition, past.site_gln, past.from_gln, past.to_gln, past.is_inferred,
    past.container, past.record_id
FROM archived_item_event AS past
SEMI JOIN raw_archived_lot AS archived
    ON archived.gtin = past.gtin AND archived.lot = past.lot
    AND archived.batch_no = past.batch_no
