-- model:   P35_price_volume
-- purpose: Trade at a price far below what others ask, or in a volume far above what was usual.
-- grain:   price: one row per seller, product, month and outcome, whoever bought; volume: one row per
--          seller, buyer, product and month. The lot is the one that most of it was.
-- key:     none
-- pattern: P35
-- family:  quantity
-- definition: Price: the month's median unit price of a seller-buyer-GTIN edge is under 75 % of
--   the median of other sellers' prices over the 12 months before, or its robust z (log scale) is
--   -4 or less; and it undercuts nine in ten of those prices, and 75 % of what this seller asked
--   this buyer before. Volume: the month's units of the edge have robust z 4 or more (log scale,
--   at least the spread of counting) over its own last 12 months, exceed the maximum of the last 6
--   and are three times the mean of the last 12.
-- guard: Price: at least 5 prices of at least 3 other sellers in the same currency and unit. Lots
--   within half a year of their expiry are sold off: their prices are left out.
--   Volume: at least 6 months with trade in the 12 before. Returns and disposals are left out.
--   Without prices or history nothing is said. What a seller asks several buyers in a month is one
--   cause and one finding.
-- severity: S3 always.
-- benign: B18 (price: under 2 % of the reference: a placeholder or free goods, no bargain), B25
--   (price: not low against what other sellers ask in the three months around, or a tender: a
--   hospital took at least five times the usual order of a dispenser, of lots that the seller had
--   from where they are made or stored for the maker, and its other buyers paid at least 90 % of
--   the reference; volume:
--   the median other buyer of the product, of at least 5, took at least 1.5 times its own usual
--   amount that month, or the buyer's total from all sellers is not high).
-- source: typology P35; suspicious-order baselines for controlled drugs (six-month maximum,
--   multiple of the twelve-month mean)
-- reads:   core_lot, core_movement, core_site, raw_setting
-- columns: as in find_finding's pattern shape
-- caveats: Months are calendar months; a running one is judged as it stands. Discounts for quantity
--   read as low prices. A seller's first months with a product are held against all other sellers'
--   prices of it, so cost follows sellers times prices of a product.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P35.price_share') AS price_share,
        max(value) FILTER (WHERE name = 'P35.price_z') AS price_z,
        max(value) FILTER (WHERE name = 'P35.least_prices') AS least_prices,
        max(value) FILTER (WHERE name = 'P35.least_sellers') AS least_sellers,
        max(value) FILTER (WHERE name = 'P35.undercut_share') AS undercut_share,
        max(value) FILTER (WHERE name = 'P35.around_months') AS around_months,
        max(value) FILTER (WHERE name = 'P35.nominal_share') AS nominal_share,
        max(value) FILTER (WHERE name = 'P35.tender_multiple') AS tender_multiple,
        max(value) FILTER (WHERE name = 'P35.tender_others_share') AS tender_others_share,
        max(value) FILTER (WHERE name = 'P35.volume_z') AS volume_z,
        max(value) FILTER (WHERE name = 'P35.mean_multiple') AS mean_multiple,
        max(value) FILTER (WHERE name = 'P35.least_months') AS least_months,
        max(value) FILTER (WHERE name = 'P35.peer_growth') AS peer_growth,
        max(value) FILTER (WHERE name = 'P35.least_peers') AS least_peers,
        max(value) FILTER (WHERE name = 'P35.least_spread') AS least_spread,
        max(value) FILTER (WHERE name = 'P35.short_dated_days') AS short_dated_days
    FROM raw_setting
),
sale AS (
    SELECT
        movement.lot_id, movement.gtin, from_site_id, to_site_id, units, unit_price,
        coalesce(currency, '') AS currency, coalesce(uom, '') AS uom,
        CAST(date_trunc('month', coalesce(shipped_at, received_at)) AS DATE) AS month,
        coalesce(ship_record_id, receive_record_id) AS record_id,
        coalesce(
            date_diff('day', CAST(coalesce(shipped_at, received_at) AS DATE), lot.expiry)
            < setting.short_dated_days,
            false
        ) AS is_short_dated
    FROM core_movement AS movement
    CROSS JOIN setting
    LEFT JOIN core_lot AS lot ON movement.lot_id = lot.lot_id
    WHERE from_site_id IS NOT NULL AND to_site_id IS NOT NULL AND from_site_id <> to_site_id
        AND units > 0 AND movement.gtin IS NOT NULL
        AND coalesce(shipped_at, received_at) IS NOT NULL
        AND coalesce(reason, 'sale') = 'sale'
),
-- Prices, one line per edge and month.
price AS (
    SELECT
        gtin, currency, uom, from_site_id, to_site_id, month,
        median(unit_price) AS unit_price,
        count(*) AS prices
    FROM sale
    WHERE unit_price > 0 AND NOT is_short_dated
    GROUP BY gtin, currency, uom, from_site_id, to_site_id, month
),
-- What the seller asked for the product before, of whomever.
own_price AS (
    SELECT
        *,
        median(unit_price) OVER (
            PARTITION BY gtin, currency, uom, from_site_id ORDER BY month
            RANGE BETWEEN INTERVAL 12 MONTH PRECEDING AND INTERVAL 1 MONTH PRECEDING
        ) AS own_reference
    FROM price
),
-- Few undercut their own prices: only they are held against those of others.
own_low AS (
    SELECT own_price.* EXCLUDE (own_reference)
    FROM own_price
    CROSS JOIN setting
    WHERE coalesce(unit_price < setting.price_share * own_reference, true)
),
-- What others asked is the same whoever bought.
reference AS (
    SELECT
        asking.gtin, asking.currency, asking.uom, asking.from_site_id, asking.month,
        median(other.unit_price) AS reference,
        median(ln(other.unit_price)) AS log_reference,
        mad(ln(other.unit_price)) AS log_mad,
        sum(other.prices) AS reference_prices,
        count(DISTINCT other.from_site_id) AS reference_sellers
    FROM (SELECT DISTINCT gtin, currency, uom, from_site_id, month FROM own_low) AS asking
    INNER JOIN price AS other
        ON asking.gtin = other.gtin AND asking.currency = other.currency
        AND asking.uom = other.uom AND asking.from_site_id <> other.from_site_id
        AND other.month BETWEEN asking.month - INTERVAL 12 MONTH AND asking.month
    GROUP BY asking.gtin, asking.currency, asking.uom, asking.from_site_id, asking.month
),
low AS (
    SELECT
        own_low.*,
        reference.reference, reference.reference_prices, reference.reference_sellers,
        (ln(own_low.unit_price) - reference.log_reference)
        / greatest(1.4826 * reference.log_mad, setting.least_spread) AS robust_z
    FROM own_low
    CROSS JOIN setting
    INNER JOIN reference
        ON own_low.gtin = reference.gtin AND own_low.currency = reference.currency
        AND own_low.uom = reference.uom AND own_low.from_site_id = reference.from_site_id
        AND own_low.month = reference.month
    WHERE reference.reference_prices >= setting.least_prices
        AND reference.reference_sellers >= setting.least_sellers
        AND (
            own_low.unit_price < setting.price_share * reference.reference
            OR robust_z <= setting.price_z
        )
),
market AS (
    SELECT
        low.gtin, low.currency, low.uom, low.from_site_id, low.to_site_id, low.month,
        low.unit_price, low.reference, low.reference_prices, low.reference_sellers,
        low.robust_z AS price_z
    FROM low
    INNER JOIN price AS other
        ON low.gtin = other.gtin AND low.currency = other.currency AND low.uom = other.uom
        AND low.from_site_id <> other.from_site_id
        AND other.month BETWEEN low.month - INTERVAL 12 MONTH AND low.month
    CROSS JOIN setting
    GROUP BY ALL
    HAVING avg(CASE WHEN other.unit_price > low.unit_price THEN 1.0 ELSE 0.0 END)
        >= any_value(setting.undercut_share)
),
-- B25: what other sellers ask in the months around, those after included.
around AS (
    SELECT
        market.gtin, market.currency, market.uom, market.from_site_id, market.month,
        median(other.unit_price) AS around_reference,
        count(DISTINCT other.from_site_id) AS around_sellers
    FROM (SELECT DISTINCT gtin, currency, uom, from_site_id, month FROM market) AS market
    CROSS JOIN setting
    INNER JOIN price AS other
        ON market.gtin = other.gtin AND market.currency = other.currency
        AND market.uom = other.uom AND market.from_site_id <> other.from_site_id
        AND abs(date_diff('month', market.month, other.month)) <= setting.around_months
    GROUP BY market.gtin, market.currency, market.uom, market.from_site_id, market.month
),
-- B25, a tender: what the seller asked a hospital for a large amount of lots that it had bought
-- where they are made or stored for the maker, and what it asks its other buyers.
usual_order AS (
    SELECT sale.gtin, median(sale.units) AS units
    FROM sale
    INNER JOIN core_site AS buyer
        ON sale.to_site_id = buyer.site_id AND buyer.role IN ('pharmacy', 'hospital', 'clinic')
    GROUP BY sale.gtin
),
bought_at_source AS (
    SELECT DISTINCT movement.lot_id, movement.to_site_id AS site_id
    FROM core_movement AS movement
    INNER JOIN core_site AS origin ON movement.from_site_id = origin.site_id
    WHERE origin.role IN ('maker', 'contract_packer', 'third_party_logistics')
        OR origin.is_commissioning
),
hospital_order AS (
    SELECT
        sale.gtin, sale.currency, sale.uom, sale.from_site_id, sale.to_site_id, sale.month,
        sum(sale.units) AS units, bool_and(source.site_id IS NOT NULL) AS is_from_source
    FROM sale
    INNER JOIN core_site AS buyer
        ON sale.to_site_id = buyer.site_id AND buyer.role = 'hospital'
    LEFT JOIN bought_at_source AS source
        ON sale.lot_id = source.lot_id AND sale.from_site_id = source.site_id
    WHERE sale.unit_price > 0 AND NOT sale.is_short_dated
    GROUP BY ALL
),
to_others AS (
    SELECT
        market.gtin, market.currency, market.uom, market.from_site_id, market.to_site_id,
        market.month, median(other.unit_price) AS unit_price
    FROM market
    CROSS JOIN setting
    INNER JOIN price AS other
        ON market.gtin = other.gtin AND market.currency = other.currency
        AND market.uom = other.uom AND market.from_site_id = other.from_site_id
        AND market.to_site_id <> other.to_site_id
        AND abs(date_diff('month', market.month, other.month)) <= setting.around_months
    GROUP BY market.gtin, market.currency, market.uom, market.from_site_id, market.to_site_id,
        market.month
),
price_finding AS (
    SELECT
        market.*,
        market.unit_price / market.reference AS price_share,
        around.around_reference, coalesce(around.around_sellers, 0) AS around_sellers,
        coalesce(
            market.unit_price >= setting.price_share * around.around_reference, false
        ) AS is_market_low,
        market.unit_price < setting.nominal_share * market.reference AS is_nominal,
        hospital_order.units / usual_order.units AS order_multiple,
        to_others.unit_price / market.reference AS others_share,
        coalesce(
            hospital_order.is_from_source AND order_multiple >= setting.tender_multiple
            AND others_share >= setting.tender_others_share,
            false
        ) AS is_tender
    FROM market
    CROSS JOIN setting
    LEFT JOIN usual_order ON market.gtin = usual_order.gtin
    LEFT JOIN hospital_order
        ON market.gtin = hospital_order.gtin AND market.currency = hospital_order.currency
        AND market.uom = hospital_order.uom AND market.from_site_id = hospital_order.from_site_id
        AND market.to_site_id = hospital_order.to_site_id AND market.month = hospital_order.month
    LEFT JOIN to_others
        ON market.gtin = to_others.gtin AND market.currency = to_others.currency
        AND market.uom = to_others.uom AND market.from_site_id = to_others.from_site_id
        AND market.to_site_id = to_others.to_site_id AND market.month = to_others.month
    LEFT JOIN around
        ON market.gtin = around.gtin AND market.currency = around.currency
        AND market.uom = around.uom AND market.from_site_id = around.from_site_id
        AND market.month = around.month
),
-- Volumes: each edge month against its own twelve months before. The mean counts months without
-- trade from the first of them with trade on; median and spread leave them out.
edge AS (
    SELECT gtin, from_site_id, to_site_id, month, sum(units) AS units
    FROM sale
    GROUP BY gtin, from_site_id, to_site_id, month
),
-- Few months are above all of the half year before: only they are held against the whole year.
risen AS (
    SELECT
        edge.*, count(*) OVER year AS history_months,
        max(edge.units) OVER half_year AS half_max_units
    FROM edge
    CROSS JOIN setting
    WINDOW
        year AS (
            PARTITION BY gtin, from_site_id, to_site_id ORDER BY month
            RANGE BETWEEN INTERVAL 12 MONTH PRECEDING AND INTERVAL 1 MONTH PRECEDING),
        half_year AS (
            PARTITION BY gtin, from_site_id, to_site_id ORDER BY month
            RANGE BETWEEN INTERVAL 6 MONTH PRECEDING AND INTERVAL 1 MONTH PRECEDING)
    QUALIFY history_months >= setting.least_months
        AND edge.units > coalesce(half_max_units, 0)
),
edge_history AS (
    SELECT
        edge.gtin, edge.from_site_id, edge.to_site_id, edge.month, edge.units,
        edge.history_months, edge.half_max_units,
        sum(earlier.units) / date_diff('month', min(earlier.month), edge.month) AS mean_units,
        median(ln(earlier.units)) AS log_median,
        -- Counts of a few packs scatter by themselves: the spread is at least that of counting.
        greatest(
            1.4826 * mad(ln(earlier.units)), 1 / sqrt(median(earlier.units)),
            max(setting.least_spread)
        ) AS spread
    FROM risen AS edge
    CROSS JOIN setting
    INNER JOIN edge AS earlier
        ON edge.gtin = earlier.gtin AND edge.from_site_id = earlier.from_site_id
        AND edge.to_site_id = earlier.to_site_id
        AND earlier.month >= edge.month - INTERVAL 12 MONTH AND earlier.month < edge.month
    GROUP BY edge.gtin, edge.from_site_id, edge.to_site_id, edge.month, edge.units,
        edge.history_months, edge.half_max_units
),
high_edge AS (
    SELECT
        edge_history.*,
        (ln(edge_history.units) - edge_history.log_median) / edge_history.spread AS volume_z
    FROM edge_history
    CROSS JOIN setting
    WHERE edge_history.units >= setting.mean_multiple * edge_history.mean_units
        AND (ln(edge_history.units) - edge_history.log_median)
        / edge_history.spread >= setting.volume_z
),
buyer_month AS (
    SELECT gtin, to_site_id, month, sum(units) AS units
    FROM edge
    GROUP BY gtin, to_site_id, month
),
-- All buyers of a product in a month in which one of them took so much.
buyer_history AS (
    SELECT
        buyer.gtin, buyer.to_site_id, buyer.month, buyer.units,
        count(*) AS history_months,
        sum(earlier.units) / date_diff('month', min(earlier.month), buyer.month) AS mean_units
    FROM buyer_month AS buyer
    INNER JOIN buyer_month AS earlier
        ON buyer.gtin = earlier.gtin AND buyer.to_site_id = earlier.to_site_id
        AND earlier.month >= buyer.month - INTERVAL 12 MONTH AND earlier.month < buyer.month
    SEMI JOIN high_edge ON buyer.gtin = high_edge.gtin AND buyer.month = high_edge.month
    GROUP BY buyer.gtin, buyer.to_site_id, buyer.month, buyer.units
),
high AS (
    SELECT
        high_edge.*,
        buyer.units AS buyer_units,
        buyer.mean_units AS buyer_mean_units
    FROM high_edge
    INNER JOIN buyer_history AS buyer
        ON high_edge.gtin = buyer.gtin AND high_edge.to_site_id = buyer.to_site_id
        AND high_edge.month = buyer.month
),
peer AS (
    SELECT
        high.gtin, high.from_site_id, high.to_site_id, high.month,
        count(*) AS peers,
        median(other.units / other.mean_units) AS peer_growth
    FROM high
    CROSS JOIN setting
    INNER JOIN buyer_history AS other
        ON high.gtin = other.gtin AND high.month = other.month
        AND high.to_site_id <> other.to_site_id
        AND other.history_months >= setting.least_months
    GROUP BY high.gtin, high.from_site_id, high.to_site_id, high.month
),
volume_finding AS (
    SELECT
        high.*, coalesce(peer.peers, 0) AS peers, peer.peer_growth,
        coalesce(
            peer.peers >= setting.least_peers AND peer.peer_growth >= setting.peer_growth, false
        ) AS is_market_high,
        high.buyer_units < setting.mean_multiple * high.buyer_mean_units AS is_moved
    FROM high
    CROSS JOIN setting
    LEFT JOIN peer
        ON high.gtin = peer.gtin AND high.from_site_id = peer.from_site_id
        AND high.to_site_id = peer.to_site_id AND high.month = peer.month
),
-- One finding for a seller's low price of a month, whoever bought at it.
price_group AS (
    SELECT
        gtin, currency, uom, from_site_id, month, is_market_low, is_nominal, is_tender,
        min(order_multiple) AS order_multiple, min(others_share) AS others_share,
        CASE WHEN count(*) = 1 THEN min(to_site_id) END AS to_site_id,
        count(*) AS buyers,
        median(price_share) AS price_share,
        median(price_z) AS price_z,
        median(unit_price) AS unit_price,
        median(reference) AS reference,
        max(reference_prices) AS reference_prices,
        max(reference_sellers) AS reference_sellers,
        median(around_reference) AS around_reference,
        max(around_sellers) AS around_sellers
    FROM price_finding
    GROUP BY gtin, currency, uom, from_site_id, month, is_market_low, is_nominal, is_tender
),
-- The lot that a finding's trade was most about, and the records of it.
price_lot AS (
    SELECT
        f.gtin, f.currency, f.uom, f.from_site_id, f.month, f.is_market_low, f.is_nominal,
        f.is_tender, sale.lot_id,
        sum(sale.units) AS units,
        list_sort(list(DISTINCT sale.record_id))[1:50] AS record_ids,
        row_number() OVER (
            PARTITION BY f.gtin, f.currency, f.uom, f.from_site_id, f.month, f.is_market_low,
                f.is_nominal, f.is_tender
            ORDER BY sum(sale.units) DESC, sale.lot_id
        ) AS place
    FROM price_finding AS f
    INNER JOIN sale
        ON f.gtin = sale.gtin AND f.currency = sale.currency AND f.uom = sale.uom
        AND f.from_site_id = sale.from_site_id AND f.to_site_id = sale.to_site_id
        AND f.month = sale.month AND sale.unit_price > 0 AND NOT sale.is_short_dated
    GROUP BY f.gtin, f.currency, f.uom, f.from_site_id, f.month, f.is_market_low, f.is_nominal,
        f.is_tender, sale.lot_id
),
volume_lot AS (
    SELECT
        sale.gtin, sale.from_site_id, sale.to_site_id, sale.month, sale.lot_id,
        list_sort(list(DISTINCT sale.record_id))[1:50] AS record_ids,
        row_number() OVER (
            PARTITION BY sale.gtin, sale.from_site_id, sale.to_site_id, sale.month
            ORDER BY sum(sale.units) DESC, sale.lot_id
        ) AS place
    FROM volume_finding AS f
    INNER JOIN sale
        ON f.gtin = sale.gtin AND f.from_site_id = sale.from_site_id
        AND f.to_site_id = sale.to_site_id AND f.month = sale.month
    GROUP BY sale.gtin, sale.from_site_id, sale.to_site_id, sale.month, sale.lot_id
)
SELECT
    price_lot.lot_id,
    CAST(NULL AS BIGINT) AS unit_id,
    CAST(NULL AS BIGINT) AS container_id,
    found.from_site_id AS site_id,
    found.to_site_id AS other_site_id,
    'S3' AS severity,
    CASE
        WHEN found.is_nominal OR found.is_market_low OR found.is_tender THEN 'explained'
        ELSE 'stands'
    END AS status,
    CASE
        WHEN found.is_nominal THEN 'B18' WHEN found.is_market_low OR found.is_tender THEN 'B25'
    END AS benign,
    'conflicting' AS history,
    CAST(price_lot.units AS DOUBLE) AS units,
    json_object(
        'price_share', round(found.price_share, 4), 'price_z', round(found.price_z, 2),
        'unit_price', found.unit_price, 'reference_price', round(found.reference, 4),
        'reference_prices', found.reference_prices, 'reference_sellers', found.reference_sellers,
        'buyers', found.buyers, 'month', strftime(found.month, '%Y-%m')
    ) AS observed,
    json_object(
        'price_share', setting.price_share, 'price_z', setting.price_z,
        'reference_prices', setting.least_prices, 'reference_sellers', setting.least_sellers
    ) AS threshold,
    json_array(
        json_object(
            'code', 'B18',
            'result', CASE WHEN found.is_nominal THEN 'supported' ELSE 'ruled_out' END,
            'price_share', round(found.price_share, 4), 'nominal_share', setting.nominal_share
        ),
        json_object(
            'code', 'B25',
            'result', CASE
                WHEN found.is_market_low OR found.is_tender THEN 'supported'
                WHEN found.around_sellers = 0 THEN 'not_testable'
                ELSE 'ruled_out'
            END,
            'reference_price_around', round(found.around_reference, 4),
            'sellers_around', found.around_sellers,
            'hospital_order_multiple', round(found.order_multiple, 1),
            'others_price_share', round(found.others_share, 4)
        )
    ) AS tests,
    price_lot.record_ids
