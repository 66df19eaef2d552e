-- The packs and containers that rows of logs and lists name; none yet.
CREATE OR REPLACE TEMP TABLE batch_row_texts (position BIGINT, part UINTEGER, text VARCHAR)
