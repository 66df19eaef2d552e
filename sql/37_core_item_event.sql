-- model:   core_item_event
-- purpose: The history of every pack: what named it, and what happened to the containers it was in.
-- grain:   one row per pack and live event
-- key:     unit_id, ord
-- parts:   lot
-- reads:   core_event, core_item_step
-- columns:
--   unit_id             core_unit
--   lot_id              core_lot
--   record_id           of the event
--   ord                 core_event: one order over all events
--   event_at            UTC
--   recorded_at         UTC; null where not recorded
--   event_type          ObjectEvent, AggregationEvent, ...
--   action              ADD, OBSERVE, DELETE; null for transformations
--   step                bizStep as a bare word
--   disposition         as a bare word
--   site_id             core_site; null where no place was stated
--   from_site_id        stated source
--   to_site_id          stated destination
--   from_owner_site_id  stated owner before
--   to_owner_site_id    stated owner after
--   is_inferred         nobody scanned the pack: its container was named
--   container_id        the container it was in, for inferred rows; null where named itself
--   clock_doubt_min     minutes by which event_at may be wrong
--   is_terminal         sold to a patient, destroyed or taken out of use here
--   terminal_before     such events of the pack before this one, those taken back not counted
--   is_undo             takes the end before it back: by an undoing step, or by calling the scanned
--                       pack active or sellable at the place where it ended, without moving it
--   prev_record_id      the pack's event before this one
--   prev_at             UTC
--   prev_site_id        core_site
--   prev_step           bizStep
--   prev_is_inferred    nobody scanned the pack then
--   custody             ship, receive, void or null
--   is_birth            commissioned or made here
--   is_consumed         used up by a transformation here
--   lag_h               hours from event_at to recorded_at
-- caveats: An inferred row is only as true as the packing that was reported. Where an event names
--   both a pack and its container, the pack counts as named. Taking a container's own label out of
--   use does not end what is in it.
WITH lived AS (
    SELECT
        *,
        lag(ord) OVER life AS prev_ord,
        lag(is_inferred) OVER life AS prev_is_inferred,
        sum(is_terminal::INTEGER) OVER life - is_terminal::INTEGER AS ended_before
    FROM core_item_step
    WINDOW life AS (PARTITION BY unit_id ORDER BY ord)
),
-- Few packs are called active or undone after an end; only they need the walk.
taken_back AS (
    SELECT
        s.unit_id, s.ord, s.is_terminal,
        s.is_undo OR (
            s.is_put_back
            AND last_value(CASE WHEN s.is_terminal THEN e.site_id END IGNORE NULLS) OVER (
                PARTITION BY s.unit_id ORDER BY s.ord
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) IS NOT DISTINCT FROM e.site_id
        ) AS is_undo
    FROM core_item_step s
    JOIN core_event e ON e.ord = s.ord
    SEMI JOIN (
        SELECT unit_id
        FROM core_item_step
        WHERE is_terminal OR is_undo OR is_put_back
        GROUP BY unit_id
        HAVING min(ord) FILTER (WHERE is_terminal)
            < max(ord) FILTER (WHERE is_undo OR is_put_back)
    ) concerned ON concerned.unit_id = s.unit_id
),
-- An undo takes one end back, if there is one: a walk that cannot fall below nothing.
walk AS (
    SELECT
        unit_id, ord, is_undo,
        sum(is_terminal::INTEGER - is_undo::INTEGER) OVER (PARTITION BY unit_id ORDER BY ord)
            AS level
    FROM taken_back
),
standing AS (
    SELECT
        unit_id, ord, is_undo,
        level - least(0, min(level) OVER (PARTITION BY unit_id ORDER BY ord)) AS ended_after
    FROM walk
),
undone AS (
    SELECT
        unit_id, ord, is_undo,
        lag(ended_after, 1, 0) OVER (PARTITION BY unit_id ORDER BY ord) AS ended_before
    FROM standing
),
settled AS (
    SELECT
        l.unit_id, l.lot_id, l.ord, l.is_inferred, l.container_id, l.is_terminal, l.is_birth,
        l.is_consumed, l.prev_ord, l.prev_is_inferred,
        coalesce(u.ended_before, l.ended_before)::INTEGER AS terminal_before,
        coalesce(u.is_undo AND u.ended_before > 0, false) AS is_undo
    FROM lived l
    LEFT JOIN undone u ON u.unit_id = l.unit_id AND u.ord = l.ord
    ORDER BY l.lot_id, l.unit_id, l.ord
)
SELECT
    i.unit_id, i.lot_id, e.record_id, i.ord, e.event_at, e.recorded_at, e.event_type, e.action,
    e.step, e.disposition, e.site_id, e.from_site_id, e.to_site_id, e.from_owner_site_id,
    e.to_owner_site_id, i.is_inferred, i.container_id, e.clock_doubt_min, i.is_terminal,
    i.terminal_before, i.is_undo,
    p.record_id AS prev_record_id, p.event_at AS prev_at, p.site_id AS prev_site_id,
    p.step AS prev_step, i.prev_is_inferred,
    e.custody, i.is_birth, i.is_consumed, e.lag_h
FROM settled i
JOIN core_event e ON e.ord = i.ord
LEFT JOIN core_event p ON p.ord = i.prev_ord
