-- query:   other_lots_exposed
-- purpose: Which other lots of the product passed, about the same time, the places that findings on a
--   lot name, and what of them is still there?
-- try:     gtin=09521234001010 lot=1G260576
-- caveats: How near in time is set by exposure.window_days. Such a lot is exposed, not suspect.
SELECT other_lot, other_tier, site_gln, site_name, city, country, passed_units, held_units,
    coming_units, first_at, last_at, array_to_string(patterns, ' ') AS patterns
FROM exposure
WHERE gtin = $gtin AND lot = $lot AND relation = 'same_site'
ORDER BY held_units + coming_units DESC, other_lot, site_gln
