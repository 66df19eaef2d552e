-- model:   evid_lot_reach
-- purpose: How much of a lot can still be reached, how much has gone to patients, how much is unseen.
-- grain:   one row per lot and fate
-- key:     lot_id, fate
-- reads:   core_lot, core_site, evid_lot_holder
-- columns:
--   lot_id          core_lot
--   gtin            GTIN-14 of the lot
--   lot             lot as stated
--   fate            at_trader, at_dispenser (pharmacy, hospital, clinic), in_transit: to be called;
--                   unplaced (in trade, nobody states where), asked (only ever verified), unseen
--                   (made, by the lot master, and in no record): nobody knows where;
--                   dispensed (to patients), ended (destroyed or out of trade otherwise): gone
--   units           packs
--   named_units     of which standing findings name
--   doubted_units   of which may be elsewhere, see evid_lot_holder
--   inferred_units  of which the last step is only inferred from the container
--   site_count      places that hold them; where they go, for in_transit
--   since_at        UTC, earliest of the last records; null for unseen
--   last_at         UTC, latest of the last records; null for unseen
-- caveats: Last known is not now. dispensed counts what an event calls so; an end of packs without
--   serials does not say which, and is ended. Without a stated quantity no pack is unseen.
WITH fated AS (
    SELECT
        holder.lot_id,
        CASE
            WHEN holder.state = 'ended' AND holder.step IN ('dispensing', 'retail_selling')
                THEN 'dispensed'
            WHEN holder.state IN ('ended', 'asked', 'in_transit') THEN holder.state
            WHEN holder.site_id IS NULL THEN 'unplaced'
            WHEN core_site.role IN ('pharmacy', 'hospital', 'clinic') THEN 'at_dispenser'
            ELSE 'at_trader'
        END AS fate,
        CASE WHEN holder.state = 'in_transit' THEN holder.to_site_id ELSE holder.site_id END
            AS place_id,
        holder.units, holder.named_units, holder.doubted_units, holder.inferred_units,
        holder.since_at, holder.last_at
    FROM evid_lot_holder AS holder
    LEFT JOIN core_site ON core_site.site_id = holder.site_id
),
summed AS (
    SELECT
        lot_id, fate,
        sum(units) AS units,
        sum(named_units) AS named_units,
        sum(doubted_units) AS doubted_units,
        sum(inferred_units) AS inferred_units,
        count(DISTINCT place_id) AS site_count,
        min(since_at) AS since_at,
        max(last_at) AS last_at
    FROM fated
    GROUP BY lot_id, fate
),
unseen AS (
    SELECT
        lot_id, 'unseen' AS fate,
        stated_quantity - greatest(
            coalesce(commissioned_units, 0), coalesce(observed_units, 0)
        ) - coalesce(class_units, 0) AS units
    FROM core_lot
),
every_fate AS (
    FROM summed
    UNION ALL BY NAME
    SELECT
        lot_id, fate, units, 0 AS named_units, 0 AS doubted_units, 0 AS inferred_units,
        0 AS site_count
    FROM unseen
    WHERE units > 0
)
SELECT
    every_fate.lot_id,
    core_lot.gtin,
    core_lot.lot,
    every_fate.fate,
    every_fate.units,
    every_fate.named_units,
    every_fate.doubted_units,
    every_fate.inferred_units,
    every_fate.site_count,
    every_fate.since_at,
    every_fate.last_at
FROM every_fate
JOIN core_lot USING (lot_id)
ORDER BY every_fate.lot_id, every_fate.fate
