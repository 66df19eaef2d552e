-- model:   finding
-- purpose: Every finding with what it rests on.
-- grain:   one row per finding, of the latest run
-- key:     finding_id
-- reads:   find_finding, raw_run, stg_record
-- columns:
--   finding_id  hash of pattern, lot, pack or container, places and first record
--   run_id      the run that found it
--   pattern     P01 to P40
--   family      identity, lifecycle, quantity, network, condition
--   gtin        GTIN-14
--   lot         as stated
--   epc         of the pack; null at other grains
--   sscc        of the container; null at other grains
--   site_gln    GLN or text of the place
--   other_gln   GLN or text of the second place
--   severity    S1 (hold now), S2 (same day), S3 (queue), S4 (note)
--   status      stands, explained, data_gap, suppressed (would stand, and a person set it aside)
--   benign      code of the benign cause that explains it
--   history     conflicting: records contradict each other; missing: a record is absent
--   units       packs affected
--   observed    JSON, the numbers seen
--   threshold   JSON, the numbers they were held against
--   tests       JSON list, each benign test with its result and the numbers that decide
--   event_ids   ids of the events cited; for a record without one its kind and record_id
--   record_ids  the records cited, as in stg_record
--   suppression_id  of the view suppression; null where the status is another
-- caveats: Observed and threshold are JSON: observed ->> 'distance_km' takes one out.
WITH run AS (
    SELECT run_id
    FROM raw_run
    ORDER BY status = 'running' DESC, as_of DESC, run_id
    LIMIT 1
),
cited AS (
    SELECT finding_id, unnest(record_ids) AS record_id
    FROM find_finding
),
named AS (
    SELECT
        cited.finding_id,
        list(
            coalesce(record.event_id, record.kind || ':' || record.record_id)
            ORDER BY record.record_id
        ) AS event_ids
    FROM cited
    JOIN stg_record AS record ON record.record_id = cited.record_id
    GROUP BY cited.finding_id
)
SELECT
    finding.finding_id, run.run_id, finding.pattern, finding.family, finding.gtin, finding.lot,
    finding.epc, finding.sscc, finding.site_gln, finding.other_gln, finding.severity,
    finding.status, finding.benign, finding.history, finding.units, finding.observed,
    finding.threshold, finding.tests,
    coalesce(named.event_ids, []) AS event_ids,
    finding.record_ids, finding.suppression_id
FROM find_finding AS finding
LEFT JOIN run ON TRUE
LEFT JOIN named ON named.finding_id = finding.finding_id
ORDER BY
    finding.gtin, finding.lot, finding.status DESC, finding.severity, finding.pattern,
    finding.finding_id
