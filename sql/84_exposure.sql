-- model:   exposure
-- purpose: Everything that the standing findings on a lot put in question: whom to call, and why.
-- grain:   one row per lot with a standing finding, relation, place and other lot
-- key:     gtin, lot, row_no
-- kind:    view
-- reads:   core_partner, core_site, evid_lot_exposure, find_lot
-- columns:
--   gtin            GTIN-14
--   lot             as stated; (unstated) for packs whose lot nobody stated
--   tier            of the lot, from its findings: hold, investigate, watch
--   row_no          1 for the row that matters most
--   relation        named_site, recipient, source, same_lot, unplaced, same_site: see
--                   evid_lot_exposure
--   site_gln        GLN or text of the place; null for unplaced
--   site_name       as its owner states it
--   partner         name of its firm, else the firm's GLN
--   role            maker, wholesaler, pharmacy, ...
--   city            as stated
--   country         ISO 3166 alpha-2, or as stated
--   other_lot       for same_site: the other lot of the product
--   other_tier      for same_site: tier of that lot, from its own findings
--   basis           serial, lane, lot: how the row was found
--   patterns        of the findings that lead here, sorted
--   passed_units    packs of the lot (same_site: of the other lot) made or arrived here
--   named_units     packs that findings name and that were here
--   begins_units    of these, packs whose trail begins here although nobody made them here
--   held_units      packs last known here and in trade
--   held_named_units  of which findings name
--   held_inferred_units  of the held ones, those known here only through their container
--   held_since_at   UTC, since when the held ones have been here, the longest
--   coming_units    packs sent here that no record shows to have arrived
--   ended_units     packs dispensed, destroyed or taken out of trade here
--   doubted_units   of held and ended ones, those that may be elsewhere
--   first_at        UTC, first record of these packs here
--   last_at         UTC, last record of these packs here
--   record_ids      records behind the row, the first 50
-- caveats: Exposed is not guilty: it says whom to ask, and of what. Do not sum over relations: a place
--   may be source and recipient, and other lots are counted again for each lot that leads to them.
SELECT
    exposed.gtin, exposed.lot, find_lot.tier, exposed.row_no, exposed.relation, exposed.site_gln,
    core_site.name AS site_name, coalesce(core_partner.name, core_partner.gln) AS partner,
    core_site.role, core_site.city, core_site.country, exposed.other_lot, exposed.other_tier,
    exposed.basis, exposed.patterns, exposed.passed_units, exposed.named_units,
    exposed.begins_units, exposed.held_units, exposed.held_named_units,
    exposed.held_inferred_units, exposed.held_since_at, exposed.coming_units,
    exposed.ended_units, exposed.doubted_units, exposed.first_at, exposed.last_at,
    exposed.record_ids
FROM evid_lot_exposure AS exposed
LEFT JOIN find_lot USING (lot_id)
LEFT JOIN core_site ON core_site.site_id = exposed.site_id
LEFT JOIN core_partner ON core_partner.partner_id = core_site.partner_id
