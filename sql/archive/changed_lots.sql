-- Archived lots whose histories are not, or no longer, those that were archived: news came in.
CREATE OR REPLACE TEMP TABLE changed_lot AS
WITH held AS (
    SELECT gtin, lot, batch_no FROM raw_archived_lot
),
now_and_then AS (
    SELECT 'item_event' AS part, 1 AS side, form.gtin, form.lot, hash(form) AS row_hash
    FROM item_event_form AS form
    SEMI JOIN held ON held.gtin = form.gtin AND held.lot = form.lot
    UNION ALL
    SELECT 'custody', 1, form.gtin, form.lot, hash(form)
    FROM custody_form AS form
    SEMI JOIN held ON held.gtin = form.gtin AND held.lot = form.lot
    UNION ALL
    SELECT 'item_event', -1, past.gtin, past.lot, hash(past)
    FROM (
        SELECT row_of.* EXCLUDE (batch_no, year)
        FROM archived_item_event AS row_of
        SEMI JOIN held
            ON held.gtin = row_of.gtin AND held.lot = row_of.lot
            AND held.batch_no = row_of.batch_no
    ) AS past
    UNION ALL
    SELECT 'custody', -1, past.gtin, past.lot, hash(past)
    FROM (
        SELECT row_of.* EXCLUDE (batch_no, year)
        FROM archived_custody AS row_of
        SEMI JOIN held
            ON held.gtin = row_of.gtin AND held.lot = row_of.lot
            AND held.batch_no = row_of.batch_no
    ) AS past
)
SELECT DISTINCT gtin, lot
FROM (
    SELECT gtin, lot
    FROM now_and_then
    GROUP BY gtin, lot, part
    HAVING sum(side) <> 0 OR sum(side * row_hash::HUGEINT) <> 0 OR bit_xor(row_hash) <> 0
)
