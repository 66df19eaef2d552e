-- model:   feat_dwell
-- purpose: The usual time of a product at a site between receipt and shipment: what a stay is to be
--   held against.
-- grain:   one row per site and product with a stay on record
-- key:     site_id, gtin
-- reads:   core_lot, core_site, feat_stay, raw_setting
-- columns:
--   site_id        core_site
--   gtin           GTIN-14
--   role           of the site; unknown where not stated
--   stays          consignments of any product that stayed at the site; returns are none
--   role_stays     at all sites of its role
--   all_stays      at all sites
--   product_stays  of the product, at all sites
--   product_shift  by how much the product stays longer (or, below 0, shorter) than the others at
--                  the same sites, in natural logarithms
--   log_h          centre: natural logarithm of hours, the product's shift included
--   spread         robust standard deviation of it, never under the floor
--   usual_h        hours of a usual stay
--   p995_h         hours that 995 of 1000 stays do not exceed
-- caveats: A site with few stays borrows from its role, and that from all; a product with few stays
--   counts as any other. Whether goods are kept cold is part of the product.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P36.borrowed_trips') AS k,
        max(value) FILTER (WHERE name = 'P36.least_stay_spread') AS floor
    FROM raw_setting
),
stay AS (  -- each consignment of a product once
    SELECT
        stay.site_id, lot.gtin, coalesce(site.role, 'unknown') AS role,
        max(ln(greatest(stay.stay_h, 1, stay.doubt_h / 2))) AS log_h
    FROM feat_stay AS stay
    JOIN core_site AS site ON site.site_id = stay.site_id
    JOIN core_lot AS lot ON lot.lot_id = stay.lot_id
    WHERE NOT stay.is_return
    GROUP BY stay.site_id, lot.gtin, site.role, stay.receive_record_id, stay.ship_record_id
),
whole AS (
    SELECT count(*) AS n, median(log_h) AS centre, 1.4826 * mad(log_h) AS spread FROM stay
),
by_role AS (
    SELECT
        stay.role, count(*) AS n,
        (count(*) * median(stay.log_h) + any_value(setting.k * whole.centre))
        / (count(*) + any_value(setting.k)) AS centre,
        sqrt(((count(*) - 1) * pow(1.4826 * mad(stay.log_h), 2)
            + any_value(setting.k * pow(whole.spread, 2)))
        / (count(*) - 1 + any_value(setting.k))) AS spread
    FROM stay
    CROSS JOIN setting
    CROSS JOIN whole
    GROUP BY stay.role
),
by_site AS (
    SELECT
        stay.site_id, any_value(stay.role) AS role, count(*) AS n, any_value(by_role.n) AS role_n,
        (count(*) * median(stay.log_h) + any_value(setting.k * by_role.centre))
        / (count(*) + any_value(setting.k)) AS centre,
        greatest(any_value(setting.floor), sqrt(
            ((count(*) - 1) * pow(1.4826 * mad(stay.log_h), 2)
                + any_value(setting.k * pow(by_role.spread, 2)))
            / (count(*) - 1 + any_value(setting.k)))) AS spread
    FROM stay
    CROSS JOIN setting
    JOIN by_role ON by_role.role = stay.role
    GROUP BY stay.site_id
),
by_product AS (
    SELECT
        stay.gtin, count(*) AS n,
        median(stay.log_h - by_site.centre) * count(*) / (count(*) + any_value(setting.k)) AS shift
    FROM stay
    CROSS JOIN setting
    JOIN by_site ON by_site.site_id = stay.site_id
    GROUP BY stay.gtin
),
pair AS (
    SELECT DISTINCT site_id, gtin FROM stay
)
SELECT
    pair.site_id, pair.gtin, by_site.role, by_site.n AS stays, by_site.role_n AS role_stays,
    whole.n AS all_stays, by_product.n AS product_stays, by_product.shift AS product_shift,
    by_site.centre + by_product.shift AS log_h,
    by_site.spread AS spread,
    exp(by_site.centre + by_product.shift) AS usual_h,
    exp(by_site.centre + by_product.shift + 2.5758 * by_site.spread) AS p995_h
FROM pair
CROSS JOIN whole
JOIN by_site ON by_site.site_id = pair.site_id
JOIN by_product ON by_product.gtin = pair.gtin
ORDER BY pair.site_id, pair.gtin
