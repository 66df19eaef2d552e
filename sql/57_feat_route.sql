-- model:   feat_route
-- purpose: Packs that went the same way as another of their lot, which stands for them: what follows
--   from the way alone is worked out once and not for every pack.
-- grain:   one row per pack that another stands for
-- key:     unit_id
-- reads:   core_item_event
-- columns:
--   unit_id        core_unit
--   lot_id         core_lot
--   route_unit_id  the pack that stands for it: the lowest unit_id of those that went its way
-- caveats: The same way: the same births, shipments and receipts, scanned or inferred alike, and
--   ends at the same place, by the same step and after the same event, though each pack has an end
--   of its own. What else was told of a pack (packing, looking up) is not compared. Ways are told
--   apart by 64-bit hashes. A pack that is not here stands for itself.
WITH way AS MATERIALIZED (  -- else it is worked out twice, once for the window
    SELECT
        lot_id, unit_id,
        sum(CASE
            WHEN custody IS NOT NULL OR is_birth
                THEN hash(ord, is_inferred, is_birth, is_terminal, terminal_before = 0)
            ELSE hash(
                prev_record_id, site_id, to_site_id, step, is_inferred, terminal_before = 0)
        END) AS way
    FROM core_item_event
    WHERE custody IS NOT NULL OR is_birth OR is_terminal
    GROUP BY lot_id, unit_id
)
SELECT unit_id, lot_id, min(unit_id) OVER (PARTITION BY lot_id, way) AS route_unit_id
FROM way
QUALIFY unit_id <> route_unit_id
