-- model:   site_risk
-- purpose: The places that standing findings name, most first: where a scheme shows although each
--   lot of it looks nearly right.
-- grain:   one row per place that a standing finding names
-- key:     gln
-- kind:    view
-- reads:   finding, site
-- columns:
--   gln             GLN or text of the place
--   name            as its owner states it
--   role            maker, wholesaler, pharmacy, ...
--   country         ISO 3166 alpha-2, or as stated
--   worst_severity  S1 to S4, of the standing findings that name it
--   findings        standing findings that name it
--   as_first        of which as the place where it was seen
--   lots            distinct lots of these findings
--   products        distinct products
--   patterns        that spoke, sorted
--   families        distinct families of evidence
--   units           packs, the most that one lot's findings name here, summed over lots
-- caveats: Named is not accused: the pharmacy that was sold copies is named with them. Compare with
--   how much the place trades; read the findings.
WITH named AS (
    SELECT finding_id, site_gln AS gln, true AS is_first
    FROM finding
    WHERE status = 'stands' AND site_gln IS NOT NULL
    UNION ALL
    SELECT finding_id, other_gln, false
    FROM finding
    WHERE status = 'stands' AND other_gln IS NOT NULL AND other_gln IS DISTINCT FROM site_gln
),
per_lot AS (
    SELECT
        named.gln, finding.gtin, finding.lot,
        count(*) AS findings,
        count(*) FILTER (WHERE named.is_first) AS as_first,
        min(finding.severity) AS worst_severity,
        list(DISTINCT finding.pattern) AS patterns,
        list(DISTINCT finding.family) AS families,
        max(finding.units) AS units
    FROM named
    JOIN finding ON finding.finding_id = named.finding_id
    GROUP BY named.gln, finding.gtin, finding.lot
)
SELECT
    per_lot.gln, site.name, site.role, site.country,
    min(per_lot.worst_severity) AS worst_severity,
    sum(per_lot.findings)::BIGINT AS findings,
    sum(per_lot.as_first)::BIGINT AS as_first,
    count(*) AS lots,
    count(DISTINCT per_lot.gtin) AS products,
    list_sort(list_distinct(flatten(list(per_lot.patterns)))) AS patterns,
    len(list_distinct(flatten(list(per_lot.families)))) AS families,
    sum(per_lot.units) AS units
FROM per_lot
LEFT JOIN site ON site.gln = per_lot.gln
GROUP BY per_lot.gln, site.name, site.role, site.country
ORDER BY worst_severity, lots DESC, findings DESC, per_lot.gln
