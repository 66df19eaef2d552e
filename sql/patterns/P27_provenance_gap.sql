-- model:   P27_provenance_gap
-- purpose: A site that handled a lot which no recorded way from its maker could have brought
--   there.
-- grain:   one row per lot and first site off the recorded ways; one data gap per lot
-- key:     none
-- pattern: P27
-- family:  network
-- definition: No chain of movements of the lot leads from a site that made it to the holder with
--   every leg leaving after the one before arrived (2 h of doubt). Of sites off the ways only the
--   first is reported, not those it passed the lot to.
-- guard: The lot is covered (B06); every maker of it and every trader on the ways reports
--   shippings, and a maker does so of this lot; no shipping of the lot goes to an unstated place; no
--   trader of the lot had two days without a word in the 30 before (feat_silent_day), unless packs
--   with serials were all last known at, or on their way to, other places, each a dispenser or one
--   that told nearly all that left it of at least 5 other lots; the site where the packs were last
--   known, or on their way to, is none whose feed loses departures of other lots too
--   (feat_handover). Otherwise one data gap a lot. A lot with no known maker, or that nobody named,
--   has no way to look for: silent.
-- severity: S1 for a high-risk product; S2 else.
-- benign: B08 (one or two packs that a dispenser handed out, last known at or bound for another
--   within 20 km: a loan), B11 (a way exists if its legs may overlap by the lag norm), B15 (what
--   was on its way to another door is sent back to its sender, or on to whom it was addressed), B23
--   (a site of the same company lies on the ways, or the events name an owner who does), B24 (a
--   returns processor or a destruction plant that sent none on but to destruction).
-- source: typology P27
-- reads:   core_event, core_feed, core_item_event, core_lot, core_lot_site_flow, core_movement,
--   core_product, core_site, core_unit, feat_handover, feat_silent_day, raw_setting
-- columns: as in find_finding's pattern shape
-- caveats: Judged for the lot, not the pack: strange packs at a site that also bought lawful ones
--   pass here and are left to P04 and P17. Legs are the first and last movement of a pair of
--   sites.
WITH RECURSIVE setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P27.doubt_h') AS doubt_h,
        max(value) FILTER (WHERE name = 'P27.late_h') AS late_h,
        max(value) FILTER (WHERE name = 'B08.distance_km') AS near_km,
        max(value) FILTER (WHERE name = 'B08.units') AS lent_units,
        max(value) FILTER (WHERE name = 'P27.sound_lots') AS sound_lots,
        max(value) FILTER (WHERE name = 'feed.leak_share') AS leak_share,
        max(value) FILTER (WHERE name = 'feed.gap_days') AS gap_days,
        max(value) FILTER (WHERE name = 'feed.look_back_days') AS look_back_days
    FROM raw_setting
),
maker AS (
    SELECT lot_id, maker_site_id AS site_id FROM core_lot WHERE maker_site_id IS NOT NULL
    UNION
    SELECT lot_id, commissioned_site_id FROM core_unit
    WHERE is_commissioned AND commissioned_site_id IS NOT NULL
    UNION
    SELECT lot_id, site_id FROM core_lot_site_flow WHERE direction = 'made' AND site_id IS NOT NULL
),
known_lot AS (
    SELECT lot.lot_id, lot.gtin, lot.coverage, coalesce(lot.is_covered, false) AS is_covered
    FROM core_lot AS lot
    WHERE lot.lot <> '(unstated)' AND lot.lot_id IN (SELECT lot_id FROM maker)
),
leg AS (
    SELECT
        movement.lot_id, movement.from_site_id, movement.to_site_id,
        max(coalesce(movement.shipped_at, movement.received_at)) AS last_left_at,
        min(coalesce(movement.received_at, movement.shipped_at)) AS first_came_at
    FROM core_movement AS movement
    INNER JOIN known_lot ON movement.lot_id = known_lot.lot_id
    WHERE movement.from_site_id IS NOT NULL AND movement.to_site_id IS NOT NULL
        AND coalesce(movement.shipped_at, movement.received_at) IS NOT NULL
        AND movement.from_site_id <> movement.to_site_id
    GROUP BY movement.lot_id, movement.from_site_id, movement.to_site_id
),
-- Earliest arrivals along the legs, once strictly and once with the lag norm granted.
reached AS (
    SELECT maker.lot_id, maker.site_id, slack.h AS slack_h, TIMESTAMP '1900-01-01' AS moved_at
    FROM maker
    INNER JOIN known_lot ON maker.lot_id = known_lot.lot_id
    CROSS JOIN (
        SELECT doubt_h AS h FROM setting
        UNION
        SELECT late_h FROM setting
    ) AS slack
    UNION
    SELECT
        leg.lot_id, leg.to_site_id, reached.slack_h,
        greatest(reached.moved_at, leg.first_came_at)
    FROM reached
    INNER JOIN leg ON reached.lot_id = leg.lot_id AND reached.site_id = leg.from_site_id
    WHERE leg.last_left_at >= reached.moved_at - to_seconds(reached.slack_h * 3600)
),
reach AS (
    SELECT
        reached.lot_id, reached.site_id,
        bool_or(reached.slack_h = setting.doubt_h) AS is_strict
    FROM reached
    CROSS JOIN setting
    GROUP BY reached.lot_id, reached.site_id
),
holder AS (
    SELECT
        flow.lot_id, flow.site_id,
        min(flow.at) AS first_at,
        greatest(
            coalesce(sum(flow.units) FILTER (WHERE flow.direction = 'in'), 0),
            coalesce(sum(flow.units) FILTER (WHERE flow.direction = 'out'), 0),
            coalesce(sum(flow.units) FILTER (WHERE flow.direction = 'ended'), 0)
        ) AS units,
        list_sort(list(DISTINCT flow.record_id))[1:50] AS record_ids
    FROM core_lot_site_flow AS flow
    INNER JOIN known_lot ON flow.lot_id = known_lot.lot_id
    WHERE flow.direction IN ('in', 'out', 'ended') AND flow.site_id IS NOT NULL
    GROUP BY flow.lot_id, flow.site_id
),
off AS (
    SELECT holder.*, coalesce(reach.site_id IS NOT NULL, false) AS is_late_reached
    FROM holder
    LEFT JOIN reach ON holder.lot_id = reach.lot_id AND holder.site_id = reach.site_id
    WHERE NOT coalesce(reach.is_strict, false)
),
first_off AS (
    SELECT off.*
    FROM off
    WHERE NOT EXISTS (
        SELECT 1
        FROM leg
        INNER JOIN off AS before
            ON leg.lot_id = before.lot_id AND leg.from_site_id = before.site_id
        WHERE leg.lot_id = off.lot_id AND leg.to_site_id = off.site_id
            AND (before.first_at, before.site_id) < (off.first_at, off.site_id)
    )
),
-- What the record cannot show: traders on the ways that report no shipping, goods sent to nowhere.
silent AS (
    SELECT
        reach.lot_id,
        count(*) AS sites
    FROM reach
    INNER JOIN core_site AS site ON reach.site_id = site.site_id
    LEFT JOIN core_feed AS feed ON reach.site_id = feed.site_id
    WHERE reach.is_strict AND coalesce(feed.ship_count, 0) = 0
        AND coalesce(site.role, 'unknown')
            NOT IN ('pharmacy', 'hospital', 'clinic', 'destruction', 'reverse_distributor')
    GROUP BY reach.lot_id
),
-- Packs of the site that were last known at, or on their way to, a site whose feed loses such words.
arrival AS (
    SELECT
        first_off.lot_id, first_off.site_id, event.unit_id,
        arg_min(
            if(before.custody = 'ship', coalesce(before.to_site_id, before.site_id), before.site_id),
            event.ord
        ) AS last_site_id,
        coalesce(arg_min(
            before.custody = 'ship' AND event.custody = 'ship'
            AND event.to_site_id IN (before.site_id, before.to_site_id),
            event.ord
        ), false) AS is_sent_back
    FROM first_off
    INNER JOIN core_item_event AS event
        ON first_off.lot_id = event.lot_id AND first_off.site_id = event.site_id
        AND event.site_id IS DISTINCT FROM event.prev_site_id
    LEFT JOIN core_event AS before ON event.prev_record_id = before.record_id
    GROUP BY first_off.lot_id, first_off.site_id, event.unit_id
),
-- Places whose word is good: they told nearly all that left them of other lots, or serve patients.
sound AS (
    SELECT judged.lot_id, judged.site_id
    FROM (
        SELECT
            lot_id, site_id, other_left_untold_share,
            sum((left_units > 0)::INTEGER) OVER (PARTITION BY site_id)
            - (left_units > 0)::INTEGER AS other_left_lots
        FROM feat_handover
    ) AS judged
    CROSS JOIN setting
    INNER JOIN core_site AS site ON judged.site_id = site.site_id
    WHERE site.role IN ('pharmacy', 'hospital', 'clinic')
        OR (
            judged.other_left_lots >= setting.sound_lots
            AND judged.other_left_untold_share < setting.leak_share
        )
),
-- A trader of the lot, or the holder, whose feed failed for days just before: what it sent may be lost.
feed_gap AS (
    SELECT DISTINCT lot_id, site_id
    FROM (
        SELECT first_off.lot_id, first_off.site_id, silent_day.site_id AS silent_site_id
        FROM first_off
        CROSS JOIN setting
        INNER JOIN reach ON first_off.lot_id = reach.lot_id AND reach.is_strict
        INNER JOIN core_site AS site ON reach.site_id = site.site_id
            AND coalesce(site.role, 'unknown') NOT IN ('pharmacy', 'hospital', 'clinic')
        INNER JOIN feat_silent_day AS silent_day
            ON reach.site_id = silent_day.site_id
            AND silent_day.silent_on <= first_off.first_at::DATE
            AND silent_day.silent_on
            > first_off.first_at::DATE - setting.look_back_days::INTEGER
        GROUP BY first_off.lot_id, first_off.site_id, silent_day.site_id, setting.gap_days
        HAVING count(DISTINCT silent_day.silent_on) >= setting.gap_days
    ) AS failed
    -- Packs known by name were last known elsewhere: what this feed lost did not bring them.
    WHERE NOT EXISTS (
        SELECT 1
        FROM arrival
        LEFT JOIN sound
            ON arrival.lot_id = sound.lot_id AND arrival.last_site_id = sound.site_id
        WHERE arrival.lot_id = failed.lot_id AND arrival.site_id = failed.site_id
            AND arrival.last_site_id IS NOT NULL
        GROUP BY arrival.lot_id
        HAVING bool_and(
            sound.site_id IS NOT NULL AND arrival.last_site_id <> failed.silent_site_id
        )
    )
),
sent_back AS (
    SELECT lot_id, site_id, count(*) FILTER (WHERE is_sent_back) AS units, bool_and(is_sent_back)
        AS is_all
    FROM arrival
    GROUP BY lot_id, site_id
),
-- B08: where the packs were last known, or bound for, is a dispenser next door.
lent AS (
    SELECT
        arrival.lot_id, arrival.site_id,
        -- least passes over a null: a place without coordinates must not lie at the antipodes.
        max(2 * 6371 * asin(least(1, sqrt(
            pow(sin(radians(here.latitude - there.latitude) / 2), 2)
            + cos(radians(here.latitude)) * cos(radians(there.latitude))
            * pow(sin(radians(here.longitude - there.longitude) / 2), 2)
        )))) FILTER (
            WHERE here.latitude + here.longitude + there.latitude + there.longitude IS NOT NULL
        ) AS km,
        count(*) <= any_value(setting.lent_units) AND count(here.latitude) = count(*)
        AND count(there.latitude) = count(*) AND km <= any_value(setting.near_km) AS is_lent
    FROM arrival
    CROSS JOIN setting
    INNER JOIN core_site AS here
        ON arrival.site_id = here.site_id AND here.role IN ('pharmacy', 'hospital', 'clinic')
    LEFT JOIN core_site AS there
        ON arrival.last_site_id = there.site_id
        AND there.role IN ('pharmacy', 'hospital', 'clinic')
    GROUP BY arrival.lot_id, arrival.site_id
),
-- B24: a returns processor or a plant that let nothing of it back into trade.
waste AS (
    SELECT first_off.lot_id, first_off.site_id
    FROM first_off
    INNER JOIN core_site AS site
        ON first_off.site_id = site.site_id
        AND site.role IN ('reverse_distributor', 'destruction')
    WHERE NOT EXISTS (
        SELECT 1
        FROM core_movement AS movement
        LEFT JOIN core_site AS goal ON movement.to_site_id = goal.site_id
        WHERE movement.lot_id = first_off.lot_id AND movement.from_site_id = first_off.site_id
            AND coalesce(goal.role, '') <> 'destruction'
    )
),
leak AS (
    SELECT arrival.lot_id, arrival.site_id
    FROM arrival
    LEFT JOIN feat_handover AS feed
        ON arrival.last_site_id = feed.site_id AND arrival.lot_id = feed.lot_id
    GROUP BY arrival.lot_id, arrival.site_id
    HAVING bool_and(coalesce(feed.is_departure_leaky, false))
),
to_nowhere AS (
    SELECT lot_id, sum(units) AS units
    FROM core_movement
    WHERE to_site_id IS NULL AND lot_id IN (SELECT lot_id FROM first_off)
    GROUP BY lot_id
),
from_maker AS (
    SELECT DISTINCT leg.lot_id
    FROM leg
    INNER JOIN maker ON leg.lot_id = maker.lot_id AND leg.from_site_id = maker.site_id
),
-- B23: a sister site, or an owner named by the events, lies on the ways.
sister AS (
    SELECT DISTINCT first_off.lot_id, first_off.site_id
    FROM first_off
    INNER JOIN core_site AS here ON first_off.site_id = here.site_id
    INNER JOIN core_site AS there
        ON here.partner_id = there.partner_id AND here.site_id <> there.site_id
    INNER JOIN reach
        ON first_off.lot_id = reach.lot_id AND there.site_id = reach.site_id AND reach.is_strict
),
owned AS (
    SELECT first_off.lot_id, first_off.site_id, count(DISTINCT event.record_id) AS events
    FROM first_off
    INNER JOIN core_item_event AS event
        ON first_off.lot_id = event.lot_id
        AND first_off.site_id IN (event.site_id, event.from_site_id, event.to_site_id)
    INNER JOIN reach
        ON event.lot_id = reach.lot_id AND event.from_owner_site_id = reach.site_id
        AND reach.is_strict
    WHERE event.from_owner_site_id <> first_off.site_id
    GROUP BY first_off.lot_id, first_off.site_id
),
judged AS (
    SELECT
        first_off.*,
        known_lot.coverage,
        coalesce(product.is_high_risk, false) AS is_high_risk,
        coalesce(silent.sites, 0) AS silent_sites,
        coalesce(to_nowhere.units, 0) AS to_nowhere_units,
        sister.site_id IS NOT NULL AS has_sister,
        coalesce(owned.events, 0) AS owner_events,
        coalesce(sent_back.units, 0) AS sent_back_units,
        coalesce(sent_back.is_all, false) AS is_sent_back,
        coalesce(lent.is_lent, false) AS is_lent, lent.km AS lent_km,
        waste.site_id IS NOT NULL AS is_waste,
        known_lot.is_covered AND silent.sites IS NULL AND to_nowhere.units IS NULL
        AND from_maker.lot_id IS NOT NULL AND feed_gap.site_id IS NULL
        AND leak.site_id IS NULL AS is_guarded
    FROM first_off
    INNER JOIN known_lot ON first_off.lot_id = known_lot.lot_id
    LEFT JOIN core_product AS product ON known_lot.gtin = product.gtin
    LEFT JOIN silent ON first_off.lot_id = silent.lot_id
    LEFT JOIN to_nowhere ON first_off.lot_id = to_nowhere.lot_id
    LEFT JOIN from_maker ON first_off.lot_id = from_maker.lot_id
    LEFT JOIN feed_gap
        ON first_off.lot_id = feed_gap.lot_id AND first_off.site_id = feed_gap.site_id
    LEFT JOIN sent_back
        ON first_off.lot_id = sent_back.lot_id AND first_off.site_id = sent_back.site_id
    LEFT JOIN waste ON first_off.lot_id = waste.lot_id AND first_off.site_id = waste.site_id
    LEFT JOIN lent ON first_off.lot_id = lent.lot_id AND first_off.site_id = lent.site_id
    LEFT JOIN leak ON first_off.lot_id = leak.lot_id AND first_off.site_id = leak.site_id
    LEFT JOIN sister
        ON first_off.lot_id = sister.lot_id AND first_off.site_id = sister.site_id
    LEFT JOIN owned ON first_off.lot_id = owned.lot_id AND first_off.site_id = owned.site_id
),
coded AS (
    SELECT
        *,
        CASE
            WHEN NOT is_guarded THEN NULL
            WHEN is_lent THEN 'B08'
            WHEN is_late_reached THEN 'B11'
            WHEN is_sent_back THEN 'B15'
            WHEN has_sister OR owner_events > 0 THEN 'B23'
            WHEN is_waste THEN 'B24'
        END AS benign,
        row_number() OVER (PARTITION BY lot_id ORDER BY units DESC, site_id) AS place
    FROM judged
)
SELECT
    lot_id,
    CAST(NULL AS BIGINT) AS unit_id,
    CAST(NULL AS BIGINT) AS container_id,
    site_id,
    CAST(NULL AS INTEGER) AS other_site_id,
    CASE WHEN NOT is_guarded THEN 'S4' WHEN is_high_risk THEN 'S1' ELSE 'S2' END AS severity,
    CASE
        WHEN NOT is_guarded THEN 'data_gap'
        WHEN benign IS NOT NULL THEN 'explained'
        ELSE 'stands'
    END AS status,
    benign,
    'missing' AS history,
    CAST(units AS DOUBLE) AS units,
    json_object(
        'ways_from_maker', 0, 'coverage', coverage, 'silent_traders', silent_sites,
        'units_to_nowhere', to_nowhere_units
    ) AS observed,
    json_object(
        'ways_from_maker', 1, 'coverage', 0.99, 'silent_traders', 0, 'units_to_nowhere', 0
    ) AS threshold,
    CASE
        WHEN NOT is_guarded THEN json_array()
        ELSE json_array(
            json_object('code', 'B06', 'result', 'ruled_out', 'coverage', coverage),
            json_object(
                'code', 'B08',
                'result', CASE WHEN is_lent THEN 'supported' ELSE 'ruled_out' END,
                'distance_km', round(lent_km, 1)
            ),
            json_object(
                'code', 'B11',
                'result', CASE WHEN is_late_reached THEN 'supported' ELSE 'ruled_out' END,
                'is_reached_with_lag_norm', is_late_reached,
                'lag_norm_h', (SELECT late_h FROM setting)
            ),
            json_object(
                'code', 'B15',
                'result', CASE WHEN is_sent_back THEN 'supported' ELSE 'ruled_out' END,
                'sent_back_or_on_units', sent_back_units
            ),
            json_object(
                'code', 'B23',
                'result',
                CASE WHEN has_sister OR owner_events > 0 THEN 'supported' ELSE 'ruled_out' END,
                'has_sister_site', has_sister, 'owner_events', owner_events
            ),
            json_object(
                'code', 'B24',
                'result', CASE WHEN is_waste THEN 'supported' ELSE 'ruled_out' END,
                'is_sent_to_destruction_only', is_waste
            )
        )
    END AS tests,
    record_ids
FROM coded
WHERE is_guarded OR place = 1
ORDER BY ALL
