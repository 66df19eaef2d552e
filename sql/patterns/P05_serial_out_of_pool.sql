-- model:   P05_serial_out_of_pool
-- purpose: A serial that the product's maker would never have printed.
-- grain:   one row per lot, fault and verdict
-- key:     none
-- pattern: P05
-- family:  identity
-- definition: The serial of a pack that its maker did not commission breaks what all commissioned
--   serials of the GTIN have in common, which is learned from them: their lengths; their characters,
--   anywhere (character) or at one place of the serial (place); their common prefix, where it holds
--   more than digits; where they are counted up, their range, or, where each lot is, that of the lot
--   (block); where they are drawn by chance, that they are (counted: five strange ones differ in
--   their last three characters only). Each is judged only where so many commissioned serials would
--   show such a thing by now with a probability of all but 1e-6.
-- guard: At least P05.least_serials serials of the GTIN commissioned; with fewer, those of its maker
--   stand in for length and characters, if it makes enough products. Packs commissioned by the
--   product's own maker or packer, or by a repackager, are never judged: they make the pool. A number
--   asked about only by the maker itself is a test.
-- severity: S1; S2 for range, block and counted, since a maker may open a new range or line
-- benign: B01, B02, B03, B05, B28 (feat_misread), B04 (cut short, or only ever typed by hand)
-- source: PAR0362; typology P05
-- reads:   core_lot, core_observation, core_site, core_unit, feat_misread, raw_setting,
--   stg_verification
-- columns: as in find_finding's pattern shape
-- caveats: The pool is learned from what the data holds, and is never narrower than the maker's.
--   Several lines of one maker make one pool: what any of them prints is lawful.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P05.least_serials') AS least_serials,
        max(value) FILTER (WHERE name = 'P05.probability') AS probability,
        max(value) FILTER (WHERE name = 'P05.range_share') AS range_share,
        max(value) FILTER (WHERE name = 'P05.maker_products') AS maker_products,
        max(value) FILTER (WHERE name = 'P05.block_serials') AS block_serials,
        max(value) FILTER (WHERE name = 'P05.habit_share') AS habit_share,
        max(value) FILTER (WHERE name = 'P05.counted_serials') AS counted_serials
    FROM raw_setting
),
own AS (
    SELECT unit.gtin, unit.serial, unit.lot_id, length(unit.serial) AS length
    FROM core_unit AS unit
    LEFT JOIN core_site AS site ON site.site_id = unit.commissioned_site_id
    LEFT JOIN core_lot AS lot ON lot.lot_id = unit.lot_id
    WHERE unit.is_commissioned AND unit.serial IS NOT NULL
        AND (
            site.role IN ('maker', 'contract_packer', 'repackager', 'parallel_trader')
            OR unit.commissioned_site_id = lot.maker_site_id
        )
),
-- ---- the scheme of each product: how many serials of which length hold which letter at which place
product AS (
    SELECT
        own.gtin, count(*) AS serials,
        min(own.serial) AS lowest, max(own.serial) AS highest,
        bool_and(regexp_full_match(own.serial, '[0-9]+')) AS is_numeric,
        -- Drawn by chance: hardly two serials agree but for their last characters.
        approx_count_distinct(left(own.serial, -3)) >= any_value(setting.habit_share) * count(*) AS is_drawn
    FROM own
    CROSS JOIN setting
    GROUP BY own.gtin
),
product_length AS (
    SELECT gtin, length, count(*) AS serials FROM own GROUP BY gtin, length
),
product_letter AS (
    SELECT gtin, length, place, serial[place] AS letter, count(*) AS serials
    FROM (SELECT gtin, length, serial, unnest(range(1, length + 1)) AS place FROM own)
    GROUP BY gtin, length, place, letter
),
-- ---- a product with few serials goes by all of its maker's, where those are enough products
maker AS (
    SELECT
        lot.gtin, mode(coalesce(site.partner_id, -site.site_id) ORDER BY site.site_id) AS maker_id
    FROM core_lot AS lot
    JOIN core_site AS site ON site.site_id = lot.maker_site_id
    GROUP BY lot.gtin
),
rich_maker AS (
    SELECT maker.maker_id
    FROM product
    CROSS JOIN setting
    JOIN maker ON maker.gtin = product.gtin
    WHERE product.serials >= setting.least_serials
    GROUP BY maker.maker_id, setting.maker_products
    HAVING count(*) >= setting.maker_products
),
member AS (  -- whose serials make the pool of a product
    SELECT product.gtin, product.gtin AS of_gtin, FALSE AS is_borrowed
    FROM product
    CROSS JOIN setting
    WHERE product.serials >= setting.least_serials
    UNION ALL
    SELECT poor.gtin, other.gtin, TRUE
    FROM maker AS poor
    CROSS JOIN setting
    JOIN rich_maker ON rich_maker.maker_id = poor.maker_id
    JOIN maker AS other ON other.maker_id = poor.maker_id
    LEFT JOIN product ON product.gtin = poor.gtin
    WHERE coalesce(product.serials, 0) < setting.least_serials
),
pool_length AS (
    SELECT member.gtin, seen.length, sum(seen.serials)::BIGINT AS serials
    FROM member
    JOIN product_length AS seen ON seen.gtin = member.of_gtin
    GROUP BY member.gtin, seen.length
),
pool_place AS (
    SELECT
        member.gtin, seen.length, seen.place,
        list_sort(list(DISTINCT seen.letter)) AS letters,
        bool_and(regexp_full_match(seen.letter, '[0-9]')) AS is_digit
    FROM member
    JOIN product_letter AS seen ON seen.gtin = member.of_gtin
    GROUP BY member.gtin, seen.length, seen.place
),
pool AS (
    SELECT
        gtin, sum(serials)::BIGINT AS serials, list_sort(list(length)) AS lengths,
        sum(serials * length) AS letters_seen
    FROM pool_length
    GROUP BY gtin
),
letter AS (
    SELECT gtin, list_sort(list_distinct(flatten(list(letters)))) AS letters
    FROM pool_place
    GROUP BY gtin
),
known AS (
    SELECT
        pool.*, letter.letters, borrowing.is_borrowed, product.is_drawn,
        -- The lowest and the highest serial share the prefix that all between them share.
        CASE
            WHEN borrowing.is_borrowed THEN ''
            ELSE left(product.lowest, list_max(list_filter(
                range(0, length(product.lowest) + 1),
                lambda n: starts_with(product.highest, left(product.lowest, n))
            )))
        END AS prefix,
        CASE
            WHEN product.is_numeric AND NOT borrowing.is_borrowed
                THEN try_cast(product.lowest AS HUGEINT)
        END AS first_number,
        CASE
            WHEN product.is_numeric AND NOT borrowing.is_borrowed
                THEN try_cast(product.highest AS HUGEINT)
        END AS last_number
    FROM pool
    JOIN letter ON letter.gtin = pool.gtin
    JOIN (SELECT gtin, bool_or(is_borrowed) AS is_borrowed FROM member GROUP BY gtin) AS borrowing
        ON borrowing.gtin = pool.gtin
    LEFT JOIN product ON product.gtin = pool.gtin
),
-- ---- lots whose serials are counted up: they fill a good part of their numbers
lot_range AS (
    SELECT
        own.gtin, own.lot_id, count(*) AS serials,
        min(regexp_replace(own.serial, '[0-9]{1,18}$', '')) AS head,
        max(regexp_replace(own.serial, '[0-9]{1,18}$', '')) AS last_head,
        min(try_cast(regexp_extract(own.serial, '[0-9]{1,18}$') AS BIGINT)) AS first_number,
        max(try_cast(regexp_extract(own.serial, '[0-9]{1,18}$') AS BIGINT)) AS last_number
    FROM own
    GROUP BY own.gtin, own.lot_id
),
block AS (
    SELECT
        lot_range.*,
        coalesce(
            head = last_head AND serials >= setting.range_share * (last_number - first_number + 1),
            FALSE
        ) AS is_counted
    FROM lot_range
    CROSS JOIN setting
    WHERE serials >= setting.block_serials
    QUALIFY avg(is_counted::INTEGER) OVER (PARTITION BY gtin) >= setting.habit_share
),
-- ---- the strange ones
asked AS (
    SELECT
        unit.unit_id, unit.lot_id, unit.gtin, unit.serial, length(unit.serial) AS length,
        arg_min(seen.site_id, (seen.observed_at, seen.record_id)) AS site_id,
        list_sort(list(DISTINCT seen.record_id)) AS record_ids,
        bool_and(seen.kind = 'verification' AND coalesce(v.entry_mode = 'manual', FALSE)) AS is_typed
    FROM core_unit AS unit
    JOIN known ON known.gtin = unit.gtin
    JOIN core_observation AS seen ON seen.unit_id = unit.unit_id
    LEFT JOIN core_site AS site ON site.site_id = seen.site_id
    LEFT JOIN stg_verification AS v ON seen.kind = 'verification' AND v.record_id = seen.record_id
    WHERE unit.serial IS NOT NULL AND NOT unit.is_commissioned
        AND NOT (
            seen.kind = 'verification' AND coalesce(site.role IN ('maker', 'contract_packer'), FALSE)
        )
    GROUP BY unit.unit_id, unit.lot_id, unit.gtin, unit.serial
),
-- A letter at a place where, of so many serials, none ever held it. Counters turn: a new digit among
-- digits is no fault of the place.
misplaced AS (
    SELECT asked.unit_id, min(placed.chance_log10) AS chance_log10
    FROM (
        SELECT unit_id, gtin, length, serial, unnest(range(1, length + 1)) AS place FROM asked
    ) AS asked
    JOIN (
        SELECT
            pool_place.gtin, pool_place.length, pool_place.place, pool_place.letters,
            pool_place.is_digit,
            pool_length.serials * log10(1 - 1 / (len(pool_place.letters) + 1)) AS chance_log10
        FROM pool_place
        JOIN pool_length
            ON pool_length.gtin = pool_place.gtin AND pool_length.length = pool_place.length
    ) AS placed
        ON placed.gtin = asked.gtin AND placed.length = asked.length
        AND placed.place = asked.place
    WHERE NOT list_contains(placed.letters, asked.serial[asked.place])
        AND NOT (placed.is_digit AND regexp_full_match(asked.serial[asked.place], '[0-9]'))
    GROUP BY asked.unit_id
),
-- Where the maker draws, so many that agree but for three characters are not drawn: M serials, k of
-- them in one of so many cells, M^k / k! / cells^(k - 1).
cell AS (
    SELECT gtin, length, sum(log10(len(letters))) FILTER (WHERE place <= length - 3) AS cells_log10
    FROM pool_place
    GROUP BY gtin, length
),
run AS (
    SELECT asked.gtin, asked.length, left(asked.serial, -3) AS head, count(*) AS serials,
        sum(count(*)) OVER (PARTITION BY asked.gtin, asked.length) AS strange
    FROM asked
    GROUP BY asked.gtin, asked.length, left(asked.serial, -3)
),
counted AS (
    SELECT
        run.gtin, run.length, run.head,
        run.serials * log10(run.strange) - lgamma(run.serials + 1) / ln(10)
        - (run.serials - 1) * cell.cells_log10 AS chance_log10
    FROM run
    CROSS JOIN setting
    JOIN known ON known.gtin = run.gtin AND known.is_drawn AND NOT known.is_borrowed
    JOIN cell ON cell.gtin = run.gtin AND cell.length = run.length
    WHERE run.serials >= setting.counted_serials
),
judged AS (
    SELECT
        asked.*, known.serials, known.lengths, known.prefix, known.is_borrowed,
        misread.benign AS misread,
        -- How likely so many commissioned serials would not have shown such a one by chance: each
        -- was one more chance to see any of the lengths, letters or beginnings.
        {
            'length': CASE
                WHEN NOT list_contains(known.lengths, asked.length)
                    THEN known.serials * log10(1 - 1 / (len(known.lengths) + 1))
            END,
            'character': CASE
                WHEN len(list_filter(
                    string_split(asked.serial, ''), lambda c: NOT list_contains(known.letters, c)
                )) > 0 THEN known.letters_seen * log10(1 - 1 / (len(known.letters) + 1))
            END,
            'place': misplaced.chance_log10,
            -- Numbers counted up share their first digits until the counter turns.
            'prefix': CASE
                WHEN regexp_matches(known.prefix, '[^0-9]')
                    AND NOT starts_with(asked.serial, known.prefix)
                    THEN known.serials * log10(0.5)
            END,
            'counted': counted.chance_log10
        } AS chance,
        known.serials >= setting.range_share * (known.last_number - known.first_number + 1)
        AND try_cast(asked.serial AS HUGEINT) NOT BETWEEN
        known.first_number - (known.last_number - known.first_number)
        AND known.last_number + (known.last_number - known.first_number) AS is_out_of_range,
        block.is_counted AND (
            regexp_replace(asked.serial, '[0-9]{1,18}$', '') <> block.head
            OR try_cast(regexp_extract(asked.serial, '[0-9]{1,18}$') AS BIGINT) NOT BETWEEN
            block.first_number - (block.last_number - block.first_number)
            AND block.last_number + (block.last_number - block.first_number)
        ) AS is_out_of_block,
        log10(setting.probability) AS limit_log10
    FROM asked
    CROSS JOIN setting
    JOIN known ON known.gtin = asked.gtin
    LEFT JOIN misplaced ON misplaced.unit_id = asked.unit_id
    LEFT JOIN counted
        ON counted.gtin = asked.gtin AND counted.length = asked.length
        AND counted.head = left(asked.serial, -3)
    LEFT JOIN block ON block.gtin = asked.gtin AND block.lot_id = asked.lot_id
    LEFT JOIN feat_misread AS misread ON misread.unit_id = asked.unit_id
),
faulty AS (
    SELECT
        judged.*,
        CASE
            WHEN chance.length < limit_log10 THEN 'length'
            WHEN chance.character < limit_log10 THEN 'character'
            WHEN chance.prefix < limit_log10 THEN 'prefix'
            WHEN chance.place < limit_log10 THEN 'place'
            WHEN is_out_of_range THEN 'range'
            WHEN is_out_of_block THEN 'block'
            WHEN chance.counted < limit_log10 THEN 'counted'
        END AS fault,
        CASE fault
            WHEN 'length' THEN chance.length
            WHEN 'character' THEN chance.character
            WHEN 'prefix' THEN chance.prefix
            WHEN 'place' THEN chance.place
            WHEN 'counted' THEN chance.counted
        END AS chance_log10
    FROM judged
),
grouped AS (
    SELECT
        lot_id, fault,
        coalesce(misread, CASE WHEN is_typed THEN 'B04' END) AS benign,
        count(*) AS units, min(unit_id) AS unit_id, min(site_id) AS site_id,
        count(DISTINCT site_id) AS sites, max(chance_log10) AS chance_log10,
        max(serials) AS serials, any_value(lengths) AS lengths, any_value(prefix) AS prefix,
        bool_or(is_borrowed) AS is_borrowed, any_value(limit_log10) AS limit_log10,
        list_sort(list_distinct(flatten(list(record_ids))))[:200] AS record_ids
    FROM faulty
    WHERE fault IS NOT NULL
    GROUP BY ALL
)
SELECT
    lot_id::INTEGER AS lot_id,
    CASE WHEN units = 1 THEN unit_id END::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    CASE WHEN sites = 1 THEN site_id END::INTEGER AS site_id,
    NULL::INTEGER AS other_site_id,
    if(fault IN ('range', 'block', 'counted'), 'S2', 'S1') AS severity,
    if(benign IS NULL, 'stands', 'explained') AS status,
    benign,
    'conflicting' AS history,
    units::DOUBLE AS units,
    to_json({
        'fault': fault, 'strange_serials': units, 'sites': sites,
        'chance_log10': round(chance_log10, 1)
    }) AS observed,
    to_json({
        'known_serials': serials, 'known_lengths': lengths, 'known_prefix': prefix,
        'is_makers_pool': is_borrowed,
        'chance_log10': if(chance_log10 IS NULL, NULL, round(limit_log10, 1))
    }) AS threshold,
    to_json([
        to_json({'code': code, 'result': if(benign = code, 'supported', 'ruled_out')})
        FOR code IN ['B01', 'B02', 'B03', 'B04', 'B05', 'B28']
    ])::JSON AS tests,
    record_ids
FROM grouped
ORDER BY lot_id, fault, benign
