-- model:   evid_lot_news
-- purpose: What came in about each lot since the run before: withdrawn, late, or simply new.
-- grain:   one row per lot and kind of news
-- key:     gtin, lot, kind
-- reads:   core_item_event, core_link, core_lot, core_movement, core_observation, core_unit,
--   raw_event, raw_event_item, raw_identifier, raw_judged_run, raw_run, raw_setting,
--   raw_source_file, stg_event, stg_lot_master, stg_recall, stg_record, stg_theft_notice
-- columns:
--   gtin        GTIN-14 of the lot
--   lot         as stated
--   kind        correction (records withdrawn since), late_upload (landed since, about what happened
--               well before the earlier run), new_events (anything else landed since)
--   records     how many
--   record_ids  the first 20: of corrections the records withdrawn, not the declarations
--   event_ids   their ids, of those that have one
-- caveats: Empty in a first run. Late means more than lot_change.late_h hours before the earlier run
--   judged: what is younger comes in every night. A list row without a time counts as new.
WITH RECURSIVE run AS (
    SELECT run_id
    FROM raw_run
    ORDER BY status = 'running' DESC, as_of DESC, run_id
    LIMIT 1
),
before AS (
    SELECT
        b.last_file_id,
        b.as_of - to_hours((SELECT max(value) FROM raw_setting WHERE name = 'lot_change.late_h')::INT)
            AS late_before
    FROM raw_judged_run AS n
    JOIN run ON run.run_id = n.run_id
    JOIN raw_judged_run AS b ON b.run_id = n.before_run_id
),
fresh AS (  -- files are numbered as they land, and their records with them
    SELECT min(f.first_record_id) AS first_record_id
    FROM raw_source_file AS f
    JOIN before ON f.file_id > before.last_file_id
),
told AS (
    SELECT i.lot_id, i.record_id
    FROM core_item_event AS i
    JOIN fresh ON i.record_id >= fresh.first_record_id
    UNION
    SELECT o.lot_id, o.record_id
    FROM core_observation AS o
    JOIN fresh ON o.record_id >= fresh.first_record_id
    UNION
    SELECT m.lot_id, m.ship_record_id
    FROM core_movement AS m
    JOIN fresh ON m.ship_record_id >= fresh.first_record_id
    UNION
    SELECT m.lot_id, m.receive_record_id
    FROM core_movement AS m
    JOIN fresh ON m.receive_record_id >= fresh.first_record_id
),
listed AS (
    SELECT gtin, lot, record_id FROM stg_recall
    UNION ALL SELECT gtin, lot, record_id FROM stg_theft_notice
    UNION ALL SELECT gtin, lot, record_id FROM stg_lot_master
),
arrived AS (
    SELECT l.gtin, l.lot, told.record_id
    FROM told
    JOIN core_lot AS l ON l.lot_id = told.lot_id
    UNION
    SELECT l.gtin, l.lot, listed.record_id
    FROM listed
    JOIN fresh ON listed.record_id >= fresh.first_record_id
    JOIN core_lot AS l ON l.gtin = listed.gtin AND l.lot = coalesce(listed.lot, l.lot)
),
declared AS (
    SELECT d.event_id, d.content_key, min(d.file_id) AS file_id
    FROM raw_event AS d
    WHERE d.is_declaration
    GROUP BY d.event_id, d.content_key
),
void AS (
    SELECT e.record_id, e.event_id, e.content_key
    FROM stg_event AS s
    JOIN raw_event AS e ON e.record_id = s.record_id
    JOIN before ON s.file_id <= before.last_file_id
    WHERE s.status = 'void'
),
withdrawn AS (
    SELECT void.record_id
    FROM void
    JOIN declared AS d
        ON (d.event_id = void.event_id) IS TRUE OR (d.content_key = void.content_key) IS TRUE
    CROSS JOIN before
    GROUP BY void.record_id, before.last_file_id
    HAVING min(d.file_id) > before.last_file_id
),
lost AS (
    SELECT
        withdrawn.record_id, t.epc_id, t.scheme, t.gtin,
        coalesce(nullif(trim(t.lot), ''), nullif(trim(e.lot), '')) AS lot
    FROM withdrawn
    JOIN raw_event AS e ON e.record_id = withdrawn.record_id
    JOIN raw_event_item AS i ON i.record_id = withdrawn.record_id
    JOIN raw_identifier AS t ON t.text_id = i.epc
),
inside AS (  -- what was ever in the containers that a withdrawn record names
    SELECT record_id, epc_id FROM lost
    UNION
    SELECT inside.record_id, core_link.child_id
    FROM inside
    JOIN core_link ON core_link.parent_id = inside.epc_id
),
taken AS (
    SELECT l.gtin, l.lot, inside.record_id
    FROM inside
    JOIN core_unit AS u ON u.unit_id = inside.epc_id
    JOIN core_lot AS l ON l.lot_id = u.lot_id
    UNION
    SELECT lost.gtin, coalesce(lost.lot, '(unstated)'), lost.record_id
    FROM lost
    ANTI JOIN core_unit AS u ON u.unit_id = lost.epc_id
    WHERE lost.gtin IS NOT NULL
),
news AS (
    SELECT gtin, lot, record_id, 'correction' AS kind FROM taken
    UNION ALL
    SELECT
        arrived.gtin, arrived.lot, arrived.record_id,
        CASE WHEN record.event_at < before.late_before THEN 'late_upload' ELSE 'new_events' END
    FROM arrived
    JOIN stg_record AS record ON record.record_id = arrived.record_id
    CROSS JOIN before
)
SELECT
    news.gtin, news.lot, news.kind,
    count(*) AS records,
    list_slice(list(news.record_id ORDER BY news.record_id), 1, 20) AS record_ids,
    list_slice(
        list(r.event_id ORDER BY news.record_id) FILTER (WHERE r.event_id IS NOT NULL), 1, 20
    ) AS event_ids
FROM news
JOIN stg_record AS r ON r.record_id = news.record_id
GROUP BY news.gtin, news.lot, news.kind
ORDER BY news.gtin, news.lot, news.kind
