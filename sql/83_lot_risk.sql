-- model:   lot_risk
-- purpose: Every lot with its tier, and why it stands there: where an officer begins.
-- grain:   one row per lot, of the latest run
-- key:     gtin, lot
-- reads:   core_lot, core_product, evid_finding_unit, find_cited_case, find_finding, find_lot,
--   find_score, raw_run, raw_setting
-- columns:
--   gtin                GTIN-14
--   lot                 as stated; (unstated) for packs whose lot nobody stated
--   product             name as the product list has it
--   tier                hold, investigate, watch, clear
--   suspicion_pct       0 to 100, the higher of the detectors' answers; null where none judged
--   p_value             chance of such a lot among cleared ones, the smallest of the detectors',
--                       times their number; null where none judged
--   top_pattern         gravest pattern that stands
--   second_pattern      the next other one
--   findings_standing   that no benign cause explains
--   findings_explained  that one does
--   data_gaps           questions the data cannot answer
--   coverage            share of the lot whose commissioning is in the data; null where unknown
--   units               packs of the lot in the data
--   units_affected      packs of the standing pattern that concerns most, each once; 0 where none
--                       stands
--   nearest_case        past case most like it; null where none is near
--   run_id              the run that judged
--   report              page of the lot, relative to the index of the reports
--   findings_suppressed  that would stand, and a person set aside until a date
-- caveats: clear says that nothing was found, not that nothing is wrong: look at coverage and
--   data_gaps. A detector alone raises a lot to watch, never higher. Packs that findings only
--   count and do not name (evid_finding_unit) may be the same in two of them: the largest counts.
WITH run AS (
    SELECT run_id
    FROM raw_run
    ORDER BY status = 'running' DESC, as_of DESC, run_id
    LIMIT 1
),
alarm AS (
    SELECT max(value) AS p_value
    FROM raw_setting
    WHERE name = 'lot_risk.alarm_p_value'
),
score AS (
    SELECT
        lot_id,
        max(suspicion_pct) AS suspicion_pct,
        CASE WHEN count(p_value) > 0 THEN least(1, min(p_value) * count(p_value)) END AS p_value
    FROM (  -- a detector without enough to go by says NaN or nothing, of either
        SELECT
            lot_id,
            CASE WHEN NOT isnan(suspicion_pct) THEN suspicion_pct END AS suspicion_pct,
            CASE WHEN NOT isnan(p_value) THEN p_value END AS p_value
        FROM find_score
    )
    GROUP BY lot_id
),
nearest AS (
    SELECT lot_id, arg_min(case_id, (rank, case_id)) AS case_id
    FROM find_cited_case
    WHERE is_near
    GROUP BY lot_id
),
affected AS (
    SELECT lot_id, max(units) AS units
    FROM (
        SELECT
            found.lot_id, found.pattern,
            greatest(count(DISTINCT named.unit_id)::DOUBLE, max(found.units)) AS units
        FROM find_finding AS found
        LEFT JOIN evid_finding_unit AS named ON named.finding_id = found.finding_id
        WHERE found.status = 'stands' AND found.lot_id IS NOT NULL
        GROUP BY found.lot_id, found.pattern
    )
    GROUP BY lot_id
),
product AS (
    SELECT gtin, min(name) AS name
    FROM core_product
    GROUP BY gtin
),
ranked AS (
    SELECT
        core_lot.gtin,
        core_lot.lot,
        product.name AS product,
        CASE
            WHEN find_lot.tier = 'clear' AND score.p_value < alarm.p_value THEN 'watch'
            ELSE coalesce(find_lot.tier, 'clear')
        END AS tier,
        score.suspicion_pct,
        score.p_value,
        find_lot.top_pattern,
        find_lot.second_pattern,
        coalesce(find_lot.findings_standing, 0) AS findings_standing,
        coalesce(find_lot.findings_explained, 0) AS findings_explained,
        coalesce(find_lot.data_gaps, 0) AS data_gaps,
        core_lot.coverage,
        greatest(
            coalesce(core_lot.commissioned_units, 0), coalesce(core_lot.observed_units, 0)
        ) + coalesce(core_lot.class_units, 0) AS units,
        coalesce(affected.units, 0) AS units_affected,
        nearest.case_id AS nearest_case,
        run.run_id,
        'lots/' || md5(core_lot.gtin || '|' || core_lot.lot)[:16] || '.html' AS report,
        coalesce(find_lot.findings_suppressed, 0) AS findings_suppressed
    FROM core_lot
    CROSS JOIN alarm
    LEFT JOIN run ON TRUE
    LEFT JOIN find_lot ON find_lot.lot_id = core_lot.lot_id
    LEFT JOIN affected ON affected.lot_id = core_lot.lot_id
    LEFT JOIN score ON score.lot_id = core_lot.lot_id
    LEFT JOIN nearest ON nearest.lot_id = core_lot.lot_id
    LEFT JOIN product ON product.gtin = core_lot.gtin
)
SELECT *
FROM ranked
ORDER BY
    CASE tier WHEN 'hold' THEN 1 WHEN 'investigate' THEN 2 WHEN 'watch' THEN 3 ELSE 4 END,
    suspicion_pct DESC NULLS LAST, gtin, lot
