INSERT INTO raw_master_data
SELECT
    $first_record_id + master.position - 1 AS record_id,
    master.file_id,
    master.position - master.positions_before AS position,
    master.kind,
    key.text_id AS subject,
    master.attribute,
    master.value
FROM batch_master AS master
LEFT JOIN batch_text AS key ON key.text = master.text
ORDER BY master.position, master.attribute, master.value
