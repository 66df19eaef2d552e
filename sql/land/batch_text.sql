-- Every identifier text of the batch, with its key where the warehouse already knows it.
CREATE OR REPLACE TEMP TABLE batch_text AS
WITH met AS (
    SELECT text FROM batch_items
    UNION
    SELECT text FROM batch_parties
    UNION
    SELECT read_point FROM batch_events
    UNION
    SELECT biz_location FROM batch_events
    UNION
    SELECT text FROM batch_master
    UNION
    SELECT text FROM batch_row_texts
)
SELECT met.text, known.text_id, known.canonical
FROM met
LEFT JOIN raw_identifier AS known ON known.text = met.text
WHERE met.text IS NOT NULL
