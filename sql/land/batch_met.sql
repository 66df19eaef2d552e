-- Every identifier text of the batch, once, with the first part that holds it.
WITH met AS (
    SELECT text, part FROM batch_items
    UNION ALL
    SELECT text, part FROM batch_parties
    UNION ALL
    SELECT read_point AS text, part FROM batch_events
    UNION ALL
    SELECT biz_location AS text, part FROM batch_events
    UNION ALL
    SELECT text, part FROM batch_master
    UNION ALL
    SELECT text, part FROM batch_row_texts
)
SELECT text, min(part) AS part
FROM met
GROUP BY text
