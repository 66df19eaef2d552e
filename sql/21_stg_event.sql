-- model:   stg_event
-- purpose: Every event that was read, with its standing: does it count, repeat, or stand withdrawn.
-- grain:   one row per landed event
-- key:     record_id
-- reads:   raw_event, raw_event_party, raw_identifier, raw_source_file
-- columns:
--   record_id          of the event
--   file_id            raw_source_file
--   status             live, duplicate (same content read before), void (withdrawn by an error
--                      declaration), declaration
--   event_type         ObjectEvent, AggregationEvent, TransactionEvent, TransformationEvent,
--                      AssociationEvent
--   action             ADD, OBSERVE, DELETE; null for transformations
--   event_id           as stated
--   event_at           UTC, when it happened
--   recorded_at        UTC, when a system took note; null where not stated
--   ingested_at        when the file was landed
--   step               bizStep as a bare word
--   disposition        as a bare word
--   transformation_id  joins inputs and outputs stated apart
--   place_id           epc_id of bizLocation, else of readPoint
--   read_point_id      epc_id of readPoint
--   from_id            epc_id of the source: location, else possessing party, else owning party
--   to_id              epc_id of the destination, likewise
--   from_owner_id      epc_id of the source's owning party
--   to_owner_id        epc_id of the destination's owning party
--   lot                ILMD lot
--   expiry             ILMD expiry
--   expiry_text        as read
--   made_on            ILMD day of manufacture
--   zone_offset_min    stated eventTimeZoneOffset in minutes; never shifts event_at
--   clock_doubt_min    minutes by which event_at may be wrong
--   lag_h              hours from event_at to recorded_at; null where not recorded
--   attributes         vendor extensions, persistent disposition, drop shipment
-- caveats: A declaration withdraws the content, under whatever id it was captured. Where its id
--   names no event of equal content, it withdraws those of the same id, type and time.
WITH marked AS (
    SELECT
        record_id, event_id, event_type, event_at,
        coalesce(is_declaration, false) AS is_declaration,
        coalesce(content_key, record_id::VARCHAR) AS content
    FROM raw_event
),
firsts AS (
    SELECT min(record_id) AS record_id FROM marked GROUP BY content, is_declaration
),
declared AS (
    SELECT * FROM marked WHERE is_declaration
),
reported AS (
    SELECT * FROM marked WHERE NOT is_declaration
),
withdrawn AS (
    SELECT r.record_id AS named_by, d.record_id AS declaration, r.content,
        r.content = d.content AS is_exact
    FROM declared d
    JOIN reported r ON r.event_id = d.event_id
        AND (r.content = d.content OR (r.event_type = d.event_type AND r.event_at = d.event_at))
),
void_content AS (
    SELECT content
    FROM withdrawn
    QUALIFY is_exact OR NOT bool_or(is_exact) OVER (PARTITION BY declaration)
    UNION
    SELECT r.content
    FROM declared d
    JOIN reported r ON r.content = d.content AND (d.event_id IS NULL OR r.event_id IS NULL)
),
named AS (
    SELECT read_point AS text_id FROM raw_event
    UNION SELECT biz_location FROM raw_event
    UNION SELECT party FROM raw_event_party
),
place AS (
    SELECT text_id, epc_id FROM raw_identifier WHERE text_id IN (SELECT text_id FROM named)
),
party AS (
    SELECT
        record_id,
        min(epc_id) FILTER (WHERE direction = 'source' AND type = 'location') AS from_location,
        min(epc_id) FILTER (WHERE direction = 'source' AND type = 'possessing_party')
            AS from_holder,
        min(epc_id) FILTER (WHERE direction = 'source' AND type = 'owning_party') AS from_owner,
        min(epc_id) FILTER (WHERE direction = 'destination' AND type = 'location') AS to_location,
        min(epc_id) FILTER (WHERE direction = 'destination' AND type = 'possessing_party')
            AS to_holder,
        min(epc_id) FILTER (WHERE direction = 'destination' AND type = 'owning_party') AS to_owner
    FROM raw_event_party
    JOIN place ON place.text_id = party
    GROUP BY record_id
),
placed AS (
    SELECT e.*, l.epc_id AS location_id, r.epc_id AS read_point_id
    FROM raw_event e
    LEFT JOIN place l ON l.text_id = e.biz_location
    LEFT JOIN place r ON r.text_id = e.read_point
),
-- Where an event lacks its offset, the clock may be wrong by all of the site's usual one.
usual_offset AS (
    SELECT coalesce(location_id, read_point_id) AS place_id, max(abs(zone_offset_min)) AS offset_min
    FROM placed
    WHERE zone_offset_min IS NOT NULL
    GROUP BY ALL
),
-- Sundays on which clocks change in Europe and North America.
clock_change AS (
    SELECT day - dayofweek(day)::INTEGER AS day
    FROM (
        SELECT unnest([
            make_date(y, 3, 31), make_date(y, 10, 31), make_date(y, 3, 14), make_date(y, 11, 7)
        ]) AS day
        FROM (SELECT DISTINCT year(event_at) AS y FROM raw_event WHERE event_at IS NOT NULL)
    )
),
change_week AS (
    SELECT DISTINCT day + unnest(range(-1, 6))::INTEGER AS day FROM clock_change
)
SELECT
    e.record_id, e.file_id,
    CASE
        WHEN f.record_id IS NULL THEN 'duplicate'
        WHEN e.is_declaration THEN 'declaration'
        WHEN v.content IS NOT NULL THEN 'void'
        ELSE 'live'
    END AS status,
    e.event_type, e.action, e.event_id, e.event_at, e.recorded_at, s.ingested_at,
    e.step, e.disposition, e.transformation_id,
    coalesce(e.location_id, e.read_point_id) AS place_id,
    e.read_point_id,
    coalesce(p.from_location, p.from_holder, p.from_owner) AS from_id,
    coalesce(p.to_location, p.to_holder, p.to_owner) AS to_id,
    p.from_owner AS from_owner_id,
    p.to_owner AS to_owner_id,
    nullif(trim(e.lot), '') AS lot, e.expiry, e.expiry_text, e.made_on, e.zone_offset_min,
    5.0::DOUBLE
        + if(c.day IS NOT NULL, 60, 0)
        + if(e.zone_offset_min IS NULL, coalesce(u.offset_min, 720), 0) AS clock_doubt_min,
    epoch_us(e.recorded_at - e.event_at) / 3.6e9 AS lag_h,
    e.attributes
FROM placed e
LEFT JOIN firsts f ON f.record_id = e.record_id
LEFT JOIN void_content v ON v.content = coalesce(e.content_key, e.record_id::VARCHAR)
LEFT JOIN party p ON p.record_id = e.record_id
LEFT JOIN usual_offset u ON u.place_id = coalesce(e.location_id, e.read_point_id)
LEFT JOIN change_week c ON c.day = e.event_at::DATE
LEFT JOIN raw_source_file s ON s.file_id = e.file_id
