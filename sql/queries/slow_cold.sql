-- query:   slow_cold
-- purpose: Which cold products were on the way for longer than some hours?
-- try:     hours=48
SELECT product.name AS product, product.storage, lot.lot, sender.gln AS from_gln,
    receiver.gln AS to_gln, count(*) AS units, max(transit_h) AS transit_h
FROM core_custody AS hop
JOIN core_lot AS lot ON lot.lot_id = hop.lot_id
JOIN core_product AS product ON product.gtin = lot.gtin
LEFT JOIN core_site AS sender ON sender.site_id = hop.from_site_id
LEFT JOIN core_site AS receiver ON receiver.site_id = hop.to_site_id
WHERE product.storage LIKE '2-8%' AND transit_h > CAST($hours AS DOUBLE)
GROUP BY ALL
ORDER BY transit_h DESC, lot.lot, from_gln, to_gln
