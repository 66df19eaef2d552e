-- model:   evid_lot_custody
-- purpose: The lanes a lot travelled, site to site, with how much of each was scanned.
-- grain:   one row per lot, sending site and receiving site
-- key:     lot_id, row_no
-- parts:   lot
-- reads:   core_custody, core_lot, core_movement, core_site, find_finding
-- columns:
--   lot_id           core_lot
--   gtin             GTIN-14 of the lot
--   lot              lot as stated
--   row_no           1 for the lane that matters most: cited ones first, then by units
--   from_site_id     sender; null where the data names none
--   from_gln         GLN or text of the sender
--   to_site_id       receiver; null where the data names none
--   to_gln           GLN or text of the receiver
--   units            packs moved, every movement counted; 0 where no count is stated
--   movement_count   shipments behind the lane
--   first_at         UTC, first departure, or arrival where no departure is known
--   last_at          UTC, last arrival, or departure where no arrival is known
--   unshipped_units  packs received here with no departure in the data
--   unreceived_units packs sent here with no arrival in the data
--   inferred_share   0 to 1, hops known only through the container; null where packs have no serials
--   is_cited         true: a standing finding cites a record of the lane
--   record_ids       records behind the lane, the first 50
-- caveats: A pack that travels a lane twice counts twice. Measures (kilograms, litres) are left out.
WITH cited AS (
    SELECT DISTINCT lot_id, unnest(record_ids) AS record_id
    FROM find_finding
    WHERE status = 'stands'
),
moved AS (
    SELECT
        movement_id, lot_id, from_site_id, to_site_id, units, shipped_at, received_at,
        unnest(list_distinct([ship_record_id, receive_record_id, log_record_id])) AS record_id
    FROM core_movement
),
lane_record AS (
    SELECT
        moved.lot_id, moved.from_site_id, moved.to_site_id,
        bool_or(cited.record_id IS NOT NULL) AS is_cited,
        list_slice(list_sort(list(DISTINCT moved.record_id)), 1, 50) AS record_ids
    FROM moved
    LEFT JOIN cited ON cited.lot_id = moved.lot_id AND cited.record_id = moved.record_id
    WHERE moved.record_id IS NOT NULL
    GROUP BY moved.lot_id, moved.from_site_id, moved.to_site_id
),
lane AS (
    SELECT
        lot_id, from_site_id, to_site_id,
        coalesce(sum(units) FILTER (WHERE uom IS NULL), 0) AS units,
        count(*) AS movement_count,
        min(coalesce(shipped_at, received_at)) AS first_at,
        max(coalesce(received_at, shipped_at)) AS last_at,
        coalesce(sum(units) FILTER (WHERE uom IS NULL AND shipped_at IS NULL), 0) AS unshipped_units,
        coalesce(sum(units) FILTER (WHERE uom IS NULL AND received_at IS NULL), 0) AS unreceived_units
    FROM core_movement
    GROUP BY lot_id, from_site_id, to_site_id
),
knowing AS (
    SELECT lot_id, from_site_id, to_site_id, avg(is_inferred::INTEGER) AS inferred_share
    FROM core_custody
    GROUP BY lot_id, from_site_id, to_site_id
)
SELECT
    lane.lot_id,
    core_lot.gtin,
    core_lot.lot,
    row_number() OVER (
        PARTITION BY lane.lot_id
        ORDER BY lane_record.is_cited DESC, lane.units DESC, lane.first_at, lane.from_site_id,
            lane.to_site_id
    ) AS row_no,
    lane.from_site_id,
    sender.gln AS from_gln,
    lane.to_site_id,
    receiver.gln AS to_gln,
    lane.units,
    lane.movement_count,
    lane.first_at,
    lane.last_at,
    lane.unshipped_units,
    lane.unreceived_units,
    knowing.inferred_share,
    lane_record.is_cited,
    lane_record.record_ids
FROM lane
JOIN core_lot USING (lot_id)
JOIN lane_record
    ON lane_record.lot_id = lane.lot_id
    AND lane_record.from_site_id IS NOT DISTINCT FROM lane.from_site_id
    AND lane_record.to_site_id IS NOT DISTINCT FROM lane.to_site_id
LEFT JOIN knowing
    ON knowing.lot_id = lane.lot_id
    AND knowing.from_site_id IS NOT DISTINCT FROM lane.from_site_id
    AND knowing.to_site_id IS NOT DISTINCT FROM lane.to_site_id
LEFT JOIN core_site AS sender ON sender.site_id = lane.from_site_id
LEFT JOIN core_site AS receiver ON receiver.site_id = lane.to_site_id
ORDER BY lane.lot_id, row_no
