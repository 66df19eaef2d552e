-- model:   find_lot
-- purpose: What the findings together say of each lot.
-- grain:   one row per lot, with or without findings
-- key:     lot_id
-- reads:   core_lot, find_finding
-- columns:
--   lot_id              core_lot
--   tier                by rule 1: hold, an S1 stands; investigate, an S2 stands, or S3 of two
--                       families that agree; watch, anything else that stands; clear
--   findings_standing   count
--   findings_explained  count
--   data_gaps           count
--   families_standing   distinct families of standing findings
--   top_pattern         the gravest that stands; null where none does
--   second_pattern      the next other one
--   worst_severity      of what stands
--   findings_suppressed  would stand, and a person set them aside
-- caveats: Families agree on a stated lot when both stand on it. Where nobody stated lots, all trade
--   in a product is one row here, and they agree only when both name the same site or partner. A
--   detector's alarm is not in here; lot_risk adds it.
WITH standing AS (
    SELECT lot_id, pattern, family, severity, units, site_id, other_site_id
    FROM find_finding
    WHERE status = 'stands' AND lot_id IS NOT NULL
),
common_ground AS (
    SELECT standing.lot_id, standing.family, NULL AS site_id
    FROM standing
    INNER JOIN core_lot ON standing.lot_id = core_lot.lot_id
    WHERE standing.severity <= 'S3' AND core_lot.lot <> '(unstated)'
    UNION ALL
    SELECT lot_id, family, unnest([site_id, other_site_id]) AS site_id
    FROM standing
    WHERE severity <= 'S3'
),
agreeing AS (
    SELECT lot_id, max(families) AS families
    FROM (
        SELECT common_ground.lot_id, count(DISTINCT common_ground.family) AS families
        FROM common_ground
        INNER JOIN core_lot ON common_ground.lot_id = core_lot.lot_id
        WHERE common_ground.site_id IS NOT NULL OR core_lot.lot <> '(unstated)'
        GROUP BY common_ground.lot_id, common_ground.site_id
    )
    GROUP BY lot_id
),
by_pattern AS (
    SELECT
        lot_id, pattern, min(severity) AS severity, sum(units) AS units,
        row_number() OVER (
            PARTITION BY lot_id
            ORDER BY
                min(severity),
                -- A pack that trades after an end shows in the general patterns too: name the
                -- special one first.
                CASE pattern WHEN 'P11' THEN 2 WHEN 'P03' THEN 1 ELSE 0 END,
                sum(units) DESC,
                pattern
        ) AS place
    FROM standing
    GROUP BY lot_id, pattern
),
top AS (
    SELECT
        lot_id,
        max(pattern) FILTER (WHERE place = 1) AS top_pattern,
        max(pattern) FILTER (WHERE place = 2) AS second_pattern
    FROM by_pattern
    GROUP BY lot_id
),
counted AS (
    SELECT
        lot_id,
        count(*) FILTER (WHERE status = 'stands') AS findings_standing,
        count(*) FILTER (WHERE status = 'explained') AS findings_explained,
        count(*) FILTER (WHERE status = 'data_gap') AS data_gaps,
        count(DISTINCT family) FILTER (WHERE status = 'stands') AS families_standing,
        min(severity) FILTER (WHERE status = 'stands') AS worst_severity,
        count(*) FILTER (WHERE status = 'suppressed') AS findings_suppressed
    FROM find_finding
    GROUP BY lot_id
)
SELECT
    core_lot.lot_id,
    CASE
        WHEN worst_severity = 'S1' THEN 'hold'
        WHEN worst_severity = 'S2' OR agreeing.families >= 2 THEN 'investigate'
        WHEN findings_standing > 0 THEN 'watch'
        ELSE 'clear'
    END AS tier,
    coalesce(counted.findings_standing, 0) AS findings_standing,
    coalesce(counted.findings_explained, 0) AS findings_explained,
    coalesce(counted.data_gaps, 0) AS data_gaps,
    coalesce(counted.families_standing, 0) AS families_standing,
    top.top_pattern,
    top.second_pattern,
    counted.worst_severity,
    coalesce(counted.findings_suppressed, 0) AS findings_suppressed
FROM core_lot
LEFT JOIN counted ON counted.lot_id = core_lot.lot_id
LEFT JOIN agreeing ON agreeing.lot_id = core_lot.lot_id
LEFT JOIN top ON top.lot_id = core_lot.lot_id
ORDER BY core_lot.lot_id
