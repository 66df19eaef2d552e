-- model:   P10_shelf_life_excess
-- purpose: A lot whose expiry lies further from its manufacture than the product keeps.
-- grain:   one row per lot
-- key:     none
-- pattern: P10
-- family:  identity
-- definition: expiry date minus manufacture date exceeds the registered shelf life by more than the
--   tolerance of a month
-- guard:   expiry, manufacture date and the product's shelf life must all be stated; else silent.
--   The tolerance is longer than any way of writing the day of a month (B16)
-- severity: S1
-- benign:  B17, B18
-- source:  Defitelio 2023, Panama 2006; typology P10
-- reads:   core_event, core_item_event, core_lot, core_product, raw_setting, stg_lot_master,
--   stg_product_master, stg_verification
-- columns: as in find_finding's pattern shape
-- caveats: The product list states the shelf life of one presentation; others of the GTIN may differ.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P10.tolerance_days') AS tolerance_days,
        max(value) FILTER (WHERE name = 'P10.master_lots') AS master_lots,
        max(value) FILTER (WHERE name = 'P10.master_share') AS master_share
    FROM raw_setting
),
dated AS (
    SELECT
        lot.lot_id, lot.gtin, lot.lot, lot.expiry, lot.made_on, product.shelf_life_days,
        greatest(lot.commissioned_units, lot.observed_units, lot.class_units)::DOUBLE AS units,
        date_diff('day', lot.made_on, lot.expiry) - product.shelf_life_days AS excess_days
    FROM core_lot AS lot
    JOIN core_product AS product ON product.gtin = lot.gtin
    WHERE lot.expiry IS NOT NULL AND lot.made_on IS NOT NULL
        AND product.shelf_life_days IS NOT NULL AND lot.lot <> '(unstated)'
),
product AS (
    SELECT
        gtin, count(*) AS lots,
        count(*) FILTER (WHERE excess_days > setting.tolerance_days) AS excess_lots
    FROM dated
    CROSS JOIN setting
    GROUP BY gtin
),
extended AS (
    SELECT gtin, lot, count(*) AS answers
    FROM stg_verification
    WHERE answer_code = 'ExpirationExtended'
    GROUP BY gtin, lot
),
cited AS (
    SELECT dated.lot_id, listed.record_id
    FROM dated
    JOIN stg_lot_master AS listed ON listed.gtin = dated.gtin AND listed.lot = dated.lot
    UNION ALL
    SELECT dated.lot_id, listed.record_id
    FROM dated
    JOIN stg_product_master AS listed ON listed.gtin = dated.gtin
    WHERE listed.shelf_life_days IS NOT NULL
    UNION ALL
    SELECT dated.lot_id, min(event.record_id)
    FROM dated
    CROSS JOIN setting
    JOIN core_item_event AS item ON item.lot_id = dated.lot_id AND item.is_birth
    JOIN core_event AS event ON event.record_id = item.record_id
    WHERE dated.excess_days > setting.tolerance_days
        AND (event.expiry IS NOT NULL OR event.made_on IS NOT NULL)
    GROUP BY dated.lot_id
),
tested AS (
    SELECT
        dated.*, setting.tolerance_days, product.lots, product.excess_lots,
        coalesce(extended.answers, 0) AS extended_answers,
        CASE
            WHEN coalesce(extended.answers, 0) > 0 THEN 'supported' ELSE 'ruled_out'
        END AS b17,
        CASE
            WHEN product.excess_lots >= setting.master_lots
                AND product.excess_lots >= setting.master_share * product.lots THEN 'supported'
            WHEN product.lots < setting.master_lots THEN 'not_testable'
            ELSE 'ruled_out'
        END AS b18
    FROM dated
    CROSS JOIN setting
    JOIN product ON product.gtin = dated.gtin
    LEFT JOIN extended ON extended.gtin = dated.gtin AND extended.lot = dated.lot
    WHERE dated.excess_days > setting.tolerance_days
)
SELECT
    tested.lot_id::INTEGER AS lot_id,
    NULL::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    NULL::INTEGER AS site_id,
    NULL::INTEGER AS other_site_id,
    'S1' AS severity,
    CASE WHEN 'supported' IN (b17, b18) THEN 'explained' ELSE 'stands' END AS status,
    CASE WHEN b17 = 'supported' THEN 'B17' WHEN b18 = 'supported' THEN 'B18' END AS benign,
    'conflicting' AS history,
    units,
    to_json({
        'excess_days': excess_days, 'expiry': expiry::VARCHAR, 'made_on': made_on::VARCHAR
    }) AS observed,
    to_json({'excess_days': tolerance_days, 'shelf_life_days': shelf_life_days}) AS threshold,
    to_json([
        -- The tolerance is longer than any way of writing a month's day.
        to_json({'code': 'B16', 'result': 'ruled_out', 'excess_days': excess_days}),
        to_json({'code': 'B17', 'result': b17, 'answers_extended': extended_answers}),
        to_json({'code': 'B18', 'result': b18, 'excess_lots': excess_lots, 'lots': lots})
    ])::JSON AS tests,
    (
        SELECT list_sort(list(DISTINCT cited.record_id))[:50]
        FROM cited
        WHERE cited.lot_id = tested.lot_id
    ) AS record_ids
FROM tested
ORDER BY lot_id
