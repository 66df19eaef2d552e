-- model:   evid_lot_timeline
-- purpose: What the data says happened to a lot, gathered by day, site and step, ready to be cited.
-- grain:   one row per lot, UTC day, site, other site, step, disposition and way of knowing
-- key:     lot_id, row_no
-- reads:   core_event, core_item_event, core_lot, core_movement, core_observation, core_site,
--   find_finding
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
-- A record tells the same of all its packs: they are counted by record before by day.
told AS (
    SELECT
        item.lot_id, event.event_at AS happened_at, event.step, event.disposition, event.site_id,
        CASE
            WHEN event.step IN ('receiving', 'accepting', 'arriving') THEN event.from_site_id
            ELSE event.to_site_id
        END AS other_site_id,
        item.packs, NULL::DOUBLE AS class_units, item.is_inferred, item.record_id
    FROM (
        SELECT lot_id, record_id, is_inferred, count(*) AS packs
        FROM core_item_event
        GROUP BY lot_id, record_id, is_inferred
    ) AS item
    JOIN core_event AS event ON event.record_id = item.record_id
    UNION ALL
    SELECT
        lot_id, observed_at, 'verifying', NULL, site_id, NULL, count(DISTINCT unit_id), NULL, false,
        record_id
    FROM core_observation
    WHERE kind = 'verification'
    GROUP BY lot_id, observed_at, site_id, record_id
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
gathered AS MATERIALIZED (
    SELECT
        told.lot_id, told.step, told.disposition, told.site_id, told.other_site_id,
        told.is_inferred,
        row_number() OVER () AS group_no,
        min(told.happened_at) AS first_at,
        max(told.happened_at) AS last_at,
        coalesce(sum(told.packs), 0) AS packs,
        list(told.record_id) FILTER (WHERE told.packs IS NOT NULL) AS pack_record_ids,
        coalesce(sum(told.class_units), 0) AS class_units,
        count(DISTINCT told.record_id) AS event_count,
        bool_or(cited.record_id IS NOT NULL) AS is_cited,
        list_slice(list_sort(list(DISTINCT told.record_id)), 1, 50) AS record_ids
    FROM told
    LEFT JOIN cited ON cited.lot_id = told.lot_id AND cited.record_id = told.record_id
    GROUP BY
        told.lot_id, date_trunc('day', told.happened_at), told.step, told.disposition, told.site_id,
        told.other_site_id, told.is_inferred
),
-- Where a row joins several records, a pack that more than one of them names counts once.
several AS (
    SELECT group_no, lot_id, is_inferred, unnest(pack_record_ids) AS record_id
    FROM gathered
    WHERE len(pack_record_ids) > 1
),
once AS (
    SELECT group_no, count(DISTINCT unit_id) AS packs
    FROM (
        SELECT several.group_no, item.unit_id
        FROM several
        JOIN core_item_event AS item
            ON item.lot_id = several.lot_id AND item.record_id = several.record_id
            AND item.is_inferred = several.is_inferred
        UNION ALL
        SELECT several.group_no, seen.unit_id
        FROM several
        JOIN core_observation AS seen
            ON seen.lot_id = several.lot_id AND seen.record_id = several.record_id
            AND seen.kind = 'verification' AND NOT several.is_inferred
    )
    GROUP BY group_no
),
counted AS (
    SELECT
        gathered.* EXCLUDE (group_no, packs, pack_record_ids, class_units),
        coalesce(once.packs, gathered.packs) + gathered.class_units AS units
    FROM gathered
    LEFT JOIN once ON once.group_no = gathered.group_no
)
SELECT
    counted.lot_id,
    core_lot.gtin,
    core_lot.lot,
    row_number() OVER (
        PARTITION BY counted.lot_id
        ORDER BY is_cited DESC, units DESC, counted.first_at, record_ids[1], step, is_inferred,
            counted.site_id, other_site_id, disposition
    ) AS row_no,
    counted.first_at,
    counted.last_at,
    counted.step,
    counted.disposition,
    counted.site_id,
    site.gln AS site_gln,
    counted.other_site_id,
    other.gln AS other_gln,
    counted.units,
    counted.event_count,
    counted.is_inferred,
    counted.is_cited,
    counted.record_ids
FROM counted
JOIN core_lot USING (lot_id)
LEFT JOIN core_site AS site ON site.site_id = counted.site_id
LEFT JOIN core_site AS other ON other.site_id = counted.other_site_id
ORDER BY counted.lot_id, row_no
