-- query:   set_aside_findings
-- purpose: Which findings did people set aside, who, until when and why?
SELECT
    f.gtin, f.lot, f.pattern, f.severity, f.site_gln, f.units, s.suppressed_by, s.until_on, s.reason
FROM finding AS f
JOIN suppression AS s ON s.suppression_id = f.suppression_id
WHERE f.status = 'suppressed'
ORDER BY f.severity, f.gtin, f.lot, f.pattern, f.finding_id
