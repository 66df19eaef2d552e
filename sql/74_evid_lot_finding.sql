-- model:   evid_lot_finding
-- purpose: The findings of a lot in the order a reader needs them, with the pack or container named.
-- grain:   one row per finding
-- key:     finding_id
-- reads:   core_container, core_lot, core_site, core_unit, find_finding, find_lot
-- columns:
--   finding_id     find_finding
--   lot_id         core_lot
--   gtin           GTIN-14 of the lot
--   lot            lot as stated
--   row_no         within the lot and status, 1 for the gravest
--   place_no       within the lot, status and pattern, 1 for the gravest: a page that cannot show all
--                  shows the first of every pattern
--   pattern        P01 to P40
--   family         identity, lifecycle, quantity, network, condition
--   severity       S1 (gravest) to S4
--   status         stands, explained, data_gap, suppressed
--   benign         B code that explains it; null otherwise
--   history        conflicting: records contradict each other; missing: a record is absent
--   units          packs concerned
--   epc            of the pack, canonical; null at other grains
--   serial         of the pack
--   sscc           of the container
--   site_id        where it shows
--   site_gln       GLN or text of that place
--   other_site_id  the second place, if there is one
--   other_gln      GLN or text of the second place
--   observed       JSON, what was measured
--   threshold      JSON, the limits it was measured against
--   tests          JSON, the honest explanations tried, with results
--   record_ids     records cited
--   suppression_id  who set it aside, in the view suppression; null where the status is another
-- caveats: A finding is a reason to look, never proof of an act.
SELECT
    finding.finding_id,
    finding.lot_id,
    core_lot.gtin,
    core_lot.lot,
    row_number() OVER (
        PARTITION BY finding.lot_id, finding.status
        ORDER BY finding.severity, finding.pattern IS DISTINCT FROM find_lot.top_pattern,
            finding.history = 'missing', finding.units DESC NULLS LAST, finding.pattern,
            finding.finding_id
    ) AS row_no,
    row_number() OVER (
        PARTITION BY finding.lot_id, finding.status, finding.pattern
        ORDER BY finding.severity, finding.history = 'missing', finding.units DESC NULLS LAST,
            finding.finding_id
    ) AS place_no,
    finding.pattern,
    finding.family,
    finding.severity,
    finding.status,
    finding.benign,
    finding.history,
    finding.units,
    core_unit.epc,
    core_unit.serial,
    core_container.sscc,
    finding.site_id,
    site.gln AS site_gln,
    finding.other_site_id,
    other.gln AS other_gln,
    finding.observed,
    finding.threshold,
    finding.tests,
    finding.record_ids,
    finding.suppression_id
FROM find_finding AS finding
JOIN core_lot USING (lot_id)
LEFT JOIN find_lot USING (lot_id)
LEFT JOIN core_unit USING (unit_id)
LEFT JOIN core_container USING (container_id)
LEFT JOIN core_site AS site ON site.site_id = finding.site_id
LEFT JOIN core_site AS other ON other.site_id = finding.other_site_id
ORDER BY finding.lot_id, finding.status, row_no
