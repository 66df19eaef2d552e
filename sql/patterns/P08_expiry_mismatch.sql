-- model:   P08_expiry_mismatch
-- purpose: Packs of a lot that show another expiry date than the lot has.
-- grain:   one row per lot and deviating expiry date
-- key:     none
-- pattern: P08
-- family:  identity
-- definition: an expiry date, stated with the lot in an event or read off a pack, that differs from
--   the lot master's, else from the one most packs were commissioned with, else from the most
--   frequent; or one that the verification service refused
-- guard:   the date must have been stated for this very lot; verifications without an answer do not
--   count; a lot with one date and no master is silent
-- severity: S1 later than the lot's; S2 refused, or later than a mere majority; S3 earlier, or
--   typed by hand only
-- benign:  B16, B17, B18
-- source:  6ZP9760, EH9899, DesRem, Turkey 2013, EMVS alert A52; typology P08
-- parts:   lot
-- reads:   core_event, core_item_event, core_lot, core_observation, core_site, raw_setting,
--   stg_event_item, stg_lot_master, stg_verification
-- columns: as in find_finding's pattern shape
-- caveats: A lot whose every statement is false alike cannot be seen without a lot master.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P08.whole_lot_sites') AS whole_lot_sites,
        max(value) FILTER (WHERE name = 'P08.whole_lot_units') AS whole_lot_units,
        max(value) FILTER (WHERE name = 'P08.whole_lot_share') AS whole_lot_share
    FROM raw_setting
),
master AS (
    SELECT
        core_lot.lot_id,
        arg_min(listed.expiry, listed.record_id) AS expiry,
        min(listed.record_id) AS record_id,
        list(DISTINCT listed.expiry) AS expiries
    FROM stg_lot_master AS listed
    JOIN core_lot ON core_lot.gtin = listed.gtin AND core_lot.lot = listed.lot
    WHERE listed.expiry IS NOT NULL
    GROUP BY core_lot.lot_id
),
statement AS (
    SELECT
        item.lot_id, item.unit_id, NULL::DOUBLE AS class_units, event.expiry, event.record_id,
        event.event_at AS stated_at, event.site_id, event.is_birth, 'event' AS kind,
        NULL AS entry_mode, FALSE AS is_refused
    FROM core_event AS event
    JOIN core_item_event AS item ON item.record_id = event.record_id
    JOIN core_lot ON core_lot.lot_id = item.lot_id
    WHERE event.expiry IS NOT NULL AND NOT item.is_inferred AND core_lot.lot <> '(unstated)'
        AND coalesce(event.lot, core_lot.lot) = core_lot.lot
    UNION ALL
    SELECT
        core_lot.lot_id, NULL, item.quantity, event.expiry, event.record_id,
        event.event_at, event.site_id, event.is_birth, 'event', NULL, FALSE
    FROM core_event AS event
    JOIN stg_event_item AS item ON item.record_id = event.record_id
    JOIN core_lot
        ON core_lot.gtin = item.gtin AND core_lot.lot = coalesce(item.lot, event.lot)
    WHERE event.expiry IS NOT NULL AND item.is_class
        AND coalesce(event.lot, item.lot) = core_lot.lot
    UNION ALL
    SELECT
        core_lot.lot_id, seen.unit_id, NULL, asked.expiry, asked.record_id,
        asked.requested_at, site.site_id, FALSE, 'verification', asked.entry_mode,
        coalesce(
            asked.answer_code = 'A52' OR regexp_matches(asked.answer_code, '^No_match_.*Expiry$'),
            FALSE
        )
    FROM stg_verification AS asked
    JOIN core_lot ON core_lot.gtin = asked.gtin AND core_lot.lot = asked.lot
    LEFT JOIN core_site AS site ON site.gln = asked.site_gln
    LEFT JOIN core_observation AS seen
        ON seen.record_id = asked.record_id AND seen.kind = 'verification'
    WHERE asked.expiry IS NOT NULL
        AND NOT regexp_matches(
            coalesce(asked.answer_code, ''), '^(NO_ANSWER|(HTTP[ _]?)?(404|408|5[0-9][0-9]))$'
        )
),
stated AS (
    SELECT
        statement.lot_id, statement.expiry,
        greatest(
            count(DISTINCT unit_id) + count(*) FILTER (
                WHERE unit_id IS NULL AND kind = 'verification'
            ),
            coalesce(max(class_units), 0)
        ) AS units,
        count(DISTINCT unit_id) FILTER (WHERE is_birth) AS born_units,
        count(DISTINCT unit_id) FILTER (
            WHERE is_birth AND site.role IN ('maker', 'contract_packer')
        ) AS made_units,
        count(DISTINCT statement.site_id) AS sites,
        count(*) FILTER (WHERE is_refused) AS refused,
        bool_and(coalesce(entry_mode = 'manual', FALSE)) AS is_typed,
        min(stated_at) AS first_at,
        min(statement.record_id) AS first_record_id,
        arg_min(statement.site_id, (stated_at, statement.record_id)) AS site_id,
        list_sort(list(DISTINCT statement.record_id))[:200] AS record_ids
    FROM statement
    LEFT JOIN core_site AS site ON site.site_id = statement.site_id
    GROUP BY statement.lot_id, statement.expiry
),
whole AS (
    SELECT
        lot_id,
        count(*) AS dates,
        sum(units) AS units,
        sum(born_units) AS born_units,
        arg_max(expiry, (units, -epoch(first_at))) AS common_expiry,
        arg_max(first_record_id, (units, -epoch(first_at))) AS common_record_id,
        arg_max(expiry, (born_units, -epoch(first_at))) FILTER (WHERE born_units > 0)
        AS born_expiry,
        arg_max(first_record_id, (born_units, -epoch(first_at))) FILTER (WHERE born_units > 0)
        AS born_record_id
    FROM stated
    GROUP BY lot_id
),
reference AS (
    SELECT
        whole.lot_id, whole.units, whole.born_units,
        CASE
            WHEN master.lot_id IS NOT NULL THEN 'lot master'
            WHEN born_expiry IS NOT NULL THEN 'commissioning'
            WHEN dates > 1 THEN 'majority'
            ELSE 'none'
        END AS basis,
        CASE
            WHEN master.lot_id IS NOT NULL THEN master.expiry
            WHEN born_expiry IS NOT NULL THEN born_expiry
            WHEN dates > 1 THEN common_expiry
        END AS expiry,
        CASE
            WHEN master.lot_id IS NOT NULL THEN master.record_id
            WHEN born_expiry IS NOT NULL THEN born_record_id
            WHEN dates > 1 THEN common_record_id
        END AS record_id,
        coalesce(master.expiries, []) AS listed_expiries
    FROM whole
    LEFT JOIN master ON master.lot_id = whole.lot_id
),
extended AS (
    SELECT core_lot.lot_id, count(*) AS answers
    FROM stg_verification AS asked
    JOIN core_lot ON core_lot.gtin = asked.gtin AND core_lot.lot = asked.lot
    WHERE asked.answer_code = 'ExpirationExtended'
    GROUP BY core_lot.lot_id
),
deviating AS (
    SELECT
        stated.*,
        reference.expiry AS lot_expiry,
        reference.basis,
        reference.record_id AS reference_record_id,
        date_diff('day', reference.expiry, stated.expiry) AS later_days,
        stated.units / nullif(reference.units, 0) AS share,
        stated.made_units / nullif(reference.born_units, 0) AS made_share,
        coalesce(extended.answers, 0) AS extended_answers,
        list_contains(reference.listed_expiries, stated.expiry) AS is_listed_too
    FROM stated
    JOIN reference ON reference.lot_id = stated.lot_id
    LEFT JOIN extended ON extended.lot_id = stated.lot_id
    WHERE stated.expiry <> reference.expiry
        OR (reference.expiry IS NULL AND stated.refused > 0)
),
tested AS (
    SELECT
        deviating.*,
        CASE
            WHEN lot_expiry IS NULL THEN 'not_testable'
            WHEN date_trunc('month', expiry) = date_trunc('month', lot_expiry) THEN 'supported'
            ELSE 'ruled_out'
        END AS b16,
        CASE
            WHEN extended_answers > 0 OR is_listed_too THEN 'supported'
            WHEN basis = 'lot master' THEN 'ruled_out'
            ELSE 'not_testable'
        END AS b17,
        CASE
            WHEN basis <> 'lot master' THEN 'ruled_out'
            WHEN units >= whole_lot_units AND share >= whole_lot_share
                AND (sites >= whole_lot_sites OR coalesce(made_share >= whole_lot_share, FALSE))
                THEN 'supported'
            ELSE 'ruled_out'
        END AS b18,
        CASE
            WHEN b16 = 'supported' THEN 'B16'
            WHEN b17 = 'supported' THEN 'B17'
            WHEN b18 = 'supported' THEN 'B18'
        END AS benign
    FROM deviating
    CROSS JOIN setting
)
SELECT
    lot_id::INTEGER AS lot_id,
    NULL::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    site_id::INTEGER AS site_id,
    NULL::INTEGER AS other_site_id,
    CASE
        WHEN is_typed OR later_days < 0 THEN 'S3'
        WHEN later_days IS NULL OR basis = 'majority' THEN 'S2'
        ELSE 'S1'
    END AS severity,
    CASE WHEN benign IS NULL THEN 'stands' ELSE 'explained' END AS status,
    benign,
    'conflicting' AS history,
    units::DOUBLE AS units,
    to_json({
        'expiry': expiry::VARCHAR, 'later_days': later_days, 'sites': sites, 'refused': refused
    }) AS observed,
    to_json({'expiry': lot_expiry::VARCHAR, 'later_days': 0, 'basis': basis}) AS threshold,
    to_json([
        to_json({
            'code': 'B16', 'result': b16, 'expiry': expiry::VARCHAR,
            'lot_expiry': lot_expiry::VARCHAR
        }),
        to_json({
            'code': 'B17', 'result': b17, 'answers_extended': extended_answers,
            'is_in_lot_master_too': is_listed_too
        }),
        to_json({
            'code': 'B18', 'result': b18, 'share_of_lot': round(share, 3), 'sites': sites,
            'share_of_commissioned_by_maker': round(made_share, 3)
        })
    ])::JSON AS tests,
    CASE
        WHEN reference_record_id IS NULL THEN record_ids
        ELSE list_sort(list_distinct(list_append(record_ids, reference_record_id)))
    END AS record_ids
FROM tested
ORDER BY lot_id, status DESC, severity, expiry
