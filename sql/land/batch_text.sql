-- Those that the warehouse knows, with their keys. An inner join, so that the hash table is made of
-- the batch and never of the whole dictionary.
SELECT known.text, known.text_id, known.canonical
FROM raw_identifier AS known
JOIN batch_met ON batch_met.text = known.text
