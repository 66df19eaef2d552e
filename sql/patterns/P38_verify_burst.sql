-- model:   P38_verify_burst
-- purpose: Far more scans of a lot, or at a site, are refused than is usual.
-- grain:   one row per lot; per site; per site and day; per product and day
-- key:     none
-- pattern: P38
-- family:  identity
-- definition: k of n packs scanned were refused, counted once a pack and site. The binomial tail of k
--   at the baseline is below 1e-4 after control of the false discovery rate (Benjamini and Hochberg)
--   over all lots, or all sites; and k is at least 5. A lot's baseline is its product's other lots, a
--   site's is all others; both are drawn towards the share of all scans. Or k of a day, at a site or
--   of a product, is so far above what its other days and its like let expect (feat_refusal_day, with
--   its own control of false discoveries) that fewer than 1 in 100 such days found would be chance.
-- guard: Verification logs with answers; the maker's own scans (test traffic, B21) and unanswered
--   ones do not count.
-- severity: a lot refused at two sites or more S1, at one S2; a site, and a day, S3
-- benign: B01, B02, B03, B04, B05 and B28 (half of the refused packs are known ones misread, the
--   most frequent cause names it), B06 (half of the packs refused as unknown were uploaded after
--   their scan), B09 (half were refused as already handed out at the site that itself did so: a
--   repeated request), B16 and B18 (half were refused for a date of the right month, or for the
--   very lot or date of their commissioning: the list is late or wrong), B20 (most refusals fell
--   into hours in which the site's scans of many products failed)
-- source: ozempic-de-2023, hiv-safechain-2020-21, mckesson-2016-19; typology P38; Benjamini and
--   Hochberg 1995
-- reads:   core_event, core_item_event, core_lot, core_site, core_unit, feat_misread,
--   feat_refusal_day, raw_identifier, raw_setting, stg_verification
-- columns: as in find_finding's pattern shape
-- caveats: The row of a site or day is written to the lot with most of its refusals; a day is left out
--   where that lot, or the site, is told of as a whole. The tail is summed over 400
--   terms; later ones are smaller than the rounding.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P38.tail_probability') AS tail_probability,
        max(value) FILTER (WHERE name = 'P38.day_false_share') AS day_false_share,
        max(value) FILTER (WHERE name = 'P38.least_refused') AS least_refused,
        max(value) FILTER (WHERE name = 'P38.prior_scans') AS prior_scans,
        max(value) FILTER (WHERE name = 'P38.least_share') AS least_share,
        max(value) FILTER (WHERE name = 'P38.explained_share') AS explained_share,
        max(value) FILTER (WHERE name = 'P38.products_an_hour') AS products_an_hour
    FROM raw_setting
),
request AS (
    SELECT
        asked.record_id, asked.requested_at, asked.gtin, asked.answer_code, asked.expiry,
        asked.lot,
        site.site_id, unit.unit_id, unit.lot_id, unit.is_commissioned,
        unit.commissioned_record_id,
        asked.answer_code NOT IN ('ACTIVE', 'ExpirationExtended') AS is_refused,
        site.role IN ('maker', 'contract_packer') AS is_makers_own
    FROM stg_verification AS asked
    JOIN core_site AS site ON site.gln = asked.site_gln
    JOIN raw_identifier AS named ON named.text_id = asked.epc
    JOIN core_unit AS unit ON unit.unit_id = named.epc_id
    WHERE asked.requested_at IS NOT NULL
        AND NOT regexp_matches(
            coalesce(asked.answer_code, 'NO_ANSWER'),
            '^(NO_ANSWER|(HTTP[ _]?)?(404|408|5[0-9][0-9]))$'
        )
),
faulty_hour AS (
    SELECT site_id, date_trunc('hour', requested_at) AS hour
    FROM request
    WHERE is_refused
    GROUP BY site_id, date_trunc('hour', requested_at)
    HAVING count(DISTINCT gtin) >= (SELECT products_an_hour FROM setting)
),
pack AS (  -- each pack once a site, by its first refusal where it was refused
    SELECT
        unit_id, any_value(lot_id) AS lot_id, any_value(gtin) AS gtin, site_id,
        any_value(is_commissioned) AS is_commissioned,
        any_value(commissioned_record_id) AS commissioned_record_id,
        bool_or(is_refused) AS is_refused,
        arg_min(answer_code, (requested_at, record_id)) FILTER (WHERE is_refused) AS answer_code,
        arg_min(expiry, (requested_at, record_id)) FILTER (WHERE is_refused) AS expiry,
        arg_min(lot, (requested_at, record_id)) FILTER (WHERE is_refused) AS asked_lot,
        min(requested_at) FILTER (WHERE is_refused) AS refused_at,
        list(record_id ORDER BY record_id) FILTER (WHERE is_refused) AS record_ids
    FROM request
    WHERE NOT is_makers_own
    GROUP BY unit_id, site_id
),
everything AS (
    SELECT
        count(*) AS scans, count(*) FILTER (WHERE is_refused) AS refused,
        (count(*) FILTER (WHERE is_refused) + 1.0) / (count(*) + 2.0) AS share
    FROM pack
),
lot AS (
    SELECT
        lot_id, any_value(gtin) AS gtin, count(*) AS scans,
        count(*) FILTER (WHERE is_refused) AS refused,
        count(DISTINCT site_id) FILTER (WHERE is_refused) AS sites
    FROM pack
    GROUP BY lot_id
),
site AS (
    SELECT site_id, count(*) AS scans, count(*) FILTER (WHERE is_refused) AS refused
    FROM pack
    GROUP BY site_id
),
measured AS (
    SELECT
        'lot' AS level, lot.lot_id, CAST(NULL AS INTEGER) AS site_id, lot.scans, lot.refused,
        lot.sites,
        (
            sum(lot.refused) OVER product - lot.refused + setting.prior_scans * everything.share
        ) / (sum(lot.scans) OVER product - lot.scans + setting.prior_scans) AS baseline
    FROM lot
    CROSS JOIN everything
    CROSS JOIN setting
    WINDOW product AS (PARTITION BY lot.gtin)
    UNION ALL
    SELECT
        'site', NULL, site.site_id, site.scans, site.refused, 1,
        (everything.refused - site.refused + setting.prior_scans * everything.share)
        / (everything.scans - site.scans + setting.prior_scans)
    FROM site
    CROSS JOIN everything
    CROSS JOIN setting
),
tailed AS (
    SELECT
        measured.*,
        greatest(measured.baseline, setting.least_share) AS usual_share,
        count(*) OVER (PARTITION BY level) AS tests,
        CASE
            WHEN refused < setting.least_refused THEN 1.0
            ELSE least(1.0, list_sum(list_transform(
                range(refused, least(scans, refused + 400) + 1),
                lambda i: exp(
                    lgamma(scans + 1) - lgamma(i + 1) - lgamma(scans - i + 1)
                    + i * ln(greatest(measured.baseline, setting.least_share))
                    + (scans - i) * ln(1 - greatest(measured.baseline, setting.least_share))
                )
            )))
        END AS tail
    FROM measured
    CROSS JOIN setting
    WHERE measured.baseline < 1
),
stepped AS (
    SELECT
        *, tail * tests / row_number() OVER (PARTITION BY level ORDER BY tail, lot_id, site_id) AS step
    FROM tailed
),
controlled AS (
    SELECT
        *,
        min(step) OVER (
            PARTITION BY level ORDER BY tail DESC, lot_id DESC, site_id DESC
            ROWS UNBOUNDED PRECEDING
        ) AS q_value
    FROM stepped
),
burst AS (
    SELECT
        level, lot_id, site_id, NULL::VARCHAR AS gtin, NULL::DATE AS day, scans, refused, sites,
        usual_share, scans * usual_share AS expected, tail AS p_value, q_value,
        tail_probability AS most_q_value
    FROM controlled
    CROSS JOIN setting
    WHERE q_value < tail_probability AND refused >= least_refused
    UNION ALL
    SELECT
        kind || '_day', NULL, nullif(site_id, 0), nullif(gtin, ''), day, packs, refused,
        NULL, expected / packs, expected, p_value, q_value, day_false_share
    FROM feat_refusal_day
    CROSS JOIN setting
    WHERE kind IN ('site', 'product') AND q_value < day_false_share AND refused >= least_refused
),
born AS (
    SELECT record_id, recorded_at, expiry FROM core_event WHERE is_birth
),
ended AS (
    SELECT DISTINCT unit_id, site_id FROM core_item_event WHERE is_terminal
),
refusal AS (
    SELECT
        pack.unit_id, pack.lot_id, pack.site_id, pack.gtin, pack.refused_at::DATE AS day,
        pack.record_ids,
        coalesce(misread.benign, '') AS misread,
        pack.answer_code IN ('A2', 'A3') AND pack.is_commissioned
        AND coalesce(born.recorded_at > pack.refused_at, false) AS is_uploaded_later,
        pack.answer_code = 'A52'
        AND coalesce(date_trunc('month', pack.expiry) = date_trunc('month', lot.expiry), false)
            AS is_other_day,
        pack.is_commissioned AND (
            (pack.answer_code IN ('A2', 'A68') AND coalesce(pack.asked_lot = lot.lot, false))
            OR (pack.answer_code = 'A52' AND coalesce(pack.expiry = born.expiry, false))
        ) AS is_list_wrong,
        pack.answer_code IN ('A7', 'A24') AND ended.unit_id IS NOT NULL AS is_own_end,
        faulty_hour.hour IS NOT NULL AS is_in_faulty_hour
    FROM pack
    LEFT JOIN core_lot AS lot ON lot.lot_id = pack.lot_id
    LEFT JOIN feat_misread AS misread ON misread.unit_id = pack.unit_id
    LEFT JOIN born ON born.record_id = pack.commissioned_record_id
    LEFT JOIN ended ON ended.unit_id = pack.unit_id AND ended.site_id = pack.site_id
    LEFT JOIN faulty_hour ON faulty_hour.site_id = pack.site_id
        AND faulty_hour.hour = date_trunc('hour', pack.refused_at)
    WHERE pack.is_refused
        AND (
            pack.lot_id IN (SELECT lot_id FROM burst) OR pack.site_id IN (SELECT site_id FROM burst)
            OR pack.gtin IN (SELECT gtin FROM burst)
        )
),
counted AS (
    SELECT
        burst.*,
        refusal.unit_id, refusal.lot_id AS of_lot_id, refusal.site_id AS of_site_id,
        refusal.record_ids AS records, refusal.misread, refusal.is_uploaded_later,
        refusal.is_own_end, refusal.is_in_faulty_hour, refusal.is_other_day, refusal.is_list_wrong
    FROM burst
    JOIN refusal ON CASE burst.level
        WHEN 'lot' THEN refusal.lot_id = burst.lot_id
        WHEN 'site' THEN refusal.site_id = burst.site_id
        WHEN 'site_day' THEN refusal.site_id = burst.site_id AND refusal.day = burst.day
        ELSE refusal.gtin = burst.gtin AND refusal.day = burst.day
    END
),
summed AS (
    SELECT
        level, lot_id, site_id, gtin, day, scans, refused, usual_share, expected, p_value, q_value,
        most_q_value, count(DISTINCT of_site_id) AS sites,
        mode(of_lot_id ORDER BY of_lot_id) AS of_lot_id,
        count(*) AS packs,
        count(*) FILTER (WHERE misread <> '') AS misread_packs,
        mode(misread ORDER BY misread) FILTER (WHERE misread <> '') AS misread_as,
        count(*) FILTER (WHERE is_uploaded_later) AS uploaded_later,
        count(*) FILTER (WHERE is_own_end) AS own_ends,
        count(*) FILTER (WHERE is_other_day) AS other_day,
        count(*) FILTER (WHERE is_list_wrong) AS list_wrong,
        count(*) FILTER (WHERE is_in_faulty_hour) AS in_faulty_hours,
        list_sort(list_distinct(flatten(list(records))))[:200] AS record_ids
    FROM counted
    GROUP BY
        level, lot_id, site_id, gtin, day, scans, refused, usual_share, expected, p_value, q_value,
        most_q_value
),
judged AS (
    SELECT
        summed.*,
        CASE
            WHEN misread_packs >= explained_share * packs THEN misread_as
            WHEN uploaded_later >= explained_share * packs THEN 'B06'
            WHEN own_ends >= explained_share * packs THEN 'B09'
            WHEN other_day >= explained_share * packs THEN 'B16'
            WHEN list_wrong >= explained_share * packs THEN 'B18'
            WHEN in_faulty_hours >= explained_share * packs THEN 'B20'
        END AS benign
    FROM summed
    CROSS JOIN setting
    WHERE level IN ('lot', 'site')
        OR (
            of_lot_id NOT IN (SELECT lot_id FROM burst WHERE level = 'lot')
            AND coalesce(site_id NOT IN (SELECT site_id FROM burst WHERE level = 'site'), TRUE)
        )
)
SELECT
    coalesce(judged.lot_id, judged.of_lot_id)::INTEGER AS lot_id,
    NULL::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    judged.site_id::INTEGER AS site_id,
    NULL::INTEGER AS other_site_id,
    CASE WHEN level <> 'lot' THEN 'S3' WHEN sites >= 2 THEN 'S1' ELSE 'S2' END AS severity,
    if(benign IS NULL, 'stands', 'explained') AS status,
    benign,
    'conflicting' AS history,
    refused::DOUBLE AS units,
    to_json({
        'level': level, 'day': day, 'refused_packs': refused, 'scanned_packs': scans,
        'refusing_sites': sites, 'p_value': p_value, 'q_value': q_value
    }) AS observed,
    to_json({
        'refused_packs': setting.least_refused, 'expected_packs': round(expected, 2),
        'usual_share': round(usual_share, 6), 'q_value': most_q_value
    }) AS threshold,
    list_concat(
        [
            to_json({
                'code': code, 'result': if(benign = code, 'supported', 'ruled_out'),
                'misread_packs': misread_packs
            })
            FOR code IN ['B01', 'B02', 'B03', 'B04', 'B05', 'B28']
        ],
        [
            to_json({
                'code': 'B06', 'result': if(benign = 'B06', 'supported', 'ruled_out'),
                'uploaded_later': uploaded_later
            }),
            to_json({
                'code': 'B09', 'result': if(benign = 'B09', 'supported', 'ruled_out'),
                'ended_here_before': own_ends
            }),
            to_json({
                'code': 'B16', 'result': if(benign = 'B16', 'supported', 'ruled_out'),
                'of_same_month': other_day
            }),
            to_json({
                'code': 'B18', 'result': if(benign = 'B18', 'supported', 'ruled_out'),
                'as_commissioned': list_wrong
            }),
            to_json({
                'code': 'B20', 'result': if(benign = 'B20', 'supported', 'ruled_out'),
                'in_hours_of_faults': in_faulty_hours
            }),
            to_json({'code': 'B21', 'result': 'ruled_out', 'asked_by_maker_only': 0})
        ]
    )::JSON AS tests,
    record_ids
FROM judged
CROSS JOIN setting
ORDER BY ALL
