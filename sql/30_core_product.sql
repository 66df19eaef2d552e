-- model:   core_product
-- purpose: The products that any source names, as their owners' lists describe them.
-- grain:   one row per GTIN
-- key:     gtin
-- reads:   raw_identifier, raw_master_data, raw_product_master, stg_lot_master, stg_recall,
--          stg_shipment, stg_theft_notice, stg_verification
-- columns:
--   gtin             GTIN-14
--   name             as stated
--   shelf_life_days  days from manufacture to expiry
--   markets          countries the product is licensed for; null: not stated
--   storage          as stated
--   is_high_risk     its owner calls it a target of counterfeiters
--   is_synthetic     the source has no GTIN; ours is an in-house number
--   ndc              US National Drug Code as stated
-- caveats: The last landed row of a product list wins; EPCIS master data fills what it leaves open.
WITH listed AS (
    SELECT gtin, name, shelf_life_days, markets, storage, high_risk, is_synthetic
    FROM raw_product_master
    QUALIFY row_number() OVER (PARTITION BY gtin ORDER BY record_id DESC) = 1
),
described AS (
    SELECT i.gtin, lower(m.attribute) AS attribute, m.value
    FROM raw_master_data m
    JOIN raw_identifier i ON i.text_id = m.subject
    WHERE i.gtin IS NOT NULL AND trim(m.value) <> ''
    QUALIFY row_number() OVER (
        PARTITION BY i.gtin, lower(m.attribute) ORDER BY m.record_id DESC, m.value) = 1
),
master AS (
    SELECT
        gtin,
        coalesce(
            max(value) FILTER (WHERE attribute = 'regulatedproductname'),
            max(value) FILTER (WHERE attribute = 'functionalname'),
            max(value) FILTER (WHERE attribute = 'tradeitemdescription'),
            max(value) FILTER (WHERE attribute = 'descriptionshort'),
            max(value) FILTER (WHERE attribute = 'name')
        ) AS name,
        CASE
            WHEN max(value) FILTER (WHERE attribute = 'additionaltradeitemidentificationtypecode')
                ILIKE '%NDC%'
                THEN max(value) FILTER (WHERE attribute = 'additionaltradeitemidentification')
        END AS ndc
    FROM described
    GROUP BY gtin
),
seen AS (
    SELECT gtin FROM raw_identifier
    UNION SELECT gtin FROM raw_product_master
    UNION SELECT gtin FROM stg_lot_master
    UNION SELECT gtin FROM stg_shipment
    UNION SELECT gtin FROM stg_verification
    UNION SELECT gtin FROM stg_recall
    UNION SELECT gtin FROM stg_theft_notice
)
SELECT
    s.gtin, coalesce(l.name, m.name) AS name, l.shelf_life_days,
    if(len(l.markets) > 0, l.markets, NULL) AS markets,
    l.storage,
    coalesce(l.high_risk, false) AS is_high_risk,
    coalesce(l.is_synthetic, false) AS is_synthetic,
    m.ndc
FROM seen s
LEFT JOIN listed l ON l.gtin = s.gtin
LEFT JOIN master m ON m.gtin = s.gtin
WHERE s.gtin <> ''
