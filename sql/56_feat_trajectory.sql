-- model:   feat_trajectory
-- purpose: What each distinct way of a pack looks like in numbers: the detectors' input.
-- grain:   one row per trajectory
-- key:     trajectory_id
-- reads:   feat_lot_trajectory, feat_trajectory_step
-- columns:
--   trajectory_id  core_unit.unit_id of its example
--   packs          packs that went this way
--   lots           lots they are of: witnesses that do not depend on each other
--   events         of the example
--   moves          changes of site: resold goods make many
--   roles          distinct roles of the sites
--   ends           times it was sold, destroyed or retired: a copied serial ends twice
--   after_end      events after an end
--   blind_moves    changes of site without a shipment before and a receipt after
--   span_class     sum of the classes of the times between (0 to 4 each): slow ways
--   gap_max        longest class of time between
--   surprise_max   rarest step, -ln of the share of lots that go on so
--   surprise_mean  mean over its steps
--   is_born        1: its life begins with commissioning
--   path           roles of the places in order, each with the steps done there
-- caveats: Times count in classes, so that ways differ where it matters. The path is the example's.
WITH place AS (
    SELECT
        *,
        is_move OR from_role = 'start' AS is_first,
        sum((is_move OR from_role = 'start')::INTEGER) OVER (
            PARTITION BY trajectory_id ORDER BY ord
        ) AS stop_no
    FROM feat_trajectory_step
),
stop AS (
    SELECT
        trajectory_id, stop_no,
        any_value(to_role ORDER BY ord) || ' (' || string_agg(DISTINCT nullif(to_step, ''), ', '
            ORDER BY nullif(to_step, '')) || ')' AS text
    FROM place
    GROUP BY trajectory_id, stop_no
),
path AS (
    SELECT trajectory_id, string_agg(text, ' > ' ORDER BY stop_no) AS path
    FROM stop
    GROUP BY trajectory_id
),
weight AS (
    SELECT trajectory_id, sum(packs)::BIGINT AS packs, count(*) AS lots
    FROM feat_lot_trajectory
    GROUP BY trajectory_id
)
SELECT
    s.trajectory_id, any_value(w.packs) AS packs, any_value(w.lots) AS lots,
    count(*) AS events,
    count(*) FILTER (WHERE s.is_move) AS moves,
    count(DISTINCT s.to_role) AS roles,
    count(*) FILTER (WHERE s.is_terminal) AS ends,
    count(*) FILTER (WHERE s.is_after_end) AS after_end,
    count(*) FILTER (
        WHERE s.is_move AND (s.from_step <> 'shipping' OR s.to_step <> 'receiving')
    ) AS blind_moves,
    sum(s.gap)::BIGINT AS span_class,
    max(s.gap) AS gap_max,
    max(s.surprise) AS surprise_max,
    avg(s.surprise::DECIMAL(18, 9)) AS surprise_mean,
    bool_or(s.from_role = 'start' AND s.to_step = 'commissioning')::INTEGER AS is_born,
    any_value(p.path) AS path
FROM feat_trajectory_step s
JOIN weight w ON w.trajectory_id = s.trajectory_id
JOIN path p ON p.trajectory_id = s.trajectory_id
GROUP BY s.trajectory_id
ORDER BY s.trajectory_id
