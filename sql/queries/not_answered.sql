-- query:   not_answered
-- purpose: Which questions could the data not answer, and for which lots?
SELECT pattern, gtin, lot, count(*) AS questions, sum(units) AS units
FROM finding
WHERE status = 'data_gap'
GROUP BY ALL
ORDER BY questions DESC, pattern, gtin, lot
