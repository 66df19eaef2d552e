INSERT INTO raw_event_sensor
SELECT
    $first_record_id + position - 1 AS record_id,
    type, observed_at, value, min_value, max_value, mean_value, uom, exception, report
FROM batch_sensors
ORDER BY position, type, observed_at, value
