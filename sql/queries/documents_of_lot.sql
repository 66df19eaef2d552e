-- query:   documents_of_lot
-- purpose: Which documents speak of a lot, and how much of each?
-- try:     gtin=09521234001010 lot=1G260576
SELECT path, kind, record_count, set_aside_count, sha256
FROM evid_lot_file
WHERE gtin = $gtin AND lot = $lot
ORDER BY record_count DESC, path
