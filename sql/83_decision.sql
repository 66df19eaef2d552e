-- model:   decision
-- purpose: What people decided on lots: who, when and why, and who signed or withdrew it.
-- grain:   one row per decision
-- key:     decision_id
-- kind:    view
-- reads:   raw_case_act, raw_decision
-- columns:
--   decision_id       1, 2, 3 in the order of entry
--   gtin              GTIN-14
--   lot               as stated
--   outcome           cleared, suspect, illegitimate
--   reason            in the officer's words
--   decided_by        who
--   decided_at        UTC
--   state             signed, proposed (a second person has to sign), withdrawn
--   second_by         who signed as second person; null: nobody
--   second_at         UTC
--   second_meaning    of that signature: approval, review, responsibility
--   second_reason     in the second person's words
--   withdrawn_by      who withdrew it; null: nobody
--   withdrawn_at      UTC
--   withdrawn_reason  in that person's words
-- caveats: Decisions are added, never changed: the latest signed one of a lot counts. All are here; a
--   run takes those made up to its as_of (find_decision).
WITH act AS (
    SELECT *
    FROM raw_case_act
    QUALIFY row_number() OVER (PARTITION BY decision_id, act ORDER BY act_no) = 1
)
SELECT
    decided.decision_id, decided.gtin, decided.lot, decided.outcome, decided.reason,
    decided.decided_by, decided.decided_at,
    CASE
        WHEN withdrawn.act_no IS NOT NULL THEN 'withdrawn'
        WHEN proposed.act_no IS NOT NULL AND second.act_no IS NULL THEN 'proposed'
        ELSE 'signed'
    END AS state,
    second.acted_by AS second_by, second.acted_at AS second_at, second.meaning AS second_meaning,
    second.reason AS second_reason, withdrawn.acted_by AS withdrawn_by,
    withdrawn.acted_at AS withdrawn_at, withdrawn.reason AS withdrawn_reason
FROM raw_decision AS decided
LEFT JOIN act AS proposed
    ON proposed.decision_id = decided.decision_id AND proposed.act = 'proposed'
LEFT JOIN act AS second ON second.decision_id = decided.decision_id AND second.act = 'second'
LEFT JOIN act AS withdrawn
    ON withdrawn.decision_id = decided.decision_id AND withdrawn.act = 'withdrawn'
