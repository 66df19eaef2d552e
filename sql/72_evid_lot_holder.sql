-- model:   evid_lot_holder
-- purpose: Where the packs of a lot were last known to be: the list to quarantine and to call.
-- grain:   one row per lot, state, site, destination and last step
-- key:     lot_id, row_no
-- reads:   core_item_event, core_lot, core_lot_site_flow, core_site
-- columns:
--   lot_id         core_lot
--   gtin           GTIN-14 of the lot
--   lot            lot as stated
--   row_no         1 for the row that matters most: packs still in trade first, then by units
--   state          at_site, in_transit (sent, no arrival in the data), ended (dispensed, destroyed, ...)
--   basis          last_event (by serial), balance (in less out, packs without serials)
--   site_id        last known place; null where no place was stated
--   site_gln       GLN or text of that place
--   to_site_id     destination of packs in transit
--   to_gln         GLN or text of the destination
--   step           last step; null for balances
--   units          packs
--   inferred_units of which the last step is only inferred from the container
--   last_at        UTC, latest event of the row
--   record_ids     records behind the row, the first 50
-- caveats: Last known is not now: the row is as old as last_at. A balance hides overselling, which
--   the pattern P20 reports.
WITH last_event AS (
    SELECT
        lot_id, unit_id,
        arg_max(
            struct_pack(
                record_id := record_id, event_at := event_at, step := step, site_id := site_id,
                to_site_id := to_site_id, is_inferred := is_inferred,
                is_ended := is_terminal AND NOT is_undo
            ),
            ord
        ) AS last
    FROM core_item_event
    GROUP BY lot_id, unit_id
),
by_serial AS (
    SELECT
        lot_id,
        CASE
            WHEN last.is_ended THEN 'ended'
            WHEN last.step IN ('shipping', 'departing') THEN 'in_transit'
            ELSE 'at_site'
        END AS state,
        'last_event' AS basis,
        last.site_id AS site_id,
        CASE WHEN last.step IN ('shipping', 'departing') THEN last.to_site_id END AS to_site_id,
        last.step AS step,
        count(*)::DOUBLE AS units,
        (count(*) FILTER (WHERE last.is_inferred))::DOUBLE AS inferred_units,
        max(last.event_at) AS last_at,
        list_slice(list_sort(list(DISTINCT last.record_id)), 1, 50) AS record_ids
    FROM last_event
    GROUP BY ALL
),
by_balance AS (
    SELECT
        lot_id,
        'at_site' AS state,
        'balance' AS basis,
        site_id,
        NULL::INTEGER AS to_site_id,
        NULL::VARCHAR AS step,
        sum(CASE WHEN direction IN ('out', 'ended') THEN -units ELSE units END) AS units,
        0::DOUBLE AS inferred_units,
        max("at") AS last_at,
        list_slice(list_sort(list(DISTINCT record_id)), 1, 50) AS record_ids
    FROM core_lot_site_flow
    -- What has serials is placed above; a lot may be traded with and without them.
    WHERE NOT EXISTS (
        SELECT 1
        FROM core_item_event
        WHERE core_item_event.lot_id = core_lot_site_flow.lot_id
            AND core_item_event.record_id = core_lot_site_flow.record_id
    )
    GROUP BY lot_id, site_id
    HAVING sum(CASE WHEN direction IN ('out', 'ended') THEN -units ELSE units END) > 0
),
held AS (
    SELECT * FROM by_serial
    UNION ALL
    SELECT * FROM by_balance
)
SELECT
    held.lot_id,
    core_lot.gtin,
    core_lot.lot,
    row_number() OVER (
        PARTITION BY held.lot_id
        ORDER BY held.state = 'ended', held.units DESC, held.last_at, held.site_id,
            held.to_site_id, held.step, held.state
    ) AS row_no,
    held.state,
    held.basis,
    held.site_id,
    site.gln AS site_gln,
    held.to_site_id,
    destination.gln AS to_gln,
    held.step,
    held.units,
    held.inferred_units,
    held.last_at,
    held.record_ids
FROM held
JOIN core_lot USING (lot_id)
LEFT JOIN core_site AS site ON site.site_id = held.site_id
LEFT JOIN core_site AS destination ON destination.site_id = held.to_site_id
ORDER BY held.lot_id, row_no
