-- The texts of the batch that the warehouse does not know yet, for parsing.
SELECT text
FROM batch_text
WHERE text_id IS NULL
ORDER BY text
