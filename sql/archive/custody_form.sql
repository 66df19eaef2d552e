-- Packs' hops as they are archived: see item_event_form.
CREATE OR REPLACE TEMP VIEW custody_form AS
SELECT
    unit.gtin, lot.lot, unit.serial, unit.epc, hop.hop_no, sender.gln AS from_gln,
    receiver.gln AS to_gln, hop.shipped_at, hop.received_at, hop.transit_h, hop.is_inferred,
    hop.is_return, stated.gln AS stated_to_gln, seller.gln AS from_owner_gln,
    buyer.gln AS to_owner_gln, hop.unit_id, hop.ship_record_id, hop.receive_record_id
FROM core_custody AS hop
JOIN core_unit AS unit ON unit.unit_id = hop.unit_id
JOIN core_lot AS lot ON lot.lot_id = hop.lot_id
LEFT JOIN core_site AS sender ON sender.site_id = hop.from_site_id
LEFT JOIN core_site AS receiver ON receiver.site_id = hop.to_site_id
LEFT JOIN core_site AS stated ON stated.site_id = hop.stated_to_site_id
LEFT JOIN core_site AS seller ON seller.site_id = hop.from_owner_site_id
LEFT JOIN core_site AS buyer ON buyer.site_id = hop.to_owner_site_id
