-- model:   feat_journey
-- purpose: Legs of a pack that its data does not account for: how likely they are if it is one pack
--   that was not read on its way, and if they are two packs of one serial.
-- grain:   one row per leg (feat_leg) over P01's distance that is too fast, rushed, or not a lane
-- key:     unit_id, to_record_id
-- reads:   core_item_event, core_observation, core_site, feat_after_end, feat_lane, feat_leg,
--   feat_passage, feat_site_clock, graph_edge, raw_setting
-- columns:
--   unit_id              core_unit
--   to_record_id         the later scan
--   silent_h             hours between the last record of the pack at the first place, or of its
--                        container there, and the later scan; the doubt of both clocks added, and
--                        what a constant error of a clock (feat_site_clock) took off
--   sent_to_site_id      where it was sent by that last record; null where it was not sent
--   is_ended             the earlier scan sold, retired or destroyed the pack
--   path_site_ids        places that the likeliest way led through, unread; empty: straight there
--   missed_reads         of them
--   in_time_log10        chance that goods on that way are there so soon, as power of ten
--   one_pack_log10       chance that one pack, unread on its way, is read at the second place next
--   two_packs_log10      chance that a copy is read there of all places
-- caveats: Packs whose container was on record elsewhere between the two scans are not here, unless
--   they were too fast. Time beyond what the way takes says nothing for or against: goods lie in stock. At most
--   two places in between. Lanes of sites that hardly traded borrow from their roles and country.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P01.distance_km') AS distance_km,
        max(value) FILTER (WHERE name = 'P01.borrowed_moves') AS k,
        max(value) FILTER (WHERE name = 'P01.rushed_share') AS rushed_share,
        max(value) FILTER (WHERE name = 'P01.stray_share') AS stray_share
    FROM raw_setting
),
place AS (
    SELECT
        passage.site_id, passage.role, passage.missed_share, passage.read_share,
        coalesce(nullif(upper(trim(site.country)), ''), '?') AS country
    FROM feat_passage AS passage
    JOIN core_site AS site ON site.site_id = passage.site_id
),
-- ---- time: logistic tails of the logarithm, since a few trips are far quicker than usual
usual AS (
    SELECT distance_class, sum(trips * log_h ORDER BY trips * log_h) / sum(trips) AS log_h,
        sqrt(
            sum(trips * pow(feat_lane.spread, 2) ORDER BY trips * pow(feat_lane.spread, 2))
            / sum(trips)
        ) AS spread
    FROM feat_lane
    WHERE trips > 0
    GROUP BY distance_class
),
lane AS (
    SELECT
        from_site_id, to_site_id, min(usual_h) AS usual_h,
        max(feat_lane.spread) AS spread
    FROM feat_lane
    GROUP BY from_site_id, to_site_id
),
-- ---- chance of the next place, by movements
out_of AS (
    SELECT from_site_id, sum(movement_count) AS moves FROM graph_edge GROUP BY from_site_id
),
in_class AS (
    SELECT role, country, count(*) AS sites FROM place GROUP BY role, country
),
in_role AS (
    SELECT role, count(*) AS sites FROM place GROUP BY role
),
by_role AS (
    SELECT
        here.role AS from_role, there.role AS to_role, here.country = there.country AS is_inland,
        sum(edge.movement_count)
        / sum(sum(edge.movement_count)) OVER (PARTITION BY here.role) AS share
    FROM graph_edge AS edge
    JOIN place AS here ON here.site_id = edge.from_site_id
    JOIN place AS there ON there.site_id = edge.to_site_id
    GROUP BY here.role, there.role, here.country = there.country
),
everywhere AS (
    SELECT count(*) AS sites FROM place
),
-- ---- packs that were read again elsewhere after their end
ended AS (
    SELECT
        place.role, count(*) AS ended, count(later.unit_id) AS left_again
    FROM (
        SELECT unit_id, arg_min(site_id, ord) AS site_id
        FROM core_item_event
        WHERE is_terminal AND site_id IS NOT NULL
        GROUP BY unit_id
    ) AS over
    JOIN place ON place.site_id = over.site_id
    LEFT JOIN (SELECT DISTINCT unit_id FROM feat_after_end WHERE NOT is_same_site) AS later
        ON later.unit_id = over.unit_id
    GROUP BY place.role
),
-- ---- what a maker asks about in its own system is no sight of the pack, whoever packed it
own_request AS (
    SELECT seen.record_id
    FROM core_observation AS seen
    JOIN place ON place.site_id = seen.site_id
    WHERE seen.kind = 'verification' AND place.role IN ('maker', 'contract_packer')
),
-- ---- the legs that want an explanation
leg AS (
    SELECT
        leg.unit_id, leg.from_record_id, leg.to_record_id, leg.from_site_id, leg.to_site_id,
        leg.from_at, leg.to_at, leg.doubt_h, leg.distance_km, leg.is_too_fast
    FROM feat_leg AS leg
    CROSS JOIN setting
    LEFT JOIN graph_edge AS edge
        ON edge.from_site_id = leg.from_site_id AND edge.to_site_id = leg.to_site_id
    LEFT JOIN lane ON lane.from_site_id = leg.from_site_id AND lane.to_site_id = leg.to_site_id
    ANTI JOIN own_request AS asked_before ON asked_before.record_id = leg.from_record_id
    ANTI JOIN own_request AS asked_after ON asked_after.record_id = leg.to_record_id
    WHERE leg.distance_km > setting.distance_km
        AND (
            leg.is_too_fast OR edge.from_site_id IS NULL
            OR 1 / (1 + exp(-1.8138 * (
                ln(greatest(leg.elapsed_h + leg.doubt_h, 0.05)) - ln(lane.usual_h)
            ) / lane.spread)) < setting.rushed_share
        )
),
-- Most packs rode somewhere else in between: their containers account for them.
unaccounted AS (
    SELECT leg.*
    FROM leg
    ANTI JOIN core_item_event AS event
        ON event.unit_id = leg.unit_id AND event.is_inferred AND NOT leg.is_too_fast
        AND event.site_id <> leg.from_site_id AND event.record_id <> leg.to_record_id
        AND event.event_at BETWEEN leg.from_at AND leg.to_at
),
between_scans AS (
    SELECT
        leg.unit_id, leg.to_record_id,
        max(event.event_at) FILTER (WHERE event.site_id = leg.from_site_id) AS left_at,
        arg_max(
            CASE WHEN event.step IN ('shipping', 'departing') THEN event.to_site_id ELSE -1 END,
            event.ord
        ) FILTER (WHERE event.site_id = leg.from_site_id) AS sent_to_site_id,
        coalesce(arg_max(event.is_terminal, event.ord)
            FILTER (WHERE event.site_id = leg.from_site_id), false) AS is_ended
    FROM unaccounted AS leg
    LEFT JOIN core_item_event AS event
        ON event.unit_id = leg.unit_id
        AND event.event_at BETWEEN leg.from_at AND leg.to_at AND event.record_id <> leg.to_record_id
    GROUP BY leg.unit_id, leg.to_record_id
),
asked AS (
    SELECT
        leg.*, told.is_ended,
        nullif(told.sent_to_site_id, -1) AS sent_to_site_id,
        epoch(leg.to_at - coalesce(told.left_at, leg.from_at)) / 3600 + leg.doubt_h
        + greatest(0, coalesce(there.shift_min, 0) - coalesce(here.shift_min, 0)) / 60 AS silent_h
    FROM unaccounted AS leg
    LEFT JOIN feat_site_clock AS here ON here.site_id = leg.from_site_id
    LEFT JOIN feat_site_clock AS there ON there.site_id = leg.to_site_id
    JOIN between_scans AS told
        ON told.unit_id = leg.unit_id AND told.to_record_id = leg.to_record_id
),
-- ---- ways between the two places, found backwards: few deliver to a place
pair AS (
    SELECT DISTINCT from_site_id, to_site_id FROM asked
),
edge AS (
    SELECT
        edge.from_site_id, edge.to_site_id, place.missed_share, lane.usual_h, lane.spread,
        log10((edge.movement_count + setting.k * (1 - setting.stray_share) * by_role.share
            / CASE WHEN by_role.is_inland THEN in_class.sites ELSE in_role.sites END)
        / (out_of.moves + setting.k)) AS chance
    FROM graph_edge AS edge
    CROSS JOIN setting
    JOIN out_of ON out_of.from_site_id = edge.from_site_id
    JOIN place AS here ON here.site_id = edge.from_site_id
    JOIN place ON place.site_id = edge.to_site_id
    JOIN by_role ON by_role.from_role = here.role AND by_role.to_role = place.role
        AND by_role.is_inland = (here.country = place.country)
    JOIN in_class ON in_class.role = place.role AND in_class.country = place.country
    JOIN in_role ON in_role.role = place.role
    LEFT JOIN lane
        ON lane.from_site_id = edge.from_site_id AND lane.to_site_id = edge.to_site_id
),
way AS (
    SELECT
        pair.from_site_id, pair.to_site_id, []::INTEGER[] AS path, edge.chance AS chance,
        edge.usual_h, edge.usual_h * edge.spread AS spread_h
    FROM pair
    JOIN edge ON edge.from_site_id = pair.from_site_id AND edge.to_site_id = pair.to_site_id
    UNION ALL
    SELECT
        pair.from_site_id, pair.to_site_id, [b.from_site_id],
        a.chance + log10(a.missed_share) + b.chance,
        a.usual_h + b.usual_h,
        sqrt(pow(a.usual_h * a.spread, 2) + pow(b.usual_h * b.spread, 2))
    FROM pair
    JOIN edge AS b ON b.to_site_id = pair.to_site_id
    JOIN edge AS a ON a.to_site_id = b.from_site_id AND a.from_site_id = pair.from_site_id
    UNION ALL
    SELECT
        pair.from_site_id, pair.to_site_id, [m.from_site_id, b.from_site_id],
        a.chance + log10(a.missed_share) + m.chance + log10(m.missed_share) + b.chance,
        a.usual_h + m.usual_h + b.usual_h,
        sqrt(pow(a.usual_h * a.spread, 2) + pow(m.usual_h * m.spread, 2)
            + pow(b.usual_h * b.spread, 2))
    FROM pair
    JOIN edge AS b ON b.to_site_id = pair.to_site_id AND b.from_site_id <> pair.from_site_id
    JOIN edge AS m ON m.to_site_id = b.from_site_id AND m.from_site_id <> pair.to_site_id
    JOIN edge AS a ON a.to_site_id = m.from_site_id AND a.from_site_id = pair.from_site_id
    WHERE m.from_site_id <> pair.from_site_id
    UNION ALL
    -- Straight there without a lane: as others of the role and country send, or astray.
    SELECT
        pair.from_site_id, pair.to_site_id, []::INTEGER[],
        log10(
            setting.stray_share / everywhere.sites
            + (1 - setting.stray_share) * coalesce(by_role.share
                / CASE WHEN by_role.is_inland THEN in_class.sites ELSE in_role.sites END, 0)
            * setting.k / (coalesce(out_of.moves, 0) + setting.k)
        ),
        NULL, NULL
    FROM pair
    CROSS JOIN setting
    CROSS JOIN everywhere
    JOIN place AS here ON here.site_id = pair.from_site_id
    JOIN place AS there ON there.site_id = pair.to_site_id
    JOIN in_class ON in_class.role = there.role AND in_class.country = there.country
    JOIN in_role ON in_role.role = there.role
    LEFT JOIN out_of ON out_of.from_site_id = pair.from_site_id
    LEFT JOIN by_role ON by_role.from_role = here.role AND by_role.to_role = there.role
        AND by_role.is_inland = (here.country = there.country)
    ANTI JOIN graph_edge AS lane
        ON lane.from_site_id = pair.from_site_id AND lane.to_site_id = pair.to_site_id
),
weighed AS (
    SELECT
        asked.unit_id, asked.to_record_id, way.path,
        CASE
            WHEN coalesce(way.usual_h, exp(usual.log_h)) IS NULL THEN 0
            ELSE -log10(1 + exp(-1.8138 * (
                ln(greatest(asked.silent_h, 0.05)) - ln(coalesce(way.usual_h, exp(usual.log_h)))
            ) / coalesce(way.spread_h / way.usual_h, usual.spread)))
        END AS in_time,
        -- Sent to a stated place and first read elsewhere: that is what missed_share counts.
        way.chance
        + CASE
            WHEN asked.sent_to_site_id IS NULL OR asked.sent_to_site_id = asked.to_site_id
                OR way.path[1] = asked.sent_to_site_id THEN 0
            ELSE log10(sent.missed_share)
        END
        + CASE
            WHEN asked.is_ended
                THEN log10((coalesce(ended.left_again, 0) + 0.5) / (coalesce(ended.ended, 0) + 1))
            ELSE 0
        END AS chance
    FROM asked
    JOIN way ON way.from_site_id = asked.from_site_id AND way.to_site_id = asked.to_site_id
    LEFT JOIN usual ON usual.distance_class = CASE
        WHEN asked.distance_km < 150 THEN 'near'
        WHEN asked.distance_km < 600 THEN 'inland'
        WHEN asked.distance_km < 2000 THEN 'far'
        ELSE 'overseas'
    END
    LEFT JOIN place AS sent ON sent.site_id = asked.sent_to_site_id
    JOIN place AS here ON here.site_id = asked.from_site_id
    LEFT JOIN ended ON ended.role = here.role
),
best AS (
    SELECT
        unit_id, to_record_id,
        arg_max({'path': path, 'in_time': in_time}, (chance + in_time, -len(path), path)) AS shown,
        log10(sum(pow(10, chance + in_time) ORDER BY chance + in_time)) AS one_pack_log10
    FROM weighed
    GROUP BY unit_id, to_record_id
)
SELECT
    asked.unit_id, asked.to_record_id, asked.silent_h, asked.sent_to_site_id, asked.is_ended,
    best.shown.path AS path_site_ids, len(best.shown.path) AS missed_reads,
    best.shown.in_time AS in_time_log10, best.one_pack_log10,
    log10(place.read_share) AS two_packs_log10
FROM asked
JOIN best ON best.unit_id = asked.unit_id AND best.to_record_id = asked.to_record_id
JOIN place ON place.site_id = asked.to_site_id
ORDER BY asked.unit_id, asked.to_record_id
