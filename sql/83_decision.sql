-- model:   decision
-- purpose: What people decided on lots: who, when and why.
-- grain:   one row per decision
-- key:     decision_id
-- kind:    view
-- reads:   raw_decision
-- columns:
--   decision_id  1, 2, 3 in the order of entry
--   gtin         GTIN-14
--   lot          as stated
--   outcome      cleared, suspect, illegitimate
--   reason       in the officer's words
--   decided_by   who
--   decided_at   UTC
-- caveats: Decisions are added, never changed: the latest of a lot counts. All are here; a run takes
--   those made up to its as_of (find_decision).
SELECT decision_id, gtin, lot, outcome, reason, decided_by, decided_at
FROM raw_decision
