-- model:   feat_leg
-- purpose: Where a pack was seen next: two consecutive scans of it at two places on the map.
-- grain:   one row per pack and change of place
-- key:     unit_id, to_record_id
-- parts:   lot
-- reads:   core_lot, core_observation, core_site, raw_setting, stg_verification
-- columns:
--   unit_id         core_unit
--   lot_id          core_lot
--   from_record_id  the earlier scan
--   to_record_id    the later scan
--   from_site_id    place of the earlier scan
--   to_site_id      place of the later scan
--   from_at         UTC
--   to_at           UTC
--   elapsed_h       hours between the scans, by the clocks of the two places
--   doubt_h         hours by which the two clocks together may be wrong
--   distance_km     great circle
--   is_too_fast     over P01's distance and faster than P01 allows
--   short_h         hours that are missing for a lawful journey; 0 where none
-- caveats: Only places with coordinates; a place without them is passed over, so a leg may skip it.
--   Not seen as scans: inferred movements, verifications without an answer, what the maker asked or
--   retired in its own system.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P01.distance_km') AS distance_km,
        max(value) FILTER (WHERE name = 'P01.speed_kmh') AS speed_kmh,
        max(value) FILTER (WHERE name = 'P01.near_speed_kmh') AS near_speed_kmh,
        max(value) FILTER (WHERE name = 'P01.near_gap_h') AS near_gap_h
    FROM raw_setting
),
located AS (
    SELECT site_id, partner_id, radians(latitude) AS latitude, radians(longitude) AS longitude
    FROM core_site
    WHERE latitude IS NOT NULL AND longitude IS NOT NULL
        AND NOT (latitude = 0 AND longitude = 0)  -- a field left empty, not the Gulf of Guinea
),
maker AS (
    SELECT core_lot.lot_id, core_site.site_id, core_site.partner_id
    FROM core_lot
    JOIN core_site ON core_site.site_id = core_lot.maker_site_id
),
scan AS (
    SELECT
        seen.unit_id, seen.lot_id, seen.record_id, seen.site_id, seen.observed_at,
        seen.clock_doubt_min, located.latitude, located.longitude
    FROM core_observation AS seen
    JOIN located ON located.site_id = seen.site_id
    LEFT JOIN maker ON maker.lot_id = seen.lot_id
    LEFT JOIN stg_verification AS asked
        ON seen.kind = 'verification' AND asked.record_id = seen.record_id
    WHERE NOT regexp_matches(
            coalesce(asked.answer_code, ''), '^(NO_ANSWER|(HTTP[ _]?)?(404|408|5[0-9][0-9]))$'
        )
        AND NOT (
            (
                seen.kind = 'verification'
                OR seen.step IN ('decommissioning', 'decomissioning')
            )
            AND coalesce(
                maker.site_id = located.site_id OR maker.partner_id = located.partner_id, FALSE
            )
        )
),
ordered AS (
    SELECT
        unit_id, lot_id, record_id, site_id, observed_at, clock_doubt_min, latitude, longitude,
        lag(record_id) OVER life AS from_record_id,
        lag(site_id) OVER life AS from_site_id,
        lag(observed_at) OVER life AS from_at,
        lag(clock_doubt_min) OVER life AS from_doubt_min,
        lag(latitude) OVER life AS from_latitude,
        lag(longitude) OVER life AS from_longitude
    FROM scan
    WINDOW life AS (PARTITION BY unit_id ORDER BY observed_at, record_id)
),
leg AS (
    SELECT
        unit_id, lot_id, from_record_id, record_id AS to_record_id,
        from_site_id, site_id AS to_site_id, from_at, observed_at AS to_at,
        epoch(observed_at - from_at) / 3600 AS elapsed_h,
        (clock_doubt_min + from_doubt_min) / 60 AS doubt_h,
        2 * 6371 * asin(least(1, sqrt(
            pow(sin((latitude - from_latitude) / 2), 2)
            + cos(latitude) * cos(from_latitude) * pow(sin((longitude - from_longitude) / 2), 2)
        ))) AS distance_km
    FROM ordered
    WHERE site_id <> from_site_id
)
SELECT
    unit_id, lot_id, from_record_id, to_record_id, from_site_id, to_site_id, from_at, to_at,
    elapsed_h, doubt_h, leg.distance_km,
    coalesce(
        leg.distance_km > setting.distance_km
        AND (
            leg.distance_km > speed_kmh * (elapsed_h + doubt_h)
            OR (elapsed_h < near_gap_h AND leg.distance_km > near_speed_kmh * (elapsed_h + doubt_h))
        ),
        FALSE
    ) AS is_too_fast,
    CASE
        WHEN NOT is_too_fast THEN 0
        WHEN leg.distance_km <= near_speed_kmh * near_gap_h
            THEN greatest(0, leg.distance_km / near_speed_kmh - elapsed_h - doubt_h)
        ELSE greatest(0, greatest(near_gap_h, leg.distance_km / speed_kmh) - elapsed_h - doubt_h)
    END AS short_h
FROM leg
CROSS JOIN setting
ORDER BY unit_id, to_at, to_record_id
