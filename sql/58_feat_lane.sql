-- model:   feat_lane
-- purpose: The usual time on the way between two sites: what a trip is to be held against.
-- grain:   one row per origin, destination and mode of transport with a trip on record, and one of
--   no mode (empty) for every other pair of sites that traded
-- key:     from_site_id, to_site_id, mode
-- reads:   core_movement, core_site, feat_trip, raw_setting
-- columns:
--   from_site_id    core_site
--   to_site_id      core_site
--   mode            of transport; empty where not stated
--   distance_class  see feat_trip
--   trips           trips of this lane that are on record
--   class_trips     trips of its distance class and mode
--   all_trips       all trips
--   log_h           centre: natural logarithm of feat_trip's open hours
--   spread          robust standard deviation of it, never under the floor
--   usual_h         open hours of a usual trip
--   p995_h          hours, weekends included, that 995 of 1000 trips do not exceed
-- caveats: A lane with few trips borrows from lanes of its distance class and mode, and those from
--   all; the spread of a thin lane is that of the class, which is wider. Without any trip on record
--   the times are null.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P36.borrowed_trips') AS k,
        max(value) FILTER (WHERE name = 'P36.least_spread') AS floor
    FROM raw_setting
),
trip AS (
    SELECT
        from_site_id, to_site_id, mode, distance_class,
        -- A trip of no time is one hour, or half the doubt where only days are known.
        ln(greatest(open_h, 1, doubt_h / 2)) AS log_h
    FROM feat_trip
),
whole_centre AS (
    SELECT count(*) AS n, median(log_h) AS centre FROM trip
),
whole AS (
    SELECT
        any_value(w.n) AS n, any_value(w.centre) AS centre,
        1.4826 * median(abs(t.log_h - w.centre)) AS spread
    FROM trip AS t
    CROSS JOIN whole_centre AS w
),
class_centre AS (
    SELECT distance_class, mode, count(*) AS n, median(log_h) AS centre
    FROM trip
    GROUP BY distance_class, mode
),
class_spread AS (
    SELECT
        c.distance_class, c.mode, any_value(c.n) AS n, any_value(c.centre) AS centre,
        1.4826 * median(abs(t.log_h - c.centre)) AS spread
    FROM trip AS t
    JOIN class_centre AS c ON c.distance_class = t.distance_class AND c.mode = t.mode
    GROUP BY c.distance_class, c.mode
),
class AS (
    SELECT
        c.distance_class, c.mode, c.n,
        (c.n * c.centre + s.k * w.centre) / (c.n + s.k) AS centre,
        sqrt(((c.n - 1) * pow(c.spread, 2) + s.k * pow(w.spread, 2)) / (c.n - 1 + s.k)) AS spread
    FROM class_spread AS c
    CROSS JOIN setting AS s
    CROSS JOIN whole AS w
),
lane_centre AS (
    SELECT
        from_site_id, to_site_id, mode, min(distance_class) AS distance_class, count(*) AS n,
        median(log_h) AS centre
    FROM trip
    GROUP BY from_site_id, to_site_id, mode
),
lane_spread AS (
    SELECT
        l.from_site_id, l.to_site_id, l.mode, any_value(l.distance_class) AS distance_class,
        any_value(l.n) AS n, any_value(l.centre) AS centre,
        1.4826 * median(abs(t.log_h - l.centre)) AS spread
    FROM trip AS t
    JOIN lane_centre AS l
        ON l.from_site_id = t.from_site_id AND l.to_site_id = t.to_site_id AND l.mode = t.mode
    GROUP BY l.from_site_id, l.to_site_id, l.mode
),
located AS (
    SELECT site_id, radians(latitude) AS latitude, radians(longitude) AS longitude
    FROM core_site
    WHERE latitude IS NOT NULL AND longitude IS NOT NULL AND NOT (latitude = 0 AND longitude = 0)
),
untravelled AS (
    SELECT e.from_site_id, e.to_site_id,
        -- least passes over a null: a place without coordinates must not lie at the antipodes.
        CASE
            WHEN a.site_id IS NOT NULL AND b.site_id IS NOT NULL
                THEN 2 * 6371 * asin(least(1, sqrt(
                    pow(sin((b.latitude - a.latitude) / 2), 2)
                    + cos(a.latitude) * cos(b.latitude)
                    * pow(sin((b.longitude - a.longitude) / 2), 2)
                )))
        END AS distance_km
    FROM (
        SELECT DISTINCT from_site_id, to_site_id
        FROM core_movement
        WHERE from_site_id IS NOT NULL AND to_site_id IS NOT NULL AND from_site_id <> to_site_id
    ) AS e
    ANTI JOIN (SELECT from_site_id, to_site_id FROM lane_centre WHERE mode = '') AS l
        ON l.from_site_id = e.from_site_id AND l.to_site_id = e.to_site_id
    LEFT JOIN located AS a ON a.site_id = e.from_site_id
    LEFT JOIN located AS b ON b.site_id = e.to_site_id
),
lane AS (
    SELECT from_site_id, to_site_id, mode, distance_class, n, centre, spread FROM lane_spread
    UNION ALL
    SELECT
        from_site_id, to_site_id, '',
        CASE
            WHEN untravelled.distance_km < 150 THEN 'near'
            WHEN untravelled.distance_km < 600 THEN 'inland'
            WHEN untravelled.distance_km < 2000 THEN 'far'
            WHEN untravelled.distance_km IS NOT NULL THEN 'overseas'
            ELSE 'unknown'
        END,
        0, 0, 0
    FROM untravelled
),
shrunk AS (
    SELECT
        l.from_site_id, l.to_site_id, l.mode, l.distance_class, l.n AS trips,
        coalesce(c.n, 0) AS class_trips, w.n AS all_trips,
        (l.n * l.centre + s.k * coalesce(c.centre, w.centre)) / (l.n + s.k) AS log_h,
        greatest(s.floor, sqrt(
            (greatest(l.n - 1, 0) * pow(l.spread, 2) + s.k * pow(coalesce(c.spread, w.spread), 2))
            / (greatest(l.n - 1, 0) + s.k)
        )) AS spread
    FROM lane AS l
    CROSS JOIN setting AS s
    CROSS JOIN whole AS w
    LEFT JOIN class AS c ON c.distance_class = l.distance_class AND c.mode = l.mode
)
SELECT
    from_site_id, to_site_id, mode, distance_class, trips, class_trips, all_trips, log_h,
    CASE WHEN log_h IS NOT NULL THEN shrunk.spread END AS spread,
    exp(log_h) AS usual_h,
    exp(log_h + 2.5758 * shrunk.spread)
    + 48 * ceil(exp(log_h + 2.5758 * shrunk.spread) / 120) AS p995_h
FROM shrunk
ORDER BY from_site_id, to_site_id, mode
