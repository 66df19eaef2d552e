-- query:   explained_by
-- purpose: Which findings were explained by one honest cause, B07 say, and by what numbers?
-- try:     benign=B07
SELECT pattern, gtin, lot, epc, site_gln, units, observed, tests
FROM finding
WHERE status = 'explained' AND benign = $benign
ORDER BY ALL
