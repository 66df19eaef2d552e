-- model:   find_known_case
-- purpose: The past cases that this run may cite and learn from.
-- grain:   one row per case
-- key:     case_id
-- reads:   find_decision, raw_case, raw_case_act, raw_case_origin, stg_clock
-- columns:
--   case_id                of the library
--   kind                   public, own, benign, simulated, imported
--   product                as the case names it
--   lots                   as the case names them
--   mechanism_class        benign: no attack
--   visible_in_event_data  full, partial, none
--   gtin                   of the lot that was decided; null for other cases
--   lot                    the lot that was decided
-- caveats: Of the cases of one lot only that of the decision that counts; none that became known
--   after as_of, or was withdrawn by then.
SELECT
    known.case_id, known.kind, known.product, known.lots, known.mechanism_class,
    known.visible_in_event_data, origin.gtin, origin.lot
FROM raw_case AS known
CROSS JOIN stg_clock
LEFT JOIN raw_case_origin AS origin ON origin.case_id = known.case_id
LEFT JOIN find_decision AS decided ON decided.decision_id = origin.decision_id
WHERE
    origin.case_id IS NULL
    OR (
        origin.known_at <= stg_clock.as_of
        AND (origin.decision_id IS NULL OR decided.is_latest)
        AND NOT EXISTS (
            SELECT 1
            FROM raw_case_act AS act
            WHERE
                act.case_id = known.case_id
                AND act.act = 'withdrawn'
                AND act.acted_at <= stg_clock.as_of
        )
    )
ORDER BY known.case_id
