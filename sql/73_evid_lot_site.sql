-- model:   evid_lot_site
-- purpose: The places a lot passed, who they are, and what went in and out of each.
-- grain:   one row per lot and site
-- key:     lot_id, site_id
-- reads:   core_lot, core_lot_site_flow, core_observation, core_site
-- columns:
--   lot_id          core_lot
--   gtin            GTIN-14 of the lot
--   lot             lot as stated
--   site_id         core_site
--   site_gln        GLN or text of the place
--   name            name in the master data; null where none
--   role            role word of core_site
--   city            as stated
--   country         as stated
--   latitude        degrees; null where nobody stated it
--   longitude       degrees; null where nobody stated it
--   is_stated       true: some master data names the place
--   units_made      packs commissioned here
--   units_in        packs that came in
--   units_out       packs that left
--   units_ended     packs dispensed, destroyed or taken out of trade here
--   units_returned  packs given back
--   seen_count      scans of packs here, verifications included
--   first_at        UTC, first record of the lot here
--   last_at         UTC, last record of the lot here
--   record_ids      records behind the row, the first 50
-- caveats: Flows count every passage, so a pack that comes twice counts twice.
WITH seen AS (
    SELECT
        lot_id, site_id, "at" AS happened_at, record_id,
        CASE WHEN direction = 'made' THEN units ELSE 0 END AS made,
        CASE WHEN direction = 'in' THEN units ELSE 0 END AS came_in,
        CASE WHEN direction = 'out' THEN units ELSE 0 END AS went_out,
        CASE WHEN direction = 'ended' THEN units ELSE 0 END AS ended,
        CASE WHEN direction = 'returned' THEN units ELSE 0 END AS returned,
        0 AS scans
    FROM core_lot_site_flow
    UNION ALL
    SELECT lot_id, site_id, observed_at, record_id, 0, 0, 0, 0, 0, 1
    FROM core_observation
),
passed AS (
    SELECT
        lot_id, site_id,
        sum(made) AS units_made,
        sum(came_in) AS units_in,
        sum(went_out) AS units_out,
        sum(ended) AS units_ended,
        sum(returned) AS units_returned,
        sum(scans)::BIGINT AS seen_count,
        min(happened_at) AS first_at,
        max(happened_at) AS last_at,
        list_slice(list_sort(list(DISTINCT record_id)), 1, 50) AS record_ids
    FROM seen
    WHERE site_id IS NOT NULL
    GROUP BY lot_id, site_id
)
SELECT
    passed.lot_id,
    core_lot.gtin,
    core_lot.lot,
    passed.site_id,
    core_site.gln AS site_gln,
    core_site.name,
    core_site.role,
    core_site.city,
    core_site.country,
    core_site.latitude,
    core_site.longitude,
    core_site.is_stated,
    passed.units_made,
    passed.units_in,
    passed.units_out,
    passed.units_ended,
    passed.units_returned,
    passed.seen_count,
    passed.first_at,
    passed.last_at,
    passed.record_ids
FROM passed
JOIN core_lot USING (lot_id)
JOIN core_site ON core_site.site_id = passed.site_id
ORDER BY passed.lot_id, passed.first_at, passed.site_id
