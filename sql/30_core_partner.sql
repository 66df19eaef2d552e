-- model:   core_partner
-- purpose: The firms behind the sites.
-- grain:   one row per trading partner
-- key:     partner_id
-- reads:   stg_place
-- columns:
--   partner_id   1, 2, 3 in the order of partner_key
--   gln          the firm's own GLN where events state it, else the lowest of its sites
--   name         as stated; null where nobody named it
--   role         the role most of its sites have
--   country      the country most of its sites are in
--   site_count   sites it has
--   partner_key  what its sites share: the stated firm, else the owning party, else the site itself
-- caveats: Two firms with one stated name are one partner; one firm under two names is two.
WITH counted_role AS (
    SELECT partner_key, role
    FROM stg_place
    GROUP BY partner_key, role
    QUALIFY row_number() OVER (
        PARTITION BY partner_key ORDER BY role = 'unknown', count(*) DESC, role) = 1
),
counted_country AS (
    SELECT partner_key, country
    FROM stg_place
    WHERE country IS NOT NULL
    GROUP BY partner_key, country
    QUALIFY row_number() OVER (PARTITION BY partner_key ORDER BY count(*) DESC, country) = 1
)
SELECT
    row_number() OVER (ORDER BY p.partner_key)::INTEGER AS partner_id,
    coalesce(min(p.owner_gln), min(p.gln)) AS gln,
    coalesce(min(p.partner), min(p.name)) AS name,
    min(r.role) AS role,
    min(c.country) AS country,
    count(*) AS site_count,
    p.partner_key
FROM stg_place p
LEFT JOIN counted_role r ON r.partner_key = p.partner_key
LEFT JOIN counted_country c ON c.partner_key = p.partner_key
GROUP BY p.partner_key
