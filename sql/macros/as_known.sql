-- macro:   as_known(at_time)
-- purpose: The events of packs that were on record at a moment: what one could have known then.
-- try:     SELECT count(*) FROM as_known(TIMESTAMP '2026-03-01')
-- caveats: On record means recorded by its sender, or, where that is not stated, landed here. Events
--   declared wrong since are gone from here too.
SELECT event.*
FROM item_event AS event
JOIN stg_record AS record ON record.record_id = event.record_id
WHERE coalesce(event.recorded_at, record.ingested_at) <= at_time
