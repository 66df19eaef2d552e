-- model:   suppression
-- purpose: Who set which findings aside, when, why, until when, and what it covers.
-- grain:   one row per suppression
-- key:     suppression_id
-- kind:    view
-- reads:   find_finding, raw_suppression, stg_clock
-- columns:
--   suppression_id  1, 2, 3 in the order of entry, with gaps where one was ended
--   state           valid, ended (by a person), expired or planned, at the moment judged from
--   pattern         P01 to P40
--   site_gln        only findings that name this place; null: any
--   gtin            only of this product; null: any
--   lot             only of this lot; null: any
--   reason          in the person's words
--   suppressed_by   who
--   suppressed_at   UTC
--   until_on        last day, UTC
--   end_reason      why it was ended early; null where it was not
--   ended_by        who ended it
--   ended_at        UTC
--   findings        of the latest run that it covers, whether set aside or still standing
--   lots            distinct lots of these
-- caveats: A suppression made after the run shows what it will cover; a finding that two cover
--   counts for both.
WITH begun AS (
    SELECT *
    FROM raw_suppression
    WHERE act = 'begin'
),
ended AS (
    SELECT suppression_id, arg_min(struct_pack(reason, acted_by, acted_at), entry_no) AS how
    FROM raw_suppression
    WHERE act = 'end'
    GROUP BY suppression_id
),
covered AS (
    SELECT
        begun.suppression_id,
        count(*) AS findings,
        count(DISTINCT found.lot_id) AS lots
    FROM begun
    JOIN find_finding AS found
        ON
            found.pattern = begun.pattern
            AND (begun.site_gln IS NULL OR begun.site_gln IN (found.site_gln, found.other_gln))
            AND (begun.gtin IS NULL OR begun.gtin = found.gtin)
            AND (begun.lot IS NULL OR begun.lot = found.lot)
    WHERE found.status IN ('stands', 'suppressed')
    GROUP BY begun.suppression_id
)
SELECT
    begun.suppression_id,
    CASE
        WHEN begun.acted_at > stg_clock.as_of THEN 'planned'
        WHEN ended.how.acted_at <= stg_clock.as_of THEN 'ended'
        WHEN begun.until_on < stg_clock.as_of::DATE THEN 'expired'
        ELSE 'valid'
    END AS state,
    begun.pattern, begun.site_gln, begun.gtin, begun.lot, begun.reason,
    begun.acted_by AS suppressed_by,
    begun.acted_at AS suppressed_at,
    begun.until_on,
    ended.how.reason AS end_reason,
    ended.how.acted_by AS ended_by,
    ended.how.acted_at AS ended_at,
    coalesce(covered.findings, 0) AS findings,
    coalesce(covered.lots, 0) AS lots
FROM begun
CROSS JOIN stg_clock
LEFT JOIN ended ON ended.suppression_id = begun.suppression_id
LEFT JOIN covered ON covered.suppression_id = begun.suppression_id
ORDER BY begun.suppression_id
