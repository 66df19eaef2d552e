-- query:   to_quarantine
-- purpose: Of all lots on hold: where are packs still in trade, most first?
SELECT risk.gtin, risk.lot, risk.top_pattern, holder.state, holder.site_gln, holder.to_gln,
    sum(holder.units) AS units, max(holder.last_at) AS last_at
FROM lot_risk AS risk
JOIN evid_lot_holder AS holder ON holder.gtin = risk.gtin AND holder.lot = risk.lot
WHERE risk.tier = 'hold' AND holder.state <> 'ended'
GROUP BY ALL
ORDER BY units DESC, risk.gtin, risk.lot, holder.site_gln
