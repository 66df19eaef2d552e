-- A list whose rows name no single pack or container.
CREATE OR REPLACE TEMP TABLE batch_row_texts (position BIGINT, text VARCHAR)
