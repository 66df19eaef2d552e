-- model:   P26_unauthorised_partner
-- purpose: A party that traded a lot without a valid licence for its role, as far as the list
--   tells.
-- grain:   one row per lot and party
-- key:     none
-- pattern: P26
-- family:  network
-- definition: A party sends or takes goods while the licence list, which names its like, holds no
--   licence of it that is valid at that time; or it sells, nobody states its role, and the list
--   names nearly all other sellers.
-- guard: The list speaks about the party's role and country: it names at least two others of that
--   class and at least 70 % of the others that trade. Before the class's first licence it is
--   silent. Without a list, or outside what it covers: not testable, no row.
-- severity: S1 no valid licence for a role that the list covers; S3 a seller of unknown role that
--   is not on the list; S4, a note on the lot, where the licence is listed as lapsed for less than a
--   year and as held for over a year before, makers or wholesalers that the list names went on
--   supplying the party, and it hands out to patients or its trade is wide (five lots, fifteen
--   partners): its papers are to be asked for, once; the lot is as good as its suppliers.
-- benign: B22 (renewed within the grace time; most of the class lapsed, so the list is stale; a
--   site of the same company with the same role is listed; licensed at the time under another
--   role; a later licence of it is listed to end before it begins: its dates are wrong).
-- source: typology P26
-- reads:   core_licence, core_lot, core_movement, core_site, raw_setting
-- columns: as in find_finding's pattern shape
-- caveats: A licence list says what its keeper claims. Products and states that a licence covers
--   are not in it. Each day on which a listed party traded without a licence is held against all
--   licences of its role, so cost follows days times licences until every day is one of them.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P26.class_share') AS class_share,
        max(value) FILTER (WHERE name = 'P26.class_sites') AS class_sites,
        max(value) FILTER (WHERE name = 'P26.seller_share') AS seller_share,
        max(value) FILTER (WHERE name = 'P26.grace_days') AS grace_days,
        max(value) FILTER (WHERE name = 'P26.lapse_days') AS lapse_days,
        max(value) FILTER (WHERE name = 'P26.held_days') AS held_days,
        max(value) FILTER (WHERE name = 'P26.wide_lots') AS wide_lots,
        max(value) FILTER (WHERE name = 'P26.wide_partners') AS wide_partners,
        max(value) FILTER (WHERE name = 'P26.stale_share') AS stale_share
    FROM raw_setting
),
licence AS (
    SELECT
        site_id, lower(trim(role)) AS role, upper(trim(country)) AS country,
        coalesce(valid_from, DATE '1900-01-01') AS valid_from,
        coalesce(valid_to, DATE '2999-12-31') AS valid_to
    FROM core_licence
    WHERE site_id IS NOT NULL
),
-- Each party's trade of each lot, by day and side.
trade AS (
    SELECT lot_id, from_site_id AS site_id, to_site_id AS other_site_id, true AS is_sale,
        CAST(coalesce(shipped_at, received_at) AS DATE) AS day, units,
        coalesce(ship_record_id, receive_record_id) AS record_id
    FROM core_movement
    WHERE from_site_id IS NOT NULL AND coalesce(shipped_at, received_at) IS NOT NULL
    UNION ALL
    SELECT lot_id, to_site_id, from_site_id, false,
        CAST(coalesce(received_at, shipped_at) AS DATE), units,
        coalesce(receive_record_id, ship_record_id)
    FROM core_movement
    WHERE to_site_id IS NOT NULL AND coalesce(shipped_at, received_at) IS NOT NULL
),
trade_day AS (
    SELECT
        lot_id, site_id, day,
        bool_or(is_sale) AS is_sale,
        coalesce(sum(units) FILTER (WHERE is_sale), 0) AS sold_units,
        coalesce(sum(units) FILTER (WHERE NOT is_sale), 0) AS bought_units,
        min(other_site_id) AS other_site_id,
        list_distinct(list(record_id)) AS record_ids
    FROM trade
    GROUP BY lot_id, site_id, day
),
trader AS (
    SELECT
        trade_day.site_id,
        lower(trim(site.role)) AS role, upper(trim(site.country)) AS country, site.partner_id,
        bool_or(trade_day.is_sale) AS is_seller
    FROM trade_day
    INNER JOIN core_site AS site ON trade_day.site_id = site.site_id
    WHERE EXISTS (SELECT 1 FROM licence)
    GROUP BY ALL
),
listed AS (
    SELECT site_id, bool_or(true) AS is_listed FROM licence GROUP BY site_id
),
-- What the list covers: how many of those who trade in a role and country it names.
class AS (
    SELECT
        trader.role, trader.country,
        count(*) AS traders,
        count(*) FILTER (WHERE listed.site_id IS NOT NULL) AS listed_traders
    FROM trader
    LEFT JOIN listed ON trader.site_id = listed.site_id
    WHERE trader.role IS NOT NULL AND trader.role <> 'unknown'
    GROUP BY trader.role, trader.country
),
class_start AS (
    SELECT trader.role, trader.country, min(licence.valid_from) AS since
    FROM trader
    INNER JOIN licence ON trader.site_id = licence.site_id
    GROUP BY trader.role, trader.country
),
-- A class too small in one country is judged by its role in all countries.
role_class AS (
    SELECT role, sum(traders) AS traders, sum(listed_traders) AS listed_traders,
        count(*) FILTER (WHERE listed_traders > 0) AS listed_countries
    FROM class
    GROUP BY role
),
seller_class AS (
    SELECT count(*) AS traders, count(listed.site_id) AS listed_traders
    FROM trader
    LEFT JOIN listed ON trader.site_id = listed.site_id
    WHERE trader.is_seller
),
scoped AS (
    SELECT
        trader.*,
        listed.site_id IS NOT NULL AS is_listed,
        -- A list with other words for roles is read as: a licence is a licence.
        coalesce(trader.role IN (SELECT role FROM licence), false) AS is_role_word,
        coalesce(class_start.since, DATE '1900-01-01') AS since,
        coalesce(class.traders, role_class.traders, 0) AS class_traders,
        coalesce(class.listed_traders, 0) AS class_listed,
        CASE
            WHEN trader.role IS NULL OR trader.role = 'unknown' THEN
                CASE
                    WHEN trader.is_seller AND listed.site_id IS NULL
                        AND seller_class.listed_traders >= setting.class_sites
                        AND seller_class.listed_traders
                        >= setting.seller_share * (seller_class.traders - 1) THEN 'unknown_seller'
                END
            WHEN class.listed_traders > 0
                AND (
                    (class.listed_traders - CAST(listed.site_id IS NOT NULL AS INTEGER)
                        >= setting.class_sites
                        AND class.listed_traders - CAST(listed.site_id IS NOT NULL AS INTEGER)
                        >= setting.class_share * (class.traders - 1))
                    OR (listed.site_id IS NOT NULL
                        AND role_class.listed_traders - 1 >= setting.class_sites
                        AND role_class.listed_traders - 1
                        >= setting.class_share * (role_class.traders - 1))
                ) THEN 'covered'
        END AS scope
    FROM trader
    CROSS JOIN setting
    CROSS JOIN seller_class
    LEFT JOIN listed ON trader.site_id = listed.site_id
    LEFT JOIN class
        ON trader.role = class.role AND trader.country IS NOT DISTINCT FROM class.country
    LEFT JOIN class_start
        ON trader.role = class_start.role
        AND trader.country IS NOT DISTINCT FROM class_start.country
    LEFT JOIN role_class ON trader.role = role_class.role
),
-- Days of trade on which the party held no licence of its role.
role_licence AS (
    SELECT site_id, role, valid_from, valid_to FROM licence
),
uncovered AS (
    SELECT
        trade_day.*, scoped.scope, scoped.role, scoped.partner_id, scoped.is_listed,
        scoped.class_traders, scoped.class_listed, scoped.country
    FROM trade_day
    INNER JOIN scoped ON trade_day.site_id = scoped.site_id
    WHERE scoped.scope IS NOT NULL AND trade_day.day >= scoped.since
        AND NOT EXISTS (
            SELECT 1
            FROM role_licence
            WHERE role_licence.site_id = trade_day.site_id
                AND (coalesce(role_licence.role = scoped.role, true) OR NOT scoped.is_role_word)
                AND trade_day.day BETWEEN role_licence.valid_from AND role_licence.valid_to
        )
),
-- B22, one line per uncovered day: the licence before, the one after, another role, a sister site.
tested_day AS (
    SELECT
        uncovered.*,
        (SELECT max(l.valid_to) FROM role_licence AS l
            WHERE l.site_id = uncovered.site_id AND l.valid_to < uncovered.day) AS lapsed_on,
        (SELECT min(l.valid_from) FROM role_licence AS l
            WHERE l.site_id = uncovered.site_id) AS first_licensed_on,
        (SELECT min(l.valid_from) FROM role_licence AS l
            WHERE l.site_id = uncovered.site_id AND l.valid_from > uncovered.day) AS renewed_on,
        EXISTS (
            SELECT 1 FROM role_licence AS l
            WHERE l.site_id = uncovered.site_id
                AND uncovered.day BETWEEN l.valid_from AND l.valid_to
        ) AS has_other_role,
        EXISTS (
            SELECT 1
            FROM role_licence AS l
            INNER JOIN core_site AS sister ON l.site_id = sister.site_id
            WHERE sister.partner_id = uncovered.partner_id AND l.site_id <> uncovered.site_id
                AND coalesce(l.role = uncovered.role, true)
                AND uncovered.day BETWEEN l.valid_from AND l.valid_to
        ) AS has_sister,
        EXISTS (
            SELECT 1 FROM role_licence AS l
            WHERE l.site_id = uncovered.site_id AND l.valid_to < l.valid_from
                AND l.valid_from > uncovered.day
        ) AS is_listed_backwards
    FROM uncovered
),
lapsed_day AS (
    SELECT DISTINCT role, day FROM tested_day WHERE is_listed
),
known AS (
    SELECT trader.role, count(DISTINCT trader.site_id) AS known
    FROM trader
    INNER JOIN licence ON trader.site_id = licence.site_id
    GROUP BY trader.role
),
valid_day AS (
    SELECT lapsed_day.role, lapsed_day.day, count(DISTINCT trader.site_id) AS valid
    FROM lapsed_day
    INNER JOIN trader ON lapsed_day.role = trader.role
    INNER JOIN licence
        ON trader.site_id = licence.site_id
        AND lapsed_day.day BETWEEN licence.valid_from AND licence.valid_to
    GROUP BY lapsed_day.role, lapsed_day.day
),
class_day AS (
    SELECT
        lapsed_day.role, lapsed_day.day, known.known, coalesce(valid_day.valid, 0) AS valid
    FROM lapsed_day
    INNER JOIN known ON lapsed_day.role = known.role
    LEFT JOIN valid_day ON lapsed_day.role = valid_day.role AND lapsed_day.day = valid_day.day
),
-- Suppliers must know whom they supply: listed ones that went on after the lapse.
supplier AS (
    SELECT lapsed.site_id, count(DISTINCT movement.from_site_id) AS suppliers
    FROM (
        SELECT site_id, max(lapsed_on) AS lapsed_on FROM tested_day GROUP BY site_id
    ) AS lapsed
    INNER JOIN core_movement AS movement ON lapsed.site_id = movement.to_site_id
    INNER JOIN listed ON movement.from_site_id = listed.site_id
    INNER JOIN core_site AS site ON movement.from_site_id = site.site_id
        AND site.role IN ('maker', 'contract_packer', 'third_party_logistics', 'wholesaler')
    WHERE CAST(coalesce(movement.shipped_at, movement.received_at) AS DATE) > lapsed.lapsed_on
    GROUP BY lapsed.site_id
),
breadth AS (
    SELECT
        site_id, count(DISTINCT lot_id) AS lots, count(DISTINCT other_site_id) AS partners
    FROM trade
    WHERE site_id IN (SELECT site_id FROM tested_day)
    GROUP BY site_id
),
judged AS (
    SELECT
        tested_day.*,
        breadth.lots AS traded_lots, breadth.partners,
        coalesce(supplier.suppliers, 0) AS suppliers,
        coalesce(
            date_diff('day', tested_day.lapsed_on, tested_day.day) <= setting.lapse_days
            AND date_diff('day', tested_day.first_licensed_on, tested_day.lapsed_on)
            >= setting.held_days
            AND supplier.suppliers > 0
            AND (
                tested_day.role IN ('pharmacy', 'hospital', 'clinic')
                OR (
                    breadth.lots >= setting.wide_lots
                    AND breadth.partners >= setting.wide_partners
                )
            ),
            false
        ) AS is_known_trader,
        date_diff('day', tested_day.lapsed_on, tested_day.renewed_on) AS unlicensed_days,
        round(1 - class_day.valid / class_day.known, 4) AS class_lapsed_share,
        coalesce(
            date_diff('day', tested_day.lapsed_on, tested_day.renewed_on) <= setting.grace_days,
            false
        ) AS is_renewed,
        coalesce(
            class_day.known >= setting.class_sites
            AND class_day.known - class_day.valid - 1
            >= setting.stale_share * (class_day.known - 1),
            false
        ) AS is_stale
    FROM tested_day
    CROSS JOIN setting
    LEFT JOIN supplier ON tested_day.site_id = supplier.site_id
    LEFT JOIN breadth ON tested_day.site_id = breadth.site_id
    LEFT JOIN class_day
        ON tested_day.role = class_day.role AND tested_day.day = class_day.day
        AND tested_day.is_listed
),
grouped AS (
    SELECT
        lot_id, site_id, scope, is_listed,
        is_renewed OR is_stale OR has_other_role OR has_sister OR is_listed_backwards
        AS is_explained,
        arg_min(other_site_id, day) AS other_site_id,
        greatest(sum(sold_units), sum(bought_units)) AS units,
        count(*) AS trade_days,
        min(day) AS first_day,
        max(lapsed_on) AS lapsed_on,
        min(renewed_on) AS renewed_on,
        min(unlicensed_days) AS unlicensed_days,
        max(class_lapsed_share) AS class_lapsed_share,
        bool_and(is_known_trader) AS is_known_trader,
        max(suppliers) AS suppliers,
        max(traded_lots) AS traded_lots,
        max(partners) AS partners,
        bool_or(is_renewed) AS is_renewed,
        bool_or(is_stale) AS is_stale,
        bool_or(has_other_role) AS has_other_role,
        bool_or(has_sister) AS has_sister,
        bool_or(is_listed_backwards) AS is_listed_backwards,
        max(class_traders) AS class_traders,
        max(class_listed) AS class_listed,
        list_sort(list_distinct(flatten(list(record_ids))))[1:50] AS record_ids
    FROM judged
    GROUP BY lot_id, site_id, scope, is_listed,
        is_renewed OR is_stale OR has_other_role OR has_sister OR is_listed_backwards
)
SELECT
    grouped.lot_id,
    CAST(NULL AS BIGINT) AS unit_id,
    CAST(NULL AS BIGINT) AS container_id,
    grouped.site_id,
    grouped.other_site_id,
    CASE
        WHEN grouped.scope <> 'covered' THEN 'S3'
        WHEN grouped.is_known_trader THEN 'S4'
        ELSE 'S1'
    END AS severity,
    CASE WHEN grouped.is_explained THEN 'explained' ELSE 'stands' END AS status,
    CASE WHEN grouped.is_explained THEN 'B22' END AS benign,
    'conflicting' AS history,
    CAST(grouped.units AS DOUBLE) AS units,
    json_object(
        'unlicensed_trade_days', grouped.trade_days,
        'days_since_lapse', date_diff('day', grouped.lapsed_on, grouped.first_day),
        'is_listed', grouped.is_listed,
        'class_traders', grouped.class_traders, 'class_listed', grouped.class_listed
    ) AS observed,
    json_object(
        'unlicensed_trade_days', 0, 'days_since_lapse', 0, 'is_listed', true
    ) AS threshold,
    json_array(json_object(
        'code', 'B22',
        'result', CASE WHEN grouped.is_explained THEN 'supported' ELSE 'ruled_out' END,
        'unlicensed_days', grouped.unlicensed_days,
        'is_renewed', grouped.is_renewed,
        'class_lapsed_share', grouped.class_lapsed_share,
        'is_list_stale', grouped.is_stale,
        'has_other_role', grouped.has_other_role,
        'has_listed_sister_site', grouped.has_sister,
        'has_licence_that_ends_before_it_begins', grouped.is_listed_backwards,
        'listed_suppliers_since_lapse', grouped.suppliers,
        'traded_lots', grouped.traded_lots, 'partners', grouped.partners
    )) AS tests,
    grouped.record_ids
FROM grouped
INNER JOIN core_lot AS lot ON grouped.lot_id = lot.lot_id
WHERE len(grouped.record_ids) > 0
ORDER BY ALL
