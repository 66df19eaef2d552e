-- model:   evid_lot_timeline
-- purpose: What the data says happened to a lot, gathered by day, site and step, ready to be cited.
-- grain:   one row per lot, UTC day, site, other site, step, disposition and way of knowing
-- key:     lot_id, row_no
-- parts:   lot
-- reads:   core_item_event, core_lot, core_movement, core_observation, core_site, find_finding
-- columns:
--   lot_id           core_lot
--   gtin             GTIN-14 of the lot
--   lot              lot as stated
--   row_no           1 for the row that matters most: cited ones first, then by units
--   first_at         UTC, earliest event of the row
--   last_at          UTC, latest event of the row
--   step             business step as a bare word; verifying: a scanner or service asked
--   disposition      as stated with the step; null where none was
--   site_id          where it happened; null where no place was stated
--   site_gln         GLN or text of that place
--   other_site_id    where the goods went (shipping) or came from (receiving), where stated
--   other_gln        GLN or text of that place
--   units            packs concerned; 0 where no count is stated
--   event_count      records behind the row
--   is_inferred      true: nobody scanned these packs, they moved with their container
--   is_cited         true: a standing finding cites a record of the row
--   record_ids       records behind the row, the first 50
-- caveats: A row joins the events of one day, so order within a day is only between its two times.
--   Packs whose event names no step show an empty step.
WITH cited AS (
    SELECT DISTINCT lot_id, unnest(record_ids) AS record_id
    FROM find_finding
    WHERE status = 'stands'
),
told AS (
    SELECT
        lot_id, event_at AS happened_at, step, disposition, site_id,
        CASE WHEN step IN ('receiving', 'accepting', 'arriving') THEN from_site_id ELSE to_site_id
        END AS other_site_id,
        unit_id, NULL::DOUBLE AS class_units, is_inferred, record_id
    FROM core_item_event
    UNION ALL
    SELECT
        lot_id, observed_at, 'verifying', NULL, site_id, NULL, unit_id, NULL, false, record_id
    FROM core_observation
    WHERE kind = 'verification'
    UNION ALL
    SELECT
        lot_id, shipped_at, 'shipping', NULL, from_site_id, to_site_id, NULL,
        CASE WHEN uom IS NULL THEN units END, false,
        ship_record_id
    FROM core_movement
    WHERE NOT is_serialized AND shipped_at IS NOT NULL AND ship_record_id IS NOT NULL
    UNION ALL
    SELECT
        lot_id, received_at, 'receiving', NULL, to_site_id, from_site_id, NULL,
        CASE WHEN uom IS NULL THEN units END, false,
        receive_record_id
    FROM core_movement
    WHERE NOT is_serialized AND received_at IS NOT NULL AND receive_record_id IS NOT NULL
),
gathered AS (
    SELECT
        told.lot_id, told.step, told.disposition, told.site_id, told.other_site_id,
        told.is_inferred,
        min(told.happened_at) AS first_at,
        max(told.happened_at) AS last_at,
        count(DISTINCT told.unit_id) + coalesce(sum(told.class_units), 0) AS units,
        count(DISTINCT told.record_id) AS event_count,
        bool_or(cited.record_id IS NOT NULL) AS is_cited,
        list_slice(list_sort(list(DISTINCT told.record_id)), 1, 50) AS record_ids
    FROM told
    LEFT JOIN cited ON cited.lot_id = told.lot_id AND cited.record_id = told.record_id
    GROUP BY
        told.lot_id, date_trunc('day', told.happened_at), told.step, told.disposition, told.site_id,
        told.other_site_id, told.is_inferred
)
SELECT
    gathered.lot_id,
    core_lot.gtin,
    core_lot.lot,
    row_number() OVER (
        PARTITION BY gathered.lot_id
        ORDER BY is_cited DESC, units DESC, gathered.first_at, record_ids[1], step, is_inferred,
            gathered.site_id, other_site_id, disposition
    ) AS row_no,
    gathered.first_at,
    gathered.last_at,
    gathered.step,
    gathered.disposition,
    gathered.site_id,
    site.gln AS site_gln,
    gathered.other_site_id,
    other.gln AS other_gln,
    gathered.units,
    gathered.event_count,
    gathered.is_inferred,
    gathered.is_cited,
    gathered.record_ids
FROM gathered
JOIN core_lot USING (lot_id)
LEFT JOIN core_site AS site ON site.site_id = gathered.site_id
LEFT JOIN core_site AS other ON other.site_id = gathered.other_site_id
ORDER BY gathered.lot_id, row_no
