-- A verified pack as the identifier it has in events.
SELECT
    position,
    part,
    'https://id.gs1.org/01/' || gtin || '/21/' || url_encode(serial) AS text
FROM batch_row
