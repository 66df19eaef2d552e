-- model:   check_identifier
-- purpose: One text has one key, and one form of an identifier one epc_id: joins rest on it.
-- grain:   one row per text or form that breaks this
-- key:     none
-- reads:   raw_identifier
-- columns:
--   fault    text_repeats, form_has_two_ids, id_has_two_forms
--   text_id  one that shows it
SELECT 'text_repeats' AS fault, min(text_id) AS text_id
FROM raw_identifier
GROUP BY text
HAVING count(*) > 1
UNION ALL
SELECT 'form_has_two_ids' AS fault, min(text_id) AS text_id
FROM raw_identifier
GROUP BY canonical
HAVING min(epc_id) <> max(epc_id)
UNION ALL
SELECT 'id_has_two_forms' AS fault, min(text_id) AS text_id
FROM raw_identifier
GROUP BY epc_id
HAVING min(canonical) <> max(canonical)
