-- query:   changed_thresholds
-- purpose: Under which thresholds was this warehouse judged, which are not the shipped ones, and who changed them why?
SELECT
    s.name, s.value, s.unit, s.source, s.source = 'settings' AS is_changed,
    CASE WHEN is_changed THEN t.reason END AS reason,
    CASE WHEN is_changed THEN t.decided_by END AS decided_by
FROM raw_setting AS s
LEFT JOIN raw_tuning AS t ON t.pattern = split_part(s.name, '.', 1)
ORDER BY is_changed DESC, s.name
