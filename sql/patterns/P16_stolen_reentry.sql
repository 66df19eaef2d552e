-- model:   P16_stolen_reentry
-- purpose: Goods reported stolen that are seen again.
-- grain:   one row per lot, place and verdict; packs that a serial clears: one per lot
-- key:     none
-- pattern: P16
-- family:  lifecycle
-- definition: an event or an answered verification, later than a theft notice that names the pack,
--   the container it was in then, or its whole lot; of a whole lot, off the place of the theft
-- guard:   no re-entry is what happens at who held the pack before the notice (it was recovered),
--   what follows such a recovery, its destruction, and its way there
-- severity: S1; S3 where a whole lot is named that several parties held and nobody can say where
--   this pack was
-- benign:  B22
-- source:  Levemir 2009, Advair 2009, Lilly 2010, Herceptin 2014; typology P16
-- parts:   lot
-- reads:   core_item_event, core_link, core_observation, core_site, core_theft, core_unit,
--   raw_setting, stg_verification
-- columns: as in find_finding's pattern shape
-- caveats: A notice is a claim with a date. A place that is no known GLN, name or city of a site
--   leaves the place of the theft open.
WITH RECURSIVE setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P16.shared_parties') AS shared_parties,
        max(value) FILTER (WHERE name = 'P16.list_days') AS list_days
    FROM raw_setting
),
party AS (
    SELECT
        site_id,
        coalesce(partner_id, -site_id) AS party_id,
        coalesce(role IN ('destruction', 'reverse_distributor'), FALSE) AS is_disposal
    FROM core_site
),
inside AS (  -- what a stolen container held when it was reported
    SELECT notice_record_id, reported_at, container_id AS thing_id, 0 AS depth
    FROM core_theft
    WHERE container_id IS NOT NULL
    UNION ALL
    SELECT inside.notice_record_id, inside.reported_at, link.child_id, inside.depth + 1
    FROM inside
    JOIN core_link AS link ON link.parent_id = inside.thing_id
    WHERE link.opened_at <= inside.reported_at
        AND coalesce(link.closed_at > inside.reported_at, TRUE)
        AND inside.depth < 8
),
named AS (
    SELECT notice_record_id, reported_at, unit_id, place, 'serial' AS notice
    FROM core_theft
    WHERE unit_id IS NOT NULL
    UNION ALL
    SELECT DISTINCT
        inside.notice_record_id, inside.reported_at, unit.unit_id, NULL::VARCHAR, 'container'
    FROM inside
    JOIN core_unit AS unit ON unit.unit_id = inside.thing_id
    UNION ALL
    SELECT theft.notice_record_id, theft.reported_at, unit.unit_id, theft.place, 'whole lot'
    FROM core_theft AS theft
    JOIN core_unit AS unit ON unit.lot_id = theft.lot_id
    WHERE theft.is_whole_lot
),
stolen AS (  -- of several notices on a pack the first, a named serial before a whole lot
    SELECT *
    FROM named
    QUALIFY row_number() OVER (
        PARTITION BY unit_id ORDER BY notice = 'whole lot', reported_at, notice_record_id
    ) = 1
),
crime_site AS (
    SELECT DISTINCT theft.notice_record_id, site.site_id
    FROM core_theft AS theft
    JOIN core_site AS site
        ON theft.place = site.gln
        OR lower(theft.place) = lower(site.name)
        OR lower(theft.place) = lower(site.city)
),
sighting AS (
    SELECT
        event.unit_id, event.lot_id, event.record_id, event.event_at AS seen_at, event.ord,
        event.site_id, event.from_site_id, event.to_site_id, event.clock_doubt_min,
        coalesce(
            event.step IN ('destroying', 'decommissioning', 'decomissioning')
            OR event.disposition IN ('destroyed', 'inactive', 'stolen', 'disposed'),
            FALSE
        ) AS is_write_off,
        FALSE AS is_verification
    FROM core_item_event AS event
    WHERE event.unit_id IN (SELECT unit_id FROM stolen)
    UNION ALL
    SELECT
        seen.unit_id, seen.lot_id, seen.record_id, seen.observed_at, NULL,
        seen.site_id, NULL, NULL, seen.clock_doubt_min, FALSE, TRUE
    FROM core_observation AS seen
    JOIN stg_verification AS asked ON asked.record_id = seen.record_id
    WHERE seen.kind = 'verification'
        AND seen.unit_id IN (SELECT unit_id FROM stolen)
        AND NOT regexp_matches(
            coalesce(asked.answer_code, ''), '^(NO_ANSWER|(HTTP[ _]?)?(404|408|5[0-9][0-9]))$'
        )
),
placed AS (
    SELECT
        sighting.*,
        stolen.notice_record_id, stolen.reported_at, stolen.notice,
        here.party_id, source.party_id AS from_party_id,
        coalesce(here.is_disposal OR goal.is_disposal, FALSE) AS is_disposal,
        epoch(sighting.seen_at - stolen.reported_at) > 60 * sighting.clock_doubt_min AS is_later
    FROM sighting
    JOIN stolen ON stolen.unit_id = sighting.unit_id
    LEFT JOIN party AS here ON here.site_id = sighting.site_id
    LEFT JOIN party AS source ON source.site_id = sighting.from_site_id
    LEFT JOIN party AS goal ON goal.site_id = sighting.to_site_id
),
holder AS (
    SELECT DISTINCT unit_id, party_id
    FROM placed
    WHERE NOT is_later AND NOT is_verification AND party_id IS NOT NULL
),
last_seen AS (  -- where a pack was when the theft was reported
    SELECT unit_id, lot_id, site_id, to_site_id, party_id
    FROM placed
    WHERE NOT is_later AND site_id IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY unit_id ORDER BY seen_at DESC, ord DESC NULLS LAST) = 1
),
spread AS (
    SELECT lot_id, count(DISTINCT party_id) AS parties
    FROM last_seen
    GROUP BY lot_id
),
later AS (
    SELECT
        placed.*,
        holder.party_id IS NOT NULL
        AND (placed.from_party_id IS NULL OR source.party_id IS NOT NULL) AS is_at_holder
    FROM placed
    LEFT JOIN holder ON holder.unit_id = placed.unit_id AND holder.party_id = placed.party_id
    LEFT JOIN holder AS source
        ON source.unit_id = placed.unit_id AND source.party_id = placed.from_party_id
    WHERE placed.is_later
),
reentry AS (
    SELECT
        later.*,
        bool_or(is_at_holder AND NOT is_verification) OVER (
            PARTITION BY unit_id ORDER BY seen_at, record_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS is_recovered
    FROM later
),
first_reentry AS (
    SELECT reentry.*
    FROM reentry
    LEFT JOIN crime_site
        ON crime_site.notice_record_id = reentry.notice_record_id
        AND crime_site.site_id = reentry.site_id
    WHERE NOT is_recovered AND NOT is_at_holder AND NOT is_disposal AND NOT is_write_off
        AND (reentry.notice <> 'whole lot' OR crime_site.site_id IS NULL)
    QUALIFY row_number() OVER (PARTITION BY unit_id ORDER BY seen_at, record_id) = 1
),
-- B22: a later notice from the same place lists what of the lot was stolen: the rest was not.
listed AS (
    SELECT whole.notice_record_id, count(*) AS units
    FROM core_theft AS whole
    CROSS JOIN setting
    JOIN core_theft AS exact
        ON exact.place = whole.place
        AND exact.reported_at BETWEEN whole.reported_at
        AND whole.reported_at + to_days(setting.list_days::INTEGER)
    LEFT JOIN core_unit AS unit ON unit.unit_id = exact.unit_id
    WHERE whole.is_whole_lot AND NOT exact.is_whole_lot AND unit.lot_id = whole.lot_id
    GROUP BY whole.notice_record_id
),
located AS (
    SELECT
        first_reentry.*,
        last_seen.site_id AS last_site_id,
        coalesce(spread.parties, 0) AS parties,
        coalesce(listed.units, 0) AS listed_units,
        crime.notice_record_id IS NOT NULL AS is_place_known,
        EXISTS (
            SELECT 1 FROM crime_site
            WHERE crime_site.notice_record_id = first_reentry.notice_record_id
                AND crime_site.site_id IN (last_seen.site_id, last_seen.to_site_id)
        ) AS was_there
    FROM first_reentry
    LEFT JOIN last_seen ON last_seen.unit_id = first_reentry.unit_id
    LEFT JOIN spread ON spread.lot_id = first_reentry.lot_id
    LEFT JOIN listed ON listed.notice_record_id = first_reentry.notice_record_id
    LEFT JOIN (SELECT DISTINCT notice_record_id FROM crime_site) AS crime
        ON crime.notice_record_id = first_reentry.notice_record_id
),
tested AS (
    SELECT
        located.*,
        CASE
            WHEN notice <> 'whole lot' THEN 'ruled_out'
            WHEN listed_units > 0 THEN 'supported'
            WHEN last_site_id IS NULL OR NOT is_place_known THEN 'not_testable'
            WHEN was_there THEN 'ruled_out'
            ELSE 'supported'
        END AS b22,
        CASE WHEN b22 = 'not_testable' AND parties >= shared_parties THEN 'S3' ELSE 'S1' END
        AS severity
    FROM located
    CROSS JOIN setting
),
grouped AS (
    SELECT
        lot_id, notice, severity, b22,
        CASE WHEN b22 <> 'supported' THEN site_id END AS shown_site_id,
        CASE WHEN b22 <> 'supported' THEN last_site_id END AS shown_last_site_id,
        count(*) AS units,
        min(unit_id) AS unit_id,
        arg_min(tested, unit_id) AS shown,
        min(epoch(seen_at - reported_at) / 86400) AS days_later,
        list_sort(list_distinct(flatten(list([notice_record_id, record_id]))))[:200] AS record_ids
    FROM tested
    GROUP BY lot_id, notice, severity, b22, shown_site_id, shown_last_site_id
)
SELECT
    lot_id::INTEGER AS lot_id,
    CASE WHEN units = 1 THEN unit_id END::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    shown_site_id::INTEGER AS site_id,
    shown_last_site_id::INTEGER AS other_site_id,
    severity,
    CASE WHEN b22 = 'supported' THEN 'explained' ELSE 'stands' END AS status,
    CASE WHEN b22 = 'supported' THEN 'B22' END AS benign,
    'conflicting' AS history,
    units::DOUBLE AS units,
    to_json({'days_later': round(days_later, 3), 'notice': notice}) AS observed,
    to_json({'days_later': 0}) AS threshold,
    to_json([
        to_json({
            'code': 'B22', 'result': b22, 'notice': notice,
            'units_in_a_later_list': shown.listed_units,
            'was_at_place_of_theft': shown.was_there, 'is_place_known': shown.is_place_known,
            'parties_holding_the_lot': shown.parties
        })
    ])::JSON AS tests,
    record_ids
FROM grouped
ORDER BY lot_id, status DESC, severity, units DESC, site_id, other_site_id, notice
