-- model:   feat_site_month
-- purpose: What a month of a site's trade looks like in numbers: the detectors' input.
-- grain:   one row per site and month in which goods came or went
-- key:     site_month_id
-- reads:   core_custody, core_item_event, core_site, feat_edge_month, feat_transfer, stg_verification
-- columns:
--   site_month_id       1, 2, 3 by month and site
--   site_id             core_site
--   month               first day of the UTC month
--   units_in            packs or quantity sent to it or received by it
--   units_out           packs or quantity it sent
--   supplier_count      distinct origins: how broad it buys
--   buyer_count         distinct destinations: how broad it sells
--   new_supplier_share  share of units in from sites that never supplied it; null in the data's
--                       first month
--   new_buyer_share     share of units out to sites it never supplied; null likewise
--   products            distinct products in and out
--   lots                distinct lots in and out
--   countries           distinct countries of those it trades with; null where none is known
--   out_in_ratio        (ever sent + ended) / (ever came + made), so far: above 1 it lets go of what
--                       it never had; null where nothing ever came
--   in_growth_ratio     units in / mean of its earlier months; null without one
--   out_growth_ratio    units out / mean of its earlier months; null without one
--   return_in_share     share of units in that come back
--   return_out_share    share of units out that go back
--   high_risk_share     share of units in and out in products that their owners call targets
--   buy_price_ratio     median of its edges' price ratios, where it buys
--   sell_price_ratio    the same, where it sells
--   hop_no_mean         mean moves of the packs that came
--   top_supplier_share  share of units in of the largest supplier
--   top_buyer_share     share of units out of the largest buyer
--   role_rarity_max     rarest pair of roles among its edges, -log2
--   dwell_h_median      median hours from receipt to shipment, of what it sent; null: no serials
--   requests            verification requests it made
--   refused_share       share of them answered neither ACTIVE nor by a network fault
--   subject             GLN/month: how scores name it
-- caveats: A row depends on what happened up to its month's end (see feat_transfer). What nobody
--   told is missing, not zero: a site that reports no receipts has no out_in_ratio.
WITH edge AS (
    SELECT
        *, coalesce(units, 0)::DECIMAL(18, 3) AS exact_units
    FROM feat_edge_month
),
bought AS (
    SELECT
        e.to_site_id AS site_id, e.month, sum(exact_units)::DOUBLE AS units_in,
        count(*) AS suppliers,
        sum(exact_units * is_new)::DOUBLE AS new_units,
        max(exact_units)::DOUBLE AS top_units,
        sum(exact_units * coalesce(return_share, 0)::DECIMAL(9, 6))::DOUBLE AS return_units,
        sum(exact_units * coalesce(high_risk_share, 0)::DECIMAL(9, 6))::DOUBLE AS high_risk_units,
        median(price_ratio) AS buy_price_ratio,
        avg(hop_no_mean::DECIMAL(9, 3)) AS hop_no_mean,
        max(role_rarity) AS role_rarity
    FROM edge e
    GROUP BY e.to_site_id, e.month
),
sold AS (
    SELECT
        e.from_site_id AS site_id, e.month, sum(exact_units)::DOUBLE AS units_out,
        count(*) AS buyers,
        sum(exact_units * is_new)::DOUBLE AS new_units,
        max(exact_units)::DOUBLE AS top_units,
        sum(exact_units * coalesce(return_share, 0)::DECIMAL(9, 6))::DOUBLE AS return_units,
        sum(exact_units * coalesce(high_risk_share, 0)::DECIMAL(9, 6))::DOUBLE AS high_risk_units,
        median(price_ratio) AS sell_price_ratio,
        max(role_rarity) AS role_rarity
    FROM edge e
    GROUP BY e.from_site_id, e.month
),
side AS (
    SELECT from_site_id AS site_id, to_site_id AS other_site_id, month, lot_id, gtin
    FROM feat_transfer
    WHERE from_site_id <> to_site_id
    UNION ALL
    SELECT to_site_id, from_site_id, month, lot_id, gtin
    FROM feat_transfer
    WHERE from_site_id <> to_site_id
),
breadth AS (
    SELECT
        s.site_id, s.month, count(DISTINCT s.gtin) AS products, count(DISTINCT s.lot_id) AS lots,
        nullif(count(DISTINCT o.country), 0) AS countries
    FROM side s
    JOIN core_site o ON o.site_id = s.other_site_id
    GROUP BY s.site_id, s.month
),
own AS (  -- life begins and ends at a site too
    SELECT
        site_id, date_trunc('month', event_at)::DATE AS month,
        count(*) FILTER (WHERE is_birth) AS made, count(*) FILTER (WHERE is_terminal) AS ended
    FROM core_item_event
    WHERE (is_birth OR is_terminal) AND site_id IS NOT NULL
    GROUP BY ALL
),
scanned AS (
    SELECT
        site_id, month,
        sum(units) FILTER (WHERE is_in) AS came, sum(units) FILTER (WHERE NOT is_in) AS went
    FROM (
        SELECT to_site_id AS site_id, month, true AS is_in, units::DECIMAL(18, 3) AS units
        FROM feat_transfer
        WHERE act = 'in' OR (act = 'log' AND NOT is_told)
        UNION ALL
        SELECT from_site_id, month, false, units::DECIMAL(18, 3)
        FROM feat_transfer
        WHERE act = 'out' OR (act = 'log' AND NOT is_told)
    )
    WHERE site_id IS NOT NULL
    GROUP BY site_id, month
),
balance AS (
    SELECT
        site_id, month,
        (sum(coalesce(went, 0) + coalesce(ended, 0)) OVER so_far)::DOUBLE
        / nullif(sum(coalesce(came, 0) + coalesce(made, 0)) OVER so_far, 0)::DOUBLE AS out_in_ratio
    FROM scanned
    FULL JOIN own USING (site_id, month)
    WINDOW so_far AS (PARTITION BY site_id ORDER BY month)
),
stay AS (
    SELECT
        from_site_id AS site_id, date_trunc('month', shipped_at)::DATE AS month,
        epoch_us(shipped_at - lag(received_at) OVER life) / 3.6e9 AS dwell_h,
        lag(to_site_id) OVER life = from_site_id AS is_stay
    FROM core_custody
    WINDOW life AS (PARTITION BY unit_id ORDER BY hop_no)
),
-- The median by sorting: as an aggregate over so many rows, which lie in no order of sites, it takes
-- tens of gigabytes.
dwell AS (
    SELECT site_id, month, (min(dwell_h) + max(dwell_h)) / 2 AS dwell_h_median
    FROM (
        SELECT
            site_id, month, dwell_h,
            row_number() OVER (PARTITION BY site_id, month ORDER BY dwell_h) AS place,
            count(*) OVER (PARTITION BY site_id, month) AS stays
        FROM stay
        WHERE is_stay AND dwell_h >= 0
    )
    WHERE place IN ((stays + 1) // 2, (stays + 2) // 2)
    GROUP BY site_id, month
),
asked AS (
    SELECT
        s.site_id, date_trunc('month', v.requested_at)::DATE AS month, count(*) AS requests,
        avg(
            (v.answer_code NOT IN ('ACTIVE', 'ExpirationExtended')
            AND NOT regexp_matches(
                v.answer_code, '^(NO_ANSWER|(HTTP[ _]?)?(404|408|5[0-9][0-9]))$'
            ))::INTEGER
        ) AS refused_share
    FROM stg_verification v
    JOIN core_site s ON s.gln = v.site_gln
    WHERE v.requested_at IS NOT NULL
    GROUP BY ALL
),
traded AS (
    SELECT
        site_id, month, b.units_in, s.units_out, b.suppliers, s.buyers,
        b.new_units / nullif(b.units_in, 0) AS new_supplier_share,
        s.new_units / nullif(s.units_out, 0) AS new_buyer_share,
        b.units_in / nullif(avg(b.units_in::DECIMAL(18, 3)) OVER before, 0) AS in_growth_ratio,
        s.units_out / nullif(avg(s.units_out::DECIMAL(18, 3)) OVER before, 0) AS out_growth_ratio,
        b.return_units / nullif(b.units_in, 0) AS return_in_share,
        s.return_units / nullif(s.units_out, 0) AS return_out_share,
        (coalesce(b.high_risk_units, 0) + coalesce(s.high_risk_units, 0))
        / nullif(coalesce(b.units_in, 0) + coalesce(s.units_out, 0), 0) AS high_risk_share,
        b.buy_price_ratio, s.sell_price_ratio, b.hop_no_mean,
        b.top_units / nullif(b.units_in, 0) AS top_supplier_share,
        s.top_units / nullif(s.units_out, 0) AS top_buyer_share,
        greatest(b.role_rarity, s.role_rarity) AS role_rarity_max
    FROM bought b
    FULL JOIN sold s USING (site_id, month)
    WINDOW before AS (
        PARTITION BY site_id ORDER BY month ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
)
SELECT
    row_number() OVER (ORDER BY t.month, t.site_id) AS site_month_id,
    t.site_id, t.month, coalesce(t.units_in, 0) AS units_in, coalesce(t.units_out, 0) AS units_out,
    coalesce(t.suppliers, 0) AS supplier_count, coalesce(t.buyers, 0) AS buyer_count,
    t.new_supplier_share, t.new_buyer_share, b.products, b.lots, b.countries, l.out_in_ratio,
    t.in_growth_ratio, t.out_growth_ratio, t.return_in_share, t.return_out_share,
    t.high_risk_share, t.buy_price_ratio, t.sell_price_ratio, t.hop_no_mean, t.top_supplier_share,
    t.top_buyer_share, t.role_rarity_max, d.dwell_h_median,
    coalesce(a.requests, 0) AS requests, a.refused_share,
    p.gln || '/' || strftime(t.month, '%Y-%m') AS subject
FROM traded t
JOIN core_site p ON p.site_id = t.site_id
LEFT JOIN breadth b ON b.site_id = t.site_id AND b.month = t.month
LEFT JOIN balance l ON l.site_id = t.site_id AND l.month = t.month
LEFT JOIN dwell d ON d.site_id = t.site_id AND d.month = t.month
LEFT JOIN asked a ON a.site_id = t.site_id AND a.month = t.month
ORDER BY site_month_id
