-- What a file of the archive holds of packs' hops: one year's lots, by lot, serial and hop.
SELECT form.*, getvariable('archive_batch')::INTEGER AS batch_no
FROM custody_form AS form
SEMI JOIN fresh_lot AS fresh
    ON fresh.gtin = form.gtin AND fresh.lot = form.lot
    AND fresh.year = getvariable('archive_year')::INTEGER
ORDER BY form.gtin, form.lot, form.serial, form.hop_no
