-- query:   was_it_there
-- purpose: Was this pack ever at this site before a given moment, and how do we know?
-- try:     epc=https://id.gs1.org/01/09521234001010/21/234RA7A2ERZ9 site=9521234000013 before=2026-12-31
-- caveats: An inferred row says that its container was there, not that the pack was scanned.
SELECT event_at, step, is_inferred, container, event_id
FROM item_event
WHERE epc = $epc AND site_gln = $site AND event_at < CAST($before AS TIMESTAMP)
ORDER BY event_at
