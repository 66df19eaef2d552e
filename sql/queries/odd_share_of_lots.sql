-- query:   odd_share_of_lots
-- purpose: Of which lots did the largest share go ways that are out of the ordinary?
SELECT gtin, lot, packs, odd_packs, round(odd_share, 4) AS odd_share, oddest, oddest_packs
FROM lot_trajectory
WHERE odd_packs > 0
ORDER BY odd_share DESC, gtin, lot
