-- model:   P30_round_trip
-- purpose: Packs that came back to a party which had sold them, with nobody calling it a return.
-- grain:   one row per lot, party, the party it came back from, and explanation
-- key:     none
-- pattern: P30
-- family:  network
-- definition: A pack leaves a site and is back there within 365 days, with no step or disposition
--   of a return, recall or void shipping on the way. For lots moved by unserialised quantity: a
--   directed cycle of the lot's movements within 365 days, not stated as a return.
-- guard: Both the leaving and the coming back are on record. Lots that nobody named have no cycle.
-- severity: S2 always.
-- benign: B14 (a return document, a dispenser or returns processor sending back what it bought
--   there within the return time), B15 (straight back within days: wrong delivery), B23 (the party
--   stayed owner all along, or the goods were only at a logistics provider, packer or sister
--   site).
-- source: typology P30
-- parts:   lot
-- reads:   core_custody, core_item_event, core_lot, core_movement, core_site, graph_lot_cycle,
--   raw_event_transaction, raw_setting
-- columns: as in find_finding's pattern shape
-- caveats: Packs are followed one by one where they have serials; a lot with any serialised
--   movement is not judged by quantity, since other packs of it may lawfully go the other way.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P30.within_days') AS within_days,
        max(value) FILTER (WHERE name = 'P30.return_days') AS return_days,
        max(value) FILTER (WHERE name = 'P30.correct_days') AS correct_days,
        max(value) FILTER (WHERE name = 'P30.same_quantity_share') AS same_quantity_share
    FROM raw_setting
),
hop AS (
    SELECT
        lot_id, unit_id, hop_no, from_site_id, to_site_id,
        coalesce(shipped_at, received_at) AS left_at,
        coalesce(received_at, shipped_at) AS came_at,
        coalesce(ship_record_id, receive_record_id) AS left_record_id,
        coalesce(receive_record_id, ship_record_id) AS came_record_id
    FROM core_custody
    WHERE from_site_id IS NOT NULL AND to_site_id IS NOT NULL AND from_site_id <> to_site_id
),
-- The last time the pack left the site before it came back to it.
back AS (
    SELECT
        came.lot_id, came.unit_id, came.to_site_id AS site_id,
        came.from_site_id AS via_site_id, came.hop_no AS back_hop_no,
        came.left_record_id, came.came_record_id, came.came_at,
        arg_max(gone.left_at, gone.hop_no) AS gone_at,
        arg_max(gone.left_record_id, gone.hop_no) AS gone_record_id,
        arg_max(gone.to_site_id, gone.hop_no) AS first_to_site_id,
        max(gone.hop_no) AS gone_hop_no
    FROM hop AS came
    INNER JOIN hop AS gone
        ON came.lot_id = gone.lot_id AND came.unit_id = gone.unit_id
        AND came.to_site_id = gone.from_site_id AND gone.hop_no < came.hop_no
    GROUP BY ALL
),
near AS (
    SELECT back.*, date_diff('hour', gone_at, came_at) / 24.0 AS days,
        back_hop_no - gone_hop_no + 1 AS legs
    FROM back
    CROSS JOIN setting
    WHERE date_diff('hour', gone_at, came_at) / 24.0 BETWEEN 0 AND setting.within_days
),
-- What the events between leaving and coming back say.
said AS (
    SELECT
        near.lot_id, near.unit_id, near.back_hop_no,
        bool_or(
            event.step IN ('returning', 'void_shipping')
            OR event.disposition IN (
                'returned', 'recalled', 'expired', 'damaged', 'non_sellable_other',
                'partially_returned'
            )
        ) AS is_called_return,
        bool_or(
            event.from_owner_site_id = near.site_id AND event.from_site_id <> near.site_id
        ) AS is_still_owner
    FROM near
    INNER JOIN core_item_event AS event
        ON near.lot_id = event.lot_id AND near.unit_id = event.unit_id
        AND event.event_at BETWEEN near.gone_at AND near.came_at
    GROUP BY near.lot_id, near.unit_id, near.back_hop_no
),
return_document AS (
    SELECT DISTINCT record_id FROM raw_event_transaction WHERE lower(type) IN ('rma', 'return')
),
-- Who stood between: only service providers and sister sites, or traders.
between_party AS (
    SELECT
        near.lot_id, near.unit_id, near.back_hop_no,
        bool_and(
            coalesce(party.role, '') IN (
                'third_party_logistics', 'contract_packer', 'repackager', 'customs'
            )
            OR coalesce(party.partner_id = home.partner_id, false)
        ) AS is_service_only
    FROM near
    INNER JOIN hop
        ON near.lot_id = hop.lot_id AND near.unit_id = hop.unit_id
        AND hop.hop_no BETWEEN near.gone_hop_no AND near.back_hop_no - 1
    LEFT JOIN core_site AS party ON hop.to_site_id = party.site_id
    LEFT JOIN core_site AS home ON near.site_id = home.site_id
    GROUP BY near.lot_id, near.unit_id, near.back_hop_no
),
pack_trip AS (
    SELECT
        near.lot_id, near.unit_id, near.site_id, near.via_site_id, near.days, near.legs,
        near.gone_record_id, near.left_record_id, near.came_record_id,
        sent.record_id IS NOT NULL OR taken.record_id IS NOT NULL AS has_document,
        coalesce(via.role, 'unknown')
        IN ('pharmacy', 'hospital', 'clinic', 'reverse_distributor', 'destruction')
            AS is_via_dispenser,
        coalesce(said.is_still_owner, false) AS is_still_owner,
        coalesce(between_party.is_service_only, false) AS is_service_only
    FROM near
    LEFT JOIN said
        ON near.lot_id = said.lot_id AND near.unit_id = said.unit_id
        AND near.back_hop_no = said.back_hop_no
    LEFT JOIN between_party
        ON near.lot_id = between_party.lot_id AND near.unit_id = between_party.unit_id
        AND near.back_hop_no = between_party.back_hop_no
    LEFT JOIN core_site AS via ON near.via_site_id = via.site_id
    LEFT JOIN return_document AS sent ON near.left_record_id = sent.record_id
    LEFT JOIN return_document AS taken ON near.came_record_id = taken.record_id
    WHERE NOT coalesce(said.is_called_return, false)
),
-- Lots known by quantity alone: the cycles of the lot, less those with a leg stated as a return.
quantity_lot AS (
    SELECT movement.lot_id
    FROM core_movement AS movement
    INNER JOIN core_lot AS lot ON movement.lot_id = lot.lot_id
    WHERE lot.lot <> '(unstated)'
    GROUP BY movement.lot_id
    HAVING NOT bool_or(movement.is_serialized)
),
lot_trip AS (
    SELECT
        cycle.lot_id, cycle.site_id, cycle.via_site_id, cycle.third_site_id,
        cycle.days, cycle.leg_count, cycle.units AS back_units,
        cycle.left_record_id, cycle.back_record_id,
        sum(gone.units) AS gone_units
    FROM graph_lot_cycle AS cycle
    CROSS JOIN setting
    INNER JOIN quantity_lot ON cycle.lot_id = quantity_lot.lot_id
    INNER JOIN core_movement AS gone
        ON cycle.lot_id = gone.lot_id AND cycle.site_id = gone.from_site_id
        AND cycle.via_site_id = gone.to_site_id
        AND cycle.left_at = coalesce(gone.shipped_at, gone.received_at)
    WHERE cycle.days <= setting.within_days AND NOT cycle.is_return
        AND coalesce(gone.reason, 'sale') = 'sale'
    GROUP BY ALL
),
trip AS (
    SELECT
        lot_id, unit_id, site_id, via_site_id, days, legs, 1.0 AS units, 1.0 AS gone_units,
        [gone_record_id, left_record_id, came_record_id] AS record_ids,
        has_document, is_via_dispenser, is_still_owner, is_service_only
    FROM pack_trip
    UNION ALL
    SELECT
        lot_trip.lot_id, NULL, lot_trip.site_id, lot_trip.third_site_id, lot_trip.days,
        lot_trip.leg_count, lot_trip.back_units, lot_trip.gone_units,
        [lot_trip.left_record_id, lot_trip.back_record_id],
        EXISTS (
            SELECT 1 FROM return_document
            WHERE return_document.record_id IN (lot_trip.left_record_id, lot_trip.back_record_id)
        ),
        coalesce(third.role, 'unknown')
        IN ('pharmacy', 'hospital', 'clinic', 'reverse_distributor', 'destruction'),
        false,
        (coalesce(via.role, '') IN (
            'third_party_logistics', 'contract_packer', 'repackager', 'customs'
        ) OR coalesce(via.partner_id = home.partner_id, false))
        AND (coalesce(third.role, '') IN (
            'third_party_logistics', 'contract_packer', 'repackager', 'customs'
        ) OR coalesce(third.partner_id = home.partner_id, false))
    FROM lot_trip
    LEFT JOIN core_site AS via ON lot_trip.via_site_id = via.site_id
    LEFT JOIN core_site AS third ON lot_trip.third_site_id = third.site_id
    LEFT JOIN core_site AS home ON lot_trip.site_id = home.site_id
),
coded AS (
    SELECT
        trip.*,
        CASE
            WHEN trip.has_document THEN 'B14'
            WHEN trip.legs = 2 AND trip.is_via_dispenser AND trip.days <= setting.return_days
                THEN 'B14'
            WHEN trip.legs = 2 AND trip.days <= setting.correct_days
                AND abs(trip.units - trip.gone_units)
                <= setting.same_quantity_share * trip.gone_units
                THEN 'B15'
            WHEN trip.is_still_owner OR trip.is_service_only THEN 'B23'
        END AS benign
    FROM trip
    CROSS JOIN setting
),
grouped AS (
    SELECT
        lot_id, site_id, via_site_id, benign,
        count(DISTINCT unit_id) AS packs,
        sum(units) FILTER (WHERE unit_id IS NULL) AS class_units,
        min(unit_id) AS one_unit_id,
        round(min(days), 2) AS days,
        max(legs) AS legs,
        count(*) FILTER (WHERE has_document) AS with_document,
        bool_or(is_via_dispenser) AS is_via_dispenser,
        bool_or(is_still_owner) AS is_still_owner,
        bool_or(is_service_only) AS is_service_only,
        list_sort(list_distinct(flatten(list(record_ids))))[1:50] AS record_ids
    FROM coded
    GROUP BY lot_id, site_id, via_site_id, benign
)
SELECT
    grouped.lot_id,
    CASE WHEN grouped.packs = 1 THEN grouped.one_unit_id END AS unit_id,
    CAST(NULL AS BIGINT) AS container_id,
    grouped.site_id,
    grouped.via_site_id AS other_site_id,
    'S2' AS severity,
    CASE WHEN grouped.benign IS NULL THEN 'stands' ELSE 'explained' END AS status,
    grouped.benign,
    'conflicting' AS history,
    CAST(grouped.packs + coalesce(grouped.class_units, 0) AS DOUBLE) AS units,
    json_object('days_to_return', grouped.days, 'legs', grouped.legs) AS observed,
    json_object('days_to_return', setting.within_days, 'legs', 2) AS threshold,
    json_array(
        json_object(
            'code', 'B14',
            'result', CASE WHEN grouped.benign = 'B14' THEN 'supported' ELSE 'ruled_out' END,
            'returns_with_document', grouped.with_document,
            'is_from_dispenser', grouped.is_via_dispenser,
            'return_days', setting.return_days
        ),
        json_object(
            'code', 'B15',
            'result', CASE WHEN grouped.benign = 'B15' THEN 'supported' ELSE 'ruled_out' END,
            'legs', grouped.legs, 'days', grouped.days, 'correct_days', setting.correct_days
        ),
        json_object(
            'code', 'B23',
            'result', CASE
                WHEN grouped.is_still_owner OR grouped.is_service_only THEN 'supported'
                ELSE 'ruled_out'
            END,
            'is_still_owner', grouped.is_still_owner,
            'is_service_only', grouped.is_service_only
        )
    ) AS tests,
    grouped.record_ids
FROM grouped
CROSS JOIN setting
ORDER BY ALL
