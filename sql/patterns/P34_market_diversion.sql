-- model:   P34_market_diversion
-- purpose: Packs of a lot received, sold or checked in a country they were not made for.
-- grain:   one row per lot and site outside the markets
-- key:     none
-- pattern: P34
-- family:  network
-- definition: The lot's markets (lot master, else its product's) are known and packs of it are
--   received, ended or verified at a site in another country, less what went on to a market
--   country.
-- guard: Markets and countries are written alike (two letters, or words that both lists use); a
--   market that names a region other than the EU or EEA makes the lot silent. The maker's own
--   sites, logistics, customs, returns and destruction are transit. A trader that ships lots over
--   borders is a hub: only what it sent on to a country outside the markets counts, at its buyer.
--   Packs that their sender took out of use before they left the EEA are lawful exports; whether
--   they were, a sender whose feed leaves things untold (feat_handover) cannot say: a data gap.
-- severity: S1 at a pharmacy, hospital or clinic; S2 else.
-- benign: B18 (most of the lot, or most lots of the product seen in that country, are outside: the
--   list is wrong), B19 (a parallel trader or repackager, licensed where a list exists, sold the
--   lot into that country, or took it there to repack it).
-- source: typology P34
-- reads:   core_custody, core_item_event, core_licence, core_lot, core_lot_site_flow, core_movement,
--   core_observation, core_site, feat_handover, raw_setting
-- columns: as in find_finding's pattern shape
-- caveats: Markets are what the list says, since its own date; approvals granted later are not in
--   it.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P34.least_units') AS least_units,
        max(value) FILTER (WHERE name = 'P34.master_share') AS master_share,
        max(value) FILTER (WHERE name = 'P34.master_sites') AS master_sites,
        max(value) FILTER (WHERE name = 'P34.master_lots') AS master_lots
    FROM raw_setting
),
region AS (
    SELECT unnest([
        'AT', 'BE', 'BG', 'CY', 'CZ', 'DE', 'DK', 'EE', 'ES', 'FI', 'FR', 'GR', 'HR', 'HU', 'IE',
        'IT', 'LT', 'LU', 'LV', 'MT', 'NL', 'PL', 'PT', 'RO', 'SE', 'SI', 'SK', 'IS', 'LI', 'NO'
    ]) AS country
),
told AS (
    SELECT
        lot_id, gtin, unnest(markets) AS market
    FROM core_lot
    WHERE len(markets) > 0
),
spelt AS (
    SELECT
        lot_id, gtin,
        CASE upper(trim(market)) WHEN 'UK' THEN 'GB' WHEN 'EL' THEN 'GR' ELSE upper(trim(market))
        END AS market
    FROM told
    WHERE trim(market) <> ''
),
market AS (
    SELECT lot_id, market AS country FROM spelt WHERE market NOT IN ('EU', 'EEA')
    UNION
    SELECT spelt.lot_id, region.country
    FROM spelt
    CROSS JOIN region
    WHERE spelt.market = 'EEA' OR (spelt.market = 'EU' AND region.country NOT IN ('IS', 'LI', 'NO'))
),
market_word AS (
    SELECT DISTINCT country FROM market
),
place AS (
    SELECT
        site_id, partner_id, coalesce(role, 'unknown') AS role,
        CASE upper(trim(country)) WHEN 'UK' THEN 'GB' WHEN 'EL' THEN 'GR'
            ELSE upper(trim(country))
        END AS country
    FROM core_site
    WHERE trim(country) <> ''
),
-- A lot is comparable when each of its markets is written as some site's country is.
comparable AS (
    SELECT
        spelt.lot_id, spelt.gtin, bool_and(len(spelt.market) = 2) AS is_two_letters
    FROM spelt
    GROUP BY spelt.lot_id, spelt.gtin
    HAVING bool_and(
        spelt.market IN ('EU', 'EEA') OR len(spelt.market) = 2
        OR spelt.market IN (SELECT country FROM place)
    )
),
-- Traders that send goods over borders, of whatever lot.
hub AS (
    SELECT DISTINCT movement.from_site_id AS site_id
    FROM core_movement AS movement
    INNER JOIN place AS here ON movement.from_site_id = here.site_id
    INNER JOIN place AS there ON movement.to_site_id = there.site_id
    WHERE here.country <> there.country
),
came AS (
    SELECT
        flow.lot_id, flow.site_id,
        coalesce(sum(flow.units) FILTER (WHERE flow.direction = 'in'), 0) AS in_units,
        coalesce(sum(flow.units) FILTER (WHERE flow.direction = 'ended'), 0) AS ended_units,
        bool_or(flow.direction = 'made') AS is_maker,
        list_distinct(list(flow.record_id) FILTER (WHERE flow.direction IN ('in', 'ended')))
            AS record_ids
    FROM core_lot_site_flow AS flow
    INNER JOIN comparable ON flow.lot_id = comparable.lot_id
    WHERE flow.site_id IS NOT NULL
    GROUP BY flow.lot_id, flow.site_id
),
asked AS (
    SELECT
        seen.lot_id, seen.site_id,
        count(DISTINCT seen.unit_id) AS verified_units,
        list(DISTINCT seen.record_id) AS record_ids
    FROM core_observation AS seen
    INNER JOIN comparable ON seen.lot_id = comparable.lot_id
    WHERE seen.kind = 'verification' AND seen.site_id IS NOT NULL
    GROUP BY seen.lot_id, seen.site_id
),
sent_home AS (
    SELECT movement.lot_id, movement.from_site_id AS site_id, sum(movement.units) AS units
    FROM core_movement AS movement
    INNER JOIN place ON movement.to_site_id = place.site_id
    INNER JOIN market
        ON movement.lot_id = market.lot_id AND place.country = market.country
    GROUP BY movement.lot_id, movement.from_site_id
),
-- Lawful export: packs that their sender took out of use for it before they left the EEA.
exported AS (
    SELECT hop.lot_id, hop.to_site_id AS site_id, count(DISTINCT hop.unit_id) AS units
    FROM core_custody AS hop
    INNER JOIN place ON hop.to_site_id = place.site_id
    INNER JOIN core_item_event AS taken
        ON hop.unit_id = taken.unit_id AND hop.from_site_id = taken.site_id
        AND taken.is_terminal AND taken.step = 'decommissioning'
        AND taken.event_at <= coalesce(hop.shipped_at, hop.received_at)
    WHERE place.country NOT IN (SELECT country FROM region)
    GROUP BY hop.lot_id, hop.to_site_id
),
untold_export AS (
    SELECT DISTINCT movement.lot_id, movement.to_site_id AS site_id
    FROM core_movement AS movement
    INNER JOIN place ON movement.to_site_id = place.site_id
    INNER JOIN feat_handover AS handover
        ON movement.from_site_id = handover.site_id AND movement.lot_id = handover.lot_id
        AND (handover.is_departure_leaky OR handover.is_arrival_leaky)
    WHERE place.country NOT IN (SELECT country FROM region)
),
presence AS (
    SELECT
        coalesce(came.lot_id, asked.lot_id) AS lot_id,
        coalesce(came.site_id, asked.site_id) AS site_id,
        coalesce(came.in_units, 0) AS in_units,
        coalesce(came.ended_units, 0) AS ended_units,
        coalesce(came.is_maker, false) AS is_maker,
        coalesce(asked.verified_units, 0) AS verified_units,
        list_concat(coalesce(came.record_ids, []), coalesce(asked.record_ids, [])) AS record_ids
    FROM came
    FULL JOIN asked ON came.lot_id = asked.lot_id AND came.site_id = asked.site_id
),
located AS (
    SELECT
        presence.*, comparable.gtin, place.role, place.country,
        place.role IN ('pharmacy', 'hospital', 'clinic') AS is_dispenser,
        market.country IS NULL AS is_outside,
        greatest(
            presence.in_units - coalesce(sent_home.units, 0) - coalesce(exported.units, 0),
            presence.ended_units, presence.verified_units
        ) AS units
    FROM presence
    INNER JOIN comparable ON presence.lot_id = comparable.lot_id
    INNER JOIN place ON presence.site_id = place.site_id
    INNER JOIN core_lot AS lot ON presence.lot_id = lot.lot_id
    LEFT JOIN core_site AS maker ON lot.maker_site_id = maker.site_id
    LEFT JOIN market ON presence.lot_id = market.lot_id AND place.country = market.country
    LEFT JOIN sent_home
        ON presence.lot_id = sent_home.lot_id AND presence.site_id = sent_home.site_id
    LEFT JOIN exported
        ON presence.lot_id = exported.lot_id AND presence.site_id = exported.site_id
    LEFT JOIN hub ON presence.site_id = hub.site_id
    WHERE (
            (comparable.is_two_letters AND len(place.country) = 2)
            OR place.country IN (SELECT country FROM market_word)
        )
        AND NOT presence.is_maker
        AND presence.site_id IS DISTINCT FROM lot.maker_site_id
        AND coalesce(place.partner_id <> maker.partner_id, true)
        AND place.role NOT IN (
            'maker', 'contract_packer', 'third_party_logistics', 'customs',
            'reverse_distributor', 'destruction'
        )
        AND (
            place.role IN ('pharmacy', 'hospital', 'clinic') OR hub.site_id IS NULL
            OR presence.ended_units > 0
        )
),
counted AS (
    SELECT * FROM located WHERE units > 0
),
-- B18: how much of the lot, and how many lots of the product in this country, are outside.
lot_share AS (
    SELECT
        lot_id,
        round(coalesce(sum(units) FILTER (WHERE is_outside), 0) / sum(units), 4) AS outside_share,
        count(*) FILTER (WHERE is_outside) AS outside_sites
    FROM counted
    GROUP BY lot_id
),
product_lots AS (
    SELECT gtin, count(DISTINCT lot_id) AS lots FROM counted GROUP BY gtin
),
country_share AS (
    SELECT
        counted.gtin, counted.country,
        count(DISTINCT counted.lot_id) AS outside_lots,
        count(DISTINCT counted.site_id) AS outside_sites,
        round(count(DISTINCT counted.lot_id) / max(product_lots.lots), 4) AS outside_lot_share
    FROM counted
    INNER JOIN product_lots ON counted.gtin = product_lots.gtin
    WHERE counted.is_outside
    GROUP BY counted.gtin, counted.country
),
-- B19: a parallel trader or repackager holds the lot in the country, or sold it there.
trader_site AS (
    SELECT site_id, country
    FROM place
    WHERE role IN ('parallel_trader', 'repackager')
        OR site_id IN (SELECT site_id FROM core_licence WHERE role ILIKE '%parallel%')
),
trader AS (
    SELECT DISTINCT
        movement.lot_id, there.country,
        coalesce(movement.shipped_at, movement.received_at) AS moved_at, here.site_id
    FROM core_movement AS movement
    INNER JOIN trader_site AS here ON movement.from_site_id = here.site_id
    INNER JOIN place AS there ON movement.to_site_id = there.site_id
    UNION
    SELECT flow.lot_id, here.country, flow.at, here.site_id
    FROM core_lot_site_flow AS flow
    INNER JOIN trader_site AS here ON flow.site_id = here.site_id
),
lawful_trade AS (
    SELECT DISTINCT trader.lot_id, trader.country
    FROM trader
    WHERE NOT EXISTS (SELECT 1 FROM core_licence)
        OR EXISTS (
            SELECT 1
            FROM core_licence AS licence
            WHERE licence.site_id = trader.site_id
                AND CAST(trader.moved_at AS DATE)
                    BETWEEN coalesce(licence.valid_from, DATE '1900-01-01')
                    AND coalesce(licence.valid_to, DATE '2999-12-31')
        )
),
judged AS (
    SELECT
        counted.*,
        setting.least_units,
        lot_share.outside_share,
        lot_share.outside_sites AS lot_outside_sites,
        country_share.outside_lots,
        country_share.outside_lot_share,
        country_share.outside_sites,
        lawful_trade.lot_id IS NOT NULL AS is_parallel_trade,
        untold_export.lot_id IS NOT NULL AND NOT counted.is_dispenser AS is_gap,
        (lot_share.outside_share >= setting.master_share
            AND lot_share.outside_sites >= setting.master_sites)
        OR (country_share.outside_lot_share >= setting.master_share
            AND country_share.outside_lots >= setting.master_lots
            AND country_share.outside_sites >= setting.master_sites) AS is_master_wrong
    FROM counted
    CROSS JOIN setting
    INNER JOIN lot_share ON counted.lot_id = lot_share.lot_id
    INNER JOIN country_share
        ON counted.gtin = country_share.gtin AND counted.country = country_share.country
    LEFT JOIN lawful_trade
        ON counted.lot_id = lawful_trade.lot_id AND counted.country = lawful_trade.country
    LEFT JOIN untold_export
        ON counted.lot_id = untold_export.lot_id AND counted.site_id = untold_export.site_id
    WHERE counted.is_outside AND counted.units >= setting.least_units
)
SELECT
    lot_id,
    CAST(NULL AS BIGINT) AS unit_id,
    CAST(NULL AS BIGINT) AS container_id,
    site_id,
    CAST(NULL AS INTEGER) AS other_site_id,
    CASE WHEN is_dispenser THEN 'S1' WHEN is_gap THEN 'S4' ELSE 'S2' END AS severity,
    CASE
        WHEN is_gap THEN 'data_gap'
        WHEN is_parallel_trade OR is_master_wrong THEN 'explained'
        ELSE 'stands'
    END AS status,
    CASE WHEN is_gap THEN NULL WHEN is_parallel_trade THEN 'B19' WHEN is_master_wrong THEN 'B18' END AS benign,
    CASE WHEN is_gap THEN 'missing' ELSE 'conflicting' END AS history,
    CAST(units AS DOUBLE) AS units,
    json_object(
        'units_outside_markets', units, 'country', country,
        'received_units', in_units, 'ended_units', ended_units, 'verified_units', verified_units
    ) AS observed,
    json_object('units_outside_markets', least_units) AS threshold,
    if(is_gap, json_array(), json_array(
        json_object(
            'code', 'B18',
            'result', CASE WHEN is_master_wrong THEN 'supported' ELSE 'ruled_out' END,
            'share_of_lot_outside', outside_share, 'lot_sites_outside', lot_outside_sites,
            'lots_outside', outside_lots, 'share_of_lots_outside', outside_lot_share
        ),
        json_object(
            'code', 'B19',
            'result', CASE WHEN is_parallel_trade THEN 'supported' ELSE 'ruled_out' END,
            'has_lawful_parallel_trader', is_parallel_trade
        )
    )) AS tests,
    list_sort(list_distinct(record_ids))[1:50] AS record_ids
FROM judged
WHERE len(record_ids) > 0
ORDER BY ALL
