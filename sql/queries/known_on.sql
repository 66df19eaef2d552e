-- query:   known_on
-- purpose: What did the record say of a lot on a given day, step by step?
-- try:     gtin=09521234001010 lot=1G260576 day=2026-06-20
-- caveats: Goes by the sender's record time; events without one are left out.
SELECT step, site_gln, count(DISTINCT epc) AS units, max(event_at) AS last_at
FROM item_event
WHERE gtin = $gtin AND lot = $lot AND recorded_at <= CAST($day AS TIMESTAMP)
GROUP BY step, site_gln
ORDER BY last_at, step, site_gln
