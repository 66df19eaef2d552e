-- query:   sold_by_month
-- purpose: How many packs of a product did each dispenser hand out in each month?
-- try:     gtin=09521234001010
SELECT date_trunc('month', event_at) AS month, site_gln, count(DISTINCT epc) AS units
FROM item_event
WHERE gtin = $gtin AND step IN ('dispensing', 'retail_selling')
GROUP BY ALL
ORDER BY month, units DESC, site_gln
