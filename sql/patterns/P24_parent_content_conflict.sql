-- model:   P24_parent_content_conflict
-- purpose: A thing is in two containers at once.
-- grain:   one row per lot, container it was in, and container it turns up in
-- key:     none
-- pattern: P24
-- family:  lifecycle
-- definition: A pack or case is packed into a container, or seen inside it, while the record has it
--   in another one that is elsewhere: at another site of another partner, by its last event before.
-- guard: The place of both containers is on record. At one place nothing is said: contents are moved
--   there without a word every day. Where the former container was last known at a site whose feed
--   leaves departures of other lots untold (feat_handover), its place is a data gap.
-- severity: S2 always.
-- benign: B12 (nearly all of the former container's content was packed anew: it was emptied and
--   nobody told), B15 (within three days the content is back in its former
--   container)
-- source: typology P24; FDA guidance on suspect product (lot and expiry of pack and container differ)
-- reads:   core_container_event, core_event, core_link, core_site, core_unit, feat_handover, raw_setting,
--   stg_mention
-- columns: as in find_finding's pattern shape
-- caveats: Of cases, the packs inside are counted to their lots. A container without a stated place
--   at the time is silent. B18 cannot be tested: no list states which content belongs where.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P24.sibling_share') AS sibling_share,
        max(value) FILTER (WHERE name = 'P24.back_days') AS back_days
    FROM raw_setting
),
-- Packed again without having been taken out.
moved AS (
    SELECT
        old.child_id, old.parent_id, new.parent_id AS other_parent_id, old.open_ord,
        new.open_ord AS seen_ord, old.opened_record_id, new.opened_record_id AS record_id
    FROM core_link AS old
    JOIN core_link AS new
        ON new.child_id = old.child_id AND new.kind = old.kind AND new.open_ord = old.close_ord
    WHERE old.close_kind = 'moved' AND old.kind = 'aggregation'
),
-- Seen inside another container than the record has it in.
seen AS (
    SELECT
        child.epc_id AS child_id, parent.epc_id AS other_parent_id, event.ord AS seen_ord,
        event.record_id
    FROM core_event AS event
    JOIN stg_mention AS parent ON parent.record_id = event.record_id AND parent.is_parent
    JOIN stg_mention AS child ON child.record_id = event.record_id AND child.is_child
    WHERE event.event_type = 'AggregationEvent' AND event.action = 'OBSERVE'
),
conflict AS (
    SELECT child_id, parent_id, other_parent_id, open_ord, seen_ord, opened_record_id, record_id
    FROM moved
    UNION ALL
    SELECT
        seen.child_id, link.parent_id, seen.other_parent_id, link.open_ord, seen.seen_ord,
        link.opened_record_id, seen.record_id
    FROM seen
    JOIN core_link AS link
        ON link.child_id = seen.child_id AND link.kind = 'aggregation'
        AND link.open_ord < seen.seen_ord AND link.close_ord >= seen.seen_ord
    WHERE link.parent_id <> seen.other_parent_id
),
-- Where the former container was by then: where it is, or where it is bound for.
last_place AS (
    SELECT
        conflict.parent_id, conflict.seen_ord,
        arg_max(
            CASE WHEN event.custody = 'ship' THEN event.to_site_id ELSE event.site_id END,
            event.ord
        ) AS site_id,
        arg_max(event.site_id, event.ord) AS left_site_id,
        max(event.record_id) FILTER (WHERE event.custody IS NOT NULL) AS moved_record_id
    FROM (SELECT DISTINCT parent_id, seen_ord FROM conflict) AS conflict
    JOIN core_container_event AS happened
        ON happened.container_id = conflict.parent_id AND happened.ord < conflict.seen_ord
    JOIN core_event AS event ON event.ord = happened.ord AND event.site_id IS NOT NULL
    GROUP BY conflict.parent_id, conflict.seen_ord
),
content AS (
    SELECT parent_id, count(DISTINCT child_id) AS things FROM core_link
    WHERE parent_id IN (SELECT parent_id FROM conflict)
    GROUP BY parent_id
),
again AS (
    SELECT parent_id, count(DISTINCT child_id) AS things FROM conflict GROUP BY parent_id
),
returned AS (
    SELECT DISTINCT conflict.child_id, conflict.parent_id, conflict.seen_ord
    FROM conflict
    CROSS JOIN setting
    JOIN core_event AS event ON event.ord = conflict.seen_ord
    JOIN core_link AS link
        ON link.child_id = conflict.child_id AND link.parent_id = conflict.parent_id
        AND link.open_ord > conflict.seen_ord
        AND link.opened_at <= event.event_at + to_days(setting.back_days::INTEGER)
),
-- A thing that is a case stands for the packs in it at the time.
thing AS (
    SELECT conflict.*, conflict.child_id AS unit_id
    FROM conflict
    SEMI JOIN core_unit ON core_unit.unit_id = conflict.child_id
    UNION ALL
    SELECT conflict.*, link.child_id
    FROM conflict
    JOIN core_link AS link
        ON link.parent_id = conflict.child_id AND link.open_ord < conflict.seen_ord
        AND link.close_ord >= conflict.seen_ord
    SEMI JOIN core_unit ON core_unit.unit_id = link.child_id
),
judged AS (
    SELECT
        unit.lot_id, thing.unit_id, thing.parent_id, thing.other_parent_id,
        event.site_id, place.site_id AS place_site_id,
        content.things AS content_things, again.things AS packed_again,
        again.things >= setting.sibling_share * content.things AS is_emptied,
        returned.child_id IS NOT NULL AS is_back,
        coalesce(handover.is_departure_leaky, false) AS is_gap,
        list_value(thing.opened_record_id, thing.record_id, place.moved_record_id) AS records
    FROM thing
    CROSS JOIN setting
    JOIN core_unit AS unit ON unit.unit_id = thing.unit_id
    JOIN core_event AS event ON event.ord = thing.seen_ord AND event.site_id IS NOT NULL
    JOIN last_place AS place
        ON place.parent_id = thing.parent_id AND place.seen_ord = thing.seen_ord
        AND place.site_id IS NOT NULL
    JOIN content ON content.parent_id = thing.parent_id
    JOIN again ON again.parent_id = thing.parent_id
    LEFT JOIN core_site AS here ON here.site_id = event.site_id
    LEFT JOIN core_site AS there ON there.site_id = place.site_id
    LEFT JOIN core_site AS left_site ON left_site.site_id = place.left_site_id
    LEFT JOIN feat_handover AS handover
        ON handover.site_id = place.site_id AND handover.lot_id = unit.lot_id
    LEFT JOIN returned
        ON returned.child_id = thing.child_id AND returned.parent_id = thing.parent_id
        AND returned.seen_ord = thing.seen_ord
    WHERE event.site_id NOT IN (place.site_id, coalesce(place.left_site_id, place.site_id))
        AND NOT coalesce(here.partner_id IN (there.partner_id, left_site.partner_id), false)
),
grouped AS (
    SELECT
        lot_id, parent_id, other_parent_id, site_id, place_site_id,
        count(DISTINCT unit_id) AS units, min(unit_id) AS unit_id,
        max(content_things) AS content_things, max(packed_again) AS packed_again,
        bool_or(is_emptied) AS is_emptied,
        bool_and(is_back) AS is_back,
        bool_and(is_gap) AS is_gap,
        list_sort(list_distinct(list_filter(flatten(list(records)), lambda r: r IS NOT NULL)))[:200]
            AS record_ids
    FROM judged
    GROUP BY lot_id, parent_id, other_parent_id, site_id, place_site_id
),
explained AS (
    SELECT
        *,
        CASE WHEN is_back THEN 'B15' WHEN is_emptied THEN 'B12' END AS benign,
        CASE
            WHEN benign IS NOT NULL THEN 'explained' WHEN is_gap THEN 'data_gap' ELSE 'stands'
        END AS status
    FROM grouped
)
SELECT
    lot_id::INTEGER AS lot_id,
    CASE WHEN units = 1 THEN unit_id END::BIGINT AS unit_id,
    parent_id::BIGINT AS container_id,
    site_id::INTEGER AS site_id,
    place_site_id::INTEGER AS other_site_id,
    if(status = 'data_gap', 'S4', 'S2') AS severity,
    status,
    benign,
    if(status = 'data_gap', 'missing', 'conflicting') AS history,
    units::DOUBLE AS units,
    to_json({'packs_in_two_containers': units, 'packed_again': packed_again}) AS observed,
    to_json({'packs_in_two_containers': 0}) AS threshold,
    if(status = 'data_gap', '[]'::JSON, to_json([
        to_json({
            'code': 'B12', 'result': if(is_emptied, 'supported', 'ruled_out'),
            'content_things': content_things, 'packed_again': packed_again
        }),
        to_json({
            'code': 'B15', 'result': if(is_back, 'supported', 'ruled_out'), 'is_back': is_back
        }),
        to_json({'code': 'B18', 'result': 'not_testable'})
    ])::JSON) AS tests,
    record_ids
FROM explained
ORDER BY ALL
