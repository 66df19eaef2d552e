-- model:   evid_finding_unit
-- purpose: The packs that standing findings name: where the search for the rest begins.
-- grain:   one row per standing finding and pack
-- key:     finding_id, unit_id
-- reads:   core_item_event, core_observation, find_finding
-- columns:
--   finding_id  find_finding
--   lot_id      core_lot, of the finding
--   pattern     P01 to P40
--   unit_id     core_unit
--   is_copied   the pattern says that the number is on more than one pack (P01, P02, P03)
--   cited_at    UTC, earliest cited record that tells of the pack; null where none does
-- caveats: A finding on several packs names those of its cited records, as long as these tell of no
--   more packs of the lot than the finding concerns. Where they tell of more, as the receipt of a
--   whole pallet does, nobody can say which are meant, and the finding has no row here.
WITH standing AS (
    SELECT finding_id, lot_id, pattern, unit_id, units, record_ids
    FROM find_finding
    WHERE status = 'stands' AND lot_id IS NOT NULL
),
cited AS (
    SELECT DISTINCT finding_id, lot_id, pattern, unit_id, units, unnest(record_ids) AS record_id
    FROM standing
),
told AS (
    SELECT lot_id, record_id, unit_id, event_at AS told_at
    FROM core_item_event
    SEMI JOIN cited USING (lot_id, record_id)
    UNION ALL
    SELECT lot_id, record_id, unit_id, observed_at
    FROM core_observation
    SEMI JOIN cited USING (lot_id, record_id)
    WHERE kind = 'verification'
),
-- Records of more packs than the finding concerns are left out before packs are looked at.
record_size AS (
    SELECT lot_id, record_id, count(*) AS units
    FROM told
    GROUP BY lot_id, record_id
),
small AS (
    SELECT cited.finding_id, cited.lot_id, cited.pattern, cited.units, cited.record_id
    FROM cited
    JOIN record_size USING (lot_id, record_id)
    WHERE cited.unit_id IS NULL AND record_size.units <= cited.units
),
meant AS (
    SELECT
        small.finding_id, small.lot_id, small.pattern, small.units, told.unit_id,
        min(told.told_at) AS cited_at
    FROM small
    JOIN told USING (lot_id, record_id)
    GROUP BY small.finding_id, small.lot_id, small.pattern, small.units, told.unit_id
    QUALIFY count(*) OVER (PARTITION BY small.finding_id) <= small.units
),
named AS (
    SELECT standing.finding_id, standing.lot_id, standing.pattern, standing.unit_id
    FROM standing
    WHERE standing.unit_id IS NOT NULL
),
named_at AS (
    SELECT cited.finding_id, min(told.told_at) AS cited_at
    FROM cited
    JOIN told USING (lot_id, record_id, unit_id)
    GROUP BY cited.finding_id
),
every_pack AS (
    SELECT named.finding_id, named.lot_id, named.pattern, named.unit_id, named_at.cited_at
    FROM named
    LEFT JOIN named_at USING (finding_id)
    UNION ALL
    SELECT finding_id, lot_id, pattern, unit_id, cited_at
    FROM meant
)
SELECT
    finding_id, lot_id, pattern, unit_id, pattern IN ('P01', 'P02', 'P03') AS is_copied, cited_at
FROM every_pack
ORDER BY lot_id, finding_id, unit_id
