-- model:   core_sensor
-- purpose: Temperatures that sensors reported, in one unit, with the event that carries them.
-- grain:   one row per temperature report of a live event with a time
-- key:     reading_no
-- reads:   core_event, raw_event_sensor
-- columns:
--   reading_no   1, 2, 3 by record and time, good within this warehouse only
--   record_id    the event that carries the report
--   ord          core_event
--   site_id      where that event happened
--   device       the sensor as named; null where not named
--   feature      what was measured: package, ambience ...; null: not stated
--   observed_at  UTC, of the reading; for an interval its end
--   started_at   UTC, start of the interval the report covers; null for a moment
--   low_c        degrees Celsius, the least reported
--   high_c       degrees Celsius, the most reported
-- caveats: Reports without a unit, or that call themselves an error of the sensor, are left out.
WITH told AS (
    SELECT
        s.record_id, e.ord, e.site_id, s.observed_at, s.uom,
        coalesce(
            s.report ->> '$.sensorMetadata.deviceID', s.report ->> '$.deviceID') AS device,
        s.report ->> '$.feature' AS feature,
        try_cast(s.report ->> '$.sensorMetadata.startTime' AS TIMESTAMPTZ) AT TIME ZONE 'UTC'
            AS started_at,
        coalesce(s.min_value, s.value, s.mean_value) AS low,
        coalesce(s.max_value, s.value, s.mean_value) AS high
    FROM raw_event_sensor AS s
    JOIN core_event AS e ON e.record_id = s.record_id
    WHERE lower(s.type) = 'temperature' AND s.observed_at IS NOT NULL
        AND coalesce(s.exception, '') NOT ILIKE '%error%'
        AND upper(s.uom) IN ('CEL', 'FAH', 'KEL')
),
converted AS (
    SELECT
        *,
        CASE upper(uom)
            WHEN 'FAH' THEN (low - 32) / 1.8 WHEN 'KEL' THEN low - 273.15 ELSE low
        END AS low_c,
        CASE upper(uom)
            WHEN 'FAH' THEN (high - 32) / 1.8 WHEN 'KEL' THEN high - 273.15 ELSE high
        END AS high_c
    FROM told
)
SELECT
    row_number() OVER (
        ORDER BY record_id, observed_at, device NULLS FIRST, feature NULLS FIRST, low_c, high_c,
            started_at NULLS FIRST
    ) AS reading_no,
    record_id, ord, site_id, device, feature, observed_at,
    CASE WHEN started_at < observed_at THEN started_at END AS started_at,
    low_c, high_c
FROM converted
WHERE low_c IS NOT NULL AND high_c IS NOT NULL
ORDER BY reading_no
