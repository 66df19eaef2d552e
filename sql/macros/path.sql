-- macro:   path(thing)
-- purpose: The hops of one pack from hand to hand, with the hours on the way.
-- try:     FROM path('urn:epc:id:sgtin:9521234.000101.234RA7A2ERZ9')
-- caveats: A hop with a missing half has no time there; an inferred hop was seen on the container.
SELECT
    hop.hop_no, sender.gln AS from_gln, sender.name AS from_name, receiver.gln AS to_gln,
    receiver.name AS to_name, hop.shipped_at, hop.received_at, hop.transit_h, hop.is_inferred,
    hop.is_return
FROM core_custody AS hop
JOIN core_unit AS unit ON unit.unit_id = hop.unit_id
LEFT JOIN core_site AS sender ON sender.site_id = hop.from_site_id
LEFT JOIN core_site AS receiver ON receiver.site_id = hop.to_site_id
WHERE unit.epc = thing OR unit.epc IN (SELECT canonical FROM raw_identifier WHERE text = thing)
ORDER BY hop.hop_no
