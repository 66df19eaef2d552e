-- query:   still_in_reach
-- purpose: Of every suspect lot: how many packs can still be reached, and how many have gone to
--   patients?
-- caveats: in_doubt may be elsewhere than the data says; nowhere counts packs that no record places.
SELECT risk.gtin, risk.lot, risk.tier, risk.top_pattern,
    sum(reach.units) FILTER (WHERE fate = 'at_trader') AS at_traders,
    sum(reach.units) FILTER (WHERE fate = 'at_dispenser') AS at_dispensers,
    sum(reach.units) FILTER (WHERE fate = 'in_transit') AS on_the_way,
    sum(reach.units) FILTER (WHERE fate IN ('unplaced', 'asked', 'unseen')) AS nowhere,
    sum(reach.units) FILTER (WHERE fate = 'dispensed') AS to_patients,
    sum(reach.units) FILTER (WHERE fate = 'ended') AS otherwise_ended,
    sum(reach.named_units) FILTER (WHERE fate NOT IN ('dispensed', 'ended')) AS named_in_trade,
    sum(reach.named_units) FILTER (WHERE fate = 'dispensed') AS named_to_patients,
    sum(reach.doubted_units) AS in_doubt
FROM lot_risk AS risk
JOIN evid_lot_reach AS reach ON reach.gtin = risk.gtin AND reach.lot = risk.lot
WHERE risk.tier IN ('hold', 'investigate')
GROUP BY risk.gtin, risk.lot, risk.tier, risk.top_pattern
ORDER BY risk.tier, named_in_trade DESC, risk.gtin, risk.lot
