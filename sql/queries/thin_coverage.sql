-- query:   thin_coverage
-- purpose: For which lots is part of the maker's data missing?
SELECT gtin, lot, product, stated_quantity, commissioned_units, observed_units,
    round(coverage, 3) AS coverage
FROM lot
WHERE coverage < 0.99
ORDER BY coverage, gtin, lot
