-- macro:   who_has(of_gtin, of_lot)
-- purpose: Where the packs of a lot were last known to be: whom to call, and how many are there.
-- try:     FROM who_has('09521234001010', '1G260576')
-- caveats: Last known is not now: each row is as old as last_at.
SELECT
    holder.state, holder.units, holder.site_gln, site.name, site.role, site.city, site.country,
    holder.to_gln, holder.last_at, holder.basis, holder.inferred_units
FROM evid_lot_holder AS holder
LEFT JOIN site ON site.gln = holder.site_gln
WHERE holder.gtin = lpad(of_gtin, 14, '0') AND holder.lot = of_lot
ORDER BY holder.row_no
