-- Every identifier text of the batch, once.
CREATE OR REPLACE TEMP TABLE batch_met AS
SELECT text FROM batch_items
UNION
SELECT text FROM batch_parties
UNION
SELECT read_point AS text FROM batch_events
UNION
SELECT biz_location AS text FROM batch_events
UNION
SELECT text FROM batch_master
UNION
SELECT text FROM batch_row_texts
