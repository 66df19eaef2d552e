-- model:   core_custody
-- purpose: The hops of each pack from site to site: a shipment, a receipt, or both.
-- grain:   one row per pack and hop
-- key:     unit_id, hop_no
-- parts:   lot
-- reads:   core_item_event, core_site
-- columns:
--   unit_id            core_unit
--   lot_id             core_lot
--   hop_no             1-based in the pack's life
--   from_site_id       where it left: the shipment's site, else the receipt's stated source
--   to_site_id         where it arrived: the receipt's site, else the shipment's stated destination
--   shipped_at         UTC; null where no shipment is in the data
--   received_at        UTC; null where no receipt is in the data
--   ship_record_id     the shipment
--   receive_record_id  the receipt
--   transit_h          hours between; null where one is missing
--   is_inferred        nobody scanned the pack at either end
--   stated_to_site_id  the shipment's stated destination, whoever received it
--   from_owner_site_id stated owner before
--   to_owner_site_id   stated owner after
--   is_return          a step or disposition says returned, or recalled
-- caveats: Shipping, departing and consigning at one site are one shipment (the first counts), and
--   receiving, accepting, arriving one receipt. A shipment that is annulled before a receipt is no
--   hop. A receipt follows its shipment unless it states another origin.
WITH act AS (
    SELECT
        unit_id, lot_id, ord, record_id, event_at, custody, site_id,
        from_site_id, to_site_id, from_owner_site_id, to_owner_site_id, is_inferred,
        coalesce(step = 'returning' OR disposition IN ('returned', 'recalled'), false) AS is_return
    FROM core_item_event
    WHERE custody IS NOT NULL
),
-- Repeats at one site (shipping, then departing) are one act.
told AS (
    SELECT *
    FROM act
    WINDOW life AS (PARTITION BY unit_id ORDER BY ord)
    QUALIFY NOT coalesce(
        lag(custody) OVER life = custody
        AND lag(site_id) OVER life = site_id
        AND (
            lag(to_site_id) OVER life IS NULL OR to_site_id IS NULL
            OR lag(to_site_id) OVER life = to_site_id
        ),
        false
    )
),
standing AS (
    SELECT *
    FROM told
    WINDOW life AS (PARTITION BY unit_id ORDER BY ord)
    QUALIFY custody <> 'void'
        AND NOT (custody = 'ship' AND coalesce(lead(custody) OVER life, '') = 'void')
),
neighbour AS (
    SELECT
        *,
        lead(custody) OVER life AS next_custody,
        lead(site_id) OVER life AS next_site_id,
        lead(from_site_id) OVER life AS next_from_site_id,
        lead(from_owner_site_id) OVER life AS next_from_owner_site_id,
        lead(to_owner_site_id) OVER life AS next_to_owner_site_id,
        lead(event_at) OVER life AS next_at,
        lead(record_id) OVER life AS next_record_id,
        lead(is_inferred) OVER life AS next_is_inferred,
        lead(is_return) OVER life AS next_is_return
    FROM standing
    WINDOW life AS (PARTITION BY unit_id ORDER BY ord)
),
partner AS (
    SELECT site_id, partner_id FROM core_site
),
paired AS (
    SELECT
        n.*,
        n.custody = 'ship' AND coalesce(n.next_custody = 'receive', false) AND (
            n.next_from_site_id IS NULL
            OR n.next_site_id IS NOT DISTINCT FROM n.to_site_id
            OR n.next_from_site_id IN (n.site_id, n.from_site_id)
            OR b.partner_id = a.partner_id
            OR n.next_from_owner_site_id = n.from_owner_site_id
        ) IS TRUE AS is_paired
    FROM neighbour n
    LEFT JOIN partner a ON a.site_id = n.site_id
    LEFT JOIN partner b ON b.site_id = n.next_from_site_id
),
hop AS (
    SELECT *, coalesce(lag(is_paired) OVER (PARTITION BY unit_id ORDER BY ord), false) AS is_second
    FROM paired
)
SELECT
    unit_id, lot_id,
    row_number() OVER (PARTITION BY unit_id ORDER BY ord) AS hop_no,
    if(custody = 'ship', coalesce(site_id, from_site_id), from_site_id) AS from_site_id,
    CASE
        WHEN custody = 'receive' THEN site_id
        WHEN is_paired THEN coalesce(next_site_id, to_site_id)
        ELSE to_site_id
    END AS to_site_id,
    if(custody = 'ship', event_at, NULL) AS shipped_at,
    CASE WHEN custody = 'receive' THEN event_at WHEN is_paired THEN next_at END AS received_at,
    if(custody = 'ship', record_id, NULL) AS ship_record_id,
    CASE WHEN custody = 'receive' THEN record_id WHEN is_paired THEN next_record_id END
        AS receive_record_id,
    if(is_paired, epoch_us(next_at - event_at) / 3.6e9, NULL) AS transit_h,
    is_inferred AND (NOT is_paired OR next_is_inferred) AS is_inferred,
    if(custody = 'ship', to_site_id, NULL) AS stated_to_site_id,
    from_owner_site_id,
    coalesce(to_owner_site_id, if(is_paired, next_to_owner_site_id, NULL)) AS to_owner_site_id,
    is_return OR (is_paired AND next_is_return) AS is_return
FROM hop
WHERE NOT is_second
