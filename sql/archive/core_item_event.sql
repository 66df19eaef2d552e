-- core_item_event over live and archived lots: the rows that the model gave.
SELECT * FROM core_item_event_live
UNION ALL
SELECT
    past.unit_id, unit.lot_id, past.record_id, event.ord, event.event_at, event.recorded_at,
    event.event_type, event.action, event.step, event.disposition, event.site_id,
    event.from_site_id, event.to_site_id, event.from_owner_site_id, event.to_owner_site_id,
    past.is_inferred, past.container_id, event.clock_doubt_min, past.is_terminal,
    past.terminal_before, past.is_undo, past.prev_record_id, before.event_at AS prev_at,
    before.site_id AS prev_site_id, before.step AS prev_step, past.prev_is_inferred,
    event.custody, past.is_birth, past.is_consumed, event.lag_h
FROM archived_item_event AS past
SEMI JOIN raw_archived_lot AS archived
    ON archived.gtin = past.gtin AND archived.lot = past.lot
    AND archived.batch_no = past.batch_no
JOIN core_unit AS unit ON unit.unit_id = past.unit_id
JOIN core_event AS event ON event.record_id = past.record_id
LEFT JOIN core_event AS before ON before.record_id = past.prev_record_id
