-- query:   more_than_one_end
-- purpose: Which packs were sold or destroyed more than once, by scan?
-- caveats: An end that was taken back counts too: the pattern P03 knows better.
SELECT epc, gtin, lot, count(*) AS ends, count(DISTINCT site_gln) AS sites,
    min(event_at) AS first_at, max(event_at) AS last_at
FROM item_event
WHERE step IN ('dispensing', 'retail_selling', 'destroying') AND NOT is_inferred
GROUP BY epc, gtin, lot
HAVING count(*) > 1
ORDER BY sites DESC, epc
