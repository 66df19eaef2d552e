-- macro:   lot_history(of_gtin, of_lot)
-- purpose: The story of one lot: events with the number of its packs that each concerns.
-- try:     FROM lot_history('09521234001010', '1G260576')
-- caveats: A lot that no pack is known of by serial has no rows here; see moved_between.
SELECT
    event_at, step, disposition, site_gln, from_gln, to_gln, count(DISTINCT epc) AS units,
    bool_and(is_inferred) AS is_inferred, event_id
FROM item_event
WHERE gtin = lpad(of_gtin, 14, '0') AND lot = of_lot
GROUP BY ALL
ORDER BY event_at, event_id
