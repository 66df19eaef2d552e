-- model:   core_observation
-- purpose: Where each pack was really seen: events that name it and verifications of it.
-- grain:   one row per pack and record that names it
-- key:     unit_id, record_id
-- reads:   core_item_event, core_site, core_unit, raw_identifier, stg_verification
-- columns:
--   unit_id          core_unit
--   lot_id           core_lot
--   record_id        event or verification
--   observed_at      UTC
--   site_id          where; null where no place was stated
--   kind             event, verification
--   step             bizStep of an event; verifying
--   clock_doubt_min  minutes by which observed_at may be wrong
-- caveats: A verification says that somebody showed this number, not that the pack was genuine.
SELECT
    unit_id, lot_id, record_id, event_at AS observed_at, site_id, 'event' AS kind, step,
    clock_doubt_min
FROM core_item_event
WHERE NOT is_inferred
UNION ALL
SELECT
    u.unit_id, u.lot_id, v.record_id, v.requested_at, s.site_id, 'verification', 'verifying', 5.0
FROM stg_verification v
JOIN raw_identifier i ON i.text_id = v.epc
JOIN core_unit u ON u.unit_id = i.epc_id
LEFT JOIN core_site s ON s.gln = v.site_gln
WHERE v.requested_at IS NOT NULL
ORDER BY lot_id, unit_id, observed_at, record_id
