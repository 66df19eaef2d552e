-- model:   stg_place_epc
-- purpose: Which site an identifier of a place or party means.
-- grain:   one row per identifier used as place or party
-- key:     epc_id
-- reads:   raw_event, raw_event_party, raw_identifier, raw_master_data
-- columns:
--   epc_id  of the place or party
--   gln     GLN-13, the extension (a place inside the site) dropped; the text of an opaque place
-- caveats: A location and a party of equal GLN are one site.
WITH named AS (
    SELECT read_point AS text_id FROM raw_event
    UNION SELECT biz_location FROM raw_event
    UNION SELECT party FROM raw_event_party
    UNION SELECT subject FROM raw_master_data WHERE kind IN ('site', 'party')
)
SELECT epc_id, min(coalesce(gln, canonical)) AS gln
FROM raw_identifier
WHERE text_id IN (SELECT text_id FROM named)
GROUP BY epc_id
