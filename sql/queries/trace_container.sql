-- query:   trace_container
-- purpose: The story of one case or pallet: every live event that names it.
-- try:     epc=https://id.gs1.org/00/095212340000000013
SELECT event.event_at, event.step, event.disposition, false AS is_inferred, NULL AS units,
    coalesce(here.name, here.gln) AS place, concat_ws(' ', here.city, here.country) AS town,
    coalesce(sender.name, sender.gln) AS sender, coalesce(receiver.name, receiver.gln) AS receiver,
    record.event_id
FROM core_event AS event
JOIN stg_event_item AS item ON item.record_id = event.record_id
JOIN stg_record AS record ON record.record_id = event.record_id
LEFT JOIN core_site AS here ON here.site_id = event.site_id
LEFT JOIN core_site AS sender ON sender.site_id = event.from_site_id
LEFT JOIN core_site AS receiver ON receiver.site_id = event.to_site_id
WHERE item.canonical = $epc
ORDER BY event.ord
