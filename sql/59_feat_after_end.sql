-- model:   feat_after_end
-- purpose: What was said of a pack after it had ended: sold, retired or destroyed, and not undone.
-- grain:   one row per pack and scanned event after its end
-- key:     unit_id, record_id
-- reads:   core_custody, core_item_event, core_lot, core_observation, core_site, raw_setting,
--          stg_verification
-- columns:
--   unit_id         core_unit
--   lot_id          core_lot
--   record_id       the later event
--   event_at        UTC
--   step            business step of the later event
--   disposition     of the later event
--   kind            how it ends the pack again: supplied, destroyed, retired; null if it does not
--   site_id         where
--   to_site_id      where it is sent, if it is
--   end_record_id   the end before it that counts
--   end_at          UTC
--   end_kind        supplied, destroyed, retired
--   end_site_id     where it ended
--   gap_h           hours since the end
--   first_here_h    hours from the end to the first word of the pack from here
--   doubt_h         hours by which the two clocks together may be wrong
--   is_same_site    at the place of the end
--   is_same_party   by the partner of the end
--   is_disposal     the pack's way out of trade: to or at a returns processor, a destruction plant
--                   or a maker; its destruction; called recalled, expired, damaged or not for
--                   sale; what the party of the end does with it before it goes that way; and all
--                   that happens to a pack that goes there in the end, unsold. Not: a dispenser
--                   sets aside a pack that another handed to a patient - it was offered for sale
--   is_onward       a retired pack's lawful way: sent by who retired it out of the EEA (told there
--                   or by the receipt abroad), by its
--                   maker to a dispenser as a sample, or to a place that nobody described; and
--                   what happens to it there
--   is_opened       one of the two says partially_dispensed
--   is_first        the pack's first event of this step at this place
--   are_dispensers  both places hand packs to patients
--   distance_km     between the two places, great circle; null where one is not on the map
--   undo_count      times the party of the end undid it later, or called the pack active or
--                   sellable again, or put it on a shelf, at whichever of its places
--   asked_back_count  times the party of the end asked about the pack after it, an hour or more
--                   before this event, and heard that it is active, or that an undo is refused
--   is_returned     it had gone back, marked as returned and in time, to the partner it came from
--   return_days     days from the end to that return; null where there was none
--   habit_units     packs ended there in this way within hours of their arrival (within a day of
--                   their shipping where no arrival is told), or that the same party handled again:
--                   the habit of ending goods as they come in; only of retired packs, and of
--                   hospitals
--   habit_share     of all packs ended there in this way, or of those whose coming is told, if more
-- caveats: Only packs with such an event are here. Inferred movements are left out: a retired pack
--   that was never taken out of its case still moves with it on paper.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'B14.return_days') AS return_days,
        max(value) FILTER (WHERE name = 'B13.goods_in_h') AS goods_in_h,
        max(value) FILTER (WHERE name = 'B13.sent_in_h') AS sent_in_h,
        max(value) FILTER (WHERE name = 'B13.shelf_h') AS shelf_h
    FROM raw_setting
),
site AS (
    SELECT
        site_id,
        coalesce(partner_id, -site_id) AS party_id,  -- unrelated unless somebody says otherwise
        role,
        nullif(upper(trim(country)), '') AS country,
        radians(latitude) AS latitude,
        radians(longitude) AS longitude
    FROM core_site
),
eea AS (
    SELECT unnest([
        'AT', 'BE', 'BG', 'CY', 'CZ', 'DE', 'DK', 'EE', 'EL', 'ES', 'FI', 'FR', 'GR', 'HR', 'HU',
        'IE', 'IS', 'IT', 'LI', 'LT', 'LU', 'LV', 'MT', 'NL', 'NO', 'PL', 'PT', 'RO', 'SE', 'SI',
        'SK'
    ]) AS country
),
concerned AS (
    SELECT DISTINCT unit_id
    FROM core_item_event
    WHERE terminal_before >= 1 AND NOT is_inferred AND NOT is_undo
),
ending AS (
    SELECT
        event.unit_id, event.record_id, event.site_id, event.event_at, site.role,
        CASE
            WHEN event.step IN ('dispensing', 'retail_selling')
                OR event.disposition IN ('dispensed', 'retail_sold') THEN 'supplied'
            WHEN event.step = 'destroying' OR event.disposition = 'destroyed' THEN 'destroyed'
            ELSE 'retired'
        END AS kind
    FROM core_item_event AS event
    LEFT JOIN site ON site.site_id = event.site_id
    WHERE event.is_terminal AND NOT event.is_inferred
),
life AS (
    SELECT
        event.*,
        ending.kind,
        site.party_id, site.role, site.country, site.latitude, site.longitude,
        row_number() OVER same_step = 1 AS is_first
    FROM core_item_event AS event
    JOIN concerned ON concerned.unit_id = event.unit_id
    LEFT JOIN ending ON ending.unit_id = event.unit_id AND ending.record_id = event.record_id
    LEFT JOIN site ON site.site_id = event.site_id
    WHERE NOT event.is_inferred
    WINDOW same_step AS (
        PARTITION BY event.unit_id, event.step, event.site_id ORDER BY event.ord
    )
),
-- The end that stands before an event: the latest one, whether or not an older one was undone.
with_end AS (
    SELECT
        life.*,
        last_value(CASE WHEN is_terminal THEN struct_pack(
            record_id := record_id, ord := ord, event_at := event_at, kind := kind,
            site_id := site_id, party_id := party_id, role := role, country := country,
            latitude := latitude, longitude := longitude,
            disposition := disposition, clock_doubt_min := clock_doubt_min
        ) END IGNORE NULLS) OVER (
            PARTITION BY unit_id ORDER BY ord ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS ended
    FROM life
),
-- Who sends where: does the pack leave the party of its end, and is that its way out of trade?
directed AS (
    SELECT
        with_end.*,
        goal.site_id AS goal_site_id,
        goal.country AS goal_country,
        goal.role AS goal_role,
        coalesce(goal.role, 'unknown') = 'unknown' AND goal.country IS NULL AS is_goal_unknown,
        coalesce(with_end.party_id = maker.party_id, FALSE) AS is_at_maker,
        kind IS NOT DISTINCT FROM 'supplied'
        OR coalesce(goal.party_id, with_end.party_id) IS DISTINCT FROM ended.party_id
        OR with_end.party_id IS DISTINCT FROM ended.party_id AS is_elsewhere,
        coalesce(
            step = 'holding' AND starts_with(disposition, 'non_sellable')
            AND ended.kind = 'supplied' AND with_end.party_id <> ended.party_id
            AND with_end.role IN ('pharmacy', 'hospital', 'clinic'),
            FALSE
        ) AS is_set_aside,
        coalesce(
            with_end.role IN ('reverse_distributor', 'destruction')
            OR goal.role IN ('reverse_distributor', 'destruction')
            OR kind = 'destroyed'
            OR disposition IN ('recalled', 'expired', 'damaged', 'disposed')
            OR starts_with(disposition, 'non_sellable')
            OR goal.party_id = maker.party_id
            OR goal.role = 'maker'
            OR (
                (with_end.party_id = maker.party_id OR with_end.role = 'maker')
                AND custody IS DISTINCT FROM 'ship'
            )
            -- Called a return, to a place of which nothing is known, and never seen again.
            OR (
                disposition = 'returned' AND custody = 'ship' AND is_goal_unknown
                AND lead(ord) OVER (PARTITION BY unit_id ORDER BY ord) IS NULL
            ),
            FALSE
        ) AS is_off
    FROM with_end
    LEFT JOIN site AS goal ON goal.site_id = with_end.to_site_id
    LEFT JOIN core_lot ON core_lot.lot_id = with_end.lot_id
    LEFT JOIN site AS maker ON maker.site_id = core_lot.maker_site_id
),
way AS (
    SELECT
        *,
        first_value(CASE WHEN is_elsewhere THEN is_off END IGNORE NULLS) OVER (
            PARTITION BY unit_id ORDER BY ord ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        ) AS leaves_off
    FROM directed
),
-- What becomes of the pack in the end: out of trade, with no sale on the way there.
outcome AS (
    SELECT
        unit_id,
        ended.record_id AS end_record_id,
        arg_max(is_off, ord) FILTER (WHERE is_elsewhere) AND NOT bool_or(coalesce(
            kind = 'supplied' OR starts_with(disposition, 'sellable')
            OR (
                custody = 'ship' AND party_id IS DISTINCT FROM ended.party_id
                AND NOT is_off AND disposition IS DISTINCT FROM 'returned'
            ),
            FALSE
        )) AS ends_off
    FROM way
    WHERE ended.record_id IS NOT NULL
    GROUP BY unit_id, ended.record_id
),
sent_on AS (
    SELECT
        unit_id,
        ended.record_id AS end_record_id,
        min(ord) AS ord,
        arg_min(if(is_told_by_receipt, site_id, goal_site_id), ord) AS site_id,
        arg_min(
            CASE WHEN is_abroad THEN if(is_told_by_receipt, country, goal_country) END, ord
        ) AS country
    FROM (
        SELECT
            way.*,
            coalesce(
                custody = 'receive' AND origin.party_id = ended.party_id
                AND way.country <> coalesce(ended.country, '') AND here.country IS NULL,
                FALSE
            ) AS is_told_by_receipt,
            is_told_by_receipt
            OR coalesce(
                goal_country <> coalesce(ended.country, '') AND there.country IS NULL, FALSE
            ) AS is_abroad
        FROM way
        LEFT JOIN site AS origin ON origin.site_id = way.from_site_id
        LEFT JOIN eea AS here ON here.country = way.country
        LEFT JOIN eea AS there ON there.country = way.goal_country
    ) AS way
    WHERE ended.kind = 'retired'
        AND (
            is_told_by_receipt
            OR (
                custody = 'ship' AND party_id = ended.party_id
                AND (
                    is_abroad OR is_goal_unknown
                    OR (is_at_maker AND goal_role IN ('pharmacy', 'hospital', 'clinic'))
                )
            )
        )
    GROUP BY unit_id, ended.record_id
),
-- An undo that came too late for the next event does not take the end back, yet somebody at the
-- party of the end said that it was an error.
call_back AS (
    SELECT unit_id, ord, party_id
    FROM with_end
    WHERE is_undo
        OR (
            terminal_before >= 1 AND party_id = ended.party_id
            AND disposition IN ('active', 'sellable_accessible', 'sellable_not_accessible')
            AND coalesce(custody, '') <> 'ship'
        )
        -- Put on the shelf where it had been booked out: it was booked out as it came in.
        OR (terminal_before >= 1 AND party_id = ended.party_id AND step IN ('storing', 'stocking'))
),
undone AS (
    SELECT standing.unit_id, standing.end_record_id, count(*) AS undo_count
    FROM (
        SELECT DISTINCT
            unit_id, ended.record_id AS end_record_id, ended.ord AS ord,
            ended.party_id AS party_id
        FROM with_end
        WHERE ended.record_id IS NOT NULL
    ) AS standing
    JOIN call_back
        ON call_back.unit_id = standing.unit_id AND call_back.ord > standing.ord
        AND coalesce(call_back.party_id = standing.party_id, TRUE)
    GROUP BY standing.unit_id, standing.end_record_id
),
-- Who had sent the pack to the party where it ended: to whom it may lawfully go back.
supply AS (
    SELECT DISTINCT
        sent.unit_id, from_site.party_id AS from_party_id, to_site.party_id AS to_party_id
    FROM core_item_event AS sent
    JOIN concerned ON concerned.unit_id = sent.unit_id
    JOIN site AS from_site ON from_site.site_id = sent.site_id
    JOIN site AS to_site ON to_site.site_id = sent.to_site_id
    WHERE sent.step = 'shipping' AND sent.terminal_before = 0
),
went_back AS (
    SELECT
        back.unit_id,
        back.ended.record_id AS end_record_id,
        min(back.ord) AS ord,
        min(epoch(back.event_at - back.ended.event_at) / 86400) AS return_days
    FROM with_end AS back
    LEFT JOIN site AS goal ON goal.site_id = back.to_site_id
    JOIN supply
        ON supply.unit_id = back.unit_id AND supply.to_party_id = back.ended.party_id
        AND supply.from_party_id = coalesce(
            CASE WHEN back.party_id = back.ended.party_id THEN goal.party_id END, back.party_id
        )
    WHERE back.terminal_before >= 1
        AND (back.disposition = 'returned' OR back.step IN ('returning', 'returns'))
    GROUP BY back.unit_id, back.ended.record_id
),
asked_back AS (
    SELECT later.unit_id, later.record_id, count(DISTINCT asked.record_id) AS asks
    FROM with_end AS later
    CROSS JOIN setting
    JOIN core_observation AS seen
        ON seen.unit_id = later.unit_id AND seen.kind = 'verification'
        AND seen.observed_at > later.ended.event_at
        AND seen.observed_at <= later.event_at - to_seconds(setting.shelf_h * 3600)
    JOIN site AS asker
        ON asker.site_id = seen.site_id AND asker.party_id = later.ended.party_id
    JOIN stg_verification AS asked
        ON asked.record_id = seen.record_id AND asked.answer_code IN ('ACTIVE', 'A24')
    WHERE later.terminal_before >= 1 AND later.ended.record_id IS NOT NULL
    GROUP BY later.unit_id, later.record_id
),
-- Places that retire a pack when it comes in, or a hospital that does so in any way.
ended_pack AS (
    SELECT
        ending.site_id, ending.kind, ending.unit_id,
        coalesce(bool_or(again.is_again), FALSE) AS is_again,
        bool_or(coming.unit_id IS NOT NULL) AS is_coming_told,
        coalesce(bool_or(
            ending.event_at BETWEEN coming.received_at
            AND coming.received_at + to_seconds(setting.goods_in_h * 3600)
            OR (
                coming.received_at IS NULL
                AND ending.event_at BETWEEN coming.shipped_at
                AND coming.shipped_at + to_seconds(setting.sent_in_h * 3600)
            )
        ), FALSE) AS is_at_goods_in
    FROM ending
    CROSS JOIN setting
    LEFT JOIN core_custody AS coming
        ON coming.unit_id = ending.unit_id AND coming.to_site_id = ending.site_id
        AND coalesce(coming.received_at, coming.shipped_at) <= ending.event_at
    LEFT JOIN (
        SELECT DISTINCT unit_id, ended.record_id AS record_id, TRUE AS is_again
        FROM with_end
        WHERE terminal_before >= 1 AND NOT is_undo
            AND party_id = ended.party_id
            AND coalesce(step, '') NOT IN ('shipping', 'departing')
    ) AS again ON again.unit_id = ending.unit_id AND again.record_id = ending.record_id
    WHERE ending.kind = 'retired' OR ending.role = 'hospital'
    GROUP BY ending.site_id, ending.kind, ending.unit_id
),
habit AS (
    SELECT
        site_id, kind,
        count(*) FILTER (WHERE is_again OR is_at_goods_in) AS units,
        greatest(
            count(*) FILTER (WHERE is_again OR is_at_goods_in) / count(*),
            count(*) FILTER (WHERE is_at_goods_in)
            / nullif(count(*) FILTER (WHERE is_coming_told), 0)
        ) AS share
    FROM ended_pack
    GROUP BY site_id, kind
)
SELECT
    later.unit_id,
    later.lot_id,
    later.record_id,
    later.event_at,
    later.step,
    later.disposition,
    later.kind,
    later.site_id,
    later.to_site_id,
    later.ended.record_id AS end_record_id,
    later.ended.event_at AS end_at,
    later.ended.kind AS end_kind,
    later.ended.site_id AS end_site_id,
    epoch(later.event_at - later.ended.event_at) / 3600 AS gap_h,
    min(epoch(later.event_at - later.ended.event_at) / 3600) OVER (
        PARTITION BY later.unit_id, later.ended.record_id, later.site_id
    ) AS first_here_h,
    (later.clock_doubt_min + later.ended.clock_doubt_min) / 60 AS doubt_h,
    coalesce(later.site_id = later.ended.site_id, FALSE) AS is_same_site,
    coalesce(later.party_id = later.ended.party_id, FALSE) AS is_same_party,
    NOT later.is_set_aside AND (
        later.is_off
        OR (
            NOT later.is_elsewhere
            AND coalesce(later.leaves_off, later.disposition = 'returned', FALSE)
        )
        OR coalesce(outcome.ends_off, FALSE)
    ) AS is_disposal,
    coalesce(
        later.ord = sent_on.ord
        OR (
            later.ord > sent_on.ord
            AND (
                later.country = sent_on.country
                OR (later.kind IS NULL AND later.site_id = sent_on.site_id)
            )
        ),
        FALSE
    ) AS is_onward,
    coalesce(
        later.disposition = 'partially_dispensed'
        OR later.ended.disposition = 'partially_dispensed',
        FALSE
    ) AS is_opened,
    later.is_first,
    coalesce(
        later.role IN ('pharmacy', 'hospital', 'clinic')
        AND later.ended.role IN ('pharmacy', 'hospital', 'clinic'),
        FALSE
    ) AS are_dispensers,
    -- least passes over a null: a place without coordinates must not lie at the antipodes.
    CASE
        WHEN later.latitude + later.longitude + later.ended.latitude + later.ended.longitude
            IS NOT NULL
            THEN 2 * 6371 * asin(least(1, sqrt(
                pow(sin((later.latitude - later.ended.latitude) / 2), 2)
                + cos(later.latitude) * cos(later.ended.latitude)
                * pow(sin((later.longitude - later.ended.longitude) / 2), 2)
            )))
    END AS distance_km,
    coalesce(undone.undo_count, 0) AS undo_count,
    coalesce(asked_back.asks, 0) AS asked_back_count,
    coalesce(went_back.return_days <= setting.return_days AND later.ord >= went_back.ord, FALSE)
    AS is_returned,
    went_back.return_days,
    coalesce(habit.units, 0) AS habit_units,
    habit.share AS habit_share
FROM way AS later
CROSS JOIN setting
LEFT JOIN outcome
    ON outcome.unit_id = later.unit_id AND outcome.end_record_id = later.ended.record_id
LEFT JOIN sent_on
    ON sent_on.unit_id = later.unit_id AND sent_on.end_record_id = later.ended.record_id
LEFT JOIN went_back
    ON went_back.unit_id = later.unit_id AND went_back.end_record_id = later.ended.record_id
LEFT JOIN undone
    ON undone.unit_id = later.unit_id AND undone.end_record_id = later.ended.record_id
LEFT JOIN asked_back
    ON asked_back.unit_id = later.unit_id AND asked_back.record_id = later.record_id
LEFT JOIN habit
    ON habit.site_id = later.ended.site_id AND habit.kind = later.ended.kind
WHERE later.terminal_before >= 1 AND NOT later.is_undo AND later.ended.record_id IS NOT NULL
ORDER BY later.unit_id, later.ord
