-- model:   check_finding_shape
-- purpose: Findings speak in the agreed words, about a lot that exists.
-- grain:   one row per finding and fault
-- key:     none
-- reads:   core_lot, find_finding
-- columns:
--   finding_id  the finding
--   fault       severity, status, history, benign (named without being the explanation, or the
--               other way about), suppression (likewise), lot
SELECT f.finding_id, fault.fault
FROM find_finding AS f
LEFT JOIN core_lot AS l ON l.lot_id = f.lot_id
CROSS JOIN LATERAL (
    VALUES
        ('severity', f.severity IN ('S1', 'S2', 'S3', 'S4')),
        ('status', f.status IN ('stands', 'explained', 'data_gap', 'suppressed')),
        ('history', f.history IN ('conflicting', 'missing')),
        ('benign', (f.status = 'explained') = (f.benign IS NOT NULL)),
        ('suppression', (f.status = 'suppressed') = (f.suppression_id IS NOT NULL)),
        ('lot', l.lot_id IS NOT NULL OR f.lot_id IS NULL)
) AS fault (fault, holds)
WHERE NOT coalesce(fault.holds, FALSE)
