-- model:   P19_ship_by_nonholder
-- purpose: Packs shipped or ended by a party that the records do not show as their holder.
-- grain:   one row per lot, acting place, holder and explanation; one data gap per lot
-- key:     none
-- pattern: P19
-- family:  lifecycle
-- definition: A shipping or an end of a pack at A, while the last record that says who holds it
--   (its birth, a receipt, a void shipping) is at another party, or it is on its way between two
--   others. So is a party that acts on a pack after another received it with no shipping between:
--   two hold it at once. A receipt alone is P17's, and what follows a pack's end is P03's and
--   P11's.
-- guard: The lot is covered (commissioned share at least 0.99). Over other lots (at least 3), the
--   holder's data shows at least 90 % of what left it as shipped, and A's acts at least 90 % of the
--   time follow a receipt (or A told the receipt of at least 10 packs, and of 99 % of those that
--   were sent to it and on which it acted: then 80 % are enough of the holder); nor is over 10 % of
--   the holder's packs of other lots that were next met elsewhere untold as leaving; a holder where
--   the packs were made told some pack of the lot as shipped. Where the packs were on their way,
--   the place that they were bound for leaks no departures of other lots, nor, as a trader,
--   arrivals (feat_handover), and a trader is known by at least 3 lots that left it. The holder, or
--   that place, had no two days without a word in the 30 before the act (feat_silent_day). Else one
--   data gap a lot. A maker that retires its own packs from afar is no holder's act.
-- severity: S2 always.
-- benign: B08 (one or two packs handed out by a dispenser, held by or bound for another within 20
--   km: a loan that nobody told), B11 (A's receipt comes within 72 h after, or A ships to the holder
--   whose receipt was told first), B12 (one of the two records names the pack, the other only a
--   container it may have left unscanned, or they name two containers; or A had taken the pack out
--   of a container that the holder, or whom it was bound for, shipped: nobody told the packing), B15
--   (what came to the wrong door or was too much in the box: A sends it back to who held or sent it,
--   or on to whom it was addressed), B23 (the act names the holder's firm as owner, or A is a
--   logistics provider).
-- source: typology P19
-- reads:   core_container_event, core_event, core_item_event, core_lot, core_site, feat_handover,
--   feat_route, feat_silent_day, raw_setting, stg_mention
-- columns: as in find_finding's pattern shape
-- caveats: Wards and shops without a known owner look like other parties; where they never receive
--   anything the guard holds them to be a data gap.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P19.late_h') AS late_h,
        max(value) FILTER (WHERE name = 'P19.feed_share') AS feed_share,
        max(value) FILTER (WHERE name = 'P19.less_share') AS less_share,
        max(value) FILTER (WHERE name = 'P19.feed_lots') AS feed_lots,
        max(value) FILTER (WHERE name = 'P19.feed_units') AS feed_units,
        max(value) FILTER (WHERE name = 'P19.receipt_share') AS receipt_share,
        max(value) FILTER (WHERE name = 'feed.gap_days') AS gap_days,
        max(value) FILTER (WHERE name = 'feed.look_back_days') AS look_back_days,
        max(value) FILTER (WHERE name = 'B08.distance_km') AS near_km,
        max(value) FILTER (WHERE name = 'B08.units') AS lent_units
    FROM raw_setting
),
-- One pack stands for all that went its way.
route AS (
    SELECT route_unit_id AS unit_id, 1 + count(*) AS packs FROM feat_route GROUP BY route_unit_id
),
told AS (
    SELECT
        event.unit_id, coalesce(route.packs, 1) AS packs, event.lot_id, ord, prev_record_id,
        event.step AS told_step, site_id, coalesce(to_site_id, 0) AS to_site_id, custody, is_birth,
        is_terminal, is_inferred
    FROM core_item_event AS event
    ANTI JOIN feat_route AS led ON event.unit_id = led.unit_id
    LEFT JOIN route ON event.unit_id = route.unit_id
    WHERE site_id IS NOT NULL AND terminal_before = 0
        AND (custody IS NOT NULL OR is_birth OR is_terminal)
),
-- Who has the pack before each record: a shipping leaves it on the way.
followed AS (
    SELECT
        told.*,
        last_value(CASE WHEN custody IS NOT NULL OR is_birth THEN {
            'site_id': site_id, 'to_site_id': to_site_id, 'is_ship': custody = 'ship',
            'is_birth': is_birth, 'ord': ord
        } END IGNORE NULLS) OVER before AS held
    FROM told
    WINDOW before AS (
        PARTITION BY unit_id ORDER BY ord ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
-- Each place's acts by lot, and what left it by lot: how far its data can be trusted.
party AS (
    SELECT site_id, coalesce(partner_id, -site_id) AS partner_id, role FROM core_site
),
step AS (
    SELECT
        followed.*,
        coalesce(held.is_ship, false) AS is_on_the_way,
        actor.partner_id AS actor_partner_id, actor.role AS actor_role,
        holder.partner_id AS holder_partner_id, holder.role AS holder_role,
        (custody = 'ship' OR is_terminal) AS is_act,
        NOT (
            actor.partner_id = holder.partner_id
            OR (
                coalesce(held.is_ship, false)
                AND coalesce(target.partner_id = actor.partner_id, false)
            )
        ) AS is_foreign
    FROM followed
    INNER JOIN party AS actor ON followed.site_id = actor.site_id
    INNER JOIN party AS holder ON followed.held.site_id = holder.site_id
    LEFT JOIN party AS target ON followed.held.to_site_id = target.site_id
    WHERE followed.held IS NOT NULL
),
actor_lot AS (
    SELECT site_id, lot_id, bool_or(is_foreign) AS is_bad
    FROM step
    WHERE is_act
    GROUP BY site_id, lot_id
),
actor AS (
    SELECT site_id, count(*) AS lots, count(*) FILTER (WHERE is_bad) AS bad_lots
    FROM actor_lot
    GROUP BY site_id
),
-- Packs that were sent to a place, of whatever lot, and whether it told the receipt before it
-- acted.
taker AS (
    SELECT
        site_id,
        told_units >= setting.feed_units AND told_units >= setting.receipt_share * units AS is_sound
    FROM (
        SELECT
            site_id, coalesce(sum(packs) FILTER (WHERE custody = 'receive'), 0) AS told_units,
            sum(packs) AS units
        FROM step
        WHERE is_on_the_way AND NOT is_foreign AND NOT is_inferred
            AND (custody = 'receive' OR is_act)
        GROUP BY site_id
    )
    CROSS JOIN setting
),
-- What left a holder: shipped by it, or received elsewhere though it never shipped.
holder_lot AS (
    SELECT
        held.site_id AS site_id, lot_id,
        bool_or(custody = 'receive' AND NOT is_on_the_way) AS is_bad,
        bool_or(custody = 'ship') AS is_shipping
    FROM step
    WHERE (custody = 'receive' AND is_foreign AND NOT is_on_the_way)
        OR (custody = 'ship' AND NOT is_foreign AND site_id = held.site_id)
    GROUP BY held.site_id, lot_id
),
holder AS (
    SELECT site_id, count(*) AS lots, count(*) FILTER (WHERE is_bad) AS bad_lots
    FROM holder_lot
    GROUP BY site_id
),
foreign_route AS (
    SELECT *
    FROM step
    WHERE is_act AND is_foreign
        AND NOT (
            is_terminal AND custody IS NULL AND actor_role = 'maker'
            AND told_step NOT IN ('dispensing', 'retail_selling')
        )
    QUALIFY row_number() OVER (PARTITION BY unit_id, site_id ORDER BY ord) = 1
),
-- Each pack of these ways. It shares all but its end with the one that stood for it, and that comes
-- after the same event.
foreign_pack AS (
    SELECT unit_id, unit_id AS way_unit_id FROM foreign_route
    UNION
    SELECT led.unit_id, led.route_unit_id
    FROM feat_route AS led
    SEMI JOIN foreign_route ON led.route_unit_id = foreign_route.unit_id
),
foreign_act AS (
    SELECT
        way.* EXCLUDE (unit_id, ord, packs, prev_record_id, told_step),
        act.unit_id, act.ord, act.record_id, act.event_at, act.container_id,
        act.from_owner_site_id, act.step IN ('dispensing', 'retail_selling') AS is_supply,
        last_word.record_id AS holder_record_id, last_word.event_at AS held_at,
        last_word.container_id AS held_container_id,
        -- Known there by its container only, unless the holder then scanned the pack itself.
        last_word.is_inferred AND NOT coalesce(
            seen.site_id = way.held.site_id AND NOT seen.is_inferred, false
        ) AS is_held_inferred
    FROM foreign_route AS way
    INNER JOIN foreign_pack AS pack ON way.unit_id = pack.way_unit_id
    INNER JOIN core_item_event AS act
        ON pack.unit_id = act.unit_id
        AND if(
            pack.unit_id = way.unit_id OR way.custody IS NOT NULL OR way.is_birth,
            act.ord = way.ord,
            act.prev_record_id IS NOT DISTINCT FROM way.prev_record_id
        )
    INNER JOIN core_item_event AS last_word
        ON pack.unit_id = last_word.unit_id AND way.held.ord = last_word.ord
    LEFT JOIN core_item_event AS seen
        ON pack.unit_id = seen.unit_id AND act.prev_record_id = seen.record_id
),
-- B08: handed out by one dispenser, held by or bound for another close by.
lent AS (
    SELECT act.unit_id, act.ord, distance.km
    FROM foreign_act AS act
    INNER JOIN core_site AS here ON act.site_id = here.site_id
    INNER JOIN core_site AS there
        ON there.site_id = if(act.is_on_the_way, act.held.to_site_id, act.held.site_id)
    CROSS JOIN LATERAL (
        SELECT 2 * 6371 * asin(least(1, sqrt(
            pow(sin(radians(here.latitude - there.latitude) / 2), 2)
            + cos(radians(here.latitude)) * cos(radians(there.latitude))
            * pow(sin(radians(here.longitude - there.longitude) / 2), 2)
        ))) AS km
    ) AS distance
    WHERE act.is_terminal AND act.is_supply AND here.role IN ('pharmacy', 'hospital', 'clinic')
        AND there.role IN ('pharmacy', 'hospital', 'clinic')
        -- least passes over a null: a place without coordinates must not lie at the antipodes.
        AND here.latitude + here.longitude + there.latitude + there.longitude IS NOT NULL
),
late AS (
    SELECT DISTINCT act.unit_id, act.ord
    FROM foreign_act AS act
    CROSS JOIN setting
    INNER JOIN core_item_event AS event
        ON act.unit_id = event.unit_id AND event.custody = 'receive' AND event.ord > act.ord
        AND event.event_at <= act.event_at + to_seconds(setting.late_h * 3600)
    INNER JOIN party AS place ON event.site_id = place.site_id
    WHERE place.partner_id = act.actor_partner_id
),
-- Containers that the holder shipped, or whom the pack was bound for, and A opened: the pack came
-- in one, whoever packed it.
opened AS (
    SELECT DISTINCT act.unit_id, act.ord
    FROM foreign_act AS act
    INNER JOIN core_item_event AS taken
        ON act.unit_id = taken.unit_id AND taken.event_type = 'AggregationEvent'
        AND taken.action = 'DELETE' AND taken.ord BETWEEN act.held.ord AND act.ord
    INNER JOIN party AS place
        ON taken.site_id = place.site_id AND act.actor_partner_id = place.partner_id
    INNER JOIN stg_mention AS box ON taken.record_id = box.record_id AND box.is_parent
    INNER JOIN core_container_event AS moved
        ON box.epc_id = moved.container_id AND moved.ord BETWEEN act.held.ord AND taken.ord
    INNER JOIN core_event AS event ON moved.ord = event.ord AND event.custody = 'ship'
    INNER JOIN party AS origin
        ON moved.site_id = origin.site_id
        AND (
            act.holder_partner_id = origin.partner_id
            OR (act.is_on_the_way AND act.held.to_site_id = origin.site_id)
        )
),
-- The holder's feed, or that of the place which the packs were bound for, failed in between.
silent AS (
    SELECT act.unit_id, act.ord
    FROM foreign_act AS act
    CROSS JOIN setting
    INNER JOIN feat_silent_day AS silent_day
        ON silent_day.site_id = if(act.is_on_the_way, act.held.to_site_id, act.held.site_id)
        AND silent_day.silent_on BETWEEN act.held_at::DATE AND act.event_at::DATE
        AND silent_day.silent_on > act.event_at::DATE - setting.look_back_days::INTEGER
    GROUP BY act.unit_id, act.ord, setting.gap_days
    HAVING count(*) >= setting.gap_days
),
judged AS (
    SELECT
        act.lot_id, act.unit_id, act.ord, act.site_id, act.held.site_id AS holder_site_id,
        act.record_id, act.holder_record_id, act.is_terminal, act.is_on_the_way, lent.km AS lent_km,
        lent.km <= setting.near_km AND count(DISTINCT act.unit_id) OVER (
            PARTITION BY act.lot_id, act.site_id, act.held.site_id, act.held.to_site_id
        ) <= setting.lent_units AS is_lent,
        late.unit_id IS NOT NULL
        OR (
            act.custody = 'ship' AND coalesce(target.partner_id = act.holder_partner_id, false)
            AND epoch(act.event_at - act.held_at) / 3600 <= setting.late_h
        ) AS is_late,
        act.custody = 'ship' AND coalesce(
            target.partner_id = act.holder_partner_id
            OR (act.is_on_the_way AND act.to_site_id = act.held.to_site_id),
            false
        ) AS is_sent_back,
        opened.unit_id IS NOT NULL AS is_out_of_container,
        opened.unit_id IS NOT NULL
        OR (
            (act.is_inferred OR act.is_held_inferred)
            AND act.container_id IS DISTINCT FROM act.held_container_id
        ) AS is_unpacked,
        coalesce(owner.partner_id = act.holder_partner_id, false)
        OR coalesce(act.actor_role, '') = 'third_party_logistics'
        OR coalesce(act.holder_role, '') = 'third_party_logistics' AS is_title,
        coalesce(lot.is_covered, false)
        AND (NOT coalesce(act.held.is_birth, false) OR coalesce(mine.is_shipping, false))
        AND silent.unit_id IS NULL
        AND coalesce(1 - origin.other_left_untold_share >= setting.feed_share, true)
        AND NOT coalesce(
            goal.is_departure_leaky
            OR (
                goal.is_arrival_leaky
                AND goal_site.role NOT IN ('pharmacy', 'hospital', 'clinic')
            ),
            false
        )
        AND (
            NOT act.is_on_the_way
            OR coalesce(goal_site.role IN ('pharmacy', 'hospital', 'clinic'), false)
            OR coalesce(passing.lots >= setting.feed_lots, false)
        )
        AND coalesce(
            (
                actor.lots - 1 >= setting.feed_lots
                AND actor.lots - actor.bad_lots >= setting.feed_share * (actor.lots - 1)
            ) OR taker.is_sound,
            false
        )
        AND coalesce(
            holder.lots - coalesce(CAST(mine.lot_id IS NOT NULL AS INTEGER), 0)
            >= setting.feed_lots
            AND holder.lots - holder.bad_lots - CAST(
                coalesce(NOT mine.is_bad, false) AS INTEGER)
            >= if(taker.is_sound, setting.less_share, setting.feed_share)
            * (holder.lots - CAST(mine.lot_id IS NOT NULL AS INTEGER)), false) AS is_guarded,
        actor.lots - 1 AS actor_other_lots,
        holder.lots - CAST(mine.lot_id IS NOT NULL AS INTEGER) AS holder_other_lots
    FROM foreign_act AS act
    CROSS JOIN setting
    INNER JOIN core_lot AS lot ON act.lot_id = lot.lot_id
    LEFT JOIN late ON act.unit_id = late.unit_id AND act.ord = late.ord
    LEFT JOIN opened ON act.unit_id = opened.unit_id AND act.ord = opened.ord
    LEFT JOIN lent ON act.unit_id = lent.unit_id AND act.ord = lent.ord
    LEFT JOIN silent ON act.unit_id = silent.unit_id AND act.ord = silent.ord
    LEFT JOIN feat_handover AS origin
        ON act.held.site_id = origin.site_id AND act.lot_id = origin.lot_id
    LEFT JOIN feat_handover AS goal
        ON act.is_on_the_way AND act.held.to_site_id = goal.site_id AND act.lot_id = goal.lot_id
    LEFT JOIN party AS goal_site
        ON act.is_on_the_way AND act.held.to_site_id = goal_site.site_id
    LEFT JOIN holder AS passing ON goal_site.site_id = passing.site_id
    LEFT JOIN party AS target ON act.to_site_id = target.site_id
    LEFT JOIN party AS owner ON act.from_owner_site_id = owner.site_id
    LEFT JOIN actor ON act.site_id = actor.site_id
    LEFT JOIN taker ON act.site_id = taker.site_id
    LEFT JOIN holder ON act.held.site_id = holder.site_id
    LEFT JOIN holder_lot AS mine
        ON act.held.site_id = mine.site_id AND act.lot_id = mine.lot_id
),
coded AS (
    SELECT
        *,
        CASE
            WHEN NOT is_guarded THEN NULL
            WHEN is_lent THEN 'B08'
            WHEN is_late THEN 'B11'
            WHEN is_unpacked THEN 'B12'
            WHEN is_sent_back THEN 'B15'
            WHEN is_title THEN 'B23'
        END AS benign
    FROM judged
),
grouped AS (
    SELECT
        lot_id, is_guarded, benign,
        CASE WHEN is_guarded THEN site_id END AS site_id,
        CASE WHEN is_guarded THEN holder_site_id END AS other_site_id,
        count(DISTINCT unit_id) AS units,
        count(DISTINCT unit_id) FILTER (WHERE is_terminal) AS ended_units,
        count(DISTINCT unit_id) FILTER (WHERE is_on_the_way) AS on_the_way_units,
        count(DISTINCT unit_id) FILTER (WHERE is_late) AS late_units,
        count(DISTINCT unit_id) FILTER (WHERE is_unpacked AND NOT is_out_of_container)
            AS known_by_container_units,
        count(DISTINCT unit_id) FILTER (WHERE is_out_of_container) AS out_of_container_units,
        count(DISTINCT unit_id) FILTER (WHERE is_sent_back) AS sent_back_units,
        count(DISTINCT unit_id) FILTER (WHERE is_title) AS title_units,
        count(DISTINCT unit_id) FILTER (WHERE is_lent) AS lent_units,
        min(lent_km) AS lent_km,
        max(actor_other_lots) AS actor_other_lots,
        max(holder_other_lots) AS holder_other_lots,
        min(unit_id) AS one_unit_id,
        list_sort(list_distinct(flatten(list([holder_record_id, record_id]))))[1:50] AS record_ids
    FROM coded
    GROUP BY ALL
)
SELECT
    grouped.lot_id::INTEGER AS lot_id,
    CASE WHEN grouped.units = 1 THEN grouped.one_unit_id END::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    grouped.site_id::INTEGER AS site_id,
    grouped.other_site_id::INTEGER AS other_site_id,
    CASE WHEN grouped.is_guarded THEN 'S2' ELSE 'S4' END AS severity,
    CASE
        WHEN NOT grouped.is_guarded THEN 'data_gap'
        WHEN grouped.benign IS NOT NULL THEN 'explained'
        ELSE 'stands'
    END AS status,
    grouped.benign,
    CASE WHEN grouped.is_guarded THEN 'conflicting' ELSE 'missing' END AS history,
    grouped.units::DOUBLE AS units,
    to_json({
        'units_held_elsewhere': grouped.units, 'ended_units': grouped.ended_units,
        'on_the_way_units': grouped.on_the_way_units,
        'actor_other_lots': grouped.actor_other_lots,
        'holder_other_lots': grouped.holder_other_lots
    }) AS observed,
    to_json({'units_held_elsewhere': 0}) AS threshold,
    CASE
        WHEN NOT grouped.is_guarded THEN '[]'::JSON
        ELSE to_json([
            to_json({
                'code': 'B08',
                'result': CASE WHEN grouped.lent_units > 0 THEN 'supported' ELSE 'ruled_out' END,
                'lent_units': grouped.lent_units, 'distance_km': round(grouped.lent_km, 1)
            }),
            to_json({
                'code': 'B11',
                'result': CASE WHEN grouped.late_units > 0 THEN 'supported' ELSE 'ruled_out' END,
                'received_late_units': grouped.late_units, 'norm_h': setting.late_h
            }),
            to_json({
                'code': 'B12',
                'result': CASE
                    WHEN grouped.known_by_container_units + grouped.out_of_container_units > 0
                        THEN 'supported'
                    ELSE 'ruled_out'
                END,
                'known_by_container_units': grouped.known_by_container_units,
                'out_of_container_units': grouped.out_of_container_units
            }),
            to_json({
                'code': 'B15',
                'result': CASE
                    WHEN grouped.sent_back_units > 0 THEN 'supported' ELSE 'ruled_out'
                END,
                'sent_back_or_on_units': grouped.sent_back_units
            }),
            to_json({
                'code': 'B23',
                'result': CASE WHEN grouped.title_units > 0 THEN 'supported' ELSE 'ruled_out' END,
                'title_only_units': grouped.title_units
            })
        ])::JSON
    END AS tests,
    grouped.record_ids
FROM grouped
CROSS JOIN setting
ORDER BY ALL
