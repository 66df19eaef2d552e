-- model:   core_lot_key
-- purpose: Numbers every lot that any record names.
-- grain:   one row per GTIN and lot
-- key:     lot_id
-- reads:   core_unit_lot, stg_event, stg_event_item, stg_lot_master, stg_recall, stg_shipment,
--          stg_theft_notice, stg_verification
-- columns:
--   lot_id  1, 2, 3 in the order of gtin and lot
--   gtin    GTIN-14
--   lot     as stated; '(unstated)' for goods of the GTIN whose lot nobody stated
-- caveats: A lot that only a verification names may be a typing error, or a lot that never existed.
WITH named AS (
    SELECT gtin, lot FROM core_unit_lot
    UNION
    SELECT i.gtin, coalesce(i.lot, e.lot, '(unstated)')
    FROM stg_event_item i
    JOIN stg_event e ON e.record_id = i.record_id
    WHERE i.is_class
    UNION SELECT gtin, coalesce(lot, '(unstated)') FROM stg_shipment
    UNION SELECT gtin, lot FROM stg_lot_master
    UNION SELECT gtin, lot FROM stg_recall
    UNION SELECT gtin, lot FROM stg_theft_notice
    UNION SELECT gtin, lot FROM stg_verification
)
SELECT row_number() OVER (ORDER BY gtin, lot)::INTEGER AS lot_id, gtin, lot
FROM named
WHERE gtin <> '' AND lot IS NOT NULL
