-- query:   what_changed
-- purpose: Which lots are judged otherwise than in the run before, and because of what?
SELECT
    gtin, lot, tier_before, tier, findings_standing_before, findings_standing, changes, causes,
    records, event_ids
FROM lot_change
