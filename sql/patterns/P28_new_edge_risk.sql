-- model:   P28_new_edge_risk
-- purpose: A buyer that takes a high-risk product it knows from a seller it hardly knows.
-- grain:   one row per lot that went over a new seller-buyer-product edge on its first day
-- key:     none
-- pattern: P28
-- family:  network
-- definition: First movement of a GTIN from a seller to a buyer; the product is high-risk (product
--   master) or in the top tenth of products by value sold; the buyer's first purchase of anything
--   from that seller lies less than 90 days back; and it had bought this GTIN before from others.
-- guard: The record reaches at least 180 days back, for the buyer too: at the start of data all is
--   new. Returns are no purchases.
-- severity: S3 always.
-- benign: B22 (the buyer dealt with another site of the seller's company before; a licence list
--   names the seller as valid for its role on that day; it is a maker, or has supplied two other
--   buyers for 180 days: a new lawful customer), B25 (other buyers that knew the GTIN turn to new
--   sellers at the time too: shortage, tender).
-- source: typology P28
-- reads:   core_licence, core_lot, core_movement, core_product, core_site, raw_setting
-- columns: as in find_finding's pattern shape
-- caveats: A buyer that reports only part of its purchases has more new edges than it really has.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P28.new_days') AS new_days,
        max(value) FILTER (WHERE name = 'P28.history_days') AS history_days,
        max(value) FILTER (WHERE name = 'P28.value_share') AS value_share,
        max(value) FILTER (WHERE name = 'P28.peer_days') AS peer_days,
        max(value) FILTER (WHERE name = 'P28.peers') AS peers,
        max(value) FILTER (WHERE name = 'P28.old_buyers') AS old_buyers
    FROM raw_setting
),
sale AS (
    SELECT
        movement.from_site_id, movement.to_site_id, movement.gtin, movement.lot_id,
        coalesce(movement.shipped_at, movement.received_at) AS moved_at,
        movement.units, movement.units * movement.unit_price AS value,
        coalesce(movement.ship_record_id, movement.receive_record_id) AS record_id
    FROM core_movement AS movement
    WHERE movement.from_site_id IS NOT NULL AND movement.to_site_id IS NOT NULL
        AND movement.from_site_id <> movement.to_site_id
        AND coalesce(movement.shipped_at, movement.received_at) IS NOT NULL
        AND coalesce(movement.reason, 'sale') = 'sale'
),
product_value AS (
    SELECT
        gtin,
        percent_rank() OVER (ORDER BY sum(value)) AS value_rank
    FROM sale
    WHERE value > 0
    GROUP BY gtin
),
risky AS (
    SELECT product_value.gtin, product_value.value_rank, false AS is_stated
    FROM product_value
    CROSS JOIN setting
    WHERE product_value.value_rank >= 1 - setting.value_share
    UNION ALL
    SELECT gtin, NULL, true FROM core_product WHERE is_high_risk
),
risk AS (
    SELECT gtin, max(value_rank) AS value_rank, bool_or(is_stated) AS is_stated
    FROM risky
    GROUP BY gtin
),
edge AS (
    SELECT gtin, from_site_id, to_site_id, min(moved_at) AS first_at
    FROM sale
    GROUP BY gtin, from_site_id, to_site_id
),
pair AS (
    SELECT from_site_id, to_site_id, min(first_at) AS first_at
    FROM edge
    GROUP BY from_site_id, to_site_id
),
buyer AS (
    SELECT to_site_id, min(first_at) AS first_at FROM edge GROUP BY to_site_id
),
bought AS (
    SELECT gtin, to_site_id, min(first_at) AS first_at FROM edge GROUP BY gtin, to_site_id
),
new_edge AS (
    SELECT
        edge.*,
        date_diff('day', pair.first_at, edge.first_at) AS seller_known_days,
        date_diff('day', buyer.first_at, edge.first_at) AS buyer_history_days,
        risk.value_rank, risk.is_stated
    FROM edge
    CROSS JOIN setting
    INNER JOIN risk ON edge.gtin = risk.gtin
    INNER JOIN pair
        ON edge.from_site_id = pair.from_site_id AND edge.to_site_id = pair.to_site_id
    INNER JOIN buyer ON edge.to_site_id = buyer.to_site_id
    INNER JOIN bought ON edge.gtin = bought.gtin AND edge.to_site_id = bought.to_site_id
    WHERE date_diff('day', pair.first_at, edge.first_at) < setting.new_days
        AND date_diff('day', buyer.first_at, edge.first_at) >= setting.history_days
        AND bought.first_at < edge.first_at
),
-- B25: other buyers that knew this GTIN too and take it from a new seller at the time.
peer AS (
    SELECT
        new_edge.gtin, new_edge.from_site_id, new_edge.to_site_id,
        count(DISTINCT other.to_site_id) AS peers
    FROM new_edge
    CROSS JOIN setting
    INNER JOIN edge AS other
        ON new_edge.gtin = other.gtin AND new_edge.to_site_id <> other.to_site_id
        AND abs(date_diff('day', new_edge.first_at, other.first_at)) <= setting.peer_days
    INNER JOIN bought
        ON other.gtin = bought.gtin AND other.to_site_id = bought.to_site_id
        AND bought.first_at < other.first_at
    GROUP BY new_edge.gtin, new_edge.from_site_id, new_edge.to_site_id
),
-- B22: an earlier purchase from a sister site of the seller.
sister AS (
    SELECT DISTINCT new_edge.gtin, new_edge.from_site_id, new_edge.to_site_id
    FROM new_edge
    INNER JOIN core_site AS seller ON new_edge.from_site_id = seller.site_id
    INNER JOIN core_site AS other
        ON seller.partner_id = other.partner_id AND seller.site_id <> other.site_id
    INNER JOIN pair
        ON other.site_id = pair.from_site_id AND new_edge.to_site_id = pair.to_site_id
        AND pair.first_at < new_edge.first_at
),
-- B22: buyers that the seller has long supplied when this one comes to it.
established AS (
    SELECT
        new_edge.gtin, new_edge.from_site_id, new_edge.to_site_id,
        count(DISTINCT pair.to_site_id) AS old_buyers
    FROM new_edge
    CROSS JOIN setting
    INNER JOIN pair
        ON new_edge.from_site_id = pair.from_site_id AND new_edge.to_site_id <> pair.to_site_id
        AND date_diff('day', pair.first_at, new_edge.first_at) >= setting.history_days
    GROUP BY new_edge.gtin, new_edge.from_site_id, new_edge.to_site_id
),
licensed AS (
    SELECT DISTINCT new_edge.gtin, new_edge.from_site_id, new_edge.to_site_id
    FROM new_edge
    INNER JOIN core_site AS seller ON new_edge.from_site_id = seller.site_id
    INNER JOIN core_licence AS licence
        ON new_edge.from_site_id = licence.site_id
        AND coalesce(lower(licence.role) = lower(seller.role), true)
        AND CAST(new_edge.first_at AS DATE)
            BETWEEN coalesce(licence.valid_from, DATE '1900-01-01')
            AND coalesce(licence.valid_to, DATE '2999-12-31')
),
first_day AS (
    SELECT
        new_edge.gtin, new_edge.from_site_id, new_edge.to_site_id, sale.lot_id,
        sum(sale.units) AS units,
        list_sort(list(DISTINCT sale.record_id))[1:50] AS record_ids
    FROM new_edge
    INNER JOIN sale
        ON new_edge.gtin = sale.gtin AND new_edge.from_site_id = sale.from_site_id
        AND new_edge.to_site_id = sale.to_site_id
        AND CAST(sale.moved_at AS DATE) = CAST(new_edge.first_at AS DATE)
    GROUP BY new_edge.gtin, new_edge.from_site_id, new_edge.to_site_id, sale.lot_id
),
judged AS (
    SELECT
        first_day.*,
        new_edge.seller_known_days, new_edge.buyer_history_days, new_edge.value_rank,
        new_edge.is_stated,
        coalesce(peer.peers, 0) AS peers,
        sister.gtin IS NOT NULL AS has_sister,
        licensed.gtin IS NOT NULL AS is_licensed,
        coalesce(established.old_buyers, 0) AS old_buyers,
        coalesce(seller.role, 'unknown') = 'maker' AS is_maker,
        CASE
            WHEN sister.gtin IS NOT NULL OR licensed.gtin IS NOT NULL
                OR seller.role = 'maker' OR established.old_buyers >= setting.old_buyers THEN 'B22'
            WHEN coalesce(peer.peers, 0) >= setting.peers THEN 'B25'
        END AS benign
    FROM first_day
    CROSS JOIN setting
    INNER JOIN new_edge
        ON first_day.gtin = new_edge.gtin AND first_day.from_site_id = new_edge.from_site_id
        AND first_day.to_site_id = new_edge.to_site_id
    LEFT JOIN core_site AS seller ON first_day.from_site_id = seller.site_id
    LEFT JOIN established
        ON first_day.gtin = established.gtin
        AND first_day.from_site_id = established.from_site_id
        AND first_day.to_site_id = established.to_site_id
    LEFT JOIN peer
        ON first_day.gtin = peer.gtin AND first_day.from_site_id = peer.from_site_id
        AND first_day.to_site_id = peer.to_site_id
    LEFT JOIN sister
        ON first_day.gtin = sister.gtin AND first_day.from_site_id = sister.from_site_id
        AND first_day.to_site_id = sister.to_site_id
    LEFT JOIN licensed
        ON first_day.gtin = licensed.gtin AND first_day.from_site_id = licensed.from_site_id
        AND first_day.to_site_id = licensed.to_site_id
)
SELECT
    judged.lot_id,
    CAST(NULL AS BIGINT) AS unit_id,
    CAST(NULL AS BIGINT) AS container_id,
    judged.from_site_id AS site_id,
    judged.to_site_id AS other_site_id,
    'S3' AS severity,
    CASE WHEN judged.benign IS NULL THEN 'stands' ELSE 'explained' END AS status,
    judged.benign,
    'conflicting' AS history,
    CAST(judged.units AS DOUBLE) AS units,
    json_object(
        'seller_known_days', judged.seller_known_days,
        'buyer_history_days', judged.buyer_history_days,
        'value_rank', round(judged.value_rank, 4), 'is_stated_high_risk', judged.is_stated
    ) AS observed,
    json_object(
        'seller_known_days', setting.new_days, 'buyer_history_days', setting.history_days,
        'value_rank', 1 - setting.value_share, 'is_stated_high_risk', true
    ) AS threshold,
    json_array(
        json_object(
            'code', 'B22',
            'result', CASE
                WHEN judged.benign = 'B22' THEN 'supported'
                WHEN EXISTS (SELECT 1 FROM core_licence) THEN 'ruled_out'
                ELSE 'not_testable'
            END,
            'has_known_sister_site', judged.has_sister, 'is_licensed', judged.is_licensed,
            'old_buyers', judged.old_buyers, 'is_maker', judged.is_maker
        ),
        json_object(
            'code', 'B25',
            'result', CASE WHEN judged.peers >= setting.peers THEN 'supported' ELSE 'ruled_out' END,
            'peers_with_new_sellers', judged.peers, 'least_peers', setting.peers
        )
    ) AS tests,
    judged.record_ids
FROM judged
CROSS JOIN setting
INNER JOIN core_lot AS lot ON judged.lot_id = lot.lot_id
ORDER BY ALL
