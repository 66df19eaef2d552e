-- Lots that are live again are archived no more.
DELETE FROM raw_archived_lot
WHERE (gtin, lot) IN (SELECT (gtin, lot) FROM restored_lot)
