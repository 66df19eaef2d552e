-- model:   stg_mention
-- purpose: Which live event names which single thing, by integer keys only.
-- grain:   one row per live event and instance (pack, case, pallet, asset) it names
-- key:     record_id, epc_id
-- reads:   raw_event_item, raw_identifier, stg_event
-- columns:
--   record_id    of the event
--   epc_id       of the thing
--   is_parent    named as the container
--   is_child     named as content of the container
--   is_input     used up by a transformation
--   is_output    made by a transformation
--   is_listed    named in the event's own list
--   is_pack      the thing is an SGTIN
--   printed_lot  lot read together with the identifier (AI 10); null mostly
-- caveats: Quantities of a class are in stg_event_item only.
WITH named AS (
    SELECT
        i.record_id, t.epc_id,
        bit_or(CASE i.role
            WHEN 'parent' THEN 1 WHEN 'child' THEN 2 WHEN 'input' THEN 4 WHEN 'output' THEN 8
            ELSE 16
        END) AS roles,
        bit_or(if(t.scheme = 'sgtin', 1, 0)) AS pack,
        min(t.lot) AS printed_lot
    FROM raw_event_item i
    JOIN stg_event e ON e.record_id = i.record_id
    JOIN raw_identifier t ON t.text_id = i.epc
    WHERE e.status = 'live' AND NOT i.is_class AND t.scheme NOT IN ('lgtin', 'gtin')
    GROUP BY i.record_id, t.epc_id
)
SELECT
    record_id, epc_id,
    roles & 1 > 0 AS is_parent,
    roles & 2 > 0 AS is_child,
    roles & 4 > 0 AS is_input,
    roles & 8 > 0 AS is_output,
    roles & 16 > 0 AS is_listed,
    pack > 0 AS is_pack,
    nullif(trim(printed_lot), '') AS printed_lot
FROM named
