-- query:   set_aside
-- purpose: What was set aside, by reason, and what should be done?
SELECT reason, remedy, count(*) AS records, count(DISTINCT file_id) AS files,
    min(source_file) AS for_example
FROM rejected
GROUP BY ALL
ORDER BY records DESC, reason
