-- query:   unknown_serials
-- purpose: Which serials were asked for that the maker never put in circulation, and where?
SELECT site_gln, gtin, lot, count(*) AS requests, count(DISTINCT serial) AS serials,
    min(requested_at) AS first_at, max(requested_at) AS last_at
FROM verification
WHERE NOT coalesce(is_commissioned, false) AND answer_code <> 'NO_ANSWER'
GROUP BY ALL
ORDER BY serials DESC, site_gln, gtin, lot
