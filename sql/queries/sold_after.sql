-- query:   sold_after
-- purpose: Which dispensers handed out packs of a lot after a moment, its recall say, and how many?
-- try:     gtin=09521234001010 lot=1G260576 after=2026-06-01
SELECT item_event.site_gln, site.name, site.city, count(DISTINCT epc) AS units,
    min(event_at) AS first_at, max(event_at) AS last_at
FROM item_event
LEFT JOIN site ON site.gln = item_event.site_gln
WHERE gtin = $gtin AND lot = $lot AND step IN ('dispensing', 'retail_selling')
    AND event_at >= CAST($after AS TIMESTAMP)
GROUP BY ALL
ORDER BY units DESC, item_event.site_gln
