-- The rows of a log or list with our own content key: a hash over all that the row says.
WITH said AS (
    SELECT sha256(to_json(struct_pack(*COLUMNS(* EXCLUDE (position, part, file_id, positions_before))))::VARCHAR) AS content_key, *
    FROM batch_row
)
SELECT
    $first_record_id + said.position - 1 AS record_id,
    said.file_id,
    key.text_id AS epc,
    said.* EXCLUDE (part, file_id, positions_before)
        REPLACE (said.position - said.positions_before AS position)
FROM said
LEFT JOIN batch_row_texts AS named ON named.position = said.position
LEFT JOIN batch_text AS key ON key.text = named.text
