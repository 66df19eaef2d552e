-- model:   core_site
-- purpose: The places where goods are made, held, sold and asked about.
-- grain:   one row per site: a GLN, or the text of an opaque place
-- key:     site_id
-- reads:   core_partner, stg_place
-- columns:
--   site_id           1, 2, 3 in the order of gln
--   gln               GLN-13, extension dropped; the text of an opaque place
--   name              as stated
--   role              our word, see stg_role; unknown where not stated
--   city              as stated
--   country           ISO 3166 alpha-2 in capitals, or as stated
--   latitude          degrees north
--   longitude         degrees east
--   partner_id        core_partner
--   is_synthetic      the source has no GLN; ours is an in-house number
--   is_stated         some list or master data describes it
--   is_commissioning  serials are commissioned there, whatever its stated role
-- caveats: A party of an owning or possessing list is a site too, though it may be an office.
SELECT
    row_number() OVER (ORDER BY p.gln)::INTEGER AS site_id,
    p.gln, p.name, p.role, p.city, p.country, p.latitude, p.longitude,
    f.partner_id, p.is_synthetic, p.is_stated, p.is_commissioning
FROM stg_place p
LEFT JOIN core_partner f ON f.partner_key = p.partner_key
