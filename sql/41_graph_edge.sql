-- model:   graph_edge
-- purpose: Which sites trade with which, over all time and products.
-- grain:   one row per origin and destination
-- key:     from_site_id, to_site_id
-- reads:   core_movement
-- columns:
--   from_site_id    core_site
--   to_site_id      core_site
--   movement_count  movements
--   units           packs or quantity together; null where never stated
--   first_at        UTC
--   last_at         UTC
--   gtin_count      distinct products
--   lot_count       distinct lots
-- caveats: A direction, not a relation: goods sent back make an edge of their own.
SELECT
    from_site_id, to_site_id,
    count(*) AS movement_count,
    sum(units) AS units,
    min(coalesce(shipped_at, received_at)) AS first_at,
    max(coalesce(received_at, shipped_at)) AS last_at,
    count(DISTINCT gtin) AS gtin_count,
    count(DISTINCT lot_id) AS lot_count
FROM core_movement
WHERE from_site_id <> to_site_id AND coalesce(shipped_at, received_at) IS NOT NULL
GROUP BY from_site_id, to_site_id
ORDER BY from_site_id, to_site_id
