-- The lots that are over at a moment and that nobody has a question about. Over: every pack of it was
-- sold, destroyed, taken out of use or used up, or its expiry lies $expired_days back; and nothing was
-- recorded of it for $quiet_days. A lot on which a finding stands or is set aside, that a detector
-- watches, that is recalled or stolen from, that is suspect or illegitimate by decision or waits for a
-- second signature, or that a suppression names, is not over.
CREATE OR REPLACE TEMP TABLE closed_lot AS
WITH pack AS (
    SELECT
        unit_id,
        count(*) AS events,
        max(recorded_at) AS recorded_at,
        arg_max(terminal_before + is_terminal::INTEGER - is_undo::INTEGER, ord) > 0
        OR bool_or(is_consumed) AS is_ended
    FROM core_item_event
    GROUP BY unit_id
),
told AS (
    SELECT
        unit.lot_id,
        count(*) AS packs,
        sum(pack.events)::BIGINT AS events,
        max(pack.recorded_at) AS recorded_at,
        bool_and(coalesce(pack.is_ended, false)) AS is_ended
    FROM core_unit AS unit
    LEFT JOIN pack ON pack.unit_id = unit.unit_id
    GROUP BY unit.lot_id
),
in_question AS (
    SELECT lot.lot_id
    FROM core_lot AS lot
    JOIN stg_recall AS recall
        ON recall.gtin = lot.gtin AND coalesce(recall.lot, lot.lot) = lot.lot
    UNION ALL
    SELECT lot_id FROM core_theft WHERE lot_id IS NOT NULL
    UNION ALL
    SELECT lot.lot_id
    FROM core_lot AS lot
    JOIN find_decision AS decision ON decision.gtin = lot.gtin AND decision.lot = lot.lot
    WHERE decision.state = 'proposed' OR (decision.is_latest AND decision.outcome <> 'cleared')
    UNION ALL
    SELECT lot.lot_id
    FROM core_lot AS lot
    JOIN find_suppression AS suppression
        ON suppression.gtin = lot.gtin AND suppression.lot = lot.lot
)
SELECT
    lot.lot_id, lot.gtin, lot.lot, year(lot.last_at)::INTEGER AS year, told.packs, told.events,
    lot.expiry, lot.last_at
FROM told
JOIN core_lot AS lot ON lot.lot_id = told.lot_id
JOIN lot_risk AS risk ON risk.gtin = lot.gtin AND risk.lot = lot.lot
ANTI JOIN in_question ON in_question.lot_id = lot.lot_id
WHERE
    lot.lot <> '(unstated)'
    AND told.events > 0
    AND (told.is_ended OR lot.expiry + $expired_days::INTEGER < $as_of::DATE)
    AND greatest(lot.last_at, told.recorded_at) < $as_of::TIMESTAMP - to_days($quiet_days::INTEGER)
    AND risk.tier = 'clear'
    AND risk.findings_standing = 0
    AND risk.findings_suppressed = 0
