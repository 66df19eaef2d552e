-- model:   feat_trajectory_step
-- purpose: The events of each distinct trajectory, from one to the next, and how many lots go on so.
-- grain:   one row per trajectory and event of its example
-- key:     trajectory_id, ord
-- reads:   core_item_event, core_site, feat_lot_trajectory
-- columns:
--   trajectory_id  feat_lot_trajectory
--   ord            core_event
--   from_role      role of the site of the event before; start where there is none
--   from_step      its step
--   to_role        role of the site of the event
--   to_step        its step
--   is_move        the two sites differ
--   is_after_end   the pack had been sold, destroyed or retired
--   is_terminal    it is now
--   gap_h          hours between; null where there is no event before
--   gap            the same in classes: 0 (under a day), 1 (a week), 2 (30 days), 3 (90), 4
--   lots           distinct lots of which a pack goes on so
--   surprise       -ln of the share of lots that go on so, of those of which a pack was at such a
--                  step, the lot itself half counted: its packs are no witnesses for each other
-- caveats: Roles are those stated; sites of unknown role are one role.
WITH step AS (
    SELECT
        i.unit_id AS trajectory_id, i.ord,
        CASE WHEN i.prev_record_id IS NULL THEN 'start' ELSE coalesce(f.role, 'unknown') END
            AS from_role,
        coalesce(i.prev_step, '') AS from_step,
        coalesce(t.role, 'unknown') AS to_role,
        coalesce(i.step, '') AS to_step,
        coalesce(i.site_id <> i.prev_site_id, false) AS is_move,
        i.terminal_before > 0 AS is_after_end,
        i.is_terminal,
        epoch_us(i.event_at - i.prev_at) / 3.6e9 AS gap_h,
        CASE
            WHEN i.prev_at IS NULL OR i.event_at < i.prev_at + INTERVAL 1 DAY THEN 0
            WHEN i.event_at < i.prev_at + INTERVAL 7 DAY THEN 1
            WHEN i.event_at < i.prev_at + INTERVAL 30 DAY THEN 2
            WHEN i.event_at < i.prev_at + INTERVAL 90 DAY THEN 3
            ELSE 4
        END AS gap
    FROM core_item_event i
    SEMI JOIN feat_lot_trajectory ON feat_lot_trajectory.trajectory_id = i.unit_id
    LEFT JOIN core_site f ON f.site_id = i.prev_site_id
    LEFT JOIN core_site t ON t.site_id = i.site_id
),
shown AS (
    SELECT DISTINCT
        l.lot_id, s.from_role, s.from_step, s.to_role, s.to_step, s.is_move, s.is_after_end, s.gap
    FROM step s
    JOIN feat_lot_trajectory l ON l.trajectory_id = s.trajectory_id
),
witness AS (
    SELECT from_role, from_step, count(DISTINCT lot_id) AS lots
    FROM shown
    GROUP BY from_role, from_step
),
change AS (
    SELECT from_role, from_step, to_role, to_step, is_move, is_after_end, gap, count(*) AS lots
    FROM shown
    GROUP BY from_role, from_step, to_role, to_step, is_move, is_after_end, gap
)
SELECT
    s.trajectory_id, s.ord, s.from_role, s.from_step, s.to_role, s.to_step, s.is_move,
    s.is_after_end, s.is_terminal, s.gap_h, s.gap, c.lots,
    -ln((c.lots - 0.5) / w.lots) AS surprise
FROM step s
JOIN change c ON c.from_role = s.from_role AND c.from_step = s.from_step
    AND c.to_role = s.to_role AND c.to_step = s.to_step AND c.is_move = s.is_move
    AND c.is_after_end = s.is_after_end AND c.gap = s.gap
JOIN witness w ON w.from_role = s.from_role AND w.from_step = s.from_step
ORDER BY s.trajectory_id, s.ord
