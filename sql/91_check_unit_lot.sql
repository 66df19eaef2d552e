-- model:   check_unit_lot
-- purpose: Every pack is judged in a lot that exists.
-- grain:   one row per pack without one
-- key:     none
-- reads:   core_lot, core_unit
-- columns:
--   unit_id  the pack
--   lot_id   the lot that it names
SELECT u.unit_id, u.lot_id
FROM core_unit AS u
LEFT JOIN core_lot AS l ON l.lot_id = u.lot_id
WHERE l.lot_id IS NULL
