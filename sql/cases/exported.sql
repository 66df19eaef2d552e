-- One's own cases as they are given away, in the order of entry; none that is withdrawn, or waits for
-- a second person.
SELECT
    known.case_id, known.title, known.happened_on, known.product, known.mechanism_class,
    known.mechanism, known.outcome, known.visible_in_event_data, known.markets, known.lots,
    known.sources, known.product_class, known.chain_shape, origin.gtin, origin.lot, decided.reason, decided.decided_by,
    decided.outcome AS decided_outcome
FROM raw_case AS known
LEFT JOIN raw_case_origin AS origin ON origin.case_id = known.case_id
LEFT JOIN raw_decision AS decided ON decided.decision_id = origin.decision_id
LEFT JOIN (
    SELECT
        case_id,
        bool_or(act = 'withdrawn') AS is_withdrawn,
        bool_or(act = 'proposed') AND NOT bool_or(act = 'second') AS is_proposed
    FROM raw_case_act
    GROUP BY case_id
) AS done ON done.case_id = known.case_id
WHERE
    known.kind = 'own'
    AND NOT coalesce(done.is_withdrawn, FALSE)
    AND NOT coalesce(done.is_proposed, FALSE)
ORDER BY origin.entry, known.case_id
