-- query:   standing_findings
-- purpose: Which findings stand, gravest first?
SELECT severity, pattern, gtin, lot, epc, site_gln, other_gln, units, observed
FROM finding
WHERE status = 'stands'
ORDER BY severity, units DESC, pattern, finding_id
