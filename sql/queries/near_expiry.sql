-- query:   near_expiry
-- purpose: Which sites hold packs that expire within some days?
-- try:     days=400
SELECT holder.site_gln, lot.gtin, lot.lot, lot.expiry, sum(holder.units) AS units
FROM evid_lot_holder AS holder
JOIN lot ON lot.gtin = holder.gtin AND lot.lot = holder.lot
CROSS JOIN stg_clock AS clock
WHERE holder.state = 'at_site'
    AND lot.expiry BETWEEN CAST(clock.as_of AS DATE)
        AND CAST(clock.as_of AS DATE) + CAST($days AS INTEGER)
GROUP BY ALL
ORDER BY lot.expiry, units DESC, holder.site_gln
