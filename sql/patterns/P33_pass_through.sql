-- model:   P33_pass_through
-- purpose: A trader whose goods come from one supplier and leave for one buyer within a day.
-- grain:   one row per lot and party it passed through
-- key:     none
-- pattern: P33
-- family:  network
-- definition: Of a site's goods, the median stay from receipt to shipment is at most 24 h, with the
--   doubt of both clocks added; out / in is 0.95 to 1.05; at least 80 % came from one supplier and
--   at least 80 % went to one buyer; and no event there says storing.
-- guard: At least 5 consignments of it stayed there and left, on 3 days, and supplier and buyer are
--   other firms. Logistics providers, packers, customs, returns processors, makers and whoever
--   serves patients are no traders. Log lines that know days, not hours, prove no stay this short.
-- severity: S2 always.
-- benign: B23 (a licence list calls it a logistics provider; or nearly all of its shipments state
--   another firm as owner: title did not pass through it).
-- source: HIV shells 2019-21, Cumberland, Herceptin Italy; typology P33
-- reads:   core_event, core_licence, core_lot, core_movement, core_site, feat_stay, raw_setting
-- columns: as in find_finding's pattern shape
-- caveats: The figures are the party's, over all its lots; every lot that passed so is named.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P33.stay_h') AS stay_h,
        max(value) FILTER (WHERE name = 'P33.least_ratio') AS least_ratio,
        max(value) FILTER (WHERE name = 'P33.most_ratio') AS most_ratio,
        max(value) FILTER (WHERE name = 'P33.share') AS share,
        max(value) FILTER (WHERE name = 'P33.consignments') AS consignments,
        max(value) FILTER (WHERE name = 'P33.days') AS days,
        max(value) FILTER (WHERE name = 'P33.title_share') AS title_share
    FROM raw_setting
),
trader AS (
    SELECT site_id, partner_id
    FROM core_site
    WHERE coalesce(role, 'unknown') IN ('wholesaler', 'parallel_trader', 'unknown')
),
-- One consignment in is one stay, however many lots and shipments it went on in.
stay AS (
    SELECT
        stay.site_id, stay.receive_record_id, min(stay.received_at) AS received_at,
        max(stay.stay_h + stay.doubt_h) AS stay_h
    FROM feat_stay AS stay
    INNER JOIN trader ON stay.site_id = trader.site_id
    WHERE NOT stay.is_return
    GROUP BY stay.site_id, stay.receive_record_id
),
quick AS (
    SELECT
        site_id, median(stay_h) AS median_h, count(*) AS consignments,
        count(DISTINCT received_at::DATE) AS days
    FROM stay
    GROUP BY site_id
    HAVING median(stay_h) <= (SELECT stay_h FROM setting)
        AND count(*) >= (SELECT consignments FROM setting)
        AND count(DISTINCT received_at::DATE) >= (SELECT days FROM setting)
),
flow AS (
    SELECT
        quick.site_id, true AS is_in, other.partner_id AS other_partner_id,
        min(movement.from_site_id) AS other_site_id, sum(movement.units) AS units
    FROM quick
    INNER JOIN core_movement AS movement ON quick.site_id = movement.to_site_id
    LEFT JOIN core_site AS other ON movement.from_site_id = other.site_id
    WHERE coalesce(movement.reason, 'sale') = 'sale' AND movement.uom IS NULL
        AND (movement.source = 'shipment' OR movement.receive_record_id IS NOT NULL)
    GROUP BY quick.site_id, other.partner_id
    UNION ALL
    SELECT
        quick.site_id, false, other.partner_id, min(movement.to_site_id), sum(movement.units)
    FROM quick
    INNER JOIN core_movement AS movement ON quick.site_id = movement.from_site_id
    LEFT JOIN core_site AS other ON movement.to_site_id = other.site_id
    WHERE coalesce(movement.reason, 'sale') = 'sale' AND movement.uom IS NULL
        AND movement.ship_record_id IS NOT NULL
    GROUP BY quick.site_id, other.partner_id
),
measured AS (
    SELECT
        site_id,
        sum(units) FILTER (WHERE is_in) AS in_units,
        sum(units) FILTER (WHERE NOT is_in) AS out_units,
        max(units) FILTER (WHERE is_in AND other_partner_id IS NOT NULL) AS supplier_units,
        max(units) FILTER (WHERE NOT is_in AND other_partner_id IS NOT NULL) AS buyer_units,
        arg_max(other_site_id, units) FILTER (WHERE NOT is_in AND other_partner_id IS NOT NULL)
            AS buyer_site_id,
        arg_max(other_partner_id, units) FILTER (WHERE is_in AND other_partner_id IS NOT NULL)
            AS supplier_partner_id,
        arg_max(other_partner_id, units) FILTER (WHERE NOT is_in AND other_partner_id IS NOT NULL)
            AS buyer_partner_id
    FROM flow
    GROUP BY site_id
),
storing AS (
    SELECT DISTINCT site_id FROM core_event WHERE step IN ('storing', 'stocking', 'holding')
),
-- B23: who is stated as owner on what leaves.
title AS (
    SELECT
        event.site_id,
        avg((owner.partner_id <> trader.partner_id)::INTEGER) AS foreign_owner_share
    FROM core_event AS event
    INNER JOIN quick ON event.site_id = quick.site_id
    INNER JOIN trader ON event.site_id = trader.site_id
    INNER JOIN core_site AS owner ON event.from_owner_site_id = owner.site_id
    WHERE event.custody = 'ship'
    GROUP BY event.site_id
),
judged AS (
    SELECT
        quick.site_id, quick.median_h, quick.consignments, measured.buyer_site_id,
        measured.out_units / measured.in_units AS out_in_ratio,
        measured.supplier_units / measured.in_units AS supplier_share,
        measured.buyer_units / measured.out_units AS buyer_share,
        title.foreign_owner_share,
        quick.site_id IN (
            SELECT site_id FROM core_licence WHERE role = 'third_party_logistics'
        ) AS is_licensed_logistics
    FROM quick
    CROSS JOIN setting
    INNER JOIN trader ON quick.site_id = trader.site_id
    INNER JOIN measured ON quick.site_id = measured.site_id
    LEFT JOIN title ON quick.site_id = title.site_id
    ANTI JOIN storing ON quick.site_id = storing.site_id
    WHERE measured.out_units / nullif(measured.in_units, 0)
            BETWEEN setting.least_ratio AND setting.most_ratio
        AND measured.supplier_units >= setting.share * measured.in_units
        AND measured.buyer_units >= setting.share * measured.out_units
        AND measured.supplier_partner_id <> measured.buyer_partner_id
        AND coalesce(trader.partner_id NOT IN (
            measured.supplier_partner_id, measured.buyer_partner_id), true)
),
lot_stay AS (
    SELECT
        stay.lot_id, stay.site_id, sum(stay.units) AS units, min(stay.stay_h) AS stay_h,
        list_sort(list_distinct(flatten(list(
            [stay.receive_record_id, stay.ship_record_id]))))[1:50] AS record_ids
    FROM feat_stay AS stay
    INNER JOIN judged ON stay.site_id = judged.site_id
    WHERE NOT stay.is_return
    GROUP BY stay.lot_id, stay.site_id
)
SELECT
    lot_stay.lot_id::INTEGER AS lot_id,
    NULL::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    judged.site_id::INTEGER AS site_id,
    judged.buyer_site_id::INTEGER AS other_site_id,
    'S2' AS severity,
    CASE
        WHEN judged.is_licensed_logistics
            OR coalesce(judged.foreign_owner_share >= setting.title_share, false) THEN 'explained'
        ELSE 'stands'
    END AS status,
    CASE
        WHEN judged.is_licensed_logistics
            OR coalesce(judged.foreign_owner_share >= setting.title_share, false) THEN 'B23'
    END AS benign,
    'conflicting' AS history,
    lot_stay.units::DOUBLE AS units,
    to_json({
        'median_stay_h': round(judged.median_h, 2), 'out_in_ratio': round(judged.out_in_ratio, 4),
        'one_supplier_share': round(judged.supplier_share, 4),
        'one_buyer_share': round(judged.buyer_share, 4), 'consignments': judged.consignments
    }) AS observed,
    to_json({
        'median_stay_h': setting.stay_h, 'out_in_ratio': setting.least_ratio,
        'one_supplier_share': setting.share, 'one_buyer_share': setting.share,
        'consignments': setting.consignments
    }) AS threshold,
    to_json([to_json({
        'code': 'B23',
        'result': CASE
            WHEN judged.is_licensed_logistics
                OR coalesce(judged.foreign_owner_share >= setting.title_share, false)
                THEN 'supported'
            WHEN judged.foreign_owner_share IS NULL
                AND NOT EXISTS (SELECT 1 FROM core_licence) THEN 'not_testable'
            ELSE 'ruled_out'
        END,
        'is_licensed_logistics': judged.is_licensed_logistics,
        'foreign_owner_share': round(judged.foreign_owner_share, 4)
    })])::JSON AS tests,
    lot_stay.record_ids
FROM judged
CROSS JOIN setting
INNER JOIN lot_stay ON judged.site_id = lot_stay.site_id
INNER JOIN core_lot AS lot ON lot_stay.lot_id = lot.lot_id
ORDER BY ALL
