-- Keys for the new texts, those of the first part first: the same keys, then, however many files
-- are landed at once. One form of an identifier shows many texts: they share an epc_id, the
-- text_id that showed the form first.
WITH numbered AS (
    SELECT
        (SELECT coalesce(max(text_id), 0) FROM raw_identifier)
            + row_number() OVER (ORDER BY met.part, parsed.text) AS text_id,
        parsed.text,
        coalesce(parsed.scheme, 'opaque') AS scheme,
        coalesce(parsed.canonical, parsed.text) AS canonical,
        parsed.gtin, parsed.serial, parsed.lot, parsed.sscc, parsed.gln, parsed.extension,
        parsed.note
    FROM batch_parsed AS parsed
    JOIN batch_met AS met ON met.text = parsed.text
),
earlier AS (
    SELECT canonical, min(epc_id) AS epc_id
    FROM raw_identifier
    WHERE canonical IN (SELECT canonical FROM numbered)
    GROUP BY canonical
)
SELECT
    numbered.text_id,
    numbered.text,
    coalesce(
        earlier.epc_id, min(numbered.text_id) OVER (PARTITION BY numbered.canonical)
    ) AS epc_id,
    numbered.scheme,
    numbered.canonical,
    numbered.gtin,
    numbered.serial,
    numbered.lot,
    numbered.sscc,
    numbered.gln,
    numbered.extension,
    numbered.note
FROM numbered
LEFT JOIN earlier ON earlier.canonical = numbered.canonical
