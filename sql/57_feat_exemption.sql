-- model:   feat_exemption
-- purpose: Products that some list holds to need no serials: named themselves, or made by a partner
--   that is named.
-- grain:   one row per product and row of a list
-- key:     gtin, record_id
-- reads:   core_lot, core_movement, core_site, stg_exemption
-- columns:
--   gtin         GTIN-14
--   record_id    stg_exemption
--   basis        product, or partner: who made lots of it is named
--   exempt_from  first day; null: not stated
--   exempt_to    last day; null: open
--   source       as stated
-- caveats: A row with a product and a partner speaks of that product only. A partner that only trades
--   in a product exempts nothing: what it receives was made by somebody else.
WITH named_partner AS (
    SELECT listed.record_id, place.site_id
    FROM stg_exemption AS listed
    INNER JOIN core_site AS named ON listed.gln = named.gln
    INNER JOIN core_site AS place
        ON named.site_id = place.site_id OR named.partner_id = place.partner_id
    WHERE listed.gtin IS NULL
),
made AS (
    SELECT gtin, maker_site_id AS site_id FROM core_lot WHERE maker_site_id IS NOT NULL
    UNION
    SELECT movement.gtin, movement.from_site_id
    FROM core_movement AS movement
    INNER JOIN core_site AS sender
        ON movement.from_site_id = sender.site_id AND sender.role IN ('maker', 'contract_packer')
    WHERE movement.gtin IS NOT NULL
),
exempt AS (
    SELECT gtin, record_id, 'product' AS basis FROM stg_exemption WHERE gtin IS NOT NULL
    UNION
    SELECT made.gtin, named_partner.record_id, 'partner'
    FROM named_partner
    INNER JOIN made ON named_partner.site_id = made.site_id
)
SELECT
    exempt.gtin, exempt.record_id, exempt.basis,
    listed.valid_from AS exempt_from, listed.valid_to AS exempt_to, listed."source"
FROM exempt
INNER JOIN stg_exemption AS listed ON exempt.record_id = listed.record_id
ORDER BY exempt.gtin, exempt.record_id
