-- model:   P17_receive_no_ship
-- purpose: Goods that a site received though nobody reported sending them.
-- grain:   one row per lot, receiver, sender and explanation; one data gap per lot; slipped out: one
--   row per lot and wholesaler
-- key:     none
-- pattern: P17
-- family:  lifecycle
-- definition: A pack or its case is received at B and no shipping to B is reported in the 30 days
--   before, nor within the lag norm after. Slipped out: packs that a wholesaler had in hand, by its
--   own scans, and never told as leaving it, are next met at several other parties, which received
--   or sold them.
-- guard: The lot is covered (commissioned share at least 0.99), and the sender, which the receipt
--   or the pack's last custody names, reported shippings in that window; else one data gap a lot.
--   Slipped out: of at least 1,000 packs of its other lots that were next met elsewhere the
--   wholesaler left at most 0.5 % untold.
-- severity: S3; S2 where at least 3 packs of a lot, of at least 2 receivers, were so received from
--   one sender whose data shows the shipping of 99 % of what others received from it (other lots, at
--   least 50 consignments): one surplus pack slips into one box, not into several. Or S2 where at
--   least 3 came from a wholesaler that by all records never had any of the lot, and that told the
--   shipping of all other lots received from it (at least 3). Or S2 where at least 5 packs, met at
--   3 other parties, slipped out.
-- benign: B06 (most receipts from that sender lack a shipping, over several lots), B11 (a shipping
--   to here is reported later, or the receipt is younger than the lag norm; of packs that slipped
--   out, too few are left without a departure told later), B12 (a container that
--   held the pack was shipped; of such packs as S2 speaks of only one that the sender shipped, or
--   that was shipped to here), B15 (the same pack was shipped to another address), B23 (a third
--   party shipped it for the owner; such packs as S2 speaks of, to here).
-- source: typology P17
-- reads:   core_custody, core_event, core_feed, core_item_event, core_link, core_lot, core_movement,
--   core_site, core_unit, feat_handover, raw_setting, stg_clock, stg_event, stg_event_item
-- columns: as in find_finding's pattern shape
-- caveats: A move between two sites of one company is no handover and is left out. A sender whose
--   data shows one consignment of a lot and not the next reads as a receipt without shipping.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P17.window_days') AS window_days,
        max(value) FILTER (WHERE name = 'P17.late_h') AS late_h,
        max(value) FILTER (WHERE name = 'P17.partial_share') AS partial_share,
        max(value) FILTER (WHERE name = 'P17.partial_lots') AS partial_lots,
        max(value) FILTER (WHERE name = 'P17.sound_share') AS sound_share,
        max(value) FILTER (WHERE name = 'P17.sound_consignments') AS sound_consignments,
        max(value) FILTER (WHERE name = 'P17.scattered_units') AS scattered_units,
        max(value) FILTER (WHERE name = 'P17.scattered_sites') AS scattered_sites,
        max(value) FILTER (WHERE name = 'P17.slipped_units') AS slipped_units,
        max(value) FILTER (WHERE name = 'P17.slipped_sites') AS slipped_sites,
        max(value) FILTER (WHERE name = 'P17.slipped_share') AS slipped_share,
        max(value) FILTER (WHERE name = 'P17.slipped_of_units') AS slipped_of_units
    FROM raw_setting
),
held AS (
    SELECT
        hop.lot_id, hop.unit_id, hop.from_site_id, hop.to_site_id, hop.shipped_at, hop.received_at,
        hop.ship_record_id, hop.receive_record_id,
        coalesce(
            hop.from_site_id,
            lag(coalesce(hop.to_site_id, hop.from_site_id))
                OVER (PARTITION BY hop.lot_id, hop.unit_id ORDER BY hop.hop_no),
            unit.commissioned_site_id
        ) AS sender_id
    FROM core_custody AS hop
    LEFT JOIN core_unit AS unit ON hop.unit_id = unit.unit_id
),
orphan AS (
    SELECT held.*
    FROM held
    LEFT JOIN core_site AS sender ON held.sender_id = sender.site_id
    LEFT JOIN core_site AS receiver ON held.to_site_id = receiver.site_id
    WHERE held.receive_record_id IS NOT NULL AND held.ship_record_id IS NULL
        AND held.received_at IS NOT NULL AND held.to_site_id IS NOT NULL
        AND held.sender_id IS DISTINCT FROM held.to_site_id
        AND coalesce(sender.partner_id <> receiver.partner_id, true)
),
-- The sender spoke in the window. Where no sender is known, any site that sent the lot will do.
ship_day AS (
    SELECT DISTINCT from_site_id, lot_id, CAST(shipped_at AS DATE) AS day
    FROM core_movement
    WHERE ship_record_id IS NOT NULL AND shipped_at IS NOT NULL
),
consignment AS (
    SELECT DISTINCT lot_id, to_site_id, sender_id, receive_record_id, received_at
    FROM orphan
),
heard AS (
    SELECT DISTINCT consignment.lot_id, consignment.sender_id, consignment.receive_record_id
    FROM consignment
    CROSS JOIN setting
    INNER JOIN ship_day
        ON consignment.sender_id = ship_day.from_site_id
        AND ship_day.day
            BETWEEN CAST(consignment.received_at AS DATE) - CAST(window_days AS INTEGER)
            AND CAST(consignment.received_at AS DATE) + 1
    UNION
    SELECT DISTINCT consignment.lot_id, consignment.sender_id, consignment.receive_record_id
    FROM consignment
    INNER JOIN ship_day ON consignment.lot_id = ship_day.lot_id
    WHERE consignment.sender_id IS NULL
),
-- Shippings of the same packs that no receipt answers.
loose AS (
    SELECT
        orphan.lot_id, orphan.unit_id, orphan.receive_record_id,
        bool_or(
            coalesce(sent.from_site_id = orphan.sender_id, true)
            AND coalesce(sent.to_site_id = orphan.to_site_id, true)
        ) AS is_to_here,
        bool_or(
            sent.from_site_id = orphan.sender_id AND sent.to_site_id <> orphan.to_site_id
        ) AS is_elsewhere,
        bool_or(sent.from_site_id <> orphan.sender_id) AS is_by_other,
        bool_or(
            sent.from_site_id <> orphan.sender_id
            AND coalesce(sent.to_site_id = orphan.to_site_id, true)
        ) AS is_by_other_to_here
    FROM orphan
    CROSS JOIN setting
    INNER JOIN core_custody AS sent
        ON orphan.lot_id = sent.lot_id AND orphan.unit_id = sent.unit_id
        AND sent.ship_record_id IS NOT NULL AND sent.receive_record_id IS NULL
        AND sent.shipped_at BETWEEN orphan.received_at - to_days(CAST(window_days AS INTEGER))
        AND orphan.received_at + to_hours(CAST(late_h AS INTEGER))
    GROUP BY orphan.lot_id, orphan.unit_id, orphan.receive_record_id
),
box AS (
    SELECT orphan.lot_id, orphan.unit_id, orphan.receive_record_id, orphan.received_at,
        link.parent_id
    FROM orphan
    INNER JOIN core_link AS link ON orphan.unit_id = link.child_id
    WHERE link.opened_at <= orphan.received_at
),
nested_box AS (
    SELECT * FROM box
    UNION
    SELECT box.lot_id, box.unit_id, box.receive_record_id, box.received_at, link.parent_id
    FROM box
    INNER JOIN core_link AS link ON box.parent_id = link.child_id
    WHERE link.opened_at <= box.received_at
),
box_sent AS (
    SELECT item.epc_id AS parent_id, event.event_at, place.site_id, place.to_site_id
    FROM stg_event AS event
    INNER JOIN stg_event_item AS item ON event.record_id = item.record_id
    LEFT JOIN core_event AS place ON event.record_id = place.record_id
    WHERE event.step = 'shipping' AND event.status = 'live'
        AND item.epc_id IN (SELECT parent_id FROM nested_box)
),
boxed AS (
    SELECT
        nested_box.lot_id, nested_box.unit_id, nested_box.receive_record_id,
        bool_or(coalesce(
            box_sent.site_id = orphan.sender_id OR box_sent.to_site_id = orphan.to_site_id, false
        )) AS is_by_sender
    FROM nested_box
    CROSS JOIN setting
    INNER JOIN orphan
        ON nested_box.lot_id = orphan.lot_id AND nested_box.unit_id = orphan.unit_id
        AND nested_box.receive_record_id = orphan.receive_record_id
    INNER JOIN box_sent
        ON nested_box.parent_id = box_sent.parent_id
        AND box_sent.event_at
            BETWEEN nested_box.received_at - to_days(CAST(window_days AS INTEGER))
            AND nested_box.received_at + to_hours(CAST(late_h AS INTEGER))
    GROUP BY nested_box.lot_id, nested_box.unit_id, nested_box.receive_record_id
),
-- Is it the sender's habit? Lots received from it with no shipping, of all lots received from it.
lot_from_sender AS (
    SELECT
        sender_id, lot_id, bool_or(ship_record_id IS NULL) AS is_orphaned,
        count(DISTINCT receive_record_id) AS consignments,
        count(DISTINCT receive_record_id) FILTER (WHERE ship_record_id IS NULL) AS orphaned
    FROM held
    WHERE receive_record_id IS NOT NULL AND sender_id IS NOT NULL
        AND sender_id IS DISTINCT FROM to_site_id
    GROUP BY sender_id, lot_id
),
habit AS (
    SELECT
        sender_id,
        count(*) AS lots,
        count(*) FILTER (WHERE is_orphaned) AS orphaned_lots,
        round(avg(CAST(is_orphaned AS INTEGER)), 4) AS orphaned_share,
        sum(consignments) AS consignments, sum(orphaned) AS orphaned
    FROM lot_from_sender
    GROUP BY sender_id
),
-- Firms to which any of the lot was sent or came, as far as anybody tells.
coming AS (
    SELECT DISTINCT hop.lot_id, site.partner_id
    FROM (
        SELECT lot_id, unnest([to_site_id, stated_to_site_id, to_owner_site_id]) AS site_id
        FROM (
            SELECT DISTINCT lot_id, to_site_id, stated_to_site_id, to_owner_site_id
            FROM core_custody
            WHERE lot_id IN (SELECT orphan.lot_id FROM orphan)
        )
    ) AS hop
    INNER JOIN core_site AS site ON hop.site_id = site.site_id
),
judged AS (
    SELECT
        orphan.lot_id, orphan.unit_id, orphan.to_site_id, orphan.sender_id,
        orphan.receive_record_id,
        lot.is_covered AND heard.receive_record_id IS NOT NULL AS is_guarded,
        coalesce(loose.is_to_here, false) AS is_to_here,
        coalesce(loose.is_elsewhere, false) AS is_elsewhere,
        coalesce(loose.is_by_other, false) AS is_by_other,
        coalesce(loose.is_by_other_to_here, false) AS is_by_other_to_here,
        boxed.unit_id IS NOT NULL AS is_boxed,
        coalesce(boxed.is_by_sender, false) AS is_boxed_by_sender,
        coalesce(
            habit.consignments - mine.consignments >= setting.sound_consignments
            AND habit.orphaned - mine.orphaned
            <= (1 - setting.sound_share) * (habit.consignments - mine.consignments), false
        ) AS is_sound_sender,
        coalesce(sender.role = 'wholesaler', false) AND coming.lot_id IS NULL AND coalesce(
            habit.lots - 1 >= setting.partial_lots
            AND habit.orphaned_lots = CAST(mine.is_orphaned AS INTEGER), false
        ) AS is_stranger,
        date_diff('minute', orphan.received_at, clock.as_of) / 60.0 AS age_h,
        greatest(setting.late_h, coalesce(feed.lag_p95_h, 0)) AS norm_h,
        habit.orphaned_lots,
        habit.orphaned_share,
        coalesce(
            habit.orphaned_lots >= setting.partial_lots
            AND habit.orphaned_share >= setting.partial_share, false
        ) AS is_habit
    FROM orphan
    CROSS JOIN setting
    CROSS JOIN stg_clock AS clock
    INNER JOIN core_lot AS lot ON orphan.lot_id = lot.lot_id
    LEFT JOIN heard
        ON orphan.lot_id = heard.lot_id AND orphan.receive_record_id = heard.receive_record_id
        AND orphan.sender_id IS NOT DISTINCT FROM heard.sender_id
    LEFT JOIN loose
        ON orphan.lot_id = loose.lot_id AND orphan.unit_id = loose.unit_id
        AND orphan.receive_record_id = loose.receive_record_id
    LEFT JOIN boxed
        ON orphan.lot_id = boxed.lot_id AND orphan.unit_id = boxed.unit_id
        AND orphan.receive_record_id = boxed.receive_record_id
    LEFT JOIN habit ON orphan.sender_id = habit.sender_id
    LEFT JOIN lot_from_sender AS mine
        ON orphan.sender_id = mine.sender_id AND orphan.lot_id = mine.lot_id
    LEFT JOIN core_feed AS feed ON orphan.sender_id = feed.site_id
    LEFT JOIN core_site AS sender ON orphan.sender_id = sender.site_id
    LEFT JOIN coming
        ON orphan.lot_id = coming.lot_id AND sender.partner_id = coming.partner_id
),
-- Packs that slipped out of one sound sender to several receivers, or that came, on paper, from
-- one that never had the lot.
scattered AS (
    SELECT
        judged.lot_id, judged.sender_id,
        CASE WHEN bool_and(is_stranger) THEN 'sender_without_lot' ELSE 'scattered' END AS kind
    FROM judged
    CROSS JOIN setting
    WHERE is_guarded AND (is_sound_sender OR is_stranger) AND age_h >= norm_h
        AND NOT (is_to_here OR is_boxed_by_sender OR is_elsewhere OR is_by_other_to_here)
    GROUP BY judged.lot_id, judged.sender_id
    HAVING count(DISTINCT judged.unit_id) >= any_value(setting.scattered_units)
        AND (
            bool_and(is_stranger)
            OR count(DISTINCT judged.to_site_id) >= any_value(setting.scattered_sites)
        )
),
coded AS (
    SELECT
        judged.*,
        scattered.lot_id IS NOT NULL AS is_scattered,
        scattered.kind,
        CASE
            WHEN NOT is_guarded THEN NULL
            WHEN is_to_here OR age_h < norm_h THEN 'B11'
            WHEN is_boxed AND (is_boxed_by_sender OR scattered.lot_id IS NULL) THEN 'B12'
            WHEN is_elsewhere THEN 'B15'
            WHEN is_by_other AND (is_by_other_to_here OR scattered.lot_id IS NULL) THEN 'B23'
            WHEN is_habit THEN 'B06'
        END AS benign
    FROM judged
    LEFT JOIN scattered
        ON judged.lot_id = scattered.lot_id AND judged.sender_id = scattered.sender_id
),
grouped AS (
    SELECT
        lot_id,
        CASE WHEN is_guarded THEN to_site_id END AS site_id,
        CASE WHEN is_guarded THEN sender_id END AS other_site_id,
        is_guarded,
        benign,
        is_guarded AND is_scattered AND benign IS NULL AS is_scattered,
        CASE WHEN is_guarded AND benign IS NULL THEN kind END AS kind,
        count(DISTINCT unit_id) AS units,
        count(DISTINCT unit_id) FILTER (WHERE is_to_here) AS shipped_here_units,
        count(DISTINCT unit_id) FILTER (WHERE is_boxed AND (is_boxed_by_sender OR NOT is_scattered))
            AS boxed_units,
        count(DISTINCT unit_id) FILTER (WHERE is_elsewhere) AS shipped_elsewhere_units,
        count(DISTINCT unit_id) FILTER (
            WHERE is_by_other AND (is_by_other_to_here OR NOT is_scattered)
        ) AS shipped_by_other_units,
        round(min(age_h), 1) AS age_h,
        max(norm_h) AS norm_h,
        max(orphaned_lots) AS orphaned_lots,
        max(orphaned_share) AS orphaned_share,
        list_sort(list(DISTINCT receive_record_id))[1:50] AS record_ids
    FROM coded
    GROUP BY ALL
),
-- Wholesalers whose departures are told so well that untold ones are no fault of the feed.
tight AS (
    SELECT
        handover.site_id, handover.lot_id, site.partner_id, handover.other_left_untold_share,
        handover.other_left_units
    FROM (
        SELECT
            site_id, lot_id, left_untold_units, other_left_untold_share,
            sum(left_units) OVER (PARTITION BY site_id) - left_units AS other_left_units
        FROM feat_handover
    ) AS handover
    CROSS JOIN setting
    INNER JOIN core_site AS site ON handover.site_id = site.site_id
    WHERE site.role = 'wholesaler' AND handover.left_untold_units >= setting.slipped_units
        AND handover.other_left_untold_share <= setting.slipped_share
        AND handover.other_left_units >= setting.slipped_of_units
),
slipped_pack AS (
    SELECT
        tight.lot_id, tight.site_id AS sender_id, item.unit_id,
        item.site_id, item.record_id, item.prev_record_id,
        tight.other_left_untold_share, tight.other_left_units,
        EXISTS (
            SELECT 1
            FROM core_item_event AS sent
            WHERE sent.unit_id = item.unit_id AND sent.site_id = tight.site_id
                AND sent.custody = 'ship' AND sent.ord > last_word.ord
        ) AS is_told_later
    FROM tight
    INNER JOIN core_item_event AS item
        ON tight.lot_id = item.lot_id AND tight.site_id = item.prev_site_id
        AND item.site_id <> item.prev_site_id AND NOT item.is_inferred AND item.terminal_before = 0
        AND (item.custody = 'receive' OR item.is_terminal)
    INNER JOIN core_site AS place
        ON item.site_id = place.site_id AND tight.partner_id IS DISTINCT FROM place.partner_id
    INNER JOIN core_item_event AS last_word
        ON item.unit_id = last_word.unit_id AND item.prev_record_id = last_word.record_id
        AND last_word.custody IS DISTINCT FROM 'ship' AND NOT last_word.is_inferred
),
slipped AS (
    SELECT
        slipped_pack.lot_id, slipped_pack.sender_id, setting.slipped_units, setting.slipped_share,
        count(DISTINCT slipped_pack.unit_id) AS units,
        count(DISTINCT slipped_pack.site_id) AS sites,
        count(DISTINCT slipped_pack.unit_id) FILTER (WHERE is_told_later) AS later_units,
        units - later_units >= setting.slipped_units
        AND count(DISTINCT slipped_pack.site_id) FILTER (WHERE NOT is_told_later)
        >= setting.slipped_sites AS is_untold,
        any_value(other_left_untold_share) AS untold_share,
        any_value(other_left_units) AS other_left_units,
        list_sort(list_distinct(flatten(list([
            slipped_pack.prev_record_id, slipped_pack.record_id
        ]))))[1:50] AS record_ids
    FROM slipped_pack
    CROSS JOIN setting
    GROUP BY
        slipped_pack.lot_id, slipped_pack.sender_id, setting.slipped_units,
        setting.slipped_sites, setting.slipped_share
    HAVING count(DISTINCT slipped_pack.unit_id) >= setting.slipped_units
        AND count(DISTINCT slipped_pack.site_id) >= setting.slipped_sites
)
SELECT
    grouped.lot_id,
    CAST(NULL AS BIGINT) AS unit_id,
    CAST(NULL AS BIGINT) AS container_id,
    grouped.site_id,
    grouped.other_site_id,
    CASE
        WHEN NOT grouped.is_guarded THEN 'S4'
        WHEN grouped.is_scattered THEN 'S2'
        ELSE 'S3'
    END AS severity,
    CASE
        WHEN NOT grouped.is_guarded THEN 'data_gap'
        WHEN grouped.benign IS NOT NULL THEN 'explained'
        ELSE 'stands'
    END AS status,
    grouped.benign,
    'missing' AS history,
    CAST(grouped.units AS DOUBLE) AS units,
    json_object(
        'units_without_shipping', grouped.units, 'coverage', lot.coverage,
        'kind', coalesce(grouped.kind, 'single')
    ) AS observed,
    json_object('units_without_shipping', 0, 'coverage', 0.99) AS threshold,
    CASE
        WHEN NOT grouped.is_guarded THEN json_array()
        ELSE json_array(
            json_object(
                'code', 'B11',
                'result', CASE WHEN grouped.benign = 'B11' THEN 'supported' ELSE 'ruled_out' END,
                'shipped_here_units', grouped.shipped_here_units,
                'age_h', grouped.age_h, 'norm_h', grouped.norm_h
            ),
            json_object(
                'code', 'B12',
                'result', CASE WHEN grouped.boxed_units > 0 THEN 'supported' ELSE 'ruled_out' END,
                'shipped_in_container_units', grouped.boxed_units
            ),
            json_object(
                'code', 'B15',
                'result',
                CASE WHEN grouped.shipped_elsewhere_units > 0 THEN 'supported' ELSE 'ruled_out' END,
                'shipped_elsewhere_units', grouped.shipped_elsewhere_units
            ),
            json_object(
                'code', 'B23',
                'result',
                CASE WHEN grouped.shipped_by_other_units > 0 THEN 'supported' ELSE 'ruled_out' END,
                'shipped_by_other_units', grouped.shipped_by_other_units
            ),
            json_object(
                'code', 'B06',
                'result',
                CASE
                    WHEN grouped.other_site_id IS NULL THEN 'not_testable'
                    WHEN grouped.orphaned_lots >= setting.partial_lots
                        AND grouped.orphaned_share >= setting.partial_share THEN 'supported'
                    ELSE 'ruled_out'
                END,
                'lots_without_shipping', grouped.orphaned_lots,
                'share_of_lots', grouped.orphaned_share
            )
        )
    END AS tests,
    grouped.record_ids
FROM grouped
CROSS JOIN setting
INNER JOIN core_lot AS lot ON grouped.lot_id = lot.lot_id
UNION ALL
SELECT
    lot_id, NULL, NULL, NULL, sender_id, 'S2',
    CASE WHEN is_untold THEN 'stands' ELSE 'explained' END,
    CASE WHEN NOT is_untold THEN 'B11' END,
    'missing', CAST(units AS DOUBLE),
    json_object('units_without_shipping', units, 'sites', sites, 'kind', 'slipped'),
    json_object('units_without_shipping', slipped_units),
    json_array(
        json_object(
            'code', 'B11', 'result', CASE WHEN is_untold THEN 'ruled_out' ELSE 'supported' END,
            'shipped_later_units', later_units
        ),
        json_object(
            'code', 'B06', 'result', 'ruled_out', 'left_untold_share', round(untold_share, 4),
            'least_share', slipped_share, 'other_left_units', other_left_units
        )
    ),
    record_ids
FROM slipped
ORDER BY ALL
