-- model:   lot_trajectory
-- purpose: How much of each lot went ways that are out of the ordinary.
-- grain:   one row per lot with packs in the data
-- key:     gtin, lot
-- kind:    view
-- reads:   core_lot, feat_lot_trajectory, find_level_score, raw_setting
-- columns:
--   gtin             GTIN-14
--   lot              as stated
--   packs            packs in the data
--   trajectories     distinct ways they went
--   odd_packs        packs on ways whose p-value is at most lot_risk.alarm_p_value
--   odd_share        share of its packs
--   oddest           subject of the way that is most unlike the others
--   oddest_pct       its suspicion
--   oddest_packs     packs of this lot that went it
-- caveats: Evidence to weigh, not a finding: missed scans make odd ways too. About one in a hundred
--   packs of honest lots goes such a way.
WITH alarm AS (
    SELECT max(value) AS p_value
    FROM raw_setting
    WHERE name = 'lot_risk.alarm_p_value'
)
SELECT
    l.gtin, l.lot,
    sum(w.packs)::BIGINT AS packs,
    count(*) AS trajectories,
    coalesce(sum(w.packs) FILTER (WHERE s.p_value <= a.p_value), 0)::BIGINT AS odd_packs,
    coalesce(sum(w.packs) FILTER (WHERE s.p_value <= a.p_value), 0) / sum(w.packs) AS odd_share,
    arg_max(s.subject, (s.suspicion_pct, w.packs, -w.trajectory_id)) AS oddest,
    max(s.suspicion_pct) AS oddest_pct,
    arg_max(w.packs, (s.suspicion_pct, w.packs, -w.trajectory_id)) AS oddest_packs
FROM feat_lot_trajectory w
JOIN core_lot l ON l.lot_id = w.lot_id
CROSS JOIN alarm a
LEFT JOIN find_level_score s ON s.level = 'trajectory' AND s.key_id = w.trajectory_id
GROUP BY l.gtin, l.lot
ORDER BY odd_share DESC, l.gtin, l.lot
