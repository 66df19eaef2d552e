-- model:   feat_handover
-- purpose: How completely each site tells what leaves it and what comes to it, seen by packs that
--   were met at the next site: what its feed loses.
-- grain:   one row per site and lot that it traded, or of which a pack came from or went on to
--   another site
-- key:     site_id, lot_id
-- reads:   core_event, core_item_event, core_movement, raw_setting
-- columns:
--   site_id                  core_site
--   lot_id                   core_lot
--   left_units               packs of the lot that were next met at another site
--   left_untold_units        of which without a shipping from here before it
--   came_units               packs of the lot last met at another site
--   came_untold_units        of which the first word from here is no receiving
--   other_left_untold_lots   other lots of which the site left a departure untold
--   other_left_untold_share  of the packs of other lots that were next met elsewhere
--   other_came_untold_lots   other lots of which the site left an arrival untold
--   other_came_untold_share  of the packs of other lots last met elsewhere
--   is_departure_leaky       so many departures of other lots are untold, in so many lots, or much
--                            of each of the few that there are, that the absence of one proves
--                            nothing
--   is_arrival_leaky         the same of arrivals
--   came_from_leaky_units    packs of the lot last known at, or on their way to, another site whose
--                            departures are leaky
-- caveats: A pack carried off in secret is an untold departure too: therefore the lot in question is
--   left out of what its site is held to lose.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'feed.leak_share') AS leak_share,
        max(value) FILTER (WHERE name = 'feed.leak_lots') AS leak_lots,
        max(value) FILTER (WHERE name = 'feed.few_lots') AS few_lots,
        max(value) FILTER (WHERE name = 'feed.few_share') AS few_share
    FROM raw_setting
),
handover AS (
    SELECT
        item.lot_id, item.prev_site_id AS from_site_id, item.site_id AS to_site_id,
        -- Where the pack was last known, or on its way to.
        if(before.custody = 'ship', coalesce(before.to_site_id, before.site_id), before.site_id)
            AS known_site_id,
        coalesce(before.custody = 'ship', false) AS is_departure_told,
        coalesce(item.custody = 'receive', false) AS is_arrival_told
    FROM core_item_event AS item
    JOIN core_event AS before ON item.prev_record_id = before.record_id
    WHERE item.site_id <> item.prev_site_id
),
side AS (
    SELECT
        from_site_id AS site_id, lot_id,
        count(*) AS left_units, count(*) FILTER (WHERE NOT is_departure_told) AS left_untold_units,
        0 AS came_units, 0 AS came_untold_units
    FROM handover
    GROUP BY ALL
    UNION ALL
    SELECT
        to_site_id, lot_id, 0, 0,
        count(*), count(*) FILTER (WHERE NOT is_arrival_told)
    FROM handover
    GROUP BY ALL
    UNION ALL
    SELECT DISTINCT unnest([from_site_id, to_site_id]) AS site_id, lot_id, 0, 0, 0, 0
    FROM core_movement
),
per_lot AS (
    SELECT
        site_id, lot_id,
        sum(left_units)::BIGINT AS left_units, sum(left_untold_units)::BIGINT AS left_untold_units,
        sum(came_units)::BIGINT AS came_units, sum(came_untold_units)::BIGINT AS came_untold_units
    FROM side
    WHERE site_id IS NOT NULL
    GROUP BY site_id, lot_id
),
with_others AS (
    SELECT
        *,
        sum(left_units) OVER site - left_units AS other_left,
        sum(left_untold_units) OVER site - left_untold_units AS other_left_untold,
        sum((left_untold_units > 0)::INTEGER) OVER site - (left_untold_units > 0)::INTEGER
            AS other_left_untold_lots,
        sum((left_units > 0)::INTEGER) OVER site - (left_units > 0)::INTEGER AS other_left_lots,
        sum(came_units) OVER site - came_units AS other_came,
        sum(came_untold_units) OVER site - came_untold_units AS other_came_untold,
        sum((came_untold_units > 0)::INTEGER) OVER site - (came_untold_units > 0)::INTEGER
            AS other_came_untold_lots
    FROM per_lot
    WINDOW site AS (PARTITION BY site_id)
),
judged AS (
    SELECT
        site_id, lot_id, left_units, left_untold_units, came_units, came_untold_units,
        other_left_untold_lots::BIGINT AS other_left_untold_lots,
        if(other_left > 0, other_left_untold / other_left, 0) AS other_left_untold_share,
        other_came_untold_lots::BIGINT AS other_came_untold_lots,
        if(other_came > 0, other_came_untold / other_came, 0) AS other_came_untold_share,
        other_left_untold >= leak_share * greatest(other_left, 1)
        AND (
            other_left_untold_lots >= leak_lots
            -- A place that trades few lots: every other one, and much of each.
            OR (
                other_left_untold_lots = other_left_lots
                AND other_left_untold_lots >= few_lots
                AND other_left_untold >= few_share * other_left
            )
        ) AS is_departure_leaky,
        other_came_untold_lots >= leak_lots
        AND other_came_untold >= leak_share * greatest(other_came, 1) AS is_arrival_leaky
    FROM with_others
    CROSS JOIN setting
),
from_leaky AS (
    SELECT handover.lot_id, handover.to_site_id AS site_id, count(*) AS units
    FROM handover
    JOIN judged
        ON judged.site_id = handover.known_site_id AND judged.lot_id = handover.lot_id
        AND judged.is_departure_leaky
    WHERE handover.known_site_id <> handover.to_site_id
    GROUP BY handover.lot_id, handover.to_site_id
)
SELECT judged.*, coalesce(from_leaky.units, 0) AS came_from_leaky_units
FROM judged
LEFT JOIN from_leaky
    ON from_leaky.site_id = judged.site_id AND from_leaky.lot_id = judged.lot_id
ORDER BY judged.site_id, judged.lot_id
