-- model:   P07_lot_serial_mismatch
-- purpose: A pack that shows another lot number than its maker gave its serial.
-- grain:   one row per lot, lot number shown, place and outcome
-- key:     none
-- pattern: P07
-- family:  identity
-- definition: the lot read off a pack, in a verification or stated in an event that names it, is not
--   the lot that its serial was commissioned in; letter case, blanks, signs and leading zeros aside
-- guard:   the pack's commissioning must be in the data, with one lot; a verification must have been
--   answered; verifications by the maker itself are left out
-- severity: S1; S3 where every reading was typed by hand
-- benign:  B03, B04, B06, B18, B28
-- source:  NAR0074, PAR0362, Defitelio 20G20A, EMVS alert A68; typology P07
-- reads:   core_event, core_item_event, core_lot, core_site, core_unit, raw_identifier, raw_setting,
--   stg_verification
-- columns: as in find_finding's pattern shape
-- caveats: One pack whose label was misread by one scanner shows here as typed or misread; many
--   packs of one lot with the same other lot do not.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P07.edit_distance') AS slip_distance,
        max(value) FILTER (WHERE name = 'P07.whole_lot_share') AS whole_lot_share,
        max(value) FILTER (WHERE name = 'P07.whole_lot_sites') AS whole_lot_sites,
        max(value) FILTER (WHERE name = 'P07.reread_min') AS reread_min
    FROM raw_setting
),
born AS (
    SELECT
        unit.unit_id, unit.lot_id, unit.gtin, unit.serial, unit.commissioned_lot,
        unit.commissioned_site_id, unit.commissioned_record_id,
        ltrim(regexp_replace(upper(unit.commissioned_lot), '[^0-9A-Z]', '', 'g'), '0') AS plain
    FROM core_unit AS unit
    WHERE unit.is_commissioned AND unit.commissioned_lot IS NOT NULL
),
shown AS (
    SELECT
        born.*, asked.lot AS shown_lot, asked.record_id, asked.requested_at AS shown_at,
        site.site_id, asked.entry_mode = 'manual' AS is_typed, asked.answer_code
    FROM stg_verification AS asked
    JOIN raw_identifier AS named ON named.text_id = asked.epc
    JOIN born ON born.unit_id = named.epc_id
    LEFT JOIN core_site AS site ON site.gln = asked.site_gln
    LEFT JOIN core_site AS maker ON maker.site_id = born.commissioned_site_id
    WHERE asked.lot IS NOT NULL
        AND NOT regexp_matches(
            coalesce(asked.answer_code, ''), '^(NO_ANSWER|(HTTP[ _]?)?(404|408|5[0-9][0-9]))$'
        )
        AND NOT coalesce(
            site.site_id = maker.site_id OR site.partner_id = maker.partner_id, FALSE
        )
    UNION ALL
    SELECT
        born.*, event.lot, event.record_id, event.event_at, event.site_id, FALSE, NULL
    FROM core_event AS event
    JOIN core_item_event AS item ON item.record_id = event.record_id
    JOIN born ON born.unit_id = item.unit_id
    WHERE event.lot IS NOT NULL AND NOT event.is_birth AND NOT item.is_inferred
),
read_of AS (
    SELECT
        shown.*,
        ltrim(regexp_replace(upper(shown_lot), '[^0-9A-Z]', '', 'g'), '0') AS shown_plain,
        bool_or(shown_lot = commissioned_lot) OVER same_desk AS is_read_right_too
    FROM shown
    CROSS JOIN setting
    WINDOW same_desk AS (
        PARTITION BY unit_id, site_id ORDER BY shown_at
        RANGE BETWEEN INTERVAL 30 MINUTE PRECEDING AND INTERVAL 30 MINUTE FOLLOWING
    )
),
odd AS (
    SELECT
        read_of.*,
        -- Fields run together: the reading holds the true lot, or the serial, with more around it.
        shown_plain <> plain AND (
            (len(plain) >= 4 AND contains(shown_plain, plain))
            OR contains(
                shown_plain, ltrim(regexp_replace(upper(serial), '[^0-9A-Z]', '', 'g'), '0')
            )
        ) AS is_run_together,
        is_typed AND (
            levenshtein(shown_plain, plain) <= setting.slip_distance
            OR (len(shown_plain) >= 3 AND starts_with(plain, shown_plain))
        ) AS is_slip
    FROM read_of
    CROSS JOIN setting
    WHERE shown_plain <> plain
),
counted AS (
    SELECT
        lot_id, shown_plain, count(DISTINCT unit_id) AS units, count(DISTINCT site_id) AS sites
    FROM odd
    GROUP BY lot_id, shown_plain
),
whole AS (
    SELECT lot_id, count(DISTINCT unit_id) AS units
    FROM read_of
    GROUP BY lot_id
),
tested AS (
    SELECT
        odd.lot_id, odd.commissioned_lot, odd.shown_plain, odd.site_id,
        any_value(odd.shown_lot ORDER BY odd.record_id) AS shown_lot,
        CASE
            WHEN odd.is_run_together THEN 'B03'
            WHEN odd.is_slip THEN 'B04'
            WHEN counted.units >= setting.whole_lot_share * whole.units
                AND counted.sites >= setting.whole_lot_sites
                THEN CASE WHEN other.lot_id IS NULL THEN 'B06' ELSE 'B18' END
            WHEN odd.is_read_right_too THEN 'B28'
        END AS benign,
        count(DISTINCT odd.unit_id) AS units,
        bool_and(odd.is_typed) AS is_typed,
        count(*) FILTER (WHERE odd.answer_code = 'A68') AS refused,
        min(levenshtein(odd.shown_plain, odd.plain)) AS edit_distance,
        any_value(counted.units / whole.units) AS share_of_read,
        any_value(counted.sites) AS sites,
        bool_or(other.lot_id IS NOT NULL) AS is_other_lot_known,
        list_sort(list_distinct(
            list_sort(list(DISTINCT odd.record_id))[:40]
            || list_sort(list(DISTINCT odd.commissioned_record_id))[:10]
        )) AS record_ids
    FROM odd
    CROSS JOIN setting
    JOIN counted ON counted.lot_id = odd.lot_id AND counted.shown_plain = odd.shown_plain
    JOIN whole ON whole.lot_id = odd.lot_id
    LEFT JOIN core_lot AS other
        ON other.gtin = odd.gtin AND other.lot = odd.shown_lot AND other.lot_id <> odd.lot_id
        AND (other.is_in_master OR other.commissioned_units > 0)
    GROUP BY odd.lot_id, odd.commissioned_lot, odd.shown_plain, odd.site_id, 6
)
SELECT
    lot_id::INTEGER AS lot_id,
    NULL::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    site_id::INTEGER AS site_id,
    NULL::INTEGER AS other_site_id,
    CASE WHEN is_typed THEN 'S3' ELSE 'S1' END AS severity,
    CASE WHEN benign IS NULL THEN 'stands' ELSE 'explained' END AS status,
    benign,
    'conflicting' AS history,
    units::DOUBLE AS units,
    to_json({
        'shown_lot': shown_lot, 'edit_distance': edit_distance, 'refused': refused, 'sites': sites
    }) AS observed,
    to_json({'shown_lot': commissioned_lot}) AS threshold,
    to_json([
        to_json({
            'code': 'B03', 'result': if(benign = 'B03', 'supported', 'ruled_out'),
            'shown_lot': shown_lot
        }),
        to_json({
            'code': 'B04', 'result': if(benign = 'B04', 'supported', 'ruled_out'),
            'edit_distance': edit_distance, 'is_typed': is_typed
        }),
        to_json({
            'code': 'B06', 'result': if(benign = 'B06', 'supported', 'ruled_out'),
            'share_of_read': round(share_of_read, 3), 'sites': sites
        }),
        to_json({
            'code': 'B18', 'result': if(benign = 'B18', 'supported', 'ruled_out'),
            'share_of_read': round(share_of_read, 3), 'is_other_lot_known': is_other_lot_known
        }),
        to_json({
            'code': 'B28', 'result': if(benign = 'B28', 'supported', 'ruled_out'),
            'read_right_within_min': reread_min
        })
    ])::JSON AS tests,
    record_ids
FROM tested
CROSS JOIN setting
ORDER BY lot_id, shown_plain, site_id, benign NULLS FIRST
