-- query:   trace_unit
-- purpose: The story of one pack: every live event that names it or moves its container.
-- try:     epc=https://id.gs1.org/01/09521234001010/21/234RA7A2ERZ9
SELECT event.event_at, event.step, event.disposition, event.is_inferred, NULL AS units,
    coalesce(here.name, event.site_gln) AS place, concat_ws(' ', here.city, here.country) AS town,
    coalesce(sender.name, event.from_gln) AS sender,
    coalesce(receiver.name, event.to_gln) AS receiver, event.event_id
FROM item_event AS event
LEFT JOIN site AS here ON here.gln = event.site_gln
LEFT JOIN site AS sender ON sender.gln = event.from_gln
LEFT JOIN site AS receiver ON receiver.gln = event.to_gln
WHERE event.epc = $epc
ORDER BY event.event_at, event.record_id, event.is_inferred
