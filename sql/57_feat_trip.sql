-- model:   feat_trip
-- purpose: How long each consignment was on the way, where both ends are on record.
-- grain:   one row per consignment: origin, destination, record of leaving and of arriving
-- key:     from_site_id, to_site_id, ship_record_id, receive_record_id
-- reads:   core_event, core_movement, core_site, stg_shipment
-- columns:
--   from_site_id       core_site
--   to_site_id         core_site
--   ship_record_id     the leaving; for a log line, the line
--   receive_record_id  the arriving; for a log line, the line
--   mode               of transport, as the log states it; empty where not stated
--   shipped_at         UTC
--   received_at        UTC
--   transit_h          hours between, as stated
--   open_h             the same less 24 h for every Saturday and Sunday between the two days
--   doubt_h            hours by which the two times together may be wrong
--   distance_km        great circle; null where one place is not on the map
--   distance_class     near (under 150 km), inland (600), far (2000), overseas, unknown
--   lots               lots in it
--   units              packs or quantity in it
--   receipt_lag_h      hours from the receipt to its recording; null where not recorded
-- caveats: Weekends are Saturday and Sunday everywhere; holidays are not known. A receipt that
--   somebody typed in late, with the day of typing, is a long trip here.
WITH trip AS (
    SELECT
        m.from_site_id, m.to_site_id, m.ship_record_id, m.receive_record_id,
        coalesce(max(lower(trim(l.mode))), '') AS mode,
        min(m.shipped_at) AS shipped_at, max(m.received_at) AS received_at,
        bool_or(m.is_day_precision) AS is_day_precision,
        count(DISTINCT m.lot_id) AS lots, sum(m.units) AS units
    FROM core_movement AS m
    LEFT JOIN stg_shipment AS l
        ON l.record_id = coalesce(
            m.log_record_id, CASE WHEN m.source = 'shipment' THEN m.ship_record_id END)
    WHERE m.shipped_at IS NOT NULL AND m.received_at IS NOT NULL
        AND m.from_site_id IS NOT NULL AND m.to_site_id IS NOT NULL
        AND m.from_site_id <> m.to_site_id
        AND m.ship_record_id IS NOT NULL AND m.receive_record_id IS NOT NULL
    GROUP BY m.from_site_id, m.to_site_id, m.ship_record_id, m.receive_record_id
),
-- Weekend days up to a date, counted from 1 January 2000, a Saturday.
counted AS (
    SELECT
        *,
        received_at::DATE - 1 - DATE '2000-01-01' AS last_no,
        shipped_at::DATE - DATE '2000-01-01' AS first_no
    FROM trip
),
open_trip AS (
    SELECT
        * EXCLUDE (last_no, first_no),
        greatest(0,
            2 * (last_no // 7) + least(last_no % 7 + 1, 2)
            - 2 * (first_no // 7) - least(first_no % 7 + 1, 2)
        ) AS weekend_days
    FROM counted
),
located AS (
    SELECT site_id, radians(latitude) AS latitude, radians(longitude) AS longitude
    FROM core_site
    WHERE latitude IS NOT NULL AND longitude IS NOT NULL
        AND NOT (latitude = 0 AND longitude = 0)  -- a field left empty
),
measured AS (
    SELECT
        t.*,
        epoch(t.received_at - t.shipped_at) / 3600 AS transit_h,
        CASE
            WHEN t.is_day_precision THEN 24
            ELSE (coalesce(s.clock_doubt_min, 5) + coalesce(r.clock_doubt_min, 5)) / 60
        END AS doubt_h,
        -- least passes over a null: a place without coordinates must not lie at the antipodes.
        CASE
            WHEN a.site_id IS NOT NULL AND b.site_id IS NOT NULL
                THEN 2 * 6371 * asin(least(1, sqrt(
                    pow(sin((b.latitude - a.latitude) / 2), 2)
                    + cos(a.latitude) * cos(b.latitude)
                    * pow(sin((b.longitude - a.longitude) / 2), 2)
                )))
        END AS distance_km,
        r.lag_h AS receipt_lag_h
    FROM open_trip AS t
    LEFT JOIN core_event AS s ON s.record_id = t.ship_record_id
    LEFT JOIN core_event AS r ON r.record_id = t.receive_record_id
    LEFT JOIN located AS a ON a.site_id = t.from_site_id
    LEFT JOIN located AS b ON b.site_id = t.to_site_id
)
SELECT
    from_site_id, to_site_id, ship_record_id, receive_record_id, mode, shipped_at, received_at,
    transit_h, transit_h - 24.0 * weekend_days AS open_h, doubt_h::DOUBLE AS doubt_h,
    measured.distance_km,
    CASE
        WHEN measured.distance_km < 150 THEN 'near'
        WHEN measured.distance_km < 600 THEN 'inland'
        WHEN measured.distance_km < 2000 THEN 'far'
        WHEN measured.distance_km IS NOT NULL THEN 'overseas'
        ELSE 'unknown'
    END AS distance_class,
    lots, units, receipt_lag_h
FROM measured
ORDER BY from_site_id, to_site_id, shipped_at, ship_record_id, receive_record_id
