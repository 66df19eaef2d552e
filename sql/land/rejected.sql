INSERT INTO raw_rejected
SELECT file_id, position - positions_before AS position, place, reason, remedy
FROM batch_rejected
ORDER BY part, batch_rejected.position
