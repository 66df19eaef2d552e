-- query:   changed_thresholds
-- purpose: Under which thresholds was this warehouse judged, and which are not the shipped ones?
SELECT name, value, unit, source, source = 'settings' AS is_changed
FROM raw_setting
ORDER BY is_changed DESC, name
