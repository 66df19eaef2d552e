-- model:   P01_clone_travel
-- purpose: One serial seen at two places that no single pack can have reached in the time between.
-- grain:   one row per lot, pair of places and verdict
-- key:     none
-- pattern: P01
-- family:  identity
-- definition: consecutive scans a, b of a pack with d(a,b) > 50 km and d / (t_b - t_a + u_a + u_b)
--   > 900 km/h, or > 120 km/h where the gap is under 3 h
-- guard:   scans only, never inferred movements; only places with coordinates; u is the clock doubt
--   of each record; verifications without an answer and the maker's own do not count
-- severity: S1; S3 where one partner owns both places and one of the scans is only a verification,
--   which a head office may have sent
-- benign:  B09, B10, B11, B12, B20
-- source:  DSCSA and EU FMD case files; typology P01
-- reads:   core_item_event, core_site, feat_leg, feat_site_clock, raw_setting, stg_verification
-- columns: as in find_finding's pattern shape
-- caveats: A pack is shown once, by its worst journey; its other journeys are not counted.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P01.distance_km') AS distance_km,
        max(value) FILTER (WHERE name = 'P01.speed_kmh') AS speed_kmh,
        max(value) FILTER (WHERE name = 'P01.near_speed_kmh') AS near_speed_kmh,
        max(value) FILTER (WHERE name = 'P01.near_gap_h') AS near_gap_h,
        max(value) FILTER (WHERE name = 'P11.order_h') AS order_h,
        max(value) FILTER (WHERE name = 'B09.lag_days') AS lag_days,
        max(value) FILTER (WHERE name = 'B09.batch_records') AS batch_records
    FROM raw_setting
),
late_batch AS (  -- many old records that came in at one instant: a queue was emptied
    SELECT site_id, recorded_at, count(DISTINCT record_id) AS records
    FROM core_item_event
    CROSS JOIN setting
    WHERE NOT is_inferred AND epoch(recorded_at - event_at) >= lag_days * 86400
    GROUP BY site_id, recorded_at
),
side AS (  -- what is known of a scan that was an event
    SELECT
        event.unit_id, event.record_id, event.step, event.to_site_id,
        epoch(event.recorded_at - event.event_at) / 86400 AS lag_days,
        coalesce(late_batch.records, 0) AS batch_records
    FROM core_item_event AS event
    JOIN (SELECT DISTINCT unit_id FROM feat_leg WHERE is_too_fast) AS concerned
        ON concerned.unit_id = event.unit_id
    LEFT JOIN late_batch
        ON late_batch.site_id = event.site_id AND late_batch.recorded_at = event.recorded_at
    WHERE NOT event.is_inferred
),
leg AS (
    SELECT
        feat_leg.*,
        greatest(a.lag_days, b.lag_days) AS lag_days,
        greatest(coalesce(a.batch_records, 0), coalesce(b.batch_records, 0)) AS batch_records,
        -- Minutes by which the two clocks, put right, lengthen the journey.
        coalesce(to_clock.shift_min, 0) - coalesce(from_clock.shift_min, 0) AS shift_min,
        to_clock.site_id IS NOT NULL AND from_clock.site_id IS NOT NULL AS are_clocks_known,
        coalesce(
            (a.step = 'shipping' AND a.to_site_id = feat_leg.to_site_id)
            OR (b.step = 'shipping' AND b.to_site_id = feat_leg.from_site_id),
            FALSE
        ) AS is_one_shipment,
        from_site.partner_id = to_site.partner_id
        AND (a.record_id IS NULL OR b.record_id IS NULL) AS may_be_head_office
    FROM feat_leg
    LEFT JOIN side AS a ON a.unit_id = feat_leg.unit_id AND a.record_id = feat_leg.from_record_id
    LEFT JOIN side AS b ON b.unit_id = feat_leg.unit_id AND b.record_id = feat_leg.to_record_id
    LEFT JOIN feat_site_clock AS from_clock ON from_clock.site_id = feat_leg.from_site_id
    LEFT JOIN feat_site_clock AS to_clock ON to_clock.site_id = feat_leg.to_site_id
    LEFT JOIN core_site AS from_site ON from_site.site_id = feat_leg.from_site_id
    LEFT JOIN core_site AS to_site ON to_site.site_id = feat_leg.to_site_id
    WHERE feat_leg.is_too_fast
),
tested AS (
    SELECT
        leg.*,
        CASE
            WHEN leg.lag_days IS NULL THEN 'not_testable'
            WHEN leg.lag_days >= setting.lag_days AND leg.batch_records >= setting.batch_records
                THEN 'supported'
            ELSE 'ruled_out'
        END AS b09,
        CASE
            WHEN shift_min > 0 AND shift_min >= short_h * 60 THEN 'supported'
            WHEN are_clocks_known THEN 'ruled_out'
            ELSE 'not_testable'
        END AS b10,
        CASE
            WHEN is_one_shipment AND elapsed_h <= order_h THEN 'supported' ELSE 'ruled_out'
        END AS b11,
        CASE
            WHEN b09 = 'supported' THEN 'B09'
            WHEN b10 = 'supported' THEN 'B10'
            WHEN b11 = 'supported' THEN 'B11'
        END AS benign,
        CASE WHEN coalesce(may_be_head_office, FALSE) THEN 'S3' ELSE 'S1' END AS severity,
        leg.distance_km / (elapsed_h + doubt_h) AS leg_kmh
    FROM leg
    CROSS JOIN setting
),
worst AS (  -- a pack stands if one of its journeys does
    SELECT *
    FROM tested
    QUALIFY row_number() OVER (
        PARTITION BY unit_id
        ORDER BY benign IS NOT NULL, severity, leg_kmh DESC, to_at, to_record_id
    ) = 1
),
unanswered AS (
    SELECT count(*) AS verifications
    FROM stg_verification
    WHERE answer_code = 'NO_ANSWER'
),
grouped AS (
    SELECT
        lot_id, to_site_id, from_site_id, severity, benign,
        count(*) AS units,
        min(unit_id) AS unit_id,
        arg_max(worst, (leg_kmh, -unit_id)) AS shown,
        list_sort(list_distinct(flatten(list([from_record_id, to_record_id])))) AS record_ids
    FROM worst
    GROUP BY lot_id, to_site_id, from_site_id, severity, benign
)
SELECT
    lot_id::INTEGER AS lot_id,
    CASE WHEN units = 1 THEN unit_id END::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    to_site_id::INTEGER AS site_id,
    from_site_id::INTEGER AS other_site_id,
    severity,
    CASE WHEN benign IS NULL THEN 'stands' ELSE 'explained' END AS status,
    benign,
    'conflicting' AS history,
    units::DOUBLE AS units,
    to_json({
        'distance_km': round(shown.distance_km, 1),
        'elapsed_h': round(shown.elapsed_h, 3),
        'doubt_h': round(shown.doubt_h, 3),
        'speed_kmh': round(shown.leg_kmh, 0)
    }) AS observed,
    to_json({
        'distance_km': setting.distance_km,
        'speed_kmh': CASE
            WHEN shown.elapsed_h < near_gap_h THEN near_speed_kmh ELSE speed_kmh
        END
    }) AS threshold,
    to_json([
        to_json({
            'code': 'B09', 'result': shown.b09, 'lag_days': round(shown.lag_days, 2),
            'records_at_that_instant': shown.batch_records
        }),
        to_json({
            'code': 'B10', 'result': shown.b10, 'shift_min': shown.shift_min,
            'needed_min': round(shown.short_h * 60, 0)
        }),
        to_json({
            'code': 'B11', 'result': shown.b11, 'ends_of_one_shipment': shown.is_one_shipment
        }),
        to_json({'code': 'B12', 'result': 'ruled_out', 'scans': 2, 'inferred': 0}),
        to_json({
            'code': 'B20', 'result': 'ruled_out', 'scans_without_answer': 0,
            'left_out': unanswered.verifications
        })
    ])::JSON AS tests,
    record_ids
FROM grouped
CROSS JOIN setting
CROSS JOIN unanswered
ORDER BY lot_id, status DESC, units DESC, site_id, other_site_id, severity, benign
