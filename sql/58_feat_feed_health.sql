-- model:   feat_feed_health
-- purpose: How each site's feed does now against its own habit: silence, delay, volume, what it
--   leaves untold.
-- grain:   one row per site at which a live event happened
-- key:     site_id
-- reads:   core_event, feat_handover, raw_setting, stg_clock
-- columns:
--   site_id              core_site
--   event_count          live events up to now
--   active_days          days with an event
--   first_on             first day with an event, UTC
--   last_at              latest event, UTC
--   usual_gap_days       95th percentile of the days from one day with events to the next; null: one
--                        such day
--   silent_days          days from the latest event to now
--   lag_p50_h            median hours from event to record, of events recorded in the last
--                        feed.recent_days
--   lag_p95_h            95th percentile of the same
--   lag_before_p50_h     median of those recorded before
--   lag_before_p95_h     95th percentile of the same
--   recent_events        events in the seven whole days before today
--   usual_events         of such seven days: the medians of its weekdays, summed, from the 13 weeks
--                        before; null where its record is shorter than feed.least_weeks
--   volume_z             recent less usual events, in robust standard deviations; null as above
--   departure_untold_share  of packs next met elsewhere, those without a shipping from here; null:
--                        none was met
--   departure_untold_lots   lots with such a pack
--   arrival_untold_share    of packs last met elsewhere, those without a receiving here; null likewise
--   arrival_untold_lots     lots with such a pack
-- caveats: Now is the run's clock, or the newest event of any site where that is earlier, so that an
--   old warehouse does not call every feed silent. A site without orders is silent too.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'feed.least_weeks') AS least_weeks,
        max(value) FILTER (WHERE name = 'feed.recent_days')::INTEGER AS recent_days
    FROM raw_setting
),
event AS (
    SELECT core_event.site_id, core_event.event_at, core_event.recorded_at, core_event.lag_h
    FROM core_event
    CROSS JOIN stg_clock AS clock
    WHERE core_event.site_id IS NOT NULL AND core_event.event_at <= clock.as_of
),
clock AS (
    SELECT
        max(event_at) AS now_at,
        max(event_at)::DATE AS today,
        max(event_at) - to_days(any_value(setting.recent_days)) AS recent_from
    FROM event
    CROSS JOIN setting
),
active AS (
    SELECT site_id, event_at::DATE AS day_on, count(*) AS events
    FROM event
    GROUP BY ALL
),
spaced AS (
    SELECT
        site_id, day_on, events,
        date_diff('day', lag(day_on) OVER (PARTITION BY site_id ORDER BY day_on), day_on) AS gap_days
    FROM active
),
rhythm AS (
    SELECT
        site_id, count(*) AS active_days, min(day_on) AS first_on,
        quantile_cont(gap_days, 0.95) AS usual_gap_days
    FROM spaced
    GROUP BY site_id
),
told AS (
    SELECT
        event.site_id, count(*) AS event_count, max(event.event_at) AS last_at,
        quantile_cont(event.lag_h, 0.5) FILTER (WHERE event.recorded_at > clock.recent_from)
            AS lag_p50_h,
        quantile_cont(event.lag_h, 0.95) FILTER (WHERE event.recorded_at > clock.recent_from)
            AS lag_p95_h,
        quantile_cont(event.lag_h, 0.5) FILTER (WHERE event.recorded_at <= clock.recent_from)
            AS lag_before_p50_h,
        quantile_cont(event.lag_h, 0.95) FILTER (WHERE event.recorded_at <= clock.recent_from)
            AS lag_before_p95_h
    FROM event
    CROSS JOIN clock
    GROUP BY event.site_id
),
calendar AS (
    SELECT
        rhythm.site_id, clock.today,
        unnest(generate_series(
            greatest(rhythm.first_on, clock.today - 98), clock.today - 1, INTERVAL 1 DAY
        ))::DATE AS day_on
    FROM rhythm
    CROSS JOIN clock
),
filled AS (
    SELECT
        calendar.site_id, calendar.day_on, calendar.day_on >= calendar.today - 7 AS is_recent,
        coalesce(active.events, 0) AS events
    FROM calendar
    LEFT JOIN active ON active.site_id = calendar.site_id AND active.day_on = calendar.day_on
),
weekday AS (
    SELECT
        site_id, dayofweek(day_on) AS weekday_no,
        sum(events) FILTER (WHERE is_recent) AS recent_events,
        count(*) FILTER (WHERE NOT is_recent) AS weeks,
        median(events) FILTER (WHERE NOT is_recent) AS usual_events,
        mad(events) FILTER (WHERE NOT is_recent) AS spread_events
    FROM filled
    GROUP BY ALL
),
volume AS (
    SELECT
        site_id,
        sum(recent_events)::BIGINT AS recent_events,
        if(min(weeks) >= any_value(setting.least_weeks), sum(usual_events), NULL) AS usual_events,
        -- Counts scatter at least as chance lets them.
        greatest(1.4826 * sqrt(sum(spread_events ** 2)), sqrt(sum(usual_events)), 1) AS deviation
    FROM weekday
    CROSS JOIN setting
    GROUP BY site_id
),
handover AS (
    SELECT
        site_id,
        sum(left_untold_units) / nullif(sum(left_units), 0) AS departure_untold_share,
        count(*) FILTER (WHERE left_untold_units > 0) AS departure_untold_lots,
        sum(came_untold_units) / nullif(sum(came_units), 0) AS arrival_untold_share,
        count(*) FILTER (WHERE came_untold_units > 0) AS arrival_untold_lots
    FROM feat_handover
    GROUP BY site_id
)
SELECT
    told.site_id, told.event_count, rhythm.active_days, rhythm.first_on, told.last_at,
    rhythm.usual_gap_days,
    round(epoch(clock.now_at - told.last_at) / 86400, 2) AS silent_days,
    told.lag_p50_h, told.lag_p95_h, told.lag_before_p50_h, told.lag_before_p95_h,
    coalesce(volume.recent_events, 0) AS recent_events,
    volume.usual_events,
    round((volume.recent_events - volume.usual_events) / volume.deviation, 2) AS volume_z,
    round(handover.departure_untold_share, 4) AS departure_untold_share,
    coalesce(handover.departure_untold_lots, 0) AS departure_untold_lots,
    round(handover.arrival_untold_share, 4) AS arrival_untold_share,
    coalesce(handover.arrival_untold_lots, 0) AS arrival_untold_lots
FROM told
JOIN rhythm ON rhythm.site_id = told.site_id
CROSS JOIN clock
LEFT JOIN volume ON volume.site_id = told.site_id
LEFT JOIN handover ON handover.site_id = told.site_id
ORDER BY told.site_id
