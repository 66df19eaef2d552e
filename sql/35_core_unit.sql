-- model:   core_unit
-- purpose: Every pack that any record names.
-- grain:   one row per SGTIN
-- key:     unit_id
-- reads:   core_event, core_lot_key, core_unit_lot, raw_identifier
-- columns:
--   unit_id                 epc_id of the SGTIN
--   epc                     GS1 Digital Link
--   gtin                    GTIN-14
--   serial                  text
--   lot_id                  core_lot
--   lot_basis               ilmd, master, observed, unstated; see core_unit_lot
--   is_commissioned         its birth is in the data
--   commissioned_at         UTC; null where not in the data
--   commissioned_record_id  the event of its birth
--   commissioned_site_id    where
--   commissioned_lot        ILMD lot of its birth; null where none was stated
-- caveats: A case with a serial of its own GTIN is a pack here and a container in core_link.
SELECT
    u.unit_id, t.canonical AS epc, u.gtin, t.serial, k.lot_id, u.lot_basis,
    e.ord IS NOT NULL AS is_commissioned,
    e.event_at AS commissioned_at,
    e.record_id AS commissioned_record_id,
    e.site_id AS commissioned_site_id,
    u.commissioned_lot
FROM core_unit_lot u
JOIN raw_identifier t ON t.text_id = u.unit_id
JOIN core_lot_key k ON k.gtin = u.gtin AND k.lot = u.lot
LEFT JOIN core_event e ON e.ord = u.commissioned_ord
