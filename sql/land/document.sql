INSERT INTO raw_document
SELECT
    file_id,
    sender, receiver, created_text, schema_version, is_statement_affirmed, legal_notice
FROM batch_documents
