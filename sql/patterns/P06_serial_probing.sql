-- model:   P06_serial_probing
-- purpose: Somebody tries out serials until one is known.
-- grain:   one row per requester (or several together), product and lot with such a day
-- key:     none
-- pattern: P06
-- family:  identity
-- definition: One requester, within 24 hours: at least 10 distinct serials of one GTIN refused, at
--   least 80 % of his requests about it; and five of them counted up in equal steps, or a median edit
--   distance of at most 2 between neighbours in order. Or by whatever requesters, on one day: at least
--   10 distinct serials of one GTIN typed by hand that nobody knew, at least 80 % of those typed; and
--   so many that fewer than 1 in 100 such days found would be chance (feat_refusal_day: the product's
--   other days, all products, and how much days differ; Benjamini and Hochberg).
-- guard: Verification logs with answers. The requester's busiest 24 hours count, once a lot.
-- severity: S2
-- benign: B03 (the serials are known ones into which another element ran), B04 (known ones, mistyped),
--   B20 (a requester's scans of other products were refused or unanswered as well in those hours), B21
--   (the requester is the product's maker)
-- source: typology P06; no public case
-- reads:   core_lot, core_site, core_unit, feat_misread, feat_refusal_day, raw_identifier,
--   raw_setting, stg_verification
-- columns: as in find_finding's pattern shape
-- caveats: Who asks under another's name cannot be told apart.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P06.least_serials') AS least_serials,
        max(value) FILTER (WHERE name = 'P06.refused_share') AS refused_share,
        max(value) FILTER (WHERE name = 'P06.run') AS run,
        max(value) FILTER (WHERE name = 'P06.edit_distance') AS edit_distance,
        max(value) FILTER (WHERE name = 'P06.false_share') AS false_share,
        max(value) FILTER (WHERE name = 'P06.other_products') AS other_products
    FROM raw_setting
),
request AS (
    SELECT
        asked.record_id, asked.requested_at, asked.gtin, asked.serial, site.site_id, site.role,
        site.partner_id, unit.unit_id, unit.lot_id,
        coalesce(asked.entry_mode = 'manual', false) AS is_typed,
        regexp_matches(asked.answer_code, '^(A2|A3|No_match_GTIN_Serial.*)$') AS is_refused,
        regexp_matches(asked.answer_code, '^(NO_ANSWER|(HTTP[ _]?)?(404|408|5[0-9][0-9]))$')
            AS is_unanswered
    FROM stg_verification AS asked
    JOIN core_site AS site ON site.gln = asked.site_gln
    LEFT JOIN raw_identifier AS named ON named.text_id = asked.epc
    LEFT JOIN core_unit AS unit ON unit.unit_id = named.epc_id
    WHERE asked.requested_at IS NOT NULL AND asked.serial IS NOT NULL AND asked.gtin IS NOT NULL
),
-- Few ask for ten unknown serials of one product at all: only theirs are looked at closely.
suspect AS (
    SELECT request.site_id, request.gtin
    FROM request
    GROUP BY request.site_id, request.gtin
    HAVING count(DISTINCT request.serial) FILTER (WHERE request.is_refused)
        >= (SELECT least_serials FROM setting)
),
spell AS (
    SELECT
        request.site_id, request.gtin, request.requested_at AS from_at,
        count(*) FILTER (WHERE is_refused) OVER day AS refused,
        count(*) FILTER (WHERE NOT coalesce(is_unanswered, false)) OVER day AS requests
    FROM request
    SEMI JOIN suspect ON suspect.site_id = request.site_id AND suspect.gtin = request.gtin
    WINDOW day AS (
        PARTITION BY request.site_id, request.gtin ORDER BY request.requested_at
        RANGE BETWEEN CURRENT ROW AND INTERVAL 24 HOURS FOLLOWING
    )
),
busiest AS (
    SELECT site_id, gtin, from_at, refused, requests
    FROM spell
    CROSS JOIN setting
    WHERE refused >= least_serials AND refused >= refused_share * requests
    QUALIFY row_number() OVER (PARTITION BY site_id, gtin ORDER BY refused DESC, from_at) = 1
),
-- Days on which more was typed in vain about a product than its other days let expect.
typed_day AS (
    SELECT
        cell.gtin, cell.day::TIMESTAMP AS from_at, any_value(cell.expected) AS expected,
        any_value(cell.p_value) AS p_value, any_value(cell.q_value) AS q_value,
        count(*) FILTER (WHERE request.is_refused) AS refused, count(*) AS requests
    FROM feat_refusal_day AS cell
    CROSS JOIN setting
    JOIN request ON request.gtin = cell.gtin AND request.is_typed
        AND NOT coalesce(request.is_unanswered, false) AND request.requested_at::DATE = cell.day
        AND coalesce(request.role NOT IN ('maker', 'contract_packer'), true)
    WHERE cell.kind = 'typed' AND cell.refused >= setting.least_serials
        AND cell.q_value < setting.false_share
    GROUP BY cell.gtin, cell.day, setting.refused_share
    HAVING count(*) FILTER (WHERE request.is_refused) >= setting.refused_share * count(*)
    QUALIFY row_number() OVER (
        PARTITION BY cell.gtin
        ORDER BY count(*) FILTER (WHERE request.is_refused) DESC, cell.day
    ) = 1
),
-- One prober is known by site and product, several together (site 0) by the product alone.
tried AS (
    SELECT
        busiest.site_id AS prober_id, busiest.gtin, busiest.from_at, busiest.refused,
        busiest.requests, request.serial, min(request.lot_id) AS lot_id,
        min(request.unit_id) AS unit_id, list(request.record_id) AS records,
        list(DISTINCT request.site_id) AS site_ids
    FROM busiest
    JOIN request ON request.site_id = busiest.site_id AND request.gtin = busiest.gtin
        AND request.is_refused
        AND request.requested_at BETWEEN busiest.from_at AND busiest.from_at + INTERVAL 24 HOURS
    GROUP BY ALL
    UNION ALL
    SELECT
        0, typed_day.gtin, typed_day.from_at, typed_day.refused,
        typed_day.requests, request.serial, min(request.lot_id),
        min(request.unit_id), list(request.record_id), list(DISTINCT request.site_id)
    FROM typed_day
    JOIN request ON request.gtin = typed_day.gtin AND request.is_refused AND request.is_typed
        AND request.requested_at::DATE = typed_day.from_at::DATE
        AND coalesce(request.role NOT IN ('maker', 'contract_packer'), true)
    GROUP BY ALL
),
-- In order of length and text, counted-up serials are neighbours.
step AS (
    SELECT
        *,
        levenshtein(serial, lag(serial) OVER sorted) AS edits,
        try_cast(regexp_extract(serial, '[0-9]{1,15}$') AS BIGINT)
        - lag(try_cast(regexp_extract(serial, '[0-9]{1,15}$') AS BIGINT)) OVER sorted AS step
    FROM tried
    WINDOW sorted AS (PARTITION BY prober_id, gtin ORDER BY length(serial), serial)
),
island AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY prober_id, gtin ORDER BY length(serial), serial)
        - row_number() OVER (PARTITION BY prober_id, gtin, step ORDER BY length(serial), serial)
            AS island
    FROM step
),
run AS (
    SELECT prober_id, gtin, max(steps) + 1 AS run
    FROM (
        SELECT prober_id, gtin, step, island, count(*) AS steps
        FROM island
        WHERE step > 0
        GROUP BY prober_id, gtin, step, island
    )
    GROUP BY prober_id, gtin
),
shape AS (
    SELECT
        step.prober_id, step.gtin, any_value(step.from_at) AS from_at,
        max(step.refused) AS refused, max(step.requests) AS requests,
        list_sort(list_distinct(flatten(list(step.site_ids)))) AS site_ids,
        count(*) AS serials, median(step.edits) AS median_edits,
        count(*) FILTER (WHERE misread.benign = 'B03') AS fused,
        count(*) FILTER (WHERE misread.benign = 'B04') AS mistyped
    FROM step
    LEFT JOIN feat_misread AS misread ON misread.unit_id = step.unit_id
    GROUP BY step.prober_id, step.gtin
),
asker AS (
    SELECT prober_id, gtin, from_at, unnest(site_ids) AS site_id FROM shape
),
elsewhere AS (  -- at the one of them where most other products failed too
    SELECT prober_id, gtin, max(other_products) AS other_products
    FROM (
        SELECT
            asker.prober_id, asker.gtin, asker.site_id,
            count(DISTINCT request.gtin) FILTER (WHERE request.is_refused OR request.is_unanswered)
                AS other_products
        FROM asker
        JOIN request ON request.site_id = asker.site_id AND request.gtin <> asker.gtin
            AND request.requested_at BETWEEN asker.from_at AND asker.from_at + INTERVAL 24 HOURS
        GROUP BY asker.prober_id, asker.gtin, asker.site_id
    )
    GROUP BY prober_id, gtin
),
maker AS (
    SELECT DISTINCT lot.gtin, lot.maker_site_id AS site_id, site.partner_id
    FROM core_lot AS lot
    JOIN core_site AS site ON site.site_id = lot.maker_site_id
),
own AS (
    SELECT DISTINCT asker.prober_id, asker.gtin
    FROM asker
    JOIN core_site AS site ON site.site_id = asker.site_id
    LEFT JOIN maker ON maker.gtin = asker.gtin
        AND (maker.site_id = asker.site_id OR maker.partner_id = site.partner_id)
    WHERE asker.prober_id <> 0
        AND (maker.site_id IS NOT NULL OR site.role IN ('maker', 'contract_packer'))
),
judged AS (
    SELECT
        shape.*, coalesce(run.run, 1) AS run,
        coalesce(elsewhere.other_products, 0) AS other_products,
        own.prober_id IS NOT NULL AS is_own,
        typed_day.expected, typed_day.p_value, typed_day.q_value,
        CASE
            WHEN own.prober_id IS NOT NULL THEN 'B21'
            WHEN shape.fused > 0.5 * shape.serials THEN 'B03'
            WHEN shape.mistyped > 0.5 * shape.serials THEN 'B04'
            WHEN coalesce(elsewhere.other_products, 0) >= setting.other_products THEN 'B20'
        END AS benign
    FROM shape
    CROSS JOIN setting
    LEFT JOIN run ON run.prober_id = shape.prober_id AND run.gtin = shape.gtin
    LEFT JOIN elsewhere ON elsewhere.prober_id = shape.prober_id AND elsewhere.gtin = shape.gtin
    LEFT JOIN own ON own.prober_id = shape.prober_id AND own.gtin = shape.gtin
    LEFT JOIN typed_day ON shape.prober_id = 0 AND typed_day.gtin = shape.gtin
    WHERE shape.serials >= setting.least_serials
        AND (
            shape.prober_id = 0 OR coalesce(run.run, 1) >= setting.run
            OR shape.median_edits <= setting.edit_distance
        )
    -- What one prober did alone is told of him.
    QUALIFY shape.prober_id <> 0 OR count(*) OVER (PARTITION BY shape.gtin) = 1
),
by_lot AS (
    SELECT
        prober_id, gtin, lot_id, count(*) AS units, min(unit_id) AS unit_id,
        list_sort(list_distinct(flatten(list(records))))[:200] AS record_ids
    FROM tried
    WHERE lot_id IS NOT NULL
    GROUP BY prober_id, gtin, lot_id
)
SELECT
    by_lot.lot_id::INTEGER AS lot_id,
    CASE WHEN by_lot.units = 1 THEN by_lot.unit_id END::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    CASE WHEN len(judged.site_ids) = 1 THEN judged.site_ids[1] END::INTEGER AS site_id,
    NULL::INTEGER AS other_site_id,
    'S2' AS severity,
    if(judged.benign IS NULL, 'stands', 'explained') AS status,
    judged.benign,
    'conflicting' AS history,
    by_lot.units::DOUBLE AS units,
    to_json({
        'kind': if(judged.prober_id = 0, 'typed_day', 'requester'),
        'refused_serials': judged.serials, 'requests': judged.requests,
        'requesters': len(judged.site_ids), 'run': judged.run,
        'median_edits': judged.median_edits, 'p_value': judged.p_value, 'q_value': judged.q_value
    }) AS observed,
    to_json({
        'refused_serials': setting.least_serials, 'refused_share': setting.refused_share,
        'run': if(judged.prober_id = 0, NULL, setting.run),
        'median_edits': if(judged.prober_id = 0, NULL, setting.edit_distance),
        'expected_serials': judged.expected,
        'q_value': if(judged.prober_id = 0, setting.false_share, NULL)
    }) AS threshold,
    to_json([
        to_json({
            'code': 'B03', 'result': if(judged.benign = 'B03', 'supported', 'ruled_out'),
            'run_together': judged.fused
        }),
        to_json({
            'code': 'B04', 'result': if(judged.benign = 'B04', 'supported', 'ruled_out'),
            'mistyped': judged.mistyped
        }),
        to_json({
            'code': 'B20', 'result': if(judged.benign = 'B20', 'supported', 'ruled_out'),
            'other_products_failing': judged.other_products
        }),
        to_json({
            'code': 'B21', 'result': if(judged.benign = 'B21', 'supported', 'ruled_out'),
            'is_asked_by_maker': judged.is_own
        })
    ])::JSON AS tests,
    by_lot.record_ids
FROM judged
CROSS JOIN setting
JOIN by_lot ON by_lot.prober_id = judged.prober_id AND by_lot.gtin = judged.gtin
ORDER BY lot_id, site_id
