-- The packs and containers that rows of logs and lists name; none yet. The row of nulls matches
-- nothing: DuckDB 2.0.0 may show no row of a table that is made empty and filled in one transaction
-- (see _fill_batch_row in data/warehouse/load.py).
CREATE OR REPLACE TEMP TABLE batch_row_texts AS
SELECT NULL::BIGINT AS position, NULL::UINTEGER AS part, NULL::VARCHAR AS text
