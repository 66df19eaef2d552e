-- model:   feat_lot_trajectory
-- purpose: Packs that went the same way, collapsed, so that what follows costs what variety costs.
-- grain:   one row per lot and trajectory
-- key:     lot_id, trajectory_id
-- reads:   core_item_event, core_site
-- columns:
--   lot_id         core_lot
--   trajectory_id  core_unit.unit_id of the first pack that went this way: its example
--   packs          packs of the lot that did
-- caveats: A way is what a pack's events are, from one to the next: roles of the sites, steps,
--   whether it moved, whether its life had ended, and the time between in classes of a day, a week,
--   a month, a quarter and longer. The same changes in another order count as the same way.
WITH way AS (
    SELECT
        i.unit_id, i.lot_id, count(*) AS events,
        sum(hash(
            CASE WHEN i.prev_record_id IS NULL THEN 'start' ELSE coalesce(f.role, 'unknown') END,
            i.prev_step, coalesce(t.role, 'unknown'), i.step,
            coalesce(i.site_id <> i.prev_site_id, false), i.terminal_before > 0,
            i.event_at < i.prev_at + INTERVAL 1 DAY, i.event_at < i.prev_at + INTERVAL 7 DAY,
            i.event_at < i.prev_at + INTERVAL 30 DAY, i.event_at < i.prev_at + INTERVAL 90 DAY
        )::HUGEINT) AS fingerprint
    FROM core_item_event i
    LEFT JOIN core_site f ON f.site_id = i.prev_site_id
    LEFT JOIN core_site t ON t.site_id = i.site_id
    GROUP BY i.unit_id, i.lot_id
),
of_lot AS (
    SELECT lot_id, events, fingerprint, min(unit_id) AS unit_id, count(*) AS packs
    FROM way
    GROUP BY lot_id, events, fingerprint
)
SELECT
    lot_id, min(unit_id) OVER (PARTITION BY events, fingerprint) AS trajectory_id, packs
FROM of_lot
ORDER BY lot_id, trajectory_id
