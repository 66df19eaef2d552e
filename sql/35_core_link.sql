-- model:   core_link
-- purpose: What was inside what, from which event to which.
-- grain:   one row per time that a thing was put into a container
-- key:     child_id, kind, open_ord
-- reads:   core_event, stg_event_item, stg_mention
-- columns:
--   child_id          epc_id of the content
--   parent_id         epc_id of the container
--   kind              aggregation, association
--   open_ord          core_event that put it in
--   close_ord         core_event that ended it; the largest BIGINT while open
--   opened_record_id  record of open_ord
--   closed_record_id  record of close_ord; null while open
--   opened_at         UTC
--   closed_at         UTC; null while open
--   close_kind        moved (put in another container), repeated (put in the same again), unpacked
--                     (taken out by name), emptied (all taken out, or the container ended), ended
--                     (sold, destroyed, used up or its identifier retired); null while open
--   fill_no           1-based filling of the container: a new one starts where it had run empty
-- caveats: The content moves with the container for events after open_ord up to and with close_ord.
--   Only ADD opens: an OBSERVE that names container and content is no packing. A DELETE that names
--   another than the current container closes nothing.
WITH act AS (
    SELECT
        e.ord, e.action, m.epc_id AS parent_id, e.record_id,
        if(e.event_type = 'AssociationEvent', 'association', 'aggregation') AS kind
    FROM core_event e
    JOIN stg_mention m ON m.record_id = e.record_id AND m.is_parent
    WHERE e.event_type IN ('AggregationEvent', 'AssociationEvent') AND e.action IN ('ADD', 'DELETE')
),
named AS (
    SELECT a.kind, a.action, a.ord, a.parent_id, m.epc_id AS child_id
    FROM act a
    JOIN stg_mention m ON m.record_id = a.record_id AND m.is_child AND m.epc_id <> a.parent_id
),
put AS (
    SELECT
        kind, child_id, parent_id, ord,
        lead(ord) OVER again AS next_ord,
        lead(parent_id) OVER again AS next_parent_id
    FROM named
    WHERE action = 'ADD'
    WINDOW again AS (PARTITION BY kind, child_id ORDER BY ord)
),
finished AS (
    SELECT m.epc_id, e.ord
    FROM stg_mention m
    JOIN core_event e ON e.record_id = m.record_id
    WHERE m.is_input OR (e.ends_identifier AND m.is_listed)
),
-- Events after which a container is empty, beside the events that put something in.
parent_mark AS (
    SELECT kind, parent_id, ord, NULL::BIGINT AS emptied_ord
    FROM act
    WHERE action = 'ADD'
    UNION
    SELECT kind, parent_id, ord, ord
    FROM act a
    WHERE action = 'DELETE'
        AND record_id NOT IN (SELECT record_id FROM stg_event_item WHERE role = 'child')
    UNION
    SELECT k.kind, f.epc_id, f.ord, f.ord
    FROM finished f
    JOIN (SELECT DISTINCT kind, parent_id FROM act) k ON k.parent_id = f.epc_id
),
next_emptied AS (
    SELECT
        kind, parent_id, ord,
        min(emptied_ord) OVER (
            PARTITION BY kind, parent_id ORDER BY ord DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS emptied_ord
    FROM parent_mark
    QUALIFY parent_mark.emptied_ord IS NULL
),
next_taken AS (
    SELECT p.kind, p.child_id, p.ord, min(t.ord) AS taken_ord
    FROM put p
    JOIN named t ON t.action = 'DELETE' AND t.kind = p.kind AND t.child_id = p.child_id
        AND t.parent_id = p.parent_id AND t.ord > p.ord AND t.ord < coalesce(p.next_ord, t.ord + 1)
    GROUP BY p.kind, p.child_id, p.ord
),
next_finished AS (
    SELECT p.kind, p.child_id, p.ord, min(f.ord) AS finished_ord
    FROM put p
    JOIN finished f ON f.epc_id = p.child_id
        AND f.ord > p.ord AND f.ord < coalesce(p.next_ord, f.ord + 1)
    GROUP BY p.kind, p.child_id, p.ord
),
closed AS (
    SELECT
        p.*, t.taken_ord, x.emptied_ord, f.finished_ord,
        least(p.next_ord, t.taken_ord, x.emptied_ord, f.finished_ord) AS end_ord
    FROM put p
    LEFT JOIN next_taken t ON t.kind = p.kind AND t.child_id = p.child_id AND t.ord = p.ord
    LEFT JOIN next_finished f ON f.kind = p.kind AND f.child_id = p.child_id AND f.ord = p.ord
    LEFT JOIN next_emptied x ON x.kind = p.kind AND x.parent_id = p.parent_id AND x.ord = p.ord
),
load AS (
    SELECT parent_id, ord, max(coalesce(end_ord, 9223372036854775807)) AS close_ord
    FROM closed
    GROUP BY parent_id, ord
),
started AS (
    SELECT
        parent_id, ord,
        ord >= coalesce(max(close_ord) OVER (
            PARTITION BY parent_id ORDER BY ord ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS is_new_fill
    FROM load
),
fill AS (
    SELECT
        parent_id, ord,
        sum(is_new_fill::INTEGER) OVER (PARTITION BY parent_id ORDER BY ord)::INTEGER AS fill_no
    FROM started
)
SELECT
    c.child_id, c.parent_id, c.kind, c.ord AS open_ord,
    coalesce(c.end_ord, 9223372036854775807) AS close_ord,
    s.record_id AS opened_record_id, x.record_id AS closed_record_id,
    s.event_at AS opened_at, x.event_at AS closed_at,
    CASE c.end_ord
        WHEN c.taken_ord THEN 'unpacked'
        WHEN c.finished_ord THEN 'ended'
        WHEN c.emptied_ord THEN 'emptied'
        WHEN c.next_ord THEN if(c.next_parent_id = c.parent_id, 'repeated', 'moved')
    END AS close_kind,
    f.fill_no
FROM closed c
JOIN fill f ON f.parent_id = c.parent_id AND f.ord = c.ord
JOIN core_event s ON s.ord = c.ord
LEFT JOIN core_event x ON x.ord = c.end_ord
