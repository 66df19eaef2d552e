-- model:   P37_cold_chain
-- purpose: Goods whose temperature left their limits for too long, or went unrecorded on the way.
-- grain:   one row per lot, kind (outside, gap) and explanation; one data gap per lot
-- key:     none
-- pattern: P37
-- family:  condition
-- definition: By the readings of one sensor that travelled with the lot: minutes outside the
--   product's limits, half a degree allowed, beyond the budget (60 min for goods kept at 15 C or
--   colder, a day for others; the product list's stability_budget_min before either). Or a silence
--   of more than 2 h between two readings while such a cold product was on its way.
-- guard: The product list states the storage so that limits can be read; ambient sensors are left
--   out. The time between two readings counts whole where both are outside, half where one is, and
--   never beyond 2 h. A silence counts for a sensor with at least 6 readings, half of them within
--   30 min of the next: others report at stations only. One lone reading outside is a data gap; so is a
--   warm end of a log that a site read out whose feed leaves arrivals untold (feat_handover): it may
--   have lain there.
-- severity: S2 always.
-- benign: B26 (what is outside lasts under 15 min at a time: a door, a moved probe; or begins after
--   the receipt on a sensor that had come with the goods: the logger was taken out and read).
-- source: Lunapharm, Levemir 2009, Gallant; typology P37
-- parts:   lot
-- reads:   core_event, core_item_event, core_lot, core_lot_key, core_movement, core_product,
--   core_sensor, feat_handover, raw_setting, stg_event_item, stg_product_master
-- columns: as in find_finding's pattern shape
-- caveats: Which packs lay near the sensor is not told: all packs of the event are concerned. Mean
--   kinetic temperature is not computed.
WITH setting AS (
    SELECT
        max(value) FILTER (WHERE name = 'P37.budget_min') AS budget_min,
        max(value) FILTER (WHERE name = 'P37.ambient_budget_min') AS ambient_budget_min,
        max(value) FILTER (WHERE name = 'P37.cold_limit_c') AS cold_limit_c,
        max(value) FILTER (WHERE name = 'P37.tolerance_c') AS tolerance_c,
        max(value) FILTER (WHERE name = 'P37.gap_h') AS gap_h,
        max(value) FILTER (WHERE name = 'P37.log_readings') AS log_readings,
        max(value) FILTER (WHERE name = 'P37.log_step_min') AS log_step_min,
        max(value) FILTER (WHERE name = 'B26.minutes') AS spike_min
    FROM raw_setting
),
-- "2-8 C", "2 °C to 8 °C", "-25 to -15", "36-46 F", "below 25 C", "refrigerated".
worded AS (
    SELECT
        gtin, lower(replace(storage, '−', '-')) AS storage,
        regexp_extract(
            lower(replace(storage, '−', '-')),
            '(-?\d+(?:[.,]\d+)?)\s*[°º]?\s*[cf]?\s*(?:to|and|until|-|–|—|/|\.\.+)\s*'
            || '(-?\d+(?:[.,]\d+)?)\s*[°º]?\s*([cf]?)',
            ['low', 'high', 'unit']
        ) AS pair,
        regexp_extract(
            lower(replace(storage, '−', '-')),
            '(?:below|under|above|exceed|up to|max\w*|<|≤)[^\d-]*'
            || '(-?\d+(?:[.,]\d+)?)\s*[°º]?\s*([cf]?)',
            ['high', 'unit']
        ) AS ceiling
    FROM core_product
    WHERE trim(storage) <> ''
),
read_limit AS (
    SELECT
        gtin,
        CASE
            WHEN pair.low <> '' THEN try_cast(replace(pair.low, ',', '.') AS DOUBLE)
            WHEN ceiling.high = '' AND storage LIKE '%refrigerat%' THEN 2.0
        END AS low,
        CASE
            WHEN pair.low <> '' THEN try_cast(replace(pair.high, ',', '.') AS DOUBLE)
            WHEN ceiling.high <> '' THEN try_cast(replace(ceiling.high, ',', '.') AS DOUBLE)
            WHEN storage LIKE '%refrigerat%' THEN 8.0
        END AS high,
        coalesce(nullif(CASE WHEN pair.low <> '' THEN pair.unit ELSE ceiling.unit END, ''), 'c')
            AS unit
    FROM worded
),
budget AS (
    SELECT gtin, arg_max(
        try_cast(attributes ->> 'stability_budget_min' AS DOUBLE), record_id) AS stated_min
    FROM stg_product_master
    WHERE attributes ->> 'stability_budget_min' IS NOT NULL
    GROUP BY gtin
),
limits AS (
    SELECT
        read_limit.gtin,
        CASE WHEN unit = 'f' THEN (low - 32) / 1.8 ELSE low END AS low_c,
        CASE WHEN unit = 'f' THEN (high - 32) / 1.8 ELSE high END AS high_c,
        budget.stated_min
    FROM read_limit
    LEFT JOIN budget ON read_limit.gtin = budget.gtin
    WHERE high IS NOT NULL AND coalesce(low < high, true)
),
-- Which lots, and how much of them, each report speaks of.
carrying AS (
    SELECT DISTINCT record_id FROM core_sensor
),
pack_load AS (
    SELECT item.lot_id, item.record_id, count(*)::DOUBLE AS units
    FROM core_item_event AS item
    SEMI JOIN carrying ON item.record_id = carrying.record_id
    GROUP BY item.lot_id, item.record_id
),
class_load AS (
    SELECT lot.lot_id, item.record_id, sum(item.quantity) AS units
    FROM stg_event_item AS item
    SEMI JOIN carrying ON item.record_id = carrying.record_id
    INNER JOIN core_event AS event ON item.record_id = event.record_id
    INNER JOIN core_lot_key AS lot
        ON item.gtin = lot.gtin AND lot.lot = coalesce(item.lot, event.lot, '(unstated)')
    WHERE item.is_class
    GROUP BY lot.lot_id, item.record_id
),
load AS (
    SELECT lot_id, record_id, sum(units) AS units
    FROM (FROM pack_load UNION ALL FROM class_load)
    GROUP BY lot_id, record_id
),
-- One reading of one sensor told by two events is one reading.
reading AS (
    SELECT
        load.lot_id, coalesce(sensor.device, '') AS device, sensor.observed_at,
        min(sensor.started_at) AS started_at, min(sensor.low_c) AS low_c,
        max(sensor.high_c) AS high_c, min(sensor.record_id) AS record_id,
        max(load.units) AS units, min(limits.low_c) AS least_c, min(limits.high_c) AS most_c,
        min(limits.stated_min) AS stated_min
    FROM core_sensor AS sensor
    INNER JOIN load ON sensor.record_id = load.record_id
    INNER JOIN core_lot AS lot ON load.lot_id = lot.lot_id
    INNER JOIN limits ON lot.gtin = limits.gtin
    WHERE NOT regexp_matches(lower(coalesce(sensor.feature, '')), 'ambi|outside|room|exterior')
    GROUP BY load.lot_id, coalesce(sensor.device, ''), sensor.observed_at
),
judged_reading AS (
    SELECT
        reading.*,
        coalesce(high_c > most_c + setting.tolerance_c, false)
        OR coalesce(low_c < least_c - setting.tolerance_c, false) AS is_outside,
        coalesce(low_c > most_c + setting.tolerance_c, false)
        OR coalesce(high_c < least_c - setting.tolerance_c, false) AS is_all_outside,
        most_c <= setting.cold_limit_c AS is_cold
    FROM reading
    CROSS JOIN setting
),
paired AS (
    SELECT
        *,
        lag(observed_at) OVER series AS prev_at,
        coalesce(lag(is_outside) OVER series, false) AS was_outside,
        count(*) OVER (PARTITION BY lot_id, device) AS readings,
        min(coalesce(started_at, observed_at)) OVER (PARTITION BY lot_id, device) AS first_at
    FROM judged_reading
    WINDOW series AS (PARTITION BY lot_id, device ORDER BY observed_at)
),
timed AS (
    SELECT
        paired.*,
        epoch(observed_at - prev_at) / 60 AS step_min,
        least(
            coalesce(epoch(observed_at - coalesce(started_at, prev_at)) / 60, 0),
            setting.gap_h * 60
        ) * CASE
            WHEN started_at IS NOT NULL THEN
                CASE WHEN is_all_outside THEN 1 WHEN is_outside THEN 0.5 ELSE 0 END
            WHEN is_outside AND was_outside THEN 1
            WHEN is_outside OR was_outside THEN 0.5
            ELSE 0
        END AS outside_min
    FROM paired
    CROSS JOIN setting
),
-- The receipt that ended the trip on which the sensor came: readings after it are of the unpacking.
arrival AS (
    SELECT
        series.lot_id, series.device,
        -- At the place that read the sensor out, where goods were sent there.
        if(
            bool_or(movement.to_site_id = series.site_id),
            min(movement.received_at) FILTER (
                WHERE movement.to_site_id = series.site_id
                    AND movement.received_at <= series.read_out_at
            ),
            min(movement.received_at)
        ) AS received_at
    FROM (
        SELECT
            timed.lot_id, timed.device, min(timed.first_at) AS first_at,
            max(event.site_id) AS site_id, max(event.event_at) AS read_out_at
        FROM timed
        INNER JOIN core_event AS event ON timed.record_id = event.record_id
        GROUP BY timed.lot_id, timed.device
    ) AS series
    INNER JOIN core_movement AS movement
        ON series.lot_id = movement.lot_id
        AND movement.shipped_at >= series.first_at - INTERVAL 1 DAY
        AND (
            (
                movement.received_at > series.first_at
                AND movement.received_at <= series.read_out_at
                AND movement.shipped_at <= movement.received_at
            )
            OR (
                movement.to_site_id = series.site_id
                AND coalesce(movement.received_at > series.read_out_at, true)
            )
        )
    GROUP BY series.lot_id, series.device
),
log_end AS (
    SELECT
        timed.lot_id, timed.device, max(timed.observed_at) AS last_at,
        bool_or(coalesce(handover.is_arrival_leaky, false)) AS is_leaky
    FROM timed
    INNER JOIN core_event AS event ON timed.record_id = event.record_id
    LEFT JOIN feat_handover AS handover
        ON timed.lot_id = handover.lot_id AND event.site_id = handover.site_id
    GROUP BY timed.lot_id, timed.device
),
run AS (
    SELECT
        *,
        sum((outside_min > 0 AND NOT was_counted)::INTEGER) OVER (
            PARTITION BY lot_id, device ORDER BY observed_at) AS run_no
    FROM (
        SELECT *, coalesce(lag(outside_min > 0) OVER (
            PARTITION BY lot_id, device ORDER BY observed_at), false) AS was_counted
        FROM timed
    )
),
spell AS (
    SELECT
        run.lot_id, run.device, run.run_no, sum(run.outside_min) AS outside_min,
        max(run.high_c) AS highest_c, min(run.low_c) AS lowest_c,
        coalesce(min(run.observed_at) FILTER (WHERE run.is_outside)
            > any_value(arrival.received_at), false) AS is_after_receipt,
        max(run.observed_at) = any_value(log_end.last_at)
        AND any_value(arrival.received_at) IS NULL AND any_value(log_end.is_leaky)
            AS is_perhaps_after
    FROM run
    LEFT JOIN log_end ON run.lot_id = log_end.lot_id AND run.device = log_end.device
    LEFT JOIN arrival ON run.lot_id = arrival.lot_id AND run.device = arrival.device
    WHERE run.outside_min > 0
    GROUP BY run.lot_id, run.device, run.run_no
),
series AS (
    SELECT
        lot_id, device, bool_and(is_cold) AS is_cold, any_value(stated_min) AS stated_min,
        max(units) AS units, max(readings) AS readings, any_value(least_c) AS least_c,
        any_value(most_c) AS most_c,
        median(step_min) AS step_min,
        count(*) FILTER (WHERE is_outside) AS readings_outside,
        list_sort(list(DISTINCT record_id))[1:50] AS record_ids
    FROM timed
    GROUP BY lot_id, device
),
outside AS (
    SELECT
        series.*, 'outside' AS kind,
        coalesce(
            series.stated_min,
            CASE WHEN series.is_cold THEN setting.budget_min ELSE setting.ambient_budget_min END
        ) AS budget_min,
        sum(spell.outside_min) AS minutes,
        sum(spell.outside_min) FILTER (
            WHERE spell.outside_min >= setting.spike_min AND NOT spell.is_after_receipt
        ) AS kept_min,
        coalesce(sum(spell.outside_min) FILTER (WHERE spell.is_perhaps_after), 0)
            AS perhaps_after_min,
        coalesce(sum(spell.outside_min) FILTER (WHERE spell.outside_min < setting.spike_min), 0)
            AS spike_min,
        coalesce(sum(spell.outside_min) FILTER (WHERE spell.is_after_receipt), 0)
            AS after_receipt_min,
        max(spell.highest_c) AS highest_c, min(spell.lowest_c) AS lowest_c
    FROM series
    CROSS JOIN setting
    INNER JOIN spell ON series.lot_id = spell.lot_id AND series.device = spell.device
    GROUP BY ALL
),
silence AS (
    SELECT
        timed.lot_id, timed.device, max(timed.step_min) AS minutes
    FROM timed
    CROSS JOIN setting
    INNER JOIN core_movement AS movement
        ON timed.lot_id = movement.lot_id
        AND movement.shipped_at <= timed.prev_at
        AND movement.received_at >= timed.observed_at
    WHERE timed.is_cold AND timed.step_min > setting.gap_h * 60
        AND timed.started_at IS NULL
    GROUP BY timed.lot_id, timed.device
),
found AS (
    SELECT
        lot_id, kind, minutes, budget_min, coalesce(kept_min, 0) AS kept_min, spike_min,
        after_receipt_min, highest_c, lowest_c, least_c, most_c, readings, units, record_ids,
        CASE WHEN coalesce(kept_min, 0) <= budget_min THEN 'B26' END AS benign,
        coalesce(kept_min, 0) <= budget_min OR kept_min - perhaps_after_min > budget_min
            AS is_known
    FROM outside
    WHERE minutes > budget_min
    UNION ALL
    SELECT
        series.lot_id, 'gap', silence.minutes, setting.gap_h * 60, silence.minutes, 0, 0, NULL,
        NULL,
        series.least_c, series.most_c, series.readings, series.units, series.record_ids, NULL, true
    FROM silence
    CROSS JOIN setting
    INNER JOIN series ON silence.lot_id = series.lot_id AND silence.device = series.device
    WHERE series.readings >= setting.log_readings AND series.step_min <= setting.log_step_min
    UNION ALL
    SELECT
        lot_id, 'outside', NULL, NULL, NULL, NULL, NULL, NULL, NULL, least_c, most_c, readings,
        units, record_ids, NULL, false
    FROM series
    WHERE readings = 1 AND readings_outside = 1
        AND (lot_id, device) NOT IN (SELECT (lot_id, device) FROM outside)
),
-- The worst sensor of the lot speaks for it.
worst AS (
    SELECT *
    FROM found
    QUALIFY row_number() OVER (
        PARTITION BY lot_id, kind, is_known
        ORDER BY benign IS NOT NULL, minutes DESC NULLS LAST, record_ids
    ) = 1
)
SELECT
    worst.lot_id::INTEGER AS lot_id,
    NULL::BIGINT AS unit_id,
    NULL::BIGINT AS container_id,
    event.site_id::INTEGER AS site_id,
    NULL::INTEGER AS other_site_id,
    CASE WHEN worst.is_known THEN 'S2' ELSE 'S4' END AS severity,
    CASE
        WHEN NOT worst.is_known THEN 'data_gap'
        WHEN worst.benign IS NOT NULL THEN 'explained'
        ELSE 'stands'
    END AS status,
    worst.benign,
    CASE WHEN worst.kind = 'outside' AND worst.is_known THEN 'conflicting' ELSE 'missing' END
        AS history,
    coalesce(worst.units, 0)::DOUBLE AS units,
    to_json({
        'outside_limits_min': CASE WHEN worst.kind = 'outside' THEN round(worst.minutes, 1) END,
        'unrecorded_min': CASE WHEN worst.kind = 'gap' THEN round(worst.minutes, 1) END,
        'highest_c': round(worst.highest_c, 1), 'lowest_c': round(worst.lowest_c, 1),
        'readings': worst.readings
    }) AS observed,
    to_json({
        'outside_limits_min': CASE WHEN worst.kind = 'outside' THEN worst.budget_min END,
        'unrecorded_min': CASE WHEN worst.kind = 'gap' THEN worst.budget_min END,
        'highest_c': round(worst.most_c, 1), 'lowest_c': round(worst.least_c, 1)
    }) AS threshold,
    CASE
        WHEN NOT worst.is_known THEN '[]'::JSON
        ELSE to_json([to_json({
            'code': 'B26',
            'result': CASE
                WHEN worst.kind = 'gap' THEN 'not_testable'
                WHEN worst.benign = 'B26' THEN 'supported'
                ELSE 'ruled_out'
            END,
            'spikes_min': round(worst.spike_min, 1),
            'after_receipt_min': round(worst.after_receipt_min, 1),
            'left_min': CASE WHEN worst.kind = 'outside' THEN round(worst.kept_min, 1) END
        })])::JSON
    END AS tests,
    worst.record_ids
FROM worst
LEFT JOIN core_event AS event ON worst.record_ids[1] = event.record_id
ORDER BY ALL
