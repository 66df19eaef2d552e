-- query:   why_this_level
-- purpose: What makes up the score of a month of trade or of a site, feature by feature?
-- try:     subject=9521234000167>9521234000112/2026-06
SELECT level, feature, value, round(sum(contribution), 4) AS contribution,
    list(neighbour ORDER BY contribution, neighbour) FILTER (WHERE neighbour <> 'all') AS neighbours
FROM level_part
WHERE subject = $subject
GROUP BY ALL
ORDER BY level, contribution, feature
