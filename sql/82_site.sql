-- model:   site
-- purpose: The places where goods are made, held, sold and asked about.
-- grain:   one row per site
-- key:     gln
-- kind:    view
-- reads:   core_feed, core_partner, core_site
-- columns:
--   gln           GLN-13, or the text of an opaque place
--   name          as stated
--   role          our word; unknown where not stated
--   city          as stated
--   country       ISO 3166 alpha-2, or as stated
--   latitude      degrees north
--   longitude     degrees east
--   partner       name of its firm, else the firm's GLN
--   is_synthetic  the source has no GLN
--   is_stated     some list or master data describes it
--   event_count   live events there
--   lag_p95_h     95th percentile of hours from event to record
-- caveats: Master data says what its owner claims.
SELECT
    s.gln, s.name, s.role, s.city, s.country, s.latitude, s.longitude,
    coalesce(p.name, p.gln) AS partner, s.is_synthetic, s.is_stated,
    coalesce(f.event_count, 0) AS event_count, f.lag_p95_h
FROM core_site s
LEFT JOIN core_partner p ON p.partner_id = s.partner_id
LEFT JOIN core_feed f ON f.site_id = s.site_id
