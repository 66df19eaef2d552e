-- model:   core_container_event
-- purpose: The events of each container, those of the containers around it included.
-- grain:   one row per container and event it took part in
-- key:     container_id, ord
-- reads:   core_container, core_event, core_link, stg_mention
-- columns:
--   container_id   core_container
--   ord            core_event
--   record_id      of the event
--   event_at       UTC
--   site_id        where
--   is_inferred    named only through a container around it
--   depth          containers between: 0 where named itself
--   moves_content  what happens here happens to the content
--   fill_no        filling during the event; null where it was empty. An event that empties it
--                  belongs to the filling it ends, one that fills it to none before
-- caveats: Followed through at most six containers; a container inside itself gives nothing new.
WITH RECURSIVE fill AS (
    SELECT
        parent_id AS container_id, fill_no, min(open_ord) AS open_ord, max(close_ord) AS close_ord
    FROM core_link
    GROUP BY parent_id, fill_no
),
inner_link AS (
    SELECT child_id, parent_id, fill_no, open_ord, close_ord
    FROM core_link
    SEMI JOIN core_container ON container_id = child_id
),
-- The fillings of a container while it was itself inside another.
nest AS (
    SELECT
        l.child_id, f.fill_no AS child_fill_no, l.parent_id, l.fill_no,
        greatest(l.open_ord, f.open_ord) AS open_ord, least(l.close_ord, f.close_ord) AS close_ord
    FROM inner_link l
    JOIN fill f ON f.container_id = l.child_id
        AND f.open_ord < l.close_ord AND l.open_ord < f.close_ord
),
mark AS (
    SELECT m.epc_id AS container_id, e.ord, e.moves_content, NULL::INTEGER AS fill_no,
        NULL::BIGINT AS close_ord
    FROM stg_mention m
    SEMI JOIN core_container c ON c.container_id = m.epc_id
    JOIN core_event e ON e.record_id = m.record_id
    UNION ALL
    SELECT container_id, open_ord, NULL, fill_no, close_ord FROM fill
),
-- An event belongs to the last filling that began before it, if that still holds.
running AS (
    SELECT
        container_id, ord, moves_content,
        max(fill_no) OVER life AS fill_no,
        max(close_ord) OVER life AS close_ord
    FROM mark
    WINDOW life AS (
        PARTITION BY container_id ORDER BY ord, fill_no NULLS FIRST
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
    QUALIFY mark.fill_no IS NULL
),
direct AS (
    SELECT container_id, ord, moves_content, if(ord <= close_ord, fill_no, NULL) AS fill_no
    FROM running
),
stream AS (
    SELECT container_id, fill_no, ord, 0 AS depth
    FROM direct
    WHERE moves_content AND fill_no IS NOT NULL
    UNION
    SELECT n.child_id, n.child_fill_no, s.ord, s.depth + 1
    FROM stream s
    JOIN nest n ON n.parent_id = s.container_id AND n.fill_no = s.fill_no
        AND s.ord > n.open_ord AND s.ord <= n.close_ord
    WHERE s.depth < 6
),
met AS (
    SELECT container_id, ord, 0 AS depth, fill_no, moves_content FROM direct
    UNION ALL
    SELECT container_id, ord, depth, fill_no, true FROM stream
    UNION ALL
    SELECT l.child_id, s.ord, s.depth + 1, NULL, true
    FROM stream s
    JOIN inner_link l ON l.parent_id = s.container_id AND l.fill_no = s.fill_no
        AND s.ord > l.open_ord AND s.ord <= l.close_ord
    WHERE s.depth < 6
),
nearest AS (
    SELECT
        container_id, ord, min(depth) AS depth, max(fill_no) AS fill_no,
        bool_or(moves_content) AS moves_content
    FROM met
    GROUP BY container_id, ord
)
SELECT
    n.container_id, n.ord, e.record_id, e.event_at, e.site_id, n.depth > 0 AS is_inferred, n.depth,
    n.moves_content, n.fill_no
FROM nearest n
JOIN core_event e ON e.ord = n.ord
