-- model:   run
-- purpose: The runs that this warehouse remembers.
-- grain:   one row per run
-- key:     run_id
-- kind:    view
-- reads:   raw_run
-- columns:
--   run_id        hash of all that decides the result: the same run has the same id
--   as_of         UTC time up to which the run judged
--   status        running, finished, failed (killed runs become failed when the next one begins)
--   code_version  of Touchstone
--   input_count   files it stood on
--   manifest      JSON: inputs, settings, SQL and package versions, outputs
-- caveats: A run repeated exactly is one row.
SELECT
    run_id,
    as_of,
    status,
    manifest ->> '$.code_version' AS code_version,
    json_array_length(manifest, '$.inputs') AS input_count,
    manifest
FROM raw_run
