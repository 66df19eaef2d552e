-- Archived lots whose archived rows are no longer to be read, each with why.
CREATE OR REPLACE TEMP TABLE restored_lot AS
WITH lost_batch AS (
    SELECT DISTINCT file.batch_no
    FROM raw_archived_file AS file
    JOIN lost_file AS lost ON lost.name = file.name
)
SELECT
    held.gtin, held.lot,
    CASE
        WHEN lost.batch_no IS NOT NULL THEN $is_lost
        WHEN closed.lot IS NULL THEN $is_live
        ELSE $is_changed
    END AS reason
FROM raw_archived_lot AS held
LEFT JOIN lost_batch AS lost ON lost.batch_no = held.batch_no
LEFT JOIN closed_lot AS closed ON closed.gtin = held.gtin AND closed.lot = held.lot
LEFT JOIN changed_lot AS changed ON changed.gtin = held.gtin AND changed.lot = held.lot
WHERE lost.batch_no IS NOT NULL OR closed.lot IS NULL OR changed.lot IS NOT NULL
