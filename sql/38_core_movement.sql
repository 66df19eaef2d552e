-- model:   core_movement
-- purpose: Every movement of goods between sites, in packs or in quantities, from events and logs.
-- grain:   one row per shipment with its receipt, lot, origin and destination
-- key:     movement_id
-- reads:   core_custody, core_event, core_lot_key, core_site, stg_event_item, stg_shipment
-- columns:
--   movement_id        1, 2, 3 by time
--   lot_id             core_lot
--   gtin               GTIN-14
--   from_site_id       core_site; null where not stated
--   to_site_id         core_site; null where not stated
--   shipped_at         UTC; null where only the receipt is known
--   received_at        UTC; null where only the shipment is known
--   units              packs, or quantity in uom; null where the class was named without one
--   unit_price         in currency, from the log
--   currency           as stated
--   uom                unit of measure; null: a count
--   is_serialized      packs known by serial
--   source             epcis, shipment
--   ship_record_id     the shipment; for a log line, the line
--   receive_record_id  the receipt; for a log line that knows it, the line
--   reason             sale, return, disposal, loss ...; null: a sale
--   log_record_id      the log line that tells of the same goods as these events
--   is_day_precision   the times are days, not hours
-- caveats: Quantities inside a container do not move with it, only what an event names. A quantity
--   equal to the packs of the lot that the same event moves is their sum, not more goods. A receipt
--   of a quantity belongs to the shipment of the same lot, destination and amount before it, in
--   order. A log line of the same lot, sites, amount and week as an event's goods, or as a
--   shipment whose packs came in apart, is not counted again: it lends its price and reason. Nor is
--   one of the same hour that differs by two packs or a tenth, as clerks miscount (judgement): the
--   event's number counts.
WITH packed AS (
    SELECT
        lot_id, from_site_id, to_site_id, ship_record_id, receive_record_id,
        min(stated_to_site_id) AS stated_to_site_id,
        min(shipped_at) AS shipped_at, max(received_at) AS received_at,
        count(*)::DOUBLE AS units, NULL::VARCHAR AS uom, true AS is_serialized,
        bool_or(is_return) AS is_return
    FROM core_custody
    GROUP BY lot_id, from_site_id, to_site_id, ship_record_id, receive_record_id
),
quantity AS (
    SELECT
        k.lot_id, e.record_id, e.ord, e.event_at, e.custody, e.is_return, i.uom,
        if(e.custody = 'ship', coalesce(e.site_id, e.from_site_id), e.from_site_id) AS from_site_id,
        if(e.custody = 'ship', e.to_site_id, e.site_id) AS to_site_id,
        sum(i.quantity) AS units
    FROM stg_event_item i
    JOIN core_event e ON e.record_id = i.record_id AND e.custody IN ('ship', 'receive')
    JOIN core_lot_key k ON k.gtin = i.gtin AND k.lot = coalesce(i.lot, e.lot, '(unstated)')
    WHERE i.is_class AND i.role = 'epc'
    GROUP BY ALL
),
numbered AS (
    SELECT
        quantity.*,
        row_number() OVER (
            PARTITION BY custody, quantity.lot_id, to_site_id, quantity.units, uom ORDER BY ord
        ) AS nth
    FROM quantity
    ANTI JOIN (
        SELECT lot_id, ship_record_id AS record_id, sum(units) AS units
        FROM packed
        GROUP BY lot_id, ship_record_id
        UNION ALL
        SELECT lot_id, receive_record_id, sum(units)
        FROM packed
        GROUP BY lot_id, receive_record_id
    ) AS told_by_serial
        ON told_by_serial.record_id = quantity.record_id
        AND told_by_serial.lot_id = quantity.lot_id AND told_by_serial.units = quantity.units
),
shipped AS (
    SELECT * FROM numbered WHERE custody = 'ship'
),
received AS (
    SELECT * FROM numbered WHERE custody = 'receive'
),
poured AS (
    SELECT
        coalesce(s.lot_id, r.lot_id) AS lot_id,
        coalesce(s.from_site_id, r.from_site_id) AS from_site_id,
        coalesce(r.to_site_id, s.to_site_id) AS to_site_id,
        s.record_id AS ship_record_id, r.record_id AS receive_record_id,
        s.event_at AS shipped_at, r.event_at AS received_at,
        coalesce(s.units, r.units) AS units, coalesce(s.uom, r.uom) AS uom,
        false AS is_serialized,
        coalesce(s.is_return, false) OR coalesce(r.is_return, false) AS is_return
    FROM shipped s
    FULL JOIN received r
        ON r.lot_id = s.lot_id AND r.to_site_id = s.to_site_id AND r.units = s.units
        AND r.uom IS NOT DISTINCT FROM s.uom AND r.nth = s.nth AND r.ord > s.ord
        AND (r.from_site_id IS NULL OR r.from_site_id = s.from_site_id)
),
told AS (
    FROM packed
    UNION ALL BY NAME
    FROM poured
),
-- A log line may tell of one such movement, or of a whole shipment whose packs came in apart.
told_goods AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY lot_id, from_site_id, to_site_id, units
            ORDER BY coalesce(shipped_at, received_at), ship_record_id, receive_record_id
        ) AS nth
    FROM (
        SELECT
            lot_id, from_site_id, to_site_id, stated_to_site_id, ship_record_id, receive_record_id,
            shipped_at, received_at, units, false AS is_whole
        FROM told
        UNION ALL
        SELECT
            lot_id, from_site_id, min(coalesce(stated_to_site_id, to_site_id)),
            min(stated_to_site_id), ship_record_id, NULL, min(shipped_at), NULL, sum(units), true
        FROM told
        WHERE ship_record_id IS NOT NULL
        GROUP BY lot_id, from_site_id, ship_record_id, uom
        HAVING count(*) > 1
    )
),
logged AS (
    SELECT
        k.lot_id, a.site_id AS from_site_id, b.site_id AS to_site_id, s.shipped_at, s.received_at,
        s.quantity AS units, s.unit_price, s.currency, s.uom, s.record_id, s.is_day_precision,
        if(lower(s.reason) = 'sale', NULL, lower(s.reason)) AS reason,
        row_number() OVER (
            PARTITION BY k.lot_id, a.site_id, b.site_id, s.quantity
            ORDER BY coalesce(s.shipped_at, s.received_at), s.record_id
        ) AS nth
    FROM stg_shipment s
    JOIN core_lot_key k ON k.gtin = s.gtin AND k.lot = coalesce(s.lot, '(unstated)')
    LEFT JOIN core_site a ON a.gln = s.from_gln
    LEFT JOIN core_site b ON b.gln = s.to_gln
),
-- The same goods told by an event and by a log: each is the other's nearest in time, and what is
-- left of both is paired in order.
pair AS (
    SELECT
        t.lot_id, t.ship_record_id, t.receive_record_id, t.from_site_id, t.to_site_id, t.units,
        t.is_whole, t.nth AS event_nth, l.nth AS log_nth, l.record_id, l.unit_price, l.currency,
        l.reason,
        abs(date_diff('minute', coalesce(l.shipped_at, l.received_at),
            coalesce(t.shipped_at, t.received_at))) AS gap_min
    FROM told_goods t
    -- The log knows to whom it was sold, wherever the box was left.
    JOIN logged l ON l.lot_id = t.lot_id AND l.from_site_id = t.from_site_id
        AND l.units = t.units
        AND (l.to_site_id = t.to_site_id OR l.to_site_id = t.stated_to_site_id)
        AND abs(date_diff('hour', coalesce(l.shipped_at, l.received_at),
            coalesce(t.shipped_at, t.received_at))) <= 168
),
nearest AS (
    SELECT *
    FROM pair
    QUALIFY row_number() OVER (
        PARTITION BY record_id ORDER BY gap_min, abs(log_nth - event_nth), event_nth
    ) = 1 AND row_number() OVER (
        PARTITION BY lot_id, from_site_id, to_site_id, units, event_nth
        ORDER BY gap_min, abs(log_nth - event_nth), log_nth
    ) = 1
),
left_over AS (
    SELECT
        pair.*,
        dense_rank() OVER (
            PARTITION BY lot_id, from_site_id, to_site_id, units ORDER BY pair.event_nth
        ) AS event_place,
        dense_rank() OVER (
            PARTITION BY lot_id, from_site_id, to_site_id, units ORDER BY pair.log_nth
        ) AS log_place
    FROM pair
    ANTI JOIN nearest ON nearest.record_id = pair.record_id
    ANTI JOIN nearest AS same
        ON same.lot_id = pair.lot_id AND same.from_site_id = pair.from_site_id
        AND same.to_site_id = pair.to_site_id AND same.units = pair.units
        AND same.event_nth = pair.event_nth
),
in_order AS (
    SELECT * EXCLUDE (event_place, log_place)
    FROM left_over
    WHERE event_place = log_place
    QUALIFY row_number() OVER (PARTITION BY record_id ORDER BY gap_min, event_nth) = 1
),
equal AS (
    FROM nearest
    UNION ALL
    FROM in_order
),
-- Paper that states nearly as much at the same hour tells of the same goods, miscounted.
miscounted AS (
    SELECT
        t.lot_id, t.ship_record_id, t.receive_record_id, t.from_site_id, t.to_site_id, t.units,
        t.is_whole, t.nth AS event_nth, l.nth AS log_nth, l.record_id, l.unit_price, l.currency,
        l.reason, abs(date_diff('minute', l.shipped_at, t.shipped_at)) AS gap_min
    FROM told_goods t
    JOIN logged l ON l.lot_id = t.lot_id AND l.from_site_id = t.from_site_id
        AND l.units <> t.units AND abs(l.units - t.units) <= greatest(2, 0.1 * t.units)
        AND (l.to_site_id = t.to_site_id OR l.to_site_id = t.stated_to_site_id)
        AND abs(date_diff('minute', l.shipped_at, t.shipped_at)) <= 60
        AND NOT coalesce(l.is_day_precision, false)
    ANTI JOIN equal ON equal.record_id = l.record_id
    ANTI JOIN equal AS same
        ON same.lot_id = t.lot_id AND same.from_site_id = t.from_site_id
        AND same.ship_record_id = t.ship_record_id
    QUALIFY row_number() OVER (
        PARTITION BY l.record_id
        ORDER BY abs(date_diff('minute', l.shipped_at, t.shipped_at)), abs(l.units - t.units),
            t.is_whole DESC, t.ship_record_id, t.nth
    ) = 1 AND row_number() OVER (
        PARTITION BY t.lot_id, t.from_site_id, t.ship_record_id
        ORDER BY abs(date_diff('minute', l.shipped_at, t.shipped_at)), abs(l.units - t.units),
            t.is_whole DESC, l.record_id
    ) = 1
),
twice AS (
    FROM equal
    UNION ALL
    FROM miscounted
),
lent AS (
    SELECT
        t.lot_id, t.from_site_id, t.to_site_id, t.ship_record_id, t.receive_record_id,
        w.unit_price, w.currency, w.reason, w.record_id
    FROM told t
    JOIN twice w ON w.lot_id = t.lot_id AND w.from_site_id = t.from_site_id
        AND w.ship_record_id IS NOT DISTINCT FROM t.ship_record_id
        AND (
            w.is_whole
            OR (
                w.receive_record_id IS NOT DISTINCT FROM t.receive_record_id
                AND w.to_site_id = t.to_site_id
            )
        )
    QUALIFY row_number() OVER (
        PARTITION BY t.lot_id, t.from_site_id, t.to_site_id, t.ship_record_id, t.receive_record_id
        ORDER BY w.is_whole, w.record_id
    ) = 1
),
moved AS (
    SELECT
        t.lot_id, t.from_site_id, t.to_site_id, t.shipped_at, t.received_at, t.units,
        w.unit_price, w.currency, t.uom, t.is_serialized, 'epcis' AS source,
        t.ship_record_id, t.receive_record_id,
        coalesce(w.reason, if(t.is_return, 'return', NULL)) AS reason,
        w.record_id AS log_record_id, false AS is_day_precision
    FROM told t
    LEFT JOIN lent w ON w.lot_id = t.lot_id
        AND w.ship_record_id IS NOT DISTINCT FROM t.ship_record_id
        AND w.receive_record_id IS NOT DISTINCT FROM t.receive_record_id
        AND w.from_site_id = t.from_site_id AND w.to_site_id = t.to_site_id
    UNION ALL
    SELECT
        l.lot_id, l.from_site_id, l.to_site_id, l.shipped_at, l.received_at, l.units,
        l.unit_price, l.currency, l.uom, false, 'shipment', l.record_id,
        if(l.received_at IS NOT NULL, l.record_id, NULL), l.reason, NULL,
        coalesce(l.is_day_precision, false)
    FROM logged l
    WHERE l.record_id NOT IN (SELECT record_id FROM twice)
)
SELECT
    row_number() OVER (
        ORDER BY coalesce(m.shipped_at, m.received_at), m.lot_id, m.ship_record_id,
            m.receive_record_id, m.from_site_id, m.to_site_id, m.units, m.uom
    ) AS movement_id,
    m.lot_id, k.gtin, m.from_site_id, m.to_site_id, m.shipped_at, m.received_at, m.units,
    m.unit_price, m.currency, m.uom, m.is_serialized, m.source, m.ship_record_id,
    m.receive_record_id, m.reason, m.log_record_id, m.is_day_precision
FROM moved m
JOIN core_lot_key k ON k.lot_id = m.lot_id
