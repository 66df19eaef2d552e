-- model:   evid_lot_holder
-- purpose: Where the packs of a lot were last known to be: the list to quarantine and to call.
-- grain:   one row per lot, state, site, destination and last step
-- key:     lot_id, row_no
-- parts:   lot
-- reads:   core_item_event, core_lot, core_lot_site_flow, core_observation, core_site,
--   evid_finding_unit
-- columns:
--   lot_id         core_lot
--   gtin           GTIN-14 of the lot
--   lot            lot as stated
--   row_no         1 for the row that matters most: packs still in trade first, then by units
--   state          at_site, in_transit (sent, no arrival in the data), ended (dispensed, destroyed,
--                  ...), asked (only verified here, never told of by an event)
--   basis          last_event (by serial), balance (in less out, packs without serials),
--                  verification (somebody showed the number)
--   site_id        last known place; null where no place was stated
--   site_gln       GLN or text of that place
--   to_site_id     destination of packs in transit
--   to_gln         GLN or text of the destination
--   step           last step; null for balances
--   units          packs
--   inferred_units of which the last step is only inferred from the container
--   named_units    of which a standing finding names (evid_finding_unit)
--   doubted_units  of which may be elsewhere: a finding says that the number is on more than one
--                  pack, or it was verified at another place since, or no place is stated
--   since_at       UTC, earliest of the last events: the longest time a pack has been so
--   last_at        UTC, latest event of the row
--   record_ids     records behind the row, the first 50
-- caveats: Last known is not now: the row is as old as last_at. A balance hides overselling, which
--   the pattern P20 reports. Packs without serials have no doubted_units: nothing tells them apart.
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
named AS (
    SELECT lot_id, unit_id, bool_or(is_copied) AS is_copied
    FROM evid_finding_unit
    GROUP BY lot_id, unit_id
),
asked AS (
    SELECT
        lot_id, unit_id,
        arg_max(
            struct_pack(record_id := record_id, asked_at := observed_at, site_id := site_id),
            (observed_at, record_id)
        ) AS last
    FROM core_observation
    WHERE kind = 'verification'
    GROUP BY lot_id, unit_id
),
placed AS (
    SELECT
        last_event.lot_id, last_event.last,
        CASE
            WHEN last_event.last.is_ended THEN 'ended'
            WHEN last_event.last.step IN ('shipping', 'departing') THEN 'in_transit'
            ELSE 'at_site'
        END AS state,
        named.unit_id IS NOT NULL AS is_named,
        coalesce(named.is_copied, false)
        OR last_event.last.site_id IS NULL
        OR coalesce(
            asked.last.asked_at > last_event.last.event_at
            AND asked.last.site_id <> last_event.last.site_id
            AND asked.last.site_id IS DISTINCT FROM last_event.last.to_site_id,
            false
        ) AS is_doubted
    FROM last_event
    LEFT JOIN named
        ON named.lot_id = last_event.lot_id AND named.unit_id = last_event.unit_id
    LEFT JOIN asked
        ON asked.lot_id = last_event.lot_id AND asked.unit_id = last_event.unit_id
),
by_serial AS (
    SELECT
        lot_id,
        state,
        'last_event' AS basis,
        last.site_id AS site_id,
        CASE WHEN last.step IN ('shipping', 'departing') THEN last.to_site_id END AS to_site_id,
        last.step AS step,
        count(*)::DOUBLE AS units,
        (count(*) FILTER (WHERE last.is_inferred))::DOUBLE AS inferred_units,
        (count(*) FILTER (WHERE is_named))::DOUBLE AS named_units,
        (count(*) FILTER (WHERE is_doubted))::DOUBLE AS doubted_units,
        min(last.event_at) AS since_at,
        max(last.event_at) AS last_at,
        list_slice(list_sort(list(DISTINCT last.record_id)), 1, 50) AS record_ids
    FROM placed
    GROUP BY ALL
),
by_verification AS (
    SELECT
        asked.lot_id,
        'asked' AS state,
        'verification' AS basis,
        asked.last.site_id AS site_id,
        NULL::INTEGER AS to_site_id,
        'verifying' AS step,
        count(*)::DOUBLE AS units,
        0::DOUBLE AS inferred_units,
        count(named.unit_id)::DOUBLE AS named_units,
        count(*)::DOUBLE AS doubted_units,
        min(asked.last.asked_at) AS since_at,
        max(asked.last.asked_at) AS last_at,
        list_slice(list_sort(list(DISTINCT asked.last.record_id)), 1, 50) AS record_ids
    FROM asked
    ANTI JOIN last_event
        ON last_event.lot_id = asked.lot_id AND last_event.unit_id = asked.unit_id
    LEFT JOIN named ON named.lot_id = asked.lot_id AND named.unit_id = asked.unit_id
    GROUP BY asked.lot_id, asked.last.site_id
),
-- What has serials is placed above; a lot may be traded with and without them.
poured AS (
    SELECT *
    FROM core_lot_site_flow
    WHERE NOT EXISTS (
        SELECT 1
        FROM core_item_event
        WHERE core_item_event.lot_id = core_lot_site_flow.lot_id
            AND core_item_event.record_id = core_lot_site_flow.record_id
    )
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
        0::DOUBLE AS named_units,
        0::DOUBLE AS doubted_units,
        min("at") AS since_at,
        max("at") AS last_at,
        list_slice(list_sort(list(DISTINCT record_id)), 1, 50) AS record_ids
    FROM poured
    GROUP BY lot_id, site_id
    HAVING sum(CASE WHEN direction IN ('out', 'ended') THEN -units ELSE units END) > 0
),
by_end AS (
    SELECT
        lot_id, 'ended' AS state, 'balance' AS basis, site_id, NULL::INTEGER AS to_site_id,
        NULL::VARCHAR AS step, sum(units) AS units, 0::DOUBLE AS inferred_units,
        0::DOUBLE AS named_units, 0::DOUBLE AS doubted_units, min("at") AS since_at,
        max("at") AS last_at,
        list_slice(list_sort(list(DISTINCT record_id)), 1, 50) AS record_ids
    FROM poured
    WHERE direction = 'ended'
    GROUP BY lot_id, site_id
),
held AS (
    FROM by_serial
    UNION ALL BY NAME
    FROM by_verification
    UNION ALL BY NAME
    FROM by_balance
    UNION ALL BY NAME
    FROM by_end
)
SELECT
    held.lot_id,
    core_lot.gtin,
    core_lot.lot,
    row_number() OVER (
        PARTITION BY held.lot_id
        ORDER BY held.state = 'ended', held.units DESC, held.last_at, held.site_id,
            held.to_site_id, held.step, held.state, held.basis
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
    held.named_units,
    held.doubted_units,
    held.since_at,
    held.last_at,
    held.record_ids
FROM held
JOIN core_lot USING (lot_id)
LEFT JOIN core_site AS site ON site.site_id = held.site_id
LEFT JOIN core_site AS destination ON destination.site_id = held.to_site_id
ORDER BY held.lot_id, row_no
