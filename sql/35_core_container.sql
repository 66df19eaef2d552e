-- model:   core_container
-- purpose: Everything that holds other things or could: cases, pallets, totes, assets.
-- grain:   one row per container
-- key:     container_id
-- reads:   core_event, raw_identifier, stg_mention, stg_theft_notice
-- columns:
--   container_id  epc_id
--   canonical     GS1 Digital Link, or the text of an opaque one
--   scheme        sscc, sgtin, grai, giai, ...
--   sscc          of an sscc
--   is_filled     some event names it as the container of something
--   first_at      UTC, first event naming it; null: only a theft notice does
--   last_at       UTC, last event naming it
-- caveats: An SSCC that no event fills is a container whose content is not in the data.
WITH met AS (
    SELECT m.epc_id, bool_or(m.is_parent) AS is_filled, min(e.event_at) AS first_at,
        max(e.event_at) AS last_at
    FROM stg_mention m
    JOIN core_event e ON e.record_id = m.record_id
    WHERE NOT m.is_pack OR m.epc_id IN (SELECT epc_id FROM stg_mention WHERE is_parent)
    GROUP BY m.epc_id
),
stolen AS (
    SELECT DISTINCT t.epc_id
    FROM stg_theft_notice n
    JOIN raw_identifier t ON t.text_id = n.epc
    WHERE t.scheme = 'sscc'
)
SELECT
    t.epc_id AS container_id, t.canonical, t.scheme, t.sscc,
    coalesce(m.is_filled, false) AS is_filled, m.first_at, m.last_at
FROM raw_identifier t
LEFT JOIN met m ON m.epc_id = t.text_id
LEFT JOIN stolen s ON s.epc_id = t.text_id
WHERE t.text_id = t.epc_id
    AND (m.is_filled OR (t.scheme = 'sscc' AND m.epc_id IS NOT NULL) OR s.epc_id IS NOT NULL)
