-- macro:   similar_lots(of_gtin, of_lot, how_many)
-- purpose: The lots most like one lot in what was measured of them, and in what they differ most.
-- try:     FROM similar_lots('09521234001010', '1G260576', 5)
-- caveats: Every measure counts alike, in units of its own spread (median absolute deviation);
--   measures that either lot lacks are left out. The detectors weigh otherwise.
WITH measured AS (
    UNPIVOT (SELECT * REPLACE (units::DOUBLE AS units) FROM feat_lot)
    ON COLUMNS(* EXCLUDE (lot_id)) INTO NAME measure VALUE value
),
spread AS (
    SELECT measure, nullif(1.4826 * mad(value::DOUBLE), 0) AS scale
    FROM measured
    GROUP BY measure
),
wanted AS (
    SELECT lot_id
    FROM core_lot
    WHERE gtin = lpad(of_gtin, 14, '0') AND lot = of_lot
),
difference AS (
    SELECT
        other.lot_id, other.measure, other.value,
        abs(other.value - mine.value) / spread.scale AS away
    FROM measured AS mine
    JOIN wanted ON wanted.lot_id = mine.lot_id
    JOIN measured AS other ON other.measure = mine.measure AND other.lot_id <> mine.lot_id
    JOIN spread ON spread.measure = mine.measure
    WHERE spread.scale IS NOT NULL
)
SELECT
    lot.gtin, lot.lot, risk.tier, round(sqrt(avg(away ** 2)), 3) AS distance,
    arg_max(difference.measure, away) AS differs_most_in,
    count(*) AS measures
FROM difference
JOIN core_lot AS lot ON lot.lot_id = difference.lot_id
LEFT JOIN lot_risk AS risk ON risk.gtin = lot.gtin AND risk.lot = lot.lot
GROUP BY lot.lot_id, lot.gtin, lot.lot, risk.tier
ORDER BY sqrt(avg(away ** 2)), lot.lot_id
LIMIT how_many
