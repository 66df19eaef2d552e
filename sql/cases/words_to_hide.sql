-- What a text about a lot would give away: serials of the lot, and names of partners and sites.
WITH said AS (
    SELECT unnest($cases) AS case_id, unnest($gtins) AS gtin, unnest($lots) AS lot,
        unnest($texts) AS words
),
names AS (
    SELECT name FROM core_partner WHERE name IS NOT NULL
    UNION
    SELECT name FROM core_site WHERE name IS NOT NULL
)
SELECT said.case_id, core_unit.serial AS word, 'serial' AS kind
FROM said
JOIN core_lot ON core_lot.gtin = said.gtin AND core_lot.lot = said.lot
JOIN core_unit ON core_unit.lot_id = core_lot.lot_id
WHERE length(core_unit.serial) >= 3 AND contains(said.words, core_unit.serial)
UNION
SELECT said.case_id, names.name AS word, 'name' AS kind
FROM said
JOIN names ON length(names.name) >= 3 AND contains(lower(said.words), lower(names.name))
ORDER BY ALL
