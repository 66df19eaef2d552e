-- model:   P03_double_terminal
-- purpose: One pack that was sold, retired or destroyed twice.
-- grain:   one row per lot, pair of places and verdict
-- key:     none
-- pattern: P03
-- family:  lifecycle
-- definition: >= 2 ends of a pack that were not undone. What lawfully follows an end is none: a
--   sold or retired pack that is destroyed, a pack retired again by who sold it or by its maker,
--   a destruction that both a plant and the firm that collects for it record, the sale abroad of
--   a pack that was retired for export
-- guard:   scanned ends only; undone ends are taken off
-- severity: S1 by another party or after more than 24 h; S3 at one place within 10 min; else S2
-- benign:  B07, B08, B09, B13, B14
-- source:  alerts A7 and A24 of the EMVS, codes settled twice in China; typology P03
-- parts:   lot
-- reads:   core_item_event, core_lot, core_site, feat_after_end, raw_setting, stg_event
-- columns: as in find_finding's pattern shape
-- caveats: Who scanned is not told; place and time stand for the user.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P03.other_h') AS other_h,
        max(value) FILTER (WHERE name = 'B07.minutes') AS basket_min,
        max(value) FILTER (WHERE name = 'B08.distance_km') AS near_km,
        max(value) FILTER (WHERE name = 'B08.hours') AS near_h,
        max(value) FILTER (WHERE name = 'B09.lag_days') AS lag_days,
        max(value) FILTER (WHERE name = 'B09.batch_records') AS batch_records,
        max(value) FILTER (WHERE name = 'B13.units') AS habit_units,
        max(value) FILTER (WHERE name = 'B13.share') AS habit_share
    FROM raw_setting
),
again AS (
    SELECT
        later.*,
        coalesce(maker.partner_id = site.partner_id OR maker.site_id = site.site_id, FALSE)
        AS is_maker,
        coalesce(
            site.role IN ('reverse_distributor', 'destruction')
            OR end_site.role IN ('reverse_distributor', 'destruction'),
            FALSE
        ) AS is_at_disposal
    FROM feat_after_end AS later
    LEFT JOIN core_site AS end_site ON end_site.site_id = later.end_site_id
    LEFT JOIN core_site AS site ON site.site_id = later.site_id
    LEFT JOIN core_lot ON core_lot.lot_id = later.lot_id
    LEFT JOIN core_site AS maker ON maker.site_id = core_lot.maker_site_id
    WHERE later.kind IS NOT NULL AND NOT later.is_onward
),
late_batch AS (
    SELECT site_id, recorded_at, count(DISTINCT record_id) AS records
    FROM core_item_event
    CROSS JOIN setting
    WHERE NOT is_inferred AND epoch(recorded_at - event_at) >= lag_days * 86400
    GROUP BY site_id, recorded_at
),
told AS (
    SELECT
        again.*,
        epoch(event.recorded_at - event.event_at) / 86400 AS record_lag_days,
        coalesce(late_batch.records, 0) AS records_then,
        coalesce(event.event_id = first_end.event_id, FALSE) AS is_one_id,
        EXISTS (
            SELECT 1 FROM core_item_event AS sent
            WHERE sent.unit_id = again.unit_id AND sent.step = 'shipping'
                AND sent.event_at BETWEEN again.end_at AND again.event_at
        ) AS is_shipped_between
    FROM again
    LEFT JOIN stg_event AS event ON event.record_id = again.record_id
    LEFT JOIN stg_event AS first_end ON first_end.record_id = again.end_record_id
    LEFT JOIN late_batch
        ON late_batch.site_id = again.site_id AND late_batch.recorded_at = event.recorded_at
    WHERE again.kind = 'supplied'
        OR (
            again.kind = 'destroyed' AND again.end_kind = 'destroyed'
            AND NOT (is_same_party OR is_at_disposal)
        )
        OR (
            again.kind = 'retired' AND again.end_kind <> 'destroyed'
            AND NOT (is_same_party OR is_maker OR is_disposal)
        )
),
tested AS (
    SELECT
        told.*,
        CASE
            WHEN is_same_site AND gap_h * 60 < basket_min AND NOT is_shipped_between
                THEN 'supported'
            ELSE 'ruled_out'
        END AS b07,
        CASE
            WHEN kind <> 'supplied' OR end_kind <> 'supplied' THEN 'ruled_out'
            WHEN is_opened AND is_same_party THEN 'supported'
            WHEN first_here_h > near_h THEN 'ruled_out'
            WHEN is_same_party AND NOT is_same_site THEN 'supported'
            WHEN is_same_party THEN 'ruled_out'
            WHEN are_dispensers AND distance_km <= near_km THEN 'supported'
            WHEN are_dispensers AND distance_km IS NULL THEN 'not_testable'
            ELSE 'ruled_out'
        END AS b08,
        CASE
            WHEN NOT is_same_party THEN 'ruled_out'
            WHEN is_one_id THEN 'supported'
            WHEN record_lag_days IS NULL THEN 'not_testable'
            WHEN record_lag_days >= lag_days AND records_then >= batch_records THEN 'supported'
            ELSE 'ruled_out'
        END AS b09,
        CASE
            WHEN undo_count > 0 THEN 'supported'
            WHEN is_same_party AND told.habit_units >= setting.habit_units
                AND told.habit_share >= setting.habit_share THEN 'supported'
            ELSE 'ruled_out'
        END AS b13,
        CASE WHEN is_returned THEN 'supported' ELSE 'ruled_out' END AS b14,
        CASE
            WHEN b07 = 'supported' THEN 'B07'
            WHEN b08 = 'supported' THEN 'B08'
            WHEN b09 = 'supported' THEN 'B09'
            WHEN b13 = 'supported' THEN 'B13'
            WHEN b14 = 'supported' THEN 'B14'
        END AS benign,
        CASE
            WHEN NOT is_same_party OR gap_h > other_h THEN 'S1'
            WHEN is_same_site AND gap_h * 60 < basket_min THEN 'S3'
            ELSE 'S2'
        END AS severity
    FROM told
    CROSS JOIN setting
),
worst AS (
    SELECT *
    FROM tested
    QUALIFY row_number() OVER (
        PARTITION BY unit_id ORDER BY benign IS NOT NULL, severity, event_at, record_id
    ) = 1
),
grouped AS (
    SELECT
        lot_id, site_id, end_site_id, severity, benign,
        count(*) AS units,
        min(unit_id) AS unit_id,
        arg_min(worst, unit_id) AS shown,
        list_sort(list_distinct(flatten(list([end_record_id, record_id])))) AS record_ids
    FROM worst
    GROUP BY lot_id, site_id, end_site_id, severity, benign
)
SELECT
    lot_id::INTEGER AS lot_id,
    CASE WHEN units = 1 THEN unit_id END::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    site_id::INTEGER AS site_id,
    CASE WHEN end_site_id IS DISTINCT FROM site_id THEN end_site_id END::INTEGER AS other_site_id,
    severity,
    CASE WHEN benign IS NULL THEN 'stands' ELSE 'explained' END AS status,
    benign,
    'conflicting' AS history,
    units::DOUBLE AS units,
    to_json({
        'ends': 2, 'gap_h': round(shown.gap_h, 3), 'first': shown.end_kind, 'second': shown.kind,
        'is_same_party': shown.is_same_party
    }) AS observed,
    to_json({'ends': 2, 'gap_h': other_h}) AS threshold,
    to_json([
        to_json({
            'code': 'B07', 'result': shown.b07, 'gap_min': round(shown.gap_h * 60, 1),
            'is_same_site': shown.is_same_site, 'is_shipped_between': shown.is_shipped_between
        }),
        to_json({
            'code': 'B08', 'result': shown.b08, 'distance_km': round(shown.distance_km, 1),
            'gap_h': round(shown.gap_h, 2), 'is_partially_dispensed': shown.is_opened
        }),
        to_json({
            'code': 'B09', 'result': shown.b09, 'lag_days': round(shown.record_lag_days, 2),
            'records_at_that_instant': shown.records_then, 'is_one_event_id': shown.is_one_id
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
ORDER BY lot_id, status DESC, severity, units DESC, site_id, other_site_id, benign
