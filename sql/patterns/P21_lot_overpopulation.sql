-- model:   P21_lot_overpopulation
-- purpose: More packs of a lot than were made, or a buyer that sold more of it than it bought.
-- grain:   one row per lot, and one per lot and buyer with more sold than bought
-- key:     none
-- pattern: P21
-- family:  quantity
-- definition: Distinct serials observed plus unserialised packs of the lot exceed the packs made
--   (the larger of commissioned and stated quantity) by more than max(1, 0.1 %); or a buyer's
--   packs out exceed its packs in by as much over the whole record.
-- guard: The packs made are known: a lot master states the quantity, or the lot is covered;
--   without either an excess over what was commissioned is one data gap: commissioning may be told
--   in part (B06). A buyer is judged only
--   where stock cannot predate the data (as for P20), receipts of the lot are on record, its
--   feed leaves no arrivals of other lots untold (feat_handover), and nearly all
--   other lots it sends balance.
-- severity: S1 always.
-- benign: B01, B04 (the excess serials are known ones misread: in another letter case or keyboard
--   layout, or as feat_misread says; or were only ever typed by hand), B12 (unserialised packs
--   moved on the same lane and days as serialised ones, or their sender had as many by serial, or
--   on their way to it, whose leaving nobody told, or its events seldom balance: counted twice; or
--   as many were on their way to the buyer, never scanned in), B18 (the maker commissioned more
--   than the lot master states, or most of its lots exceed it), B21 (the excess serials were only
--   ever asked about by the maker).
-- source: typology P21
-- reads:   core_lot, core_lot_site_flow, core_movement, core_observation, core_site, core_unit,
--   feat_handover, feat_misread, raw_setting, stg_verification
-- columns: as in find_finding's pattern shape
-- caveats: Unserialised packs are counted where they rest (in less out, over sites), the fewest
--   that the record allows. Every pack of a lot is seldom observed, so a few false serials in a
--   large lot do not exceed it: P04 speaks of those.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P21.least_units') AS least_units,
        max(value) FILTER (WHERE name = 'P21.tolerance_share') AS tolerance_share,
        max(value) FILTER (WHERE name = 'P21.supply_share') AS supply_share,
        max(value) FILTER (WHERE name = 'P21.balanced_share') AS balanced_share,
        max(value) FILTER (WHERE name = 'P21.balanced_lots') AS balanced_lots,
        max(value) FILTER (WHERE name = 'P21.same_lane_h') AS same_lane_h,
        max(value) FILTER (WHERE name = 'P21.master_share') AS master_share,
        max(value) FILTER (WHERE name = 'P21.master_lots') AS master_lots
    FROM raw_setting
),
-- Unserialised packs of each lot: what stays at each site of what came to it in class quantities.
-- A lane's goods are what was sent or what was received on it, whichever is more.
class_lane AS (
    SELECT
        lot_id, from_site_id, to_site_id,
        greatest(
            coalesce(sum(units) FILTER (WHERE ship_record_id IS NOT NULL), 0),
            coalesce(sum(units) FILTER (WHERE receive_record_id IS NOT NULL), 0)
        ) AS units
    FROM core_movement
    WHERE NOT is_serialized AND units > 0 AND uom IS NULL
        AND from_site_id IS NOT NULL AND to_site_id IS NOT NULL
    GROUP BY lot_id, from_site_id, to_site_id
),
class_end AS (
    SELECT lot_id, to_site_id AS site_id, units FROM class_lane
    UNION ALL
    SELECT lot_id, from_site_id, -units FROM class_lane
),
class_rest AS (
    SELECT lot_id, sum(greatest(resting, 0)) AS class_units
    FROM (
        SELECT lot_id, site_id, sum(units) AS resting
        FROM class_end
        GROUP BY lot_id, site_id
    )
    GROUP BY lot_id
),
-- B12: unserialised packs that may be the serialised ones told twice.
lane_time AS (
    SELECT lot_id, from_site_id, to_site_id, is_serialized,
        coalesce(shipped_at, received_at) AS moved_at, units
    FROM core_movement
    WHERE from_site_id IS NOT NULL AND to_site_id IS NOT NULL
),
told_twice AS (
    SELECT class.lot_id, sum(class.units) AS units
    FROM lane_time AS class
    CROSS JOIN setting
    WHERE NOT class.is_serialized
        AND EXISTS (
            SELECT 1
            FROM lane_time AS serial
            WHERE serial.is_serialized AND serial.lot_id = class.lot_id
                AND serial.from_site_id = class.from_site_id
                AND serial.to_site_id = class.to_site_id
                AND abs(date_diff('minute', serial.moved_at, class.moved_at))
                <= setting.same_lane_h * 60
        )
    GROUP BY class.lot_id
),
-- Everything in and out of a site, over the whole record.
site_total AS (
    SELECT
        flow.lot_id, flow.site_id,
        coalesce(sum(flow.units) FILTER (WHERE flow.direction IN ('made', 'in', 'returned')), 0)
            AS in_units,
        coalesce(sum(flow.units) FILTER (WHERE flow.direction = 'out'), 0) AS out_units,
        coalesce(sum(flow.units) FILTER (WHERE flow.direction = 'made'), 0) AS made_units
    FROM core_lot_site_flow AS flow
    WHERE flow.units > 0 AND flow.site_id IS NOT NULL
    GROUP BY flow.lot_id, flow.site_id
),
balanced AS (
    SELECT
        total.*,
        total.out_units - total.in_units
        > greatest(setting.least_units, setting.tolerance_share * total.in_units) AS is_short
    FROM site_total AS total
    CROSS JOIN setting
),
site_habit AS (
    SELECT
        site_id,
        count(*) AS sent_lots,
        count(*) FILTER (WHERE NOT is_short) AS balanced_lots
    FROM balanced
    WHERE out_units > 0
    GROUP BY site_id
),
-- Sent and never scanned in, less what was scanned in without having been sent and may be the same.
on_the_way AS (
    SELECT
        lot_id, to_site_id AS site_id,
        greatest(sum(CASE
            WHEN received_at IS NULL THEN units WHEN NOT is_serialized THEN -units ELSE 0
        END), 0) AS units
    FROM core_movement
    WHERE (received_at IS NULL OR shipped_at IS NULL) AND to_site_id IS NOT NULL
    GROUP BY lot_id, to_site_id
),
-- B12: unserialised packs that may be packs which their sender holds by serial, whose leaving by
-- serial is not on record: a sales log beside an event feed with gaps. Where a sender's events
-- seldom balance, so may all that its log tells.
stock AS (
    SELECT
        lot_id, site_id,
        sum(CASE WHEN direction IN ('out', 'ended') THEN -units ELSE units END) AS units
    FROM core_lot_site_flow
    GROUP BY lot_id, site_id
),
class_flow AS (
    SELECT
        lot_id, site_id, sum(greatest(-units, 0)) AS out_units, sum(greatest(units, 0)) AS in_units
    FROM class_end
    GROUP BY lot_id, site_id
),
held AS (
    SELECT
        flow.lot_id,
        sum(
            CASE
                WHEN habit.balanced_lots < setting.balanced_share * habit.sent_lots
                    THEN flow.out_units
                ELSE greatest(least(
                    stock.units + coalesce(on_the_way.units, 0) + flow.out_units - flow.in_units,
                    flow.out_units
                ), 0)
            END
        ) AS units
    FROM class_flow AS flow
    CROSS JOIN setting
    INNER JOIN stock ON flow.lot_id = stock.lot_id AND flow.site_id = stock.site_id
    LEFT JOIN on_the_way
        ON flow.lot_id = on_the_way.lot_id AND flow.site_id = on_the_way.site_id
    LEFT JOIN site_habit AS habit
        ON flow.site_id = habit.site_id AND habit.sent_lots > setting.balanced_lots
    WHERE flow.out_units > 0
    GROUP BY flow.lot_id
),
lot_count AS (
    SELECT
        lot.lot_id, lot.maker_site_id, lot.stated_quantity, lot.commissioned_units, lot.coverage,
        coalesce(lot.is_covered, false) AS is_covered,
        coalesce(lot.observed_units, 0) AS observed_units,
        coalesce(class_rest.class_units, 0) AS class_units,
        coalesce(lot.observed_units, 0) + coalesce(class_rest.class_units, 0) AS seen_units,
        greatest(
            coalesce(lot.commissioned_units, 0) + coalesce(lot.class_made_units, 0),
            coalesce(lot.stated_quantity, 0)
        ) AS made_units,
        greatest(
            coalesce(told_twice.units, 0),
            CASE  -- where packs were made without serials, none of them can be told twice
                WHEN coalesce(lot.class_made_units, 0) = 0 THEN coalesce(held.units, 0) ELSE 0
            END
        ) AS told_twice_units
    FROM core_lot AS lot
    LEFT JOIN class_rest ON lot.lot_id = class_rest.lot_id
    LEFT JOIN told_twice ON lot.lot_id = told_twice.lot_id
    LEFT JOIN held ON lot.lot_id = held.lot_id
    WHERE lot.lot <> '(unstated)'
        AND (
            lot.commissioned_units > 0 OR lot.class_made_units > 0 OR lot.stated_quantity > 0
        )
),
judged AS (
    SELECT
        lot_count.*,
        greatest(setting.least_units, setting.tolerance_share * lot_count.made_units) AS allowed,
        lot_count.seen_units - lot_count.made_units AS excess,
        lot_count.commissioned_units - lot_count.stated_quantity AS over_master
    FROM lot_count
    CROSS JOIN setting
),
-- B18: is the master wrong for the maker at large?
maker_habit AS (
    SELECT
        judged.maker_site_id,
        count(*) FILTER (WHERE judged.over_master > judged.allowed) AS exceeded_lots,
        avg(CASE WHEN judged.over_master > judged.allowed THEN 1.0 ELSE 0.0 END) AS exceeded_share
    FROM judged
    WHERE judged.maker_site_id IS NOT NULL AND judged.stated_quantity > 0
    GROUP BY judged.maker_site_id
),
over AS (
    SELECT * FROM judged
    WHERE excess > allowed OR coalesce(over_master > allowed, false)
),
-- The excess serials: whether they are misread ones, and whether anybody but the maker met them.
-- B18 asks besides whether all commissioning was the maker's own.
serial AS (
    SELECT
        unit.lot_id, unit.unit_id, unit.is_commissioned,
        translate(regexp_replace(upper(unit.serial), '[^0-9A-Z]', '', 'g'), 'Y', 'Z') AS folded
    FROM core_unit AS unit
    WHERE unit.lot_id IN (SELECT lot_id FROM over)
),
-- Serials that are a known one of the lot in another letter case or keyboard layout.
misread AS (
    SELECT DISTINCT strange.unit_id
    FROM serial AS strange
    INNER JOIN serial AS known
        ON strange.lot_id = known.lot_id AND strange.folded = known.folded
        AND known.is_commissioned
    WHERE NOT strange.is_commissioned AND strange.folded <> ''
    UNION
    SELECT unit_id FROM feat_misread WHERE unit_id IN (SELECT unit_id FROM serial)
),
seen AS (
    SELECT
        observation.lot_id, observation.unit_id, observation.record_id, observation.site_id,
        observation.kind = 'verification' AS is_verified,
        coalesce(lower(verification.entry_mode) = 'manual', false) AS is_typed
    FROM core_observation AS observation
    LEFT JOIN stg_verification AS verification
        ON observation.record_id = verification.record_id
        AND observation.kind = 'verification'
    WHERE observation.lot_id IN (SELECT lot_id FROM over)
),
strange_unit AS (
    SELECT
        unit.lot_id, unit.unit_id,
        misread.unit_id IS NOT NULL AS is_misread,
        bool_and(coalesce(seen.is_typed, false)) AS is_typed,
        bool_and(coalesce(
            seen.is_verified
            AND (seen.site_id = over.maker_site_id OR asker.role IN ('maker', 'contract_packer')),
            false
        )) AS is_makers_own
    FROM over
    INNER JOIN core_unit AS unit ON over.lot_id = unit.lot_id AND NOT unit.is_commissioned
    LEFT JOIN misread ON unit.unit_id = misread.unit_id
    LEFT JOIN seen ON unit.lot_id = seen.lot_id AND unit.unit_id = seen.unit_id
    LEFT JOIN core_site AS asker ON seen.site_id = asker.site_id
    GROUP BY unit.lot_id, unit.unit_id, misread.unit_id
),
strange_count AS (
    SELECT
        lot_id,
        count(*) AS strange_units,
        count(*) FILTER (WHERE is_misread) AS misread_units,
        count(*) FILTER (WHERE is_typed AND NOT is_misread) AS typed_units,
        count(*) FILTER (WHERE is_makers_own AND NOT is_misread AND NOT is_typed) AS own_units
    FROM strange_unit
    GROUP BY lot_id
),
strange AS (
    SELECT
        unit.lot_id,
        count(DISTINCT unit.unit_id) FILTER (
            WHERE unit.is_commissioned
            AND unit.commissioned_site_id IS DISTINCT FROM over.maker_site_id
            AND coalesce(made_at.role, '') NOT IN ('maker', 'contract_packer', 'repackager')
        ) AS elsewhere_made_units,
        list_sort(list(DISTINCT seen.record_id) FILTER (WHERE NOT unit.is_commissioned))[1:50]
            AS strange_records,
        list_sort(list(DISTINCT seen.record_id))[1:10] AS seen_records,
        list_sort(list(DISTINCT unit.commissioned_record_id)
            FILTER (WHERE unit.commissioned_record_id IS NOT NULL))[1:20] AS made_records
    FROM over
    INNER JOIN core_unit AS unit ON over.lot_id = unit.lot_id
    LEFT JOIN core_site AS made_at ON unit.commissioned_site_id = made_at.site_id
    LEFT JOIN seen ON unit.lot_id = seen.lot_id AND unit.unit_id = seen.unit_id
    GROUP BY unit.lot_id
),
explained AS (
    SELECT lot_id, sum(units) AS units, arg_max(benign, (units, benign)) AS benign
    FROM (
        SELECT lot_id, 'B01' AS benign, misread_units AS units FROM strange_count
        UNION ALL
        SELECT lot_id, 'B04', typed_units FROM strange_count
        UNION ALL
        SELECT lot_id, 'B21', own_units FROM strange_count
        UNION ALL
        SELECT lot_id, 'B12', least(told_twice_units, class_units) FROM over
    )
    WHERE units > 0
    GROUP BY lot_id
),
class_record AS (
    SELECT
        movement.lot_id,
        list_sort(list(
            DISTINCT coalesce(movement.ship_record_id, movement.receive_record_id)
        ))[1:50] AS records
    FROM core_movement AS movement
    WHERE NOT movement.is_serialized AND movement.lot_id IN (SELECT lot_id FROM over)
    GROUP BY movement.lot_id
),
lot_row AS (
    SELECT
        over.*,
        coalesce(strange_count.strange_units, 0) AS strange_units,
        coalesce(strange_count.misread_units, 0) AS misread_units,
        coalesce(strange_count.typed_units, 0) AS typed_units,
        coalesce(strange_count.own_units, 0) AS own_units,
        coalesce(strange.elsewhere_made_units, 0) AS elsewhere_made_units,
        coalesce(habit.exceeded_lots, 0) AS exceeded_lots,
        round(coalesce(habit.exceeded_share, 0), 4) AS exceeded_share,
        over.is_covered OR over.stated_quantity > 0 AS is_guarded,
        CASE
            WHEN NOT (over.is_covered OR coalesce(over.stated_quantity > 0, false)) THEN NULL
            -- Together they must explain the excess; the largest of them names it.
            WHEN over.excess > over.allowed AND over.excess - explained.units <= over.allowed
                THEN explained.benign
            WHEN over.excess <= over.allowed AND coalesce(strange.elsewhere_made_units, 0) = 0
                THEN 'B18'
            WHEN habit.exceeded_lots >= setting.master_lots
                AND habit.exceeded_share >= setting.master_share THEN 'B18'
        END AS benign,
        list_sort(list_distinct(list_concat(
            coalesce(strange.strange_records, []),
            coalesce(class_record.records, []),
            coalesce(strange.made_records, []),
            coalesce(strange.seen_records, [])
        ))) AS record_ids
    FROM over
    CROSS JOIN setting
    LEFT JOIN strange ON over.lot_id = strange.lot_id
    LEFT JOIN strange_count ON over.lot_id = strange_count.lot_id
    LEFT JOIN explained ON over.lot_id = explained.lot_id
    LEFT JOIN class_record ON over.lot_id = class_record.lot_id
    LEFT JOIN maker_habit AS habit ON over.maker_site_id = habit.maker_site_id
),
-- Buyers.
supply AS (
    SELECT
        total.lot_id,
        greatest(
            sum(total.made_units),
            coalesce(
                sum(total.out_units) FILTER (WHERE site.role IN ('maker', 'contract_packer')), 0
            )
        ) AS units
    FROM site_total AS total
    LEFT JOIN core_site AS site ON total.site_id = site.site_id
    GROUP BY total.lot_id
),
buyer AS (
    SELECT
        balanced.lot_id, balanced.site_id, balanced.in_units, balanced.out_units,
        balanced.out_units - balanced.in_units AS excess,
        greatest(setting.least_units, setting.tolerance_share * balanced.in_units) AS allowed,
        habit.sent_lots - 1 AS other_lots,
        round(habit.balanced_lots / (habit.sent_lots - 1), 4) AS balanced_share,
        coalesce(on_the_way.units, 0) AS unreceived_units
    FROM balanced
    CROSS JOIN setting
    INNER JOIN core_lot AS lot ON balanced.lot_id = lot.lot_id
    INNER JOIN supply ON balanced.lot_id = supply.lot_id
    INNER JOIN site_habit AS habit ON balanced.site_id = habit.site_id
    LEFT JOIN on_the_way
        ON balanced.lot_id = on_the_way.lot_id AND balanced.site_id = on_the_way.site_id
    LEFT JOIN feat_handover AS handover
        ON balanced.lot_id = handover.lot_id AND balanced.site_id = handover.site_id
    WHERE balanced.is_short AND balanced.in_units > 0 AND balanced.made_units = 0
        AND NOT coalesce(handover.is_arrival_leaky, false)
        AND NOT coalesce(
            handover.came_from_leaky_units >= balanced.out_units - balanced.in_units, false
        )
        AND lot.lot <> '(unstated)'
        AND (
            coalesce(lot.is_covered, false)
            OR coalesce(supply.units >= setting.supply_share * lot.stated_quantity, false)
        )
        AND habit.sent_lots - 1 >= setting.balanced_lots
        AND habit.balanced_lots >= setting.balanced_share * (habit.sent_lots - 1)
),
buyer_record AS (
    SELECT
        buyer.lot_id, buyer.site_id,
        list_sort(list(DISTINCT flow.record_id))[1:100] AS record_ids
    FROM buyer
    INNER JOIN core_lot_site_flow AS flow
        ON buyer.lot_id = flow.lot_id AND buyer.site_id = flow.site_id
        AND flow.direction IN ('in', 'out', 'returned')
    GROUP BY buyer.lot_id, buyer.site_id
)
SELECT
    lot_id,
    CAST(NULL AS BIGINT) AS unit_id,
    CAST(NULL AS BIGINT) AS container_id,
    CAST(NULL AS INTEGER) AS site_id,
    CAST(NULL AS INTEGER) AS other_site_id,
    CASE WHEN is_guarded THEN 'S1' ELSE 'S4' END AS severity,
    CASE
        WHEN NOT coalesce(is_guarded, false) THEN 'data_gap'
        WHEN benign IS NOT NULL THEN 'explained'
        ELSE 'stands'
    END AS status,
    benign,
    CASE WHEN is_guarded THEN 'conflicting' ELSE 'missing' END AS history,
    CAST(greatest(excess, over_master, 0) AS DOUBLE) AS units,
    json_object(
        'excess_units', greatest(excess, over_master, 0), 'observed_units', observed_units,
        'class_units', class_units, 'commissioned_units', commissioned_units,
        'stated_quantity', stated_quantity
    ) AS observed,
    json_object('excess_units', allowed) AS threshold,
    CASE
        WHEN NOT coalesce(is_guarded, false) THEN json_array()
        ELSE json_array(
            json_object(
                'code', 'B01',
                'result', CASE WHEN benign = 'B01' THEN 'supported' ELSE 'ruled_out' END,
                'misread_serials', misread_units
            ),
            json_object(
                'code', 'B04',
                'result', CASE WHEN benign = 'B04' THEN 'supported' ELSE 'ruled_out' END,
                'typed_serials', typed_units
            ),
            json_object('code', 'B06', 'result', 'ruled_out', 'coverage', coverage),
            json_object(
                'code', 'B12',
                'result',
                CASE
                    WHEN class_units = 0 THEN 'ruled_out'
                    WHEN benign = 'B12' THEN 'supported'
                    ELSE 'ruled_out'
                END,
                'told_twice_units', told_twice_units
            ),
            json_object(
                'code', 'B18',
                'result', CASE
                    WHEN benign = 'B18' THEN 'supported'
                    WHEN stated_quantity IS NULL THEN 'not_testable'
                    ELSE 'ruled_out'
                END,
                'over_master_units', over_master, 'elsewhere_made_units', elsewhere_made_units,
                'exceeded_lots', exceeded_lots, 'exceeded_share', exceeded_share
            ),
            json_object(
                'code', 'B21',
                'result', CASE WHEN benign = 'B21' THEN 'supported' ELSE 'ruled_out' END,
                'unknown_serials', strange_units, 'asked_by_maker_only', own_units
            )
        )
    END AS tests,
    record_ids
FROM lot_row
WHERE len(record_ids) > 0
UNION ALL
SELECT
    buyer.lot_id, NULL, NULL, buyer.site_id, NULL,
    'S1',
    CASE WHEN buyer.unreceived_units >= buyer.excess THEN 'explained' ELSE 'stands' END,
    CASE WHEN buyer.unreceived_units >= buyer.excess THEN 'B12' END,
    'conflicting',
    CAST(buyer.excess AS DOUBLE),
    json_object(
        'excess_units', buyer.excess, 'in_units', buyer.in_units, 'out_units', buyer.out_units
    ),
    json_object('excess_units', buyer.allowed),
    json_array(
        json_object(
            'code', 'B12',
            'result',
            CASE WHEN buyer.unreceived_units >= buyer.excess THEN 'supported' ELSE 'ruled_out' END,
            'unreceived_units', buyer.unreceived_units
        ),
        json_object(
            'code', 'B06', 'result', 'ruled_out',
            'balanced_share', buyer.balanced_share, 'other_lots', buyer.other_lots
        )
    ),
    buyer_record.record_ids
FROM buyer
INNER JOIN buyer_record
    ON buyer.lot_id = buyer_record.lot_id AND buyer.site_id = buyer_record.site_id
ORDER BY ALL
