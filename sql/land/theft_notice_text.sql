-- The stolen pack or container as the identifier it has in events; null: the whole lot.
SELECT
    position,
    part,
    coalesce(
        'https://id.gs1.org/01/' || gtin || '/21/' || url_encode(serial),
        'https://id.gs1.org/00/' || sscc
    ) AS text
FROM batch_row
