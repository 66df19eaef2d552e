-- model:   finding_group
-- purpose: Findings of one cause, together: one scanner, one feed, one upload, one lot's list.
-- grain:   one row per status, honest cause, and the place or lot that the cause belongs to
-- key:     group_id
-- kind:    view
-- reads:   finding
-- columns:
--   group_id     hash of what the group is about
--   status       explained, stands, data_gap, suppressed
--   benign       the honest cause; null where none explains them
--   about        what the cause belongs to: site, lot or trade (a pair of sites)
--   site_gln     the place; null for a lot's own cause
--   other_gln    the second place of a trade
--   gtin         of the lot; null where the cause is a place's
--   lot          as stated; null likewise
--   patterns     that spoke, sorted
--   findings     number of them
--   lots         distinct lots concerned
--   units        packs, summed over findings: one pack may count in several
--   finding_ids  the members, sorted
-- caveats: Causes are told apart by where they arise, after the kind of cause: a scanner's by site,
--   a maker's upload or list by lot, stock moved by pair of sites. What stands is grouped by
--   lot, but for a party without licence, a flash firm and prices, which go by their party.
WITH caused AS (
    SELECT
        *,
        CASE
            -- What a party is, or does in all its trade, concerns it and not the one lot.
            WHEN status = 'stands' AND pattern IN ('P26', 'P31', 'P35') AND site_gln IS NOT NULL
                THEN 'site'
            WHEN status <> 'explained' OR site_gln IS NULL THEN 'lot'
            -- Scanners, clocks, queues, counters and training are a place's.
            WHEN benign IN (
                'B01', 'B02', 'B03', 'B04', 'B05', 'B07', 'B08', 'B09', 'B10', 'B11', 'B13', 'B20',
                'B21', 'B26', 'B28'
            ) THEN 'site'
            -- Uploads, expiry conventions and master data are a lot's.
            WHEN benign IN ('B06', 'B16', 'B17', 'B18', 'B27') THEN 'lot'
            ELSE 'trade'
        END AS about
    FROM finding
),
keyed AS (
    SELECT
        finding_id, pattern, status, benign, about, units, gtin AS of_gtin, lot AS of_lot,
        CASE WHEN about <> 'lot' THEN site_gln END AS site_gln,
        CASE WHEN about = 'trade' THEN other_gln END AS other_gln,
        CASE WHEN about = 'lot' THEN gtin END AS gtin,
        CASE WHEN about = 'lot' THEN lot END AS lot
    FROM caused
)
SELECT
    md5(concat_ws(
        '|', status, coalesce(benign, ''), coalesce(site_gln, ''), coalesce(other_gln, ''),
        coalesce(gtin, ''), coalesce(lot, '')
    )) AS group_id,
    status, benign, about, site_gln, other_gln, gtin, lot,
    list_sort(list(DISTINCT pattern)) AS patterns,
    count(*) AS findings,
    count(DISTINCT (of_gtin, of_lot)) AS lots,
    sum(units) AS units,
    list_sort(list(finding_id)) AS finding_ids
FROM keyed
GROUP BY status, benign, about, site_gln, other_gln, gtin, lot
ORDER BY findings DESC, group_id
