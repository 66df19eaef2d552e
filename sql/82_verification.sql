-- model:   verification
-- purpose: What scanners and verification services were asked and answered.
-- grain:   one row per distinct request
-- key:     record_id
-- kind:    view
-- reads:   core_lot_key, core_unit, raw_identifier, stg_verification
-- columns:
--   record_id        of the request
--   requested_at     UTC
--   site_gln         where, or who asked
--   gtin             GTIN-14 as asked
--   serial           as asked
--   lot              as asked
--   expiry           as asked
--   entry_mode       scan, manual
--   answer_code      as answered
--   epc              GS1 Digital Link of the pack; null without a serial
--   known_lot        lot the data knows the pack by; null where nobody but the request states one
--   is_commissioned  the pack's birth is in the data
-- caveats: NO_ANSWER is a network fault, not a verdict.
SELECT
    v.record_id, v.requested_at, v.site_gln, v.gtin, v.serial, v.lot, v.expiry, v.entry_mode,
    v.answer_code, u.epc,
    if(u.lot_basis IN ('ilmd', 'master'), k.lot, NULL) AS known_lot,
    coalesce(u.is_commissioned, false) AS is_commissioned
FROM stg_verification v
LEFT JOIN raw_identifier i ON i.text_id = v.epc
LEFT JOIN core_unit u ON u.unit_id = i.epc_id
LEFT JOIN core_lot_key k ON k.lot_id = u.lot_id
