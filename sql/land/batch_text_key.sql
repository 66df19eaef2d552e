-- The new keys join the ones known before.
INSERT INTO batch_text
SELECT text, text_id, canonical
FROM new_identifier
