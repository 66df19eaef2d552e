-- Archived lots by the keys of the build that stands.
CREATE OR REPLACE TEMP TABLE archived_id AS
SELECT lot.lot_id
FROM core_lot AS lot
JOIN raw_archived_lot AS held ON held.gtin = lot.gtin AND held.lot = lot.lot
