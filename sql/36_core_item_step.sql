-- model:   core_item_step
-- purpose: Which pack takes part in which event, named itself or carried by its container.
-- grain:   one row per pack and live event
-- key:     unit_id, ord
-- parts:   lot
-- packs:   core_link.child_id, stg_mention.epc_id
-- reads:   core_container_event, core_event, core_link, core_unit, stg_mention
-- columns:
--   unit_id       core_unit
--   lot_id        core_lot
--   ord           core_event
--   is_inferred   nobody scanned the pack: its container was named
--   container_id  the container it was in, for inferred rows
--   is_terminal   sold to a patient, destroyed or taken out of use here
--   is_undo       would take an end back, if there is one
--   is_put_back   would take an end back that was made at the same place; the pack was scanned
--   is_birth      commissioned or made here
--   is_consumed   used up by a transformation here
-- caveats: The narrow half of core_item_event, which adds what went before and the event itself.
WITH direct AS (
    SELECT
        u.unit_id, u.lot_id, e.ord, false AS is_inferred, NULL::BIGINT AS container_id,
        e.is_terminal AND NOT m.is_parent AS is_terminal,
        e.is_undo, e.is_put_back,
        e.is_birth AND (m.is_listed OR m.is_output) AS is_birth,
        m.is_input AS is_consumed
    FROM stg_mention m
    JOIN core_unit u ON u.unit_id = m.epc_id
    JOIN core_event e ON e.record_id = m.record_id
    WHERE m.is_pack
),
ride AS NOT MATERIALIZED (
    SELECT l.child_id AS unit_id, l.parent_id AS container_id, l.kind, c.ord
    FROM core_link l
    JOIN core_container_event c ON c.container_id = l.parent_id AND c.fill_no = l.fill_no
        AND c.ord > l.open_ord AND c.ord <= l.close_ord
    WHERE c.moves_content
),
-- A pack bound to an asset and packed in a case rides once: with the case.
carried AS (
    SELECT unit_id, container_id, ord FROM ride WHERE kind = 'aggregation'
    UNION ALL
    SELECT r.unit_id, min(r.container_id), r.ord
    FROM ride r
    ANTI JOIN (
        SELECT unit_id, ord
        FROM ride
        SEMI JOIN (SELECT DISTINCT child_id FROM core_link WHERE kind = 'association') bound
            ON bound.child_id = ride.unit_id
        WHERE kind = 'aggregation'
    ) packed ON packed.unit_id = r.unit_id AND packed.ord = r.ord
    WHERE r.kind = 'association'
    GROUP BY r.unit_id, r.ord
)
SELECT * FROM direct
UNION ALL
SELECT
    c.unit_id, u.lot_id, c.ord, true, c.container_id, e.ends_content, e.is_undo, false, false, false
FROM carried c
JOIN core_unit u ON u.unit_id = c.unit_id
JOIN core_event e ON e.ord = c.ord
ANTI JOIN direct d ON d.unit_id = c.unit_id AND d.ord = c.ord
