-- model:   evid_lot_file
-- purpose: The documents a lot's history was read from, and what each of them had set aside.
-- grain:   one row per lot and source file
-- key:     lot_id, file_id
-- reads:   core_item_event, core_lot, core_movement, core_observation, raw_rejected,
--   raw_source_file, stg_record
-- columns:
--   lot_id            core_lot
--   gtin              GTIN-14 of the lot
--   lot               lot as stated
--   file_id           raw_source_file
--   path              from the folder or file on that the operator named
--   sha256            of the bytes
--   kind              of document
--   record_count      records of the lot in it
--   set_aside_count   records of the file, whatever their lot, that could not be read
-- caveats: Reference lists that name the lot are not counted here; the findings cite them.
WITH told AS (
    SELECT lot_id, record_id FROM core_item_event
    UNION
    SELECT lot_id, record_id FROM core_observation
    UNION
    SELECT lot_id, ship_record_id FROM core_movement WHERE ship_record_id IS NOT NULL
    UNION
    SELECT lot_id, receive_record_id FROM core_movement WHERE receive_record_id IS NOT NULL
),
refused AS (
    SELECT file_id, count(*) AS set_aside_count
    FROM raw_rejected
    GROUP BY file_id
),
counted AS (
    SELECT told.lot_id, stg_record.file_id, count(*) AS record_count
    FROM told
    JOIN stg_record USING (record_id)
    GROUP BY told.lot_id, stg_record.file_id
)
SELECT
    counted.lot_id,
    core_lot.gtin,
    core_lot.lot,
    counted.file_id,
    raw_source_file.path,
    raw_source_file.sha256,
    raw_source_file.kind,
    counted.record_count,
    coalesce(refused.set_aside_count, 0) AS set_aside_count
FROM counted
JOIN core_lot USING (lot_id)
JOIN raw_source_file USING (file_id)
LEFT JOIN refused USING (file_id)
ORDER BY counted.lot_id, counted.file_id
