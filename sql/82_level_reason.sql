-- model:   level_reason
-- purpose: What makes a month of trade, a site or a trajectory unlike the others, in short.
-- grain:   one row per level and subject that has parts
-- key:     level, key_id
-- kind:    view
-- reads:   find_level_part
-- columns:
--   level         edge, site, trajectory
--   key_id        as in find_level_score
--   top_features  the three features that make it most unlike; null: none does
--   nearest       what it compares with most, the most unlike first
-- caveats: A short form of level_part, which has the figures.
WITH part AS (
    SELECT
        level, key_id, feature, neighbour,
        sum(contribution::DECIMAL(28, 12)) AS contribution
    FROM find_level_part
    GROUP BY level, key_id, feature, neighbour
),
top AS (
    SELECT level, key_id, list(feature ORDER BY contribution, feature)[:3] AS features
    FROM (
        SELECT level, key_id, feature, sum(contribution) AS contribution
        FROM part
        WHERE feature <> 'other_features'
        GROUP BY level, key_id, feature
        HAVING sum(contribution) < 0
    )
    GROUP BY level, key_id
),
near AS (
    SELECT level, key_id, list(neighbour ORDER BY contribution, neighbour) AS neighbours
    FROM (
        SELECT level, key_id, neighbour, sum(contribution) AS contribution
        FROM part
        WHERE neighbour IS NOT NULL
        GROUP BY level, key_id, neighbour
    )
    GROUP BY level, key_id
)
SELECT level, key_id, top.features AS top_features, near.neighbours AS nearest
FROM near
FULL JOIN top USING (level, key_id)
