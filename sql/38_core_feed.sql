-- model:   core_feed
-- purpose: What each site's data looks like: how much, how late, with what gaps.
-- grain:   one row per site at which a live event happened
-- key:     site_id
-- reads:   core_event
-- columns:
--   site_id        core_site
--   event_count    live events
--   ship_count     of which shipments
--   receive_count  of which receipts
--   first_at       UTC
--   last_at        UTC
--   lag_p50_h      median hours from event to record; null where never recorded
--   lag_p95_h      95th percentile of the same
--   longest_gap_h  longest silence between two events, hours; null with one event
-- caveats: Who published an event is not known: a site's events may come from a neighbour's file.
WITH spaced AS (
    SELECT
        site_id, event_at, custody, lag_h,
        epoch_us(event_at - lag(event_at) OVER (PARTITION BY site_id ORDER BY ord)) / 3.6e9 AS gap_h
    FROM core_event
    WHERE site_id IS NOT NULL
)
SELECT
    site_id,
    count(*) AS event_count,
    count(*) FILTER (WHERE custody = 'ship') AS ship_count,
    count(*) FILTER (WHERE custody = 'receive') AS receive_count,
    min(event_at) AS first_at,
    max(event_at) AS last_at,
    quantile_cont(lag_h, 0.5) AS lag_p50_h,
    quantile_cont(lag_h, 0.95) AS lag_p95_h,
    max(gap_h) AS longest_gap_h
FROM spaced
GROUP BY site_id
