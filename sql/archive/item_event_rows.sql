-- What a file of the archive holds of packs' histories: one year's lots, by lot, serial and time.
SELECT form.*, getvariable('archive_batch')::INTEGER AS batch_no
FROM item_event_form AS form
SEMI JOIN fresh_lot AS fresh
    ON fresh.gtin = form.gtin AND fresh.lot = form.lot
    AND fresh.year = getvariable('archive_year')::INTEGER
ORDER BY form.gtin, form.lot, form.serial, form.event_at, form.record_id
