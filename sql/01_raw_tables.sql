-- Landed records as they were read, one table a kind. The only file with 02 that is not one SELECT.
--
-- Every landed record carries a `record_id`, unique over all raw tables: findings and reports cite it.
-- Times are UTC. An `epc`, `place`, `party` column holds a `raw_identifier.text_id`.
-- No primary keys: DuckDB's key index costs seven times the load; landing keeps them unique.

CREATE TABLE IF NOT EXISTS raw_source_file (
    file_id INTEGER,          -- 1, 2, 3 in the order of landing
    path VARCHAR,             -- as given by the operator, for people; never opened again from here
    sha256 VARCHAR,           -- of the bytes as they lie on disk: the file's identity
    byte_count BIGINT,
    kind VARCHAR,             -- epcis, shipments, verifications, licences, theft_notices, recalls, exemptions, lot_master, product_master, sites, archive (of several kinds), unknown
    read_count BIGINT,        -- records met
    set_aside_count BIGINT,   -- of which unreadable; the rest landed
    first_record_id BIGINT,   -- record_id = first_record_id + position - 1
    ingested_at TIMESTAMP,    -- the run's own clock
    message VARCHAR,          -- what was wrong with the file as a whole, if anything
    layouts VARCHAR           -- hashes of the user's mappings in force when it was landed, in order, and limits other than the default; null: none
);

CREATE TABLE IF NOT EXISTS raw_rejected (
    file_id INTEGER,
    position BIGINT,          -- 1-based ordinal of the record in its file; null: the file as a whole
    place VARCHAR,            -- where a person finds it: line 812, event 14, row 7
    reason VARCHAR,
    remedy VARCHAR            -- what to do
);

CREATE TABLE IF NOT EXISTS raw_identifier (
    text_id BIGINT,           -- one per distinct text
    text VARCHAR,             -- as read
    epc_id BIGINT,            -- one per canonical form (the text_id that showed it first): the join key
    scheme VARCHAR,           -- sgtin, lgtin, gtin, sscc, sgln, pgln, giai, grai, gdti, ..., opaque
    canonical VARCHAR,        -- GS1 Digital Link on id.gs1.org; the text itself where opaque
    gtin VARCHAR,             -- GTIN-14
    serial VARCHAR,
    lot VARCHAR,
    sscc VARCHAR,
    gln VARCHAR,              -- GLN-13 of sgln and pgln
    extension VARCHAR,        -- of an sgln: the place inside the site
    note VARCHAR              -- bad_check_digit, bad_length, ...; never a reason to reject
);

CREATE TABLE IF NOT EXISTS raw_document (
    file_id INTEGER,
    sender VARCHAR,
    receiver VARCHAR,
    created_text VARCHAR,
    schema_version VARCHAR,
    is_statement_affirmed BOOLEAN,  -- DSCSA transaction statement
    legal_notice VARCHAR
);

CREATE TABLE IF NOT EXISTS raw_event (
    record_id BIGINT,
    file_id INTEGER,
    position BIGINT,
    event_type VARCHAR,       -- ObjectEvent, AggregationEvent, TransactionEvent, TransformationEvent, AssociationEvent
    action VARCHAR,           -- ADD, OBSERVE, DELETE; null for transformations
    event_id VARCHAR,
    event_at TIMESTAMP,
    event_time_text VARCHAR,
    zone_offset_min INTEGER,  -- eventTimeZoneOffset; null where absent. Never shifts event_at
    recorded_at TIMESTAMP,
    step VARCHAR,             -- CBV bizStep as a bare word; verbatim where unknown
    disposition VARCHAR,
    read_point BIGINT,
    biz_location BIGINT,
    transformation_id VARCHAR,
    lot VARCHAR,              -- ILMD
    expiry DATE,
    expiry_text VARCHAR,
    made_on DATE,
    is_declaration BOOLEAN,   -- carries an errorDeclaration
    declared_at TIMESTAMP,
    declared_reason VARCHAR,
    corrective_event_ids VARCHAR[],
    attributes JSON,          -- persistent disposition, drop shipment and vendor extensions, by local name
    content_key VARCHAR       -- our own: what the event says, without ids, recordTime and declaration
);

CREATE TABLE IF NOT EXISTS raw_event_item (
    record_id BIGINT,
    role VARCHAR,             -- epc, parent, child, input, output
    epc BIGINT,
    quantity DOUBLE,          -- of a class; null for an instance
    uom VARCHAR,              -- null: a count
    is_class BOOLEAN          -- from a quantity list
);

CREATE TABLE IF NOT EXISTS raw_event_party (
    record_id BIGINT,
    direction VARCHAR,        -- source, destination
    type VARCHAR,             -- owning_party, possessing_party, location, ...
    party BIGINT
);

CREATE TABLE IF NOT EXISTS raw_event_transaction (
    record_id BIGINT,
    type VARCHAR,             -- po, desadv, inv, ...
    document VARCHAR
);

