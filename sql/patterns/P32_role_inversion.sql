-- model:   P32_role_inversion
-- purpose: A pharmacy or hospital that sells to the wholesale trade.
-- grain:   told: one row per lot, dispenser, buyer and outcome; one data gap per lot. Untold: one
--   row per lot and buyer
-- key:     none
-- pattern: P32
-- family:  network
-- definition: goods sent by a pharmacy, hospital or clinic to a wholesaler, parallel trader or
--   repackager, other than back to whom it bought them from. Untold: such a buyer sends on packs of
--   a lot, by scans of the packs, of which it told no receipt and had none before, and which at
--   least two dispensers that it never supplied with the lot had last in hand, by their own scans
-- guard:   both roles must be stated; a dispenser with a wholesaler's licence of its own, or of the
--   same partner as the buyer, is not inverted; where nobody stated the lot and no purchase of the
--   product is on record, one that reaches back less than 180 days is a data gap
-- severity: S1; S2 where the dispenser's purchases of the lot are not in the data at all, and where
--   the handover is untold
-- benign:  B13, B14 (untold: but for packs of dispensers that it supplied, too few are left)
-- source:  New York ring 2017-23, Turkey 2013, Herceptin 2014, Lunapharm 2018; typology P32
-- reads:   core_event, core_item_event, core_licence, core_lot, core_movement, core_site,
--   raw_setting
-- columns: as in find_finding's pattern shape
-- caveats: Where nobody stated the lot, a delivery of whatever goods from the buyer shortly before
--   passes for the purchase, and what is called a return is one (P39 weighs returns against
--   purchases). A lawful sale between a hospital pharmacy and a wholesaler that no list names looks
--   the same.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P32.return_days') AS return_days,
        max(value) FILTER (WHERE name = 'P32.history_days') AS history_days,
        max(value) FILTER (WHERE name = 'P32.untold_units') AS untold_units,
        max(value) FILTER (WHERE name = 'P32.untold_dispensers') AS untold_dispensers
    FROM raw_setting
),
record_start AS (
    SELECT min(coalesce(shipped_at, received_at)) AS first_at FROM core_movement
),
sold AS (
    SELECT
        movement.lot_id, movement.from_site_id, movement.to_site_id, movement.units,
        coalesce(movement.shipped_at, movement.received_at) AS sold_at,
        movement.reason, movement.is_serialized,
        list_distinct(list_filter(
            [movement.ship_record_id, movement.receive_record_id], lambda r: r IS NOT NULL
        )) AS record_ids,
        seller.partner_id AS seller_partner_id, buyer.partner_id AS buyer_partner_id
    FROM core_movement AS movement
    JOIN core_site AS seller ON seller.site_id = movement.from_site_id
    JOIN core_site AS buyer ON buyer.site_id = movement.to_site_id
    WHERE seller.role IN ('pharmacy', 'hospital', 'clinic')
        AND buyer.role IN ('wholesaler', 'parallel_trader', 'repackager')
        -- Compared inside a function: as a join's condition it would pair all sites first.
        AND coalesce(seller.partner_id IS DISTINCT FROM buyer.partner_id, true)
        AND seller.site_id NOT IN (
            SELECT site_id FROM core_licence
            WHERE site_id IS NOT NULL
                AND role IN ('wholesaler', 'parallel_trader', 'repackager', 'maker')
        )
),
bought AS (
    SELECT
        movement.lot_id, movement.to_site_id AS site_id, seller.partner_id, movement.from_site_id,
        owner.partner_id AS owner_partner_id,
        sum(movement.units) AS units, max(coalesce(movement.received_at, movement.shipped_at))
            AS last_at
    FROM core_movement AS movement
    JOIN (SELECT DISTINCT lot_id, from_site_id FROM sold) AS concerned
        ON concerned.lot_id = movement.lot_id AND concerned.from_site_id = movement.to_site_id
    LEFT JOIN core_site AS seller ON seller.site_id = movement.from_site_id
    -- Whose property it was, where a logistics provider delivered it.
    LEFT JOIN core_event AS told
        ON told.record_id = coalesce(movement.ship_record_id, movement.receive_record_id)
    LEFT JOIN core_site AS owner ON owner.site_id = told.from_owner_site_id
    GROUP BY
        movement.lot_id, movement.to_site_id, seller.partner_id, movement.from_site_id,
        owner.partner_id
),
-- Packs sold that had been with the buyer's party before, and were not handed out in between.
sold_record AS (
    SELECT DISTINCT
        lot_id, from_site_id, to_site_id, buyer_partner_id, unnest(record_ids) AS record_id
    FROM sold
    WHERE is_serialized
),
sold_pack AS (
    SELECT
        sold_record.lot_id, sold_record.from_site_id, sold_record.to_site_id,
        sold_record.buyer_partner_id, sale.unit_id, min(sale.ord) AS ord,
        min(sale.event_at) AS sold_at
    FROM sold_record
    JOIN core_item_event AS sale
        ON sale.lot_id = sold_record.lot_id AND sale.record_id = sold_record.record_id
    WHERE sale.terminal_before = 0
    GROUP BY ALL
),
came_from AS (
    SELECT
        pack.lot_id, pack.from_site_id, pack.to_site_id,
        count(DISTINCT pack.unit_id) AS units,
        max(date_diff('day', before.event_at, pack.sold_at)) AS days
    FROM sold_pack AS pack
    JOIN core_item_event AS before ON before.unit_id = pack.unit_id AND before.ord < pack.ord
    LEFT JOIN core_site AS here ON here.site_id = before.site_id
    LEFT JOIN core_site AS goal ON goal.site_id = before.to_site_id
    WHERE pack.to_site_id IN (before.site_id, before.to_site_id)
        OR pack.buyer_partner_id IN (here.partner_id, goal.partner_id)
    GROUP BY pack.lot_id, pack.from_site_id, pack.to_site_id
),
-- Packs that the dispenser had ended by mistake at goods-in and put back.
put_back AS (
    SELECT lot_id, site_id, count(DISTINCT unit_id) AS units
    FROM core_item_event
    WHERE is_undo
    GROUP BY lot_id, site_id
),
-- Deliveries of anything, told by the sender or by the receiver.
delivery AS (
    SELECT site_id AS from_site_id, to_site_id, event_at FROM core_event WHERE custody = 'ship'
    UNION ALL
    SELECT from_site_id, site_id, event_at FROM core_event WHERE custody = 'receive'
),
supplied AS (  -- from the buyer to the dispenser
    SELECT
        sold.lot_id, sold.from_site_id, sold.to_site_id,
        min(date_diff('day', delivery.event_at, sold.sold_at)) AS days_before
    FROM sold
    JOIN delivery
        ON delivery.from_site_id = sold.to_site_id AND delivery.to_site_id = sold.from_site_id
        AND delivery.event_at < sold.sold_at
    GROUP BY sold.lot_id, sold.from_site_id, sold.to_site_id
),
pair AS (
    SELECT
        sold.lot_id, sold.from_site_id, sold.to_site_id,
        sum(sold.units) AS units,
        max(sold.sold_at) AS sold_at,
        bool_and(coalesce(regexp_matches(lower(sold.reason), 'return'), FALSE)) AS is_called_return,
        flatten(list(sold.record_ids)) AS record_ids,
        any_value(sold.buyer_partner_id) AS buyer_partner_id
    FROM sold
    GROUP BY sold.lot_id, sold.from_site_id, sold.to_site_id
),
tested AS (
    SELECT
        pair.*, setting.return_days,
        coalesce(sum(bought.units), 0) AS bought_units,
        coalesce(sum(bought.units) FILTER (
            WHERE bought.from_site_id <> pair.to_site_id
                AND bought.partner_id IS DISTINCT FROM pair.buyer_partner_id
                AND bought.owner_partner_id IS DISTINCT FROM pair.buyer_partner_id
        ), 0) AS bought_elsewhere_units,
        coalesce(core_lot.lot = '(unstated)', FALSE) AS is_unstated,
        any_value(supplied.days_before) AS days_before,
        coalesce(sum(bought.units) FILTER (
            WHERE bought.from_site_id = pair.to_site_id
                OR bought.partner_id = pair.buyer_partner_id
                OR bought.owner_partner_id = pair.buyer_partner_id
        ), 0) AS bought_here_units,
        -- Since the last delivery, of whichever of the firm's places.
        min(date_diff('day', bought.last_at, pair.sold_at)) FILTER (
            WHERE bought.from_site_id = pair.to_site_id
                OR bought.partner_id = pair.buyer_partner_id
                OR bought.owner_partner_id = pair.buyer_partner_id
        ) AS days_kept,
        coalesce(
            date_diff('day', record_start.first_at, pair.sold_at)
            < setting.history_days, false
        ) AS is_record_short,
        coalesce(any_value(put_back.units), 0) AS put_back_units,
        coalesce(any_value(came_from.units), 0) AS came_from_units,
        any_value(came_from.days) AS came_from_days
    FROM pair
    CROSS JOIN setting
    CROSS JOIN record_start
    LEFT JOIN bought ON bought.lot_id = pair.lot_id AND bought.site_id = pair.from_site_id
    LEFT JOIN core_lot ON core_lot.lot_id = pair.lot_id
    LEFT JOIN supplied
        ON supplied.lot_id = pair.lot_id AND supplied.from_site_id = pair.from_site_id
        AND supplied.to_site_id = pair.to_site_id
    LEFT JOIN came_from
        ON came_from.lot_id = pair.lot_id AND came_from.from_site_id = pair.from_site_id
        AND came_from.to_site_id = pair.to_site_id
    LEFT JOIN put_back ON put_back.lot_id = pair.lot_id AND put_back.site_id = pair.from_site_id
    GROUP BY ALL
),
judged AS (
    SELECT
        *,
        CASE
            WHEN bought_here_units >= units AND coalesce(days_kept <= return_days, TRUE)
                THEN 'supported'
            -- The packs themselves had been with the buyer: its delivery was not told.
            WHEN came_from_units >= units AND came_from_days <= return_days THEN 'supported'
            -- Called a return, and whom the goods came from is not in the data.
            WHEN (bought_elsewhere_units = 0 OR is_unstated) AND is_called_return THEN 'supported'
            WHEN is_unstated AND bought_units = 0 AND days_before <= return_days THEN 'supported'
            ELSE 'ruled_out'
        END AS b14,
        CASE
            WHEN put_back_units >= units AND bought_here_units > 0 THEN 'supported'
            ELSE 'ruled_out'
        END AS b13,
        NOT ('supported' IN (b13, b14)) AND is_unstated AND bought_units = 0 AND is_record_short
            AS is_gap
    FROM tested
),
-- Untold: sent on by a trader, last scanned by a dispenser. One lost message cannot explain packs
-- of several dispensers.
off_shelf AS (
    SELECT
        act.lot_id, act.unit_id, act.ord, act.site_id AS trader_id, trader.partner_id,
        act.prev_site_id AS shelf_id, act.record_id, act.prev_record_id
    FROM core_item_event AS act
    JOIN core_site AS trader
        ON trader.site_id = act.site_id
        AND trader.role IN ('wholesaler', 'parallel_trader', 'repackager')
    JOIN core_site AS shelf
        ON shelf.site_id = act.prev_site_id AND shelf.role IN ('pharmacy', 'hospital', 'clinic')
        AND shelf.partner_id IS DISTINCT FROM trader.partner_id
    JOIN core_item_event AS last_word
        ON last_word.unit_id = act.unit_id AND last_word.record_id = act.prev_record_id
        AND last_word.custody IS DISTINCT FROM 'ship' AND NOT last_word.is_inferred
    WHERE act.custody = 'ship' AND NOT act.is_inferred AND act.terminal_before = 0
),
never_there AS (
    SELECT off_shelf.*
    FROM off_shelf
    WHERE NOT EXISTS (
        SELECT 1
        FROM core_item_event AS other
        JOIN core_site AS place ON place.site_id = other.site_id
        WHERE other.unit_id = off_shelf.unit_id
            AND (other.site_id = off_shelf.trader_id OR place.partner_id = off_shelf.partner_id)
            AND (other.ord < off_shelf.ord OR other.custody = 'receive')
    )
),
customer AS (  -- dispensers that the trader, or a provider for it, supplied with the lot
    SELECT DISTINCT pack.lot_id, pack.trader_id, pack.shelf_id
    FROM (SELECT DISTINCT lot_id, trader_id, partner_id, shelf_id FROM never_there) AS pack
    JOIN core_movement AS movement
        ON movement.lot_id = pack.lot_id AND movement.to_site_id = pack.shelf_id
    LEFT JOIN core_site AS seller ON seller.site_id = movement.from_site_id
    LEFT JOIN core_event AS told
        ON told.record_id = coalesce(movement.ship_record_id, movement.receive_record_id)
    LEFT JOIN core_site AS owner ON owner.site_id = told.from_owner_site_id
    WHERE movement.from_site_id = pack.trader_id
        OR pack.partner_id IN (seller.partner_id, owner.partner_id)
),
untold AS (
    SELECT
        never_there.lot_id, never_there.trader_id, setting.untold_units,
        setting.untold_dispensers,
        count(DISTINCT unit_id) AS all_units,
        count(DISTINCT unit_id) FILTER (WHERE customer.shelf_id IS NULL) AS units,
        count(DISTINCT never_there.shelf_id) AS all_dispensers,
        count(DISTINCT never_there.shelf_id) FILTER (WHERE customer.shelf_id IS NULL)
            AS dispensers,
        list_sort(list_distinct(flatten(list([record_id, prev_record_id]))))[:50] AS record_ids
    FROM never_there
    CROSS JOIN setting
    LEFT JOIN customer
        ON customer.lot_id = never_there.lot_id AND customer.trader_id = never_there.trader_id
        AND customer.shelf_id = never_there.shelf_id
    GROUP BY
        never_there.lot_id, never_there.trader_id, setting.untold_units,
        setting.untold_dispensers
    HAVING all_units >= setting.untold_units AND all_dispensers >= setting.untold_dispensers
)
SELECT
    lot_id::INTEGER AS lot_id,
    NULL::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    CASE WHEN NOT is_gap THEN from_site_id END::INTEGER AS site_id,
    CASE WHEN NOT is_gap THEN to_site_id END::INTEGER AS other_site_id,
    CASE WHEN is_gap THEN 'S4' WHEN bought_units = 0 THEN 'S2' ELSE 'S1' END AS severity,
    CASE
        WHEN 'supported' IN (b13, b14) THEN 'explained'
        WHEN is_gap THEN 'data_gap'
        ELSE 'stands'
    END AS status,
    CASE WHEN b14 = 'supported' THEN 'B14' WHEN b13 = 'supported' THEN 'B13' END AS benign,
    CASE WHEN is_gap THEN 'missing' ELSE 'conflicting' END AS history,
    units::DOUBLE AS units,
    to_json({'units': units, 'bought_here_units': bought_here_units, 'bought_units': bought_units})
        AS observed,
    to_json({'bought_here_units': units}) AS threshold,
    CASE
        WHEN is_gap THEN '[]'::JSON
        ELSE to_json([
            to_json({'code': 'B13', 'result': b13, 'put_back_units': put_back_units}),
            to_json({
                'code': 'B14', 'result': b14, 'bought_here_units': bought_here_units,
                'packs_of_the_buyer_before': came_from_units, 'days_kept': days_kept, 'return_days': return_days,
                'days_since_any_delivery': days_before,
                'is_called_return': is_called_return
            })
        ])::JSON
    END AS tests,
    list_sort(list_distinct(record_ids))[:50] AS record_ids
FROM judged
QUALIFY NOT is_gap OR row_number() OVER (
    PARTITION BY lot_id, is_gap ORDER BY units DESC, from_site_id, to_site_id
) = 1
UNION ALL
SELECT
    lot_id::INTEGER,
    NULL::BIGINT,
    NULL::BIGINT,
    trader_id::INTEGER,
    NULL::INTEGER,
    'S2',
    CASE
        WHEN units >= untold_units AND dispensers >= untold_dispensers THEN 'stands'
        ELSE 'explained'
    END AS status,
    CASE WHEN status = 'explained' THEN 'B14' END,
    'conflicting',
    all_units::DOUBLE,
    to_json({
        'kind': 'untold', 'units': all_units, 'dispensers': all_dispensers,
        'units_of_no_customers': units
    }),
    to_json({'units_of_no_customers': untold_units, 'dispensers': untold_dispensers}),
    to_json([
        to_json({
            'code': 'B14',
            'result': CASE WHEN status = 'explained' THEN 'supported' ELSE 'ruled_out' END,
            'units_of_customers': all_units - units
        })
    ])::JSON,
    record_ids
FROM untold
ORDER BY lot_id, site_id, other_site_id
