-- model:   feat_feed_shape
-- purpose: Which fields each site's events carry lately, against before: a system that was replaced,
--   or an export that was changed, shows here first.
-- grain:   one row per site, step and field
-- key:     site_id, step, field
-- reads:   core_event, raw_setting, stg_clock, stg_event
-- columns:
--   site_id        core_site
--   step           bizStep as a bare word
--   field          event_id, time_zone, recorded_at, disposition, lot, expiry, source, destination,
--                  source_owner or destination_owner
--   recent_events  live events of the last feed.recent_days
--   recent_share   of them, those that carry the field
--   before_events  live events before that
--   before_share   of them, likewise
-- caveats: A step is compared with the same step, so that another mix of work is no change of shape.
--   Now is the run's clock, or the newest event of any site where that is earlier.
WITH event AS (
    SELECT core_event.*, stg_event.event_id, stg_event.zone_offset_min
    FROM core_event
    JOIN stg_event ON stg_event.record_id = core_event.record_id
    CROSS JOIN stg_clock AS clock
    WHERE core_event.site_id IS NOT NULL AND core_event.step IS NOT NULL
        AND core_event.event_at <= clock.as_of
),
recent AS (
    SELECT
        max(event_at) - to_days((
            SELECT max(value) FILTER (WHERE name = 'feed.recent_days')::INTEGER FROM raw_setting
        )) AS from_at
    FROM event
),
counted AS (
    SELECT
        event.site_id, event.step, event.event_at > recent.from_at AS is_recent, count(*) AS events,
        count(event.event_id) AS event_id,
        count(event.zone_offset_min) AS time_zone,
        count(event.recorded_at) AS recorded_at,
        count(event.disposition) AS disposition,
        count(event.lot) AS lot,
        count(event.expiry) AS expiry,
        count(event.from_site_id) AS source,
        count(event.to_site_id) AS destination,
        count(event.from_owner_site_id) AS source_owner,
        count(event.to_owner_site_id) AS destination_owner
    FROM event
    CROSS JOIN recent
    GROUP BY ALL
),
told AS (
    UNPIVOT counted
    ON
        event_id, time_zone, recorded_at, disposition, lot, expiry, source, destination,
        source_owner, destination_owner
    INTO NAME field VALUE carried
)
SELECT
    site_id, step, field,
    coalesce(sum(events) FILTER (WHERE is_recent), 0)::BIGINT AS recent_events,
    round(sum(carried) FILTER (WHERE is_recent) / sum(events) FILTER (WHERE is_recent), 4)
        AS recent_share,
    coalesce(sum(events) FILTER (WHERE NOT is_recent), 0)::BIGINT AS before_events,
    round(sum(carried) FILTER (WHERE NOT is_recent) / sum(events) FILTER (WHERE NOT is_recent), 4)
        AS before_share
FROM told
GROUP BY site_id, step, field
ORDER BY site_id, step, field
