-- query:   trace_findings
-- purpose: What was found of one pack, case or lot, and what explained it.
-- try:     thing=https://id.gs1.org/01/09521234001010/21/234RA7A2ERZ9 gtin=- lot=-
SELECT finding.severity, finding.pattern, finding.status, finding.benign,
    coalesce(here.name, finding.site_gln) AS place,
    coalesce(there.name, finding.other_gln) AS other_place, finding.units, count(*) AS findings
FROM finding
LEFT JOIN site AS here ON here.gln = finding.site_gln
LEFT JOIN site AS there ON there.gln = finding.other_gln
WHERE finding.epc = $thing OR finding.sscc = $thing
    OR (finding.gtin = $gtin AND finding.lot = $lot)
GROUP BY ALL
ORDER BY finding.status DESC, finding.severity, finding.pattern, place, other_place, finding.units
