-- model:   P23_child_without_parent
-- purpose: Packs met away from the case they are packed in, which nobody opened.
-- grain:   one row per lot, case and place where its packs turned up
-- key:     none
-- pattern: P23
-- family:  lifecycle
-- definition: A pack is scanned at a site while it is packed in a container (no unpacking before)
--   and the container's last known place is another site, to which and from which it was not sent.
-- guard: The container's place is known: an event of its content, or its destination when it was
--   last shipped. A container shipped to nobody in particular may be anywhere: silent.
-- severity: S3; S2 where the container is handled elsewhere as if whole afterwards and at least
--   two packs, more than 1 % of its content, are away; or one of each of at least three such
--   containers of the lot.
-- benign: B12 (the container was opened without a scan: the pack was scanned at the container's
--   own place first, or a good share of its siblings is away too, or the container never appears
--   again), B21 (a maker looked the packs up at its desk: no movement is told of them there).
-- source: typology P23
-- parts:   lot
-- reads:   core_container_event, core_event, core_link, core_observation, core_site, raw_setting
-- columns: as in find_finding's pattern shape
-- caveats: Two sites of one company count as one place. A pack taken out lawfully without a scan
--   and sold by somebody else's hand looks the same until a sibling follows.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P23.case_share') AS case_share,
        max(value) FILTER (WHERE name = 'P23.least_units') AS least_units,
        max(value) FILTER (WHERE name = 'P23.several_cases') AS several_cases,
        max(value) FILTER (WHERE name = 'P23.sibling_share') AS sibling_share
    FROM raw_setting
),
-- What happened to each container: where it was, or where it was bound for once shipped.
place AS (
    SELECT
        happened.container_id, happened.record_id, happened.event_at AS moved_at,
        CASE WHEN event.custody = 'ship' THEN event.to_site_id ELSE event.site_id END AS site_id,
        CASE WHEN event.custody = 'ship' THEN event.site_id END AS left_site_id,
        coalesce(event.event_type = 'AggregationEvent' AND event.action = 'DELETE', false)
            AS is_opening
    FROM core_container_event AS happened
    INNER JOIN core_event AS event ON happened.ord = event.ord
    WHERE happened.container_id IN (SELECT parent_id FROM core_link)
),
-- Direct scans of packs while packed.
scan AS (
    SELECT
        seen.lot_id, seen.unit_id, seen.record_id, seen.observed_at, seen.site_id,
        seen.clock_doubt_min, link.parent_id AS container_id, link.opened_at, link.opened_record_id,
        event.custody IS NULL AND coalesce(here.role IN ('maker', 'contract_packer'), false)
            AS is_lookup
    FROM core_observation AS seen
    INNER JOIN core_link AS link ON seen.unit_id = link.child_id
    LEFT JOIN core_event AS event ON seen.record_id = event.record_id
    LEFT JOIN core_site AS here ON seen.site_id = here.site_id
    WHERE seen.site_id IS NOT NULL
        AND seen.record_id IS DISTINCT FROM link.opened_record_id
        AND seen.observed_at - to_seconds(coalesce(seen.clock_doubt_min, 0) * 60) > link.opened_at
        AND (
            link.closed_at IS NULL
            OR (seen.record_id = link.closed_record_id AND link.close_kind = 'ended')
            OR seen.observed_at + to_seconds(coalesce(seen.clock_doubt_min, 0) * 60)
            < link.closed_at
        )
),
-- The container's last event before the scan; a pack of unknown place stays in the row.
last_place AS (
    SELECT
        scan.*,
        arg_max(
            {
                'site_id': place.site_id, 'left_site_id': place.left_site_id,
                'record_id': place.record_id
            },
            (place.moved_at, place.record_id)
        ) AS last
    FROM scan
    INNER JOIN place
        ON scan.container_id = place.container_id AND place.moved_at <= scan.observed_at
    GROUP BY ALL
),
located AS (
    SELECT
        *, last.site_id AS place_site_id, last.left_site_id AS left_site_id,
        last.record_id AS place_record_id
    FROM last_place
),
away AS (
    SELECT
        located.*,
        coalesce(there.site_id IN (held_at.site_id, left_from.site_id), false)
        OR coalesce(there.partner_id IN (held_at.partner_id, left_from.partner_id), false)
            AS is_at_home
    FROM located
    LEFT JOIN core_site AS there ON located.site_id = there.site_id
    LEFT JOIN core_site AS held_at ON located.place_site_id = held_at.site_id
    LEFT JOIN core_site AS left_from ON located.left_site_id = left_from.site_id
    WHERE located.place_site_id IS NOT NULL
),
unit_away AS (
    SELECT
        lot_id, unit_id, container_id, opened_at,
        min(observed_at) FILTER (WHERE NOT is_at_home) AS first_away_at,
        min(observed_at) FILTER (WHERE is_at_home) AS first_home_at
    FROM away
    GROUP BY lot_id, unit_id, container_id, opened_at
    HAVING count(*) FILTER (WHERE NOT is_at_home) > 0
),
first_away AS (
    SELECT
        away.lot_id, away.unit_id, away.container_id, away.opened_at, away.site_id,
        away.place_site_id, away.observed_at,
        coalesce(unit_away.first_home_at < unit_away.first_away_at, false) AS is_picked,
        bool_and(away.is_lookup) AS is_lookup,
        min(away.record_id) AS record_id,
        min(away.place_record_id) AS place_record_id
    FROM away
    INNER JOIN unit_away
        ON away.unit_id = unit_away.unit_id AND away.container_id = unit_away.container_id
        AND away.opened_at = unit_away.opened_at AND away.observed_at = unit_away.first_away_at
    WHERE NOT away.is_at_home
    GROUP BY ALL
),
content AS (
    SELECT parent_id AS container_id, count(DISTINCT child_id) AS content_units
    FROM core_link
    WHERE parent_id IN (SELECT container_id FROM first_away)
    GROUP BY parent_id
),
container_away AS (
    SELECT
        container_id,
        count(DISTINCT unit_id) AS away_units,
        min(observed_at) AS first_away_at
    FROM first_away
    GROUP BY container_id
),
-- Is the container moved as a whole after the first pack turned up elsewhere? Opening it is not.
handled AS (
    SELECT container_away.container_id, count(DISTINCT event.record_id) AS later_events
    FROM container_away
    INNER JOIN place AS event
        ON container_away.container_id = event.container_id
        AND event.moved_at > container_away.first_away_at AND NOT event.is_opening
    GROUP BY container_away.container_id
),
grouped AS (
    SELECT
        first_away.lot_id, first_away.container_id, first_away.site_id, first_away.place_site_id,
        first_away.is_picked, first_away.is_lookup,
        count(DISTINCT first_away.unit_id) AS units,
        min(first_away.unit_id) AS one_unit_id,
        max(container_away.away_units) AS away_units,
        max(content.content_units) AS content_units,
        max(coalesce(handled.later_events, 0)) AS later_events,
        list_sort(list_distinct(list_concat(
            list(first_away.record_id), list(first_away.place_record_id)
        )))[1:50] AS record_ids
    FROM first_away
    INNER JOIN content ON first_away.container_id = content.container_id
    INNER JOIN container_away ON first_away.container_id = container_away.container_id
    LEFT JOIN handled ON first_away.container_id = handled.container_id
    GROUP BY ALL
),
judged AS (
    SELECT
        grouped.*,
        setting.sibling_share,
        setting.case_share,
        setting.least_units,
        setting.several_cases,
        (away_units - 1) / greatest(content_units - 1, 1) AS siblings_away_share,
        is_picked
        OR later_events = 0
        OR (away_units > 1
            AND (away_units - 1) / greatest(content_units - 1, 1) >= setting.sibling_share)
            AS is_opened_unscanned
    FROM grouped
    CROSS JOIN setting
)
SELECT
    lot_id,
    CASE WHEN units = 1 THEN one_unit_id END AS unit_id,
    container_id,
    site_id,
    place_site_id AS other_site_id,
    CASE
        WHEN NOT is_lookup AND NOT is_opened_unscanned AND away_units >= least_units
            AND away_units > case_share * content_units THEN 'S2'
        WHEN NOT is_lookup AND NOT is_opened_unscanned
            AND count(DISTINCT container_id) FILTER (
                WHERE NOT is_lookup AND NOT is_opened_unscanned
            ) OVER (PARTITION BY lot_id) >= several_cases THEN 'S2'
        ELSE 'S3'
    END AS severity,
    CASE WHEN is_lookup OR is_opened_unscanned THEN 'explained' ELSE 'stands' END AS status,
    CASE WHEN is_lookup THEN 'B21' WHEN is_opened_unscanned THEN 'B12' END AS benign,
    'conflicting' AS history,
    CAST(units AS DOUBLE) AS units,
    json_object(
        'away_units', away_units, 'content_units', content_units,
        'away_share', round(away_units / content_units, 4)
    ) AS observed,
    json_object('away_units', least_units, 'away_share', case_share) AS threshold,
    json_array(
        json_object(
            'code', 'B12',
            'result', CASE WHEN is_opened_unscanned THEN 'supported' ELSE 'ruled_out' END,
            'scanned_at_case_first', is_picked,
            'siblings_away_share', round(siblings_away_share, 4),
            'least_share', sibling_share,
            'later_case_events', later_events
        ),
        json_object(
            'code', 'B21', 'result', CASE WHEN is_lookup THEN 'supported' ELSE 'ruled_out' END,
            'is_looked_up_by_maker', is_lookup
        )
    ) AS tests,
    record_ids
FROM judged
ORDER BY ALL
