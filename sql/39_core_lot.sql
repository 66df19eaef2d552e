-- model:   core_lot
-- purpose: Every lot that any record names, with what is stated and what was seen of it.
-- grain:   one row per GTIN and lot
-- key:     lot_id
-- reads:   core_event, core_item_event, core_lot_key, core_movement, core_observation,
--          core_product, core_unit, stg_event_item, stg_lot_master, stg_verification
-- columns:
--   lot_id               core_lot_key
--   gtin                 GTIN-14
--   lot                  as stated; '(unstated)' for goods whose lot nobody stated
--   expiry               lot master, else the earliest stated at commissioning, else in any event
--   expiry_count         distinct expiry days stated by lot master, events and verifications
--   made_on              day of manufacture: lot master, else events
--   markets              countries the lot was made for, else those of the product; null: not
--                        stated
--   stated_quantity      units made, by the lot master
--   commissioned_units   packs whose birth is in the data
--   observed_units       packs seen after or without their birth, by event or verification
--   class_units          quantities without serials: the most that one site received or shipped
--   coverage             commissioned_units or class_made_units / stated_quantity; null: not known
--   is_covered           coverage of at least 0.99
--   maker_site_id        the site where most packs of the lot were commissioned
--   first_at             UTC, first record that names goods of the lot
--   last_at              UTC, last such record
--   class_made_units     quantities commissioned without serials; null: none
--   is_in_master         the lot master names it
--   event_expiry_count   distinct expiry days stated by lot master and events only
-- caveats: class_units counts goods once per site, so it is a lower bound of what is about.
WITH master AS (
    SELECT
        gtin, lot,
        arg_max(expiry, record_id) AS expiry,
        arg_max(manufactured, record_id) AS made_on,
        arg_max(quantity, record_id) AS quantity,
        arg_max(markets, record_id) FILTER (WHERE len(markets) > 0) AS markets
    FROM stg_lot_master
    GROUP BY gtin, lot
),
-- Which events state something about which lot: those listing its packs or its class.
naming AS (
    SELECT DISTINCT i.lot_id, i.ord
    FROM core_item_event i
    WHERE NOT i.is_inferred AND i.is_birth
    UNION
    SELECT DISTINCT i.lot_id, i.ord
    FROM core_item_event i
    JOIN core_event e ON e.ord = i.ord
    WHERE NOT i.is_inferred AND (e.expiry IS NOT NULL OR e.made_on IS NOT NULL)
    UNION
    SELECT k.lot_id, e.ord
    FROM stg_event_item i
    JOIN core_event e ON e.record_id = i.record_id
    JOIN core_lot_key k ON k.gtin = i.gtin AND k.lot = coalesce(i.lot, e.lot, '(unstated)')
    WHERE i.is_class
),
event_said AS (
    SELECT
        n.lot_id,
        coalesce(min(e.expiry) FILTER (WHERE e.is_birth), min(e.expiry)) AS expiry,
        coalesce(min(e.made_on) FILTER (WHERE e.is_birth), min(e.made_on)) AS made_on,
        min(e.event_at) AS first_at, max(e.event_at) AS last_at
    FROM naming n
    JOIN core_event e ON e.ord = n.ord
    GROUP BY n.lot_id
),
expiry_said AS (
    SELECT k.lot_id, m.expiry, true AS is_asserted
    FROM stg_lot_master m
    JOIN core_lot_key k ON k.gtin = m.gtin AND k.lot = m.lot
    UNION
    SELECT n.lot_id, e.expiry, true FROM naming n JOIN core_event e ON e.ord = n.ord
    UNION
    SELECT k.lot_id, v.expiry, false
    FROM stg_verification v
    JOIN core_lot_key k ON k.gtin = v.gtin AND k.lot = v.lot
),
expiries AS (
    SELECT
        lot_id, count(DISTINCT expiry) AS expiry_count,
        count(DISTINCT expiry) FILTER (WHERE is_asserted) AS event_expiry_count
    FROM expiry_said
    GROUP BY lot_id
),
born AS (
    SELECT lot_id, count(*) FILTER (WHERE is_commissioned) AS commissioned_units
    FROM core_unit
    GROUP BY lot_id
),
maker AS (
    SELECT lot_id, commissioned_site_id AS site_id
    FROM core_unit
    WHERE commissioned_site_id IS NOT NULL
    GROUP BY lot_id, commissioned_site_id
    QUALIFY row_number() OVER (
        PARTITION BY lot_id ORDER BY count(*) DESC, commissioned_site_id) = 1
),
class_made AS (
    SELECT k.lot_id, sum(i.quantity) AS units, min(e.site_id) AS site_id
    FROM stg_event_item i
    JOIN core_event e ON e.record_id = i.record_id
    JOIN core_lot_key k ON k.gtin = i.gtin AND k.lot = coalesce(i.lot, e.lot, '(unstated)')
    WHERE i.is_class AND i.role IN ('epc', 'output') AND e.is_birth
        AND (e.event_type <> 'TransformationEvent' OR i.role = 'output')
        AND i.uom IS NULL
    GROUP BY k.lot_id
),
seen_after AS (
    SELECT unit_id FROM core_item_event WHERE NOT is_birth
    UNION
    SELECT unit_id FROM core_observation WHERE kind = 'verification'
),
observed AS (
    SELECT u.lot_id, count(*) AS units
    FROM seen_after s
    JOIN core_unit u ON u.unit_id = s.unit_id
    GROUP BY u.lot_id
),
passed AS (
    SELECT lot_id, to_site_id AS site_id, 'in' AS direction, sum(units) AS units
    FROM core_movement
    WHERE NOT is_serialized AND uom IS NULL AND to_site_id IS NOT NULL
    GROUP BY ALL
    UNION ALL
    SELECT lot_id, from_site_id, 'out', sum(units)
    FROM core_movement
    WHERE NOT is_serialized AND uom IS NULL AND from_site_id IS NOT NULL
    GROUP BY ALL
),
class_moved AS (
    SELECT lot_id, max(units) AS units FROM passed GROUP BY lot_id
),
dated AS (
    SELECT lot_id, min(event_at) AS first_at, max(event_at) AS last_at
    FROM core_item_event GROUP BY lot_id
    UNION ALL
    SELECT lot_id, min(observed_at), max(observed_at)
    FROM core_observation WHERE kind = 'verification' GROUP BY lot_id
    UNION ALL
    SELECT lot_id, min(coalesce(shipped_at, received_at)), max(coalesce(received_at, shipped_at))
    FROM core_movement GROUP BY lot_id
    UNION ALL
    SELECT lot_id, first_at, last_at FROM event_said
    UNION ALL
    SELECT k.lot_id, min(v.requested_at), max(v.requested_at)
    FROM stg_verification v
    JOIN core_lot_key k ON k.gtin = v.gtin AND k.lot = v.lot
    GROUP BY k.lot_id
),
span AS (
    SELECT lot_id, min(first_at) AS first_at, max(last_at) AS last_at FROM dated GROUP BY lot_id
),
counted AS (
    SELECT
        k.lot_id, k.gtin, k.lot, m.lot IS NOT NULL AS is_in_master,
        coalesce(m.expiry, e.expiry) AS expiry, coalesce(m.made_on, e.made_on) AS made_on,
        coalesce(m.markets, p.markets) AS markets, m.quantity AS stated_quantity,
        coalesce(b.commissioned_units, 0) AS commissioned_units,
        coalesce(o.units, 0) AS observed_units,
        c.units AS class_made_units, cm.units AS class_units,
        coalesce(mk.site_id, c.site_id) AS maker_site_id,
        coalesce(x.expiry_count, 0) AS expiry_count,
        coalesce(x.event_expiry_count, 0) AS event_expiry_count,
        s.first_at, s.last_at
    FROM core_lot_key k
    LEFT JOIN master m ON m.gtin = k.gtin AND m.lot = k.lot
    LEFT JOIN core_product p ON p.gtin = k.gtin
    LEFT JOIN event_said e ON e.lot_id = k.lot_id
    LEFT JOIN expiries x ON x.lot_id = k.lot_id
    LEFT JOIN born b ON b.lot_id = k.lot_id
    LEFT JOIN maker mk ON mk.lot_id = k.lot_id
    LEFT JOIN class_made c ON c.lot_id = k.lot_id
    LEFT JOIN class_moved cm ON cm.lot_id = k.lot_id
    LEFT JOIN observed o ON o.lot_id = k.lot_id
    LEFT JOIN span s ON s.lot_id = k.lot_id
),
covered AS (
    SELECT
        *,
        if(
            stated_quantity > 0,
            (commissioned_units + coalesce(class_made_units, 0)) / stated_quantity,
            NULL
        ) AS coverage
    FROM counted
)
SELECT
    lot_id, gtin, lot, expiry, expiry_count, made_on, markets, stated_quantity,
    commissioned_units, observed_units, coalesce(class_units, 0) AS class_units, coverage,
    coalesce(coverage >= 0.99, false) AS is_covered, maker_site_id, first_at, last_at,
    class_made_units, is_in_master, event_expiry_count
FROM covered
