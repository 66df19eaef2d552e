-- model:   find_suppression
-- purpose: What people set aside and for how long, as this run must respect it.
-- grain:   one row per suppression valid at the moment judged from
-- key:     suppression_id
-- reads:   raw_suppression, stg_clock
-- columns:
--   suppression_id  the entry that began it
--   pattern         P01 to P40
--   site_gln        only findings that name this place; null: any
--   gtin            only of this product; null: any
--   lot             only of this lot; null: any
--   until_on        last day, UTC
--   reason          in the person's words
--   suppressed_by   who
--   suppressed_at   UTC
-- caveats: Valid from the moment it was made to the end of its last day, unless ended before; what
--   was made or ended after the moment judged from is not known yet.
SELECT
    b.suppression_id, b.pattern, b.site_gln, b.gtin, b.lot, b.until_on, b.reason,
    b.acted_by AS suppressed_by, b.acted_at AS suppressed_at
FROM raw_suppression AS b
CROSS JOIN stg_clock
WHERE
    b.act = 'begin' AND b.acted_at <= stg_clock.as_of AND b.until_on >= stg_clock.as_of::DATE
    AND NOT EXISTS (
        SELECT 1
        FROM raw_suppression AS e
        WHERE
            e.act = 'end' AND e.suppression_id = b.suppression_id AND e.acted_at <= stg_clock.as_of
    )
ORDER BY b.suppression_id
