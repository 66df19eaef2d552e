-- model:   P12_dispensed_reentry
-- purpose: A pack handed to a patient that trades again.
-- grain:   one row per lot, pair of places and verdict
-- key:     none
-- pattern: P12
-- family:  lifecycle
-- definition: an end by dispensing or retail sale, not undone, and later a receipt, shipment or
--   supply by a party other than the dispenser
-- guard:   scanned events only; later by more than the doubt of both clocks; disposal is no trade
-- severity: S1
-- benign:  B08, B13, B14
-- source:  Gilead and SafeChain 2020-21, New York ring 2017-23, Cumberland 2006-09; typology P12
-- parts:   lot
-- reads:   feat_after_end, raw_setting
-- columns: as in find_finding's pattern shape
-- caveats: A pack is shown once, by its first such event that no benign cause explains.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'B08.distance_km') AS near_km,
        max(value) FILTER (WHERE name = 'B08.hours') AS near_h
    FROM raw_setting
),
tested AS (
    SELECT
        later.*,
        CASE
            -- From the hour at which the borrower had it.
            WHEN first_here_h > near_h OR NOT are_dispensers
                OR coalesce(step IN ('shipping', 'departing'), FALSE) THEN 'ruled_out'
            WHEN distance_km <= near_km THEN 'supported'
            WHEN distance_km IS NULL THEN 'not_testable'
            ELSE 'ruled_out'
        END AS b08,
        CASE WHEN undo_count > 0 THEN 'supported' ELSE 'ruled_out' END AS b13,
        CASE WHEN is_returned THEN 'supported' ELSE 'ruled_out' END AS b14,
        CASE
            WHEN b08 = 'supported' THEN 'B08'
            WHEN b13 = 'supported' THEN 'B13'
            WHEN b14 = 'supported' THEN 'B14'
        END AS benign
    FROM feat_after_end AS later
    CROSS JOIN setting
    WHERE later.end_kind = 'supplied'
        AND NOT later.is_same_party
        AND NOT later.is_disposal
        AND later.gap_h > later.doubt_h
        AND (
            later.step IN (
                'receiving', 'accepting', 'arriving', 'storing', 'stocking', 'packing',
                'repackaging', 'picking', 'loading', 'shipping', 'departing'
            )
            OR later.kind = 'supplied'
        )
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
    end_site_id::INTEGER AS other_site_id,
    'S1' AS severity,
    CASE WHEN benign IS NULL THEN 'stands' ELSE 'explained' END AS status,
    benign,
    'conflicting' AS history,
    units::DOUBLE AS units,
    to_json({'gap_h': round(shown.gap_h, 3), 'step': shown.step}) AS observed,
    to_json({'gap_h': round(shown.doubt_h, 3)}) AS threshold,
    to_json([
        to_json({
            'code': 'B08', 'result': shown.b08, 'distance_km': round(shown.distance_km, 1),
            'gap_h': round(shown.gap_h, 2), 'first_here_h': round(shown.first_here_h, 2),
            'are_both_dispensers': shown.are_dispensers
        }),
        to_json({'code': 'B13', 'result': shown.b13, 'undone': shown.undo_count}),
        to_json({
            'code': 'B14', 'result': shown.b14, 'return_days': round(shown.return_days, 2)
        })
    ])::JSON AS tests,
    record_ids
FROM grouped
ORDER BY lot_id, status DESC, units DESC, site_id, other_site_id, benign
