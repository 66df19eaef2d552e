-- model:   P18_ship_no_receive
-- purpose: Packs that were sent and never arrived, as far as a receiver that reports tells.
-- grain:   one row per lot, sender, receiver and explanation; one data gap per lot
-- key:     none
-- pattern: P18
-- family:  lifecycle
-- definition: A pack is shipped to B, and neither a receipt of it nor a void shipping is on record
--   within the lane's p99.5 time plus 2 days, both from the shipping. A receipt elsewhere is P22's,
--   and goods that a theft notice of the month after names are known to be gone. A whole
--   consignment of at least 5 packs of a lot (or several from one sender, of 10) vanished where
--   none of them was seen anywhere again, longer than it ever took a consignment to show at B, plus
--   2 days.
-- guard: The lot is covered (commissioned share at least 0.99); B's data shows the receipt of at
--   least 90 % of the other consignments sent to it (at least 3) and goes on past the time allowed;
--   or, of what vanished, any event of at least 97 % of the others that are as old (at least 10): a
--   place that books nothing in still tells what it sells. Else one data gap a lot. Goods without
--   serials may be received in other portions: silent.
-- severity: S2 where the product is high-risk and at least 5 packs are missing, or where they
--   vanished; else S3.
-- benign: B11 (not yet the lag norm past the time allowed, a receipt at B told up to 72 h before
--   the shipping, or the packs seen at B afterwards), B12 (a container that held them was
--   received, or is handled there), B15 (the packs are still at the sender, or B received as many
--   other packs of the lot that nobody sent), B23 (the owner named, or B as a logistics provider,
--   had them afterwards).
-- source: Levemir 2009, HIV Africa 2002, Enfield 2010; typology P18
-- reads:   core_container_event, core_custody, core_feed, core_item_event, core_link, core_lot,
--   core_product, core_site, core_theft, feat_lane, feat_silent_day, raw_setting, stg_clock
-- columns: as in find_finding's pattern shape
-- caveats: A move between two sites of one company is no handover and is left out. Without any trip
--   on record the time allowed is P18.default_h.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P18.grace_h') AS grace_h,
        max(value) FILTER (WHERE name = 'P18.default_h') AS default_h,
        max(value) FILTER (WHERE name = 'P18.late_h') AS late_h,
        max(value) FILTER (WHERE name = 'P18.feed_share') AS feed_share,
        max(value) FILTER (WHERE name = 'P18.feed_consignments') AS feed_consignments,
        max(value) FILTER (WHERE name = 'P18.grave_units') AS grave_units,
        max(value) FILTER (WHERE name = 'P18.spread_units') AS spread_units,
        max(value) FILTER (WHERE name = 'P18.seen_share') AS seen_share,
        max(value) FILTER (WHERE name = 'P18.seen_consignments') AS seen_consignments,
        max(value) FILTER (WHERE name = 'P18.notice_days') AS notice_days
    FROM raw_setting
),
partner AS (
    SELECT site_id, partner_id, role FROM core_site
),
sent AS (
    SELECT
        hop.lot_id, hop.unit_id, hop.from_site_id, hop.to_site_id, hop.to_owner_site_id,
        hop.shipped_at, hop.ship_record_id,
        here.partner_id AS from_partner_id, there.partner_id AS to_partner_id,
        owner.partner_id AS owner_partner_id, there.role AS to_role,
        coalesce(lane.p995_h, setting.default_h) + setting.grace_h AS allowed_h
    FROM core_custody AS hop
    CROSS JOIN setting
    LEFT JOIN partner AS here ON hop.from_site_id = here.site_id
    LEFT JOIN partner AS there ON hop.to_site_id = there.site_id
    LEFT JOIN partner AS owner ON hop.to_owner_site_id = owner.site_id
    LEFT JOIN feat_lane AS lane
        ON hop.from_site_id = lane.from_site_id AND hop.to_site_id = lane.to_site_id
        AND lane.mode = ''
    WHERE hop.ship_record_id IS NOT NULL AND hop.receive_record_id IS NULL
        AND hop.shipped_at IS NOT NULL AND hop.to_site_id IS NOT NULL
        AND hop.from_site_id IS DISTINCT FROM hop.to_site_id
        AND coalesce(here.partner_id <> there.partner_id, true)
        AND NOT EXISTS (
            SELECT 1
            FROM core_theft AS theft
            WHERE theft.lot_id = hop.lot_id
                AND (theft.is_whole_lot OR theft.unit_id = hop.unit_id)
                AND theft.reported_at BETWEEN hop.shipped_at
                AND hop.shipped_at + to_days(setting.notice_days::INTEGER)
        )
),
missed AS (
    SELECT sent.*, epoch(clock.as_of - sent.shipped_at) / 3600 AS age_h
    FROM sent
    CROSS JOIN stg_clock AS clock
    WHERE epoch(clock.as_of - sent.shipped_at) / 3600 > sent.allowed_h
),
-- How completely B reports receipts: of the other consignments that were sent to it.
consignment AS (
    SELECT
        to_site_id, ship_record_id, bool_or(receive_record_id IS NOT NULL) AS is_received
    FROM core_custody
    WHERE ship_record_id IS NOT NULL AND to_site_id IS NOT NULL
        AND stated_to_site_id IS NOT DISTINCT FROM to_site_id
    GROUP BY to_site_id, ship_record_id
),
receiver AS (
    SELECT to_site_id, count(*) AS consignments,
        count(*) FILTER (WHERE is_received) AS received_consignments
    FROM consignment
    GROUP BY to_site_id
),
missed_consignment AS (
    SELECT lot_id, to_site_id, count(DISTINCT ship_record_id) AS consignments
    FROM missed
    GROUP BY lot_id, to_site_id
),
-- What vanished: first, when each consignment to B showed there at all, booked in or not.
trace AS (
    SELECT
        sent.unit_id, sent.ship_record_id,
        min(event.event_at) FILTER (WHERE place.partner_id = sent.to_partner_id) AS here_at,
        min(event.event_at) AS anywhere_at
    FROM sent
    INNER JOIN core_item_event AS event
        ON sent.unit_id = event.unit_id AND event.event_at > sent.shipped_at
        AND event.record_id <> sent.ship_record_id
    LEFT JOIN partner AS place ON event.site_id = place.site_id
    GROUP BY sent.unit_id, sent.ship_record_id
),
arrival AS (
    SELECT
        to_site_id, ship_record_id, epoch(clock.as_of - min(shipped_at)) / 3600 AS age_h,
        epoch(min(here_at) - min(shipped_at)) / 3600 AS shown_h,
        count(anywhere_at) > 0 AS is_seen
    FROM (
        SELECT
            to_site_id, ship_record_id, shipped_at, received_at AS here_at,
            received_at AS anywhere_at
        FROM core_custody
        WHERE ship_record_id IS NOT NULL AND receive_record_id IS NOT NULL
            AND to_site_id IS NOT NULL AND shipped_at IS NOT NULL
            AND stated_to_site_id IS NOT DISTINCT FROM to_site_id
        UNION ALL
        SELECT
            sent.to_site_id, sent.ship_record_id, sent.shipped_at, trace.here_at, trace.anywhere_at
        FROM sent
        LEFT JOIN trace
            ON sent.unit_id = trace.unit_id AND sent.ship_record_id = trace.ship_record_id
    )
    CROSS JOIN stg_clock AS clock
    GROUP BY to_site_id, ship_record_id, clock.as_of
),
slowest AS (
    SELECT to_site_id, max(shown_h) AS shown_h
    FROM arrival
    GROUP BY to_site_id
),
old_consignment AS (
    SELECT arrival.to_site_id, arrival.ship_record_id, arrival.is_seen, arrival.shown_h,
        slowest.shown_h AS slowest_h
    FROM arrival
    CROSS JOIN setting
    INNER JOIN slowest ON arrival.to_site_id = slowest.to_site_id
    WHERE arrival.age_h > slowest.shown_h + setting.grace_h
),
teller AS (
    SELECT
        to_site_id, any_value(slowest_h) AS slowest_h, count(*) AS consignments,
        count(shown_h) AS seen_consignments
    FROM old_consignment
    GROUP BY to_site_id
),
unseen AS (
    SELECT
        missed.lot_id, missed.from_site_id, missed.to_site_id,
        count(DISTINCT missed.unit_id) AS units,
        list(DISTINCT missed.ship_record_id) AS ship_record_ids
    FROM missed
    INNER JOIN old_consignment AS old
        ON missed.to_site_id = old.to_site_id AND missed.ship_record_id = old.ship_record_id
        AND NOT old.is_seen
    GROUP BY missed.lot_id, missed.from_site_id, missed.to_site_id
),
vanished AS (
    SELECT
        unseen.lot_id, unseen.to_site_id, unnest(unseen.ship_record_ids) AS ship_record_id,
        teller.slowest_h,
        teller.consignments - len(unseen.ship_record_ids) AS other_consignments,
        teller.seen_consignments
    FROM unseen
    CROSS JOIN setting
    INNER JOIN teller ON unseen.to_site_id = teller.to_site_id
    WHERE teller.consignments - len(unseen.ship_record_ids) >= setting.seen_consignments
        AND teller.seen_consignments
        >= setting.seen_share * (teller.consignments - len(unseen.ship_record_ids))
    -- Of one sender, whoever they were sent to: a driver takes some of each.
    QUALIFY unseen.units >= setting.grave_units
        OR sum(unseen.units) OVER (PARTITION BY unseen.lot_id, unseen.from_site_id)
        >= setting.spread_units
),
-- What became of the packs afterwards, and whether B had told of them just before.
seen AS (
    SELECT
        missed.unit_id, missed.ship_record_id,
        bool_or(
            place.partner_id = missed.to_partner_id AND event.event_at > missed.shipped_at
        ) AS is_at_receiver,
        bool_or(
            place.partner_id = missed.to_partner_id AND event.custody = 'receive'
            AND event.event_at <= missed.shipped_at
        ) AS is_told_before,
        bool_or(
            place.partner_id = missed.from_partner_id AND event.event_at > missed.shipped_at
        ) AS is_at_sender,
        bool_or(
            event.event_at > missed.shipped_at AND (
                place.partner_id = missed.owner_partner_id
                OR (missed.to_role IN ('third_party_logistics', 'customs')
                    AND place.partner_id <> missed.from_partner_id)
            )
        ) AS is_at_owner
    FROM missed
    CROSS JOIN setting
    INNER JOIN core_item_event AS event
        ON missed.unit_id = event.unit_id
        AND event.event_at > missed.shipped_at - to_seconds(setting.late_h * 3600)
        AND event.record_id <> missed.ship_record_id
    INNER JOIN partner AS place ON event.site_id = place.site_id
    WHERE NOT event.is_inferred OR event.custody = 'receive'
    GROUP BY missed.unit_id, missed.ship_record_id
),
box AS (
    SELECT DISTINCT missed.unit_id, missed.ship_record_id
    FROM missed
    INNER JOIN core_link AS link
        ON missed.unit_id = link.child_id AND link.opened_at <= missed.shipped_at
    INNER JOIN core_container_event AS moved
        ON link.parent_id = moved.container_id AND missed.to_site_id = moved.site_id
        AND moved.event_at > missed.shipped_at
),
-- Other packs of the lot that B received though nobody sent them.
counterpart AS (
    SELECT missed.lot_id, missed.to_site_id, count(DISTINCT orphan.unit_id) AS units
    FROM (
        SELECT lot_id, to_site_id, min(shipped_at) AS since FROM missed GROUP BY lot_id, to_site_id
    ) AS missed
    CROSS JOIN setting
    INNER JOIN core_custody AS orphan
        ON missed.lot_id = orphan.lot_id AND missed.to_site_id = orphan.to_site_id
        AND orphan.ship_record_id IS NULL
        AND orphan.received_at > missed.since - to_seconds(setting.late_h * 3600)
    GROUP BY missed.lot_id, missed.to_site_id
),
-- Days in the time allowed on which B told nothing of what it usually tells.
silence AS (
    SELECT missed.ship_record_id, missed.to_site_id, count(DISTINCT silent.silent_on) AS days
    FROM (SELECT DISTINCT ship_record_id, to_site_id, shipped_at, allowed_h FROM missed) AS missed
    INNER JOIN feat_silent_day AS silent
        ON missed.to_site_id = silent.site_id
        AND silent.silent_on BETWEEN missed.shipped_at::DATE
        AND (missed.shipped_at + to_seconds(missed.allowed_h * 3600))::DATE
    GROUP BY missed.ship_record_id, missed.to_site_id
),
missed_units AS (
    SELECT lot_id, to_site_id, count(DISTINCT unit_id) AS units
    FROM missed
    GROUP BY lot_id, to_site_id
),
judged AS (
    SELECT
        missed.lot_id, missed.unit_id, missed.from_site_id, missed.to_site_id,
        missed.ship_record_id, missed.age_h,
        coalesce(vanished.slowest_h + setting.grace_h, missed.allowed_h) AS allowed_h,
        vanished.ship_record_id IS NOT NULL AS is_vanished,
        coalesce(lot.is_covered, false)
        AND (
            vanished.ship_record_id IS NOT NULL
            OR (
                coalesce(
                    receiver.consignments - mine.consignments >= setting.feed_consignments
                    AND receiver.received_consignments
                    >= setting.feed_share * (receiver.consignments - mine.consignments), false)
                AND coalesce(
                    feed.last_at > missed.shipped_at + to_seconds(missed.allowed_h * 3600), false)
                AND silence.days IS NULL
            )
        ) AS is_guarded,
        coalesce(vanished.other_consignments, receiver.consignments - mine.consignments)
            AS other_consignments,
        coalesce(vanished.seen_consignments, receiver.received_consignments)
            AS received_consignments,
        greatest(setting.late_h, coalesce(feed.lag_p95_h, 0)) AS norm_h,
        coalesce(seen.is_at_receiver, false) AS is_at_receiver,
        coalesce(seen.is_told_before, false) AS is_told_before,
        coalesce(seen.is_at_sender, false) AS is_at_sender,
        coalesce(seen.is_at_owner, false) AS is_at_owner,
        box.unit_id IS NOT NULL AS is_boxed,
        coalesce(counterpart.units, 0) AS counterpart_units,
        missed_units.units AS lane_units,
        coalesce(product.is_high_risk, false) AS is_high_risk
    FROM missed
    CROSS JOIN setting
    INNER JOIN core_lot AS lot ON missed.lot_id = lot.lot_id
    INNER JOIN missed_units
        ON missed.lot_id = missed_units.lot_id AND missed.to_site_id = missed_units.to_site_id
    INNER JOIN missed_consignment AS mine
        ON missed.lot_id = mine.lot_id AND missed.to_site_id = mine.to_site_id
    LEFT JOIN core_product AS product ON lot.gtin = product.gtin
    LEFT JOIN receiver ON missed.to_site_id = receiver.to_site_id
    LEFT JOIN core_feed AS feed ON missed.to_site_id = feed.site_id
    LEFT JOIN vanished
        ON missed.lot_id = vanished.lot_id AND missed.to_site_id = vanished.to_site_id
        AND missed.ship_record_id = vanished.ship_record_id
    LEFT JOIN seen
        ON missed.unit_id = seen.unit_id AND missed.ship_record_id = seen.ship_record_id
    LEFT JOIN box ON missed.unit_id = box.unit_id AND missed.ship_record_id = box.ship_record_id
    LEFT JOIN silence
        ON missed.ship_record_id = silence.ship_record_id
        AND missed.to_site_id = silence.to_site_id
    LEFT JOIN counterpart
        ON missed.lot_id = counterpart.lot_id AND missed.to_site_id = counterpart.to_site_id
),
coded AS (
    SELECT
        *,
        CASE
            WHEN NOT is_guarded THEN NULL
            WHEN is_told_before OR is_at_receiver OR age_h < allowed_h + norm_h THEN 'B11'
            WHEN is_boxed THEN 'B12'
            WHEN is_at_sender OR counterpart_units = lane_units THEN 'B15'
            WHEN is_at_owner THEN 'B23'
        END AS benign
    FROM judged
),
grouped AS (
    SELECT
        lot_id, is_guarded, benign, is_high_risk, is_vanished AND is_guarded AS is_vanished,
        CASE WHEN is_guarded THEN to_site_id END AS site_id,
        CASE WHEN is_guarded THEN from_site_id END AS other_site_id,
        count(DISTINCT unit_id) AS units,
        round(min(age_h), 1) AS age_h,
        round(max(allowed_h), 1) AS allowed_h,
        round(max(norm_h), 1) AS norm_h,
        max(other_consignments) AS other_consignments,
        max(received_consignments) AS received_consignments,
        count(DISTINCT unit_id) FILTER (WHERE is_told_before) AS told_before_units,
        count(DISTINCT unit_id) FILTER (WHERE is_at_receiver) AS at_receiver_units,
        count(DISTINCT unit_id) FILTER (WHERE is_boxed) AS boxed_units,
        count(DISTINCT unit_id) FILTER (WHERE is_at_sender) AS at_sender_units,
        max(counterpart_units) AS counterpart_units,
        count(DISTINCT unit_id) FILTER (WHERE is_at_owner) AS at_owner_units,
        list_sort(list(DISTINCT ship_record_id))[1:50] AS record_ids
    FROM coded
    GROUP BY ALL
)
SELECT
    grouped.lot_id::INTEGER AS lot_id,
    NULL::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    grouped.site_id::INTEGER AS site_id,
    grouped.other_site_id::INTEGER AS other_site_id,
    CASE
        WHEN NOT grouped.is_guarded THEN 'S4'
        WHEN grouped.is_vanished THEN 'S2'
        WHEN grouped.is_high_risk AND grouped.units >= setting.grave_units THEN 'S2'
        ELSE 'S3'
    END AS severity,
    CASE
        WHEN NOT grouped.is_guarded THEN 'data_gap'
        WHEN grouped.benign IS NOT NULL THEN 'explained'
        ELSE 'stands'
    END AS status,
    grouped.benign,
    'missing' AS history,
    grouped.units::DOUBLE AS units,
    to_json({
        'kind': CASE WHEN grouped.is_vanished THEN 'vanished' ELSE 'not_received' END,
        'units_without_receipt': grouped.units, 'age_h': grouped.age_h,
        'other_consignments': grouped.other_consignments,
        'received_consignments': grouped.received_consignments
    }) AS observed,
    to_json({'units_without_receipt': 0, 'age_h': grouped.allowed_h}) AS threshold,
    CASE
        WHEN NOT grouped.is_guarded THEN '[]'::JSON
        ELSE to_json([
            to_json({
                'code': 'B11',
                'result': CASE WHEN grouped.benign = 'B11' THEN 'supported' ELSE 'ruled_out' END,
                'told_before_units': grouped.told_before_units,
                'at_receiver_units': grouped.at_receiver_units, 'norm_h': grouped.norm_h
            }),
            to_json({
                'code': 'B12',
                'result': CASE WHEN grouped.boxed_units > 0 THEN 'supported' ELSE 'ruled_out' END,
                'received_in_container_units': grouped.boxed_units
            }),
            to_json({
                'code': 'B15',
                'result': CASE
                    WHEN grouped.benign = 'B15' OR grouped.at_sender_units > 0 THEN 'supported'
                    ELSE 'ruled_out'
                END,
                'at_sender_units': grouped.at_sender_units,
                'counterpart_units': grouped.counterpart_units
            }),
            to_json({
                'code': 'B23',
                'result': CASE
                    WHEN grouped.at_owner_units > 0 THEN 'supported' ELSE 'ruled_out'
                END,
                'at_owner_units': grouped.at_owner_units
            })
        ])::JSON
    END AS tests,
    grouped.record_ids
FROM grouped
CROSS JOIN setting
ORDER BY ALL
