INSERT INTO raw_event_transaction
SELECT $first_record_id + position - 1 AS record_id, type, document
FROM batch_transactions
ORDER BY position, type, document
