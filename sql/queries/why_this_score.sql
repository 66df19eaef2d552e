-- query:   why_this_score
-- purpose: What makes up a lot's suspicion, feature by feature, largest first?
-- try:     gtin=09521234001010 lot=1G260576
SELECT detector, feature, value, round(sum(contribution), 4) AS contribution
FROM score_part
WHERE gtin = $gtin AND lot = $lot
GROUP BY ALL
ORDER BY detector, contribution DESC, feature
