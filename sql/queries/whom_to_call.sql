-- query:   whom_to_call
-- purpose: Who holds packs of a lot that are still in trade, and in which town?
-- try:     gtin=09521234001010 lot=1G260576
SELECT partner.name AS partner, holder.site_gln, site.name, site.city, site.country,
    sum(holder.units) AS units, max(holder.last_at) AS last_at
FROM evid_lot_holder AS holder
LEFT JOIN site ON site.gln = holder.site_gln
LEFT JOIN partner ON partner.name = site.partner
WHERE holder.gtin = $gtin AND holder.lot = $lot AND holder.state <> 'ended'
GROUP BY ALL
ORDER BY units DESC, holder.site_gln
