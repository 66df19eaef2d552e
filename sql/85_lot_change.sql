-- model:   lot_change
-- purpose: What is otherwise than in the run before, from what to what, and because of what.
-- grain:   one row per lot whose judgement differs, or whose decision lost records it rested on
-- key:     gtin, lot
-- reads:   evid_lot_news, lot_risk, raw_case_act, raw_decision, raw_judged_run, raw_lot_judgement,
--   raw_run
-- columns:
--   gtin                        GTIN-14
--   lot                         as stated
--   run_before                  the run published before
--   run_now                     this run
--   tier_before                 hold, investigate, watch, clear; null: the lot is new
--   tier                        now; null: the data knows the lot no more
--   top_pattern_before          gravest pattern that stood
--   top_pattern                 gravest pattern that stands
--   findings_standing_before    count
--   findings_standing           count
--   findings_explained_before   count
--   findings_explained          count
--   findings_suppressed_before  count
--   findings_suppressed         count
--   changes                     new, risen, fallen, explained, suppressed, closed, changed (only the
--                               gravest pattern is another), reopened
--   is_reopened                 corrected or late records touched it, or it changed after a decision
--   decision_id                 the latest decision on the lot, made before this run and not
--                               withdrawn by then; null: none
--   causes                      correction, late_upload, new_events, settings, suppression,
--                               decision (made, signed or withdrawn), elsewhere (records of other
--                               lots, partners or lists), time (nothing but the clock)
--   records                     of the causes correction, late_upload and new_events
--   record_ids                  the first 20 of the gravest such cause
--   event_ids                   their ids, of those that have one
-- caveats: Empty in a first run, and where nothing changed. Causes are what happened to the lot in
--   between, not a proof that each moved it. New explained findings and open questions alone are no
--   change.
WITH run AS (
    SELECT run_id
    FROM raw_run
    ORDER BY status = 'running' DESC, as_of DESC, run_id
    LIMIT 1
),
pair AS (
    SELECT
        n.run_id AS run_now,
        b.run_id AS run_before,
        n.as_of,
        b.as_of AS as_of_before,
        n.settings_sha256 <> b.settings_sha256 OR n.rules_sha256 <> b.rules_sha256 AS is_retuned,
        n.last_file_id > b.last_file_id AS has_files,
        b.last_decision_id
    FROM raw_judged_run AS n
    JOIN run ON run.run_id = n.run_id
    JOIN raw_judged_run AS b ON b.run_id = n.before_run_id
),
rank (tier, grade) AS (
    VALUES ('hold', 3), ('investigate', 2), ('watch', 1), ('clear', 0)
),
old AS (
    SELECT j.*, rank.grade
    FROM raw_lot_judgement AS j
    JOIN pair ON pair.run_before = j.run_id
    JOIN rank ON rank.tier = j.tier
),
young AS (
    SELECT lot_risk.*, rank.grade
    FROM lot_risk
    JOIN rank ON rank.tier = lot_risk.tier
    WHERE EXISTS (SELECT 1 FROM pair)
),
decided AS (
    SELECT d.gtin, d.lot, max(d.decision_id) AS decision_id
    FROM raw_decision AS d
    JOIN pair ON d.decided_at <= pair.as_of
    WHERE NOT EXISTS (
        SELECT 1
        FROM raw_case_act AS act
        WHERE
            act.decision_id = d.decision_id
            AND act.act = 'withdrawn'
            AND act.acted_at <= pair.as_of
    )
    GROUP BY d.gtin, d.lot
),
acted AS (
    SELECT DISTINCT d.gtin, d.lot
    FROM raw_case_act AS act
    JOIN pair ON act.acted_at > pair.as_of_before AND act.acted_at <= pair.as_of
    JOIN raw_decision AS d ON d.decision_id = act.decision_id
    WHERE act.act IN ('second', 'withdrawn')
),
news AS (
    SELECT
        gtin, lot,
        list(kind) AS kinds,
        sum(records)::BIGINT AS records,
        arg_min(
            struct_pack(record_ids := record_ids, event_ids := event_ids),
            CASE kind WHEN 'correction' THEN 1 WHEN 'late_upload' THEN 2 ELSE 3 END
        ) AS gravest
    FROM evid_lot_news
    GROUP BY gtin, lot
),
compared AS (
    SELECT
        coalesce(young.gtin, old.gtin) AS gtin,
        coalesce(young.lot, old.lot) AS lot,
        old.tier AS tier_before,
        young.tier,
        old.top_pattern AS top_pattern_before,
        young.top_pattern,
        coalesce(old.findings_standing, 0) AS findings_standing_before,
        coalesce(young.findings_standing, 0) AS findings_standing,
        coalesce(old.findings_explained, 0) AS findings_explained_before,
        coalesce(young.findings_explained, 0) AS findings_explained,
        coalesce(old.findings_suppressed, 0) AS findings_suppressed_before,
        coalesce(young.findings_suppressed, 0) AS findings_suppressed,
        coalesce(old.grade, 0) AS grade_before,
        coalesce(young.grade, 0) AS grade
    FROM old
    FULL JOIN young ON young.gtin = old.gtin AND young.lot = old.lot
),
caused AS (
    SELECT
        compared.*, pair.run_before, pair.run_now, decided.decision_id,
        coalesce(news.records, 0) AS records,
        coalesce(news.gravest.record_ids, []) AS record_ids,
        coalesce(news.gravest.event_ids, []) AS event_ids,
        tier_before IS DISTINCT FROM tier AND (tier_before IS NOT NULL OR grade > 0)
            AND (tier IS NOT NULL OR grade_before > 0)
        OR top_pattern_before IS DISTINCT FROM top_pattern
        OR findings_standing_before <> findings_standing
        OR findings_suppressed_before <> findings_suppressed AS has_changed,
        list_filter([
            CASE WHEN list_contains(news.kinds, 'correction') THEN 'correction' END,
            CASE WHEN list_contains(news.kinds, 'late_upload') THEN 'late_upload' END,
            CASE WHEN list_contains(news.kinds, 'new_events') THEN 'new_events' END,
            CASE WHEN pair.is_retuned THEN 'settings' END,
            CASE WHEN findings_suppressed_before <> findings_suppressed THEN 'suppression' END,
            CASE
                WHEN decided.decision_id > pair.last_decision_id OR acted.lot IS NOT NULL
                    THEN 'decision'
            END
        ], lambda cause: cause IS NOT NULL) AS known_causes,
        pair.has_files
    FROM compared
    CROSS JOIN pair
    LEFT JOIN decided ON decided.gtin = compared.gtin AND decided.lot = compared.lot
    LEFT JOIN acted ON acted.gtin = compared.gtin AND acted.lot = compared.lot
    LEFT JOIN news ON news.gtin = compared.gtin AND news.lot = compared.lot
),
judged AS (
    SELECT
        *,
        CASE
            WHEN len(known_causes) > 0 THEN known_causes
            WHEN has_files THEN ['elsewhere']
            ELSE ['time']
        END AS causes,
        tier_before IS NOT NULL AND (
            list_has_any(known_causes, ['correction', 'late_upload'])
            -- A person's own act does not open the lot again; whatever else moved it does.
            OR decision_id IS NOT NULL AND (
                len(known_causes) = 0
                OR list_has_any(known_causes, ['new_events', 'settings'])
            )
        ) AS is_reopened
    FROM caused
    WHERE has_changed OR (decision_id IS NOT NULL AND list_contains(known_causes, 'correction'))
),
worded AS (
    SELECT
        *,
        list_filter([
            CASE WHEN tier_before IS NULL THEN 'new' END,
            CASE
                WHEN tier_before IS NULL THEN NULL
                WHEN (grade, findings_standing) > (grade_before, findings_standing_before)
                    THEN 'risen'
                WHEN (grade, findings_standing) < (grade_before, findings_standing_before)
                    THEN 'fallen'
            END,
            CASE
                WHEN findings_standing < findings_standing_before
                    AND findings_explained > findings_explained_before
                    THEN 'explained'
            END,
            CASE WHEN findings_suppressed > findings_suppressed_before THEN 'suppressed' END,
            CASE WHEN grade_before > 0 AND grade = 0 THEN 'closed' END
        ], lambda change: change IS NOT NULL) AS known_changes
    FROM judged
)
SELECT
    gtin, lot, run_before, run_now, tier_before, tier, top_pattern_before, top_pattern,
    findings_standing_before, findings_standing, findings_explained_before, findings_explained,
    findings_suppressed_before, findings_suppressed,
    CASE WHEN len(known_changes) > 0 OR NOT has_changed THEN known_changes ELSE ['changed'] END
    || CASE WHEN is_reopened THEN ['reopened'] ELSE [] END AS changes,
    is_reopened, decision_id, causes, records, record_ids, event_ids
FROM worded
ORDER BY greatest(grade, grade_before) DESC, gtin, lot
