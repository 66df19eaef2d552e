-- model:   stg_place
-- purpose: Every place and party that any source names, with the latest statement of each
--   attribute.
-- grain:   one row per GLN or opaque place
-- key:     gln
-- reads:   raw_event_party, raw_identifier, raw_licence, raw_master_data, raw_shipment, raw_site,
--          raw_verification, stg_event, stg_place_epc, stg_role
-- columns:
--   gln               GLN-13, or the text of an opaque place
--   name              as stated
--   role              our word, see stg_role
--   city              as stated
--   country           ISO 3166 alpha-2 in capitals, or as stated
--   latitude          degrees north
--   longitude         degrees east
--   partner           the firm it belongs to, as stated
--   owner_gln         the one party that events show behind this location; null where several
--   is_synthetic      the source has no GLN; ours is an in-house number
--   is_stated         some list or master data describes it
--   is_commissioning  serials are commissioned there
--   partner_key       what the sites of one firm share: the stated firm, else the owning party,
--                     else the site itself
-- caveats: Latest means landed last. A statement about a place inside the site counts only where
--   none is made about the site itself.
WITH described AS (
    SELECT gln, record_id, true AS is_whole, pair.attribute, pair.value
    FROM (SELECT gln, record_id, unnest([
        {'attribute': 'name', 'value': name},
        {'attribute': 'role', 'value': role},
        {'attribute': 'city', 'value': city},
        {'attribute': 'country', 'value': country},
        {'attribute': 'latitude', 'value': latitude::VARCHAR},
        {'attribute': 'longitude', 'value': longitude::VARCHAR},
        {'attribute': 'partner', 'value': partner},
        {'attribute': 'is_synthetic', 'value': is_synthetic::VARCHAR}
    ]) AS pair FROM raw_site)
    UNION ALL
    SELECT
        p.gln, m.record_id, i.extension IS NULL AS is_whole,
        CASE
            WHEN lower(m.attribute) IN ('name', 'partyname', 'sitename') THEN 'name'
            WHEN lower(m.attribute) IN
                ('role', 'siterole', 'sitetype', 'partyrole', 'partytype', 'businessrole')
                THEN 'role'
            WHEN lower(m.attribute) = 'city' THEN 'city'
            WHEN lower(m.attribute) IN ('country', 'countrycode') THEN 'country'
            WHEN lower(m.attribute) IN ('latitude', 'lat') THEN 'latitude'
            WHEN lower(m.attribute) IN ('longitude', 'lon', 'long') THEN 'longitude'
            WHEN lower(m.attribute) IN ('partner', 'owner', 'ownername') THEN 'partner'
        END AS attribute,
        m.value
    FROM raw_master_data m
    JOIN raw_identifier i ON i.text_id = m.subject
    JOIN stg_place_epc p ON p.epc_id = i.epc_id
    WHERE m.kind IN ('site', 'party')
),
latest AS (
    SELECT gln, attribute, trim(value) AS value
    FROM described
    WHERE trim(value) <> '' AND attribute IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY gln, attribute ORDER BY is_whole DESC, record_id DESC, value) = 1
),
stated AS (
    SELECT
        gln,
        max(value) FILTER (WHERE attribute = 'name') AS name,
        max(value) FILTER (WHERE attribute = 'role') AS role_text,
        max(value) FILTER (WHERE attribute = 'city') AS city,
        max(value) FILTER (WHERE attribute = 'country') AS country,
        max(TRY_CAST(value AS DOUBLE)) FILTER (WHERE attribute = 'latitude') AS latitude,
        max(TRY_CAST(value AS DOUBLE)) FILTER (WHERE attribute = 'longitude') AS longitude,
        max(value) FILTER (WHERE attribute = 'partner') AS partner,
        bool_or(TRY_CAST(value AS BOOLEAN)) FILTER (WHERE attribute = 'is_synthetic')
            AS is_synthetic
    FROM latest
    GROUP BY gln
),
-- The party behind a location: the holder stated beside it, else the owner.
behind AS (
    SELECT
        min(p.gln) FILTER (WHERE s.type = 'location') AS gln,
        coalesce(
            min(p.gln) FILTER (WHERE s.type = 'possessing_party'),
            min(p.gln) FILTER (WHERE s.type = 'owning_party')
        ) AS owner_gln
    FROM raw_event_party s
    JOIN raw_identifier i ON i.text_id = s.party
    JOIN stg_place_epc p ON p.epc_id = i.epc_id
    GROUP BY s.record_id, s.direction
),
owner AS (
    SELECT gln, min(owner_gln) AS owner_gln
    FROM behind
    WHERE owner_gln <> gln
    GROUP BY gln
    HAVING count(DISTINCT owner_gln) = 1
),
maker AS (
    SELECT DISTINCT p.gln
    FROM stg_event e
    JOIN stg_place_epc p ON p.epc_id = e.place_id
    WHERE e.status = 'live' AND e.step = 'commissioning'
),
seen AS (
    SELECT gln FROM stg_place_epc
    UNION SELECT gln FROM raw_site
    UNION SELECT from_gln FROM raw_shipment
    UNION SELECT to_gln FROM raw_shipment
    UNION SELECT site_gln FROM raw_verification
    UNION SELECT gln FROM raw_licence
),
place AS (
    SELECT
        gln, s.name, coalesce(r.role, 'unknown') AS role, s.city,
        if(length(s.country) = 2, upper(s.country), s.country) AS country,
        if(s.latitude BETWEEN -90 AND 90 AND s.longitude BETWEEN -180 AND 180, s.latitude, NULL)
            AS latitude,
        if(s.latitude BETWEEN -90 AND 90 AND s.longitude BETWEEN -180 AND 180, s.longitude, NULL)
            AS longitude,
        s.partner, o.owner_gln,
        coalesce(s.is_synthetic, false) AS is_synthetic,
        s.gln IS NOT NULL AS is_stated,
        m.gln IS NOT NULL AS is_commissioning
    FROM seen
    LEFT JOIN stated s USING (gln)
    LEFT JOIN stg_role r ON r.role_text = lower(s.role_text)
    LEFT JOIN owner o USING (gln)
    LEFT JOIN maker m USING (gln)
    WHERE gln <> ''
)
SELECT
    p.*,
    coalesce(
        'firm ' || lower(coalesce(p.partner, o.partner)),
        'party ' || coalesce(p.owner_gln, p.gln)
    ) AS partner_key
FROM place p
LEFT JOIN place o ON o.gln = p.owner_gln
