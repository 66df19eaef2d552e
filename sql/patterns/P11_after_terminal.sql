-- model:   P11_after_terminal
-- purpose: A pack that goes on living after it was sold, retired or destroyed.
-- grain:   one row per lot, pair of places and verdict
-- key:     none
-- pattern: P11
-- family:  lifecycle
-- definition: any scanned event of a pack, other than a verification, later than its end by more
--   than the doubt of both clocks, the end not undone. Another end is P03's. No such event: paper
--   about it (transactions), taking it out of its case, its way to disposal, the way of a retired
--   pack abroad or of a maker's sample to who hands it out
-- guard:   scanned events only, never the movements of a case it may have been left in
-- severity: S1
-- benign:  B08, B10, B11, B13, B14
-- source:  Advair 2009, cleaned HIV packs 2013-16, Delhi oncology 2024; typology P11
-- parts:   lot
-- reads:   core_item_event, core_site, feat_after_end, feat_site_clock, raw_setting
-- columns: as in find_finding's pattern shape
-- caveats: A pack is shown once, by its first such event that no benign cause explains.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P11.order_h') AS order_h,
        max(value) FILTER (WHERE name = 'B08.distance_km') AS near_km,
        max(value) FILTER (WHERE name = 'B08.hours') AS near_h,
        max(value) FILTER (WHERE name = 'B13.units') AS habit_units,
        max(value) FILTER (WHERE name = 'B13.share') AS habit_share
    FROM raw_setting
),
told AS (
    SELECT
        later.*,
        -- Minutes by which the two clocks, put right, move the event towards before the end.
        coalesce(end_clock.shift_min, 0) - coalesce(clock.shift_min, 0) AS shift_min,
        end_clock.site_id IS NOT NULL AND clock.site_id IS NOT NULL AS are_clocks_known,
        coalesce(goal.partner_id = end_site.partner_id OR goal.site_id = end_site.site_id, FALSE)
        AS is_sent_to_end
    FROM feat_after_end AS later
    JOIN core_item_event AS event
        ON event.unit_id = later.unit_id AND event.record_id = later.record_id
    LEFT JOIN feat_site_clock AS clock ON clock.site_id = later.site_id
    LEFT JOIN feat_site_clock AS end_clock ON end_clock.site_id = later.end_site_id
    LEFT JOIN core_site AS goal ON goal.site_id = later.to_site_id
    LEFT JOIN core_site AS end_site ON end_site.site_id = later.end_site_id
    WHERE later.kind IS NULL
        AND NOT (later.is_disposal OR later.is_onward)
        AND later.gap_h > later.doubt_h
        AND NOT event.is_inferred
        AND event.event_type <> 'TransactionEvent'
        AND NOT (event.event_type = 'AggregationEvent' AND coalesce(event.action = 'DELETE', FALSE))
),
tested AS (
    SELECT
        told.*,
        CASE
            WHEN end_kind <> 'supplied' OR coalesce(step IN ('shipping', 'departing'), FALSE)
                THEN 'ruled_out'
            WHEN is_opened AND is_same_party THEN 'supported'
            WHEN first_here_h > near_h OR is_same_site THEN 'ruled_out'
            WHEN is_same_party THEN 'supported'
            WHEN are_dispensers AND distance_km <= near_km THEN 'supported'
            WHEN are_dispensers AND distance_km IS NULL THEN 'not_testable'
            ELSE 'ruled_out'
        END AS b08,
        CASE
            WHEN is_same_site THEN 'ruled_out'
            WHEN shift_min > 0 AND shift_min >= (gap_h - doubt_h) * 60 THEN 'supported'
            WHEN are_clocks_known THEN 'ruled_out'
            ELSE 'not_testable'
        END AS b10,
        CASE
            WHEN gap_h <= order_h AND is_first AND (
                (
                    is_same_party
                    AND step IN ('receiving', 'accepting', 'arriving', 'storing', 'stocking')
                )
                OR (is_sent_to_end AND step IN ('shipping', 'departing'))
            ) THEN 'supported'
            ELSE 'ruled_out'
        END AS b11,
        CASE
            WHEN undo_count > 0 THEN 'supported'
            WHEN is_same_party AND told.habit_units >= setting.habit_units
                AND told.habit_share >= setting.habit_share THEN 'supported'
            ELSE 'ruled_out'
        END AS b13,
        CASE WHEN is_returned THEN 'supported' ELSE 'ruled_out' END AS b14,
        CASE
            WHEN b08 = 'supported' THEN 'B08'
            WHEN b10 = 'supported' THEN 'B10'
            WHEN b11 = 'supported' THEN 'B11'
            WHEN b13 = 'supported' THEN 'B13'
            WHEN b14 = 'supported' THEN 'B14'
        END AS benign
    FROM told
    CROSS JOIN setting
),
worst AS (
    SELECT *
    FROM tested
    QUALIFY row_number() OVER (
        PARTITION BY unit_id ORDER BY benign IS NOT NULL, event_at, record_id
    ) = 1
),
grouped AS (
    SELECT
        lot_id, site_id, end_site_id, benign,
        count(*) AS units,
        min(unit_id) AS unit_id,
        arg_min(worst, unit_id) AS shown,
        list_sort(list_distinct(flatten(list([end_record_id, record_id])))) AS record_ids
    FROM worst
    GROUP BY lot_id, site_id, end_site_id, benign
)
SELECT
    lot_id::INTEGER AS lot_id,
    CASE WHEN units = 1 THEN unit_id END::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    site_id::INTEGER AS site_id,
    CASE WHEN end_site_id IS DISTINCT FROM site_id THEN end_site_id END::INTEGER AS other_site_id,
    'S1' AS severity,
    CASE WHEN benign IS NULL THEN 'stands' ELSE 'explained' END AS status,
    benign,
    'conflicting' AS history,
    units::DOUBLE AS units,
    to_json({
        'gap_h': round(shown.gap_h, 3), 'ended': shown.end_kind, 'step': shown.step
    }) AS observed,
    to_json({'gap_h': round(shown.doubt_h, 3)}) AS threshold,
    to_json([
        to_json({
            'code': 'B08', 'result': shown.b08, 'distance_km': round(shown.distance_km, 1),
            'gap_h': round(shown.gap_h, 2), 'is_partially_dispensed': shown.is_opened
        }),
        to_json({
            'code': 'B10', 'result': shown.b10, 'shift_min': shown.shift_min,
            'needed_min': round((shown.gap_h - shown.doubt_h) * 60, 0)
        }),
        to_json({
            'code': 'B11', 'result': shown.b11, 'gap_h': round(shown.gap_h, 2),
            'is_first_of_its_kind': shown.is_first
        }),
        to_json({
            'code': 'B13', 'result': shown.b13, 'undone': shown.undo_count,
            'packs_handled_again_here': shown.habit_units,
            'share_of_packs_here': round(shown.habit_share, 3)
        }),
        to_json({
            'code': 'B14', 'result': shown.b14, 'return_days': round(shown.return_days, 2)
        })
    ])::JSON AS tests,
    record_ids
FROM grouped
CROSS JOIN setting
ORDER BY lot_id, status DESC, units DESC, site_id, other_site_id, benign
