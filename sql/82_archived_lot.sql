-- model:   archived_lot
-- purpose: Lots that are over and whose packs' histories lie in the archive, readable as before.
-- grain:   one row per archived lot
-- key:     gtin, lot
-- kind:    view
-- reads:   raw_archived_lot
-- columns:
--   gtin         GTIN-14
--   lot          as stated
--   year         of its last record: the partition of the archive
--   batch_no     of the files that hold it
--   packs        in the data
--   events       one per pack and event
--   expiry       lot master, else commissioning
--   last_at      UTC, its last record
--   archived_at  UTC, the moment looked back from when it was archived
-- caveats: A lot that has news is live again from the next run on, and no longer in here.
SELECT gtin, lot, year, batch_no, packs, events, expiry, last_at, archived_at
FROM raw_archived_lot
