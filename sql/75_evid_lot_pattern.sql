-- model:   evid_lot_pattern
-- purpose: How often a pattern spoke on a lot, over all its findings, however many a page can show.
-- grain:   one row per lot, status and pattern
-- key:     lot_id, status, pattern
-- reads:   evid_lot_finding
-- columns:
--   lot_id    core_lot
--   status    stands, explained, data_gap, suppressed
--   pattern   P01 to P40
--   row_no    of the gravest of these findings in evid_lot_finding: the order to tell them in
--   severity  the gravest, S1 to S4
--   findings  count
--   units     packs, summed over findings: one pack may count in several
--   sites     distinct places that the findings name
-- caveats: Findings that concern no packs count with none.
WITH named AS (
    SELECT lot_id, status, pattern, unnest([site_id, other_site_id]) AS site_id
    FROM evid_lot_finding
),
place AS (
    SELECT lot_id, status, pattern, count(DISTINCT site_id) AS sites
    FROM named
    GROUP BY lot_id, status, pattern
)
SELECT
    told.lot_id, told.status, told.pattern,
    min(told.row_no) AS row_no,
    min(told.severity) AS severity,
    count(*) AS findings,
    coalesce(sum(told.units), 0) AS units,
    any_value(place.sites) AS sites
FROM evid_lot_finding AS told
JOIN place USING (lot_id, status, pattern)
GROUP BY told.lot_id, told.status, told.pattern
ORDER BY told.lot_id, told.status, row_no
