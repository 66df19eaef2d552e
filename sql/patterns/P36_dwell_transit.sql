-- model:   P36_dwell_transit
-- purpose: Goods that were far longer on the way or in store than their lane or site is used to, or
--   on the way for less time than the distance allows.
-- grain:   one row per lot, lane or site, kind (transit, stay, too fast) and explanation
-- key:     none
-- pattern: P36
-- family:  condition
-- definition: Robust z of the logarithm of hours above 4: for a trip against its lane and season,
--   for a stay between receipt and shipment against its site and product (feat_dwell); and at least
--   72 h (trip) or 30 days (stay) above what is usual. Weekends on the way do not count as time of
--   a trip. Or a trip of over 50 km in less time than it needs by road at 120 km/h and by air at
--   900 km/h with an hour for loading. The doubt of both clocks is taken off first.
-- guard: Lanes borrow from their distance class and mode, classes from all, by number of trips (the
--   spread too: a thin lane has the wider one of its class); sites borrow from their role, roles
--   from all, products from what else lies at the same sites. Below 20 trips or stays in all:
--   silent. Both ends are on record; returns are no stay.
-- severity: S3; S2 for a trip at least 168 h (a week of working days) above what is usual: goods
--   nobody answers for that long are opened and looked at before they are sold.
-- benign: B11 (many goods of other lanes were booked in, or out, slow at that place that day, by at
--   least a quarter of this excess: a backlog typed in; or the receipt was recorded later than the
--   excess), B12 (nobody scanned the packs at either end of the stay: their container tells; or the
--   receipt names another sender, or the shipping another addressee: a way in between was not
--   told), B25 (most other trips between these countries, or to or from this place, were likewise
--   slow in those weeks).
-- source: Advair 2009, HIV Africa 2002, Levemir 2009; typology P36
-- reads:   core_event, core_lot, core_movement, core_site, feat_dwell, feat_lane, feat_stay,
--   feat_trip, raw_setting
-- columns: as in find_finding's pattern shape
-- caveats: A stay has no physical least time: goods may be crossed over a dock within minutes. The
--   season is the calendar quarter of a distance class, weighed like a thin lane.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P36.robust_z') AS robust_z,
        max(value) FILTER (WHERE name = 'P36.borrowed_trips') AS k,
        max(value) FILTER (WHERE name = 'P36.least_trips') AS least_trips,
        max(value) FILTER (WHERE name = 'P36.trip_excess_h') AS trip_excess_h,
        max(value) FILTER (WHERE name = 'P36.stay_excess_h') AS stay_excess_h,
        max(value) FILTER (WHERE name = 'P36.grave_excess_h') AS grave_excess_h,
        max(value) FILTER (WHERE name = 'P36.slow_z') AS slow_z,
        max(value) FILTER (WHERE name = 'P36.common_share') AS common_share,
        max(value) FILTER (WHERE name = 'P36.peers') AS peers,
        max(value) FILTER (WHERE name = 'P36.peer_share') AS peer_share,
        max(value) FILTER (WHERE name = 'P36.peer_days') AS peer_days,
        max(value) FILTER (WHERE name = 'P36.load_h') AS load_h,
        max(value) FILTER (WHERE name = 'P01.distance_km') AS distance_km,
        max(value) FILTER (WHERE name = 'P01.speed_kmh') AS speed_kmh,
        max(value) FILTER (WHERE name = 'P01.near_speed_kmh') AS near_speed_kmh
    FROM raw_setting
),
residual AS (
    SELECT
        trip.*, lane.log_h, lane.spread, lane.trips, lane.all_trips,
        quarter(trip.shipped_at) AS season,
        ln(greatest(trip.open_h, 1, trip.doubt_h / 2)) - lane.log_h AS rest
    FROM feat_trip AS trip
    INNER JOIN feat_lane AS lane
        ON trip.from_site_id = lane.from_site_id AND trip.to_site_id = lane.to_site_id
        AND trip.mode = lane.mode
),
season AS (
    SELECT
        distance_class, mode, season,
        median(rest) * count(*) / (count(*) + any_value(setting.k)) AS shift
    FROM residual
    CROSS JOIN setting
    GROUP BY distance_class, mode, season
),
trip AS (
    SELECT
        residual.*,
        exp(residual.log_h + season.shift) AS usual_h,
        (ln(greatest(open_h - residual.doubt_h, 1, residual.doubt_h / 2))
            - residual.log_h - season.shift) / residual.spread AS robust_z,
        residual.distance_km > setting.distance_km
        AND residual.transit_h + residual.doubt_h > 0
        AND residual.transit_h + residual.doubt_h < least(
            residual.distance_km / setting.near_speed_kmh,
            residual.distance_km / setting.speed_kmh + setting.load_h
        ) AS is_too_fast,
        here.country AS from_country, there.country AS to_country
    FROM residual
    CROSS JOIN setting
    INNER JOIN season
        ON residual.distance_class = season.distance_class AND residual.mode = season.mode
        AND residual.season = season.season
    LEFT JOIN core_site AS here ON residual.from_site_id = here.site_id
    LEFT JOIN core_site AS there ON residual.to_site_id = there.site_id
),
odd_trip AS (
    SELECT
        trip.*,
        open_h - trip.doubt_h - usual_h AS excess_h,
        -- A shipping and a receipt of two ways, between which another was not told.
        coalesce(sender.partner_id <> here.partner_id, false)
        OR coalesce(addressee.partner_id <> there.partner_id, false) AS is_two_ways
    FROM trip
    CROSS JOIN setting
    LEFT JOIN core_event AS receipt ON trip.receive_record_id = receipt.record_id
    LEFT JOIN core_event AS shipping ON trip.ship_record_id = shipping.record_id
    LEFT JOIN core_site AS sender ON receipt.from_site_id = sender.site_id
    LEFT JOIN core_site AS addressee ON shipping.to_site_id = addressee.site_id
    LEFT JOIN core_site AS here ON trip.from_site_id = here.site_id
    LEFT JOIN core_site AS there ON trip.to_site_id = there.site_id
    WHERE coalesce(is_too_fast, false)
        OR (
            all_trips >= setting.least_trips AND trip.robust_z > setting.robust_z
            AND open_h - trip.doubt_h - usual_h >= setting.trip_excess_h
        )
),
-- B11: other lanes booked slow at the same place on the same day. B25: slow in those weeks.
around AS (
    SELECT
        odd.ship_record_id, odd.receive_record_id, odd.from_site_id, odd.to_site_id,
        count(*) FILTER (
            WHERE other.robust_z > setting.slow_z
                AND other.open_h - other.usual_h >= setting.common_share * odd.excess_h AND (
                (other.to_site_id = odd.to_site_id
                    AND other.received_at::DATE = odd.received_at::DATE)
                OR (other.from_site_id = odd.from_site_id
                    AND other.shipped_at::DATE = odd.shipped_at::DATE)
            )
        ) AS same_day_slow,
        count(*) AS peers,
        count(*) FILTER (
            WHERE other.robust_z > setting.slow_z
                AND other.open_h - other.usual_h >= setting.common_share * odd.excess_h
        ) AS slow_peers
    FROM odd_trip AS odd
    CROSS JOIN setting
    INNER JOIN trip AS other
        ON odd.from_country IS NOT DISTINCT FROM other.from_country
        AND odd.to_country IS NOT DISTINCT FROM other.to_country
        AND other.shipped_at
            BETWEEN odd.shipped_at - to_days(CAST(setting.peer_days AS INTEGER))
            AND odd.shipped_at + to_days(CAST(setting.peer_days AS INTEGER))
    WHERE (odd.from_site_id <> other.from_site_id OR odd.to_site_id <> other.to_site_id)
        AND NOT odd.is_too_fast
    GROUP BY odd.ship_record_id, odd.receive_record_id, odd.from_site_id, odd.to_site_id
),
slow_place AS (
    SELECT
        odd.ship_record_id, odd.receive_record_id, odd.from_site_id, odd.to_site_id,
        count(*) FILTER (
            WHERE other.received_at::DATE = odd.received_at::DATE
                AND other.robust_z > setting.slow_z
                AND other.open_h - other.usual_h >= setting.common_share * odd.excess_h
        ) AS same_day_slow,
        count(*) AS peers,
        count(*) FILTER (
            WHERE other.robust_z > setting.slow_z
                AND other.open_h - other.usual_h >= setting.common_share * odd.excess_h
        ) AS slow_peers
    FROM odd_trip AS odd
    CROSS JOIN setting
    INNER JOIN trip AS other
        ON odd.to_site_id = other.to_site_id AND odd.from_site_id <> other.from_site_id
        AND other.received_at
            BETWEEN odd.received_at - to_days(CAST(setting.peer_days AS INTEGER))
            AND odd.received_at + to_days(CAST(setting.peer_days AS INTEGER))
    WHERE NOT odd.is_too_fast
    GROUP BY odd.ship_record_id, odd.receive_record_id, odd.from_site_id, odd.to_site_id
),
lot_trip AS (
    SELECT
        movement.lot_id,
        CASE WHEN odd.is_too_fast THEN 'too_fast' ELSE 'transit' END AS kind,
        odd.to_site_id AS site_id, odd.from_site_id AS other_site_id,
        movement.units, odd.transit_h AS hours, odd.open_h, odd.usual_h,
        odd.robust_z, odd.distance_km, odd.doubt_h, odd.trips,
        greatest(coalesce(around.same_day_slow, 0), coalesce(slow_place.same_day_slow, 0))
            AS same_day_slow,
        odd.receipt_lag_h,
        greatest(
            CASE
                WHEN around.peers >= setting.peers THEN around.slow_peers / around.peers ELSE 0
            END,
            CASE
                WHEN slow_place.peers >= setting.peers THEN slow_place.slow_peers / slow_place.peers
                ELSE 0
            END
        ) AS slow_peer_share,
        false AS is_inferred, odd.is_two_ways, odd.excess_h,
        [odd.ship_record_id, odd.receive_record_id] AS record_ids
    FROM odd_trip AS odd
    CROSS JOIN setting
    INNER JOIN core_movement AS movement
        ON odd.from_site_id = movement.from_site_id AND odd.to_site_id = movement.to_site_id
        AND odd.ship_record_id = movement.ship_record_id
        AND odd.receive_record_id = movement.receive_record_id
    LEFT JOIN around
        ON odd.ship_record_id = around.ship_record_id
        AND odd.receive_record_id = around.receive_record_id
        AND odd.from_site_id = around.from_site_id AND odd.to_site_id = around.to_site_id
    LEFT JOIN slow_place
        ON odd.ship_record_id = slow_place.ship_record_id
        AND odd.receive_record_id = slow_place.receive_record_id
        AND odd.from_site_id = slow_place.from_site_id AND odd.to_site_id = slow_place.to_site_id
),
odd_stay AS (  -- each consignment of a product once
    SELECT
        stay.site_id, lot.gtin, stay.receive_record_id, stay.ship_record_id,
        max(stay.stay_h) AS stay_h, max(stay.doubt_h) AS doubt_h,
        any_value(dwell.stays) AS stays, any_value(dwell.usual_h) AS usual_h,
        max((ln(greatest(stay.stay_h - stay.doubt_h, 1)) - dwell.log_h) / dwell.spread) AS stay_z
    FROM feat_stay AS stay
    CROSS JOIN setting
    INNER JOIN core_lot AS lot ON stay.lot_id = lot.lot_id
    INNER JOIN feat_dwell AS dwell ON stay.site_id = dwell.site_id AND lot.gtin = dwell.gtin
    WHERE NOT stay.is_return
        AND dwell.all_stays >= setting.least_trips
        AND (ln(greatest(stay.stay_h - stay.doubt_h, 1)) - dwell.log_h) / dwell.spread
        > setting.robust_z
        AND stay.stay_h - stay.doubt_h - dwell.usual_h >= setting.stay_excess_h
    GROUP BY stay.site_id, lot.gtin, stay.receive_record_id, stay.ship_record_id
),
lot_stay AS (
    SELECT
        stay.lot_id, 'stay' AS kind, stay.site_id, stay.from_site_id AS other_site_id, stay.units,
        odd.stay_h AS hours, odd.stay_h AS open_h, odd.usual_h, odd.stay_z AS robust_z,
        NULL AS distance_km, odd.doubt_h,
        odd.stays AS trips, 0 AS same_day_slow, NULL AS receipt_lag_h, 0 AS slow_peer_share,
        stay.is_inferred, false AS is_two_ways, NULL AS excess_h,
        [stay.receive_record_id, stay.ship_record_id] AS record_ids
    FROM odd_stay AS odd
    INNER JOIN feat_stay AS stay
        ON odd.site_id = stay.site_id AND odd.receive_record_id = stay.receive_record_id
        AND odd.ship_record_id = stay.ship_record_id
    INNER JOIN core_lot AS lot ON stay.lot_id = lot.lot_id AND odd.gtin = lot.gtin
    WHERE NOT stay.is_return
),
coded AS (
    SELECT
        found.*,
        CASE
            WHEN found.kind = 'too_fast' THEN NULL
            WHEN found.same_day_slow >= setting.peers
                OR coalesce(found.receipt_lag_h >= found.open_h - found.usual_h, false) THEN 'B11'
            WHEN found.is_inferred OR found.is_two_ways THEN 'B12'
            WHEN found.slow_peer_share >= setting.peer_share THEN 'B25'
        END AS benign
    FROM (FROM lot_trip UNION ALL FROM lot_stay) AS found
    CROSS JOIN setting
),
grouped AS (
    SELECT
        lot_id, kind, site_id, other_site_id, benign,
        sum(units) AS units,
        max(same_day_slow) AS same_day_slow,
        max(slow_peer_share) AS slow_peer_share,
        max(receipt_lag_h) AS receipt_lag_h,
        bool_or(is_inferred) AS is_inferred,
        bool_or(is_two_ways) AS is_two_ways,
        bool_or(coalesce(coded.excess_h >= grave_excess_h, false) AND kind = 'transit')
            AS is_grave,
        arg_max(
            {
                'hours': hours, 'usual_h': usual_h, 'robust_z': coded.robust_z,
                'distance_km': coded.distance_km, 'doubt_h': doubt_h, 'trips': trips
            },
            (abs(coded.robust_z), hours)
        ) AS shown,
        list_sort(list_distinct(flatten(list(record_ids))))[1:50] AS record_ids
    FROM coded
    CROSS JOIN setting
    GROUP BY lot_id, kind, site_id, other_site_id, benign
)
SELECT
    grouped.lot_id::INTEGER AS lot_id,
    NULL::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    grouped.site_id::INTEGER AS site_id,
    grouped.other_site_id::INTEGER AS other_site_id,
    CASE WHEN grouped.is_grave THEN 'S2' ELSE 'S3' END AS severity,
    CASE WHEN grouped.benign IS NULL THEN 'stands' ELSE 'explained' END AS status,
    grouped.benign,
    'conflicting' AS history,
    grouped.units::DOUBLE AS units,
    to_json({
        'kind': grouped.kind,
        'time_h': round(grouped.shown.hours, 1), 'usual_time_h': round(grouped.shown.usual_h, 1),
        'robust_z': CASE
            WHEN grouped.kind <> 'too_fast' THEN round(grouped.shown.robust_z, 2)
        END,
        'distance_km': round(grouped.shown.distance_km, 0),
        'speed_kmh': CASE WHEN grouped.kind = 'too_fast' THEN round(
            grouped.shown.distance_km / (grouped.shown.hours + grouped.shown.doubt_h), 0) END,
        'own_trips': grouped.shown.trips
    }) AS observed,
    to_json({
        'robust_z': CASE WHEN grouped.kind <> 'too_fast' THEN setting.robust_z END,
        'speed_kmh': CASE WHEN grouped.kind = 'too_fast' THEN round(
            grouped.shown.distance_km / least(
                grouped.shown.distance_km / setting.near_speed_kmh,
                grouped.shown.distance_km / setting.speed_kmh + setting.load_h
            ), 0) END
    }) AS threshold,
    to_json([
        to_json({
            'code': 'B11',
            'result': CASE WHEN grouped.benign = 'B11' THEN 'supported' ELSE 'ruled_out' END,
            'slow_that_day': grouped.same_day_slow,
            'receipt_lag_h': round(grouped.receipt_lag_h, 1)
        }),
        to_json({
            'code': 'B12',
            'result': CASE
                WHEN grouped.benign = 'B12' THEN 'supported' ELSE 'ruled_out'
            END,
            'is_known_by_container': grouped.is_inferred,
            'is_of_two_ways': grouped.is_two_ways
        }),
        to_json({
            'code': 'B25',
            'result': CASE
                WHEN grouped.kind = 'stay' THEN 'not_testable'
                WHEN grouped.slow_peer_share >= setting.peer_share THEN 'supported'
                ELSE 'ruled_out'
            END,
            'slow_peer_share': round(grouped.slow_peer_share, 4)
        })
    ])::JSON AS tests,
    grouped.record_ids
FROM grouped
CROSS JOIN setting
INNER JOIN core_lot AS lot ON grouped.lot_id = lot.lot_id
ORDER BY ALL
