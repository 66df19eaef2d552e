-- query:   events_per_day
-- purpose: How many events happened on each day, by who reports? Gaps and floods show here.
SELECT CAST(event_at AS DATE) AS day, site_gln, count(DISTINCT record_id) AS events
FROM item_event
WHERE NOT is_inferred
GROUP BY ALL
ORDER BY day, site_gln
