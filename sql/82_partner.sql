-- model:   partner
-- purpose: The firms behind the sites, with how much they trade.
-- grain:   one row per trading partner
-- key:     partner_id
-- kind:    view
-- reads:   core_movement, core_partner, core_site
-- columns:
--   partner_id     number within this warehouse
--   gln            of the firm, else the lowest of its sites
--   name           as stated
--   role           the role most of its sites have
--   country        the country most of its sites are in
--   site_count     sites
--   movements_in   movements to its sites
--   movements_out  movements from its sites
-- caveats: partner_id may change when the warehouse is rebuilt; gln does not.
WITH side AS (
    SELECT to_site_id AS site_id, 1 AS came, 0 AS went FROM core_movement
    UNION ALL
    SELECT from_site_id, 0, 1 FROM core_movement
),
trade AS (
    SELECT s.partner_id, sum(d.came) AS movements_in, sum(d.went) AS movements_out
    FROM side d
    JOIN core_site s ON s.site_id = d.site_id
    GROUP BY s.partner_id
)
SELECT
    p.partner_id, p.gln, p.name, p.role, p.country, p.site_count,
    coalesce(t.movements_in, 0)::BIGINT AS movements_in,
    coalesce(t.movements_out, 0)::BIGINT AS movements_out
FROM core_partner p
LEFT JOIN trade t ON t.partner_id = p.partner_id
