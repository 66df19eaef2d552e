-- model:   P15_hold_recall_moving
-- purpose: Packs that are sent on or handed out although they are recalled.
-- grain:   one row per lot, site, destination, basis and outcome
-- key:     none
-- pattern: P15
-- family:  lifecycle
-- definition: a shipment or supply to a patient after a recall of the lot or product took effect,
--   or of a pack that was last called recalled, and not on its way to returns or destruction
-- guard:   a recall list, or the disposition recalled on the very pack; later than the notice by the
--   time that it takes to reach everyone, and the doubt of the clock
-- severity: S1
-- benign:  B11, B24
-- source:  McKesson 2016-19, FDA's warning letters of 2023; typology P15
-- parts:   lot
-- reads:   core_item_event, core_lot, core_movement, core_site, raw_setting, stg_recall
-- columns: as in find_finding's pattern shape
-- caveats: A recall of one market or level only reads as one of all.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P15.grace_h') AS grace_h,
        max(value) FILTER (WHERE name = 'P15.late_h') AS late_h
    FROM raw_setting
),
recalled AS (
    SELECT
        lot.lot_id, lot.maker_site_id, min(recall.from_at) AS from_at,
        arg_min(recall.record_id, (recall.from_at, recall.record_id)) AS recall_record_id
    FROM stg_recall AS recall
    JOIN core_lot AS lot
        ON lot.gtin = recall.gtin AND (recall.lot IS NULL OR lot.lot = recall.lot)
    WHERE recall.from_at IS NOT NULL
    GROUP BY lot.lot_id, lot.maker_site_id
),
outbound AS (
    SELECT
        item.lot_id, item.unit_id, item.record_id, item.event_at AS moved_at, item.site_id,
        item.to_site_id, item.clock_doubt_min, item.lag_h, 1.0 AS units, item.disposition,
        recalled.from_at, recalled.recall_record_id, recalled.maker_site_id, 'list' AS basis
    FROM core_item_event AS item
    JOIN recalled ON recalled.lot_id = item.lot_id
    WHERE item.event_at > recalled.from_at
        AND (item.custody = 'ship' OR item.step IN ('dispensing', 'retail_selling'))
    UNION ALL
    SELECT
        movement.lot_id, NULL, coalesce(movement.ship_record_id, movement.receive_record_id),
        movement.shipped_at, movement.from_site_id, movement.to_site_id, 0, NULL, movement.units,
        CASE
            WHEN regexp_matches(lower(movement.reason), 'return|destr|dispos|recall') THEN 'returned'
        END,
        recalled.from_at, recalled.recall_record_id, recalled.maker_site_id, 'list'
    FROM core_movement AS movement
    JOIN recalled ON recalled.lot_id = movement.lot_id
    WHERE NOT movement.is_serialized AND movement.shipped_at > recalled.from_at
),
-- Packs that somebody called recalled, and what they were called last before each later step.
called AS (
    SELECT
        item.*,
        last_value(
            CASE
                WHEN item.disposition IN (
                    'recalled', 'active', 'sellable_accessible', 'sellable_not_accessible'
                ) THEN struct_pack(
                    is_recalled := item.disposition = 'recalled', at := item.event_at,
                    record_id := item.record_id
                )
            END IGNORE NULLS
        ) OVER (
            PARTITION BY item.unit_id ORDER BY item.ord
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS last_call
    FROM core_item_event AS item
    SEMI JOIN (
        SELECT DISTINCT unit_id FROM core_item_event WHERE disposition = 'recalled'
    ) AS concerned ON concerned.unit_id = item.unit_id
),
sent AS (
    SELECT * FROM outbound
    UNION ALL
    SELECT
        called.lot_id, called.unit_id, called.record_id, called.event_at, called.site_id,
        called.to_site_id, called.clock_doubt_min, called.lag_h, 1.0, called.disposition,
        called.last_call.at, called.last_call.record_id, lot.maker_site_id, 'pack'
    FROM called
    JOIN core_lot AS lot ON lot.lot_id = called.lot_id
    WHERE called.last_call.is_recalled
        AND (called.custody = 'ship' OR called.step IN ('dispensing', 'retail_selling'))
        AND called.lot_id NOT IN (SELECT lot_id FROM recalled)
),
directed AS (
    SELECT
        sent.*,
        epoch(sent.moved_at - sent.from_at) / 3600 - sent.clock_doubt_min / 60 AS after_h,
        coalesce(
            sent.disposition IN ('recalled', 'expired', 'damaged', 'disposed', 'returned')
            OR starts_with(sent.disposition, 'non_sellable'),
            FALSE
        )
        OR coalesce(here.role IN ('reverse_distributor', 'destruction'), FALSE)
        OR coalesce(goal.role IN ('reverse_distributor', 'destruction', 'maker'), FALSE)
        OR coalesce(sent.to_site_id = sent.maker_site_id, FALSE) AS is_off
    FROM sent
    LEFT JOIN core_site AS here ON here.site_id = sent.site_id
    LEFT JOIN core_site AS goal ON goal.site_id = sent.to_site_id
),
found AS (
    SELECT
        lot_id, site_id, to_site_id, basis, is_off,
        -- Late data: the step was typed in long after, with a time that may be that of typing.
        coalesce(lag_h < 0 OR lag_h > setting.late_h, FALSE) AS is_late_record,
        count(DISTINCT unit_id) + coalesce(sum(units) FILTER (WHERE unit_id IS NULL), 0) AS units,
        max(after_h) AS after_h, max(lag_h) AS lag_h,
        list_sort(list_distinct(
            list_sort(list(DISTINCT record_id))[:49]
            || list_sort(list(DISTINCT recall_record_id))[:1]
        )) AS record_ids
    FROM directed
    CROSS JOIN setting
    WHERE after_h > setting.grace_h
    GROUP BY lot_id, site_id, to_site_id, basis, is_off, is_late_record
)
SELECT
    lot_id::INTEGER AS lot_id,
    NULL::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    site_id::INTEGER AS site_id,
    to_site_id::INTEGER AS other_site_id,
    'S1' AS severity,
    CASE
        WHEN is_off THEN 'explained'
        WHEN is_late_record AND after_h <= lag_h THEN 'explained'
        ELSE 'stands'
    END AS status,
    CASE WHEN is_off THEN 'B24' WHEN is_late_record AND after_h <= lag_h THEN 'B11' END AS benign,
    'conflicting' AS history,
    units::DOUBLE AS units,
    to_json({'after_h': round(after_h, 1), 'basis': basis}) AS observed,
    to_json({'after_h': setting.grace_h}) AS threshold,
    to_json([
        to_json({
            'code': 'B11',
            'result': CASE
                WHEN lag_h IS NULL THEN 'not_testable'
                WHEN is_late_record AND after_h <= lag_h THEN 'supported'
                ELSE 'ruled_out'
            END,
            'lag_h': round(lag_h, 1)
        }),
        to_json({
            'code': 'B24', 'result': CASE WHEN is_off THEN 'supported' ELSE 'ruled_out' END,
            'is_on_the_way_out': is_off
        })
    ])::JSON AS tests,
    record_ids
FROM found
CROSS JOIN setting
ORDER BY lot_id, basis, site_id, to_site_id, status
