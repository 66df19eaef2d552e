-- model:   core_lot_site_flow
-- purpose: What went into and out of each lot's stock at each site, for balances.
-- grain:   one row per lot, site, record and direction
-- key:     lot_id, site_id, record_id, direction
-- reads:   core_event, core_item_event, core_lot_key, core_movement, core_unit, stg_event_item
-- columns:
--   lot_id           core_lot
--   site_id          core_site
--   at               UTC
--   record_id        the event or log line
--   direction        made (+), in (+), returned (+, a receipt that says return, or an end taken
--                    back), out (-), ended (-)
--   units            packs, or a count of a class
--   clock_doubt_min  minutes by which the time may be wrong
-- caveats: A pack leaves once: a departure after its end, or of a case that it was scanned out of,
--   is none. Stock at a site is made + in + returned - out - ended. An arrival counts where a receipt
--   or a log line tells of it, a departure where a shipment or log line does; what nobody told is
--   missing, not zero. Measures (uom given) are left out.
WITH picked AS (  -- scanned out of a site by itself, and then carried out in its case too
    SELECT unit_id, site_id, min(ord) FILTER (WHERE NOT is_inferred) AS ord
    FROM core_item_event
    WHERE custody = 'ship'
    GROUP BY unit_id, site_id
    HAVING min(ord) FILTER (WHERE NOT is_inferred) < max(ord) FILTER (WHERE is_inferred)
),
not_there AS (
    SELECT
        sent.lot_id, sent.site_id, sent.event_at AS at, sent.record_id, 'out' AS direction,
        -count(*)::DOUBLE AS units, sent.clock_doubt_min
    FROM core_item_event sent
    LEFT JOIN picked ON picked.unit_id = sent.unit_id AND picked.site_id = sent.site_id
    WHERE sent.custody = 'ship'
        AND (
            sent.terminal_before > 0
            OR (
                sent.is_inferred AND sent.ord > picked.ord
                AND NOT EXISTS (
                    SELECT 1
                    FROM core_item_event back
                    WHERE back.unit_id = sent.unit_id AND back.site_id = sent.site_id
                        AND back.custody = 'receive' AND NOT back.is_inferred
                        AND back.ord BETWEEN picked.ord AND sent.ord
                )
            )
        )
    GROUP BY ALL
),
movement AS (
    SELECT
        m.*,
        s.clock_doubt_min AS ship_doubt_min,
        r.clock_doubt_min AS receive_doubt_min
    FROM core_movement m
    LEFT JOIN core_event s ON s.record_id = m.ship_record_id
    LEFT JOIN core_event r ON r.record_id = m.receive_record_id
    WHERE m.uom IS NULL AND m.units IS NOT NULL
),
-- A log line arrives when it says, or, saying nothing, when it left: day precision doubts a day.
moved AS (
    SELECT
        lot_id, to_site_id AS site_id, coalesce(received_at, shipped_at) AS at,
        coalesce(receive_record_id, ship_record_id) AS record_id,
        if(reason ILIKE '%return%', 'returned', 'in') AS direction, units,
        coalesce(receive_doubt_min, if(is_day_precision, 1440, 5)) AS clock_doubt_min
    FROM movement
    WHERE to_site_id IS NOT NULL AND (source = 'shipment' OR receive_record_id IS NOT NULL)
    UNION ALL
    SELECT
        lot_id, from_site_id, coalesce(shipped_at, received_at), ship_record_id, 'out', units,
        coalesce(ship_doubt_min, if(is_day_precision, 1440, 5))
    FROM movement
    WHERE from_site_id IS NOT NULL AND ship_record_id IS NOT NULL
),
made AS (
    SELECT
        u.lot_id, u.commissioned_site_id AS site_id, e.event_at AS at, e.record_id,
        'made' AS direction, count(*)::DOUBLE AS units, e.clock_doubt_min
    FROM core_unit u
    JOIN core_event e ON e.record_id = u.commissioned_record_id
    GROUP BY ALL
),
-- A pack ends once, however many events say so, until an end is taken back.
pack_end AS (
    SELECT
        lot_id, site_id, event_at, record_id, clock_doubt_min, is_undo, terminal_before,
        sum(is_consumed::INTEGER) OVER (PARTITION BY unit_id ORDER BY ord) - is_consumed::INTEGER
            AS consumed_before
    FROM core_item_event
    WHERE is_terminal OR is_consumed OR is_undo
),
ended AS (
    SELECT
        lot_id, site_id, event_at AS at, record_id, if(is_undo, 'returned', 'ended') AS direction,
        count(*)::DOUBLE AS units, clock_doubt_min
    FROM pack_end
    WHERE (is_undo AND terminal_before = 1)
        OR (NOT is_undo AND terminal_before = 0 AND consumed_before = 0)
    GROUP BY ALL
),
class_told AS (
    SELECT
        k.lot_id, e.site_id, e.event_at AS at, e.record_id,
        if(e.is_birth AND i.role <> 'input', 'made', 'ended') AS direction,
        sum(i.quantity) AS units, e.clock_doubt_min
    FROM stg_event_item i
    JOIN core_event e ON e.record_id = i.record_id
    JOIN core_lot_key k ON k.gtin = i.gtin AND k.lot = coalesce(i.lot, e.lot, '(unstated)')
    WHERE i.is_class AND i.uom IS NULL AND i.quantity IS NOT NULL
        AND i.role IN ('epc', 'input', 'output') AND (e.is_birth OR e.is_terminal)
    GROUP BY ALL
),
class_flow AS (  -- unless it is the sum of the packs that the same event names
    SELECT class_told.*
    FROM class_told
    ANTI JOIN (FROM made UNION ALL BY NAME FROM ended) AS serial
        ON serial.record_id = class_told.record_id AND serial.lot_id = class_told.lot_id
        AND serial.units = class_told.units
),
flow AS (
    FROM moved UNION ALL BY NAME FROM made UNION ALL BY NAME FROM ended
    UNION ALL BY NAME FROM class_flow UNION ALL BY NAME FROM not_there
)
SELECT
    lot_id, site_id, min(flow.at) AS at, record_id, direction, sum(units) AS units,
    max(clock_doubt_min)::DOUBLE AS clock_doubt_min
FROM flow
WHERE site_id IS NOT NULL AND record_id IS NOT NULL
GROUP BY lot_id, site_id, record_id, direction
HAVING direction <> 'out' OR sum(units) > 0
ORDER BY lot_id, site_id, 3, record_id, direction