CREATE TABLE IF NOT EXISTS raw_event_sensor (
    record_id BIGINT,
    type VARCHAR,             -- Temperature, AbsoluteHumidity, ...
    observed_at TIMESTAMP,
    value DOUBLE,
    min_value DOUBLE,
    max_value DOUBLE,
    mean_value DOUBLE,
    uom VARCHAR,
    exception VARCHAR,
    report JSON               -- everything else the report said
);

CREATE TABLE IF NOT EXISTS raw_master_data (
    record_id BIGINT,
    file_id INTEGER,
    position BIGINT,
    kind VARCHAR,             -- site, product, party, other
    subject BIGINT,           -- whom it describes
    attribute VARCHAR,        -- local name: name, city, countryCode, latitude, additionalTradeItemIdentification, ...
    value VARCHAR
);

CREATE TABLE IF NOT EXISTS raw_shipment (
    record_id BIGINT, file_id INTEGER, position BIGINT,
    shipment_id VARCHAR, line VARCHAR,
    from_gln VARCHAR, to_gln VARCHAR,
    gtin VARCHAR, lot VARCHAR, quantity DOUBLE, uom VARCHAR,
    shipped_at TIMESTAMP, received_at TIMESTAMP, scheduled_at TIMESTAMP, ordered_at TIMESTAMP,
    is_day_precision BOOLEAN, -- the log knows days, not hours
    unit_price DOUBLE, currency VARCHAR, mode VARCHAR, order_id VARCHAR,
    reason VARCHAR,           -- sale, return, disposal, loss, ...; null: a sale
    attributes JSON, content_key VARCHAR
);

CREATE TABLE IF NOT EXISTS raw_verification (
    record_id BIGINT, file_id INTEGER, position BIGINT,
    requested_at TIMESTAMP, site_gln VARCHAR, epc BIGINT,
    gtin VARCHAR, serial VARCHAR, lot VARCHAR, expiry DATE, expiry_text VARCHAR,
    entry_mode VARCHAR,       -- scan, manual
    answer_code VARCHAR,      -- ACTIVE, A2, A3, A7, A24, A52, A68, NO_ANSWER, or a VRS reason
    attributes JSON, content_key VARCHAR
);

CREATE TABLE IF NOT EXISTS raw_licence (
    record_id BIGINT, file_id INTEGER, position BIGINT,
    gln VARCHAR, role VARCHAR, licence_no VARCHAR, valid_from DATE, valid_to DATE, country VARCHAR,
    attributes JSON, content_key VARCHAR
);

CREATE TABLE IF NOT EXISTS raw_theft_notice (
    record_id BIGINT, file_id INTEGER, position BIGINT,
    reported_at TIMESTAMP, gtin VARCHAR, lot VARCHAR, serial VARCHAR, sscc VARCHAR,
    epc BIGINT,               -- of the serial or sscc named; null: the whole lot
    place VARCHAR,
    attributes JSON, content_key VARCHAR
);

CREATE TABLE IF NOT EXISTS raw_recall (
    record_id BIGINT, file_id INTEGER, position BIGINT,
    gtin VARCHAR, lot VARCHAR, class VARCHAR, from_at TIMESTAMP,
    attributes JSON, content_key VARCHAR
);

CREATE TABLE IF NOT EXISTS raw_exemption (
    record_id BIGINT, file_id INTEGER, position BIGINT,
    gtin VARCHAR, gln VARCHAR, valid_from DATE, valid_to DATE, source VARCHAR,
    attributes JSON, content_key VARCHAR
);

CREATE TABLE IF NOT EXISTS raw_lot_master (
    record_id BIGINT, file_id INTEGER, position BIGINT,
    gtin VARCHAR, lot VARCHAR, expiry DATE, expiry_text VARCHAR, manufactured DATE, quantity DOUBLE, markets VARCHAR[],
    attributes JSON, content_key VARCHAR
);

CREATE TABLE IF NOT EXISTS raw_product_master (
    record_id BIGINT, file_id INTEGER, position BIGINT,
    gtin VARCHAR, name VARCHAR, shelf_life_days INTEGER, markets VARCHAR[], storage VARCHAR, high_risk BOOLEAN,
    is_synthetic BOOLEAN,     -- the source has no GTIN; ours is an in-house number
    attributes JSON, content_key VARCHAR
);

CREATE TABLE IF NOT EXISTS raw_site (
    record_id BIGINT, file_id INTEGER, position BIGINT,
    gln VARCHAR, name VARCHAR, role VARCHAR, city VARCHAR, country VARCHAR,
    latitude DOUBLE, longitude DOUBLE, partner VARCHAR,
    is_synthetic BOOLEAN,     -- the source has no GLN; ours is an in-house number
    attributes JSON, content_key VARCHAR
);
