-- query:   recalled_and_sold
-- purpose: Which packs were handed out although their lot was recalled before?
-- caveats: Silent where no recall list was landed.
SELECT recall.gtin, recall.lot, recall.from_at, event.site_gln, event.event_at, event.epc
FROM stg_recall AS recall
JOIN item_event AS event
    ON event.gtin = recall.gtin AND (recall.lot IS NULL OR event.lot = recall.lot)
WHERE event.step IN ('dispensing', 'retail_selling') AND event.event_at > recall.from_at
ORDER BY ALL
