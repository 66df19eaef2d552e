INSERT INTO raw_event_party
SELECT
    $first_record_id + party.position - 1 AS record_id,
    party.direction,
    party.type,
    key.text_id AS party
FROM batch_parties AS party
LEFT JOIN batch_text AS key ON key.text = party.text
ORDER BY party.position, party.direction, party.type, key.text_id
