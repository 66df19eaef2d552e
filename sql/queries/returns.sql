-- query:   returns
-- purpose: Who sends packs back, to whom, and what became of them?
SELECT sender.gln AS from_gln, receiver.gln AS to_gln, lot.gtin, lot.lot, count(*) AS units,
    min(hop.shipped_at) AS first_at
FROM core_custody AS hop
JOIN core_lot AS lot ON lot.lot_id = hop.lot_id
LEFT JOIN core_site AS sender ON sender.site_id = hop.from_site_id
LEFT JOIN core_site AS receiver ON receiver.site_id = hop.to_site_id
WHERE hop.is_return
GROUP BY ALL
ORDER BY units DESC, from_gln, to_gln, lot.lot
