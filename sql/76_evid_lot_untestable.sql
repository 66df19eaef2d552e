-- model:   evid_lot_untestable
-- purpose: The patterns that nothing in the data could have answered for a lot, and what is missing.
-- grain:   one row per lot and pattern that lacks what it rests on
-- key:     lot_id, pattern
-- reads:   core_event, core_item_event, core_licence, core_link, core_lot, core_movement,
--   core_sensor, core_site, core_theft, stg_lot_master, stg_recall, stg_verification
-- columns:
--   lot_id   core_lot
--   gtin     GTIN-14 of the lot
--   lot      lot as stated
--   pattern  P01 to P40
--   missing  licences, thefts, recalls, lot_master, verifications, places (on the map), serials,
--            expiry, markets, prices, readings (of temperature), containers, transformations
-- caveats: What is here may still not suffice: then the pattern itself raises a data gap. Patterns
--   that rest on events or movements alone are never in here.
WITH needed(pattern, thing) AS (
    VALUES
        ('P01', 'places'), ('P01', 'serials'), ('P02', 'serials'), ('P03', 'serials'),
        ('P04', 'serials'), ('P05', 'serials'), ('P06', 'verifications'), ('P07', 'serials'),
        ('P08', 'expiry'), ('P09', 'lot_master'), ('P10', 'expiry'), ('P11', 'serials'),
        ('P12', 'serials'), ('P13', 'serials'), ('P14', 'expiry'), ('P15', 'recalls'),
        ('P16', 'thefts'), ('P19', 'serials'), ('P23', 'containers'), ('P24', 'containers'),
        ('P25', 'transformations'), ('P26', 'licences'), ('P34', 'markets'), ('P35', 'prices'),
        ('P37', 'readings'), ('P38', 'verifications')
),
everywhere AS (
    SELECT 'licences' AS thing WHERE EXISTS (SELECT 1 FROM core_licence)
    UNION ALL
    SELECT 'thefts' WHERE EXISTS (SELECT 1 FROM core_theft)
    UNION ALL
    SELECT 'recalls'
    WHERE EXISTS (SELECT 1 FROM stg_recall)
        OR EXISTS (SELECT 1 FROM core_event WHERE disposition = 'recalled')
    UNION ALL
    SELECT 'lot_master' WHERE EXISTS (SELECT 1 FROM stg_lot_master)
    UNION ALL
    SELECT 'verifications' WHERE EXISTS (SELECT 1 FROM stg_verification)
    UNION ALL
    SELECT 'places' WHERE EXISTS (SELECT 1 FROM core_site WHERE latitude IS NOT NULL)
    UNION ALL
    SELECT 'containers' WHERE EXISTS (SELECT 1 FROM core_link)
    UNION ALL
    SELECT 'transformations'
    WHERE EXISTS (SELECT 1 FROM core_event WHERE event_type = 'TransformationEvent')
),
priced AS (
    SELECT DISTINCT gtin FROM core_movement WHERE unit_price IS NOT NULL
),
read_out AS (
    SELECT DISTINCT item.lot_id
    FROM core_item_event AS item
    SEMI JOIN core_sensor AS sensor ON sensor.record_id = item.record_id
),
own AS (
    SELECT lot_id, 'serials' AS thing FROM core_lot
    WHERE coalesce(observed_units, 0) + coalesce(commissioned_units, 0) > 0
    UNION ALL
    SELECT lot_id, 'expiry' FROM core_lot WHERE expiry IS NOT NULL
    UNION ALL
    SELECT lot_id, 'markets' FROM core_lot WHERE len(markets) > 0
    UNION ALL
    SELECT core_lot.lot_id, 'prices' FROM core_lot SEMI JOIN priced ON priced.gtin = core_lot.gtin
    UNION ALL
    SELECT lot_id, 'readings' FROM read_out
)
SELECT
    core_lot.lot_id, core_lot.gtin, core_lot.lot, needed.pattern, min(needed.thing) AS missing
FROM core_lot
CROSS JOIN needed
ANTI JOIN everywhere ON everywhere.thing = needed.thing
ANTI JOIN own ON own.lot_id = core_lot.lot_id AND own.thing = needed.thing
GROUP BY core_lot.lot_id, core_lot.gtin, core_lot.lot, needed.pattern
ORDER BY core_lot.lot_id, needed.pattern
