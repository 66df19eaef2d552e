-- query:   findings_by_pattern
-- purpose: How many findings does each pattern have, by status and honest cause?
SELECT pattern, status, benign, count(*) AS findings, count(DISTINCT (gtin, lot)) AS lots
FROM finding
GROUP BY ALL
ORDER BY ALL
