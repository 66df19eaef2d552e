-- query:   late_feeds
-- purpose: Which sites report late, and how late?
SELECT gln, name, role, partner, event_count, round(lag_p95_h, 1) AS lag_p95_h
FROM site
WHERE lag_p95_h IS NOT NULL
ORDER BY lag_p95_h DESC, gln
LIMIT 20
