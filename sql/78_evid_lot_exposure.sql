-- model:   evid_lot_exposure
-- purpose: From the standing findings of a lot to everything that they put in question: where the
--   named packs came from, who got them, who else has the lot, what else passed the same places.
-- grain:   one row per lot with a standing finding, relation, site and other lot
-- key:     lot_id, row_no
-- reads:   core_custody, core_item_event, core_lot, core_observation, core_site, evid_finding_unit,
--   evid_lot_custody, evid_lot_holder, evid_lot_site, find_finding, find_lot, raw_setting
-- columns:
--   lot_id          core_lot, of the findings
--   gtin            GTIN-14 of the lot
--   lot             lot as stated
--   row_no          1 for the row that matters most: by relation, then by packs still there; sources
--                   by time
--   relation        named_site (a standing finding names it), recipient (got the named packs at or
--                   after the finding), source (had them before), same_lot (another place of the
--                   lot), unplaced (packs in trade that no record places), same_site (another lot of
--                   the product that passed a named site about the same time)
--   site_id         core_site; null for unplaced
--   site_gln        GLN or text of the place
--   other_lot_id    core_lot, for same_site; null otherwise
--   other_lot       lot as stated, for same_site
--   other_tier      hold, investigate, watch, clear, from the findings on that other lot
--   basis           serial (named packs, followed one by one), lane (the findings name no pack: what
--                   went from the named sites on or came to them), lot (all packs of a lot)
--   patterns        of the findings that lead here, sorted
--   passed_units    packs of the lot (same_site: of the other lot) that were made or arrived here
--   named_units     packs that findings name and that were here; 0 for same_site
--   begins_units    of these, packs whose trail begins here although nobody made them here
--   made_units      of these, packs made here
--   held_units      packs last known here and in trade (same_site: of the other lot)
--   held_named_units  of which findings name
--   held_inferred_units  of the held ones, those known here only through their container
--   held_since_at   UTC, since when the held ones have been here, the longest
--   coming_units    packs sent here that no record shows to have arrived
--   ended_units     packs dispensed, destroyed or taken out of trade here
--   doubted_units   of held and ended ones, those that may be elsewhere, see evid_lot_holder
--   first_at        UTC, first record of these packs here
--   last_at         UTC, last record of these packs here
--   record_ids      records behind the row, the first 50
-- caveats: Exposed is not guilty: most of these places and packs are in order. Lanes are followed by
--   their first and last day, not pack by pack, and so reach rather too far. The maker of the lot is
--   no common site: everything passes there. A stated sender or addressee counts as a place of the
--   pack though no record of its own shows it. exposure.window_days sets how near other lots must be.
WITH RECURSIVE standing AS (
    SELECT finding_id, lot_id, pattern, site_id, other_site_id, record_ids
    FROM find_finding
    WHERE status = 'stands' AND lot_id IS NOT NULL
),
scope AS (
    SELECT DISTINCT lot_id FROM standing
),
named_pack AS (
    SELECT lot_id, unit_id, min(cited_at) AS cited_at
    FROM evid_finding_unit
    GROUP BY lot_id, unit_id
),
finding_site AS (
    SELECT finding_id, lot_id, pattern, site_id, record_ids FROM standing WHERE site_id IS NOT NULL
    UNION ALL
    SELECT finding_id, lot_id, pattern, other_site_id, record_ids
    FROM standing
    WHERE other_site_id IS NOT NULL
),
named_site AS (
    SELECT
        lot_id, site_id, list_sort(list(DISTINCT pattern)) AS patterns,
        list_slice(list_sort(list_distinct(flatten(list(list_slice(record_ids, 1, 50))))), 1, 50)
            AS record_ids
    FROM finding_site
    GROUP BY lot_id, site_id
),
-- Where each named pack was, by any record: an end that only the partner states lies a moment before
-- the receipt, or at the shipment.
presence AS (
    SELECT
        named_pack.lot_id, named_pack.unit_id, named_pack.cited_at, event.site_id,
        event.event_at AS seen_at, event.record_id, event.is_birth
    FROM named_pack
    JOIN core_item_event AS event USING (unit_id)
    WHERE event.site_id IS NOT NULL
    UNION ALL
    SELECT
        named_pack.lot_id, named_pack.unit_id, named_pack.cited_at, hop.from_site_id,
        hop.received_at - INTERVAL 1 MICROSECOND, hop.receive_record_id, false
    FROM named_pack
    JOIN core_custody AS hop USING (unit_id)
    WHERE hop.ship_record_id IS NULL AND hop.from_site_id IS NOT NULL
    UNION ALL
    SELECT
        named_pack.lot_id, named_pack.unit_id, named_pack.cited_at, hop.to_site_id,
        hop.shipped_at, hop.ship_record_id, false
    FROM named_pack
    JOIN core_custody AS hop USING (unit_id)
    WHERE hop.receive_record_id IS NULL AND hop.to_site_id IS NOT NULL
    UNION ALL
    SELECT
        named_pack.lot_id, named_pack.unit_id, named_pack.cited_at, asked.site_id,
        asked.observed_at, asked.record_id, false
    FROM named_pack
    JOIN core_observation AS asked USING (unit_id)
    WHERE asked.kind = 'verification' AND asked.site_id IS NOT NULL
),
trail_start AS (
    SELECT
        lot_id, unit_id,
        arg_min(
            struct_pack(site_id := site_id, is_birth := is_birth),
            (seen_at, NOT is_birth, record_id, site_id)
        ) AS first
    FROM presence
    GROUP BY lot_id, unit_id
),
begun AS (
    SELECT
        lot_id, first.site_id AS site_id,
        (count(*) FILTER (WHERE NOT first.is_birth))::DOUBLE AS begins_units,
        (count(*) FILTER (WHERE first.is_birth))::DOUBLE AS made_units
    FROM trail_start
    GROUP BY lot_id, first.site_id
),
directed AS (
    SELECT
        presence.lot_id, presence.unit_id, presence.site_id, presence.seen_at, presence.record_id,
        CASE
            WHEN named_site.site_id IS NOT NULL THEN 'named_site'
            WHEN presence.seen_at < presence.cited_at THEN 'source'
            ELSE 'recipient'
        END AS relation
    FROM presence
    LEFT JOIN named_site
        ON named_site.lot_id = presence.lot_id AND named_site.site_id = presence.site_id
),
by_serial AS (
    SELECT
        lot_id, relation, site_id,
        count(DISTINCT unit_id)::DOUBLE AS named_units,
        min(seen_at) AS first_at,
        max(seen_at) AS last_at,
        list_slice(list_sort(list(DISTINCT record_id)), 1, 50) AS record_ids
    FROM directed
    GROUP BY lot_id, relation, site_id
),
serial_pattern AS (
    SELECT visit.lot_id, visit.relation, visit.site_id,
        list_sort(list(DISTINCT named.pattern)) AS patterns
    FROM (SELECT DISTINCT lot_id, relation, site_id, unit_id FROM directed) AS visit
    JOIN (SELECT DISTINCT lot_id, unit_id, pattern FROM evid_finding_unit) AS named
        USING (lot_id, unit_id)
    GROUP BY visit.lot_id, visit.relation, visit.site_id
),
-- Findings that name a place and no pack: what left the place, and what came to it, lane by lane.
loose_site AS (
    SELECT
        finding_site.lot_id, finding_site.site_id,
        list_sort(list(DISTINCT finding_site.pattern)) AS patterns
    FROM finding_site
    ANTI JOIN evid_finding_unit USING (finding_id)
    GROUP BY finding_site.lot_id, finding_site.site_id
),
loose_lot AS (
    SELECT
        loose_site.lot_id, min(passed.first_at) AS first_at, max(passed.last_at) AS last_at,
        list_sort(list_distinct(flatten(list(loose_site.patterns)))) AS patterns
    FROM loose_site
    LEFT JOIN evid_lot_site AS passed USING (lot_id, site_id)
    GROUP BY loose_site.lot_id
),
step AS (
    SELECT
        lane.lot_id, 'recipient' AS relation, lane.from_site_id AS here_id,
        lane.to_site_id AS next_id
    FROM evid_lot_custody AS lane
    JOIN loose_lot USING (lot_id)
    WHERE lane.to_site_id <> lane.from_site_id AND lane.last_at >= loose_lot.first_at
    UNION ALL
    SELECT lane.lot_id, 'source', lane.to_site_id, lane.from_site_id
    FROM evid_lot_custody AS lane
    JOIN loose_lot USING (lot_id)
    WHERE lane.to_site_id <> lane.from_site_id AND lane.first_at <= loose_lot.last_at
),
reached AS (
    SELECT step.lot_id, step.relation, step.next_id AS site_id
    FROM loose_site
    JOIN step ON step.lot_id = loose_site.lot_id AND step.here_id = loose_site.site_id
    UNION
    SELECT step.lot_id, step.relation, step.next_id
    FROM reached
    JOIN step
        ON step.lot_id = reached.lot_id AND step.relation = reached.relation
        AND step.here_id = reached.site_id
),
lane_end AS (
    SELECT
        lot_id, site_id, min(first_at) AS first_at, max(last_at) AS last_at,
        list_slice(list_sort(list_distinct(flatten(list(record_ids)))), 1, 50) AS record_ids
    FROM (
        SELECT lot_id, from_site_id AS site_id, first_at, last_at, record_ids
        FROM evid_lot_custody
        UNION ALL
        SELECT lot_id, to_site_id, first_at, last_at, record_ids
        FROM evid_lot_custody
    )
    SEMI JOIN loose_lot USING (lot_id)
    WHERE site_id IS NOT NULL
    GROUP BY lot_id, site_id
),
-- What is followed by serial is not followed again by lane.
by_lane AS (
    SELECT
        reached.lot_id, reached.relation, reached.site_id, lane_end.first_at, lane_end.last_at,
        lane_end.record_ids
    FROM reached
    JOIN lane_end
        ON lane_end.lot_id = reached.lot_id AND lane_end.site_id = reached.site_id
    ANTI JOIN named_site
        ON named_site.lot_id = reached.lot_id AND named_site.site_id = reached.site_id
    ANTI JOIN by_serial
        ON by_serial.lot_id = reached.lot_id AND by_serial.site_id = reached.site_id
        AND by_serial.relation = reached.relation
),
here AS (
    SELECT
        lot_id, site_id,
        coalesce(sum(units) FILTER (WHERE state = 'at_site'), 0) AS held_units,
        coalesce(sum(named_units) FILTER (WHERE state = 'at_site'), 0) AS held_named_units,
        coalesce(sum(units) FILTER (WHERE state = 'ended'), 0) AS ended_units,
        coalesce(sum(doubted_units) FILTER (WHERE state IN ('at_site', 'ended')), 0)
            AS doubted_units,
        coalesce(sum(inferred_units) FILTER (WHERE state = 'at_site'), 0) AS held_inferred_units,
        min(since_at) FILTER (WHERE state = 'at_site') AS held_since_at,
        min(since_at) AS since_at,
        max(last_at) AS last_at,
        list_slice(list_sort(list_distinct(flatten(list(record_ids)))), 1, 50) AS record_ids
    FROM evid_lot_holder
    WHERE site_id IS NOT NULL
    GROUP BY lot_id, site_id
),
coming AS (
    SELECT
        lot_id, to_site_id AS site_id, sum(units) AS coming_units, min(since_at) AS since_at,
        max(last_at) AS last_at,
        list_slice(list_sort(list_distinct(flatten(list(record_ids)))), 1, 50) AS record_ids
    FROM evid_lot_holder
    WHERE state = 'in_transit' AND to_site_id IS NOT NULL
    GROUP BY lot_id, to_site_id
),
concerned AS (
    SELECT
        named_site.lot_id, 'named_site' AS relation, named_site.site_id,
        CASE WHEN by_serial.site_id IS NULL THEN 'lane' ELSE 'serial' END AS basis,
        named_site.patterns, by_serial.named_units, by_serial.first_at, by_serial.last_at,
        coalesce(by_serial.record_ids, named_site.record_ids) AS record_ids
    FROM named_site
    LEFT JOIN by_serial
        ON by_serial.lot_id = named_site.lot_id AND by_serial.site_id = named_site.site_id
    UNION ALL
    SELECT
        by_serial.lot_id, by_serial.relation, by_serial.site_id, 'serial', serial_pattern.patterns,
        by_serial.named_units, by_serial.first_at, by_serial.last_at, by_serial.record_ids
    FROM by_serial
    JOIN serial_pattern USING (lot_id, relation, site_id)
    WHERE by_serial.relation <> 'named_site'
    UNION ALL
    SELECT
        lot_id, relation, site_id, 'lane', loose_lot.patterns, NULL, by_lane.first_at,
        by_lane.last_at, by_lane.record_ids
    FROM by_lane
    JOIN loose_lot USING (lot_id)
),
other_place AS (
    SELECT lot_id, site_id FROM evid_lot_site
    UNION
    SELECT lot_id, site_id FROM here
    UNION
    SELECT lot_id, site_id FROM coming
),
every_place AS (
    FROM concerned
    UNION ALL BY NAME
    SELECT other_place.lot_id, 'same_lot' AS relation, other_place.site_id, 'lot' AS basis
    FROM other_place
    SEMI JOIN scope USING (lot_id)
    ANTI JOIN concerned
        ON concerned.lot_id = other_place.lot_id AND concerned.site_id = other_place.site_id
),
of_lot AS (
    SELECT
        place.lot_id, place.relation, place.site_id, place.basis,
        coalesce(place.patterns, []) AS patterns,
        coalesce(passed.units_made + passed.units_in + passed.units_returned, 0) AS passed_units,
        coalesce(place.named_units, 0) AS named_units,
        CASE WHEN place.named_units > 0 THEN coalesce(begun.begins_units, 0) ELSE 0 END
            AS begins_units,
        CASE WHEN place.named_units > 0 THEN coalesce(begun.made_units, 0) ELSE 0 END
            AS made_units,
        coalesce(here.held_units, 0) AS held_units,
        coalesce(here.held_named_units, 0) AS held_named_units,
        coalesce(here.held_inferred_units, 0) AS held_inferred_units,
        here.held_since_at,
        coalesce(coming.coming_units, 0) AS coming_units,
        coalesce(here.ended_units, 0) AS ended_units,
        coalesce(here.doubted_units, 0) AS doubted_units,
        coalesce(place.first_at, passed.first_at, here.since_at, coming.since_at) AS first_at,
        coalesce(place.last_at, passed.last_at, here.last_at, coming.last_at) AS last_at,
        coalesce(place.record_ids, passed.record_ids, here.record_ids, coming.record_ids)
            AS record_ids
    FROM every_place AS place
    LEFT JOIN evid_lot_site AS passed
        ON passed.lot_id = place.lot_id AND passed.site_id = place.site_id
    LEFT JOIN here ON here.lot_id = place.lot_id AND here.site_id = place.site_id
    LEFT JOIN coming ON coming.lot_id = place.lot_id AND coming.site_id = place.site_id
    LEFT JOIN begun ON begun.lot_id = place.lot_id AND begun.site_id = place.site_id
),
unplaced AS (
    SELECT
        holder.lot_id, 'unplaced' AS relation, 'lot' AS basis, [] AS patterns,
        sum(holder.units) AS passed_units, sum(holder.named_units) AS named_units,
        0 AS begins_units, 0 AS made_units, sum(holder.units) AS held_units,
        sum(holder.named_units) AS held_named_units,
        sum(holder.inferred_units) AS held_inferred_units, min(holder.since_at) AS held_since_at,
        0 AS coming_units, 0 AS ended_units,
        sum(holder.units) AS doubted_units, min(holder.since_at) AS first_at,
        max(holder.last_at) AS last_at,
        list_slice(list_sort(list_distinct(flatten(list(holder.record_ids)))), 1, 50) AS record_ids
    FROM evid_lot_holder AS holder
    SEMI JOIN scope USING (lot_id)
    WHERE (holder.state = 'at_site' AND holder.site_id IS NULL)
        OR (holder.state = 'in_transit' AND holder.to_site_id IS NULL)
    GROUP BY holder.lot_id
),
period AS (
    SELECT to_days(max(value)::INTEGER) AS around
    FROM raw_setting
    WHERE name = 'exposure.window_days'
),
common_site AS (
    SELECT named_site.lot_id, named_site.site_id, named_site.patterns, passed.gtin, passed.first_at,
        passed.last_at
    FROM named_site
    JOIN evid_lot_site AS passed USING (lot_id, site_id)
    JOIN core_lot ON core_lot.lot_id = named_site.lot_id
    WHERE passed.units_made = 0 AND passed.role IS DISTINCT FROM 'maker'
        AND core_lot.maker_site_id IS DISTINCT FROM named_site.site_id
),
of_other_lots AS (
    SELECT
        common_site.lot_id, 'same_site' AS relation, common_site.site_id,
        other.lot_id AS other_lot_id, 'lot' AS basis, common_site.patterns,
        other.units_made + other.units_in + other.units_returned AS passed_units,
        0 AS named_units, 0 AS begins_units, 0 AS made_units,
        coalesce(here.held_units, 0) AS held_units, 0 AS held_named_units,
        coalesce(here.held_inferred_units, 0) AS held_inferred_units, here.held_since_at,
        coalesce(coming.coming_units, 0) AS coming_units,
        coalesce(here.ended_units, 0) AS ended_units,
        coalesce(here.doubted_units, 0) AS doubted_units,
        other.first_at, other.last_at, other.record_ids
    FROM common_site
    CROSS JOIN period
    JOIN evid_lot_site AS other
        ON other.gtin = common_site.gtin AND other.site_id = common_site.site_id
        AND other.lot_id <> common_site.lot_id
        AND other.first_at <= common_site.last_at + period.around
        AND other.last_at >= common_site.first_at - period.around
    LEFT JOIN here ON here.lot_id = other.lot_id AND here.site_id = other.site_id
    LEFT JOIN coming ON coming.lot_id = other.lot_id AND coming.site_id = other.site_id
),
every_row AS (
    FROM of_lot
    UNION ALL BY NAME
    FROM unplaced
    UNION ALL BY NAME
    FROM of_other_lots
)
SELECT
    every_row.lot_id,
    core_lot.gtin,
    core_lot.lot,
    row_number() OVER (
        PARTITION BY every_row.lot_id
        ORDER BY
            list_position(
                ['named_site', 'recipient', 'source', 'same_lot', 'unplaced', 'same_site'],
                every_row.relation
            ),
            CASE WHEN every_row.relation <> 'source' THEN every_row.held_units + every_row.coming_units
            END DESC,
            CASE WHEN every_row.relation <> 'source' THEN every_row.named_units END DESC,
            every_row.first_at, every_row.site_id, every_row.other_lot_id
    ) AS row_no,
    every_row.relation,
    every_row.site_id,
    core_site.gln AS site_gln,
    every_row.other_lot_id,
    other_lot.lot AS other_lot,
    find_lot.tier AS other_tier,
    every_row.basis,
    every_row.patterns,
    every_row.passed_units,
    every_row.named_units,
    every_row.begins_units,
    every_row.made_units,
    every_row.held_units,
    every_row.held_named_units,
    every_row.held_inferred_units,
    every_row.held_since_at,
    every_row.coming_units,
    every_row.ended_units,
    every_row.doubted_units,
    every_row.first_at,
    every_row.last_at,
    every_row.record_ids
FROM every_row
JOIN core_lot ON core_lot.lot_id = every_row.lot_id
LEFT JOIN core_site ON core_site.site_id = every_row.site_id
LEFT JOIN core_lot AS other_lot ON other_lot.lot_id = every_row.other_lot_id
LEFT JOIN find_lot ON find_lot.lot_id = every_row.other_lot_id
ORDER BY every_row.lot_id, row_no
