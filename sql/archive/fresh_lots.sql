-- Lots that are over and whose rows are to be archived: not yet there, or there otherwise.
CREATE OR REPLACE TEMP TABLE fresh_lot AS
SELECT closed.*
FROM closed_lot AS closed
LEFT JOIN raw_archived_lot AS held ON held.gtin = closed.gtin AND held.lot = closed.lot
LEFT JOIN restored_lot AS restored
    ON restored.gtin = closed.gtin AND restored.lot = closed.lot
WHERE $takes_new::BOOLEAN AND (held.lot IS NULL OR restored.lot IS NOT NULL)
