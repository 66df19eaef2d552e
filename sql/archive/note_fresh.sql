-- Lots whose rows stand in the batch that was just written.
INSERT INTO raw_archived_lot
SELECT
    gtin, lot, $batch_no::INTEGER AS batch_no, year, packs, events, expiry, last_at,
    $archived_at::TIMESTAMP AS archived_at
FROM fresh_lot
ORDER BY gtin, lot