FROM price_group AS found
CROSS JOIN setting
INNER JOIN price_lot
    ON found.gtin = price_lot.gtin AND found.currency = price_lot.currency
    AND found.uom = price_lot.uom AND found.from_site_id = price_lot.from_site_id
    AND found.month = price_lot.month AND found.is_market_low = price_lot.is_market_low
    AND found.is_nominal = price_lot.is_nominal AND found.is_tender = price_lot.is_tender
    AND price_lot.place = 1
UNION ALL
SELECT
    volume_lot.lot_id, NULL, NULL, found.from_site_id, found.to_site_id,
    'S3',
    CASE WHEN found.is_market_high OR found.is_moved THEN 'explained' ELSE 'stands' END,
    CASE WHEN found.is_market_high OR found.is_moved THEN 'B25' END,
    'conflicting',
    CAST(found.units AS DOUBLE),
    json_object(
        'volume_z', round(found.volume_z, 2), 'month_units', found.units,
        'half_year_maximum_units', found.half_max_units,
        'multiple_of_year_mean', round(found.units / found.mean_units, 2),
        'history_months', found.history_months, 'month', strftime(found.month, '%Y-%m')
    ),
    json_object(
        'volume_z', setting.volume_z, 'month_units', found.half_max_units,
        'multiple_of_year_mean', setting.mean_multiple, 'history_months', setting.least_months
    ),
    json_array(json_object(
        'code', 'B25',
        'result', CASE
            WHEN found.is_market_high OR found.is_moved THEN 'supported'
            WHEN found.peers < setting.least_peers THEN 'not_testable'
            ELSE 'ruled_out'
        END,
        'peers', found.peers, 'peer_growth', round(found.peer_growth, 2),
        'buyer_multiple_of_year_mean', round(found.buyer_units / found.buyer_mean_units, 2)
    )),
    volume_lot.record_ids
FROM volume_finding AS found
CROSS JOIN setting
INNER JOIN volume_lot
    ON found.gtin = volume_lot.gtin AND found.from_site_id = volume_lot.from_site_id
    AND found.to_site_id = volume_lot.to_site_id AND found.month = volume_lot.month
    AND volume_lot.place = 1
ORDER BY ALL
