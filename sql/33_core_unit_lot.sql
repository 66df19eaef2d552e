-- model:   core_unit_lot
-- purpose: Every pack that any record names, its birth, and the lot it belongs to with the reason
--   why.
-- grain:   one row per SGTIN
-- key:     unit_id
-- reads:   core_event, raw_identifier, stg_event_item, stg_mention, stg_theft_notice,
--          stg_verification
-- columns:
--   unit_id           epc_id of the SGTIN
--   gtin              GTIN-14
--   lot               as stated; '(unstated)' where nobody stated one
--   lot_basis         ilmd (the event that made it, else any event listing it), master (a class of
--                     its GTIN with a lot in the event that made it), observed (read off the pack
--                     or asked in a verification), unstated
--   commissioned_ord  core_event of its birth; null where not in the data
--   commissioned_lot  ILMD lot of its birth; null where none was stated
-- caveats: Of several births the first that states a lot wins: later ones contradict, they do not
--   rename. An observed lot is what was printed or typed.
WITH told AS (
    SELECT
        m.epc_id AS unit_id,
        min(e.ord) FILTER (WHERE e.is_birth) AS birth_ord,
        min(e.ord) FILTER (WHERE e.is_birth AND e.lot IS NOT NULL) AS birth_lot_ord,
        min(e.ord) FILTER (WHERE e.lot IS NOT NULL) AS lot_ord
    FROM stg_mention m
    JOIN core_event e ON e.record_id = m.record_id
    WHERE m.is_pack AND (m.is_listed OR m.is_output) AND (e.is_birth OR e.lot IS NOT NULL)
    GROUP BY m.epc_id
),
named AS (
    SELECT epc_id AS unit_id, min(printed_lot) AS printed_lot
    FROM stg_mention
    WHERE is_pack
    GROUP BY epc_id
),
asked AS (
    SELECT
        i.epc_id AS unit_id,
        arg_min(v.lot, v.record_id) FILTER (WHERE v.lot IS NOT NULL) AS lot
    FROM stg_verification v
    JOIN raw_identifier i ON i.text_id = v.epc
    WHERE i.scheme = 'sgtin'
    GROUP BY i.epc_id
),
stolen AS (
    SELECT i.epc_id AS unit_id, min(t.lot) AS lot
    FROM stg_theft_notice t
    JOIN raw_identifier i ON i.text_id = t.epc
    WHERE i.scheme = 'sgtin'
    GROUP BY i.epc_id
),
-- An event that made packs may state their lot by a class beside them instead of ILMD.
class_lot AS (
    SELECT e.ord, i.gtin, min(i.lot) AS lot
    FROM stg_event_item i
    JOIN core_event e ON e.record_id = i.record_id
    WHERE i.is_class AND i.lot IS NOT NULL AND e.is_birth
    GROUP BY e.ord, i.gtin
    HAVING count(DISTINCT i.lot) = 1
),
unit AS (
    SELECT unit_id FROM named
    UNION SELECT unit_id FROM asked
    UNION SELECT unit_id FROM stolen
)
SELECT
    u.unit_id, t.gtin,
    coalesce(b.lot, a.lot, c.lot, n.printed_lot, q.lot, s.lot, '(unstated)') AS lot,
    CASE
        WHEN coalesce(b.lot, a.lot) IS NOT NULL THEN 'ilmd'
        WHEN c.lot IS NOT NULL THEN 'master'
        WHEN coalesce(n.printed_lot, q.lot, s.lot) IS NOT NULL THEN 'observed'
        ELSE 'unstated'
    END AS lot_basis,
    o.birth_ord AS commissioned_ord,
    b.lot AS commissioned_lot
FROM unit u
JOIN raw_identifier t ON t.text_id = u.unit_id
LEFT JOIN named n USING (unit_id)
LEFT JOIN told o USING (unit_id)
LEFT JOIN core_event b ON b.ord = o.birth_lot_ord
LEFT JOIN core_event a ON a.ord = o.lot_ord
LEFT JOIN class_lot c ON c.ord = o.birth_ord AND c.gtin = t.gtin
LEFT JOIN asked q USING (unit_id)
LEFT JOIN stolen s USING (unit_id)
