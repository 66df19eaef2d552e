INSERT INTO raw_identifier
SELECT text_id, text, epc_id, scheme, canonical, gtin, serial, lot, sscc, gln, extension, note
FROM new_identifier
ORDER BY text_id
