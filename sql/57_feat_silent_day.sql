-- model:   feat_silent_day
-- purpose: Days on which a place that usually reports told nothing: its feed failed, or it was shut.
-- grain:   one row per site and such day
-- key:     site_id, silent_on
-- reads:   core_event, raw_setting
-- columns:
--   site_id       core_site
--   silent_on     the day, UTC
--   usual_share   of the same weekdays in its record, those on which it told something
-- caveats: A place is judged between its first and its last event, and with enough weeks of them only.
--   A holiday looks like a failure.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'feed.usual_share') AS usual_share,
        max(value) FILTER (WHERE name = 'feed.least_weeks') AS least_weeks
    FROM raw_setting
),
active AS (
    SELECT DISTINCT site_id, event_at::DATE AS active_on
    FROM core_event
    WHERE site_id IS NOT NULL
),
span AS (
    SELECT site_id, min(active_on) AS first_on, max(active_on) AS last_on
    FROM active
    GROUP BY site_id
    HAVING date_diff('day', min(active_on), max(active_on)) >= 7 * (SELECT least_weeks FROM setting)
),
day AS (
    SELECT
        site_id,
        unnest(generate_series(first_on, last_on, INTERVAL 1 DAY))::DATE AS day_on
    FROM span
),
marked AS (
    SELECT
        day.site_id, day.day_on, active.active_on IS NOT NULL AS is_active,
        avg(if(active.active_on IS NOT NULL, 1.0, 0.0)) OVER (
            PARTITION BY day.site_id, dayofweek(day.day_on)
        ) AS usual_share
    FROM day
    LEFT JOIN active ON active.site_id = day.site_id AND active.active_on = day.day_on
)
SELECT site_id, day_on AS silent_on, round(usual_share, 4) AS usual_share
FROM marked
WHERE NOT is_active AND usual_share >= (SELECT usual_share FROM setting)
ORDER BY site_id, silent_on
