-- model:   feat_misread
-- purpose: Unknown serials that a scanner, a keyboard or a hand makes of known ones.
-- grain:   one row per pack that is not commissioned and looks like a misread one
-- key:     unit_id
-- reads:   core_lot, core_observation, core_unit, raw_setting
-- columns:
--   unit_id       core_unit
--   benign        the first cause that fits, in the order of the codes
--   is_cased      B01: known in other letter case
--   is_swapped    B02: known as the same keys strike it on another keyboard
--   is_fused      B03: a known serial with another element of the code run into it
--   is_cut_short  B04: a known serial begins so
--   holds_gtin    B05: the serial holds the GTIN
--   is_reread     B28: the same place read a nearly equal, known serial a moment before or after
-- caveats: A serial of two characters or fewer is never called cut short.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P04.reread_min') AS reread_min,
        max(value) FILTER (WHERE name = 'P04.edit_distance') AS edit_distance
    FROM raw_setting
),
strange AS (
    SELECT unit_id, gtin, serial FROM core_unit WHERE NOT is_commissioned AND serial IS NOT NULL
),
known AS (
    SELECT unit.unit_id, unit.gtin, unit.serial, lot.lot
    FROM core_unit AS unit
    LEFT JOIN core_lot AS lot ON lot.lot_id = unit.lot_id
    WHERE unit.is_commissioned AND unit.gtin IN (SELECT gtin FROM strange)
),
known_length AS (
    SELECT DISTINCT gtin, length(serial) AS length FROM known
),
-- The head and the tail of a strange serial that are as long as known serials are.
part AS (
    SELECT
        strange.unit_id, strange.gtin,
        left(strange.serial, known_length.length) AS head,
        substr(strange.serial, known_length.length + 1) AS behind,
        right(strange.serial, known_length.length) AS tail,
        left(strange.serial, length(strange.serial) - known_length.length) AS before
    FROM strange
    JOIN known_length ON known_length.gtin = strange.gtin
    WHERE length(strange.serial) > known_length.length
),
-- Known serials, cut to the lengths of shorter strange ones.
short AS (
    SELECT DISTINCT strange.gtin, length(strange.serial) AS length
    FROM strange
    JOIN known_length
        ON known_length.gtin = strange.gtin AND length(strange.serial) < known_length.length
    WHERE length(strange.serial) > 2
),
cut AS (
    SELECT DISTINCT known.gtin, left(known.serial, short.length) AS serial
    FROM known
    JOIN short ON short.gtin = known.gtin AND length(known.serial) > short.length
),
cause AS (
    SELECT strange.unit_id, 'B01' AS benign
    FROM strange
    JOIN known ON known.gtin = strange.gtin AND lower(known.serial) = lower(strange.serial)
    UNION ALL
    SELECT variant.unit_id, 'B02'
    FROM (
        SELECT
            unit_id, gtin, serial,
            unnest([
                translate(serial, 'yzYZ', 'zyZY'),
                translate(serial, '-/', '/-'),
                translate(serial, 'yzYZ-/', 'zyZY/-'),
                translate(serial, 'qawzQAWZ', 'aqzwAQZW')
            ]) AS candidate
        FROM strange
    ) AS variant
    JOIN known ON known.gtin = variant.gtin AND known.serial = variant.candidate
    WHERE variant.candidate <> variant.serial
    UNION ALL
    SELECT part.unit_id, 'B03'
    FROM part
    JOIN known ON known.gtin = part.gtin AND known.serial = part.head
    WHERE part.behind = known.lot
        OR starts_with(part.behind, '10' || known.lot)
        -- Nothing reads more than 20 characters of a serial.
        OR (
            length(part.head) + length(part.behind) = 20 AND length(part.behind) >= 3
            AND starts_with('10' || known.lot, part.behind)
        )
        OR regexp_matches(part.behind, '^17[0-9]{6}')
    UNION ALL
    SELECT part.unit_id, 'B03'
    FROM part
    JOIN known ON known.gtin = part.gtin AND known.serial = part.tail
    WHERE part.before = '21' OR starts_with(part.before, '01' || part.gtin)
        OR starts_with(part.before, '10' || known.lot)
        OR regexp_matches(part.before, '^17[0-9]{6}')
    UNION ALL
    SELECT strange.unit_id, 'B04'
    FROM strange
    JOIN cut ON cut.gtin = strange.gtin AND cut.serial = strange.serial
    UNION ALL
    SELECT unit_id, 'B05' FROM strange WHERE contains(serial, ltrim(gtin, '0'))
    UNION ALL
    SELECT strange.unit_id, 'B28'
    FROM strange
    CROSS JOIN setting
    JOIN core_observation AS mine
        ON mine.unit_id = strange.unit_id AND mine.kind = 'verification'
    JOIN core_observation AS other
        ON other.kind = 'verification' AND other.site_id = mine.site_id
        AND abs(epoch(other.observed_at - mine.observed_at)) <= 60 * setting.reread_min
    JOIN known ON known.unit_id = other.unit_id AND known.gtin = strange.gtin
    WHERE levenshtein(known.serial, strange.serial) <= setting.edit_distance
)
SELECT
    unit_id,
    min(benign) AS benign,
    bool_or(benign = 'B01') AS is_cased,
    bool_or(benign = 'B02') AS is_swapped,
    bool_or(benign = 'B03') AS is_fused,
    bool_or(benign = 'B04') AS is_cut_short,
    bool_or(benign = 'B05') AS holds_gtin,
    bool_or(benign = 'B28') AS is_reread
FROM cause
GROUP BY unit_id
ORDER BY unit_id
