-- query:   unlicensed_trade
-- purpose: Which shipments were sent by someone whose licences had all lapsed that day?
-- caveats: Those of whom no list names any licence are not here: P26 judges them.
SELECT site.name, site.gln, licence.valid_to AS last_valid, count(*) AS shipments,
    sum(movement.units) AS units, min(movement.shipped_at) AS first_at
FROM core_movement AS movement
JOIN core_site AS site ON site.site_id = movement.from_site_id
JOIN (
    SELECT site_id, max(valid_to) AS valid_to FROM core_licence GROUP BY site_id
) AS licence ON licence.site_id = site.site_id
WHERE movement.shipped_at > licence.valid_to + INTERVAL 1 DAY
GROUP BY ALL
ORDER BY units DESC, site.gln
