-- model:   evid_finding_record
-- purpose: From a finding to the very records it cites, and where each lies in its document.
-- grain:   one row per finding and cited record
-- key:     finding_id, record_id
-- reads:   core_item_event, core_movement, core_observation, core_site, find_finding, stg_record
-- columns:
--   finding_id    find_finding
--   lot_id        core_lot
--   record_no     1 for the earliest record of the finding
--   record_id     unique over all landed records
--   kind          of record, as stg_record names it
--   event_id      as stated by the sender; null where it stated none
--   event_at      UTC, when it happened; null for reference data
--   recorded_at   UTC, when the sender's system took it down; null where not stated
--   ingested_at   UTC, when the warehouse read it
--   step          business step
--   site_id       where; null where no place is known
--   site_gln      GLN or text of that place
--   path          document it came in
--   position      1-based ordinal in that document
-- caveats: The place of a shipment line is the sender; the receiver where only the arrival is dated.
WITH cited AS (
    SELECT DISTINCT finding_id, lot_id, unnest(record_ids) AS record_id
    FROM find_finding
),
wanted AS (
    SELECT DISTINCT record_id FROM cited
),
placed AS (
    SELECT record_id, 1 AS preference, site_id, step, event_at AS happened_at
    FROM core_item_event
    UNION ALL
    SELECT
        record_id, 2, site_id, coalesce(step, CASE WHEN kind = 'verification' THEN 'verifying' END),
        observed_at
    FROM core_observation
    UNION ALL
    SELECT ship_record_id, 3, from_site_id, 'shipping', shipped_at
    FROM core_movement
    WHERE shipped_at IS NOT NULL OR received_at IS NULL
    UNION ALL
    SELECT receive_record_id, 4, to_site_id, 'receiving', received_at
    FROM core_movement
    UNION ALL
    SELECT log_record_id, 5, from_site_id, 'shipping', shipped_at
    FROM core_movement
),
best AS (
    SELECT
        placed.record_id,
        min(struct_pack(
            preference := placed.preference, site_id := placed.site_id, step := placed.step,
            happened_at := placed.happened_at
        )) AS place
    FROM placed
    JOIN wanted USING (record_id)
    GROUP BY placed.record_id
),
told AS (
    SELECT
        cited.finding_id, cited.lot_id, cited.record_id, stg_record.kind, stg_record.event_id,
        coalesce(stg_record.event_at, best.place.happened_at) AS event_at,
        stg_record.recorded_at, stg_record.ingested_at, stg_record.path, stg_record.position,
        best.place.step AS step, best.place.site_id AS site_id
    FROM cited
    JOIN stg_record USING (record_id)
    LEFT JOIN best USING (record_id)
)
SELECT
    told.finding_id,
    told.lot_id,
    row_number() OVER (
        PARTITION BY told.finding_id ORDER BY told.event_at NULLS FIRST, told.record_id
    ) AS record_no,
    told.record_id,
    told.kind,
    told.event_id,
    told.event_at,
    told.recorded_at,
    told.ingested_at,
    told.step,
    told.site_id,
    core_site.gln AS site_gln,
    told.path,
    told.position
FROM told
LEFT JOIN core_site ON core_site.site_id = told.site_id
ORDER BY told.lot_id, told.finding_id, record_no
