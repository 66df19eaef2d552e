-- query:   trace_lot
-- purpose: The story of one lot: events summed by time, step and place.
SELECT event_at, step, disposition, site_gln, from_gln, to_gln,
    count(DISTINCT epc) AS units, bool_and(is_inferred) AS is_inferred, event_id
FROM item_event
WHERE gtin = $gtin AND lot = $lot
GROUP BY ALL
ORDER BY event_at, event_id
