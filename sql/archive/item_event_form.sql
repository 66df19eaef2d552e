-- Packs' histories as they are archived: readable by itself, and with the keys by which the warehouse
-- finds its own rows again. Keys that a new lot, site or event moves (lot_id, site_id, ord) have no
-- place here; texts' and records' keys never move.
CREATE OR REPLACE TEMP VIEW item_event_form AS
SELECT
    unit.gtin, lot.lot, unit.serial, unit.epc, event.event_id, item.event_at, item.recorded_at,
    item.step, item.disposition, site.gln AS site_gln, sender.gln AS from_gln,
    receiver.gln AS to_gln, item.is_inferred, container.canonical AS container, item.unit_id,
    item.record_id, item.container_id, item.is_terminal, item.terminal_before, item.is_undo,
    step.is_undo AS would_undo, step.is_put_back, item.is_birth, item.is_consumed,
    item.prev_record_id, item.prev_is_inferred
FROM core_item_event AS item
JOIN core_item_step AS step ON step.unit_id = item.unit_id AND step.ord = item.ord
JOIN core_unit AS unit ON unit.unit_id = item.unit_id
JOIN core_lot AS lot ON lot.lot_id = item.lot_id
JOIN stg_event AS event ON event.record_id = item.record_id
LEFT JOIN core_site AS site ON site.site_id = item.site_id
LEFT JOIN core_site AS sender ON sender.site_id = item.from_site_id
LEFT JOIN core_site AS receiver ON receiver.site_id = item.to_site_id
LEFT JOIN core_container AS container ON container.container_id = item.container_id
