-- One's own cases as they are given away, in the order of entry.
SELECT
    known.case_id, known.title, known.happened_on, known.product, known.mechanism_class,
    known.mechanism, known.outcome, known.visible_in_event_data, known.markets, known.lots,
    known.sources, origin.gtin, origin.lot, decided.reason, decided.decided_by
FROM raw_case AS known
LEFT JOIN raw_case_origin AS origin ON origin.case_id = known.case_id
LEFT JOIN raw_decision AS decided ON decided.decision_id = origin.decision_id
WHERE known.kind = 'own'
ORDER BY origin.entry, known.case_id
