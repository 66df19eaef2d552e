-- macro:   exposed(of_gtin, of_lot)
-- purpose: All that the standing findings on a lot put in question: places, packs and other lots.
-- try:     FROM exposed('09521234001010', '1G260576')
-- caveats: Exposed is not guilty. Empty where no finding on the lot stands. Do not sum over relations:
--   a place may be source and recipient.
SELECT
    relation, site_gln, site_name, role, city, country, other_lot, other_tier, basis,
    array_to_string(patterns, ' ') AS patterns,
    passed_units, named_units, begins_units, held_units, held_named_units, held_since_at,
    coming_units, ended_units, doubted_units, first_at, last_at
FROM exposure
WHERE gtin = lpad(of_gtin, 14, '0') AND lot = of_lot
ORDER BY row_no
