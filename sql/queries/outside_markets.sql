-- query:   outside_markets
-- purpose: In which countries were packs of a lot seen, and is the lot meant for them?
-- try:     gtin=09521234003021 lot=3C260321
SELECT site.country, list_contains(lot.markets, site.country) AS is_market,
    count(DISTINCT event.epc) AS units, count(DISTINCT event.site_gln) AS sites
FROM item_event AS event
JOIN site ON site.gln = event.site_gln
JOIN lot ON lot.gtin = event.gtin AND lot.lot = event.lot
WHERE event.gtin = $gtin AND event.lot = $lot
GROUP BY ALL
ORDER BY units DESC, site.country
