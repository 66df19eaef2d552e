-- model:   find_decision
-- purpose: The decisions that this run knows of, and which of them counts.
-- grain:   one row per decision made up to as_of
-- key:     decision_id
-- reads:   raw_case_origin, raw_decision, stg_clock
-- columns:
--   decision_id    in the order of entry
--   gtin           GTIN-14
--   lot            as stated
--   outcome        cleared, suspect, illegitimate
--   reason         in the officer's words
--   decided_by     who
--   decided_at     UTC
--   run_id         the run that was looked at; null where none is known
--   report_sha256  the page that was looked at; null where the lot had none
--   is_latest      the one of its lot that counts
-- caveats: By the time that was stated for the decision, not by the time of its entry: the audit
--   trail has that one.
SELECT
    decided.decision_id, decided.gtin, decided.lot, decided.outcome, decided.reason,
    decided.decided_by, decided.decided_at, origin.run_id, origin.report_sha256,
    row_number() OVER (
        PARTITION BY decided.gtin, decided.lot
        ORDER BY decided.decided_at DESC, decided.decision_id DESC
    ) = 1 AS is_latest
FROM raw_decision AS decided
CROSS JOIN stg_clock
LEFT JOIN raw_case_origin AS origin ON origin.decision_id = decided.decision_id
WHERE decided.decided_at <= stg_clock.as_of
ORDER BY decided.decision_id
