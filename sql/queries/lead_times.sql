-- query:   lead_times
-- purpose: How long do goods travel on each lane: usual and slow?
SELECT sender.name AS sender, receiver.name AS receiver, count(*) AS trips,
    round(median(transit_h), 1) AS median_h, round(quantile_cont(transit_h, 0.95), 1) AS p95_h
FROM (SELECT DISTINCT from_site_id, to_site_id, shipped_at, received_at, transit_h FROM core_custody)
JOIN core_site AS sender ON sender.site_id = from_site_id
JOIN core_site AS receiver ON receiver.site_id = to_site_id
WHERE transit_h IS NOT NULL
GROUP BY ALL
ORDER BY trips DESC, sender, receiver
