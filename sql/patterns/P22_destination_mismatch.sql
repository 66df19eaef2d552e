-- model:   P22_destination_mismatch
-- purpose: Packs that another party, or another country, received than they were sent to.
-- grain:   one row per lot, receiver, addressee and explanation; one data gap per lot
-- key:     none
-- pattern: P22
-- family:  network
-- definition: A pack's receipt follows its shipment, and the receiving party is neither the
--   ship-to nor the sold-to (destination owner) of the shipment; or it is, in another country than
--   both.
-- guard: Shipment and receipt are on record and the shipment names its destination. The addressee
--   is a place that tells of goods in the data, receipts or not; an address that never does (an
--   office, a number of the firm instead of the place) gives one data gap a lot. Parties that one
--   firm owns are one.
-- severity: S3; S2 where a wholesaler signed for them and sold at least 3 of the packs on to
--   others: who gets a wrong delivery keeps it, sends it back or passes it on to whom it was
--   addressed.
-- benign: B15 (within days the receiver sent the packs on to the addressee, or back), B23 (the
--   receiver is a logistics provider or customs; most goods addressed so, over several lots, arrive
--   there: a standing arrangement).
-- source: typology P22
-- reads:   core_custody, core_feed, core_lot, core_site, raw_setting
-- columns: as in find_finding's pattern shape
-- caveats: Log lines state one destination, not two, so only events are compared.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P22.correct_days') AS correct_days,
        max(value) FILTER (WHERE name = 'P22.habit_share') AS habit_share,
        max(value) FILTER (WHERE name = 'P22.habit_lots') AS habit_lots,
        max(value) FILTER (WHERE name = 'P22.resold_units') AS resold_units
    FROM raw_setting
),
party AS (
    SELECT
        site.site_id, site.partner_id, site.role, upper(trim(site.country)) AS country,
        coalesce(feed.event_count, 0) > 0 AS is_receiving
    FROM core_site AS site
    LEFT JOIN core_feed AS feed ON site.site_id = feed.site_id
),
astray AS (
    SELECT
        hop.lot_id, hop.unit_id, hop.hop_no, hop.from_site_id,
        hop.to_site_id, hop.stated_to_site_id, hop.received_at,
        hop.ship_record_id, hop.receive_record_id,
        taker.partner_id AS taker_partner_id, taker.role AS taker_role,
        addressee.partner_id AS addressee_partner_id, addressee.is_receiving,
        sender.partner_id AS sender_partner_id,
        -- Is it the party, or only the country?
        NOT (
            coalesce(taker.partner_id = addressee.partner_id, false)
            OR coalesce(taker.partner_id = owner.partner_id, false)
        ) AS is_other_party
    FROM core_custody AS hop
    INNER JOIN party AS taker ON hop.to_site_id = taker.site_id
    INNER JOIN party AS addressee ON hop.stated_to_site_id = addressee.site_id
    LEFT JOIN party AS owner ON hop.to_owner_site_id = owner.site_id
    LEFT JOIN party AS sender ON hop.from_site_id = sender.site_id
    WHERE hop.ship_record_id IS NOT NULL AND hop.receive_record_id IS NOT NULL
        AND hop.stated_to_site_id <> hop.to_site_id
        AND hop.to_site_id IS DISTINCT FROM hop.to_owner_site_id
        AND taker.partner_id IS DISTINCT FROM sender.partner_id
        AND (
            NOT (
                coalesce(taker.partner_id = addressee.partner_id, false)
                OR coalesce(taker.partner_id = owner.partner_id, false)
            )
            OR (
                taker.country <> addressee.country
                AND coalesce(taker.country <> owner.country, true)
            )
        )
),
corrected AS (
    SELECT DISTINCT astray.unit_id, astray.hop_no
    FROM astray
    CROSS JOIN setting
    INNER JOIN core_custody AS next
        ON astray.unit_id = next.unit_id AND next.hop_no = astray.hop_no + 1
        AND coalesce(next.shipped_at, next.received_at)
            <= astray.received_at + to_days(CAST(setting.correct_days AS INTEGER))
    INNER JOIN party AS there ON next.to_site_id = there.site_id
    WHERE there.partner_id IN (astray.addressee_partner_id, astray.sender_partner_id)
),
-- Sold on by who signed for them, to neither side of the shipment.
resold AS (
    SELECT DISTINCT astray.unit_id, astray.hop_no
    FROM astray
    INNER JOIN core_custody AS next
        ON astray.unit_id = next.unit_id AND next.hop_no = astray.hop_no + 1
        AND next.from_site_id = astray.to_site_id AND next.ship_record_id IS NOT NULL
        AND NOT coalesce(next.is_return, false)
    INNER JOIN party AS there ON next.to_site_id = there.site_id
    WHERE astray.taker_role = 'wholesaler'
        AND there.partner_id NOT IN (
            astray.taker_partner_id, astray.addressee_partner_id,
            coalesce(astray.sender_partner_id, -1)
        )
),
-- What is addressed to a place, and where it arrives: over all lots.
addressed AS (
    SELECT stated_to_site_id, to_site_id, count(DISTINCT lot_id) AS lots
    FROM core_custody
    WHERE ship_record_id IS NOT NULL AND receive_record_id IS NOT NULL
        AND stated_to_site_id IN (SELECT stated_to_site_id FROM astray)
    GROUP BY stated_to_site_id, to_site_id
),
habit AS (
    SELECT
        stated_to_site_id, to_site_id, lots,
        lots / sum(lots) OVER (PARTITION BY stated_to_site_id) AS share
    FROM addressed
),
coded AS (
    SELECT
        astray.*,
        habit.lots AS habit_lots, habit.share AS habit_share,
        corrected.unit_id IS NOT NULL AS is_corrected,
        resold.unit_id IS NOT NULL AS is_resold,
        coalesce(astray.taker_role, '') IN ('third_party_logistics', 'customs') AS is_service,
        coalesce(
            habit.lots >= setting.habit_lots AND habit.share >= setting.habit_share, false
        ) AS is_habit,
        CASE
            WHEN NOT astray.is_receiving THEN NULL
            WHEN corrected.unit_id IS NOT NULL THEN 'B15'
            WHEN coalesce(astray.taker_role, '') IN ('third_party_logistics', 'customs')
                OR coalesce(
                    habit.lots >= setting.habit_lots AND habit.share >= setting.habit_share, false
                ) THEN 'B23'
        END AS benign
    FROM astray
    CROSS JOIN setting
    LEFT JOIN corrected ON astray.unit_id = corrected.unit_id AND astray.hop_no = corrected.hop_no
    LEFT JOIN resold ON astray.unit_id = resold.unit_id AND astray.hop_no = resold.hop_no
    LEFT JOIN habit
        ON astray.stated_to_site_id = habit.stated_to_site_id
        AND astray.to_site_id = habit.to_site_id
),
grouped AS (
    SELECT
        lot_id, is_receiving, benign,
        CASE WHEN is_receiving THEN to_site_id END AS site_id,
        CASE WHEN is_receiving THEN stated_to_site_id END AS other_site_id,
        count(DISTINCT unit_id) AS units,
        bool_or(is_other_party) AS is_other_party,
        count(DISTINCT unit_id) FILTER (WHERE is_corrected) AS corrected_units,
        count(DISTINCT unit_id) FILTER (WHERE is_resold) AS resold_units,
        bool_or(is_service) AS is_service,
        max(habit_lots) AS habit_lots,
        round(max(habit_share), 4) AS habit_share,
        bool_or(is_habit) AS is_habit,
        list_sort(
            list_distinct(flatten(list([ship_record_id, receive_record_id]))))[1:50] AS record_ids
    FROM coded
    GROUP BY ALL
)
SELECT
    grouped.lot_id::INTEGER AS lot_id,
    NULL::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    grouped.site_id::INTEGER AS site_id,
    grouped.other_site_id::INTEGER AS other_site_id,
    CASE
        WHEN NOT grouped.is_receiving THEN 'S4'
        WHEN grouped.resold_units >= setting.resold_units THEN 'S2'
        ELSE 'S3'
    END AS severity,
    CASE
        WHEN NOT grouped.is_receiving THEN 'data_gap'
        WHEN grouped.benign IS NOT NULL THEN 'explained'
        ELSE 'stands'
    END AS status,
    grouped.benign,
    'conflicting' AS history,
    grouped.units::DOUBLE AS units,
    to_json({
        'units_received_elsewhere': grouped.units, 'is_other_party': grouped.is_other_party,
        'received_in_country': taker.country, 'addressed_to_country': addressee.country,
        'resold_units': grouped.resold_units
    }) AS observed,
    to_json({
        'units_received_elsewhere': 0, 'is_other_party': false,
        'resold_units': setting.resold_units
    }) AS threshold,
    CASE
        WHEN NOT grouped.is_receiving THEN '[]'::JSON
        ELSE to_json([
            to_json({
                'code': 'B15',
                'result': CASE
                    WHEN grouped.corrected_units > 0 THEN 'supported' ELSE 'ruled_out'
                END,
                'corrected_units': grouped.corrected_units, 'correct_days': setting.correct_days
            }),
            to_json({
                'code': 'B23',
                'result': CASE
                    WHEN grouped.is_service OR grouped.is_habit THEN 'supported' ELSE 'ruled_out'
                END,
                'is_service_only': grouped.is_service, 'habit_lots': grouped.habit_lots,
                'habit_share': grouped.habit_share
            })
        ])::JSON
    END AS tests,
    grouped.record_ids
FROM grouped
CROSS JOIN setting
INNER JOIN core_lot AS lot ON grouped.lot_id = lot.lot_id
LEFT JOIN party AS taker ON grouped.site_id = taker.site_id
LEFT JOIN party AS addressee ON grouped.other_site_id = addressee.site_id
ORDER BY ALL
