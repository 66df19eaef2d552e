-- model:   feat_edge_month
-- purpose: What a month of trade between two sites looks like in numbers: the detectors' input.
-- grain:   one row per origin, destination and month in which goods went that way
-- key:     edge_month_id
-- reads:   core_product, core_site, feat_transfer
-- columns:
--   edge_month_id        1, 2, 3 by month, origin, destination
--   from_site_id         core_site
--   to_site_id           core_site
--   month                first day of the UTC month
--   units                packs or quantity; a sudden size is the plainest sign of a new source
--   transfers            acts told: many small ones, or one large
--   lots                 distinct lots: copies come in few lots, honest stock in many
--   products             distinct products: diversion asks for few
--   days                 distinct days with goods
--   is_new               1: these two did not trade before; null in the data's first month
--   new_product_share    share of units in products that never went this way; null likewise
--   growth_ratio         units / mean of its earlier months with trade; null for a new edge
--   price_ratio          median price / usual price of the product: too cheap is a warning
--   price_ratio_min      lowest of them
--   high_risk_share      share of units in products that their owners call targets
--   hop_no_mean          mean moves the packs had made: resold goods are deep in the chain
--   return_share         share of units that go back
--   transit_ratio        median hours on the way of what arrived / usual for these two roles so far
--   buyers_of_origin     distinct destinations of the origin this month: how broad it sells
--   suppliers_of_target  distinct origins of the destination this month: how broad it buys
--   share_of_origin      share of what the origin sent this month
--   share_of_target      share of what was sent to the destination this month
--   back_ratio           units that ever went the other way / units that ever went this way
--   role_rarity          -log2 of the share of acts from such a role that went to such a role, so
--                        far: a pharmacy that supplies a wholesaler is rare
--   km                   great circle; null where one place is not on the map
--   is_abroad            1: the countries differ; null where one is not known
--   subject              GLN>GLN/month: how scores name it
-- caveats: A row depends on what happened up to its month's end (see feat_transfer), and on lists
--   of products and sites as they stand. Null means not known, never none.
WITH act AS (
    SELECT t.*, coalesce(p.is_high_risk, false) AS is_high_risk
    FROM feat_transfer t
    LEFT JOIN core_product p ON p.gtin = t.gtin
    WHERE t.from_site_id IS NOT NULL AND t.to_site_id IS NOT NULL AND t.from_site_id <> t.to_site_id
),
-- A receipt that a shipment announced adds no goods, and a line that events tell of neither.
good AS (
    SELECT
        * EXCLUDE (units), units::DECIMAL(18, 3) AS units,
        month = min(month) OVER (PARTITION BY from_site_id, to_site_id, gtin) AS is_new_product
    FROM act
    WHERE NOT is_announced AND NOT is_told
),
first_month AS (
    SELECT min(month) AS month FROM good
),
edge AS (
    SELECT
        from_site_id, to_site_id, month,
        sum(units)::DOUBLE AS units,
        count(*) AS transfers,
        count(DISTINCT lot_id) AS lots,
        count(DISTINCT gtin) AS products,
        count(DISTINCT acted_at::DATE) AS days,
        coalesce(sum(units) FILTER (WHERE is_new_product), 0)::DOUBLE AS new_product_units,
        coalesce(sum(units) FILTER (WHERE is_high_risk), 0)::DOUBLE AS high_risk_units,
        coalesce(sum(units) FILTER (WHERE is_return), 0)::DOUBLE AS return_units,
        -- Exact numbers, since a sum of binary fractions depends on which thread adds first.
        avg(hop_no::DECIMAL(9, 3)) AS hop_no_mean
    FROM good
    GROUP BY from_site_id, to_site_id, month
),
price AS (
    SELECT
        from_site_id, to_site_id, month, median(price_ratio) AS price_ratio,
        min(price_ratio) AS price_ratio_min
    FROM act
    WHERE price_ratio IS NOT NULL
    GROUP BY from_site_id, to_site_id, month
),
trip AS (
    SELECT
        act.from_site_id, act.to_site_id, act.month, act.transit_h,
        median(act.transit_h) OVER (
            PARTITION BY f.role, t.role ORDER BY act.month
            RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS usual_h
    FROM act
    JOIN core_site f ON f.site_id = act.from_site_id
    JOIN core_site t ON t.site_id = act.to_site_id
    WHERE act.transit_h IS NOT NULL AND NOT act.is_told
),
transit AS (
    SELECT
        from_site_id, to_site_id, month,
        (median(transit_h) + 1) / (min(usual_h) + 1) AS transit_ratio
    FROM trip
    GROUP BY from_site_id, to_site_id, month
),
origin AS (
    SELECT from_site_id, month, count(*) AS buyers, sum(units::DECIMAL(18, 3))::DOUBLE AS units
    FROM edge
    GROUP BY from_site_id, month
),
target AS (
    SELECT to_site_id, month, count(*) AS suppliers, sum(units::DECIMAL(18, 3))::DOUBLE AS units
    FROM edge
    GROUP BY to_site_id, month
),
by_role AS (
    SELECT
        from_role, to_role, month,
        -log2(sum(acts) OVER (PARTITION BY from_role, to_role ORDER BY month)
            / sum(acts) OVER (PARTITION BY from_role ORDER BY month)) AS role_rarity
    FROM (
        SELECT f.role AS from_role, t.role AS to_role, e.month, sum(e.transfers) AS acts
        FROM edge e
        JOIN core_site f ON f.site_id = e.from_site_id
        JOIN core_site t ON t.site_id = e.to_site_id
        GROUP BY f.role, t.role, e.month
    )
),
history AS (
    SELECT
        *,
        month = min(month) OVER (PARTITION BY from_site_id, to_site_id) AS is_new,
        sum(units::DECIMAL(18, 3)) OVER so_far AS units_so_far,
        avg(units::DECIMAL(18, 3)) OVER (
            PARTITION BY from_site_id, to_site_id ORDER BY month
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS units_before
    FROM edge
    WINDOW so_far AS (PARTITION BY from_site_id, to_site_id ORDER BY month)
)
SELECT
    row_number() OVER (ORDER BY e.month, e.from_site_id, e.to_site_id) AS edge_month_id,
    e.from_site_id, e.to_site_id, e.month, e.units, e.transfers, e.lots, e.products, e.days,
    CASE WHEN e.month > m.month THEN e.is_new::INTEGER END AS is_new,
    CASE WHEN e.month > m.month THEN e.new_product_units / nullif(e.units, 0) END
        AS new_product_share,
    e.units / nullif(e.units_before, 0) AS growth_ratio,
    p.price_ratio, p.price_ratio_min,
    e.high_risk_units / nullif(e.units, 0) AS high_risk_share,
    e.hop_no_mean,
    e.return_units / nullif(e.units, 0) AS return_share,
    w.transit_ratio,
    o.buyers AS buyers_of_origin,
    g.suppliers AS suppliers_of_target,
    e.units / nullif(o.units, 0) AS share_of_origin,
    e.units / nullif(g.units, 0) AS share_of_target,
    coalesce(back.units_so_far, 0)::DOUBLE / nullif(e.units_so_far, 0) AS back_ratio,
    r.role_rarity,
    -- least passes over a null: a place without coordinates must not lie at the antipodes.
    CASE
        WHEN f.latitude + f.longitude + t.latitude + t.longitude IS NOT NULL
            THEN (2 * 6371 * asin(sqrt(least(1,
                sin(radians(t.latitude - f.latitude) / 2) ** 2
                + cos(radians(f.latitude)) * cos(radians(t.latitude))
                * sin(radians(t.longitude - f.longitude) / 2) ** 2
            ))))::DECIMAL(9, 3)::DOUBLE
    END AS km,
    (f.country <> t.country)::INTEGER AS is_abroad,
    f.gln || '>' || t.gln || '/' || strftime(e.month, '%Y-%m') AS subject
FROM history e
CROSS JOIN first_month m
JOIN core_site f ON f.site_id = e.from_site_id
JOIN core_site t ON t.site_id = e.to_site_id
JOIN origin o ON o.from_site_id = e.from_site_id AND o.month = e.month
JOIN target g ON g.to_site_id = e.to_site_id AND g.month = e.month
LEFT JOIN by_role r ON r.from_role IS NOT DISTINCT FROM f.role
    AND r.to_role IS NOT DISTINCT FROM t.role AND r.month = e.month
LEFT JOIN price p ON p.from_site_id = e.from_site_id AND p.to_site_id = e.to_site_id
    AND p.month = e.month
LEFT JOIN transit w ON w.from_site_id = e.from_site_id AND w.to_site_id = e.to_site_id
    AND w.month = e.month
ASOF LEFT JOIN history back ON back.from_site_id = e.to_site_id
    AND back.to_site_id = e.from_site_id AND back.month <= e.month
ORDER BY edge_month_id
