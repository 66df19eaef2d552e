-- model:   graph_lot_cycle
-- purpose: Lots that came back, over one or two other sites, within a year.
-- grain:   one row per lot, site and the sites it went over: the shortest such cycle
-- key:     lot_id, site_id, via_site_id, third_site_id
-- reads:   core_lot_key, core_movement
-- columns:
--   lot_id            core_lot
--   site_id           the site the lot left and came back to
--   via_site_id       the site it went to
--   third_site_id     the site it came back from; via_site_id where the cycle has two legs
--   left_at           UTC, leaving site_id
--   back_at           UTC, arriving there again
--   days              days between
--   leg_count         2 or 3
--   cycle_count       times the lot closed this cycle
--   units             goods that came back
--   is_return         the way back is stated as a return
--   left_record_id    record of the leaving
--   back_record_id    record of the coming back
-- caveats: Follows the lot, not the pack: other packs of it may have taken the way back. Lots that
--   nobody named are left out: their goods are not known to be the same. Each leg begins after the
--   one before it arrived.
WITH leg AS (
    SELECT
        m.lot_id, m.from_site_id, m.to_site_id,
        coalesce(m.shipped_at, m.received_at) AS left_at,
        coalesce(m.received_at, m.shipped_at) AS came_at,
        m.units, coalesce(m.reason ILIKE '%return%', false) AS is_return,
        coalesce(m.ship_record_id, m.receive_record_id) AS left_record_id,
        coalesce(m.receive_record_id, m.ship_record_id) AS came_record_id
    FROM core_movement m
    JOIN core_lot_key k ON k.lot_id = m.lot_id
    WHERE m.from_site_id <> m.to_site_id AND coalesce(m.shipped_at, m.received_at) IS NOT NULL
        AND k.lot <> '(unstated)'
),
-- One leg a moment, so that what follows does not depend on the order of equals.
moment AS (
    SELECT
        lot_id, from_site_id, to_site_id, left_at, came_at, sum(units) AS units,
        bool_and(is_return) AS is_return, min(left_record_id) AS left_record_id,
        min(came_record_id) AS came_record_id
    FROM leg
    GROUP BY lot_id, from_site_id, to_site_id, left_at, came_at
),
arrival AS (
    SELECT
        lot_id, from_site_id, to_site_id, came_at, max(left_at) AS left_at,
        arg_max(left_record_id, left_at) AS left_record_id
    FROM moment
    GROUP BY lot_id, from_site_id, to_site_id, came_at
),
edge AS (
    SELECT DISTINCT lot_id, from_site_id, to_site_id FROM moment
),
two AS (
    SELECT
        back.lot_id, back.to_site_id AS site_id, back.from_site_id AS via_site_id,
        back.from_site_id AS third_site_id, gone.left_at, back.came_at AS back_at, 2 AS leg_count,
        back.units, back.is_return, gone.left_record_id, back.came_record_id AS back_record_id
    FROM moment back
    ASOF JOIN arrival gone
        ON gone.lot_id = back.lot_id AND gone.from_site_id = back.to_site_id
        AND gone.to_site_id = back.from_site_id AND gone.came_at <= back.left_at
),
triangle AS (
    SELECT
        a.lot_id, a.from_site_id AS site_id, a.to_site_id AS via_site_id,
        b.to_site_id AS third_site_id
    FROM edge a
    JOIN edge b ON b.lot_id = a.lot_id AND b.from_site_id = a.to_site_id
    JOIN edge c
        ON c.lot_id = a.lot_id AND c.from_site_id = b.to_site_id AND c.to_site_id = a.from_site_id
    WHERE a.from_site_id <> b.to_site_id
),
homeward AS (
    SELECT
        t.lot_id, t.site_id, t.via_site_id, t.third_site_id, back.left_at AS back_left_at,
        back.came_at AS back_at, back.units, back.is_return, back.came_record_id AS back_record_id
    FROM triangle t
    JOIN moment back ON back.lot_id = t.lot_id AND back.from_site_id = t.third_site_id
        AND back.to_site_id = t.site_id
),
midway AS (
    SELECT h.*, mid.left_at AS mid_left_at
    FROM homeward h
    ASOF JOIN arrival mid
        ON mid.lot_id = h.lot_id AND mid.from_site_id = h.via_site_id
        AND mid.to_site_id = h.third_site_id AND mid.came_at <= h.back_left_at
),
three AS (
    SELECT
        h.lot_id, h.site_id, h.via_site_id, h.third_site_id, gone.left_at, h.back_at,
        3 AS leg_count, h.units, h.is_return, gone.left_record_id, h.back_record_id
    FROM midway h
    ASOF JOIN arrival gone
        ON gone.lot_id = h.lot_id AND gone.from_site_id = h.site_id
        AND gone.to_site_id = h.via_site_id AND gone.came_at <= h.mid_left_at
),
cycle AS (
    SELECT *, epoch_us(back_at - left_at) / 8.64e10 AS days
    FROM (FROM two UNION ALL BY NAME FROM three)
)
SELECT
    lot_id, site_id, via_site_id, third_site_id, left_at, back_at, days, leg_count,
    count(*) OVER path AS cycle_count,
    units, is_return, left_record_id, back_record_id
FROM cycle
WHERE days <= 365
WINDOW path AS (PARTITION BY lot_id, site_id, via_site_id, third_site_id)
QUALIFY row_number() OVER (
    PARTITION BY lot_id, site_id, via_site_id, third_site_id
    ORDER BY is_return, days, back_at, back_record_id) = 1
ORDER BY lot_id, site_id, via_site_id, third_site_id
