INSERT INTO raw_event_item
SELECT
    $first_record_id + item.position - 1 AS record_id,
    item.role,
    key.text_id AS epc,
    item.quantity,
    item.uom,
    item.is_class
FROM batch_items AS item
LEFT JOIN batch_text AS key ON key.text = item.text
ORDER BY item.position, item.role, key.text_id, item.quantity
