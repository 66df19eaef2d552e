-- model:   P09_lot_unknown
-- purpose: Packs of a lot that its maker does not list and never made on record.
-- grain:   one row per lot
-- key:     none
-- pattern: P09
-- family:  identity
-- definition: a lot number seen on packs or in trade that is neither in the lot master nor
--   commissioned, of a product whose lot master is otherwise complete
-- guard:   the lot master must list enough lots of the product and nearly all others that are seen
--   (else the list is late or wrong, B18), and nothing of the lot may come from a maker; else
--   silent
-- severity: S1 where the verification service refused it, or where its number has another shape than
--   every listed one; S2 else
-- benign:  B01, B03, B04, B05, B06, B27, B28
-- source:  LP6F832, Defitelio 19G19A, Avastin 2012, EMVS alert A2; typology P09
-- reads:   core_lot, core_lot_site_flow, core_movement, core_observation, core_site, core_unit,
--   feat_exemption, raw_setting, stg_exemption, stg_lot_master, stg_verification
-- columns: as in find_finding's pattern shape
-- caveats: A list that its owner keeps for one market leaves the lots of other markets out. Where
--   no list of exempt products is given, B27 cannot be tested.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P09.listed_lots') AS least_lots,
        max(value) FILTER (WHERE name = 'P09.listed_share') AS listed_share,
        max(value) FILTER (WHERE name = 'P09.edit_distance') AS slip_distance
    FROM raw_setting
),
listed AS (
    SELECT
        gtin, lot, max(expiry) AS expiry, min(record_id) AS record_id,
        regexp_replace(regexp_replace(upper(lot), '[0-9]+', '9', 'g'), '[A-Z]+', 'A', 'g')
        || len(lot) AS shape
    FROM stg_lot_master
    WHERE gtin IS NOT NULL AND lot IS NOT NULL
    GROUP BY gtin, lot
),
seen AS (
    SELECT
        lot.lot_id, lot.gtin, lot.lot, lot.expiry, lot.first_at,
        coalesce(lot.is_in_master, FALSE) OR coalesce(lot.commissioned_units, 0) > 0
        OR lot.class_made_units IS NOT NULL AS is_known,
        greatest(lot.observed_units, lot.class_units)::DOUBLE AS units
    FROM core_lot AS lot
    WHERE lot.lot <> '(unstated)'
),
product AS (
    SELECT
        seen.gtin,
        count(*) FILTER (WHERE is_known) AS known_lots,
        count(*) AS lots,
        any_value(master.lots) AS listed_lots,
        any_value(master.last_expiry) AS last_expiry,
        any_value(master.shapes) AS shapes,
        any_value(master.record_id) AS record_id
    FROM seen
    JOIN (
        SELECT
            gtin, count(*) AS lots, max(expiry) AS last_expiry, list(DISTINCT shape) AS shapes,
            min(record_id) AS record_id
        FROM listed
        GROUP BY gtin
    ) AS master ON master.gtin = seen.gtin
    GROUP BY seen.gtin
),
from_maker AS (
    SELECT DISTINCT movement.lot_id
    FROM core_movement AS movement
    JOIN core_site AS sender ON sender.site_id = movement.from_site_id
    WHERE sender.role IN ('maker', 'contract_packer', 'repackager') OR sender.is_commissioning
),
unknown AS (
    SELECT
        seen.*, product.known_lots, product.lots, product.listed_lots, product.last_expiry,
        product.record_id AS list_record_id,
        NOT list_contains(
            product.shapes,
            regexp_replace(regexp_replace(upper(seen.lot), '[0-9]+', '9', 'g'), '[A-Z]+', 'A', 'g')
            || len(seen.lot)
        ) AS is_odd_shape,
        ltrim(regexp_replace(upper(seen.lot), '[^0-9A-Z]', '', 'g'), '0') AS plain
    FROM seen
    CROSS JOIN setting
    JOIN product ON product.gtin = seen.gtin
    WHERE NOT seen.is_known
        AND seen.lot_id NOT IN (SELECT lot_id FROM from_maker WHERE lot_id IS NOT NULL)
        AND product.listed_lots >= setting.least_lots
        -- Itself not counted: are the others known?
        AND product.known_lots >= setting.listed_share * (product.lots - 1)
),
asked AS (
    SELECT
        unknown.lot_id,
        count(*) FILTER (WHERE regexp_matches(
            request.answer_code, '^(A2|A3|A68|No_match_.*)$'
        )) AS refused,
        count(*) FILTER (WHERE request.answer_code = 'ACTIVE') AS confirmed,
        count(DISTINCT request.record_id) AS requests,
        bool_and(request.entry_mode = 'manual') AS is_typed,
        list_sort(list(DISTINCT request.record_id)) AS record_ids
    FROM unknown
    JOIN stg_verification AS request
        ON request.gtin = unknown.gtin AND request.lot = unknown.lot
    GROUP BY unknown.lot_id
),
-- B28: each request names a pack that was made under a lot which reads nearly the same.
reread AS (
    SELECT unknown.lot_id, count(DISTINCT request.record_id) AS requests
    FROM unknown
    CROSS JOIN setting
    JOIN stg_verification AS request
        ON request.gtin = unknown.gtin AND request.lot = unknown.lot
    JOIN core_unit AS unit
        ON unit.gtin = request.gtin AND unit.serial = request.serial AND unit.is_commissioned
    JOIN core_lot AS lot ON lot.lot_id = unit.lot_id
    WHERE levenshtein(upper(lot.lot), upper(unknown.lot)) <= setting.slip_distance
    GROUP BY unknown.lot_id
),
traded AS (
    SELECT
        flow.lot_id, list_sort(list(DISTINCT flow.record_id)) AS record_ids,
        arg_min(flow.site_id, (flow.at, flow.record_id)) AS site_id
    FROM core_lot_site_flow AS flow
    JOIN unknown ON unknown.lot_id = flow.lot_id
    GROUP BY flow.lot_id
),
observed AS (
    SELECT
        observation.lot_id, list_sort(list(DISTINCT observation.record_id)) AS record_ids,
        arg_min(observation.site_id, (observation.observed_at, observation.record_id)) AS site_id
    FROM core_observation AS observation
    JOIN unknown ON unknown.lot_id = observation.lot_id
    GROUP BY observation.lot_id
),
near AS (
    SELECT
        unknown.lot_id,
        bool_or(lower(listed.lot) = lower(unknown.lot) OR plain_listed = unknown.plain) AS is_cased,
        bool_or(len(plain_listed) >= 4 AND contains(unknown.plain, plain_listed)
            AND unknown.plain <> plain_listed) AS is_run_together,
        bool_or(
            levenshtein(plain_listed, unknown.plain) <= setting.slip_distance
            OR (len(unknown.plain) >= 3 AND starts_with(plain_listed, unknown.plain))
        ) AS is_near,
        min(levenshtein(plain_listed, unknown.plain)) AS edit_distance
    FROM unknown
    CROSS JOIN setting
    JOIN (
        SELECT *, ltrim(regexp_replace(upper(lot), '[^0-9A-Z]', '', 'g'), '0') AS plain_listed
        FROM listed
    ) AS listed ON listed.gtin = unknown.gtin
    GROUP BY unknown.lot_id
),
-- A list says that the product needs no serials on the day the lot was first seen.
exempt AS (
    SELECT DISTINCT unknown.lot_id
    FROM unknown
    JOIN feat_exemption AS listed ON listed.gtin = unknown.gtin
    WHERE coalesce(unknown.first_at >= listed.exempt_from, TRUE)
        AND coalesce(unknown.first_at < listed.exempt_to + 1, TRUE)
),
tested AS (
    SELECT
        unknown.*, exempt.lot_id IS NOT NULL AS is_exempt, near.edit_distance,
        coalesce(asked.refused, 0) AS refused,
        coalesce(asked.confirmed, 0) AS confirmed,
        coalesce(asked.is_typed, FALSE) AND traded.lot_id IS NULL AS is_typed,
        asked.requests = reread.requests AND traded.lot_id IS NULL AS is_reread,
        coalesce(reread.requests, 0) AS reread_requests,
        coalesce(traded.site_id, observed.site_id) AS site_id,
        list_sort(list_distinct(flatten([
            coalesce(traded.record_ids, [])[:20], coalesce(observed.record_ids, [])[:20],
            coalesce(asked.record_ids, [])[:20], [unknown.list_record_id]
        ]))) AS record_ids,
        near.is_cased, near.is_run_together, near.is_near,
        len(ltrim(unknown.gtin, '0')) >= 7
        AND contains(unknown.plain, substr(ltrim(unknown.gtin, '0'), 1, 12)) AS has_gtin,
        -- A younger lot than any that is listed may only be listed late.
        unknown.expiry > unknown.last_expiry AND coalesce(asked.refused, 0) = 0 AS is_younger
    FROM unknown
    LEFT JOIN asked ON asked.lot_id = unknown.lot_id
    LEFT JOIN reread ON reread.lot_id = unknown.lot_id
    LEFT JOIN traded ON traded.lot_id = unknown.lot_id
    LEFT JOIN observed ON observed.lot_id = unknown.lot_id
    LEFT JOIN near ON near.lot_id = unknown.lot_id
    LEFT JOIN exempt ON exempt.lot_id = unknown.lot_id
),
judged AS (
    SELECT
        *,
        CASE
            WHEN is_cased THEN 'B01'
            WHEN is_run_together THEN 'B03'
            WHEN is_typed AND is_near THEN 'B04'
            WHEN has_gtin THEN 'B05'
            WHEN confirmed > 0 OR is_younger THEN 'B06'
            WHEN is_exempt THEN 'B27'
            WHEN is_reread THEN 'B28'
        END AS benign
    FROM tested
    WHERE len(record_ids) > 1
)
SELECT
    lot_id::INTEGER AS lot_id,
    NULL::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    site_id::INTEGER AS site_id,
    NULL::INTEGER AS other_site_id,
    CASE WHEN refused > 0 OR is_odd_shape THEN 'S1' ELSE 'S2' END AS severity,
    CASE WHEN benign IS NULL THEN 'stands' ELSE 'explained' END AS status,
    benign,
    'conflicting' AS history,
    units,
    to_json({
        'units': units, 'refused': refused, 'is_odd_shape': is_odd_shape,
        'known_share': round(known_lots / nullif(lots - 1, 0), 3), 'listed_lots': listed_lots
    }) AS observed,
    to_json({'known_share': listed_share, 'listed_lots': setting.least_lots}) AS threshold,
    to_json([
        to_json({'code': 'B01', 'result': if(coalesce(is_cased, FALSE), 'supported', 'ruled_out')}),
        to_json({
            'code': 'B03', 'result': if(coalesce(is_run_together, FALSE), 'supported', 'ruled_out')
        }),
        to_json({
            'code': 'B04', 'result': if(is_typed AND is_near, 'supported', 'ruled_out'),
            'edit_distance': edit_distance, 'is_typed': is_typed
        }),
        to_json({'code': 'B05', 'result': if(has_gtin, 'supported', 'ruled_out')}),
        to_json({
            'code': 'B06',
            'result': if(coalesce(confirmed > 0 OR is_younger, FALSE), 'supported', 'ruled_out'),
            'confirmed': confirmed, 'expiry': expiry::VARCHAR, 'last_expiry': last_expiry::VARCHAR
        }),
        to_json({
            'code': 'B18', 'result': 'ruled_out',
            'known_lots': known_lots, 'lots': lots
        }),
        to_json({
            'code': 'B27',
            'result': CASE
                WHEN is_exempt THEN 'supported'
                WHEN exemptions.rows = 0 THEN 'not_testable'
                ELSE 'ruled_out'
            END,
            'is_listed_as_exempt': is_exempt
        }),
        to_json({
            'code': 'B28', 'result': if(coalesce(is_reread, FALSE), 'supported', 'ruled_out'),
            'requests_for_packs_of_a_near_lot': reread_requests
        })
    ])::JSON AS tests,
    record_ids[:50] AS record_ids
FROM judged
CROSS JOIN setting
CROSS JOIN (SELECT count(*) AS rows FROM stg_exemption) AS exemptions
ORDER BY lot_id
