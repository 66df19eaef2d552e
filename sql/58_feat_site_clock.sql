-- model:   feat_site_clock
-- purpose: Whether a place's clock or time zone is off by a constant whole or half hour, or runs
--   ahead of the time at which its records arrive.
-- grain:   one row per place with enough records to tell
-- key:     site_id
-- reads:   core_item_event, raw_setting
-- columns:
--   site_id    core_site
--   records    distinct records that the answer rests on
--   shift_min  minutes to add to its times to make them true; 0 where no constant shift shows
--   share      of those records that the shift explains (without a shift: that need none)
--   basis      recording: event time against the time of recording; receipt: against the other end
--              of its shipments
-- caveats: A feed that always transmits an hour late looks like a clock an hour slow.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'B10.max_shift_min') AS max_shift_min,
        max(value) FILTER (WHERE name = 'B10.records') AS records,
        max(value) FILTER (WHERE name = 'B10.share') AS share,
        max(value) FILTER (WHERE name = 'B10.tolerance_min') AS tolerance_min
    FROM raw_setting
),
record AS (
    SELECT
        record_id, site_id,
        epoch(min(recorded_at) - min(event_at)) / 60 AS lag_min
    FROM core_item_event
    WHERE NOT is_inferred AND site_id IS NOT NULL AND recorded_at IS NOT NULL
    GROUP BY record_id, site_id
),
typical AS (
    SELECT site_id, count(*) AS records, round(median(lag_min) / 30) * 30 AS shift_min
    FROM record
    GROUP BY site_id
),
by_recording AS (
    SELECT
        record.site_id, typical.records, typical.shift_min,
        avg((abs(lag_min - shift_min) <= tolerance_min)::INTEGER) AS share,
        'recording' AS basis
    FROM record
    JOIN typical USING (site_id)
    CROSS JOIN setting
    GROUP BY record.site_id, typical.records, typical.shift_min
),
-- The two ends of one shipment, as the two places told them; nothing but clocks and late paper
-- lets goods arrive before they leave.
shipment AS (
    SELECT
        ship.record_id AS ship_record_id, receipt.record_id AS receive_record_id,
        min(ship.site_id) AS from_site_id, min(receipt.site_id) AS to_site_id,
        min(epoch(receipt.event_at - ship.event_at) / 60) AS transit_min,
        min(ship.clock_doubt_min + receipt.clock_doubt_min) AS doubt_min
    FROM core_item_event AS ship
    JOIN core_item_event AS receipt
        ON receipt.unit_id = ship.unit_id AND receipt.site_id = ship.to_site_id
        AND receipt.step IN ('receiving', 'arriving', 'accepting')
    WHERE ship.step IN ('shipping', 'departing') AND ship.site_id <> ship.to_site_id
    GROUP BY ship.record_id, receipt.record_id
),
nearest AS (  -- of several shipments on the lane, the receipt's own is the one nearest in time
    SELECT *
    FROM shipment
    QUALIFY row_number() OVER (
        PARTITION BY receive_record_id ORDER BY abs(transit_min), ship_record_id
    ) = 1
),
side AS (
    SELECT
        from_site_id AS site_id, -1 AS direction, ship_record_id AS record_id, transit_min,
        doubt_min
    FROM nearest
    UNION ALL
    SELECT to_site_id, 1, receive_record_id, transit_min, doubt_min FROM nearest
),
by_side AS (
    SELECT
        site_id, direction,
        count(DISTINCT record_id) AS records,
        avg((transit_min < -doubt_min)::INTEGER) AS share,
        direction * ceil(max(-transit_min) / 30) * 30 AS shift_min
    FROM side
    GROUP BY site_id, direction
),
by_receipt AS (
    SELECT site_id, records, shift_min, share, 'receipt' AS basis
    FROM by_side
    QUALIFY row_number() OVER (
        PARTITION BY site_id ORDER BY share DESC, records DESC, direction
    ) = 1
),
-- A clock that runs ahead by less than its feed is late at times: most records come before what
-- they tell, and all of them fit once the time is set back.
ahead AS (
    SELECT
        record.site_id, count(*) AS records, floor(min(lag_min) / 30) * 30 AS shift_min,
        avg((lag_min < 0)::INTEGER) AS early_share
    FROM record
    GROUP BY record.site_id
),
by_early_record AS (
    SELECT site_id, records, shift_min, 1.0 AS share, 'recording' AS basis
    FROM ahead
    WHERE early_share > 0.5
),
judged AS (
    SELECT
        site_id, by_basis.records, shift_min, by_basis.share, basis,
        shift_min <> 0 AND by_basis.share >= setting.share AND abs(shift_min) <= max_shift_min
        AS is_shifted
    FROM (FROM by_recording UNION ALL FROM by_early_record UNION ALL FROM by_receipt) AS by_basis
    CROSS JOIN setting
    WHERE by_basis.records >= setting.records
)
SELECT
    site_id,
    records,
    CASE WHEN is_shifted THEN shift_min ELSE 0 END AS shift_min,
    share,
    basis
FROM judged
QUALIFY row_number() OVER (PARTITION BY site_id ORDER BY is_shifted DESC, basis DESC) = 1
ORDER BY site_id
