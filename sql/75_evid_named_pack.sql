-- model:   evid_named_pack
-- purpose: The packs that a lot's standing findings name, one by one: the list to search by.
-- grain:   one row per lot and pack
-- key:     lot_id, unit_id
-- kind:    view
-- reads:   core_lot, core_unit, evid_finding_unit
-- columns:
--   lot_id     core_lot, of the findings
--   gtin       GTIN-14 of the lot
--   lot        lot as stated
--   unit_id    core_unit
--   epc        canonical
--   serial     of the pack
--   patterns   that name it, sorted
--   findings   how many findings do
--   is_copied  a pattern says that the number is on more than one pack
--   cited_at   UTC, earliest cited record that tells of the pack; null where none does
-- caveats: A finding that cannot say which packs it means names none (evid_finding_unit): the list
--   may be shorter than the packs concerned.
SELECT
    named.lot_id, core_lot.gtin, core_lot.lot, named.unit_id, core_unit.epc, core_unit.serial,
    list_sort(list(DISTINCT named.pattern)) AS patterns,
    count(*) AS findings,
    bool_or(named.is_copied) AS is_copied,
    min(named.cited_at) AS cited_at
FROM evid_finding_unit AS named
JOIN core_lot ON core_lot.lot_id = named.lot_id
JOIN core_unit ON core_unit.unit_id = named.unit_id
GROUP BY ALL
