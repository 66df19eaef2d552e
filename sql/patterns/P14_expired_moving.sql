-- model:   P14_expired_moving
-- purpose: Packs that are sent, received or handed out after their lot has expired.
-- grain:   one row per lot, site, destination, kind of step and outcome
-- key:     none
-- pattern: P14
-- family:  lifecycle
-- definition: a shipment, receipt or supply to a patient later than the last day of the lot's
--   expiry, and not on the way to destruction or returns
-- guard:   scanned packs, cases and quantities of a stated lot with one certain expiry: the latest
--   that a list or event states; later by more than a day and the doubt of the clock; a first day
--   of a month stands for the month, as packs print it (B16)
-- severity: S2
-- benign:  B17, B24
-- source:  Turkey 2013, Panama 2006; typology P14
-- parts:   lot
-- reads:   core_item_event, core_lot, core_movement, core_site, raw_setting, stg_lot_master,
--   stg_verification
-- columns: as in find_finding's pattern shape
-- caveats: A receipt that somebody recorded late with the day of recording looks late here.
WITH setting AS (
    SELECT max(value) FILTER (WHERE name = 'P14.grace_days') AS grace_days
    FROM raw_setting
),
expiring AS (
    SELECT
        lot.lot_id, lot.gtin, lot.lot, lot.maker_site_id,
        greatest(lot.expiry, max(listed.expiry)) AS stated_expiry,
        if(day(stated_expiry) = 1, last_day(stated_expiry), stated_expiry) AS expiry
    FROM core_lot AS lot
    LEFT JOIN stg_lot_master AS listed ON listed.gtin = lot.gtin AND listed.lot = lot.lot
    WHERE lot.expiry IS NOT NULL AND lot.lot <> '(unstated)'
    GROUP BY lot.lot_id, lot.gtin, lot.lot, lot.maker_site_id, lot.expiry
),
moved AS (
    SELECT
        item.lot_id, item.unit_id, item.record_id, item.event_at AS moved_at, item.site_id,
        item.to_site_id, item.clock_doubt_min, 1.0 AS units,
        CASE WHEN item.custody IS NOT NULL THEN item.custody ELSE 'supply' END AS kind,
        coalesce(
            item.disposition IN ('expired', 'recalled', 'damaged', 'disposed', 'returned')
            OR starts_with(item.disposition, 'non_sellable'),
            FALSE
        ) AS is_called_off
    FROM core_item_event AS item
    JOIN expiring ON expiring.lot_id = item.lot_id
    CROSS JOIN setting
    WHERE item.event_at > expiring.expiry + to_days((1 + setting.grace_days)::INTEGER)
        + to_minutes(item.clock_doubt_min::INTEGER)
        AND (item.custody IS NOT NULL OR item.step IN ('dispensing', 'retail_selling'))
    UNION ALL
    SELECT
        movement.lot_id, NULL, coalesce(movement.ship_record_id, movement.receive_record_id),
        coalesce(movement.shipped_at, movement.received_at), movement.from_site_id,
        movement.to_site_id, 0, movement.units, 'ship',
        coalesce(regexp_matches(lower(movement.reason), 'return|destr|dispos|recall'), FALSE)
    FROM core_movement AS movement
    JOIN expiring ON expiring.lot_id = movement.lot_id
    CROSS JOIN setting
    WHERE NOT movement.is_serialized
        AND coalesce(movement.shipped_at, movement.received_at)
        > expiring.expiry + to_days((1 + setting.grace_days)::INTEGER)
),
directed AS (
    SELECT
        moved.*,
        moved.is_called_off
        OR coalesce(here.role IN ('reverse_distributor', 'destruction'), FALSE)
        OR coalesce(goal.role IN ('reverse_distributor', 'destruction', 'maker'), FALSE)
        OR coalesce(moved.to_site_id = expiring.maker_site_id, FALSE)
        OR coalesce(moved.kind = 'receive' AND moved.site_id = expiring.maker_site_id, FALSE)
        AS is_off,
        expiring.expiry
    FROM moved
    JOIN expiring ON expiring.lot_id = moved.lot_id
    LEFT JOIN core_site AS here ON here.site_id = moved.site_id
    LEFT JOIN core_site AS goal ON goal.site_id = moved.to_site_id
),
extended AS (
    SELECT gtin, lot, count(*) AS answers
    FROM stg_verification
    WHERE answer_code = 'ExpirationExtended'
    GROUP BY gtin, lot
),
found AS (
    SELECT
        lot_id, site_id, to_site_id, kind, is_off, expiry,
        coalesce(count(DISTINCT unit_id), 0) + coalesce(sum(units) FILTER (WHERE unit_id IS NULL), 0)
            AS units,
        max(date_diff('day', expiry, moved_at::DATE)) AS late_days,
        list_sort(list(DISTINCT record_id))[:50] AS record_ids
    FROM directed
    GROUP BY lot_id, site_id, to_site_id, kind, is_off, expiry
)
SELECT
    found.lot_id::INTEGER AS lot_id,
    NULL::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    found.site_id::INTEGER AS site_id,
    found.to_site_id::INTEGER AS other_site_id,
    'S2' AS severity,
    CASE
        WHEN found.is_off OR coalesce(extended.answers, 0) > 0 THEN 'explained' ELSE 'stands'
    END AS status,
    CASE WHEN coalesce(extended.answers, 0) > 0 THEN 'B17' WHEN found.is_off THEN 'B24' END
        AS benign,
    'conflicting' AS history,
    found.units::DOUBLE AS units,
    to_json({
        'late_days': found.late_days, 'expiry': found.expiry::VARCHAR, 'kind': found.kind
    }) AS observed,
    to_json({'late_days': setting.grace_days}) AS threshold,
    to_json([
        to_json({
            'code': 'B16', 'result': 'ruled_out', 'stated': expiring.stated_expiry::VARCHAR,
            'judged_by': expiring.expiry::VARCHAR
        }),
        to_json({
            'code': 'B17',
            'result': CASE WHEN extended.answers > 0 THEN 'supported' ELSE 'ruled_out' END,
            'answers_extended': coalesce(extended.answers, 0)
        }),
        to_json({
            'code': 'B24',
            'result': CASE WHEN found.is_off THEN 'supported' ELSE 'ruled_out' END,
            'is_on_the_way_out': found.is_off
        })
    ])::JSON AS tests,
    found.record_ids
FROM found
CROSS JOIN setting
JOIN expiring ON expiring.lot_id = found.lot_id
LEFT JOIN extended ON extended.gtin = expiring.gtin AND extended.lot = expiring.lot
ORDER BY found.lot_id, found.kind, found.site_id, found.to_site_id, status
