-- core_observation over live and archived lots: the rows that the model gave. Verifications of
-- archived lots stay in the warehouse.
SELECT * FROM core_observation_live
UNION ALL
SELECT
    past.unit_id, unit.lot_id, past.record_id, event.event_at AS observed_at, event.site_id,
    'event' AS kind, event.step, event.clock_doubt_min
FROM archived_item_event AS past
SEMI JOIN raw_archived_lot AS archived
    ON archived.gtin = past.gtin AND archived.lot = past.lot
    AND archived.batch_no = past.batch_no
JOIN core_unit AS unit ON unit.unit_id = past.unit_id
JOIN core_event AS event ON event.record_id = past.record_id
WHERE NOT past.is_inferred
