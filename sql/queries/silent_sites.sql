-- query:   silent_sites
-- purpose: Which sites used to report and have gone silent?
SELECT s.gln, s.name, s.role, feed.event_count, feed.last_at,
    round(feed.longest_gap_h / 24, 1) AS longest_gap_days,
    date_diff('day', feed.last_at, clock.as_of) AS silent_days
FROM core_feed AS feed
JOIN core_site AS s ON s.site_id = feed.site_id
CROSS JOIN stg_clock AS clock
WHERE feed.event_count >= 10
ORDER BY silent_days DESC, s.gln
LIMIT 20
