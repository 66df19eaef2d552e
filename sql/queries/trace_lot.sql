-- query:   trace_lot
-- purpose: The story of one lot: events summed by time, step and place.
-- try:     gtin=09521234001010 lot=1G260576
SELECT event.event_at, event.step, event.disposition, bool_and(event.is_inferred) AS is_inferred,
    count(DISTINCT event.epc) AS units, coalesce(here.name, event.site_gln) AS place,
    concat_ws(' ', here.city, here.country) AS town,
    coalesce(sender.name, event.from_gln) AS sender,
    coalesce(receiver.name, event.to_gln) AS receiver, event.event_id
FROM item_event AS event
LEFT JOIN site AS here ON here.gln = event.site_gln
LEFT JOIN site AS sender ON sender.gln = event.from_gln
LEFT JOIN site AS receiver ON receiver.gln = event.to_gln
WHERE event.gtin = $gtin AND event.lot = $lot
GROUP BY ALL
ORDER BY event.event_at, event.event_id, units DESC
