-- model:   core_event
-- purpose: Live events in one total order, their places resolved and their meaning marked.
-- grain:   one row per live event with a time
-- key:     ord
-- reads:   core_site, stg_event, stg_place_epc
-- columns:
--   ord                 1, 2, 3 by time, then ADD before OBSERVE before DELETE, then record
--   record_id           of the event
--   event_at            UTC
--   recorded_at         UTC; null where not recorded
--   event_type          ObjectEvent, AggregationEvent, ...
--   action              ADD, OBSERVE, DELETE; null for transformations
--   step                bizStep as a bare word
--   disposition         as a bare word
--   lot                 ILMD lot
--   expiry              ILMD expiry
--   made_on             ILMD day of manufacture
--   site_id             where it happened: bizLocation, else readPoint, else the source (shipping)
--                       or destination (receiving); a shipment's origin where it states its target
--   from_site_id        source: location, else holder, else owner
--   to_site_id          destination, likewise
--   from_owner_site_id  owning party of the source
--   to_owner_site_id    owning party of the destination
--   clock_doubt_min     minutes by which event_at may be wrong
--   lag_h               hours from event_at to recorded_at
--   custody             ship, receive, void or null: what the step does to custody
--   is_birth            gives life to what it lists or makes: commissioning, first ADD,
--                       transformation
--   is_terminal         ends what it lists: sold to a patient, destroyed or taken out of use
--   is_undo             takes an earlier end back, if there was one: an undoing step
--   is_put_back         calls what it lists active or sellable without moving it: takes an end back
--                       that was made at the same place
--   ends_identifier     what it lists is no longer in its container afterwards
--   ends_content        ends what is inside too: sold or destroyed, not a label taken out of use
--   is_return           the step or disposition says returned, or recalled
--   moves_content       what happens to the container happens to what is in it
-- caveats: At equal times the order between two events of one action is a convention (record
--   order). A disposition alone ends a life only where the step is not a movement: a shipment of
--   destroyed or inactive goods tells of an end, it does not make one.
WITH site AS (
    SELECT p.epc_id, s.site_id FROM stg_place_epc p JOIN core_site s ON s.gln = p.gln
),
live AS (
    SELECT
        *,
        CASE
            WHEN step IN ('shipping', 'departing', 'consigning') THEN 'ship'
            WHEN step IN ('receiving', 'accepting', 'arriving', 'receipt') THEN 'receive'
            WHEN step = 'void_shipping' THEN 'void'
        END AS custody,
        coalesce(event_type, '') = 'TransformationEvent'
            OR (coalesce(step, '') = 'commissioning' AND coalesce(action, 'ADD') <> 'DELETE')
            OR (
                coalesce(event_type, '') = 'ObjectEvent' AND coalesce(action, '') = 'ADD'
                AND coalesce(step, '') NOT IN (
                    'shipping', 'departing', 'consigning', 'receiving', 'accepting', 'arriving',
                    'receipt', 'void_shipping', 'encoding',
                    'dispensing', 'retail_selling', 'destroying', 'decommissioning',
                    'decomissioning'
                )
            ) AS is_birth
    FROM stg_event
    WHERE status = 'live' AND event_at IS NOT NULL
),
judged AS (
    SELECT
        *,
        NOT is_birth AND (
            coalesce(step, '') IN
                ('dispensing', 'retail_selling', 'destroying', 'decommissioning', 'decomissioning')
            OR (
                coalesce(disposition, '') IN ('dispensed', 'retail_sold', 'destroyed', 'inactive')
                AND custody IS NULL
            )
        ) AS is_terminal
    FROM live
)
SELECT
    row_number() OVER (
        ORDER BY e.event_at, CASE e.action WHEN 'ADD' THEN 0 WHEN 'DELETE' THEN 2 ELSE 1 END,
            e.record_id
    ) AS ord,
    e.record_id, e.event_at, e.recorded_at, e.event_type, e.action, e.step, e.disposition,
    e.lot, e.expiry, e.made_on,
    CASE
        WHEN e.custody = 'ship' AND at_site.site_id = to_site.site_id
            THEN coalesce(read_site.site_id, from_site.site_id, at_site.site_id)
        WHEN e.custody = 'ship' THEN coalesce(at_site.site_id, from_site.site_id)
        WHEN e.custody = 'receive' THEN coalesce(at_site.site_id, to_site.site_id)
        ELSE at_site.site_id
    END AS site_id,
    from_site.site_id AS from_site_id,
    to_site.site_id AS to_site_id,
    from_owner.site_id AS from_owner_site_id,
    to_owner.site_id AS to_owner_site_id,
    e.clock_doubt_min, e.lag_h, e.custody, e.is_birth, e.is_terminal,
    coalesce(
        e.step IN (
            'undispensing', 'undo_dispensing', 'void_dispensing', 'reactivating', 'recommissioning',
            'undecommissioning', 'void_decommissioning'
        ),
        false
    ) AS is_undo,
    coalesce(
        e.event_type = 'ObjectEvent' AND e.action <> 'DELETE' AND e.custody IS NULL
        AND e.disposition IN ('active', 'sellable_accessible', 'sellable_not_accessible')
        AND NOT (e.is_birth OR e.is_terminal),
        false
    ) AS is_put_back,
    coalesce(e.event_type = 'ObjectEvent' AND e.action = 'DELETE', false) OR e.is_terminal
        AS ends_identifier,
    e.is_terminal AND (
        coalesce(e.step, '') IN ('dispensing', 'retail_selling', 'destroying')
        OR coalesce(e.disposition, '') IN ('dispensed', 'retail_sold', 'destroyed')
    ) AS ends_content,
    coalesce(e.step = 'returning' OR e.disposition IN ('returned', 'recalled'), false)
        AS is_return,
    NOT coalesce(
        e.step IN ('commissioning', 'decommissioning', 'decomissioning', 'encoding')
        OR e.event_type = 'TransformationEvent'
        OR (e.step IS NULL AND e.event_type = 'ObjectEvent' AND e.action IN ('ADD', 'DELETE')),
        false
    ) AS moves_content
FROM judged e
LEFT JOIN site at_site ON at_site.epc_id = e.place_id
LEFT JOIN site read_site ON read_site.epc_id = e.read_point_id
LEFT JOIN site from_site ON from_site.epc_id = e.from_id
LEFT JOIN site to_site ON to_site.epc_id = e.to_id
LEFT JOIN site from_owner ON from_owner.epc_id = e.from_owner_id
LEFT JOIN site to_owner ON to_owner.epc_id = e.to_owner_id
