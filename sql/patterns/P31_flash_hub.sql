-- model:   P31_flash_hub
-- purpose: A new trader that sells much at-risk product to many buyers, and buys it from a few.
-- grain:   one row per lot that the trader sold
-- key:     none
-- pattern: P31
-- family:  network
-- definition: From its first trade to its last a trading firm is less than 180 days old; its units
--   sold per month of activity reach the 95th percentile of trading firms and its number of buyers
--   the 90th; it has at most 3 suppliers; and at least 70 % of what it sold is high-risk product
--   (product master; where that marks none, the top tenth by value).
-- guard: The record begins at least 180 days before the firm's first trade, and one of its
--   suppliers had sold to others 180 days before, so that its newness is not the data's. At least
--   10 trading firms to compare with, and at least 3 buyers. Makers, logistics and returns
--   processors are no traders.
-- severity: S2 always; days of silence since its last sale are told.
-- benign: B22 (a licence dates from 180 days before its first trade: an old firm, new in the data;
--   a firm that fell silent then had sold to half of its buyers: moved or renamed), B25 (at least
--   two other new firms sell the same products at the time, or most of what it sold was launched
--   within the 180 days).
-- source: HIV shell wholesalers 2019-21, Safe Chain, Cumberland; typology P31
-- reads:   core_licence, core_lot, core_movement, core_product, core_site, raw_setting
-- columns: as in find_finding's pattern shape
-- caveats: Firms are as the lists join sites; a firm under two names is two new firms.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P31.age_days') AS age_days,
        max(value) FILTER (WHERE name = 'P31.history_days') AS history_days,
        max(value) FILTER (WHERE name = 'P31.volume_rank') AS volume_rank,
        max(value) FILTER (WHERE name = 'P31.degree_rank') AS degree_rank,
        max(value) FILTER (WHERE name = 'P31.suppliers') AS suppliers,
        max(value) FILTER (WHERE name = 'P31.risk_share') AS risk_share,
        max(value) FILTER (WHERE name = 'P31.least_firms') AS least_firms,
        max(value) FILTER (WHERE name = 'P31.least_buyers') AS least_buyers,
        max(value) FILTER (WHERE name = 'P31.value_share') AS value_share,
        max(value) FILTER (WHERE name = 'P31.peer_days') AS peer_days,
        max(value) FILTER (WHERE name = 'P31.peers') AS peers,
        max(value) FILTER (WHERE name = 'P31.same_buyers') AS same_buyers
    FROM raw_setting
),
sale AS (
    SELECT
        seller.partner_id AS seller_id, buyer.partner_id AS buyer_id, movement.lot_id,
        movement.gtin, coalesce(movement.units, 0) AS units,
        movement.units * movement.unit_price AS value,
        coalesce(movement.shipped_at, movement.received_at) AS sold_at,
        movement.from_site_id,
        coalesce(movement.ship_record_id, movement.receive_record_id) AS record_id
    FROM core_movement AS movement
    INNER JOIN core_site AS seller ON movement.from_site_id = seller.site_id
    INNER JOIN core_site AS buyer ON movement.to_site_id = buyer.site_id
    WHERE seller.partner_id <> buyer.partner_id
        AND coalesce(movement.reason, 'sale') = 'sale'
        AND coalesce(movement.shipped_at, movement.received_at) IS NOT NULL
),
span AS (
    SELECT min(sold_at) AS first_at, max(sold_at) AS last_at FROM sale
),
trading_firm AS (
    SELECT partner_id
    FROM core_site
    WHERE partner_id IS NOT NULL
    GROUP BY partner_id
    HAVING NOT bool_or(coalesce(role, '') IN (
        'maker', 'contract_packer', 'third_party_logistics', 'customs', 'reverse_distributor',
        'destruction'
    ))
),
pair AS (
    SELECT
        seller_id, buyer_id, min(sold_at) AS first_at, max(sold_at) AS last_at
    FROM sale
    GROUP BY seller_id, buyer_id
),
seen AS (
    SELECT partner_id, min(first_at) AS first_at, max(last_at) AS last_at
    FROM (
        SELECT seller_id AS partner_id, first_at, last_at FROM pair
        UNION ALL
        SELECT buyer_id, first_at, last_at FROM pair
    )
    GROUP BY partner_id
),
sold AS (
    SELECT
        seller_id, sum(units) AS units, count(DISTINCT buyer_id) AS buyers,
        min(sold_at) AS first_sale_at, max(sold_at) AS last_sale_at
    FROM sale
    GROUP BY seller_id
),
ranked AS (
    SELECT
        sold.*, seen.first_at, seen.last_at,
        sold.units / greatest(1, epoch(sold.last_sale_at - sold.first_sale_at) / 86400 / 30.44)
            AS month_units,
        percent_rank() OVER (
            ORDER BY sold.units
                / greatest(1, epoch(sold.last_sale_at - sold.first_sale_at) / 86400 / 30.44)
        ) AS volume_rank,
        percent_rank() OVER (ORDER BY sold.buyers) AS degree_rank,
        count(*) OVER () AS firms
    FROM sold
    INNER JOIN trading_firm ON sold.seller_id = trading_firm.partner_id
    INNER JOIN seen ON sold.seller_id = seen.partner_id
),
bought AS (
    SELECT buyer_id, count(DISTINCT seller_id) AS suppliers FROM pair GROUP BY buyer_id
),
young AS (
    SELECT
        ranked.*, coalesce(bought.suppliers, 0) AS suppliers,
        epoch(ranked.last_at - ranked.first_at) / 86400 AS age_days,
        epoch(span.last_at - ranked.last_sale_at) / 86400 AS silent_days
    FROM ranked
    CROSS JOIN setting
    CROSS JOIN span
    LEFT JOIN bought ON ranked.seller_id = bought.buyer_id
    WHERE epoch(ranked.last_at - ranked.first_at) / 86400 < setting.age_days
        AND ranked.first_at >= span.first_at + to_days(CAST(setting.history_days AS INTEGER))
        AND ranked.volume_rank >= setting.volume_rank
        AND ranked.degree_rank >= setting.degree_rank
        AND coalesce(bought.suppliers, 0) BETWEEN 1 AND setting.suppliers
        AND ranked.firms >= setting.least_firms AND ranked.buyers >= setting.least_buyers
),
-- The firm is new, not the data: a supplier had sold to others long before.
known_supplier AS (
    SELECT DISTINCT young.seller_id
    FROM young
    CROSS JOIN setting
    INNER JOIN pair AS supply ON young.seller_id = supply.buyer_id
    INNER JOIN pair AS other
        ON supply.seller_id = other.seller_id AND other.buyer_id <> young.seller_id
        AND other.first_at <= young.first_at - to_days(CAST(setting.history_days AS INTEGER))
),
product_value AS (
    SELECT gtin, percent_rank() OVER (ORDER BY sum(value)) AS value_rank
    FROM sale
    WHERE value > 0
    GROUP BY gtin
),
risky AS (
    SELECT gtin FROM core_product WHERE is_high_risk
    UNION
    SELECT product_value.gtin
    FROM product_value
    CROSS JOIN setting
    WHERE product_value.value_rank >= 1 - setting.value_share
        AND NOT EXISTS (SELECT 1 FROM core_product WHERE is_high_risk)
),
launch AS (
    SELECT gtin, min(sold_at) AS first_at FROM sale GROUP BY gtin
),
assortment AS (
    SELECT
        young.seller_id,
        sum(sale.units) FILTER (WHERE risky.gtin IS NOT NULL) / nullif(sum(sale.units), 0)
            AS risk_share,
        sum(sale.units) FILTER (
            WHERE launch.first_at > young.first_at - to_days(CAST(setting.history_days AS INTEGER))
        ) / nullif(sum(sale.units), 0) AS launched_share
    FROM young
    CROSS JOIN setting
    INNER JOIN sale ON young.seller_id = sale.seller_id
    INNER JOIN launch ON sale.gtin = launch.gtin
    LEFT JOIN risky ON sale.gtin = risky.gtin
    GROUP BY young.seller_id
),
hub AS (
    SELECT young.*, assortment.risk_share, coalesce(assortment.launched_share, 0) AS launched_share
    FROM young
    CROSS JOIN setting
    INNER JOIN known_supplier ON young.seller_id = known_supplier.seller_id
    INNER JOIN assortment ON young.seller_id = assortment.seller_id
    WHERE assortment.risk_share >= setting.risk_share
),
-- B22: a firm that fell silent as this one began, and sold to the same buyers.
predecessor AS (
    SELECT hub.seller_id, before.seller_id AS before_id,
        count(*) / any_value(hub.buyers) AS same_buyer_share
    FROM hub
    CROSS JOIN setting
    INNER JOIN pair AS own ON hub.seller_id = own.seller_id
    INNER JOIN pair AS before ON own.buyer_id = before.buyer_id
    INNER JOIN ranked AS firm ON before.seller_id = firm.seller_id
    WHERE firm.last_sale_at BETWEEN hub.first_at - to_days(CAST(setting.peer_days AS INTEGER))
        AND hub.first_at + to_days(CAST(setting.peer_days AS INTEGER))
        AND firm.first_at < hub.first_at
    GROUP BY hub.seller_id, before.seller_id
),
successor AS (
    SELECT seller_id, max(same_buyer_share) AS same_buyer_share FROM predecessor GROUP BY seller_id
),
old_licence AS (
    SELECT hub.seller_id, min(licence.valid_from) AS licensed_from
    FROM hub
    INNER JOIN core_site AS site ON hub.seller_id = site.partner_id
    INNER JOIN core_licence AS licence ON site.site_id = licence.site_id
    GROUP BY hub.seller_id
),
-- B25: other firms that began to sell these products at the time.
product_start AS (
    SELECT sale.seller_id, sale.gtin, min(sale.sold_at) AS first_at, any_value(ranked.first_at)
            AS firm_first_at
    FROM sale
    INNER JOIN ranked ON sale.seller_id = ranked.seller_id
    GROUP BY sale.seller_id, sale.gtin
),
peer AS (
    SELECT hub.seller_id, count(DISTINCT other.seller_id) AS peers
    FROM hub
    CROSS JOIN setting
    INNER JOIN product_start AS own ON hub.seller_id = own.seller_id
    INNER JOIN product_start AS other
        ON own.gtin = other.gtin AND own.seller_id <> other.seller_id
        AND abs(epoch(other.firm_first_at - hub.first_at)) / 86400 <= setting.peer_days
    GROUP BY hub.seller_id
),
judged AS (
    SELECT
        hub.*,
        coalesce(successor.same_buyer_share, 0) AS same_buyer_share,
        date_diff('day', old_licence.licensed_from, hub.first_at::DATE) AS licensed_before_days,
        coalesce(peer.peers, 0) AS peers,
        CASE
            WHEN coalesce(successor.same_buyer_share >= setting.same_buyers, false)
                OR coalesce(
                    date_diff('day', old_licence.licensed_from, hub.first_at::DATE)
                    >= setting.history_days, false) THEN 'B22'
            WHEN coalesce(peer.peers, 0) >= setting.peers OR hub.launched_share > 0.5 THEN 'B25'
        END AS benign
    FROM hub
    CROSS JOIN setting
    LEFT JOIN successor ON hub.seller_id = successor.seller_id
    LEFT JOIN old_licence ON hub.seller_id = old_licence.seller_id
    LEFT JOIN peer ON hub.seller_id = peer.seller_id
),
lot_sold AS (
    SELECT
        sale.lot_id, sale.seller_id, min(sale.from_site_id) AS site_id, sum(sale.units) AS units,
        list_sort(list(DISTINCT sale.record_id))[1:50] AS record_ids
    FROM sale
    INNER JOIN judged ON sale.seller_id = judged.seller_id
    WHERE sale.record_id IS NOT NULL
    GROUP BY sale.lot_id, sale.seller_id
)
SELECT
    lot_sold.lot_id::INTEGER AS lot_id,
    NULL::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    lot_sold.site_id::INTEGER AS site_id,
    NULL::INTEGER AS other_site_id,
    'S2' AS severity,
    CASE WHEN judged.benign IS NULL THEN 'stands' ELSE 'explained' END AS status,
    judged.benign,
    'conflicting' AS history,
    lot_sold.units::DOUBLE AS units,
    to_json({
        'active_days': round(judged.age_days, 1), 'volume_rank': round(judged.volume_rank, 4),
        'buyer_count_rank': round(judged.degree_rank, 4), 'suppliers': judged.suppliers,
        'buyer_count': judged.buyers, 'high_risk_share': round(judged.risk_share, 4),
        'silent_days': round(judged.silent_days, 1)
    }) AS observed,
    to_json({
        'active_days': setting.age_days, 'volume_rank': setting.volume_rank,
        'buyer_count_rank': setting.degree_rank, 'suppliers': setting.suppliers,
        'buyer_count': setting.least_buyers, 'high_risk_share': setting.risk_share
    }) AS threshold,
    to_json([
        to_json({
            'code': 'B22',
            'result': CASE WHEN judged.benign = 'B22' THEN 'supported' ELSE 'ruled_out' END,
            'licensed_before_days': judged.licensed_before_days,
            'same_buyer_share': round(judged.same_buyer_share, 4)
        }),
        to_json({
            'code': 'B25',
            'result': CASE
                WHEN judged.peers >= setting.peers OR judged.launched_share > 0.5 THEN 'supported'
                ELSE 'ruled_out'
            END,
            'new_peers': judged.peers, 'launched_share': round(judged.launched_share, 4)
        })
    ])::JSON AS tests,
    lot_sold.record_ids
FROM judged
CROSS JOIN setting
INNER JOIN lot_sold ON judged.seller_id = lot_sold.seller_id
INNER JOIN core_lot AS lot ON lot_sold.lot_id = lot.lot_id
ORDER BY ALL
