-- Archived lots' rows of item_event, put below the model's own of live ones. What is asked of a lot or
-- pack reaches the archive's files as it is, so that only the parts that can hold it are read.
SELECT
    past.epc, past.gtin, past.serial, past.lot, past.event_id, past.event_at, past.recorded_at,
    past.step, past.disposition, past.site_gln, past.from_gln, past.to_gln, past.is_inferred,
    past.container, past.record_id
FROM archived_item_event AS past
SEMI JOIN raw_archived_lot AS archived
    ON archived.gtin = past.gtin AND archived.lot = past.lot
    AND archived.batch_no = past.batch_no
