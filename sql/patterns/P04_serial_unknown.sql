-- model:   P04_serial_unknown
-- purpose: A pack was seen whose serial nobody ever commissioned.
-- grain:   one row per lot, place and verdict; one per lot where the data cannot tell
-- key:     none
-- pattern: P04
-- family:  identity
-- definition: an event on a pack, or a verification of it that was answered, with no commissioning
--   of the pack in the data
-- guard:   the lot's commissioned serials in the data reach 99 % of its stated quantity; for a pack
--   whose lot nobody stated, all lots of its product do. So too for a lot that no list names, of
--   which nothing was made on record and nothing left a maker of the product, if the verification
--   service refused a pack of it and confirmed none. Else a data gap, one a lot
-- severity: S1; S2 where the lot still lacks as many serials as are unknown
-- benign:  B01, B02, B03, B04, B05, B06, B19, B27, B28
-- source:  PAR0362, EMVS alert A3, VRS No_match_GTIN_Serial; typology P04
-- reads:   core_licence, core_lot, core_movement, core_observation, core_site, core_unit,
--   feat_exemption, feat_misread, raw_setting, stg_exemption, stg_verification
-- columns: as in find_finding's pattern shape
-- caveats: Edit distance is tried for the first packs of a product only (P04.typed_units). Where no
--   list of exempt products is given, B27 cannot be tested.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P04.coverage') AS coverage,
        max(value) FILTER (WHERE name = 'P04.typed_units') AS typed_units,
        max(value) FILTER (WHERE name = 'P04.edit_distance') AS edit_distance
    FROM raw_setting
),
answered AS (  -- a lot that is only old or not listed yet is known to the verification service
    SELECT
        unit.lot_id,
        bool_or(regexp_matches(
            asked.answer_code, '^(A2|A3|No_match_GTIN_Serial(_Lot)?)$'
        ))
        AND NOT bool_or(asked.answer_code = 'ACTIVE') AS is_refused
    FROM core_unit AS unit
    JOIN core_observation AS seen ON seen.unit_id = unit.unit_id AND seen.kind = 'verification'
    JOIN stg_verification AS asked ON asked.record_id = seen.record_id
    WHERE NOT unit.is_commissioned
    GROUP BY unit.lot_id
),
from_maker AS (
    SELECT DISTINCT movement.lot_id
    FROM core_movement AS movement
    JOIN core_lot AS made
        ON made.gtin = movement.gtin AND made.maker_site_id = movement.from_site_id
),
stated AS (
    SELECT
        core_lot.*,
        lot = '(unstated)' AS is_unstated,
        lot <> '(unstated)' AND NOT coalesce(is_in_master, FALSE)
        AND coalesce(commissioned_units, 0) = 0 AND class_made_units IS NULL
        AND from_maker.lot_id IS NULL AS is_unheard_of
    FROM core_lot
    LEFT JOIN from_maker ON from_maker.lot_id = core_lot.lot_id
),
product AS (  -- of the lots that somebody made or listed
    SELECT
        gtin,
        bool_and(coalesce(is_covered, FALSE)) AS is_covered,
        min(coverage) AS coverage,
        sum(stated_quantity - commissioned_units) AS missing_units
    FROM stated
    WHERE NOT (is_unstated OR is_unheard_of)
    GROUP BY gtin
),
lot AS (
    SELECT
        stated.lot_id, stated.lot, stated.maker_site_id,
        CASE
            WHEN is_unstated THEN coalesce(product.is_covered, FALSE)
            WHEN is_unheard_of
                THEN coalesce(product.is_covered, FALSE) AND coalesce(answered.is_refused, FALSE)
            ELSE coalesce(stated.is_covered, FALSE)
        END AS is_covered,
        CASE WHEN is_unstated OR is_unheard_of THEN product.coverage ELSE stated.coverage END
        AS coverage,
        CASE
            WHEN is_unstated OR is_unheard_of THEN product.missing_units
            ELSE stated.stated_quantity - stated.commissioned_units
        END AS missing_units
    FROM stated
    LEFT JOIN product ON product.gtin = stated.gtin
    LEFT JOIN answered ON answered.lot_id = stated.lot_id
),
scan AS (
    SELECT
        unit.unit_id, unit.lot_id, unit.gtin, unit.serial,
        seen.record_id, seen.observed_at, seen.site_id, seen.kind,
        asked.entry_mode, asked.answer_code
    FROM core_unit AS unit
    JOIN core_observation AS seen ON seen.unit_id = unit.unit_id
    LEFT JOIN lot ON lot.lot_id = unit.lot_id
    LEFT JOIN core_site AS maker ON maker.site_id = lot.maker_site_id
    LEFT JOIN core_site AS site ON site.site_id = seen.site_id
    LEFT JOIN stg_verification AS asked
        ON seen.kind = 'verification' AND asked.record_id = seen.record_id
    WHERE NOT unit.is_commissioned
        AND NOT regexp_matches(
            coalesce(asked.answer_code, ''), '^(NO_ANSWER|(HTTP[ _]?)?(404|408|5[0-9][0-9]))$'
        )
        AND NOT (
            seen.kind = 'verification'
            AND coalesce(
                site.site_id = maker.site_id OR site.partner_id = maker.partner_id
                OR site.role IN ('maker', 'contract_packer'), FALSE
            )
        )
),
unknown AS (
    SELECT
        unit_id, lot_id, gtin, serial,
        arg_min(site_id, (observed_at, record_id)) AS site_id,
        min(observed_at) AS first_at,
        list_sort(list(DISTINCT record_id)) AS record_ids,
        coalesce(bool_and(entry_mode = 'manual'), FALSE) AND bool_and(kind = 'verification')
        AS is_typed,
        count(*) FILTER (
            WHERE regexp_matches(answer_code, '^(A2$|A3$|No_match_GTIN_Serial)')
        ) AS refused,
        count(*) FILTER (WHERE answer_code = 'ACTIVE') AS confirmed
    FROM scan
    GROUP BY unit_id, lot_id, gtin, serial
),
judgeable AS (
    SELECT unknown.*
    FROM unknown
    JOIN lot ON lot.lot_id = unknown.lot_id
    WHERE lot.is_covered
),
known AS (
    SELECT unit.unit_id, unit.gtin, unit.serial, core_lot.lot
    FROM core_unit AS unit
    LEFT JOIN core_lot ON core_lot.lot_id = unit.lot_id
    WHERE unit.is_commissioned AND unit.gtin IN (SELECT gtin FROM judgeable)
),
typed AS (
    SELECT *
    FROM judgeable
    CROSS JOIN setting
    WHERE is_typed
    QUALIFY row_number() OVER (PARTITION BY gtin ORDER BY unit_id) <= typed_units
),
mistyped AS (
    SELECT typed.unit_id, min(levenshtein(known.serial, typed.serial)) AS edits
    FROM typed
    JOIN known
        ON known.gtin = typed.gtin
        AND abs(length(known.serial) - length(typed.serial)) <= edit_distance
    GROUP BY typed.unit_id, typed.edit_distance
    HAVING edits <= typed.edit_distance
),
exempt AS (  -- B27: a list says that the product needs no serials on the day it was first seen
    SELECT DISTINCT unknown.unit_id
    FROM unknown
    JOIN feat_exemption AS listed ON listed.gtin = unknown.gtin
    WHERE coalesce(unknown.first_at >= listed.exempt_from, TRUE)
        AND coalesce(unknown.first_at < listed.exempt_to + 1, TRUE)
),
tested AS (
    SELECT
        unknown.*,
        lot.is_covered, lot.coverage, lot.missing_units,
        count(*) OVER (PARTITION BY unknown.lot_id) AS lot_units,
        coalesce(misread.is_cased, FALSE) AS is_cased,
        coalesce(misread.is_swapped, FALSE) AS is_swapped,
        coalesce(misread.is_fused, FALSE) AS is_fused,
        coalesce(misread.holds_gtin, FALSE) AS holds_gtin,
        coalesce(misread.is_reread, FALSE) AS is_reread,
        typed.unit_id IS NOT NULL AS is_tried,
        mistyped.edits,
        -- A scanner reads all of a serial or nothing: what is cut short was typed.
        unknown.is_typed AND coalesce(misread.is_cut_short, FALSE) AS is_cut_short,
        exempt.unit_id IS NOT NULL AS is_exempt,
        coalesce(site.role IN ('repackager', 'parallel_trader'), FALSE) AS is_at_repacker,
        coalesce(site.role IN ('repackager', 'parallel_trader'), FALSE) AND EXISTS (
            SELECT 1 FROM core_licence AS licence
            WHERE licence.site_id = unknown.site_id
                AND licence.role IN ('repackager', 'parallel_trader', 'manufacturer', 'maker')
                AND unknown.first_at >= licence.valid_from
                AND unknown.first_at < coalesce(licence.valid_to, DATE '9999-12-30') + 1
        ) AS is_licensed_repack
    FROM unknown
    JOIN lot ON lot.lot_id = unknown.lot_id
    LEFT JOIN core_site AS site ON site.site_id = unknown.site_id
    LEFT JOIN feat_misread AS misread ON misread.unit_id = unknown.unit_id
    LEFT JOIN typed ON typed.unit_id = unknown.unit_id
    LEFT JOIN mistyped ON mistyped.unit_id = unknown.unit_id
    LEFT JOIN exempt ON exempt.unit_id = unknown.unit_id
),
judged AS (
    SELECT
        tested.*,
        CASE
            WHEN is_exempt THEN 'B27'
            WHEN NOT is_covered THEN NULL
            WHEN is_cased THEN 'B01'
            WHEN is_swapped THEN 'B02'
            WHEN is_fused THEN 'B03'
            WHEN edits IS NOT NULL OR is_cut_short THEN 'B04'
            WHEN holds_gtin THEN 'B05'
            WHEN confirmed > 0 THEN 'B06'
            WHEN is_licensed_repack THEN 'B19'
            WHEN is_reread THEN 'B28'
        END AS benign,
        CASE
            WHEN benign IS NOT NULL THEN 'explained'
            WHEN NOT is_covered THEN 'data_gap'
            ELSE 'stands'
        END AS status,
        CASE
            WHEN NOT is_covered AND benign IS NULL THEN 'S4'
            WHEN lot_units <= coalesce(missing_units, 0) THEN 'S2'
            ELSE 'S1'
        END AS severity,
        CASE WHEN is_covered OR is_exempt THEN site_id END AS shown_site_id
    FROM tested
),
grouped AS (
    SELECT
        lot_id, shown_site_id, severity, status, benign,
        count(*) AS units,
        min(unit_id) AS unit_id,
        sum(refused) AS refused,
        arg_min(judged, unit_id) AS shown,
        list_sort(list_distinct(flatten(list(record_ids))))[:200] AS record_ids
    FROM judged
    GROUP BY lot_id, shown_site_id, severity, status, benign
)
SELECT
    lot_id::INTEGER AS lot_id,
    CASE WHEN units = 1 THEN unit_id END::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    shown_site_id::INTEGER AS site_id,
    NULL::INTEGER AS other_site_id,
    severity,
    status,
    benign,
    CASE WHEN status = 'data_gap' THEN 'missing' ELSE 'conflicting' END AS history,
    units::DOUBLE AS units,
    to_json({
        'coverage': round(shown.coverage, 4), 'unknown_packs': shown.lot_units,
        'missing_packs': shown.missing_units, 'refused': refused
    }) AS observed,
    to_json({'coverage': setting.coverage, 'missing_packs': 0}) AS threshold,
    CASE
        WHEN status = 'data_gap' THEN to_json([
            to_json({
                'code': 'B06', 'result': 'not_testable', 'coverage': round(shown.coverage, 4)
            })
        ])
        ELSE to_json([
            to_json({
                'code': 'B01', 'result': if(shown.is_cased, 'supported', 'ruled_out'),
                'is_known_in_other_case': shown.is_cased
            }),
            to_json({
                'code': 'B02', 'result': if(shown.is_swapped, 'supported', 'ruled_out'),
                'is_known_on_other_keyboard': shown.is_swapped
            }),
            to_json({
                'code': 'B03', 'result': if(shown.is_fused, 'supported', 'ruled_out'),
                'holds_known_serial': shown.is_fused
            }),
            to_json({
                'code': 'B04',
                'result': CASE
                    WHEN shown.edits IS NOT NULL OR shown.is_cut_short THEN 'supported'
                    WHEN shown.is_typed AND NOT shown.is_tried THEN 'not_testable'
                    ELSE 'ruled_out'
                END,
                'is_typed': shown.is_typed, 'edits': shown.edits,
                'is_cut_short': shown.is_cut_short
            }),
            to_json({
                'code': 'B05', 'result': if(shown.holds_gtin, 'supported', 'ruled_out'),
                'holds_gtin': shown.holds_gtin
            }),
            to_json({
                'code': 'B06', 'result': if(shown.confirmed > 0, 'supported', 'ruled_out'),
                'answered_active': shown.confirmed, 'missing_packs': shown.missing_units
            }),
            to_json({
                'code': 'B19', 'result': if(shown.is_licensed_repack, 'supported', 'ruled_out'),
                'is_at_repacker': shown.is_at_repacker, 'is_licensed': shown.is_licensed_repack
            }),
            to_json({
                'code': 'B27',
                'result': CASE
                    WHEN shown.is_exempt THEN 'supported'
                    WHEN exemptions.rows = 0 THEN 'not_testable'
                    ELSE 'ruled_out'
                END,
                'is_listed_as_exempt': shown.is_exempt
            }),
            to_json({
                'code': 'B28', 'result': if(shown.is_reread, 'supported', 'ruled_out'),
                'is_read_otherwise_too': shown.is_reread
            })
        ])
    END::JSON AS tests,
    record_ids
FROM grouped
CROSS JOIN setting
CROSS JOIN (SELECT count(*) AS rows FROM stg_exemption) AS exemptions
ORDER BY lot_id, status DESC, severity, units DESC, site_id, benign
