-- model:   P25_repack_imbalance
-- purpose: Repacking gave more packs than went in, or packs from nothing.
-- grain:   one row per lot that came out and transformation; one per lot and place of silent repacking
-- key:     none
-- pattern: P25
-- family:  quantity
-- definition: A transformation states more packs out than in, beyond the ratio that is usual for this
--   pair of products at this place; or packs out and nothing in, at a place that makes nothing. Or a
--   repackager commissions more packs of a lot number than it received of that lot number from others,
--   without a transformation.
-- guard: Inputs are counted in packs, those inside named containers too; a container of unknown
--   content (B12), a class without a quantity or a measure makes the event silent. Silent repacking
--   is judged only where the place received packs of that lot number at all. Equal counts raise
--   nothing (B19).
-- severity: S1
-- benign: none explains a finding: the guard keeps honest repacking silent; a known licence is told
-- source: typology P25; EU GDP on repackaging; herceptin-it-2014
-- parts:   lot
-- reads:   core_event, core_licence, core_link, core_lot, core_movement, core_site, core_unit,
--   raw_setting, stg_event, stg_event_item
-- columns: as in find_finding's pattern shape
-- caveats: A usual ratio needs P25.usual_events transformations of the same two products there.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P25.least_units') AS least_units,
        max(value) FILTER (WHERE name = 'P25.usual_events') AS usual_events
    FROM raw_setting
),
-- Inputs and outputs stated apart are joined by the transformation's name.
act AS (
    SELECT
        event.record_id, event.ord, event.event_at, event.site_id,
        coalesce('t' || stated.transformation_id, 'r' || event.record_id) AS act
    FROM core_event AS event
    JOIN stg_event AS stated ON stated.record_id = event.record_id
    WHERE event.event_type = 'TransformationEvent'
),
part AS (
    SELECT
        act.act, item.role, item.gtin, item.epc_id,
        CASE
            WHEN item.is_class AND item.uom IS NULL THEN item.quantity
            WHEN item.scheme = 'sgtin' THEN 1.0
            ELSE nullif(content.packs, 0)
        END AS packs
    FROM act
    JOIN stg_event_item AS item
        ON item.record_id = act.record_id AND item.role IN ('input', 'output')
    LEFT JOIN (
        SELECT act.record_id, link.parent_id, count(*) AS packs
        FROM act
        JOIN core_link AS link ON link.open_ord < act.ord AND link.close_ord >= act.ord
        SEMI JOIN core_unit ON core_unit.unit_id = link.child_id
        GROUP BY act.record_id, link.parent_id
    ) AS content ON content.record_id = act.record_id AND content.parent_id = item.epc_id
),
total AS (
    SELECT
        act,
        coalesce(sum(packs) FILTER (WHERE role = 'input'), 0) AS in_units,
        coalesce(sum(packs) FILTER (WHERE role = 'output'), 0) AS out_units,
        count(*) FILTER (WHERE role = 'input') AS inputs,
        count(*) FILTER (WHERE packs IS NULL) AS uncounted,
        min(gtin) FILTER (WHERE role = 'input') AS in_gtin,
        min(gtin) FILTER (WHERE role = 'output') AS out_gtin
    FROM part
    GROUP BY act
),
placed AS (
    SELECT
        act, min(ord) AS ord, min(event_at) AS event_at, min(site_id) AS site_id,
        list_sort(list(record_id)) AS record_ids
    FROM act
    GROUP BY act
),
usual AS (
    SELECT
        placed.site_id, total.in_gtin, total.out_gtin, count(*) AS events,
        median(total.out_units / total.in_units) AS ratio
    FROM total
    JOIN placed ON placed.act = total.act
    WHERE total.in_units > 0 AND total.uncounted = 0
    GROUP BY placed.site_id, total.in_gtin, total.out_gtin
),
over AS (
    SELECT
        total.*, placed.event_at, placed.site_id, placed.record_ids,
        greatest(1.0, CASE WHEN usual.events >= setting.usual_events THEN usual.ratio ELSE 1.0 END)
            AS usual_ratio
    FROM total
    CROSS JOIN setting
    JOIN placed ON placed.act = total.act
    LEFT JOIN core_site AS site ON site.site_id = placed.site_id
    LEFT JOIN usual ON usual.site_id = placed.site_id AND usual.in_gtin = total.in_gtin
        AND usual.out_gtin = total.out_gtin
    WHERE total.uncounted = 0
        AND CASE
            WHEN total.inputs = 0
                THEN total.out_units > 0
                AND coalesce(site.role NOT IN ('maker', 'contract_packer', 'unknown'), false)
            ELSE total.out_units
                > total.in_units * greatest(
                    1.0, CASE WHEN usual.events >= setting.usual_events THEN usual.ratio ELSE 1.0 END
                )
                AND total.out_units - total.in_units >= setting.least_units
        END
),
licensed AS (
    SELECT DISTINCT site_id
    FROM core_licence
    WHERE role IN ('repackager', 'parallel_trader', 'maker', 'manufacturer', 'contract_packer')
),
from_act AS (
    SELECT
        unit.lot_id, over.site_id, over.record_ids,
        over.in_units, over.out_units, over.usual_ratio, 'transformation' AS way
    FROM over
    JOIN part ON part.act = over.act AND part.role = 'output'
    JOIN core_unit AS unit ON unit.unit_id = part.epc_id
    GROUP BY ALL
),
-- Silent repacking: parallel traders keep the lot number.
born AS (
    SELECT
        unit.lot_id, lot.lot, unit.commissioned_site_id AS site_id,
        count(*) AS out_units, list_sort(list(DISTINCT unit.commissioned_record_id))[:50] AS records
    FROM core_unit AS unit
    JOIN core_site AS site ON site.site_id = unit.commissioned_site_id
        AND site.role IN ('repackager', 'parallel_trader')
    JOIN core_lot AS lot ON lot.lot_id = unit.lot_id AND lot.lot <> '(unstated)'
    JOIN core_event AS event ON event.record_id = unit.commissioned_record_id
        AND event.event_type = 'ObjectEvent'
    GROUP BY unit.lot_id, lot.lot, unit.commissioned_site_id
),
got AS (
    SELECT
        born.lot_id, born.site_id, sum(movement.units) AS in_units,
        list_sort(list(DISTINCT coalesce(movement.receive_record_id, movement.ship_record_id)))[:50]
            AS records
    FROM born
    JOIN core_movement AS movement
        ON movement.to_site_id = born.site_id AND movement.uom IS NULL
    JOIN core_lot AS source ON source.lot_id = movement.lot_id AND source.lot = born.lot
    WHERE movement.lot_id <> born.lot_id AND movement.units > 0
    GROUP BY born.lot_id, born.site_id
),
every_case AS (
    SELECT lot_id, site_id, record_ids, in_units, out_units, usual_ratio, way FROM from_act
    UNION ALL
    SELECT
        born.lot_id, born.site_id, list_sort(list_concat(born.records, got.records)),
        got.in_units, born.out_units, 1.0, 'commissioning'
    FROM born
    CROSS JOIN setting
    JOIN got ON got.lot_id = born.lot_id AND got.site_id = born.site_id
    WHERE born.out_units - got.in_units >= setting.least_units
)
SELECT
    every_case.lot_id::INTEGER AS lot_id,
    NULL::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    every_case.site_id::INTEGER AS site_id,
    NULL::INTEGER AS other_site_id,
    'S1' AS severity,
    'stands' AS status,
    NULL::VARCHAR AS benign,
    'conflicting' AS history,
    (every_case.out_units - every_case.in_units)::DOUBLE AS units,
    to_json({
        'out_units': every_case.out_units, 'in_units': every_case.in_units, 'way': every_case.way
    }) AS observed,
    to_json({'out_units': every_case.in_units * every_case.usual_ratio}) AS threshold,
    to_json([
        to_json({'code': 'B12', 'result': 'ruled_out', 'uncounted_inputs': 0}),
        to_json({
            'code': 'B19', 'result': 'ruled_out', 'is_licensed': licensed.site_id IS NOT NULL,
            'equal_counts': false
        })
    ])::JSON AS tests,
    every_case.record_ids
FROM every_case
LEFT JOIN licensed ON licensed.site_id = every_case.site_id
ORDER BY ALL
