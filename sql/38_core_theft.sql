-- model:   core_theft
-- purpose: Theft notices with the pack, container or lot they name.
-- grain:   one row per distinct notice row
-- key:     notice_record_id
-- reads:   core_lot_key, core_unit, raw_identifier, stg_theft_notice
-- columns:
--   notice_record_id  the notice
--   reported_at       UTC
--   gtin              GTIN-14
--   lot               as stated
--   lot_id            core_lot: the stated lot, else the pack's own
--   unit_id           the pack named
--   container_id      the container named, by epc_id
--   is_whole_lot      neither pack nor container named, but a lot
--   place             as stated
-- caveats: A whole-lot notice covers goods that were never stolen.
SELECT
    n.record_id AS notice_record_id, n.reported_at, n.gtin, n.lot,
    coalesce(k.lot_id, u.lot_id) AS lot_id,
    u.unit_id,
    if(i.scheme <> 'sgtin', i.epc_id, NULL) AS container_id,
    n.epc IS NULL AND n.serial IS NULL AND n.sscc IS NULL AND n.lot IS NOT NULL AS is_whole_lot,
    n.place
FROM stg_theft_notice n
LEFT JOIN raw_identifier i ON i.text_id = n.epc
LEFT JOIN core_unit u ON u.unit_id = i.epc_id
LEFT JOIN core_lot_key k ON k.gtin = n.gtin AND k.lot = n.lot
