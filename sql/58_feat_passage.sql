-- model:   feat_passage
-- purpose: How surely a site reads what passes it, and how often packs are read there at all.
-- grain:   one row per site
-- key:     site_id
-- reads:   core_event, core_item_event, core_observation, core_site, raw_setting
-- columns:
--   site_id              core_site
--   role                 of the site; unknown where not stated
--   consignments         sent there, of goods that were on record again afterwards
--   missed_consignments  of those, first on record again elsewhere; a part of one counts as a part
--   missed_share         of what passes the site, that leaves no trace there; between 0 and 1
--   read_share           of all scans and answered requests, those of this site
-- caveats: Goods sent elsewhere than stated count as missed: both make a pack turn up where nobody
--   announced it. A site with few consignments borrows from its role, and that from all.
WITH setting AS (
    SELECT max(value) FILTER (WHERE name = 'P01.borrowed_passages') AS k FROM raw_setting
),
onward AS (
    SELECT prev_record_id AS ship_record_id, site_id, count(*) AS packs
    FROM core_item_event
    WHERE prev_step IN ('shipping', 'departing') AND site_id <> prev_site_id
    GROUP BY prev_record_id, site_id
),
consignment AS (
    SELECT
        event.to_site_id AS site_id, onward.ship_record_id,
        -- As exact numbers: a sum of binary fractions depends on which row is added first.
        (
            sum(onward.packs) FILTER (WHERE onward.site_id <> event.to_site_id)
            / sum(onward.packs)
        )::DECIMAL(18, 9) AS missed
    FROM onward
    JOIN core_event AS event ON event.record_id = onward.ship_record_id
    WHERE event.to_site_id IS NOT NULL
    GROUP BY event.to_site_id, onward.ship_record_id
),
counted AS (
    SELECT
        site.site_id, coalesce(site.role, 'unknown') AS role,
        count(consignment.ship_record_id) AS consignments,
        coalesce(sum(consignment.missed), 0) AS missed_consignments
    FROM core_site AS site
    LEFT JOIN consignment ON consignment.site_id = site.site_id
    GROUP BY site.site_id, site.role
),
whole AS (
    SELECT (sum(missed_consignments) + 0.5) / (sum(consignments) + 1) AS share FROM counted
),
by_role AS (
    SELECT
        role,
        (sum(missed_consignments) + any_value(setting.k * whole.share))
        / (sum(consignments) + any_value(setting.k)) AS share
    FROM counted
    CROSS JOIN setting
    CROSS JOIN whole
    GROUP BY role
),
seen AS (
    SELECT site_id, count(*) AS scans
    FROM core_observation
    WHERE site_id IS NOT NULL
    GROUP BY site_id
)
SELECT
    counted.site_id, counted.role, counted.consignments,
    counted.missed_consignments::DOUBLE AS missed_consignments,
    (counted.missed_consignments::DOUBLE + setting.k * by_role.share)
    / (counted.consignments + setting.k) AS missed_share,
    -- Every site is one more scan that might have been: no place is impossible.
    (coalesce(seen.scans, 0) + 1.0) / sum(coalesce(seen.scans, 0) + 1.0) OVER () AS read_share
FROM counted
CROSS JOIN setting
JOIN by_role ON by_role.role = counted.role
LEFT JOIN seen ON seen.site_id = counted.site_id
ORDER BY counted.site_id
