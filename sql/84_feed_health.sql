-- model:   feed_health
-- purpose: Which sites' feeds need a call before their silence is taken for an absence: about feeds,
--   not about lots.
-- grain:   one row per site at which a live event happened
-- key:     gln
-- kind:    view
-- reads:   core_site, feat_feed_health, feat_feed_shape, raw_setting
-- columns:
--   gln                     GLN or text of the place
--   name                    as its owner states it
--   role                    maker, wholesaler, pharmacy, ...
--   health                  failing (a place that reports week by week is silent), doubtful (another
--                           sign), sound, or unknown (too short a record to have a habit)
--   signs                   what speaks against it, worst first: silent, less, late, leaky, more,
--                           changed
--   silent_days             days from its latest event to now
--   usual_gap_days          95th percentile of the days between two days with events
--   lag_p50_h               median hours from event to record, lately
--   lag_p95_h               95th percentile of the same
--   lag_before_p50_h        median before that
--   lag_before_p95_h        95th percentile before that
--   recent_events           events in the seven whole days before today
--   usual_events            of such seven days
--   volume_z                recent less usual, in robust standard deviations
--   departure_untold_share  of packs next met elsewhere, those without a shipping from here
--   arrival_untold_share    of packs last met elsewhere, those without a receiving here
--   shape_changes           fields that events of a step carry more or less often than before, as
--                           shipping destination 1 to 0
--   event_count             live events
--   last_at                 latest event, UTC
-- caveats: Health is of what reached us: a sound site behind a broken line looks the same. Goods
--   carried off in secret are untold departures too. A holiday or a lack of orders looks like a
--   failure.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'feed.silent_factor') AS silent_factor,
        max(value) FILTER (WHERE name = 'feed.least_days') AS least_days,
        max(value) FILTER (WHERE name = 'feed.regular_events') AS regular_events,
        max(value) FILTER (WHERE name = 'feed.gap_days') AS gap_days,
        max(value) FILTER (WHERE name = 'feed.late_factor') AS late_factor,
        max(value) FILTER (WHERE name = 'feed.late_more_h') AS late_more_h,
        max(value) FILTER (WHERE name = 'feed.volume_z') AS volume_z,
        max(value) FILTER (WHERE name = 'feed.volume_factor') AS volume_factor,
        max(value) FILTER (WHERE name = 'feed.leak_share') AS leak_share,
        max(value) FILTER (WHERE name = 'feed.leak_lots') AS leak_lots,
        max(value) FILTER (WHERE name = 'feed.shape_share') AS shape_share,
        max(value) FILTER (WHERE name = 'feed.shape_events') AS shape_events
    FROM raw_setting
),
reshaped AS (
    SELECT
        shape.site_id,
        list(
            format('{} {} {:.2g} to {:.2g}', shape.step, shape.field, shape.before_share, shape.recent_share)
            ORDER BY shape.step, shape.field
        ) AS shape_changes
    FROM feat_feed_shape AS shape
    CROSS JOIN setting
    WHERE least(shape.before_events, shape.recent_events) >= setting.shape_events
        AND abs(shape.recent_share - shape.before_share) >= setting.shape_share
    GROUP BY shape.site_id
),
signed AS (
    SELECT
        feed.*,
        coalesce(reshaped.shape_changes, []) AS shape_changes,
        reshaped.site_id IS NOT NULL AS is_changed,
        feed.usual_events IS NOT NULL AND feed.active_days >= setting.least_days AS has_habit,
        coalesce(feed.usual_events >= setting.regular_events, false) AS is_regular,
        coalesce(
            feed.usual_events IS NOT NULL AND feed.active_days >= setting.least_days
            AND feed.silent_days > setting.gap_days
            AND feed.silent_days > setting.silent_factor * feed.usual_gap_days, false
        ) AS is_silent,
        coalesce(
            feed.volume_z <= -setting.volume_z
            AND feed.recent_events * setting.volume_factor <= feed.usual_events, false
        ) AS is_less,
        coalesce(
            feed.lag_p95_h >= setting.late_factor * feed.lag_before_p95_h
            AND feed.lag_p95_h >= feed.lag_before_p95_h + setting.late_more_h, false
        ) AS is_late,
        coalesce(
            (
                feed.departure_untold_share >= setting.leak_share
                AND feed.departure_untold_lots >= setting.leak_lots
            )
            OR (
                feed.arrival_untold_share >= setting.leak_share
                AND feed.arrival_untold_lots >= setting.leak_lots
            ), false
        ) AS is_leaky,
        coalesce(
            feed.volume_z >= setting.volume_z
            AND feed.recent_events >= setting.volume_factor * feed.usual_events, false
        ) AS is_more
    FROM feat_feed_health AS feed
    CROSS JOIN setting
    LEFT JOIN reshaped ON reshaped.site_id = feed.site_id
)
SELECT
    site.gln, site.name, site.role,
    CASE
        WHEN NOT signed.has_habit THEN 'unknown'
        WHEN signed.is_silent AND signed.is_regular THEN 'failing'
        WHEN
            signed.is_silent OR signed.is_less OR signed.is_late OR signed.is_leaky OR signed.is_more
            OR signed.is_changed
            THEN 'doubtful'
        ELSE 'sound'
    END AS health,
    list_filter([
        if(signed.is_silent, 'silent', NULL), if(signed.is_less, 'less', NULL),
        if(signed.is_late, 'late', NULL), if(signed.is_leaky, 'leaky', NULL),
        if(signed.is_more, 'more', NULL), if(signed.is_changed, 'changed', NULL)
    ], lambda sign : sign IS NOT NULL) AS signs,
    signed.silent_days, signed.usual_gap_days,
    signed.lag_p50_h, signed.lag_p95_h, signed.lag_before_p50_h, signed.lag_before_p95_h,
    signed.recent_events, signed.usual_events, signed.volume_z,
    signed.departure_untold_share, signed.arrival_untold_share,
    signed.shape_changes, signed.event_count, signed.last_at
FROM signed
JOIN core_site AS site ON site.site_id = signed.site_id
ORDER BY
    CASE health WHEN 'failing' THEN 1 WHEN 'doubtful' THEN 2 WHEN 'unknown' THEN 3 ELSE 4 END,
    len(signs) DESC, signed.silent_days DESC, site.gln
