-- How many lots the records of the files landed at a moment tell of, once histories are built.
WITH landed AS (
    SELECT first_record_id, first_record_id + read_count AS next_record_id
    FROM raw_source_file
    WHERE ingested_at = $ingested_at
),
met AS (
    SELECT lot_id, record_id FROM core_item_event
    UNION ALL
    SELECT lot_id, record_id FROM core_observation
    UNION ALL
    SELECT lot_id, ship_record_id FROM core_movement
    UNION ALL
    SELECT lot_id, receive_record_id FROM core_movement
)
SELECT count(DISTINCT met.lot_id)
FROM met
JOIN landed
    ON met.record_id >= landed.first_record_id AND met.record_id < landed.next_record_id
