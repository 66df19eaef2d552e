-- model:   item_event
-- purpose: The history of every pack, readable without joins.
-- grain:   one row per pack and live event
-- key:     epc, record_id
-- kind:    view
-- reads:   core_container, core_item_event, core_lot, core_site, core_unit, stg_event
-- columns:
--   epc            GS1 Digital Link
--   gtin           GTIN-14
--   serial         text
--   lot            '(unstated)' where nobody stated it
--   event_id       as stated
--   event_at       UTC, when it happened
--   recorded_at    UTC, when a system took note
--   step           bizStep as a bare word
--   disposition    as a bare word
--   site_gln       where
--   from_gln       stated source
--   to_gln         stated destination
--   is_inferred    nobody scanned the pack: its container was named
--   container      the container it was in, for inferred rows
--   record_id      the landed event
-- caveats: An inferred row is only as true as the packing that was reported.
SELECT
    u.epc, u.gtin, u.serial, l.lot, e.event_id, i.event_at, i.recorded_at, i.step, i.disposition,
    s.gln AS site_gln, f.gln AS from_gln, t.gln AS to_gln, i.is_inferred, c.canonical AS container,
    i.record_id
FROM core_item_event i
JOIN core_unit u ON u.unit_id = i.unit_id
JOIN core_lot l ON l.lot_id = i.lot_id
JOIN stg_event e ON e.record_id = i.record_id
LEFT JOIN core_site s ON s.site_id = i.site_id
LEFT JOIN core_site f ON f.site_id = i.from_site_id
LEFT JOIN core_site t ON t.site_id = i.to_site_id
LEFT JOIN core_container c ON c.container_id = i.container_id
