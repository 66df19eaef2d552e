-- macro:   trace(thing)
-- purpose: The story of one pack: every live event that names it or moves its container.
-- try:     FROM trace('urn:epc:id:sgtin:9521234.000101.234RA7A2ERZ9')
-- caveats: Any spelling that was landed is understood, and the canonical one. Inferred steps rest on
--   the container that the pack was last packed into.
SELECT event_at, recorded_at, step, disposition, site_gln, from_gln, to_gln, is_inferred, lot, event_id
FROM item_event
WHERE epc IN (SELECT thing UNION ALL SELECT canonical FROM raw_identifier WHERE text = thing)
ORDER BY event_at, event_id, is_inferred
