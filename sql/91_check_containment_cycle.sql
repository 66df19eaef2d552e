-- model:   check_containment_cycle
-- purpose: Nothing is inside itself: no chain of open fillings leads back to where it began.
-- grain:   one row per container and length of the way back
-- key:     none
-- reads:   core_link
-- columns:
--   container_id  epc_id
--   steps         fillings from the container back to itself, at most 8
WITH RECURSIVE nested AS (
    -- Only what contains something can close a cycle; packs, the many, are left out.
    SELECT child_id, parent_id, open_ord, coalesce(close_ord, 9223372036854775807) AS close_ord
    FROM core_link
    WHERE child_id IN (SELECT parent_id FROM core_link)
),
chain AS (
    SELECT child_id AS start_id, parent_id AS end_id, open_ord, close_ord, 1 AS steps
    FROM nested
    UNION
    SELECT
        chain.start_id,
        nested.parent_id,
        greatest(chain.open_ord, nested.open_ord),
        least(chain.close_ord, nested.close_ord),
        chain.steps + 1
    FROM chain
    JOIN nested ON nested.child_id = chain.end_id
        AND nested.open_ord < chain.close_ord AND chain.open_ord < nested.close_ord
    WHERE chain.end_id <> chain.start_id AND chain.steps < 8
)
SELECT DISTINCT start_id AS container_id, steps
FROM chain
WHERE start_id = end_id
