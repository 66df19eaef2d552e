-- model:   evid_lot_coverage
-- purpose: Whose data covers a lot, and how late and how broken each site's data is.
-- grain:   one row per lot and site that the lot passed
-- key:     lot_id, site_id
-- reads:   core_feed, evid_lot_site
-- columns:
--   lot_id          core_lot
--   gtin            GTIN-14 of the lot
--   lot             lot as stated
--   site_id         core_site
--   site_gln        GLN or text of the place
--   is_publishing   true: the site has events of its own in the data
--   event_count     live events of the site, over all lots
--   lag_p50_h       hours between event and its recording, median; null where not recorded
--   lag_p95_h       the same, 95th percentile
--   longest_gap_h   longest silence of the site's data, hours
--   first_at        UTC, first event of the site
--   last_at         UTC, last event of the site
-- caveats: A site that publishes nothing is only known from what its partners say.
SELECT
    evid_lot_site.lot_id,
    evid_lot_site.gtin,
    evid_lot_site.lot,
    evid_lot_site.site_id,
    evid_lot_site.site_gln,
    coalesce(core_feed.event_count, 0) > 0 AS is_publishing,
    coalesce(core_feed.event_count, 0) AS event_count,
    core_feed.lag_p50_h,
    core_feed.lag_p95_h,
    core_feed.longest_gap_h,
    core_feed.first_at,
    core_feed.last_at
FROM evid_lot_site
LEFT JOIN core_feed USING (site_id)
ORDER BY evid_lot_site.lot_id, evid_lot_site.site_id
