-- query:   trace_container
-- purpose: The story of one case or pallet: every live event that names it.
SELECT e.event_at, e.step, e.disposition, s.gln AS site_gln, i.role, e.action, e.event_id
FROM stg_event AS e
JOIN stg_event_item AS i USING (record_id)
LEFT JOIN core_site AS s ON s.place_id = e.place_id
WHERE i.canonical = $epc
ORDER BY e.event_at, e.record_id
