-- model:   feat_stay
-- purpose: How long goods stayed at a site between their receipt and their next shipment.
-- grain:   one row per lot, site, record of arriving and record of leaving
-- key:     lot_id, site_id, receive_record_id, ship_record_id
-- parts:   lot
-- reads:   core_custody, core_event, core_lot_key, core_movement
-- columns:
--   lot_id             core_lot
--   site_id            core_site
--   from_site_id       where the goods came from; null where not stated
--   to_site_id         where they went; null where not stated
--   receive_record_id  the arriving
--   ship_record_id     the leaving
--   received_at        UTC
--   shipped_at         UTC
--   stay_h             hours between
--   doubt_h            hours by which the two times together may be wrong
--   units              packs, or quantity of a class
--   is_serialized      packs known by serial
--   is_inferred        nobody scanned the packs at either end, only their container
--   is_return          the goods came or left as a return
-- caveats: Goods without serials are taken to leave with the first shipment of their lot after they
--   came: a lower bound. Lots that nobody named are left out there.
WITH hop AS (
    SELECT
        lot_id, unit_id, hop_no, from_site_id, to_site_id, received_at, receive_record_id,
        is_inferred, is_return,
        lead(from_site_id) OVER life AS next_from_site_id,
        lead(to_site_id) OVER life AS next_to_site_id,
        lead(shipped_at) OVER life AS next_shipped_at,
        lead(ship_record_id) OVER life AS next_ship_record_id,
        lead(is_inferred) OVER life AS next_is_inferred,
        lead(is_return) OVER life AS next_is_return
    FROM core_custody
    WINDOW life AS (PARTITION BY unit_id ORDER BY hop_no)
),
pack_stay AS (
    SELECT
        lot_id, to_site_id AS site_id, min(from_site_id) AS from_site_id,
        min(next_to_site_id) AS to_site_id, receive_record_id,
        next_ship_record_id AS ship_record_id, min(received_at) AS received_at,
        min(next_shipped_at) AS shipped_at, count(*)::DOUBLE AS units, true AS is_serialized,
        bool_and(is_inferred AND next_is_inferred) AS is_inferred,
        bool_or(is_return OR next_is_return) AS is_return
    FROM hop
    WHERE receive_record_id IS NOT NULL AND next_ship_record_id IS NOT NULL
        AND to_site_id = next_from_site_id
    GROUP BY lot_id, to_site_id, receive_record_id, next_ship_record_id
),
class_move AS (
    SELECT m.*, coalesce(m.reason ILIKE '%return%', false) AS is_return
    FROM core_movement AS m
    JOIN core_lot_key AS k ON k.lot_id = m.lot_id
    WHERE NOT m.is_serialized AND k.lot <> '(unstated)'
),
class_in AS (
    SELECT * FROM class_move
    WHERE to_site_id IS NOT NULL AND received_at IS NOT NULL AND receive_record_id IS NOT NULL
),
class_out AS (
    SELECT * FROM class_move
    WHERE from_site_id IS NOT NULL AND shipped_at IS NOT NULL AND ship_record_id IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY lot_id, from_site_id, shipped_at ORDER BY ship_record_id, movement_id) = 1
),
class_stay AS (
    SELECT
        i.lot_id, i.to_site_id AS site_id, i.from_site_id, o.to_site_id, i.receive_record_id,
        o.ship_record_id, i.received_at, o.shipped_at, i.units, false AS is_serialized,
        false AS is_inferred, i.is_return OR o.is_return AS is_return,
        i.is_day_precision OR o.is_day_precision AS is_day_precision
    FROM class_in AS i
    ASOF JOIN class_out AS o
        ON o.lot_id = i.lot_id AND o.from_site_id = i.to_site_id AND o.shipped_at >= i.received_at
),
class_sum AS (
    SELECT
        lot_id, site_id, min(from_site_id) AS from_site_id, min(to_site_id) AS to_site_id,
        receive_record_id, ship_record_id, min(received_at) AS received_at,
        min(shipped_at) AS shipped_at, sum(units) AS units, false AS is_serialized,
        false AS is_inferred, bool_or(is_return) AS is_return,
        bool_or(is_day_precision) AS is_day_precision
    FROM class_stay
    GROUP BY lot_id, site_id, receive_record_id, ship_record_id
),
-- One receipt may hold goods with and without serials of one lot; the serials know better.
stay AS (
    SELECT *, false AS is_day_precision FROM pack_stay
    UNION ALL BY NAME
    SELECT c.*
    FROM class_sum AS c
    ANTI JOIN pack_stay AS p
        ON p.lot_id = c.lot_id AND p.site_id = c.site_id
        AND p.receive_record_id = c.receive_record_id AND p.ship_record_id = c.ship_record_id
)
SELECT
    t.lot_id, t.site_id, t.from_site_id, t.to_site_id, t.receive_record_id, t.ship_record_id,
    t.received_at, t.shipped_at,
    epoch(t.shipped_at - t.received_at) / 3600 AS stay_h,
    CASE
        WHEN t.is_day_precision THEN 24.0
        ELSE (coalesce(r.clock_doubt_min, 5) + coalesce(s.clock_doubt_min, 5)) / 60
    END::DOUBLE AS doubt_h,
    t.units, t.is_serialized, t.is_inferred, t.is_return
FROM stay AS t
LEFT JOIN core_event AS r ON r.record_id = t.receive_record_id
LEFT JOIN core_event AS s ON s.record_id = t.ship_record_id
ORDER BY t.lot_id, t.site_id, t.received_at, t.receive_record_id, t.ship_record_id
