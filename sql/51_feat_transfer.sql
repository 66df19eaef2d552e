-- model:   feat_transfer
-- purpose: Goods leaving and arriving, each act by itself, so that what is known at the end of a
--   month can be told apart from what became known later.
-- grain:   one row per act, record, origin, destination and lot
-- key:     transfer_id
-- reads:   core_custody, core_event, core_lot_key, core_movement, core_site, stg_shipment
-- columns:
--   transfer_id    1, 2, 3 by time
--   act            out (a shipment), in (a receipt), log (a line of a shipment log)
--   record_id      of the event, or the line
--   month          first day of the UTC month of acted_at
--   acted_at       UTC; of a line, the shipment, else the receipt
--   from_site_id   the shipment's site; of a receipt the stated or paired origin; null: not stated
--   to_site_id     of a shipment the stated destination, of a receipt its site; null: not stated
--   lot_id         core_lot
--   gtin           GTIN-14
--   units          packs or quantity; null: a measure, or not stated
--   is_announced   of a receipt: a shipment had named this destination; it counts there already
--   is_told        of a line: events of the same month tell of this lot between the same sites
--   is_return      the event's step or disposition, or the line's reason, says return
--   hop_no         mean number of moves the packs had made, this one included; null: no serials
--   transit_h      median hours on the way, of a receipt; of a line, if it came in the same month
--   price_ratio    the line's unit price / median of the product's prices in that currency up to
--                  the end of the month; null where not priced
-- caveats: A row depends on what happened up to its own month's end: later events add rows and
--   change none, unless they annul a shipment or an event, or state a pack's lot for the first
--   time. A line of a month's last days may tell of goods that an event of the next month tells too.
WITH packed AS (
    SELECT
        'out' AS act, ship_record_id AS record_id, shipped_at AS acted_at, from_site_id,
        stated_to_site_id AS to_site_id, lot_id, false AS is_announced,
        count(*)::DOUBLE AS units, avg(hop_no) AS hop_no, NULL::DOUBLE AS transit_h
    FROM core_custody
    WHERE ship_record_id IS NOT NULL
    GROUP BY ALL
    UNION ALL
    SELECT
        'in', receive_record_id, received_at, from_site_id, to_site_id, lot_id,
        ship_record_id IS NOT NULL AND coalesce(stated_to_site_id = to_site_id, false)
            AS is_announced,
        count(*), avg(hop_no), median(transit_h) FILTER (WHERE transit_h >= 0)
    FROM core_custody
    WHERE receive_record_id IS NOT NULL
    GROUP BY ALL
),
poured AS (
    SELECT
        'out' AS act, ship_record_id AS record_id, shipped_at AS acted_at, from_site_id, to_site_id,
        lot_id, false AS is_announced, sum(if(uom IS NULL, units, NULL)::DECIMAL(18, 3)) AS units,
        NULL::DOUBLE AS transit_h
    FROM core_movement
    WHERE source = 'epcis' AND NOT is_serialized AND ship_record_id IS NOT NULL
    GROUP BY ALL
    UNION ALL
    SELECT
        'in', receive_record_id, received_at, from_site_id, to_site_id, lot_id,
        ship_record_id IS NOT NULL AS is_announced,
        sum(if(uom IS NULL, units, NULL)::DECIMAL(18, 3)),
        median(epoch_us(received_at - shipped_at) / 3.6e9) FILTER (WHERE received_at >= shipped_at)
    FROM core_movement
    WHERE source = 'epcis' AND NOT is_serialized AND receive_record_id IS NOT NULL
    GROUP BY ALL
),
scanned AS (  -- a record may name packs and quantities of one lot
    SELECT
        act, record_id, min(acted_at) AS acted_at, from_site_id, to_site_id, lot_id, is_announced,
        sum(units::DECIMAL(18, 3))::DOUBLE AS units, max(hop_no) AS hop_no,
        max(transit_h) AS transit_h
    FROM (FROM packed UNION ALL BY NAME FROM poured)
    GROUP BY act, record_id, from_site_id, to_site_id, lot_id, is_announced
),
told AS (
    SELECT DISTINCT lot_id, from_site_id, to_site_id, date_trunc('month', acted_at)::DATE AS month
    FROM scanned
    WHERE from_site_id IS NOT NULL AND to_site_id IS NOT NULL
),
line AS (
    SELECT
        s.record_id, coalesce(s.shipped_at, s.received_at) AS acted_at, s.received_at,
        a.site_id AS from_site_id, b.site_id AS to_site_id, k.lot_id, k.gtin,
        if(s.uom IS NULL, s.quantity, NULL)::DOUBLE AS units,
        coalesce(s.reason ILIKE '%return%', false) AS is_return,
        CASE
            WHEN s.received_at >= s.shipped_at
                AND date_trunc('month', s.received_at) = date_trunc('month', s.shipped_at)
                THEN epoch_us(s.received_at - s.shipped_at) / 3.6e9
        END AS transit_h,
        CASE WHEN s.unit_price > 0 THEN s.unit_price END AS unit_price, s.currency
    FROM stg_shipment s
    JOIN core_lot_key k ON k.gtin = s.gtin AND k.lot = coalesce(s.lot, '(unstated)')
    LEFT JOIN core_site a ON a.gln = s.from_gln
    LEFT JOIN core_site b ON b.gln = s.to_gln
    WHERE coalesce(s.shipped_at, s.received_at) IS NOT NULL
),
priced AS (
    SELECT
        *,
        unit_price / median(unit_price) OVER (
            PARTITION BY gtin, currency ORDER BY date_trunc('month', acted_at)
            RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS price_ratio
    FROM line
)
SELECT
    row_number() OVER (
        ORDER BY acted_at, act, record_id, lot_id, from_site_id, to_site_id, is_announced
    ) AS transfer_id,
    *
FROM (
    SELECT
        s.act, s.record_id, date_trunc('month', s.acted_at)::DATE AS month, s.acted_at,
        s.from_site_id, s.to_site_id, s.lot_id, k.gtin, s.units, s.is_announced, false AS is_told,
        coalesce(e.is_return, false) AS is_return, s.hop_no, s.transit_h,
        NULL::DOUBLE AS price_ratio
    FROM scanned s
    JOIN core_lot_key k ON k.lot_id = s.lot_id
    LEFT JOIN core_event e ON e.record_id = s.record_id
    WHERE s.acted_at IS NOT NULL
    UNION ALL
    SELECT
        'log', p.record_id, date_trunc('month', p.acted_at)::DATE, p.acted_at,
        p.from_site_id, p.to_site_id, p.lot_id, p.gtin, p.units, false, t.lot_id IS NOT NULL, p.is_return, NULL,
        p.transit_h, p.price_ratio
    FROM priced p
    LEFT JOIN told t ON t.lot_id = p.lot_id AND t.from_site_id = p.from_site_id
        AND t.to_site_id = p.to_site_id AND t.month = date_trunc('month', p.acted_at)::DATE
)
