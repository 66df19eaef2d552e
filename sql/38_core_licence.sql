-- model:   core_licence
-- purpose: Licences with the site they are held for.
-- grain:   one row per distinct licence row
-- key:     record_id
-- reads:   core_site, stg_licence, stg_role
-- columns:
--   gln         holder as stated
--   site_id     core_site
--   role        our word, see stg_role
--   licence_no  as stated
--   valid_from  first day; null: not stated
--   valid_to    last day; null: open
--   country     as stated
--   record_id   the row
-- caveats: The list says what its owner claims.
SELECT
    l.gln, s.site_id, coalesce(r.role, 'unknown') AS role, l.licence_no, l.valid_from, l.valid_to,
    if(length(trim(l.country)) = 2, upper(trim(l.country)), trim(l.country)) AS country, l.record_id
FROM stg_licence l
LEFT JOIN core_site s ON s.gln = l.gln
LEFT JOIN stg_role r ON r.role_text = lower(trim(l.role))
