-- model:   P20_mass_balance
-- purpose: A site that gave away more packs of a lot than had reached it by then.
-- grain:   one row per lot and site with a deficit; one data gap per lot
-- key:     none
-- pattern: P20
-- family:  quantity
-- definition: Per lot and site, the running sum of packs made, received and returned less packs
--   sent and ended falls below zero, by at least max(1, 0.1 % of what came in), with every time
--   moved by its clock doubt in the site's favour.
-- guard: No stock of the lot can predate the data: it is covered, or making sites put at least 99
--   % of its stated quantity into the chain on record. The site shows receipts of the lot, or
--   shows receipts for nearly all other lots it sends; its feed is not one that leaves
--   arrivals of other lots untold (feat_handover), nor as many packs were last known where
--   departures are; and in the 30 days before it had no two days
--   without a word (feat_silent_day). A site that never reports receipts says
--   nothing, a lot that nobody named has no balance; other doubts give one data gap a lot.
-- severity: S2 always.
-- benign: B08 (a dispenser ended as many packs that lay, as far as the record tells, with another
--   dispenser within 20 km or of the same firm, or, one or two, were on their way there: a loan),
--   B11 (later receipts within the lag norm cover it), B12 (as many packs were on their way to the
--   site and never scanned in, or it took them out of containers that had come there and whose
--   packing nobody told), B13 (undone endings, or a hospital that
--   ends packs at goods-in), B15 (a receipt or return of exactly the deficit corrects it). What
--   none of B08, B11, B12 and B13 explains alone they may explain together.
-- source: typology P20
-- reads:   core_container_event, core_event, core_feed, core_item_event, core_link, core_lot,
--   core_lot_site_flow, core_movement, core_site, feat_handover, feat_silent_day, raw_setting,
--   stg_mention
-- columns: as in find_finding's pattern shape
-- caveats: A count of the shelf is not in the data, so a surplus that stays is never reported.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P20.least_units') AS least_units,
        max(value) FILTER (WHERE name = 'P20.tolerance_share') AS tolerance_share,
        max(value) FILTER (WHERE name = 'P20.supply_share') AS supply_share,
        max(value) FILTER (WHERE name = 'P20.late_h') AS late_h,
        max(value) FILTER (WHERE name = 'P20.correct_days') AS correct_days,
        max(value) FILTER (WHERE name = 'P20.feed_lots') AS feed_lots,
        max(value) FILTER (WHERE name = 'P20.feed_share') AS feed_share,
        max(value) FILTER (WHERE name = 'B08.distance_km') AS near_km,
        max(value) FILTER (WHERE name = 'B08.units') AS loan_units,
        max(value) FILTER (WHERE name = 'feed.gap_days') AS gap_days,
        max(value) FILTER (WHERE name = 'feed.look_back_days') AS look_back_days
    FROM raw_setting
),
-- An end taken back comes with negative units: it adds to the stock again.
flow AS (
    SELECT
        lot_id, site_id, record_id, direction, flowed_at, change, abs(change) AS units,
        CASE WHEN change > 0 THEN flowed_at - doubt ELSE flowed_at + doubt END AS favoured_at
    FROM (
        SELECT
            lot_id, site_id, record_id, direction, flow.at AS flowed_at,
            CASE WHEN direction IN ('made', 'in', 'returned') THEN units ELSE -units END AS change,
            to_seconds(coalesce(clock_doubt_min, 0) * 60) AS doubt
        FROM core_lot_site_flow AS flow
        WHERE units <> 0 AND flow.at IS NOT NULL AND site_id IS NOT NULL
    )
),
running AS (
    SELECT
        *,
        sum(change) OVER (
            PARTITION BY lot_id, site_id ORDER BY favoured_at, change DESC, record_id
            ROWS UNBOUNDED PRECEDING
        ) AS balance
    FROM flow
),
site_total AS (
    SELECT
        lot_id, site_id,
        min(balance) AS lowest,
        arg_min(favoured_at, (balance, favoured_at)) AS lowest_at,
        coalesce(sum(units) FILTER (WHERE change > 0), 0) AS in_units,
        coalesce(sum(units) FILTER (WHERE direction = 'in'), 0) AS received_units,
        coalesce(sum(units) FILTER (WHERE change < 0), 0) AS out_units,
        coalesce(sum(units) FILTER (WHERE direction = 'out'), 0) AS sent_units,
        coalesce(sum(units) FILTER (WHERE direction = 'made'), 0) AS made_units
    FROM running
    GROUP BY lot_id, site_id
),
-- How completely the site reports receipts, seen over the lots it sends.
site_habit AS (
    SELECT
        site_id,
        count(*) AS sent_lots,
        avg(CASE WHEN received_units + made_units > 0 THEN 1.0 ELSE 0.0 END) AS in_share
    FROM site_total
    WHERE sent_units > 0
    GROUP BY site_id
),
supply AS (
    SELECT
        total.lot_id,
        greatest(
            sum(total.made_units),
            coalesce(
                sum(total.sent_units) FILTER (WHERE site.role IN ('maker', 'contract_packer')), 0
            )
        ) AS units
    FROM site_total AS total
    LEFT JOIN core_site AS site ON total.site_id = site.site_id
    GROUP BY total.lot_id
),
short AS (
    SELECT
        total.lot_id, total.site_id, total.lowest_at, total.in_units, total.out_units,
        -total.lowest AS deficit,
        greatest(setting.least_units, setting.tolerance_share * total.in_units) AS allowed,
        coalesce(lot.is_covered, false)
        OR coalesce(supply.units >= setting.supply_share * lot.stated_quantity, false)
            AS is_opening_known,
        total.received_units + total.made_units > 0
        OR coalesce(
            habit.sent_lots - 1 >= setting.feed_lots
            AND (habit.in_share * habit.sent_lots) / (habit.sent_lots - 1) >= setting.feed_share,
            false
        ) AS is_feed_complete,
        greatest(setting.late_h, coalesce(feed.lag_p95_h, 0)) AS norm_h
    FROM site_total AS total
    CROSS JOIN setting
    INNER JOIN core_lot AS lot ON total.lot_id = lot.lot_id
    INNER JOIN supply ON total.lot_id = supply.lot_id
    LEFT JOIN site_habit AS habit ON total.site_id = habit.site_id
    LEFT JOIN core_feed AS feed ON total.site_id = feed.site_id
    WHERE lot.lot <> '(unstated)'
        AND -total.lowest >= greatest(setting.least_units, setting.tolerance_share * total.in_units)
        AND (total.in_units > 0 OR coalesce(feed.receive_count, 0) > 0)
),
-- Days before the lowest point on which the site told nothing of what it usually tells.
silence AS (
    SELECT short.lot_id, short.site_id
    FROM short
    CROSS JOIN setting
    INNER JOIN feat_silent_day AS silent
        ON short.site_id = silent.site_id
        AND silent.silent_on <= short.lowest_at::DATE
        AND silent.silent_on > short.lowest_at::DATE - setting.look_back_days::INTEGER
    GROUP BY short.lot_id, short.site_id, setting.gap_days
    HAVING count(*) >= setting.gap_days
),
-- B11, B15: what came in after the lowest point.
later AS (
    SELECT
        short.lot_id, short.site_id,
        coalesce(sum(running.units) FILTER (
            WHERE running.flowed_at <= short.lowest_at + to_seconds(short.norm_h * 3600)
        ), 0) AS late_units,
        bool_or(abs(running.units - short.deficit) <= setting.least_units) AS is_corrected
    FROM short
    CROSS JOIN setting
    INNER JOIN running
        ON short.lot_id = running.lot_id AND short.site_id = running.site_id
        AND running.change > 0 AND running.favoured_at > short.lowest_at
        AND running.flowed_at <= short.lowest_at + to_days(CAST(setting.correct_days AS INTEGER))
    GROUP BY short.lot_id, short.site_id
),
-- B12: sent to the site before the lowest point and never scanned in, less what was scanned in
-- without having been sent and may be the same: packs without a serial.
unreceived AS (
    SELECT
        short.lot_id, short.site_id,
        greatest(sum(
            CASE
                WHEN movement.received_at IS NULL THEN movement.units
                WHEN NOT movement.is_serialized THEN -movement.units
                ELSE 0
            END
        ), 0) AS units
    FROM short
    INNER JOIN core_movement AS movement
        ON short.lot_id = movement.lot_id AND short.site_id = movement.to_site_id
        AND (movement.received_at IS NULL OR movement.shipped_at IS NULL)
        AND coalesce(movement.shipped_at, movement.received_at) <= short.lowest_at
    GROUP BY short.lot_id, short.site_id
),
-- B12: packs that the site took by name out of containers that it had received, where no packing
-- says that they were inside: the receipt brought them, and could not tell.
taken AS (
    SELECT short.lot_id, short.site_id, event.unit_id, box.epc_id AS container_id, event.ord
    FROM short
    INNER JOIN core_item_event AS event
        ON short.lot_id = event.lot_id AND short.site_id = event.site_id
        AND event.event_type = 'AggregationEvent' AND event.action = 'DELETE'
        AND event.event_at <= short.lowest_at
    INNER JOIN stg_mention AS box ON event.record_id = box.record_id AND box.is_parent
    ANTI JOIN core_link AS link
        ON event.unit_id = link.child_id AND box.epc_id = link.parent_id
        AND event.ord BETWEEN link.open_ord AND link.close_ord
),
opened AS (
    SELECT taken.lot_id, taken.site_id, count(DISTINCT taken.unit_id) AS units
    FROM taken
    INNER JOIN core_container_event AS moved
        ON taken.container_id = moved.container_id AND taken.site_id = moved.site_id
        AND moved.ord < taken.ord
    INNER JOIN core_event AS event ON moved.ord = event.ord AND event.custody = 'receive'
    GROUP BY taken.lot_id, taken.site_id
),
-- B08: packs that a dispenser ended although they lay with a dispenser nearby.
dispenser AS (
    SELECT
        site_id, partner_id, radians(latitude) AS latitude, radians(longitude) AS longitude
    FROM core_site
    WHERE role IN ('pharmacy', 'hospital', 'clinic')
),
ended_here AS (
    SELECT DISTINCT short.lot_id, short.site_id, event.unit_id
    FROM short
    INNER JOIN core_item_event AS event
        ON short.lot_id = event.lot_id AND short.site_id = event.site_id AND event.is_terminal
),
-- Where each of them was last known, or bound for, before the first word of it from here.
came_from AS (
    SELECT
        ended_here.lot_id, ended_here.site_id, ended_here.unit_id,
        coalesce(before.custody = 'ship' AND before.to_site_id IS NOT NULL, false) AS is_bound,
        if(is_bound, before.to_site_id, event.prev_site_id) AS last_site_id
    FROM ended_here
    INNER JOIN core_item_event AS event
        ON ended_here.unit_id = event.unit_id AND ended_here.site_id = event.site_id
        AND event.prev_site_id <> event.site_id
    LEFT JOIN core_event AS before ON event.prev_record_id = before.record_id
),
lent_pack AS (
    SELECT came_from.lot_id, came_from.site_id, came_from.unit_id, came_from.is_bound
    FROM came_from
    CROSS JOIN setting
    INNER JOIN dispenser AS here ON came_from.site_id = here.site_id
    INNER JOIN dispenser AS there
        ON came_from.last_site_id = there.site_id AND came_from.last_site_id <> came_from.site_id
    WHERE here.partner_id = there.partner_id
        OR 2 * 6371 * asin(least(1, sqrt(
            pow(sin((here.latitude - there.latitude) / 2), 2)
            + cos(here.latitude) * cos(there.latitude)
            * pow(sin((here.longitude - there.longitude) / 2), 2)
        ))) <= setting.near_km
),
-- What was only bound for the other one counts as a loan where it is a pack or two.
lent AS (
    SELECT
        lot_id, site_id,
        count(DISTINCT unit_id) FILTER (WHERE NOT is_bound)
        + if(
            count(DISTINCT unit_id) FILTER (WHERE is_bound) <= any_value(setting.loan_units),
            count(DISTINCT unit_id) FILTER (WHERE is_bound), 0
        ) AS units
    FROM lent_pack
    CROSS JOIN setting
    GROUP BY lot_id, site_id
),
-- B13: endings undone at the site, and endings on the day of receipt.
undone AS (
    SELECT short.lot_id, short.site_id, count(DISTINCT event.unit_id) AS units
    FROM short
    INNER JOIN core_item_event AS event
        ON short.lot_id = event.lot_id AND short.site_id = event.site_id AND event.is_undo
    GROUP BY short.lot_id, short.site_id
),
ended_day AS (
    SELECT
        flow.lot_id, flow.site_id, CAST(flow.flowed_at AS DATE) AS day,
        sum(flow.units) FILTER (WHERE flow.direction = 'ended') AS ended_units,
        bool_or(flow.direction = 'in') AS is_goods_in
    FROM flow
    INNER JOIN short ON flow.lot_id = short.lot_id AND flow.site_id = short.site_id
    GROUP BY flow.lot_id, flow.site_id, CAST(flow.flowed_at AS DATE)
),
goods_in AS (
    SELECT
        lot_id, site_id,
        coalesce(sum(ended_units) FILTER (WHERE is_goods_in), 0) AS ended_at_goods_in
    FROM ended_day
    GROUP BY lot_id, site_id
),
cited AS (
    SELECT
        short.lot_id, short.site_id,
        list_sort(list(DISTINCT running.record_id))[1:100] AS record_ids
    FROM short
    INNER JOIN running
        ON short.lot_id = running.lot_id AND short.site_id = running.site_id
        AND running.favoured_at <= short.lowest_at
    GROUP BY short.lot_id, short.site_id
),
tested AS (
    SELECT
        short.*,
        silence.site_id IS NOT NULL OR coalesce(handover.is_arrival_leaky, false)
        OR coalesce(handover.came_from_leaky_units >= short.deficit, false) AS is_feed_broken,
        coalesce(later.late_units, 0) AS late_units,
        coalesce(later.is_corrected, false) AS is_corrected,
        coalesce(unreceived.units, 0) AS unreceived_units,
        coalesce(opened.units, 0) AS out_of_container_units,
        coalesce(undone.units, 0) AS undone_units,
        coalesce(lent.units, 0) AS lent_units,
        CASE
            WHEN site.role IN ('hospital', 'clinic') THEN coalesce(goods_in.ended_at_goods_in, 0)
            ELSE 0
        END AS ended_at_goods_in,
        cited.record_ids
    FROM short
    INNER JOIN cited ON short.lot_id = cited.lot_id AND short.site_id = cited.site_id
    LEFT JOIN core_site AS site ON short.site_id = site.site_id
    LEFT JOIN silence ON short.lot_id = silence.lot_id AND short.site_id = silence.site_id
    LEFT JOIN feat_handover AS handover
        ON short.lot_id = handover.lot_id AND short.site_id = handover.site_id
    LEFT JOIN later ON short.lot_id = later.lot_id AND short.site_id = later.site_id
    LEFT JOIN unreceived
        ON short.lot_id = unreceived.lot_id AND short.site_id = unreceived.site_id
    LEFT JOIN opened ON short.lot_id = opened.lot_id AND short.site_id = opened.site_id
    LEFT JOIN lent ON short.lot_id = lent.lot_id AND short.site_id = lent.site_id
    LEFT JOIN undone ON short.lot_id = undone.lot_id AND short.site_id = undone.site_id
    LEFT JOIN goods_in ON short.lot_id = goods_in.lot_id AND short.site_id = goods_in.site_id
),
coded AS (
    SELECT
        *,
        is_opening_known AND is_feed_complete AND NOT is_feed_broken AS is_guarded,
        CASE
            WHEN NOT (is_opening_known AND is_feed_complete AND NOT is_feed_broken) THEN NULL
            WHEN lent_units >= deficit THEN 'B08'
            WHEN late_units >= deficit THEN 'B11'
            WHEN unreceived_units + out_of_container_units >= deficit THEN 'B12'
            WHEN undone_units >= deficit OR ended_at_goods_in >= deficit THEN 'B13'
            WHEN is_corrected THEN 'B15'
            -- None explains it all, together they do: the largest names them.
            WHEN lent_units + late_units + unreceived_units + out_of_container_units
                + undone_units + ended_at_goods_in >= deficit
                THEN CASE greatest(
                    lent_units, late_units, unreceived_units + out_of_container_units,
                    undone_units + ended_at_goods_in
                )
                    WHEN unreceived_units + out_of_container_units THEN 'B12'
                    WHEN late_units THEN 'B11'
                    WHEN lent_units THEN 'B08'
                    ELSE 'B13'
                END
        END AS benign,
        row_number() OVER (
            PARTITION BY lot_id, is_opening_known AND is_feed_complete
            ORDER BY deficit DESC, site_id
        ) AS place
    FROM tested
)
SELECT
    lot_id,
    CAST(NULL AS BIGINT) AS unit_id,
    CAST(NULL AS BIGINT) AS container_id,
    site_id,
    CAST(NULL AS INTEGER) AS other_site_id,
    CASE WHEN is_guarded THEN 'S2' ELSE 'S4' END AS severity,
    CASE
        WHEN NOT is_guarded THEN 'data_gap'
        WHEN benign IS NOT NULL THEN 'explained'
        ELSE 'stands'
    END AS status,
    benign,
    CASE WHEN is_guarded THEN 'conflicting' ELSE 'missing' END AS history,
    CAST(deficit AS DOUBLE) AS units,
    json_object(
        'deficit_units', deficit, 'in_units', in_units, 'out_units', out_units
    ) AS observed,
    json_object('deficit_units', allowed) AS threshold,
    CASE
        WHEN NOT is_guarded THEN json_array()
        ELSE json_array(
            json_object(
                'code', 'B08',
                'result', CASE WHEN lent_units >= deficit THEN 'supported' ELSE 'ruled_out' END,
                'lent_units', lent_units
            ),
            json_object(
                'code', 'B11',
                'result', CASE WHEN late_units >= deficit THEN 'supported' ELSE 'ruled_out' END,
                'late_units', late_units, 'norm_h', norm_h
            ),
            json_object(
                'code', 'B12',
                'result',
                CASE
                    WHEN unreceived_units + out_of_container_units >= deficit THEN 'supported'
                    ELSE 'ruled_out'
                END,
                'unreceived_units', unreceived_units,
                'out_of_container_units', out_of_container_units
            ),
            json_object(
                'code', 'B13',
                'result',
                CASE
                    WHEN undone_units >= deficit OR ended_at_goods_in >= deficit THEN 'supported'
                    ELSE 'ruled_out'
                END,
                'undone_units', undone_units, 'ended_at_goods_in_units', ended_at_goods_in
            ),
            json_object(
                'code', 'B15',
                'result', CASE WHEN is_corrected THEN 'supported' ELSE 'ruled_out' END,
                'is_corrected', is_corrected
            )
        )
    END AS tests,
    record_ids
FROM coded
WHERE is_guarded OR place = 1
ORDER BY ALL
