-- model:   stg_clock
-- purpose: The moment that this run judges from; the only clock that models may read.
-- grain:   one row
-- key:     as_of
-- reads:   raw_run, raw_source_file
-- columns:
--   as_of  UTC time up to which the run knows what happened
-- caveats: Without a running run (a trial, a single report again) it is the latest run's, else the
--   latest landing; on an empty warehouse the epoch, since nothing is judged there.
SELECT coalesce(
    max(as_of) FILTER (WHERE status = 'running'),
    max(as_of),
    (SELECT max(ingested_at) FROM raw_source_file),
    TIMESTAMP '1970-01-01 00:00:00'
) AS as_of
FROM raw_run
