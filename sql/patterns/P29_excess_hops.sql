-- model:   P29_excess_hops
-- purpose: Packs that changed owners more often, or crossed more countries, than their trade does.
-- grain:   one row per lot and explanation
-- key:     none
-- pattern: P29
-- family:  network
-- definition: The changes of owner on a pack's path are more than 4, a return, or any way straight
--   back to who had sent it, taking one back; or at least 4 and more than in 99 % of the packs of
--   other lots of its GTIN that ended in the same country; or the path passes at least 3 countries
--   outside the lot's markets and the maker's own.
-- guard: Both firms of a change are known and differ. Where a container that nobody saw opened goes
--   back to a firm that had it, the pack may have left it: that and what the container did next
--   does not count until the pack is scanned. The 99 % need at least 200 packs of 3 other lots; the
--   countries need stated markets. Returns processors and destruction are no trade.
-- severity: S3; S2 where packs, read by name each time, were sold at least 3 times running from one
--   wholesaler to another: a row of traders, none of whom sells to who hands out, hides where goods
--   began.
-- benign: B19 (a parallel trader or repackager, licensed where a licence list exists, accounts for
--   the excess), B23 (changes to a logistics provider or customs, or with one stated owner before
--   and after, account for it: custody moved, title did not).
-- source: typology P29
-- reads:   core_custody, core_licence, core_lot, core_site, feat_route, raw_setting
-- columns: as in find_finding's pattern shape
-- caveats: Only packs known by serial have a path; goods moved by quantity are silent.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P29.most_changes') AS most_changes,
        max(value) FILTER (WHERE name = 'P29.least_changes') AS least_changes,
        max(value) FILTER (WHERE name = 'P29.tail_share') AS tail_share,
        max(value) FILTER (WHERE name = 'P29.least_packs') AS least_packs,
        max(value) FILTER (WHERE name = 'P29.least_lots') AS least_lots,
        max(value) FILTER (WHERE name = 'P29.countries') AS least_countries,
        max(value) FILTER (WHERE name = 'P29.trader_sales') AS trader_sales
    FROM raw_setting
),
region AS (
    SELECT unnest([
        'AT', 'BE', 'BG', 'CY', 'CZ', 'DE', 'DK', 'EE', 'ES', 'FI', 'FR', 'GR', 'HR', 'HU', 'IE',
        'IT', 'LT', 'LU', 'LV', 'MT', 'NL', 'PL', 'PT', 'RO', 'SE', 'SI', 'SK', 'IS', 'LI', 'NO'
    ]) AS country
),
lawful_trader AS (
    SELECT site_id
    FROM core_site
    WHERE role IN ('parallel_trader', 'repackager')
        AND (
            NOT EXISTS (SELECT 1 FROM core_licence)
            OR site_id IN (SELECT site_id FROM core_licence)
        )
),
party AS (
    SELECT
        site.site_id, site.partner_id, site.role,
        coalesce(site.role, '') IN ('third_party_logistics', 'customs') AS is_service,
        coalesce(site.role, '') IN ('reverse_distributor', 'destruction') AS is_disposal,
        coalesce(site.role, '') = 'wholesaler' AS is_trader,
        trader.site_id IS NOT NULL AS is_parallel,
        CASE WHEN length(trim(site.country)) = 2 THEN upper(trim(site.country)) END AS country
    FROM core_site AS site
    LEFT JOIN lawful_trader AS trader ON site.site_id = trader.site_id
),
-- One pack stands for all that went its way.
route AS (
    SELECT route_unit_id AS unit_id, 1 + count(*) AS packs FROM feat_route GROUP BY route_unit_id
),
-- Each change of hands: what of it was a change of owner, and what of that a lawful trader's.
handover AS (
    SELECT
        hop.lot_id, hop.unit_id, hop.hop_no, hop.to_site_id, hop.is_return,
        coalesce(hop.is_inferred, false) AS is_inferred,
        CASE
            WHEN hop.is_return THEN -1
            -- From who had it, or from anybody where nobody had booked it in.
            WHEN lag(here.partner_id) OVER life = there.partner_id
                AND (
                    lag(there.partner_id) OVER life = here.partner_id
                    OR lag(hop.receive_record_id) OVER life IS NULL
                ) THEN -1
            ELSE 1
        END AS change,
        there.is_service OR coalesce(hop.from_owner_site_id = hop.to_owner_site_id, false)
            AS is_custody_only,
        there.is_parallel,
        here.is_trader AND there.is_trader AND NOT hop.is_return
        AND NOT coalesce(hop.is_inferred, false)
        AND NOT coalesce(hop.from_owner_site_id = hop.to_owner_site_id, false) AS is_trader_sale,
        there.country,
        there.is_service AND NOT there.is_parallel AS is_transit,
        hop.ship_record_id, hop.receive_record_id,
        row_number() OVER (PARTITION BY hop.unit_id, there.partner_id ORDER BY hop.hop_no) > 1
        OR there.partner_id = first_value(here.partner_id) OVER life AS is_back
    FROM core_custody AS hop
    ANTI JOIN feat_route AS led ON hop.unit_id = led.unit_id
    INNER JOIN party AS here ON hop.from_site_id = here.site_id
    INNER JOIN party AS there ON hop.to_site_id = there.site_id
    -- Compared inside a function: as a join's condition it would pair all sites with all others.
    WHERE coalesce(here.partner_id <> there.partner_id, false) AND NOT there.is_disposal
    WINDOW life AS (PARTITION BY hop.unit_id ORDER BY hop.hop_no)
),
-- A tote goes home and out again; a pack that nobody took out of it by name did not.
change AS (
    SELECT
        * EXCLUDE (is_inferred, is_back),
        -- Numbers the unbroken rows of sales among traders.
        count(*) FILTER (WHERE NOT is_trader_sale) OVER life AS row_no
    FROM handover
    WINDOW life AS (PARTITION BY unit_id ORDER BY hop_no)
    QUALIFY
        coalesce(max(hop_no) FILTER (WHERE is_inferred AND is_back AND NOT is_return) OVER life, 0)
        <= coalesce(max(hop_no) FILTER (WHERE NOT is_inferred) OVER life, 0)
),
trader_row AS (
    SELECT unit_id, max(sales) AS trader_sales
    FROM (
        SELECT unit_id, row_no, count(*) AS sales
        FROM change
        WHERE is_trader_sale
        GROUP BY unit_id, row_no
    )
    GROUP BY unit_id
),
path AS (
    SELECT
        change.lot_id, change.unit_id, any_value(coalesce(route.packs, 1)) AS packs,
        sum(change) AS changes,
        coalesce(sum(change) FILTER (WHERE is_custody_only), 0) AS custody_changes,
        coalesce(sum(change) FILTER (WHERE is_parallel AND NOT is_custody_only), 0)
            AS parallel_changes,
        arg_max(country, hop_no) AS last_country,
        arg_max(to_site_id, hop_no) AS last_site_id
    FROM change
    LEFT JOIN route ON change.unit_id = route.unit_id
    GROUP BY change.lot_id, change.unit_id
),
-- How rare so many changes are among the packs of other lots.
histogram AS (
    SELECT
        lot.gtin, path.last_country, path.lot_id, path.changes, sum(path.packs) AS packs
    FROM path
    INNER JOIN core_lot AS lot ON path.lot_id = lot.lot_id
    WHERE path.last_country IS NOT NULL
    GROUP BY ALL
),
tail AS (
    SELECT
        gtin, last_country, changes,
        sum(sum(packs)) OVER (
            PARTITION BY gtin, last_country ORDER BY changes DESC) AS tail_packs
    FROM histogram
    GROUP BY gtin, last_country, changes
),
own_tail AS (
    SELECT
        gtin, last_country, lot_id, changes,
        sum(packs) OVER (
            PARTITION BY gtin, last_country, lot_id ORDER BY changes DESC) AS tail_packs,
        sum(packs) OVER (PARTITION BY gtin, last_country, lot_id) AS packs
    FROM histogram
),
total AS (
    SELECT gtin, last_country, sum(packs) AS packs, count(DISTINCT lot_id) AS lots
    FROM histogram
    GROUP BY gtin, last_country
),
rarity AS (
    SELECT
        own.lot_id, own.last_country, own.changes,
        total.packs - own.packs AS other_packs, total.lots - 1 AS other_lots,
        (tail.tail_packs - own.tail_packs) / nullif(total.packs - own.packs, 0) AS tail_share
    FROM own_tail AS own
    INNER JOIN tail
        ON own.gtin = tail.gtin AND own.last_country = tail.last_country
        AND own.changes = tail.changes
    INNER JOIN total ON own.gtin = total.gtin AND own.last_country = total.last_country
),
-- Countries outside the markets, for lots whose markets are stated as countries.
stated AS (
    SELECT lot_id, unnest(markets) AS market FROM core_lot WHERE len(markets) > 0
),
spelt AS (
    SELECT
        lot_id,
        CASE upper(trim(market)) WHEN 'UK' THEN 'GB' WHEN 'EL' THEN 'GR' ELSE upper(trim(market))
        END AS market
    FROM stated
),
market AS (
    SELECT lot_id, market AS country FROM spelt WHERE length(market) = 2
    UNION
    SELECT spelt.lot_id, region.country
    FROM spelt
    CROSS JOIN region
    WHERE spelt.market IN ('EU', 'EEA')
    UNION
    SELECT lot.lot_id, maker.country
    FROM core_lot AS lot
    INNER JOIN party AS maker ON lot.maker_site_id = maker.site_id
    WHERE maker.country IS NOT NULL
),
comparable AS (
    SELECT lot_id FROM spelt
    GROUP BY lot_id
    HAVING bool_and(length(market) = 2 OR market = 'EEA')
),
abroad_place AS (
    SELECT DISTINCT change.lot_id, change.to_site_id, change.country
    FROM change
    INNER JOIN comparable ON change.lot_id = comparable.lot_id
    ANTI JOIN market ON change.lot_id = market.lot_id AND change.country = market.country
    WHERE change.country IS NOT NULL AND NOT change.is_transit
),
abroad AS (
    SELECT change.unit_id, count(DISTINCT change.country) AS countries,
        count(DISTINCT change.country) FILTER (WHERE NOT change.is_parallel) AS other_countries
    FROM change
    INNER JOIN abroad_place
        ON change.lot_id = abroad_place.lot_id AND change.to_site_id = abroad_place.to_site_id
    GROUP BY change.unit_id
),
judged AS (
    SELECT
        path.*,
        coalesce(abroad.countries, 0) AS countries,
        coalesce(abroad.other_countries, 0) AS other_countries,
        rarity.tail_share, rarity.other_packs,
        coalesce(trader_row.trader_sales, 0) AS trader_sales,
        CASE
            WHEN path.changes >= setting.least_changes
                AND rarity.other_packs >= setting.least_packs
                AND rarity.other_lots >= setting.least_lots
                AND rarity.tail_share < setting.tail_share THEN setting.least_changes - 1
            ELSE setting.most_changes
        END AS allowed
    FROM path
    CROSS JOIN setting
    LEFT JOIN abroad ON path.unit_id = abroad.unit_id
    LEFT JOIN trader_row ON path.unit_id = trader_row.unit_id
    LEFT JOIN rarity
        ON path.lot_id = rarity.lot_id AND path.last_country = rarity.last_country
        AND path.changes = rarity.changes
    WHERE path.changes >= setting.least_changes OR abroad.countries >= setting.least_countries
),
coded AS (
    SELECT
        judged.*,
        CASE
            WHEN changes > allowed AND countries < setting.least_countries
                AND changes - custody_changes <= allowed THEN 'B23'
            WHEN changes - custody_changes - parallel_changes <= allowed
                AND other_countries < setting.least_countries THEN 'B19'
        END AS benign
    FROM judged
    CROSS JOIN setting
    WHERE changes > allowed OR countries >= setting.least_countries
),
grouped AS (
    SELECT
        lot_id, benign,
        sum(packs) AS units,
        max(trader_sales) AS trader_sales,
        arg_max(coded, (trader_sales, changes, countries, -unit_id)) AS shown
    FROM coded
    GROUP BY lot_id, benign
),
cited AS (
    SELECT
        change.unit_id,
        list_sort(list_distinct(flatten(list(
            list_filter([ship_record_id, receive_record_id], lambda r: r IS NOT NULL)))))[1:50]
            AS record_ids
    FROM change
    WHERE change.unit_id IN (SELECT shown.unit_id FROM grouped)
    GROUP BY change.unit_id
)
SELECT
    grouped.lot_id::INTEGER AS lot_id,
    CASE WHEN grouped.units = 1 THEN grouped.shown.unit_id END::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    grouped.shown.last_site_id::INTEGER AS site_id,
    NULL::INTEGER AS other_site_id,
    CASE
        WHEN grouped.trader_sales >= setting.trader_sales THEN 'S2' ELSE 'S3'
    END AS severity,
    CASE WHEN grouped.benign IS NULL THEN 'stands' ELSE 'explained' END AS status,
    grouped.benign,
    'conflicting' AS history,
    grouped.units::DOUBLE AS units,
    to_json({
        'owner_changes': grouped.shown.changes,
        'countries_outside_markets': grouped.shown.countries,
        'other_packs_share': round(grouped.shown.tail_share, 4),
        'trader_sales': grouped.trader_sales
    }) AS observed,
    to_json({
        'owner_changes': grouped.shown.allowed,
        'countries_outside_markets': setting.least_countries,
        'other_packs_share': setting.tail_share, 'trader_sales': setting.trader_sales
    }) AS threshold,
    to_json([
        to_json({
            'code': 'B19',
            'result': CASE
                WHEN grouped.benign = 'B19' THEN 'supported' ELSE 'ruled_out'
            END,
            'parallel_trader_changes': grouped.shown.parallel_changes
        }),
        to_json({
            'code': 'B23',
            'result': CASE
                WHEN grouped.benign = 'B23' THEN 'supported' ELSE 'ruled_out'
            END,
            'custody_only_changes': grouped.shown.custody_changes
        })
    ])::JSON AS tests,
    cited.record_ids
FROM grouped
CROSS JOIN setting
INNER JOIN cited ON grouped.shown.unit_id = cited.unit_id
ORDER BY ALL
