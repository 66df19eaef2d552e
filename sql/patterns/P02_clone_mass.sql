-- model:   P02_clone_mass
-- purpose: One serial that turns up at several unrelated parties although none handed it on.
-- grain:   one row per lot, first and last place and verdict
-- key:     none
-- pattern: P02
-- family:  identity
-- definition: a pack received, verified or dispensed by >= 3 unrelated parties within 30 d, without
--   its leaving one of them before the next saw it
-- guard:   a missing departure counts where the party hands packs to patients, or where the data
--   shows >= 90 % of the party's other handovers (at least 5); else it is a data gap. So it is where
--   so many missing departures are no wonder: the packs of other lots show how many a pack has, and
--   of the packs found fewer than 1 in 100 may be chance (Poisson; Benjamini and Hochberg).
--   A party's further scans (B07), requests without an answer (B20) and the maker's own (B21) are
--   no sightings.
-- severity: S1
-- benign:  B12; and B01, B02, B03, B04, B05, B28 where the serial itself is misread (feat_misread)
-- source:  NAR0074, Ozempic Germany 2023, returned drugs in China 2024; typology P02
-- reads:   core_custody, core_lot, core_observation, core_site, feat_misread, raw_setting,
--   stg_verification
-- columns: as in find_finding's pattern shape
-- caveats: Places without a known owner count as unrelated.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P02.parties') AS parties,
        max(value) FILTER (WHERE name = 'P02.window_days') AS window_days,
        max(value) FILTER (WHERE name = 'P02.feed_share') AS feed_share,
        max(value) FILTER (WHERE name = 'P02.feed_handovers') AS feed_handovers,
        max(value) FILTER (WHERE name = 'P02.shared_units') AS shared_units,
        max(value) FILTER (WHERE name = 'P02.prior_share') AS prior_share,
        max(value) FILTER (WHERE name = 'P02.prior_packs') AS prior_packs,
        max(value) FILTER (WHERE name = 'P02.false_share') AS false_share
    FROM raw_setting
),
site AS (
    SELECT
        site_id,
        coalesce(partner_id, -site_id) AS party_id,
        coalesce(role IN ('pharmacy', 'hospital', 'clinic'), FALSE) AS is_dispenser
    FROM core_site
),
maker AS (
    SELECT core_lot.lot_id, site.party_id
    FROM core_lot
    JOIN site ON site.site_id = core_lot.maker_site_id
),
seen AS (
    SELECT
        seen.unit_id, seen.lot_id, seen.record_id, seen.observed_at, seen.site_id,
        seen.clock_doubt_min, site.party_id, site.is_dispenser,
        lag(site.party_id) OVER life AS from_party_id,
        lag(site.is_dispenser) OVER life AS from_is_dispenser,
        lag(seen.observed_at) OVER life AS from_at,
        lag(seen.clock_doubt_min) OVER life AS from_doubt_min,
        lag(seen.record_id) OVER life AS from_record_id
    FROM core_observation AS seen
    JOIN site ON site.site_id = seen.site_id
    LEFT JOIN maker ON maker.lot_id = seen.lot_id
    LEFT JOIN stg_verification AS asked
        ON seen.kind = 'verification' AND asked.record_id = seen.record_id
    WHERE (
            seen.step IN ('receiving', 'accepting', 'dispensing', 'retail_selling')
            OR (
                seen.kind = 'verification'
                AND site.party_id IS DISTINCT FROM maker.party_id
                AND NOT regexp_matches(
                    coalesce(asked.answer_code, ''),
                    '^(NO_ANSWER|(HTTP[ _]?)?(404|408|5[0-9][0-9]))$'
                )
            )
        )
    WINDOW life AS (PARTITION BY seen.unit_id ORDER BY seen.observed_at, seen.record_id)
),
handover AS (
    SELECT * FROM seen WHERE party_id <> from_party_id
),
departure AS (
    SELECT
        hop.unit_id, site.party_id,
        coalesce(hop.shipped_at, hop.received_at) AS left_at
    FROM core_custody AS hop
    JOIN site ON site.site_id = hop.from_site_id
),
chained AS (
    SELECT DISTINCT handover.unit_id, handover.record_id
    FROM handover
    JOIN departure
        ON departure.unit_id = handover.unit_id AND departure.party_id = handover.from_party_id
        AND epoch(departure.left_at) BETWEEN epoch(from_at) - 60 * from_doubt_min
            AND epoch(observed_at) + 60 * clock_doubt_min
),
told AS (
    SELECT handover.*, chained.record_id IS NOT NULL AS is_chained
    FROM handover
    LEFT JOIN chained
        ON chained.unit_id = handover.unit_id AND chained.record_id = handover.record_id
),
feed AS (  -- how much of what leaves a party its data shows
    SELECT from_party_id, count(*) AS handovers, avg(is_chained::INTEGER) AS share
    FROM told
    GROUP BY from_party_id
),
broken AS (
    SELECT
        told.unit_id, told.lot_id, told.record_id,
        coalesce(
            told.from_is_dispenser
            OR (feed.handovers >= setting.feed_handovers AND feed.share >= setting.feed_share),
            FALSE
        ) AS is_guarded,
        count(*) OVER (PARTITION BY told.from_record_id, told.record_id) AS shared_units
    FROM told
    CROSS JOIN setting
    LEFT JOIN feed ON feed.from_party_id = told.from_party_id
    WHERE NOT told.is_chained
),
-- A stay: all scans of a pack that its shipments connect; the last one stands for it.
numbered AS (
    SELECT
        seen.*,
        count(broken.record_id) OVER (
            PARTITION BY seen.unit_id ORDER BY observed_at, seen.record_id
        ) AS stay_no,
        broken.is_guarded,
        broken.shared_units
    FROM seen
    LEFT JOIN broken ON broken.unit_id = seen.unit_id AND broken.record_id = seen.record_id
    WHERE seen.unit_id IN (SELECT unit_id FROM broken)
),
stay AS (
    SELECT
        unit_id, lot_id, stay_no,
        arg_max(party_id, (observed_at, record_id)) AS party_id,
        arg_max(site_id, (observed_at, record_id)) AS site_id,
        arg_max(record_id, (observed_at, record_id)) AS record_id,
        max(observed_at) AS seen_at,
        coalesce(bool_or(is_guarded), FALSE) AS is_guarded,
        max(shared_units) AS shared_units
    FROM numbered
    GROUP BY unit_id, lot_id, stay_no
),
within_window AS (
    SELECT
        later.unit_id, later.lot_id, later.stay_no,
        count(DISTINCT earlier.party_id) AS parties,
        count(*) FILTER (WHERE earlier.is_guarded AND earlier.stay_no > 0) AS guarded,
        epoch(max(earlier.seen_at) - min(earlier.seen_at)) / 86400 AS days,
        min(earlier.shared_units) AS shared_units,
        arg_min(earlier.site_id, earlier.stay_no) AS first_site_id,
        arg_max(earlier.site_id, earlier.stay_no) AS last_site_id,
        list(earlier.record_id) AS record_ids
    FROM stay AS later
    CROSS JOIN setting
    JOIN stay AS earlier
        ON earlier.unit_id = later.unit_id AND earlier.stay_no <= later.stay_no
        AND epoch(later.seen_at - earlier.seen_at) <= setting.window_days * 86400
    GROUP BY later.unit_id, later.lot_id, later.stay_no
),
-- How many missing departures a pack of the other lots has.
by_lot AS (
    SELECT seen.lot_id, count(DISTINCT seen.unit_id) AS packs FROM seen GROUP BY seen.lot_id
),
broken_lot AS (
    SELECT broken.lot_id, count(*) AS breaks FROM broken WHERE is_guarded GROUP BY broken.lot_id
),
usual AS (
    SELECT
        by_lot.lot_id,
        (
            sum(coalesce(broken_lot.breaks, 0)) OVER () - coalesce(broken_lot.breaks, 0)
            + setting.prior_packs * setting.prior_share
        ) / (sum(by_lot.packs) OVER () - by_lot.packs + setting.prior_packs) AS breaks_a_pack,
        sum(by_lot.packs) OVER () AS packs
    FROM by_lot
    CROSS JOIN setting
    LEFT JOIN broken_lot ON broken_lot.lot_id IS NOT DISTINCT FROM by_lot.lot_id
),
worst AS (  -- each pack by its least likely window
    SELECT
        within_window.*, usual.breaks_a_pack, usual.packs,
        list_sum(list_transform(
            range(within_window.guarded, within_window.guarded + 50),
            lambda i: exp(i * ln(usual.breaks_a_pack) - usual.breaks_a_pack - lgamma(i + 1))
        )) AS p_value
    FROM within_window
    CROSS JOIN setting
    JOIN usual ON usual.lot_id IS NOT DISTINCT FROM within_window.lot_id
    WHERE within_window.parties >= setting.parties
    QUALIFY row_number() OVER (
        PARTITION BY unit_id ORDER BY guarded DESC, within_window.parties DESC, stay_no
    ) = 1
),
stepped AS (
    SELECT
        *, p_value * packs / row_number() OVER (ORDER BY p_value, unit_id) AS step
    FROM worst
),
controlled AS (
    SELECT
        *,
        least(1.0, min(step) OVER (
            ORDER BY p_value DESC, unit_id DESC ROWS UNBOUNDED PRECEDING
        )) AS q_value
    FROM stepped
),
judged AS (
    SELECT
        controlled.*,
        CASE
            WHEN misread.unit_id IS NOT NULL THEN 'explained'
            WHEN guarded < setting.parties - 1 OR q_value >= false_share THEN 'data_gap'
            WHEN controlled.shared_units >= setting.shared_units THEN 'explained'
            ELSE 'stands'
        END AS status,
        CASE WHEN status = 'explained' THEN coalesce(misread.benign, 'B12') END AS benign
    FROM controlled
    CROSS JOIN setting
    LEFT JOIN feat_misread AS misread ON misread.unit_id = controlled.unit_id
),
grouped AS (
    SELECT
        lot_id, status, benign,
        CASE WHEN status <> 'data_gap' THEN first_site_id END AS first_site_id,
        CASE WHEN status <> 'data_gap' THEN last_site_id END AS last_site_id,
        count(*) AS units,
        min(unit_id) AS unit_id,
        max(parties) AS parties,
        min(days) AS days,
        max(shared_units) AS shared_units,
        max(guarded) AS guarded, max(breaks_a_pack) AS breaks_a_pack,
        max(p_value) AS p_value, max(q_value) AS q_value,
        list_sort(list_distinct(flatten(list(record_ids)))) AS record_ids
    FROM judged
    GROUP BY ALL
)
SELECT
    lot_id::INTEGER AS lot_id,
    CASE WHEN units = 1 THEN unit_id END::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    last_site_id::INTEGER AS site_id,
    first_site_id::INTEGER AS other_site_id,
    CASE WHEN status = 'data_gap' THEN 'S4' ELSE 'S1' END AS severity,
    status,
    benign,
    CASE WHEN status = 'data_gap' THEN 'missing' ELSE 'conflicting' END AS history,
    units::DOUBLE AS units,
    to_json({
        'parties': grouped.parties, 'window_days': round(days, 2),
        'missing_departures': grouped.guarded, 'p_value': grouped.p_value,
        'q_value': grouped.q_value
    }) AS observed,
    to_json({
        'parties': setting.parties, 'window_days': setting.window_days,
        'expected_departures': round(grouped.breaks_a_pack, 6), 'q_value': setting.false_share
    }) AS threshold,
    to_json([
        to_json({'code': 'B07', 'result': 'ruled_out', 'parties': grouped.parties}),
        to_json({
            'code': 'B12',
            'result': CASE WHEN benign = 'B12' THEN 'supported' ELSE 'ruled_out' END,
            'packs_in_the_same_two_events': grouped.shared_units
        }),
        to_json({'code': 'B20', 'result': 'ruled_out', 'scans_without_answer': 0}),
        to_json({'code': 'B21', 'result': 'ruled_out', 'scans_by_the_maker': 0}),
        to_json({
            'code': CASE WHEN benign <> 'B12' THEN benign ELSE 'B28' END,
            'result': CASE WHEN benign <> 'B12' THEN 'supported' ELSE 'ruled_out' END,
            'is_serial_misread': coalesce(benign <> 'B12', FALSE)
        })
    ])::JSON AS tests,
    record_ids
FROM grouped
CROSS JOIN setting
ORDER BY lot_id, status DESC, units DESC, site_id, other_site_id, benign
