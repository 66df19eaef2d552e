-- model:   find_decision
-- purpose: The decisions that this run knows of, who signed or withdrew them, and which counts.
-- grain:   one row per decision made up to as_of
-- key:     decision_id
-- reads:   raw_case_act, raw_case_origin, raw_decision, stg_clock
-- columns:
--   decision_id       in the order of entry
--   gtin              GTIN-14
--   lot               as stated
--   outcome           cleared, suspect, illegitimate
--   reason            in the officer's words
--   decided_by        who
--   decided_at        UTC
--   run_id            the run that was looked at; null where none is known
--   report_sha256     the page that was looked at; null where the lot had none
--   is_latest         the one of its lot that counts
--   state             signed, proposed (a second person has to sign), withdrawn
--   second_by         who signed as second person; null: nobody
--   second_at         UTC
--   second_meaning    of that signature: approval, review, responsibility
--   second_reason     in the second person's words
--   withdrawn_by      who withdrew it; null: nobody
--   withdrawn_at      UTC
--   withdrawn_reason  in that person's words
-- caveats: By the times that were stated, not by those of entry: the audit trail has those. What is
--   proposed or withdrawn never counts; a decision counts from its last signature on, and one that
--   was replaced counts again where the one after it is withdrawn.
WITH act AS (
    SELECT raw_case_act.*
    FROM raw_case_act
    JOIN stg_clock ON raw_case_act.acted_at <= stg_clock.as_of
    QUALIFY row_number() OVER (
        PARTITION BY raw_case_act.decision_id, raw_case_act.act ORDER BY raw_case_act.act_no
    ) = 1
),
told AS (
    SELECT
        decided.*, origin.run_id, origin.report_sha256,
        CASE
            WHEN withdrawn.act_no IS NOT NULL THEN 'withdrawn'
            WHEN proposed.act_no IS NOT NULL AND second.act_no IS NULL THEN 'proposed'
            ELSE 'signed'
        END AS state,
        second.acted_by AS second_by, second.acted_at AS second_at,
        second.meaning AS second_meaning, second.reason AS second_reason,
        withdrawn.acted_by AS withdrawn_by, withdrawn.acted_at AS withdrawn_at,
        withdrawn.reason AS withdrawn_reason
    FROM raw_decision AS decided
    CROSS JOIN stg_clock
    LEFT JOIN raw_case_origin AS origin ON origin.decision_id = decided.decision_id
    LEFT JOIN act AS proposed
        ON proposed.decision_id = decided.decision_id AND proposed.act = 'proposed'
    LEFT JOIN act AS second
        ON second.decision_id = decided.decision_id AND second.act = 'second'
    LEFT JOIN act AS withdrawn
        ON withdrawn.decision_id = decided.decision_id AND withdrawn.act = 'withdrawn'
    WHERE decided.decided_at <= stg_clock.as_of
)
SELECT
    decision_id, gtin, lot, outcome, reason, decided_by, decided_at, run_id, report_sha256,
    state = 'signed' AND row_number() OVER (
        PARTITION BY gtin, lot, state = 'signed'
        ORDER BY greatest(decided_at, second_at) DESC, decision_id DESC
    ) = 1 AS is_latest,
    state, second_by, second_at, second_meaning, second_reason, withdrawn_by, withdrawn_at,
    withdrawn_reason
FROM told
ORDER BY decision_id
