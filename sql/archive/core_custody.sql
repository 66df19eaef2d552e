-- core_custody over live and archived lots: the rows that the model gave.
SELECT * FROM core_custody_live
UNION ALL
SELECT
    past.unit_id, unit.lot_id, past.hop_no, sender.site_id AS from_site_id,
    receiver.site_id AS to_site_id, past.shipped_at, past.received_at, past.ship_record_id,
    past.receive_record_id, past.transit_h, past.is_inferred,
    stated.site_id AS stated_to_site_id, seller.site_id AS from_owner_site_id,
    buyer.site_id AS to_owner_site_id, past.is_return
FROM archived_custody AS past
SEMI JOIN raw_archived_lot AS archived
    ON archived.gtin = past.gtin AND archived.lot = past.lot
    AND archived.batch_no = past.batch_no
JOIN core_unit AS unit ON unit.unit_id = past.unit_id
LEFT JOIN core_site AS sender ON sender.gln = past.from_gln
LEFT JOIN core_site AS receiver ON receiver.gln = past.to_gln
LEFT JOIN core_site AS stated ON stated.gln = past.stated_to_gln
LEFT JOIN core_site AS seller ON seller.gln = past.from_owner_gln
LEFT JOIN core_site AS buyer ON buyer.gln = past.to_owner_gln
