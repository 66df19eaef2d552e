-- model:   P01_clone_travel
-- purpose: One serial seen at two places that no single pack can have reached in the time between.
-- grain:   one row per lot, pair of places and verdict
-- key:     none
-- pattern: P01
-- family:  identity
-- definition: Impossible: consecutive scans a, b of a pack with d(a,b) > 50 km and
--   d / (t_b - t_a + u_a + u_b) > 900 km/h, or > 120 km/h where the gap is under 3 h. Implausible:
--   not so, but the chance that a copy is read at b exceeds 10^7.5 times the chance that one
--   pack, unread on its way from a, is there by then (feat_journey: lanes, missed reads, usual times).
-- guard:   scans only, never inferred movements (B12); only places with coordinates; u is the clock
--   doubt of each record; verifications without an answer and the maker's own do not count.
--   Implausible only where no container of the pack was on record elsewhere in between.
-- severity: impossible S1, implausible S3, or S2 where the ratio exceeds 1e10; S3 where one partner
--   owns both places and one of the scans is only a verification, which a head office may have sent
-- benign:  B09, B10, B11 (both ends tell one shipment; or the lane's trips are usually told so close
--   that one pack is likelier than two), B20 (a queue of requests was sent at one instant)
-- source:  DSCSA and EU FMD case files; typology P01
-- parts:   lot
-- reads:   core_item_event, core_site, feat_journey, feat_leg, feat_site_clock, raw_setting,
--   stg_verification
-- columns: as in find_finding's pattern shape
-- caveats: The two chances are of the place and of being in time; how many packs are copied at all is
--   left to the threshold. A pack is shown once, by its worst journey; its other journeys are not counted.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P01.distance_km') AS distance_km,
        max(value) FILTER (WHERE name = 'P01.speed_kmh') AS speed_kmh,
        max(value) FILTER (WHERE name = 'P01.near_speed_kmh') AS near_speed_kmh,
        max(value) FILTER (WHERE name = 'P01.near_gap_h') AS near_gap_h,
        max(value) FILTER (WHERE name = 'P01.implausible_log10') AS implausible_log10,
        max(value) FILTER (WHERE name = 'P01.strong_log10') AS strong_log10,
        max(value) FILTER (WHERE name = 'P38.products_an_hour') AS replayed_products,
        max(value) FILTER (WHERE name = 'P11.order_h') AS order_h,
        max(value) FILTER (WHERE name = 'B09.lag_days') AS lag_days,
        max(value) FILTER (WHERE name = 'B09.batch_records') AS batch_records
    FROM raw_setting
),
journey AS (
    SELECT *, two_packs_log10 - one_pack_log10 AS ratio_log10
    FROM feat_journey
),
suspect AS (
    SELECT
        feat_leg.*, journey.one_pack_log10, journey.two_packs_log10, journey.ratio_log10,
        journey.missed_reads
    FROM feat_leg
    CROSS JOIN setting
    LEFT JOIN journey
        ON journey.unit_id = feat_leg.unit_id AND journey.to_record_id = feat_leg.to_record_id
    WHERE feat_leg.is_too_fast OR coalesce(journey.ratio_log10 >= setting.implausible_log10, FALSE)
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
        event.unit_id, event.record_id, event.step, event.from_site_id,
        event.to_site_id,
        epoch(event.recorded_at - event.event_at) / 86400 AS lag_days,
        coalesce(late_batch.records, 0) AS batch_records
    FROM core_item_event AS event
    JOIN (SELECT DISTINCT unit_id FROM suspect) AS concerned
        ON concerned.unit_id = event.unit_id
    LEFT JOIN late_batch
        ON late_batch.site_id = event.site_id AND late_batch.recorded_at = event.recorded_at
    WHERE NOT event.is_inferred
),
-- More requests in one minute than a hand can scan, about several products: a queue was sent on.
replayed AS (
    SELECT unnest(record_ids) AS record_id
    FROM (
        SELECT
            list(record_id) AS record_ids, count(*) AS requests,
            count(DISTINCT gtin) AS products
        FROM stg_verification
        WHERE requested_at IS NOT NULL
        GROUP BY site_gln, date_trunc('minute', requested_at)
    )
    CROSS JOIN setting
    WHERE requests >= batch_records AND products >= replayed_products
),
leg AS (
    SELECT
        suspect.*,
        greatest(a.lag_days, b.lag_days) AS lag_days,
        greatest(coalesce(a.batch_records, 0), coalesce(b.batch_records, 0)) AS batch_records,
        -- Minutes by which the two clocks, put right, lengthen the journey.
        coalesce(to_clock.shift_min, 0) - coalesce(from_clock.shift_min, 0) AS shift_min,
        to_clock.site_id IS NOT NULL AND from_clock.site_id IS NOT NULL AS are_clocks_known,
        coalesce(
            (a.step = 'shipping' AND a.to_site_id = suspect.to_site_id)
            OR (b.step = 'shipping' AND b.to_site_id = suspect.from_site_id)
            -- Wrongly delivered: the receipt names sender and addressee of that very shipment.
            OR (
                a.step = 'shipping' AND b.from_site_id = suspect.from_site_id
                AND b.to_site_id = a.to_site_id
            ),
            FALSE
        ) AS is_one_shipment,
        from_replay.record_id IS NOT NULL OR to_replay.record_id IS NOT NULL AS is_replayed,
        from_site.partner_id = to_site.partner_id
        AND (a.record_id IS NULL OR b.record_id IS NULL) AS may_be_head_office
    FROM suspect
    LEFT JOIN side AS a ON a.unit_id = suspect.unit_id AND a.record_id = suspect.from_record_id
    LEFT JOIN side AS b ON b.unit_id = suspect.unit_id AND b.record_id = suspect.to_record_id
    LEFT JOIN replayed AS from_replay ON from_replay.record_id = suspect.from_record_id
    LEFT JOIN replayed AS to_replay ON to_replay.record_id = suspect.to_record_id
    LEFT JOIN feat_site_clock AS from_clock ON from_clock.site_id = suspect.from_site_id
    LEFT JOIN feat_site_clock AS to_clock ON to_clock.site_id = suspect.to_site_id
    LEFT JOIN core_site AS from_site ON from_site.site_id = suspect.from_site_id
    LEFT JOIN core_site AS to_site ON to_site.site_id = suspect.to_site_id
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
            WHEN is_too_fast AND shift_min > 0 AND shift_min >= short_h * 60 THEN 'supported'
            WHEN are_clocks_known THEN 'ruled_out'
            ELSE 'not_testable'
        END AS b10,
        CASE
            WHEN is_one_shipment AND elapsed_h <= order_h THEN 'supported'
            WHEN coalesce(ratio_log10 <= 0, FALSE) THEN 'supported'
            ELSE 'ruled_out'
        END AS b11,
        CASE WHEN is_replayed THEN 'supported' ELSE 'ruled_out' END AS b20,
        CASE
            WHEN b09 = 'supported' THEN 'B09'
            WHEN b10 = 'supported' THEN 'B10'
            WHEN b11 = 'supported' THEN 'B11'
            WHEN b20 = 'supported' THEN 'B20'
        END AS benign,
        CASE
            WHEN coalesce(may_be_head_office, FALSE) THEN 'S3'
            WHEN is_too_fast THEN 'S1'
            WHEN ratio_log10 >= strong_log10 THEN 'S2'
            ELSE 'S3'
        END AS severity,
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
        'kind': CASE WHEN shown.is_too_fast THEN 'impossible' ELSE 'implausible' END,
        'distance_km': round(shown.distance_km, 1),
        'elapsed_h': round(shown.elapsed_h, 3),
        'doubt_h': round(shown.doubt_h, 3),
        'speed_kmh': round(shown.leg_kmh, 0),
        'best_path_missed_reads': shown.missed_reads,
        'one_pack_log10': round(shown.one_pack_log10, 2),
        'two_packs_log10': round(shown.two_packs_log10, 2),
        'ratio_log10': round(shown.ratio_log10, 2)
    }) AS observed,
    to_json({
        'distance_km': setting.distance_km,
        'speed_kmh': CASE
            WHEN NOT shown.is_too_fast THEN NULL
            WHEN shown.elapsed_h < near_gap_h THEN near_speed_kmh
            ELSE speed_kmh
        END,
        'ratio_log10': CASE
            WHEN NOT shown.is_too_fast THEN implausible_log10
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
            'code': 'B11', 'result': shown.b11, 'ends_of_one_shipment': shown.is_one_shipment,
            'ratio_log10': round(shown.ratio_log10, 2)
        }),
        to_json({'code': 'B12', 'result': 'ruled_out', 'scans': 2, 'inferred': 0}),
        to_json({
            'code': 'B20', 'result': shown.b20, 'is_replayed': shown.is_replayed,
            'left_out_unanswered': unanswered.verifications
        })
    ])::JSON AS tests,
    record_ids
FROM grouped
CROSS JOIN setting
CROSS JOIN unanswered
ORDER BY lot_id, status DESC, units DESC, site_id, other_site_id, severity, benign
