-- model:   P40_forged_ti
-- purpose: Transaction data that claims what the maker's or the seller's own records deny.
-- grain:   one row per lot, kind of fault, seller, buyer and explanation; one data gap per lot
-- key:     none
-- pattern: P40
-- family:  network
-- definition: One of four. first_sale: a receipt or log line says the goods came from the lot's
--   maker, whose shippings of the lot on record name another buyer only. before_made: a trade
--   dated before the lot's day of manufacture. document: one despatch advice of one issuer names
--   two buyers, weeks apart; or goods of a lot arrive under one whose shippings name other lots,
--   not all of which arrived, the seller never having shipped that lot there; or one log line, by
--   shipment and line number, is told within the year with other goods or another buyer.
--   never_bought: a trader ships a named lot that nothing on record ever brought to it, be it in a
--   container that it opened or as another's delivery to it as owner.
-- guard: first_sale, swapped content and never_bought: the lot is covered, and over other lots (at
--   least 3) 90 % of first sales have the maker's shipping, of what came from the seller its
--   shipping, of the seller's lots an arrival; or the maker's shippings and the claim exceed the
--   lot. A maker's shipping that names nobody denies nothing. before_made: with a day allowed, no
--   birth before that day, and under half of the lot's trade. A seller without any arrival on
--   record is silent. document: of at least 10 other numbers the issuer reuses under 10 %, and
--   under 10 % of its consignments run under this one; or of at least 2 it reuses none, this one
--   names at least 3 buyers, and all issuers together reuse under 10 %. Else a data gap.
-- severity: S1; S2 for a document of an issuer with so few numbers; a data gap S4.
-- benign: B11 (younger than the lag norm), B15 (the maker's shipping of these packs went to another
--   address and was never received; as many packs of the lot named were not received, or of another
--   lot of the product left over: wrong lot on the paper; a log line told again within a week for
--   the same buyer, split or corrected, or with the same goods for another, wrong sold-to), B23
--   (the maker shipped for the buyer as owner, or to a logistics provider, or the buyer is one; the
--   shipping names another firm, or both buyers' owner, as owner).
-- source: Gilead 2020-21, Safe Chain, Altec, forged pedigrees 2019; typology P40
-- reads:   core_container_event, core_custody, core_event, core_item_event, core_lot,
--   core_movement, core_site, core_unit, raw_event_transaction, raw_setting, stg_clock,
--   stg_mention, stg_shipment
-- columns: as in find_finding's pattern shape
-- caveats: Documents are seen by number only. Orders and invoices lawfully cover several shipments
--   and buyers; only despatch advices are compared.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P40.feed_share') AS feed_share,
        max(value) FILTER (WHERE name = 'P40.feed_lots') AS feed_lots,
        max(value) FILTER (WHERE name = 'P40.late_h') AS late_h,
        max(value) FILTER (WHERE name = 'P40.apart_days') AS apart_days,
        max(value) FILTER (WHERE name = 'P40.year_days') AS year_days,
        max(value) FILTER (WHERE name = 'P40.reuse_share') AS reuse_share,
        max(value) FILTER (WHERE name = 'P40.documents') AS documents,
        max(value) FILTER (WHERE name = 'P40.few_documents') AS few_documents,
        max(value) FILTER (WHERE name = 'P40.few_buyers') AS few_buyers,
        max(value) FILTER (WHERE name = 'P40.tolerance_share') AS tolerance_share
    FROM raw_setting
),
party AS (
    SELECT site_id, partner_id, coalesce(role, 'unknown') AS role FROM core_site
),
-- All trade with stated sides, once: every kind starts here.
trade AS (
    SELECT
        movement.lot_id, movement.gtin, movement.from_site_id, movement.to_site_id,
        here.partner_id AS seller_id, there.partner_id AS buyer_id, here.role AS seller_role,
        there.role AS buyer_role, coalesce(movement.units, 0) AS units, movement.source,
        movement.ship_record_id, movement.receive_record_id, movement.log_record_id,
        movement.is_day_precision,
        coalesce(movement.shipped_at, movement.received_at) AS traded_at,
        coalesce(movement.reason, 'sale') = 'sale' AS is_sale,
        lot.lot <> '(unstated)' AS is_named
    FROM core_movement AS movement
    INNER JOIN core_lot AS lot ON movement.lot_id = lot.lot_id
    LEFT JOIN party AS here ON movement.from_site_id = here.site_id
    LEFT JOIN party AS there ON movement.to_site_id = there.site_id
    WHERE movement.uom IS NULL AND here.partner_id IS DISTINCT FROM there.partner_id
),
lot AS (
    SELECT
        core_lot.lot_id, core_lot.gtin, core_lot.made_on, core_lot.is_covered,
        greatest(core_lot.stated_quantity,
            core_lot.commissioned_units + coalesce(core_lot.class_made_units, 0)) AS made_units,
        maker.partner_id AS maker_id
    FROM core_lot
    LEFT JOIN party AS maker ON core_lot.maker_site_id = maker.site_id
    WHERE core_lot.lot <> '(unstated)'
),
-- 1. First sales: what the maker says it shipped, and what others say came from it.
first_sale AS (
    SELECT
        trade.*, lot.maker_id, lot.is_covered, lot.made_units,
        trade.source = 'epcis' AND trade.ship_record_id IS NOT NULL AS is_makers_word
    FROM trade
    INNER JOIN lot ON trade.lot_id = lot.lot_id AND trade.seller_id = lot.maker_id
    WHERE trade.is_sale
),
maker_lot AS (
    SELECT
        lot_id, maker_id,
        sum(units) FILTER (WHERE is_makers_word) AS shipped_units,
        bool_or(NOT is_makers_word AND log_record_id IS NULL) AS has_claim,
        bool_or(is_makers_word AND buyer_id IS NULL) AS has_unnamed_buyer
    FROM first_sale
    GROUP BY lot_id, maker_id
),
maker_feed AS (
    SELECT
        maker_id, count(*) AS lots,
        count(*) FILTER (WHERE shipped_units IS NOT NULL AND NOT has_claim) AS told_lots
    FROM maker_lot
    GROUP BY maker_id
),
told_buyer AS (
    SELECT lot_id, buyer_id FROM first_sale WHERE is_makers_word AND buyer_id IS NOT NULL
    UNION
    SELECT hop.lot_id, party.partner_id
    FROM core_custody AS hop
    INNER JOIN maker_lot ON hop.lot_id = maker_lot.lot_id
    INNER JOIN party ON hop.stated_to_site_id = party.site_id
    INNER JOIN party AS here ON hop.from_site_id = here.site_id
    WHERE hop.ship_record_id IS NOT NULL AND here.partner_id = maker_lot.maker_id
        AND hop.stated_to_site_id IS DISTINCT FROM hop.to_site_id
),
claim AS (
    SELECT claimed.*
    FROM first_sale AS claimed
    ANTI JOIN told_buyer
        ON claimed.lot_id = told_buyer.lot_id AND claimed.buyer_id = told_buyer.buyer_id
    WHERE NOT claimed.is_makers_word AND claimed.buyer_id IS NOT NULL
        AND claimed.buyer_id <> claimed.maker_id
        AND claimed.lot_id IN (SELECT lot_id FROM maker_lot WHERE shipped_units IS NOT NULL)
),
claim_sum AS (
    SELECT
        lot_id, maker_id, buyer_id, min(from_site_id) AS from_site_id,
        min(to_site_id) AS to_site_id, sum(units) AS units, max(traded_at) AS traded_at,
        any_value(is_covered) AS is_covered, any_value(made_units) AS made_units,
        bool_and(buyer_role IN ('third_party_logistics', 'customs')) AS is_logistics,
        list_sort(list_distinct(list_filter(
            flatten(list([ship_record_id, receive_record_id])), lambda r: r IS NOT NULL)))[1:50]
            AS record_ids
    FROM claim
    GROUP BY lot_id, maker_id, buyer_id
),
-- B15, B23: the claimed packs' own way out of the maker's gate.
maker_way AS (
    SELECT
        claim_sum.lot_id, claim_sum.buyer_id,
        coalesce(sum(sent.units) FILTER (
            WHERE sent.receive_record_id IS NULL AND sent.ship_record_id IS NOT NULL), 0)
            AS undelivered_units,
        bool_or(sent.buyer_role IN ('third_party_logistics', 'customs')) AS is_by_logistics
    FROM claim_sum
    INNER JOIN first_sale AS sent ON claim_sum.lot_id = sent.lot_id AND sent.is_makers_word
    GROUP BY claim_sum.lot_id, claim_sum.buyer_id
),
owner_way AS (
    SELECT DISTINCT claim_sum.lot_id, claim_sum.buyer_id
    FROM claim_sum
    INNER JOIN core_custody AS hop
        ON claim_sum.lot_id = hop.lot_id AND hop.ship_record_id IS NOT NULL
    INNER JOIN party AS owner
        ON hop.to_owner_site_id = owner.site_id AND claim_sum.buyer_id = owner.partner_id
    UNION
    SELECT claim_sum.lot_id, claim_sum.buyer_id
    FROM claim_sum
    INNER JOIN first_sale AS sent ON claim_sum.lot_id = sent.lot_id AND sent.is_makers_word
    INNER JOIN core_event AS event ON sent.ship_record_id = event.record_id
    INNER JOIN party AS owner
        ON event.to_owner_site_id = owner.site_id AND claim_sum.buyer_id = owner.partner_id
),
unknown_sale AS (
    SELECT
        claim.lot_id, 'first_sale' AS kind, claim.from_site_id AS site_id,
        claim.to_site_id AS other_site_id,
        coalesce(claim.is_covered, false) AND NOT maker_lot.has_unnamed_buyer AND (
            coalesce(
                feed.lots - 1 >= setting.feed_lots
                AND feed.told_lots >= setting.feed_share * (feed.lots - 1), false)
            OR coalesce(
                maker_lot.shipped_units + claim.units
                > claim.made_units * (1 + setting.tolerance_share), false)
        ) AS is_guarded,
        claim.units, claim.traded_at,
        maker_lot.shipped_units AS known_units, claim.made_units AS limit_units,
        coalesce(way.undelivered_units = claim.units, false) AS is_counterpart,
        coalesce(way.undelivered_units, 0) AS counterpart_units,
        coalesce(way.is_by_logistics, false) OR claim.is_logistics
        OR owner_way.lot_id IS NOT NULL AS is_title,
        claim.record_ids
    FROM claim_sum AS claim
    CROSS JOIN setting
    INNER JOIN maker_lot ON claim.lot_id = maker_lot.lot_id
    INNER JOIN maker_feed AS feed ON claim.maker_id = feed.maker_id
    LEFT JOIN maker_way AS way ON claim.lot_id = way.lot_id AND claim.buyer_id = way.buyer_id
    LEFT JOIN owner_way
        ON claim.lot_id = owner_way.lot_id AND claim.buyer_id = owner_way.buyer_id
),
-- 2. Trade before the goods were made.
born_early AS (
    SELECT DISTINCT unit.lot_id
    FROM core_unit AS unit
    INNER JOIN lot ON unit.lot_id = lot.lot_id
    WHERE unit.commissioned_at < lot.made_on
),
early AS (
    SELECT
        trade.lot_id, trade.from_site_id, trade.to_site_id, trade.units, trade.traded_at,
        lot.made_on, trade.ship_record_id, trade.receive_record_id,
        trade.traded_at + CASE
            WHEN trade.is_day_precision THEN INTERVAL 1 DAY
            ELSE to_seconds(coalesce(event.clock_doubt_min, 5) * 60)
        END + INTERVAL 1 DAY < lot.made_on AS is_early
    FROM trade
    INNER JOIN lot ON trade.lot_id = lot.lot_id
    LEFT JOIN core_event AS event ON trade.ship_record_id = event.record_id
    ANTI JOIN born_early ON trade.lot_id = born_early.lot_id
    WHERE lot.made_on IS NOT NULL AND trade.traded_at IS NOT NULL
),
early_lot AS (
    SELECT lot_id, avg(is_early::INTEGER) AS early_share
    FROM early
    GROUP BY lot_id
    HAVING bool_or(is_early)
),
before_made AS (
    SELECT
        early.lot_id, 'before_made' AS kind, early.from_site_id AS site_id,
        early.to_site_id AS other_site_id,
        any_value(early_lot.early_share) < 0.5 AS is_guarded,
        sum(early.units) AS units, max(early.traded_at) AS traded_at,
        date_diff('day', min(early.traded_at)::DATE, any_value(early.made_on)) AS early_days,
        list_sort(list_distinct(list_filter(
            flatten(list([early.ship_record_id, early.receive_record_id])),
            lambda r: r IS NOT NULL)))[1:50] AS record_ids
    FROM early
    INNER JOIN early_lot ON early.lot_id = early_lot.lot_id
    WHERE early.is_early
    GROUP BY early.lot_id, early.from_site_id, early.to_site_id
),
-- 3. Documents: what each despatch advice was shipped under, and received under.
advice AS (
    SELECT DISTINCT record_id, document
    FROM raw_event_transaction
    WHERE lower(type) = 'desadv' AND trim(document) <> ''
),
-- Whoever is stated as buyer: the owner where one is, else the place.
advised AS (
    SELECT
        advice.document, event.record_id, event.event_at,
        here.partner_id AS issuer_id, event.site_id AS from_site_id,
        event.to_site_id, coalesce(owner.partner_id, there.partner_id) AS buyer_id
    FROM advice
    INNER JOIN core_event AS event ON advice.record_id = event.record_id
    INNER JOIN party AS here ON event.site_id = here.site_id
    LEFT JOIN party AS there ON event.to_site_id = there.site_id
    LEFT JOIN party AS owner ON event.to_owner_site_id = owner.site_id
    WHERE event.custody = 'ship'
),
document AS (
    SELECT
        issuer_id, document, count(DISTINCT buyer_id) AS buyers, min(event_at) AS first_at,
        max(event_at) AS last_at, count(DISTINCT (buyer_id, event_at::DATE)) AS consignments
    FROM advised
    WHERE buyer_id IS NOT NULL
    GROUP BY issuer_id, document
),
-- How often an issuer uses a number again says whether its numbers mean anything; and one that
-- stands for much of its trade is a field that somebody filled in.
issuer AS (
    SELECT
        issuer_id, count(*) AS documents, count(*) FILTER (WHERE buyers > 1) AS reused,
        sum(consignments) AS consignments
    FROM document
    GROUP BY issuer_id
),
custom AS (  -- where nearly all who trade use a number once, a small issuer should as well
    SELECT
        count(*) AS documents, count(*) FILTER (WHERE buyers > 1) AS reused,
        count(DISTINCT issuer_id) AS issuers
    FROM document
),
judged_document AS (
    SELECT
        document.*,
        issuer.documents - 1 >= setting.documents
        AND issuer.reused - 1 <= setting.reuse_share * (issuer.documents - 1)
        AND document.consignments <= greatest(2, setting.reuse_share * issuer.consignments)
            AS is_against_habit,
        issuer.documents - 1 >= setting.few_documents AND issuer.reused = 1
        AND document.buyers >= setting.few_buyers
        AND custom.issuers >= setting.documents
        AND custom.reused <= setting.reuse_share * custom.documents AS is_against_custom
    FROM document
    CROSS JOIN setting
    CROSS JOIN custom
    INNER JOIN issuer ON document.issuer_id = issuer.issuer_id
    WHERE document.buyers > 1
),
reused AS (
    SELECT
        trade.lot_id, 'document' AS kind, advised.from_site_id AS site_id,
        min(advised.to_site_id) AS other_site_id,
        bool_or(document.is_against_habit OR document.is_against_custom) AS is_guarded,
        NOT bool_or(document.is_against_habit) AS is_by_custom,
        sum(trade.units) AS units, max(advised.event_at) AS traded_at,
        max(document.buyers) AS buyers,
        list_sort(list(DISTINCT advised.record_id))[1:50] AS record_ids
    FROM judged_document AS document
    CROSS JOIN setting
    INNER JOIN advised
        ON document.issuer_id = advised.issuer_id AND document.document = advised.document
    INNER JOIN trade ON advised.record_id = trade.ship_record_id
    WHERE date_diff('day', document.first_at, document.last_at)
            BETWEEN setting.apart_days AND setting.year_days
    GROUP BY trade.lot_id, advised.from_site_id
),
-- Lots that arrive under an advice whose shippings name others.
advised_content AS (
    SELECT
        advice.document, trade.seller_id, trade.buyer_id,
        bool_or(trade.receive_record_id IS NULL) AS is_wanting
    FROM advice
    INNER JOIN trade ON advice.record_id = trade.ship_record_id AND trade.source = 'epcis'
    GROUP BY advice.document, trade.seller_id, trade.buyer_id
),
-- Of what others received from a seller, by lots, how much it told as shipped.
handed AS (
    SELECT seller_id, lot_id, bool_and(ship_record_id IS NOT NULL) AS is_told
    FROM trade
    WHERE source = 'epcis' AND receive_record_id IS NOT NULL AND seller_id IS NOT NULL
    GROUP BY seller_id, lot_id
),
handed_feed AS (
    SELECT seller_id, count(*) AS lots, count(*) FILTER (WHERE is_told) AS told_lots
    FROM handed
    GROUP BY seller_id
),
arrived AS (
    SELECT
        advice.document, trade.seller_id, trade.buyer_id, trade.lot_id, trade.gtin,
        trade.from_site_id, trade.to_site_id, trade.units, trade.traded_at,
        trade.receive_record_id
    FROM advice
    INNER JOIN trade ON advice.record_id = trade.receive_record_id
    WHERE trade.source = 'epcis' AND trade.ship_record_id IS NULL AND trade.seller_id IS NOT NULL
),
sent_there AS (
    SELECT DISTINCT lot_id, seller_id, buyer_id
    FROM trade
    WHERE ship_record_id IS NOT NULL
),
unreceived AS (
    SELECT seller_id, buyer_id, gtin, lot_id, sum(units) AS units
    FROM trade
    WHERE ship_record_id IS NOT NULL AND receive_record_id IS NULL AND source = 'epcis'
    GROUP BY seller_id, buyer_id, gtin, lot_id
),
swapped AS (
    SELECT
        arrived.lot_id, 'document' AS kind, arrived.from_site_id AS site_id,
        arrived.to_site_id AS other_site_id,
        bool_or(told.is_wanting) AND coalesce(any_value(
            lot.is_covered AND feed.lots - 1 >= setting.feed_lots
            AND feed.told_lots >= setting.feed_share * (feed.lots - 1)
        ), false) AS is_guarded,
        sum(arrived.units) AS units,
        max(arrived.traded_at) AS traded_at,
        bool_or(coalesce(unreceived.units = arrived.units, false)) AS is_counterpart,
        max(unreceived.units) AS counterpart_units,
        list_sort(list(DISTINCT arrived.receive_record_id))[1:50] AS record_ids
    FROM arrived
    CROSS JOIN setting
    INNER JOIN lot ON arrived.lot_id = lot.lot_id
    INNER JOIN advised_content AS told
        ON arrived.document = told.document AND arrived.seller_id = told.seller_id
        AND arrived.buyer_id = told.buyer_id
    LEFT JOIN handed_feed AS feed ON arrived.seller_id = feed.seller_id
    ANTI JOIN sent_there AS sent
        ON arrived.lot_id = sent.lot_id AND arrived.seller_id = sent.seller_id
        AND arrived.buyer_id = sent.buyer_id
    LEFT JOIN unreceived
        ON arrived.seller_id = unreceived.seller_id AND arrived.buyer_id = unreceived.buyer_id
        AND arrived.gtin = unreceived.gtin AND arrived.units = unreceived.units
        AND arrived.lot_id <> unreceived.lot_id
    GROUP BY arrived.lot_id, arrived.from_site_id, arrived.to_site_id
),
-- Log lines told twice under one number, with other content.
line AS (
    SELECT
        shipment_id, line, from_gln, count(*) AS versions,
        count(DISTINCT (gtin, lot)) AS goods, count(DISTINCT to_gln) AS buyers,
        count(DISTINCT quantity) AS quantities,
        date_diff('day', min(coalesce(shipped_at, received_at)),
            max(coalesce(shipped_at, received_at))) AS apart_days
    FROM stg_shipment
    WHERE shipment_id IS NOT NULL AND line IS NOT NULL AND from_gln IS NOT NULL
    GROUP BY shipment_id, line, from_gln
),
log_issuer AS (
    SELECT
        from_gln, count(*) AS documents, count(*) FILTER (WHERE goods > 1 OR buyers > 1) AS reused
    FROM line
    GROUP BY from_gln
),
told_twice AS (
    SELECT
        trade.lot_id, 'document' AS kind, trade.from_site_id AS site_id,
        min(trade.to_site_id) AS other_site_id,
        any_value(
            issuer.documents - 1 >= setting.documents
            AND issuer.reused - 1 <= setting.reuse_share * (issuer.documents - 1)
        ) AS is_guarded,
        sum(trade.units) AS units, max(trade.traded_at) AS traded_at,
        max(line.buyers) AS buyers, max(line.goods) AS goods,
        bool_and(
            coalesce(line.apart_days, 0) < setting.apart_days
            AND (line.buyers = 1 OR (line.goods = 1 AND line.quantities <= 1))
        ) AS is_counterpart,
        list_sort(list(DISTINCT shipment.record_id))[1:50] AS record_ids
    FROM line
    CROSS JOIN setting
    INNER JOIN log_issuer AS issuer ON line.from_gln = issuer.from_gln
    INNER JOIN stg_shipment AS shipment
        ON line.shipment_id = shipment.shipment_id AND line.line = shipment.line
        AND line.from_gln = shipment.from_gln
    INNER JOIN trade
        ON shipment.record_id = coalesce(trade.log_record_id, trade.ship_record_id)
    WHERE (line.goods > 1 OR line.buyers > 1)
        AND coalesce(line.apart_days, 0) <= setting.year_days
    GROUP BY trade.lot_id, trade.from_site_id
),
-- 4. Lots the seller never bought.
came AS (
    SELECT DISTINCT lot_id, buyer_id AS partner_id FROM trade WHERE buyer_id IS NOT NULL
    UNION
    -- Delivered to another place as the trader's property.
    SELECT DISTINCT told.lot_id, owner.partner_id
    FROM (
        SELECT lot_id, ship_record_id AS record_id FROM trade
        UNION
        SELECT lot_id, receive_record_id FROM trade
    ) AS told
    INNER JOIN core_event AS event ON told.record_id = event.record_id
    INNER JOIN party AS owner ON event.to_owner_site_id = owner.site_id
    UNION
    SELECT DISTINCT unit.lot_id, party.partner_id
    FROM core_unit AS unit
    INNER JOIN party ON unit.commissioned_site_id = party.site_id
    UNION
    SELECT lot_id, maker_id FROM lot WHERE maker_id IS NOT NULL
    UNION
    -- Received with no sender named.
    SELECT DISTINCT hop.lot_id, party.partner_id
    FROM core_custody AS hop
    INNER JOIN party ON hop.to_site_id = party.site_id
    WHERE hop.receive_record_id IS NOT NULL
),
sold AS (
    SELECT
        trade.lot_id, trade.gtin, trade.seller_id, min(trade.from_site_id) AS site_id,
        min(trade.to_site_id) AS other_site_id, sum(trade.units) AS units,
        max(trade.traded_at) AS traded_at,
        bool_or(coalesce(owner.partner_id <> trade.seller_id, false)) AS is_title,
        list_sort(list(DISTINCT trade.ship_record_id))[1:50] AS record_ids
    FROM trade
    LEFT JOIN core_event AS event ON trade.ship_record_id = event.record_id
    LEFT JOIN party AS owner ON event.from_owner_site_id = owner.site_id
    WHERE trade.is_sale AND trade.is_named AND trade.ship_record_id IS NOT NULL
        AND trade.seller_id IS NOT NULL
        AND trade.seller_role IN ('wholesaler', 'parallel_trader', 'unknown')
    GROUP BY trade.lot_id, trade.gtin, trade.seller_id
),
unexplained AS (
    SELECT sold.lot_id, sold.seller_id
    FROM sold
    ANTI JOIN came ON sold.lot_id = came.lot_id AND sold.seller_id = came.partner_id
),
-- Containers that came to the seller and that it opened: it bought what was in them, whoever
-- should have told the packing.
opened AS (
    SELECT DISTINCT unexplained.lot_id, unexplained.seller_id
    FROM unexplained
    INNER JOIN core_item_event AS taken
        ON unexplained.lot_id = taken.lot_id AND taken.event_type = 'AggregationEvent'
        AND taken.action = 'DELETE'
    INNER JOIN party AS place
        ON taken.site_id = place.site_id AND unexplained.seller_id = place.partner_id
    INNER JOIN stg_mention AS box ON taken.record_id = box.record_id AND box.is_parent
    INNER JOIN core_container_event AS moved
        ON box.epc_id = moved.container_id AND moved.ord < taken.ord
    INNER JOIN core_event AS event ON moved.ord = event.ord
    INNER JOIN party AS there
        ON unexplained.seller_id = there.partner_id
        AND there.site_id = CASE event.custody
            WHEN 'receive' THEN event.site_id
            WHEN 'ship' THEN event.to_site_id
        END
),
bought AS (
    SELECT sold.*, came.lot_id IS NOT NULL OR opened.lot_id IS NOT NULL AS is_bought
    FROM sold
    LEFT JOIN came ON sold.lot_id = came.lot_id AND sold.seller_id = came.partner_id
    LEFT JOIN opened ON sold.lot_id = opened.lot_id AND sold.seller_id = opened.seller_id
),
seller AS (
    SELECT seller_id, count(*) AS lots, count(*) FILTER (WHERE is_bought) AS bought_lots
    FROM bought
    GROUP BY seller_id
),
-- A seller of whose goods others received what it never told as shipped leaves receipts out too.
told_sale AS (
    SELECT
        seller_id, count(DISTINCT receive_record_id) AS received,
        count(DISTINCT receive_record_id) FILTER (WHERE ship_record_id IS NOT NULL) AS told
    FROM trade
    WHERE source = 'epcis' AND receive_record_id IS NOT NULL AND seller_id IS NOT NULL
    GROUP BY seller_id
),
-- B15: another lot of the product of which as much is left over at the seller.
stock AS (
    SELECT gtin, lot_id, partner_id, sum(units) AS left_units
    FROM (
        SELECT gtin, lot_id, buyer_id AS partner_id, units FROM trade
        WHERE receive_record_id IS NOT NULL OR source = 'shipment'
        UNION ALL
        SELECT gtin, lot_id, seller_id, -units FROM trade WHERE ship_record_id IS NOT NULL
    )
    WHERE partner_id IN (SELECT seller_id FROM bought WHERE NOT is_bought)
    GROUP BY gtin, lot_id, partner_id
),
left_over AS (
    SELECT DISTINCT bought.lot_id, bought.seller_id
    FROM bought
    INNER JOIN stock
        ON bought.gtin = stock.gtin AND bought.seller_id = stock.partner_id
        AND bought.units = stock.left_units AND bought.lot_id <> stock.lot_id
    WHERE NOT bought.is_bought
),
never_bought AS (
    SELECT
        bought.lot_id, 'never_bought' AS kind, bought.site_id, bought.other_site_id,
        coalesce(lot.is_covered, false) AND seller.lots - 1 >= setting.feed_lots
        AND seller.bought_lots >= setting.feed_share * (seller.lots - 1)
        AND coalesce(told_sale.told >= setting.feed_share * told_sale.received, true)
            AS is_guarded,
        bought.units, bought.traded_at, left_over.lot_id IS NOT NULL AS is_counterpart,
        CASE WHEN left_over.lot_id IS NOT NULL THEN bought.units ELSE 0 END AS counterpart_units,
        bought.is_title, bought.record_ids
    FROM bought
    CROSS JOIN setting
    INNER JOIN lot ON bought.lot_id = lot.lot_id
    INNER JOIN seller ON bought.seller_id = seller.seller_id
    LEFT JOIN told_sale ON bought.seller_id = told_sale.seller_id
    LEFT JOIN left_over
        ON bought.lot_id = left_over.lot_id AND bought.seller_id = left_over.seller_id
    -- A seller of whom no arrival is on record at all says nothing.
    WHERE NOT bought.is_bought AND seller.bought_lots > 0
),
fault AS (
    SELECT * FROM unknown_sale
    UNION ALL BY NAME SELECT * FROM before_made
    UNION ALL BY NAME SELECT * FROM reused
    UNION ALL BY NAME SELECT * FROM swapped
    UNION ALL BY NAME SELECT * FROM told_twice
    UNION ALL BY NAME SELECT * FROM never_bought
),
coded AS (
    SELECT
        fault.*,
        epoch(clock.as_of - fault.traded_at) / 3600 AS age_h,
        CASE
            WHEN NOT fault.is_guarded THEN NULL
            WHEN fault.kind IN ('first_sale', 'never_bought')
                AND epoch(clock.as_of - fault.traded_at) / 3600 < setting.late_h THEN 'B11'
            WHEN coalesce(fault.is_counterpart, false) THEN 'B15'
            WHEN coalesce(fault.is_title, false) THEN 'B23'
        END AS benign
    FROM fault
    CROSS JOIN setting
    CROSS JOIN stg_clock AS clock
    WHERE len(fault.record_ids) > 0
    -- One data gap a lot.
    QUALIFY fault.is_guarded OR row_number() OVER (
        PARTITION BY fault.lot_id, fault.is_guarded
        ORDER BY fault.units DESC, fault.kind, fault.record_ids
    ) = 1
)
SELECT
    coded.lot_id::INTEGER AS lot_id,
    NULL::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    CASE WHEN coded.is_guarded THEN coded.site_id END::INTEGER AS site_id,
    CASE WHEN coded.is_guarded THEN coded.other_site_id END::INTEGER AS other_site_id,
    CASE
        WHEN NOT coded.is_guarded THEN 'S4'
        WHEN coalesce(coded.is_by_custom, false) THEN 'S2'
        ELSE 'S1'
    END AS severity,
    CASE
        WHEN NOT coded.is_guarded THEN 'data_gap'
        WHEN coded.benign IS NOT NULL THEN 'explained'
        ELSE 'stands'
    END AS status,
    coded.benign,
    CASE WHEN coded.is_guarded THEN 'conflicting' ELSE 'missing' END AS history,
    coded.units::DOUBLE AS units,
    to_json({
        'kind': coded.kind, 'units_on_paper': coded.units,
        'maker_shipped_units': coded.known_units, 'made_units': coded.limit_units,
        'before_made_days': coded.early_days, 'buyers_of_document': coded.buyers,
        'lots_of_line': coded.goods
    }) AS observed,
    to_json({
        'units_on_paper': 0, 'before_made_days': CASE WHEN coded.early_days IS NOT NULL THEN 1 END,
        'buyers_of_document': CASE WHEN coded.buyers IS NOT NULL THEN 1 END
    }) AS threshold,
    CASE
        WHEN NOT coded.is_guarded THEN '[]'::JSON
        ELSE to_json([
            to_json({
                'code': 'B11',
                'result': CASE
                    WHEN coded.kind NOT IN ('first_sale', 'never_bought') THEN 'not_testable'
                    WHEN coded.benign = 'B11' THEN 'supported'
                    ELSE 'ruled_out'
                END,
                'age_h': round(coded.age_h, 1), 'norm_h': setting.late_h
            }),
            to_json({
                'code': 'B15',
                'result': CASE
                    WHEN coded.is_counterpart IS NULL THEN 'not_testable'
                    WHEN coded.is_counterpart THEN 'supported'
                    ELSE 'ruled_out'
                END,
                'counterpart_units': coalesce(coded.counterpart_units, 0)
            }),
            to_json({
                'code': 'B23',
                'result': CASE
                    WHEN coded.is_title IS NULL THEN 'not_testable'
                    WHEN coded.is_title THEN 'supported'
                    ELSE 'ruled_out'
                END,
                'is_title_only': coded.is_title
            })
        ])::JSON
    END AS tests,
    coded.record_ids
FROM coded
CROSS JOIN setting
ORDER BY ALL
