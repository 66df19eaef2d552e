-- query:   finding_to_document
-- purpose: Where in which document stands the evidence behind a lot's standing findings?
-- try:     gtin=09521234001010 lot=1G260576
SELECT finding.pattern, cited.record_no, cited.event_at, cited.step, cited.site_gln, cited.path,
    cited.position, cited.event_id
FROM finding
JOIN evid_finding_record AS cited ON cited.finding_id = finding.finding_id
WHERE finding.gtin = $gtin AND finding.lot = $lot AND finding.status = 'stands'
ORDER BY finding.pattern, finding.finding_id, cited.record_no
