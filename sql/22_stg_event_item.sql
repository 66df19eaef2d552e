-- model:   stg_event_item
-- purpose: What live events name, with the identifiers taken apart.
-- grain:   one row per live event and thing named, as often as it names it
-- key:     item_no
-- kind:    view
-- reads:   raw_event_item, raw_identifier, stg_event
-- columns:
--   record_id  of the event
--   role       epc, parent, child, input, output
--   epc_id     of the thing
--   scheme     sgtin, lgtin, gtin, sscc, giai, ..., opaque
--   canonical  GS1 Digital Link
--   gtin       GTIN-14
--   serial     of an sgtin
--   lot        stated by the identifier itself
--   sscc       of an sscc
--   quantity   of a class; null for an instance, or where not stated
--   uom        unit of measure; null: a count
--   is_class   a class with a quantity, not a single thing
--   item_no    number of the naming, good within this warehouse only
-- caveats: Slow to read whole on a large warehouse; stg_mention holds the keys.
SELECT
    i.record_id, i.role, t.epc_id, t.scheme, t.canonical, t.gtin, t.serial,
    nullif(trim(t.lot), '') AS lot, t.sscc, i.quantity, i.uom,
    i.is_class OR t.scheme IN ('lgtin', 'gtin') AS is_class,
    i.rowid AS item_no
FROM raw_event_item i
JOIN stg_event e ON e.record_id = i.record_id
JOIN raw_identifier t ON t.text_id = i.epc
WHERE e.status = 'live'
