-- Events with our own content key: a hash over what the event says, in canonical forms, so that it
-- does not depend on ids, spelling, list order, recordTime, declarations or vendor extensions.
-- JSON escapes every value: different contents never meet in one text.
INSERT INTO raw_event
WITH items AS (
    SELECT
        item.position,
        list_sort(list(to_json([
            item.role, key.canonical, item.quantity::VARCHAR, item.uom
        ])::VARCHAR)) AS said
    FROM batch_items AS item
    LEFT JOIN batch_text AS key ON key.text = item.text
    GROUP BY item.position
),
parties AS (
    SELECT
        party.position,
        list_sort(list(to_json([
            party.direction, party.type, key.canonical
        ])::VARCHAR)) AS said
    FROM batch_parties AS party
    LEFT JOIN batch_text AS key ON key.text = party.text
    GROUP BY party.position
),
transactions AS (
    SELECT position, list_sort(list(to_json([type, document])::VARCHAR)) AS said
    FROM batch_transactions
    GROUP BY position
),
sensors AS (
    SELECT
        position,
        list_sort(list(to_json(struct_pack(
            type, observed_at, value, min_value, max_value, mean_value, uom, exception,
            other_values := json_extract(report, [
                '$.stringValue', '$.booleanValue', '$.hexBinaryValue', '$.uriValue'
            ])
        ))::VARCHAR)) AS said
    FROM batch_sensors
    GROUP BY position
)
SELECT
    $first_record_id + event.position - 1 AS record_id,
    event.file_id,
    event.position - event.positions_before AS position,
    event.event_type,
    event.action,
    event.event_id,
    event.event_at,
    event.event_time_text,
    event.zone_offset_min,
    event.recorded_at,
    event.step,
    event.disposition,
    read_point.text_id AS read_point,
    biz_location.text_id AS biz_location,
    event.transformation_id,
    event.lot,
    event.expiry,
    event.expiry_text,
    event.made_on,
    event.is_declaration,
    event.declared_at,
    event.declared_reason,
    event.corrective_event_ids,
    event.attributes,
    sha256(to_json(struct_pack(
        event_type := event.event_type,
        action := event.action,
        event_at := event.event_at,
        step := event.step,
        disposition := event.disposition,
        read_point := read_point.canonical,
        biz_location := biz_location.canonical,
        transformation_id := event.transformation_id,
        lot := event.lot,
        expiry := coalesce(event.expiry::VARCHAR, event.expiry_text),
        persistent := json_extract(event.attributes, '$.persistentDisposition'),
        items := items.said,
        parties := parties.said,
        transactions := transactions.said,
        sensors := sensors.said
    ))::VARCHAR) AS content_key
FROM batch_events AS event
LEFT JOIN batch_text AS read_point ON read_point.text = event.read_point
LEFT JOIN batch_text AS biz_location ON biz_location.text = event.biz_location
LEFT JOIN items ON items.position = event.position
LEFT JOIN parties ON parties.position = event.position
LEFT JOIN transactions ON transactions.position = event.position
LEFT JOIN sensors ON sensors.position = event.position
ORDER BY event.position
