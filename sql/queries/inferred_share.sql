-- query:   inferred_share
-- purpose: How much of each site's record is scanned, and how much only inferred?
SELECT site_gln, count(*) AS pack_events, count(*) FILTER (WHERE is_inferred) AS inferred,
    round(inferred / pack_events, 3) AS inferred_share
FROM item_event
GROUP BY site_gln
ORDER BY inferred_share DESC, site_gln
