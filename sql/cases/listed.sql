-- Every case with where it came from, own ones first; $kind limits it to one kind.
SELECT
    known.case_id, known.kind, known.title, known.happened_on, known.product, known.outcome,
    coalesce((
        SELECT string_agg(signal.signal, ' ' ORDER BY signal.signal)
        FROM raw_case_signal AS signal
        WHERE signal.case_id = known.case_id
    ), '') AS signals,
    CASE
        WHEN done.is_withdrawn THEN 'withdrawn'
        WHEN done.is_proposed THEN 'proposed'
    END AS state
FROM raw_case AS known
LEFT JOIN (
    SELECT
        case_id,
        bool_or(act = 'withdrawn') AS is_withdrawn,
        bool_or(act = 'proposed') AND NOT bool_or(act = 'second') AS is_proposed
    FROM raw_case_act
    GROUP BY case_id
) AS done ON done.case_id = known.case_id
LEFT JOIN raw_case_origin AS origin ON origin.case_id = known.case_id
WHERE $kind IS NULL OR known.kind = $kind
ORDER BY
    CASE known.kind WHEN 'own' THEN 1 WHEN 'imported' THEN 2 WHEN 'public' THEN 3 ELSE 4 END,
    origin.entry, known.kind, known.case_id
