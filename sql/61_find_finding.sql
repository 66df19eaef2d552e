-- model:   find_finding
-- purpose: All findings of all patterns, with the things they concern named.
-- grain:   one row per finding
-- key:     finding_id
-- reads:   P01_clone_travel, P02_clone_mass, P03_double_terminal, P04_serial_unknown,
--   P05_serial_out_of_pool, P06_serial_probing, P07_lot_serial_mismatch, P08_expiry_mismatch,
--   P09_lot_unknown, P10_shelf_life_excess, P11_after_terminal, P12_dispensed_reentry,
--   P13_order_violation, P14_expired_moving, P15_hold_recall_moving, P16_stolen_reentry,
--   P17_receive_no_ship, P18_ship_no_receive, P19_ship_by_nonholder, P20_mass_balance,
--   P21_lot_overpopulation, P22_destination_mismatch, P23_child_without_parent,
--   P24_parent_content_conflict, P25_repack_imbalance, P26_unauthorised_partner,
--   P27_provenance_gap, P28_new_edge_risk, P29_excess_hops, P30_round_trip, P31_flash_hub,
--   P32_role_inversion, P33_pass_through, P34_market_diversion, P35_price_volume,
--   P36_dwell_transit, P37_cold_chain, P38_verify_burst, P39_return_laundering, P40_forged_ti,
--   core_container, core_lot, core_site, core_unit, find_suppression
-- columns:
--   finding_id     hash of pattern, lot, pack or container, places and first record
--   pattern        P01 to P40
--   family         identity, lifecycle, quantity, network, condition
--   lot_id         core_lot
--   gtin           of the lot
--   lot            as stated
--   unit_id        the pack; null at other grains
--   epc            of the pack
--   container_id   the case, pallet or tote; null at other grains
--   sscc           of the container
--   site_id        where
--   site_gln       GLN or text of that place
--   other_site_id  the second place, where two disagree
--   other_gln      GLN or text of the second place
--   severity       S1 (hold now), S2 (same day), S3 (queue), S4 (note)
--   status         stands; explained (a benign test holds); data_gap (the data cannot tell);
--                  suppressed (it would stand, and a person set it aside until a date)
--   benign         code of the benign cause that explains it; null otherwise
--   history        conflicting: records contradict each other; missing: a record is absent
--   units          packs affected
--   observed       JSON, the numbers seen
--   threshold      JSON, the numbers they were held against, under the same names
--   tests          JSON list, each benign test with its result and the numbers that decide
--   record_ids     records that show it, sorted
--   suppression_id  the first suppression that covers it; null where none does, or it does not stand
-- caveats: A finding is a reason to look. Its id changes when its first record or its places do.
--   A suppression changes the status alone: severity, tests and records stay as they were found.
WITH every_pattern AS (
    SELECT 'P01' AS pattern, 'identity' AS family, * FROM P01_clone_travel
    UNION ALL BY NAME
    SELECT 'P02' AS pattern, 'identity' AS family, * FROM P02_clone_mass
    UNION ALL BY NAME
    SELECT 'P03' AS pattern, 'lifecycle' AS family, * FROM P03_double_terminal
    UNION ALL BY NAME
    SELECT 'P04' AS pattern, 'identity' AS family, * FROM P04_serial_unknown
    UNION ALL BY NAME
    SELECT 'P05' AS pattern, 'identity' AS family, * FROM P05_serial_out_of_pool
    UNION ALL BY NAME
    SELECT 'P06' AS pattern, 'identity' AS family, * FROM P06_serial_probing
    UNION ALL BY NAME
    SELECT 'P07' AS pattern, 'identity' AS family, * FROM P07_lot_serial_mismatch
    UNION ALL BY NAME
    SELECT 'P08' AS pattern, 'identity' AS family, * FROM P08_expiry_mismatch
    UNION ALL BY NAME
    SELECT 'P09' AS pattern, 'identity' AS family, * FROM P09_lot_unknown
    UNION ALL BY NAME
    SELECT 'P10' AS pattern, 'identity' AS family, * FROM P10_shelf_life_excess
    UNION ALL BY NAME
    SELECT 'P11' AS pattern, 'lifecycle' AS family, * FROM P11_after_terminal
    UNION ALL BY NAME
    SELECT 'P12' AS pattern, 'lifecycle' AS family, * FROM P12_dispensed_reentry
    UNION ALL BY NAME
    SELECT 'P13' AS pattern, 'lifecycle' AS family, * FROM P13_order_violation
    UNION ALL BY NAME
    SELECT 'P14' AS pattern, 'lifecycle' AS family, * FROM P14_expired_moving
    UNION ALL BY NAME
    SELECT 'P15' AS pattern, 'lifecycle' AS family, * FROM P15_hold_recall_moving
    UNION ALL BY NAME
    SELECT 'P16' AS pattern, 'lifecycle' AS family, * FROM P16_stolen_reentry
    UNION ALL BY NAME
    SELECT 'P17' AS pattern, 'lifecycle' AS family, * FROM P17_receive_no_ship
    UNION ALL BY NAME
    SELECT 'P18' AS pattern, 'lifecycle' AS family, * FROM P18_ship_no_receive
    UNION ALL BY NAME
    SELECT 'P19' AS pattern, 'lifecycle' AS family, * FROM P19_ship_by_nonholder
    UNION ALL BY NAME
    SELECT 'P20' AS pattern, 'quantity' AS family, * FROM P20_mass_balance
    UNION ALL BY NAME
    SELECT 'P21' AS pattern, 'quantity' AS family, * FROM P21_lot_overpopulation
    UNION ALL BY NAME
    SELECT 'P22' AS pattern, 'network' AS family, * FROM P22_destination_mismatch
    UNION ALL BY NAME
    SELECT 'P23' AS pattern, 'lifecycle' AS family, * FROM P23_child_without_parent
    UNION ALL BY NAME
    SELECT 'P24' AS pattern, 'lifecycle' AS family, * FROM P24_parent_content_conflict
    UNION ALL BY NAME
    SELECT 'P25' AS pattern, 'quantity' AS family, * FROM P25_repack_imbalance
    UNION ALL BY NAME
    SELECT 'P26' AS pattern, 'network' AS family, * FROM P26_unauthorised_partner
    UNION ALL BY NAME
    SELECT 'P27' AS pattern, 'network' AS family, * FROM P27_provenance_gap
    UNION ALL BY NAME
    SELECT 'P28' AS pattern, 'network' AS family, * FROM P28_new_edge_risk
    UNION ALL BY NAME
    SELECT 'P29' AS pattern, 'network' AS family, * FROM P29_excess_hops
    UNION ALL BY NAME
    SELECT 'P30' AS pattern, 'network' AS family, * FROM P30_round_trip
    UNION ALL BY NAME
    SELECT 'P31' AS pattern, 'network' AS family, * FROM P31_flash_hub
    UNION ALL BY NAME
    SELECT 'P32' AS pattern, 'network' AS family, * FROM P32_role_inversion
    UNION ALL BY NAME
    SELECT 'P33' AS pattern, 'network' AS family, * FROM P33_pass_through
    UNION ALL BY NAME
    SELECT 'P34' AS pattern, 'network' AS family, * FROM P34_market_diversion
    UNION ALL BY NAME
    SELECT 'P35' AS pattern, 'quantity' AS family, * FROM P35_price_volume
    UNION ALL BY NAME
    SELECT 'P36' AS pattern, 'condition' AS family, * FROM P36_dwell_transit
    UNION ALL BY NAME
    SELECT 'P37' AS pattern, 'condition' AS family, * FROM P37_cold_chain
    UNION ALL BY NAME
    SELECT 'P38' AS pattern, 'identity' AS family, * FROM P38_verify_burst
    UNION ALL BY NAME
    SELECT 'P39' AS pattern, 'lifecycle' AS family, * FROM P39_return_laundering
    UNION ALL BY NAME
    SELECT 'P40' AS pattern, 'network' AS family, * FROM P40_forged_ti
),
named AS (
    SELECT
        finding.*,
        core_lot.gtin,
        core_lot.lot,
        core_unit.epc,
        core_container.sscc,
        site.gln AS site_gln,
        other.gln AS other_gln,
        concat_ws(
            '|', finding.pattern, coalesce(core_lot.gtin, ''), coalesce(core_lot.lot, ''),
            coalesce(core_unit.epc, core_container.canonical, ''), coalesce(site.gln, ''),
            coalesce(other.gln, ''), coalesce(finding.record_ids[1], 0)
        ) AS identity
    FROM every_pattern AS finding
    LEFT JOIN core_lot ON core_lot.lot_id = finding.lot_id
    LEFT JOIN core_unit ON core_unit.unit_id = finding.unit_id
    LEFT JOIN core_container ON core_container.container_id = finding.container_id
    LEFT JOIN core_site AS site ON site.site_id = finding.site_id
    LEFT JOIN core_site AS other ON other.site_id = finding.other_site_id
),
numbered AS (  -- findings that differ only in what was observed are told apart by their order
    SELECT
        *,
        row_number() OVER (
            PARTITION BY identity
            ORDER BY status, severity, benign, units, observed::VARCHAR, record_ids
        ) AS same_no
    FROM named
),
identified AS (
    SELECT
        *,
        md5(concat_ws('|', identity, CASE WHEN same_no > 1 THEN same_no END)) AS finding_id
    FROM numbered
),
covered AS (
    SELECT found.finding_id, min(s.suppression_id) AS suppression_id
    FROM identified AS found
    INNER JOIN find_suppression AS s
        ON
            s.pattern = found.pattern
            AND (s.site_gln IS NULL OR s.site_gln IN (found.site_gln, found.other_gln))
            AND (s.gtin IS NULL OR s.gtin = found.gtin)
            AND (s.lot IS NULL OR s.lot = found.lot)
    WHERE found.status = 'stands'
    GROUP BY found.finding_id
)
SELECT
    identified.finding_id,
    pattern, family, lot_id, gtin, lot, unit_id, epc, container_id, sscc, site_id, site_gln,
    other_site_id, other_gln, severity,
    CASE WHEN covered.suppression_id IS NOT NULL THEN 'suppressed' ELSE status END AS status,
    benign, history, units, observed, threshold, tests, record_ids, covered.suppression_id
FROM identified
LEFT JOIN covered ON covered.finding_id = identified.finding_id
ORDER BY lot_id, pattern, status, severity, identified.finding_id
