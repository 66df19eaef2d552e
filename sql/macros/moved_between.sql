-- macro:   moved_between(sender_gln, receiver_gln, since, before)
-- purpose: What went from one site to another in a span of time, by lot.
-- try:     FROM moved_between('9521234000013', '9521234000112', DATE '2026-01-01', DATE '2027-01-01')
-- caveats: Packs and quantities of a class alike; a price where a log or order states one.
SELECT
    movement.shipped_at, movement.received_at, movement.gtin, lot.lot, movement.units,
    movement.unit_price, movement.currency, movement.source, movement.reason
FROM core_movement AS movement
JOIN core_site AS sender ON sender.site_id = movement.from_site_id
JOIN core_site AS receiver ON receiver.site_id = movement.to_site_id
LEFT JOIN core_lot AS lot ON lot.lot_id = movement.lot_id
WHERE sender.gln = sender_gln AND receiver.gln = receiver_gln
    AND coalesce(movement.shipped_at, movement.received_at) >= since
    AND coalesce(movement.shipped_at, movement.received_at) < before
ORDER BY coalesce(movement.shipped_at, movement.received_at), movement.movement_id
