-- model:   P13_order_violation
-- purpose: Histories told in an order that cannot be.
-- grain:   one row per lot, kind of violation, place and verdict
-- key:     none
-- pattern: P13
-- family:  lifecycle
-- definition: a pack's first scanned event earlier than its commissioning by more than the doubt of
--   both clocks; a second commissioning; an event recorded before it happened, by more than the
--   doubt
-- guard:   only packs whose commissioning is in the data; the times of reading play no part
-- severity: S3
-- benign:  B06, B10, B11, B21 (the same party told the commissioning again; not where a pack of
--   that record was later supplied at two parties: there are two of it)
-- source:  typology P13
-- parts:   lot
-- reads:   core_item_event, core_site, core_unit, feat_site_clock, raw_setting
-- columns: as in find_finding's pattern shape
-- caveats: Mostly a fault of data, seldom of goods. At most 200 records are cited.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P13.order_h') AS order_h,
        max(value) FILTER (WHERE name = 'P13.upload_share') AS upload_share,
        max(value) FILTER (WHERE name = 'P13.upload_units') AS upload_units
    FROM raw_setting
),
party AS (
    SELECT site_id, coalesce(partner_id, -site_id) AS party_id
    FROM core_site
),
-- Where nothing was told before a commissioning, there are no two of them and no scan too soon.
preceded AS (
    SELECT unit_id
    FROM core_item_event
    GROUP BY unit_id
    HAVING min(ord) < max(ord) FILTER (
        WHERE step = 'commissioning' AND action = 'ADD' AND NOT is_inferred
    )
),
birth AS (
    SELECT
        event.unit_id, event.lot_id, event.record_id, event.ord, event.event_at, event.site_id,
        event.clock_doubt_min, party.party_id,
        row_number() OVER (PARTITION BY event.unit_id ORDER BY event.ord) AS birth_no,
        first_value(event.record_id) OVER (PARTITION BY event.unit_id ORDER BY event.ord)
        AS first_record_id,
        first_value(event.site_id) OVER (PARTITION BY event.unit_id ORDER BY event.ord)
        AS first_site_id,
        first_value(party.party_id) OVER (PARTITION BY event.unit_id ORDER BY event.ord)
        AS first_party_id,
        first_value(event.event_at) OVER (PARTITION BY event.unit_id ORDER BY event.ord) AS first_at
    FROM core_item_event AS event
    SEMI JOIN preceded ON preceded.unit_id = event.unit_id
    LEFT JOIN party ON party.site_id = event.site_id
    WHERE event.step = 'commissioning' AND event.action = 'ADD' AND NOT event.is_inferred
),
-- Packs that two parties supplied afterwards were printed twice, not told twice.
supplied AS (
    SELECT event.unit_id
    FROM core_item_event AS event
    INNER JOIN party ON party.site_id = event.site_id
    INNER JOIN (
        SELECT unit_id, min(ord) AS ord FROM birth WHERE birth_no > 1 GROUP BY unit_id
    ) AS born ON born.unit_id = event.unit_id AND event.ord > born.ord
    WHERE event.is_terminal AND NOT event.is_inferred
    GROUP BY event.unit_id
    HAVING count(DISTINCT party.party_id) > 1
),
copied AS (
    SELECT DISTINCT birth.record_id
    FROM birth
    SEMI JOIN supplied ON supplied.unit_id = birth.unit_id
    WHERE birth.birth_no > 1
),
commissioned AS (
    SELECT lot_id, count(*) AS units
    FROM core_unit
    WHERE is_commissioned
    GROUP BY lot_id
),
-- 1. Seen before it was made.
early AS (
    SELECT
        'before_commissioning' AS violation,
        birth.lot_id, birth.unit_id, event.site_id, birth.site_id AS other_site_id,
        epoch(birth.event_at - event.event_at) / 3600 AS hours,
        (birth.clock_doubt_min + event.clock_doubt_min) / 60 AS doubt_h,
        coalesce(party.party_id = birth.party_id, FALSE) AS is_same_party,
        coalesce(clock.shift_min, 0) - coalesce(birth_clock.shift_min, 0) AS shift_min,
        clock.site_id IS NOT NULL AND birth_clock.site_id IS NOT NULL AS are_clocks_known,
        event.site_id IS NOT DISTINCT FROM birth.site_id AS is_same_site,
        FALSE AS is_copied,
        [event.record_id, birth.record_id] AS record_ids
    FROM birth
    JOIN core_item_event AS event ON event.unit_id = birth.unit_id
    LEFT JOIN party ON party.site_id = event.site_id
    LEFT JOIN feat_site_clock AS clock ON clock.site_id = event.site_id
    LEFT JOIN feat_site_clock AS birth_clock ON birth_clock.site_id = birth.site_id
    WHERE birth.birth_no = 1 AND event.ord < birth.ord AND NOT event.is_inferred
        AND epoch(birth.event_at - event.event_at)
            > 60 * (birth.clock_doubt_min + event.clock_doubt_min)
    QUALIFY row_number() OVER (PARTITION BY birth.unit_id ORDER BY event.ord) = 1
),
-- 2. Made twice.
twice AS (
    SELECT
        'second_commissioning' AS violation,
        lot_id, unit_id, site_id, first_site_id AS other_site_id,
        epoch(event_at - first_at) / 3600 AS hours,
        0 AS doubt_h,
        coalesce(party_id = first_party_id, FALSE) AS is_same_party,
        0 AS shift_min,
        TRUE AS are_clocks_known,
        site_id IS NOT DISTINCT FROM first_site_id AS is_same_site,
        record_id IN (SELECT copied.record_id FROM copied) AS is_copied,
        [first_record_id, record_id] AS record_ids
    FROM birth
    WHERE birth_no > 1
    QUALIFY row_number() OVER (PARTITION BY unit_id ORDER BY ord) = 1
),
-- 3. Recorded before it happened.
ahead AS (
    SELECT
        'recorded_before' AS violation,
        event.lot_id, event.unit_id, event.site_id, NULL::INTEGER AS other_site_id,
        epoch(event.event_at - event.recorded_at) / 3600 AS hours,
        event.clock_doubt_min / 60 AS doubt_h,
        TRUE AS is_same_party,
        -coalesce(clock.shift_min, 0) AS shift_min,
        clock.site_id IS NOT NULL AS are_clocks_known,
        FALSE AS is_same_site,
        FALSE AS is_copied,
        [event.record_id] AS record_ids
    FROM core_item_event AS event
    LEFT JOIN feat_site_clock AS clock ON clock.site_id = event.site_id
    WHERE NOT event.is_inferred
        AND epoch(event.event_at - event.recorded_at) > 60 * event.clock_doubt_min
),
violation AS (
    FROM early
    UNION ALL
    FROM twice
    UNION ALL
    FROM ahead
),
counted AS (
    SELECT
        violation.*,
        count(DISTINCT unit_id) OVER (PARTITION BY violation.lot_id, violation) AS lot_units,
        commissioned.units AS commissioned_units
    FROM violation
    LEFT JOIN commissioned ON commissioned.lot_id = violation.lot_id
),
tested AS (
    SELECT
        counted.*,
        CASE
            WHEN violation <> 'before_commissioning' THEN 'ruled_out'
            WHEN lot_units >= upload_units AND lot_units >= upload_share * commissioned_units
                THEN 'supported'
            ELSE 'ruled_out'
        END AS b06,
        CASE
            WHEN violation = 'second_commissioning' OR is_same_site THEN 'ruled_out'
            WHEN shift_min > 0 AND shift_min >= (hours - doubt_h) * 60 THEN 'supported'
            WHEN are_clocks_known THEN 'ruled_out'
            ELSE 'not_testable'
        END AS b10,
        CASE
            WHEN violation = 'before_commissioning' AND is_same_party AND hours <= order_h
                THEN 'supported'
            ELSE 'ruled_out'
        END AS b11,
        CASE
            WHEN violation = 'second_commissioning' AND is_same_party AND NOT is_copied
                THEN 'supported'
            ELSE 'ruled_out'
        END AS b21,
        CASE
            WHEN b10 = 'supported' THEN 'B10'
            WHEN b11 = 'supported' THEN 'B11'
            WHEN b06 = 'supported' THEN 'B06'
            WHEN b21 = 'supported' THEN 'B21'
        END AS benign
    FROM counted
    CROSS JOIN setting
),
grouped AS (
    SELECT
        lot_id, violation, site_id, other_site_id, benign,
        count(DISTINCT unit_id) AS units,
        min(unit_id) AS unit_id,
        max(hours) AS hours,
        arg_max(tested, (hours, -unit_id)) AS shown,
        list_sort(list_distinct(flatten(list(record_ids))))[:200] AS record_ids
    FROM tested
    GROUP BY lot_id, violation, site_id, other_site_id, benign
)
SELECT
    lot_id::INTEGER AS lot_id,
    CASE WHEN units = 1 THEN unit_id END::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    site_id::INTEGER AS site_id,
    CASE WHEN other_site_id IS DISTINCT FROM site_id THEN other_site_id END::INTEGER
    AS other_site_id,
    'S3' AS severity,
    CASE WHEN benign IS NULL THEN 'stands' ELSE 'explained' END AS status,
    benign,
    'conflicting' AS history,
    units::DOUBLE AS units,
    to_json({'violation': violation, 'hours': round(hours, 3)}) AS observed,
    to_json({'hours': round(shown.doubt_h, 3)}) AS threshold,
    to_json([
        to_json({
            'code': 'B06', 'result': shown.b06, 'packs_of_lot': shown.lot_units,
            'commissioned': shown.commissioned_units
        }),
        to_json({
            'code': 'B10', 'result': shown.b10, 'shift_min': shown.shift_min,
            'needed_min': round((shown.hours - shown.doubt_h) * 60, 0)
        }),
        to_json({
            'code': 'B11', 'result': shown.b11, 'is_same_party': shown.is_same_party,
            'hours': round(shown.hours, 2)
        }),
        to_json({
            'code': 'B21', 'result': shown.b21, 'is_same_party': shown.is_same_party,
            'is_supplied_twice': shown.is_copied
        })
    ])::JSON AS tests,
    record_ids
FROM grouped
ORDER BY lot_id, status DESC, units DESC, violation, site_id, other_site_id, benign
