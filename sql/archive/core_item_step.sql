-- core_item_step over live and archived lots: the rows that the model gave.
SELECT * FROM core_item_step_live
UNION ALL
SELECT
    past.unit_id, unit.lot_id, event.ord, past.is_inferred, past.container_id, past.is_terminal,
    past.would_undo AS is_undo, past.is_put_back, past.is_birth, past.is_consumed
FROM archived_item_event AS past
SEMI JOIN raw_archived_lot AS archived
    ON archived.gtin = past.gtin AND archived.lot = past.lot
    AND archived.batch_no = past.batch_no
JOIN core_unit AS unit ON unit.unit_id = past.unit_id
JOIN core_event AS event ON event.record_id = past.record_id
