-- model:   P05_serial_out_of_pool
-- purpose: A serial that the product's maker would never have printed.
-- grain:   one row per lot, fault and verdict
-- key:     none
-- pattern: P05
-- family:  identity
-- definition: The serial of a pack that its maker did not commission breaks what all commissioned
--   serials of the GTIN have in common: their lengths; their characters, where the alphabet has been
--   seen so often that a new one is less likely than 1e-6; their common prefix, where it holds more
--   than digits; or, where they are counted up, their range.
-- guard: At least P05.least_serials serials of the GTIN commissioned. Packs commissioned by the
--   product's own maker or packer, or by a repackager, are never judged: they make the pool. A number
--   asked about only by the maker itself is a test.
-- severity: S1; S2 for the range alone, since a maker may open a new one
-- benign: B01, B02, B03, B05, B28 (feat_misread), B04 (cut short, or only ever typed by hand)
-- source: PAR0362; typology P05
-- reads:   core_lot, core_observation, core_site, core_unit, feat_misread, raw_setting,
--   stg_verification
-- columns: as in find_finding's pattern shape
-- caveats: The pool is learned from what the data holds, and is never narrower than the maker's.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P05.least_serials') AS least_serials,
        max(value) FILTER (WHERE name = 'P05.probability') AS probability,
        max(value) FILTER (WHERE name = 'P05.range_share') AS range_share
    FROM raw_setting
),
own AS (
    SELECT unit.gtin, unit.serial
    FROM core_unit AS unit
    LEFT JOIN core_site AS site ON site.site_id = unit.commissioned_site_id
    LEFT JOIN core_lot AS lot ON lot.lot_id = unit.lot_id
    WHERE unit.is_commissioned AND unit.serial IS NOT NULL
        AND (
            site.role IN ('maker', 'contract_packer', 'repackager', 'parallel_trader')
            OR unit.commissioned_site_id = lot.maker_site_id
        )
),
pool AS (
    SELECT
        own.gtin, count(*) AS serials,
        list_sort(list(DISTINCT length(own.serial))) AS lengths,
        avg(length(own.serial)) AS mean_length,
        min(own.serial) AS lowest, max(own.serial) AS highest,
        bool_and(regexp_full_match(own.serial, '[0-9]+')) AS is_numeric
    FROM own
    GROUP BY own.gtin
    HAVING count(*) >= (SELECT least_serials FROM setting)
),
letter AS (
    SELECT gtin, list_sort(list(DISTINCT letter)) AS letters
    FROM (SELECT gtin, unnest(string_split(serial, '')) AS letter FROM own)
    WHERE gtin IN (SELECT gtin FROM pool)
    GROUP BY gtin
),
-- The lowest and the highest serial share the prefix that all between them share.
prefixed AS (
    SELECT
        gtin, lowest,
        list_max(list_filter(
            range(0, length(lowest) + 1), lambda n: starts_with(highest, lowest[:n])
        )) AS shared_length
    FROM pool
),
-- Counted up: the serials fill a good part of the numbers between the first and the last.
known AS (
    SELECT
        pool.*, letter.letters,
        prefixed.lowest[:prefixed.shared_length] AS prefix,
        CASE WHEN pool.is_numeric THEN try_cast(pool.lowest AS HUGEINT) END AS first_number,
        CASE WHEN pool.is_numeric THEN try_cast(pool.highest AS HUGEINT) END AS last_number
    FROM pool
    JOIN letter ON letter.gtin = pool.gtin
    JOIN prefixed ON prefixed.gtin = pool.gtin
),
asked AS (
    SELECT
        unit.unit_id, unit.lot_id, unit.gtin, unit.serial,
        arg_min(seen.site_id, (seen.observed_at, seen.record_id)) AS site_id,
        list_sort(list(DISTINCT seen.record_id)) AS record_ids,
        bool_and(seen.kind = 'verification' AND coalesce(v.entry_mode = 'manual', false)) AS is_typed
    FROM core_unit AS unit
    JOIN known ON known.gtin = unit.gtin
    JOIN core_observation AS seen ON seen.unit_id = unit.unit_id
    LEFT JOIN core_site AS site ON site.site_id = seen.site_id
    LEFT JOIN stg_verification AS v ON seen.kind = 'verification' AND v.record_id = seen.record_id
    WHERE unit.serial IS NOT NULL AND NOT unit.is_commissioned
        AND NOT (
            seen.kind = 'verification' AND coalesce(site.role IN ('maker', 'contract_packer'), false)
        )
    GROUP BY unit.unit_id, unit.lot_id, unit.gtin, unit.serial
),
judged AS (
    SELECT
        asked.*, known.serials, known.lengths, known.prefix,
        misread.benign AS misread,
        CASE
            WHEN NOT list_contains(known.lengths, length(asked.serial)) THEN 'length'
            -- Each commissioned character was one more chance to see any letter of the alphabet.
            WHEN len(list_filter(
                string_split(asked.serial, ''), lambda c: NOT list_contains(known.letters, c)
            )) > 0
                AND (1.0 - 1.0 / (len(known.letters) + 1))
                ** (known.serials * known.mean_length) < setting.probability THEN 'character'
            -- Numbers counted up share their first digits until the counter turns.
            WHEN regexp_matches(known.prefix, '[^0-9]')
                AND NOT starts_with(asked.serial, known.prefix)
                AND 0.5 ** known.serials < setting.probability THEN 'prefix'
            WHEN known.serials
                >= setting.range_share * (known.last_number - known.first_number + 1)
                AND try_cast(asked.serial AS HUGEINT) NOT BETWEEN
                known.first_number - (known.last_number - known.first_number)
                AND known.last_number + (known.last_number - known.first_number) THEN 'range'
        END AS fault
    FROM asked
    JOIN known ON known.gtin = asked.gtin
    CROSS JOIN setting
    LEFT JOIN feat_misread AS misread ON misread.unit_id = asked.unit_id
),
grouped AS (
    SELECT
        lot_id, fault,
        coalesce(misread, CASE WHEN is_typed THEN 'B04' END) AS benign,
        count(*) AS units, min(unit_id) AS unit_id, min(site_id) AS site_id,
        count(DISTINCT site_id) AS sites,
        max(serials) AS serials, any_value(lengths) AS lengths, any_value(prefix) AS prefix,
        list_sort(list_distinct(flatten(list(record_ids))))[:200] AS record_ids
    FROM judged
    WHERE fault IS NOT NULL
    GROUP BY ALL
)
SELECT
    lot_id::INTEGER AS lot_id,
    CASE WHEN units = 1 THEN unit_id END::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    CASE WHEN sites = 1 THEN site_id END::INTEGER AS site_id,
    NULL::INTEGER AS other_site_id,
    if(fault = 'range', 'S2', 'S1') AS severity,
    if(benign IS NULL, 'stands', 'explained') AS status,
    benign,
    'conflicting' AS history,
    units::DOUBLE AS units,
    to_json({'fault': fault, 'strange_serials': units, 'sites': sites}) AS observed,
    to_json({'known_serials': serials, 'known_lengths': lengths, 'known_prefix': prefix})
        AS threshold,
    to_json([
        to_json({'code': code, 'result': if(benign = code, 'supported', 'ruled_out')})
        FOR code IN ['B01', 'B02', 'B03', 'B04', 'B05', 'B28']
    ])::JSON AS tests,
    record_ids
FROM grouped
ORDER BY lot_id, fault, benign
