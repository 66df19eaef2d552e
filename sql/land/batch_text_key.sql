-- The new keys join the ones known before (the rows without a key have been deleted: an UPDATE of
-- as many rows takes ten times as long).
INSERT INTO batch_text
SELECT text, text_id, canonical
FROM new_identifier
