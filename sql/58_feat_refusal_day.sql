-- model:   feat_refusal_day
-- purpose: How many packs were refused on a day at a site, or of a product, against what its other
--   days and its like let expect.
-- grain:   one row per site and day, and per product and day, with an answered request; for products
--   twice: all refusals, and serials typed by hand that nobody knew
-- key:     kind, site_id, gtin, day
-- reads:   core_site, core_unit, raw_identifier, raw_setting, stg_verification
-- columns:
--   kind            site; product; typed (of a product, typed by hand and unknown)
--   site_id         core_site; 0 for a product
--   gtin            GTIN-14; empty for a site
--   day             UTC
--   packs           asked about, each once a site and day
--   refused         of them
--   expected        refusals to be expected of so many packs: those of its other days, drawn towards
--                   its role (a site) or all products
--   dispersion      size of the negative binomial; small where days differ more than by chance
--   p_value         chance of so many refusals or more
--   q_value         share of false ones among all cells of the kind that are as odd (Benjamini and
--                   Hochberg)
-- caveats: What the maker itself asks, and unanswered requests, are left out. A site or product that
--   was attacked on other days is judged more mildly.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P38.prior_scans') AS prior_scans,
        max(value) FILTER (WHERE name = 'P38.least_share') AS least_share,
        max(value) FILTER (WHERE name = 'P38.least_refused') AS least_refused
    FROM raw_setting
),
request AS (
    SELECT
        site.site_id, coalesce(site.role, 'unknown') AS role, unit.unit_id, asked.gtin,
        asked.requested_at::DATE AS day,
        asked.answer_code NOT IN ('ACTIVE', 'ExpirationExtended') AS is_refused,
        coalesce(
            asked.entry_mode = 'manual'
            AND regexp_matches(asked.answer_code, '^(A2|A3|No_match_GTIN_Serial.*)$'),
            false
        ) AS is_typed
    FROM stg_verification AS asked
    JOIN core_site AS site ON site.gln = asked.site_gln
    JOIN raw_identifier AS named ON named.text_id = asked.epc
    JOIN core_unit AS unit ON unit.unit_id = named.epc_id
    WHERE asked.requested_at IS NOT NULL AND asked.gtin IS NOT NULL
        AND coalesce(site.role NOT IN ('maker', 'contract_packer'), true)
        AND NOT regexp_matches(
            coalesce(asked.answer_code, 'NO_ANSWER'),
            '^(NO_ANSWER|(HTTP[ _]?)?(404|408|5[0-9][0-9]))$'
        )
),
pack AS (
    SELECT
        site_id, any_value(role) AS role, gtin, day, unit_id,
        bool_or(is_refused) AS is_refused, bool_or(is_typed) AS is_typed
    FROM request
    GROUP BY site_id, gtin, day, unit_id
),
cell AS (
    SELECT
        'site' AS kind, site_id, '' AS gtin, any_value(role) AS class, day,
        count(*) AS packs, count(*) FILTER (WHERE is_refused) AS refused
    FROM pack
    GROUP BY site_id, day
    UNION ALL
    SELECT
        'product', 0, gtin, 'all', day, count(*), count(*) FILTER (WHERE is_refused)
    FROM pack
    GROUP BY gtin, day
    UNION ALL
    SELECT 'typed', 0, gtin, 'all', day, count(*), count(*) FILTER (WHERE is_typed)
    FROM pack
    GROUP BY gtin, day
),
class AS (
    SELECT
        kind, class,
        greatest(any_value(setting.least_share), (sum(refused) + 1) / (sum(packs) + 2)) AS share
    FROM cell
    CROSS JOIN setting
    GROUP BY kind, class
),
-- Gamma prior of the class, updated by the other days of the same site or product.
other AS (
    SELECT
        cell.*,
        setting.prior_scans * class.share
        + sum(cell.refused) OVER own - cell.refused AS shape,
        setting.prior_scans + sum(cell.packs) OVER own - cell.packs AS rate
    FROM cell
    CROSS JOIN setting
    JOIN class ON class.kind = cell.kind AND class.class = cell.class
    WINDOW own AS (PARTITION BY cell.kind, cell.site_id, cell.gtin)
),
expecting AS (
    SELECT *, packs * shape / rate AS expected FROM other
),
-- How much more days differ than chance lets them: by moments, over the days that are no burst.
-- Summed in an order of their own, since sums of floating numbers depend on it.
day_to_day AS (
    SELECT
        kind,
        coalesce(greatest(
            0,
            sum(pow(refused - expected, 2) - expected ORDER BY site_id, gtin, day)
                FILTER (WHERE refused < least_refused)
            / sum(pow(expected, 2) ORDER BY site_id, gtin, day)
                FILTER (WHERE refused < least_refused)
        ), 0) AS extra
    FROM expecting
    CROSS JOIN setting
    GROUP BY kind
),
tailed AS (
    SELECT
        expecting.*,
        1 / (1 / shape + day_to_day.extra) AS size,
        count(*) OVER (PARTITION BY expecting.kind) AS cells,
        CASE
            WHEN refused = 0 THEN 1.0
            ELSE least(1.0, list_sum(list_transform(
                range(refused, refused + 400),
                lambda i: exp(
                    lgamma(i + 1 / (1 / shape + day_to_day.extra))
                    - lgamma(1 / (1 / shape + day_to_day.extra)) - lgamma(i + 1)
                    - ln(1 + expected * (1 / shape + day_to_day.extra))
                    / (1 / shape + day_to_day.extra)
                    + i * ln(1 - 1 / (1 + expected * (1 / shape + day_to_day.extra)))
                )
            )))
        END AS p_value
    FROM expecting
    JOIN day_to_day ON day_to_day.kind = expecting.kind
),
stepped AS (
    SELECT
        *,
        p_value * cells / row_number() OVER (
            PARTITION BY kind ORDER BY p_value, site_id, gtin, day
        ) AS step
    FROM tailed
)
SELECT
    kind, site_id::INTEGER AS site_id, gtin, day, packs, refused, expected,
    stepped.size AS dispersion, p_value,
    least(1.0, min(step) OVER (
        PARTITION BY kind ORDER BY p_value DESC, site_id DESC, gtin DESC, day DESC
        ROWS UNBOUNDED PRECEDING
    )) AS q_value
FROM stepped
ORDER BY kind, site_id, gtin, day
