-- query:   trace_unit
-- purpose: The story of one pack: every live event that names it or moves its container.
SELECT event_at, step, disposition, site_gln, from_gln, to_gln, is_inferred, lot, event_id
FROM item_event
WHERE epc = $epc
ORDER BY event_at, event_id, is_inferred
