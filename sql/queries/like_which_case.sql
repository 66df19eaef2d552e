-- query:   like_which_case
-- purpose: Which past cases do the lots on hold resemble, in what, and in what not?
SELECT risk.gtin, risk.lot, cited.rank, cited.title, round(cited.distance, 3) AS distance,
    cited.shared, cited.unshared
FROM lot_risk AS risk
JOIN cited_case AS cited ON cited.gtin = risk.gtin AND cited.lot = risk.lot
WHERE risk.tier = 'hold' AND cited.is_near
ORDER BY risk.gtin, risk.lot, cited.rank
