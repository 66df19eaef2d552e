-- query:   clock_faults
-- purpose: Where do receipts come before their shipment, so that a clock must be wrong?
SELECT sender.gln AS from_gln, receiver.gln AS to_gln,
    count(DISTINCT (hop.ship_record_id, hop.receive_record_id)) AS trips,
    round(median(transit_h), 2) AS median_h
FROM core_custody AS hop
JOIN core_site AS sender ON sender.site_id = hop.from_site_id
JOIN core_site AS receiver ON receiver.site_id = hop.to_site_id
WHERE hop.transit_h < 0
GROUP BY ALL
ORDER BY trips DESC, from_gln, to_gln
