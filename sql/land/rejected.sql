INSERT INTO raw_rejected
SELECT $file_id AS file_id, position, place, reason, remedy
FROM batch_rejected
ORDER BY position
