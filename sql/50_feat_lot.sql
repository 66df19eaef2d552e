-- model:   feat_lot
-- purpose: What a lot's way through the chain looks like in numbers: the detectors' input.
-- grain:   one row per lot
-- key:     lot_id
-- reads:   core_custody, core_item_event, core_lot, core_movement, core_site, core_unit,
--          graph_trade_edge
-- columns:
--   lot_id               core_lot
--   units                packs known by serial, else the most that one site moved; null: neither
--   sites                distinct sites its goods were at
--   countries            distinct countries of those sites; null where none is known
--   partners             distinct partners of those sites
--   hops_max             most hops of one pack; for quantities, most arrivals one after another:
--                        null
--   hops_mean            mean hops of its packs
--   span_days            days from its first to its last record
--   transit_h_median     median hours in transit, over movements with both ends
--   dwell_h_median       median hours from a pack's receipt to its next shipment from that site
--   km_total             mean great-circle km a pack travelled, over hops between known places
--   km_per_day_max       fastest hop, km in a day; hops under an hour count as an hour
--   inferred_share       share of pack events that nobody scanned
--   broken_hop_share     share of hops that lack the shipment or the receipt
--   terminal_share       share of packs that were sold, destroyed or taken out of use
--   return_share         share of movements stated as returns
--   out_in_ratio         units shipped / units received, over sites that received any of it
--   lag_h_p95            95th percentile of hours from event to record
--   commissioned_share   share of packs whose birth is in the data
--   price_ratio_min      lowest unit price / median price of the product in that currency
--   new_edge_share       share of movements on the first day that product moved between two sites
--   hops_from_maker_max  most hops a pack was from the site that commissioned it
--   dwell_h_max          longest such stay
--   expiry_days_left     days from the last record to expiry; negative: moved after it
-- caveats: Null means not known, never none. A first month in the data makes every edge look new.
WITH pack AS (
    SELECT
        lot_id, count(*) AS units, avg(is_commissioned::INTEGER) AS commissioned_share
    FROM core_unit
    GROUP BY lot_id
),
at_site AS (
    SELECT lot_id, site_id FROM core_item_event
    UNION SELECT lot_id, from_site_id FROM core_movement
    UNION SELECT lot_id, to_site_id FROM core_movement
),
spread AS (
    SELECT
        a.lot_id, count(DISTINCT a.site_id) AS sites,
        nullif(count(DISTINCT s.country), 0) AS countries,
        count(DISTINCT s.partner_id) AS partners
    FROM at_site a
    JOIN core_site s ON s.site_id = a.site_id
    GROUP BY a.lot_id
),
told AS (
    SELECT
        lot_id,
        avg(is_inferred::INTEGER) AS inferred_share,
        quantile_cont(lag_h, 0.95) AS lag_h_p95,
        count(DISTINCT unit_id) FILTER (WHERE is_terminal) AS ended_units
    FROM core_item_event
    GROUP BY lot_id
),
place AS (
    SELECT site_id, radians(latitude) AS latitude, radians(longitude) AS longitude
    FROM core_site
    WHERE latitude IS NOT NULL AND longitude IS NOT NULL
),
lane AS (
    SELECT
        a.site_id AS from_site_id, b.site_id AS to_site_id,
        -- Metres as exact numbers: a sum of binary fractions depends on which thread adds first.
        (2 * 6371 * asin(sqrt(least(1,
            sin((b.latitude - a.latitude) / 2) ** 2
            + cos(a.latitude) * cos(b.latitude) * sin((b.longitude - a.longitude) / 2) ** 2
        ))))::DECIMAL(9, 3) AS km
    FROM (
        SELECT DISTINCT from_site_id, to_site_id FROM core_movement WHERE from_site_id <> to_site_id
    ) l
    JOIN place a ON a.site_id = l.from_site_id
    JOIN place b ON b.site_id = l.to_site_id
),
hop AS (
    SELECT
        c.lot_id, c.unit_id, c.hop_no, c.transit_h, l.km,
        c.ship_record_id IS NULL OR c.receive_record_id IS NULL AS is_broken,
        epoch_us(lead(c.shipped_at) OVER life - c.received_at) / 3.6e9 AS stay_h,
        lead(c.from_site_id) OVER life = c.to_site_id AS is_stay,
        count(*) FILTER (WHERE c.from_site_id = u.commissioned_site_id) OVER life AS left_maker,
        row_number() OVER life AS nth
    FROM core_custody c
    JOIN core_unit u ON u.unit_id = c.unit_id
    LEFT JOIN lane l ON l.from_site_id = c.from_site_id AND l.to_site_id = c.to_site_id
    WINDOW life AS (PARTITION BY c.unit_id ORDER BY c.hop_no)
),
way AS (
    SELECT
        lot_id, unit_id, count(*) AS hops, sum(km) AS km,
        count(*) FILTER (WHERE left_maker > 0) AS hops_from_maker,
        bool_or(left_maker > 0) AS is_from_maker
    FROM hop
    GROUP BY lot_id, unit_id
),
route AS (
    SELECT
        lot_id, max(hops) AS hops_max, avg(hops) AS hops_mean, avg(km) AS km_total,
        max(hops_from_maker) FILTER (WHERE is_from_maker) AS hops_from_maker_max
    FROM way
    GROUP BY lot_id
),
stay AS (
    SELECT
        lot_id, max(stay_h) FILTER (WHERE is_stay) AS dwell_h_max,
        avg(is_broken::INTEGER) AS broken_hop_share
    FROM hop
    GROUP BY lot_id
),
-- By sorting: an aggregate's medians of so many rows, which lie in no order of lots, take tens of
-- gigabytes.
middle_stay AS (
    SELECT lot_id, (min(stay_h) + max(stay_h)) / 2 AS dwell_h_median
    FROM (
        SELECT
            lot_id, stay_h,
            row_number() OVER (PARTITION BY lot_id ORDER BY stay_h) AS place,
            count(*) OVER (PARTITION BY lot_id) AS stays
        FROM hop
        WHERE is_stay AND stay_h >= 0
    )
    WHERE place IN ((stays + 1) // 2, (stays + 2) // 2)
    GROUP BY lot_id
),
price AS (
    SELECT gtin, currency, median(unit_price) AS unit_price
    FROM core_movement
    WHERE unit_price > 0
    GROUP BY gtin, currency
),
first_day AS (
    SELECT from_site_id, to_site_id, gtin, min(first_at)::DATE AS day
    FROM graph_trade_edge
    GROUP BY from_site_id, to_site_id, gtin
),
movement AS (
    SELECT
        m.lot_id,
        median(epoch_us(m.received_at - m.shipped_at) / 3.6e9)
            FILTER (WHERE m.received_at >= m.shipped_at) AS transit_h_median,
        max(l.km / greatest(epoch_us(m.received_at - m.shipped_at) / 8.64e10, 1 / 24))
            FILTER (WHERE NOT m.is_day_precision) AS km_per_day_max,
        avg(coalesce(m.reason ILIKE '%return%', false)::INTEGER) AS return_share,
        min(m.unit_price / p.unit_price) FILTER (WHERE m.unit_price > 0) AS price_ratio_min,
        avg((coalesce(m.shipped_at, m.received_at)::DATE = f.day)::INTEGER) AS new_edge_share,
        avg(l.km) AS lane_km
    FROM core_movement m
    LEFT JOIN lane l ON l.from_site_id = m.from_site_id AND l.to_site_id = m.to_site_id
    LEFT JOIN price p ON p.gtin = m.gtin AND p.currency IS NOT DISTINCT FROM m.currency
    LEFT JOIN first_day f ON f.from_site_id = m.from_site_id AND f.to_site_id = m.to_site_id
        AND f.gtin = m.gtin
    GROUP BY m.lot_id
),
passed AS (
    SELECT
        lot_id, site_id, sum(units) FILTER (WHERE is_in) AS units_in,
        sum(units) FILTER (WHERE NOT is_in) AS units_out
    FROM (
        SELECT lot_id, to_site_id AS site_id, true AS is_in, units
        FROM core_movement
        WHERE receive_record_id IS NOT NULL OR source = 'shipment'
        UNION ALL
        SELECT lot_id, from_site_id, false, units
        FROM core_movement
        WHERE ship_record_id IS NOT NULL
    )
    GROUP BY lot_id, site_id
),
throughput AS (
    SELECT lot_id, sum(coalesce(units_out, 0)) / sum(units_in) AS out_in_ratio
    FROM passed
    WHERE units_in > 0
    GROUP BY lot_id
)
SELECT
    l.lot_id,
    coalesce(p.units::DOUBLE, nullif(l.class_units, 0)) AS units,
    s.sites, s.countries, s.partners,
    r.hops_max, r.hops_mean,
    epoch_us(l.last_at - l.first_at) / 8.64e10 AS span_days,
    m.transit_h_median, d.dwell_h_median,
    coalesce(r.km_total, m.lane_km) AS km_total,
    m.km_per_day_max,
    t.inferred_share, y.broken_hop_share,
    t.ended_units / p.units AS terminal_share,
    m.return_share, o.out_in_ratio, t.lag_h_p95, p.commissioned_share,
    m.price_ratio_min, m.new_edge_share, r.hops_from_maker_max, y.dwell_h_max,
    date_diff('day', l.last_at::DATE, l.expiry) AS expiry_days_left
FROM core_lot l
LEFT JOIN pack p ON p.lot_id = l.lot_id
LEFT JOIN spread s ON s.lot_id = l.lot_id
LEFT JOIN told t ON t.lot_id = l.lot_id
LEFT JOIN route r ON r.lot_id = l.lot_id
LEFT JOIN stay y ON y.lot_id = l.lot_id
LEFT JOIN middle_stay d ON d.lot_id = l.lot_id
LEFT JOIN movement m ON m.lot_id = l.lot_id
LEFT JOIN throughput o ON o.lot_id = l.lot_id
ORDER BY l.lot_id
