-- Those that it does not know yet, for parsing.
SELECT text
FROM batch_met
ANTI JOIN batch_text USING (text)
WHERE text IS NOT NULL
ORDER BY text
