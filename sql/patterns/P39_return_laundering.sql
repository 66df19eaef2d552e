-- model:   P39_return_laundering
-- purpose: Returns of goods that this wholesaler never sold to that customer, or more than it sold.
-- grain:   one row per lot, wholesaler, customer, kind and explanation; one data gap per lot
-- key:     none
-- pattern: P39
-- family:  lifecycle
-- definition: A pack comes back from C to W as a return, and no earlier hop took it from W to C
--   (never sold); or one did, but it had gone on from C to another party since (sold onward). For
--   goods without serials: over all time, C's returns of the GTIN to W exceed its purchases there.
-- guard: An earlier hop of the pack is on record, and it did not lie at W itself last: then W's
--   sale is missing. W's data shows the shipping of at least 90 % of the consignments that others
--   received from it (at least 3). Where only its container says that a pack lay with a third party,
--   and C scanned it on its way back, that third party scanned it too. Quantities need a record that reaches 180 days back from the first return, and sales
--   of the GTIN by W in it. Else a data gap. Firms are compared, not places, and what left as W's
--   property was sold by W. Makers, returns processors, destruction and logistics lawfully take
--   back what others sold.
-- severity: S1 always.
-- benign: B14 (a return document names it, and C had bought at least as much of the lot from W:
--   serials mixed up in a lawful return), B15 (W had shipped the pack to another address, where it
--   was never received: it was delivered to C; or W sent the excess back within days).
-- source: twin of P12; typology P39
-- parts:   lot
-- reads:   core_custody, core_item_event, core_lot, core_movement, core_site,
--   raw_event_transaction, raw_setting
-- columns: as in find_finding's pattern shape
-- caveats: Only what is called a return is one. What is sold up the chain without the word is
--   P32's.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P39.history_days') AS history_days,
        max(value) FILTER (WHERE name = 'P39.least_units') AS least_units,
        max(value) FILTER (WHERE name = 'P39.tolerance_share') AS tolerance_share,
        max(value) FILTER (WHERE name = 'P39.correct_days') AS correct_days,
        max(value) FILTER (WHERE name = 'P39.feed_share') AS feed_share,
        max(value) FILTER (WHERE name = 'P39.feed_consignments') AS feed_consignments
    FROM raw_setting
),
party AS (
    SELECT
        site_id, partner_id,
        coalesce(role, '') IN (
            'maker', 'contract_packer', 'reverse_distributor', 'destruction',
            'third_party_logistics', 'customs'
        ) AS is_taker
    FROM core_site
),
back AS (
    SELECT
        hop.lot_id, hop.unit_id, hop.hop_no, hop.from_site_id, hop.to_site_id,
        hop.ship_record_id, hop.receive_record_id, coalesce(hop.is_inferred, false) AS is_inferred,
        coalesce(hop.shipped_at, hop.received_at) AS left_at,
        customer.partner_id AS customer_id, seller.partner_id AS seller_id
    FROM core_custody AS hop
    INNER JOIN party AS customer ON hop.from_site_id = customer.site_id
    INNER JOIN party AS seller ON hop.to_site_id = seller.site_id
    -- Compared inside a function: as a join's condition it would pair all sites with all others.
    WHERE hop.is_return AND NOT seller.is_taker
        AND coalesce(customer.partner_id <> seller.partner_id, false)
),
-- The pack's way before: did W sell it to C, and where was it last?
before AS (
    SELECT
        back.unit_id, back.hop_no,
        bool_or(
            (here.partner_id = back.seller_id OR owner.partner_id = back.seller_id)
            AND there.partner_id = back.customer_id AND NOT hop.is_return
        ) AS is_bought,
        arg_max(there.partner_id, hop.hop_no) AS last_partner_id,
        arg_max(
            coalesce(hop.is_inferred, false) AND NOT back.is_inferred
            AND coalesce(there.partner_id <> back.customer_id, false), hop.hop_no
        ) AS is_last_by_container,
        arg_max(
            here.partner_id = back.seller_id AND hop.receive_record_id IS NULL, hop.hop_no
        ) AS is_undelivered,
        list_distinct(flatten(list(list_filter(
            [hop.ship_record_id, hop.receive_record_id], lambda r: r IS NOT NULL)))) AS record_ids
    FROM back
    INNER JOIN core_custody AS hop ON back.unit_id = hop.unit_id AND hop.hop_no < back.hop_no
    LEFT JOIN party AS here ON hop.from_site_id = here.site_id
    LEFT JOIN party AS there ON hop.to_site_id = there.site_id
    LEFT JOIN party AS owner ON hop.from_owner_site_id = owner.site_id
    GROUP BY back.unit_id, back.hop_no
),
-- A third party that opened the container or sold the pack had it for certain.
scanned AS (
    SELECT DISTINCT back.unit_id, back.hop_no
    FROM back
    INNER JOIN before ON back.unit_id = before.unit_id AND back.hop_no = before.hop_no
    INNER JOIN core_item_event AS event
        ON back.unit_id = event.unit_id AND NOT event.is_inferred
        AND event.event_at <= back.left_at
    INNER JOIN party AS place
        ON event.site_id = place.site_id AND before.last_partner_id = place.partner_id
    WHERE before.is_last_by_container
),
-- How completely a wholesaler tells what leaves it: of what others received from it.
consignment AS (
    SELECT
        here.partner_id AS seller_id, hop.receive_record_id,
        bool_or(hop.ship_record_id IS NOT NULL) AS is_shipped
    FROM core_custody AS hop
    INNER JOIN party AS here ON hop.from_site_id = here.site_id
    INNER JOIN party AS there ON hop.to_site_id = there.site_id
    WHERE hop.receive_record_id IS NOT NULL AND NOT hop.is_return
        AND coalesce(here.partner_id <> there.partner_id, false)
        AND here.partner_id IN (SELECT seller_id FROM back)
    GROUP BY here.partner_id, hop.receive_record_id
),
feed AS (
    SELECT
        seller_id, count(*) AS consignments,
        count(*) FILTER (WHERE is_shipped) AS shipped_consignments
    FROM consignment
    GROUP BY seller_id
),
return_document AS (
    SELECT DISTINCT record_id FROM raw_event_transaction WHERE lower(type) IN ('rma', 'return')
),
-- All trade between the two firms, with and without serials.
dealing AS (
    SELECT
        here.partner_id AS from_id, there.partner_id AS to_id, movement.gtin, movement.lot_id,
        movement.from_site_id, movement.to_site_id,
        coalesce(movement.reason ILIKE '%return%', false) AS is_return,
        coalesce(movement.units, 0) AS units, movement.is_serialized,
        coalesce(movement.shipped_at, movement.received_at) AS moved_at,
        list_filter([movement.ship_record_id, movement.receive_record_id], lambda r: r IS NOT NULL)
            AS record_ids,
        there.is_taker
    FROM core_movement AS movement
    INNER JOIN party AS here ON movement.from_site_id = here.site_id
    INNER JOIN party AS there ON movement.to_site_id = there.site_id
    WHERE coalesce(here.partner_id <> there.partner_id, false) AND movement.uom IS NULL
        AND coalesce(movement.shipped_at, movement.received_at) IS NOT NULL
),
came_back AS (
    SELECT lot_id, from_id AS customer_id, to_id AS seller_id, sum(units) AS units
    FROM dealing
    WHERE is_return
    GROUP BY lot_id, from_id, to_id
),
lot_bought AS (
    SELECT came_back.lot_id, came_back.customer_id, came_back.seller_id, sum(dealing.units) AS units
    FROM came_back
    INNER JOIN dealing
        ON came_back.lot_id = dealing.lot_id AND came_back.customer_id = dealing.to_id
        AND came_back.seller_id = dealing.from_id AND NOT dealing.is_return
    GROUP BY came_back.lot_id, came_back.customer_id, came_back.seller_id
),
pack_fault AS (
    SELECT
        back.lot_id, back.unit_id, back.to_site_id AS site_id, back.from_site_id AS other_site_id,
        back.seller_id, back.customer_id,
        CASE WHEN before.is_bought THEN 'sold_onward' ELSE 'never_sold' END AS kind,
        before.unit_id IS NOT NULL
        AND (before.is_bought OR before.last_partner_id IS DISTINCT FROM back.seller_id)
        AND (NOT before.is_last_by_container OR scanned.unit_id IS NOT NULL)
        AND before.last_partner_id IS NOT NULL
        AND coalesce(feed.consignments >= setting.feed_consignments
            AND feed.shipped_consignments >= setting.feed_share * feed.consignments, false)
            AS is_guarded,
        coalesce(before.is_undelivered, false) AS is_undelivered,
        sent.record_id IS NOT NULL OR taken.record_id IS NOT NULL AS has_document,
        list_concat(
            list_filter([back.ship_record_id, back.receive_record_id], lambda r: r IS NOT NULL),
            coalesce(before.record_ids, [])) AS record_ids
    FROM back
    CROSS JOIN setting
    LEFT JOIN before ON back.unit_id = before.unit_id AND back.hop_no = before.hop_no
    LEFT JOIN scanned ON back.unit_id = scanned.unit_id AND back.hop_no = scanned.hop_no
    LEFT JOIN feed ON back.seller_id = feed.seller_id
    LEFT JOIN return_document AS sent ON back.ship_record_id = sent.record_id
    LEFT JOIN return_document AS taken ON back.receive_record_id = taken.record_id
    WHERE NOT coalesce(before.is_bought AND before.last_partner_id = back.customer_id, false)
),
pack_sum AS (
    SELECT
        fault.lot_id, fault.kind, fault.is_guarded,
        CASE WHEN fault.is_guarded THEN fault.site_id END AS site_id,
        CASE WHEN fault.is_guarded THEN fault.other_site_id END AS other_site_id,
        CASE
            WHEN NOT fault.is_guarded THEN NULL
            WHEN fault.has_document AND coalesce(bought.units >= came_back.units, false) THEN 'B14'
            WHEN fault.is_undelivered THEN 'B15'
        END AS benign,
        count(DISTINCT fault.unit_id)::DOUBLE AS units,
        max(coalesce(bought.units, 0)) AS bought_units, max(came_back.units) AS returned_units,
        count(DISTINCT fault.unit_id) FILTER (WHERE fault.has_document) AS with_document_units,
        count(DISTINCT fault.unit_id) FILTER (WHERE fault.is_undelivered) AS undelivered_units,
        0::DOUBLE AS sent_back_units,
        list_sort(list_distinct(flatten(list(fault.record_ids))))[1:50] AS record_ids
    FROM pack_fault AS fault
    LEFT JOIN came_back
        ON fault.lot_id = came_back.lot_id AND fault.customer_id = came_back.customer_id
        AND fault.seller_id = came_back.seller_id
    LEFT JOIN lot_bought AS bought
        ON fault.lot_id = bought.lot_id AND fault.customer_id = bought.customer_id
        AND fault.seller_id = bought.seller_id
    GROUP BY ALL
),
-- Goods without serials: the whole account of a customer with a wholesaler for a product.
record_start AS (
    SELECT min(moved_at) AS first_at FROM dealing
),
class_return AS (
    SELECT
        from_id AS customer_id, to_id AS seller_id, gtin,
        sum(units) AS returned_units, min(moved_at) AS first_at, max(moved_at) AS last_at
    FROM dealing
    WHERE is_return AND NOT is_taker
    GROUP BY from_id, to_id, gtin
    HAVING NOT bool_and(is_serialized)
),
account AS (
    SELECT
        class_return.*,
        coalesce(sum(sale.units) FILTER (WHERE sale.moved_at <= class_return.last_at), 0)
            AS bought_units,
        coalesce(sum(sale.units) FILTER (
            WHERE sale.moved_at > class_return.last_at
            AND sale.moved_at
            <= class_return.last_at + to_days(CAST(setting.correct_days AS INTEGER))
        ), 0) AS sent_back_units
    FROM class_return
    CROSS JOIN setting
    LEFT JOIN dealing AS sale
        ON class_return.customer_id = sale.to_id AND class_return.seller_id = sale.from_id
        AND class_return.gtin = sale.gtin AND NOT sale.is_return
    GROUP BY ALL
),
-- Sellers whose sales of the product are in the data at all.
selling AS (
    SELECT DISTINCT from_id, gtin FROM dealing WHERE NOT is_return
),
excess AS (
    SELECT
        account.*,
        account.first_at >= start.first_at + to_days(CAST(setting.history_days AS INTEGER))
        AND selling.gtin IS NOT NULL AS is_guarded
    FROM account
    CROSS JOIN setting
    CROSS JOIN record_start AS start
    LEFT JOIN selling
        ON account.seller_id = selling.from_id AND account.gtin = selling.gtin
    WHERE account.returned_units - account.bought_units
        >= greatest(setting.least_units, setting.tolerance_share * account.returned_units)
),
class_sum AS (
    SELECT
        dealing.lot_id, 'more_than_bought' AS kind, excess.is_guarded,
        CASE WHEN excess.is_guarded THEN min(dealing.to_site_id) END AS site_id,
        CASE WHEN excess.is_guarded THEN min(dealing.from_site_id) END AS other_site_id,
        CASE
            WHEN excess.is_guarded AND excess.sent_back_units > 0 AND excess.sent_back_units
                BETWEEN excess.returned_units - excess.bought_units - setting.least_units
                AND excess.returned_units - excess.bought_units + setting.least_units THEN 'B15'
        END AS benign,
        sum(dealing.units) AS units,
        excess.bought_units, excess.returned_units, 0 AS with_document_units,
        0 AS undelivered_units, excess.sent_back_units,
        list_sort(list_distinct(flatten(list(dealing.record_ids))))[1:50] AS record_ids
    FROM excess
    CROSS JOIN setting
    INNER JOIN dealing
        ON excess.customer_id = dealing.from_id AND excess.seller_id = dealing.to_id
        AND excess.gtin = dealing.gtin AND dealing.is_return AND NOT dealing.is_serialized
    GROUP BY
        dealing.lot_id, excess.is_guarded, excess.customer_id, excess.seller_id,
        excess.bought_units, excess.returned_units, excess.sent_back_units, setting.least_units
),
found AS (
    SELECT *
    FROM (FROM pack_sum UNION ALL FROM class_sum)
    -- One data gap a lot.
    QUALIFY is_guarded OR row_number() OVER (
        PARTITION BY lot_id, is_guarded ORDER BY units DESC, kind, record_ids) = 1
)
SELECT
    found.lot_id::INTEGER AS lot_id,
    NULL::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    found.site_id::INTEGER AS site_id,
    found.other_site_id::INTEGER AS other_site_id,
    CASE WHEN found.is_guarded THEN 'S1' ELSE 'S4' END AS severity,
    CASE
        WHEN NOT found.is_guarded THEN 'data_gap'
        WHEN found.benign IS NOT NULL THEN 'explained'
        ELSE 'stands'
    END AS status,
    found.benign,
    CASE WHEN found.is_guarded THEN 'conflicting' ELSE 'missing' END AS history,
    found.units::DOUBLE AS units,
    to_json({
        'kind': found.kind, 'units_returned_unsold': found.units,
        'bought_units': found.bought_units, 'returned_units': found.returned_units
    }) AS observed,
    to_json({'units_returned_unsold': 0}) AS threshold,
    CASE
        WHEN NOT found.is_guarded THEN '[]'::JSON
        ELSE to_json([
            to_json({
                'code': 'B14',
                'result': CASE WHEN found.benign = 'B14' THEN 'supported' ELSE 'ruled_out' END,
                'with_document_units': found.with_document_units,
                'bought_units': found.bought_units, 'returned_units': found.returned_units
            }),
            to_json({
                'code': 'B15',
                'result': CASE WHEN found.benign = 'B15' THEN 'supported' ELSE 'ruled_out' END,
                'undelivered_units': found.undelivered_units,
                'sent_back_units': found.sent_back_units
            })
        ])::JSON
    END AS tests,
    found.record_ids
FROM found
INNER JOIN core_lot AS lot ON found.lot_id = lot.lot_id
ORDER BY ALL
