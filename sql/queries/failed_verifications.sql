-- query:   failed_verifications
-- purpose: How do verifications end at each site, and in what share do they fail?
SELECT site_gln, count(*) AS requests,
    count(*) FILTER (WHERE answer_code NOT IN ('ACTIVE', 'NO_ANSWER')) AS failed,
    round(failed / requests, 3) AS failed_share,
    count(*) FILTER (WHERE entry_mode = 'manual') AS typed
FROM verification
GROUP BY site_gln
ORDER BY failed_share DESC, requests DESC, site_gln
