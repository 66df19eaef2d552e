-- query:   lot_balance
-- purpose: What came in, went out and ended at each site for a lot, and what should be left?
-- try:     gtin=09521234001027 lot=1G260542
-- caveats: Less than nothing left means that something untold came in, or that something came back.
SELECT site_gln, name, role, units_made, units_in, units_out, units_ended, units_returned,
    units_made + units_in + units_returned - units_out - units_ended AS units_left
FROM evid_lot_site
WHERE gtin = $gtin AND lot = $lot
ORDER BY units_left, site_gln
