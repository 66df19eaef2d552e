-- Tables that Python fills: settings and cases before the build, graph measures, scores and the run ledger after.

CREATE TABLE IF NOT EXISTS raw_setting (
    name VARCHAR,             -- P01.distance_km
    value DOUBLE,
    unit VARCHAR,
    source VARCHAR            -- where the number comes from
);

CREATE TABLE IF NOT EXISTS raw_run (
    run_id VARCHAR,           -- hash of inputs, settings, SQL and as_of: the same run has the same id
    as_of TIMESTAMP,
    status VARCHAR,           -- running, finished, failed
    manifest JSON
);

CREATE TABLE IF NOT EXISTS raw_case (
    case_id VARCHAR,
    kind VARCHAR,             -- public, own, benign, simulated, imported
    title VARCHAR,
    happened_on VARCHAR,      -- as precisely as known: 2023-12
    product VARCHAR,
    mechanism_class VARCHAR,
    mechanism VARCHAR,
    outcome VARCHAR,
    markets VARCHAR[],
    lots VARCHAR[],
    visible_in_event_data VARCHAR,
    sources JSON,             -- [{title, url}]
    product_class VARCHAR,    -- how the product is kept: cold, frozen, room, several, not_stated
    chain_shape VARCHAR       -- returning, broken, across_markets, long, straight, not_stated
);

ALTER TABLE raw_case ADD COLUMN IF NOT EXISTS product_class VARCHAR;

ALTER TABLE raw_case ADD COLUMN IF NOT EXISTS chain_shape VARCHAR;

CREATE TABLE IF NOT EXISTS raw_case_signal (
    case_id VARCHAR,
    signal VARCHAR,           -- P01..P40, or B01..B28 of a benign prototype
    why VARCHAR
);

CREATE TABLE IF NOT EXISTS raw_case_origin (
    case_id VARCHAR,          -- of a case that people decided, added or imported; shipped ones have no row
    entry INTEGER,            -- 1, 2, 3 in the order of entry
    known_at TIMESTAMP,       -- runs that look back from before it do not know the case
    added_by VARCHAR,
    decision_id INTEGER,      -- the decision that made it; null: added or imported
    gtin VARCHAR,
    lot VARCHAR,              -- the lot that was decided
    run_id VARCHAR,           -- the run that was looked at
    report_sha256 VARCHAR,    -- the page that was looked at; null: the lot had none
    file_sha256 VARCHAR,      -- the file it came from; null: decided here
    told_by VARCHAR           -- who gave the file, as the person who imported it says
);

ALTER TABLE raw_case_origin ADD COLUMN IF NOT EXISTS told_by VARCHAR;

CREATE TABLE IF NOT EXISTS raw_case_trait (
    case_id VARCHAR,
    trait VARCHAR,            -- a signal (P01, B06) or a column of feat_lot
    value DOUBLE              -- as it was when the case became known; null: could not be tested
);

CREATE TABLE IF NOT EXISTS raw_decision (
    decision_id INTEGER, gtin VARCHAR, lot VARCHAR, outcome VARCHAR, reason VARCHAR,
    decided_by VARCHAR, decided_at TIMESTAMP
);

CREATE TABLE IF NOT EXISTS raw_case_act (
    act_no INTEGER,           -- 1, 2, 3 in the order of entry; rows are added, never changed
    case_id VARCHAR,          -- the case that it is about
    decision_id INTEGER,      -- the decision that made the case; null: added or imported
    act VARCHAR,              -- proposed (a second person has to sign), second, withdrawn
    meaning VARCHAR,          -- of a second signature: approval, review, responsibility
    reason VARCHAR,           -- in the person's words; of a proposal the S1 patterns found
    acted_by VARCHAR,
    acted_at TIMESTAMP        -- UTC
);

CREATE TABLE IF NOT EXISTS graph_site_measure (
    site_id INTEGER,
    measure VARCHAR,          -- in_degree, out_degree, reciprocity, hops_from_maker, component, core_number, betweenness, in_cycle
    value DOUBLE
);

CREATE TABLE IF NOT EXISTS find_score (
    lot_id INTEGER,
    detector VARCHAR,         -- local_density, nearest_prototype
    score DOUBLE,             -- higher is more normal
    suspicion_pct DOUBLE,     -- 0 to 100, higher is worse: what people see
    p_value DOUBLE
);

CREATE TABLE IF NOT EXISTS find_score_part (
    lot_id INTEGER,
    detector VARCHAR,
    feature VARCHAR,
    value DOUBLE,
    contribution DOUBLE,
    is_exact BOOLEAN,         -- the parts add up to the score
    neighbour VARCHAR         -- gtin/lot of the neighbour the part compares with; null: the neighbours not named, together
);

CREATE TABLE IF NOT EXISTS find_cited_case (
    lot_id INTEGER,
    rank INTEGER,
    case_id VARCHAR,
    kind VARCHAR,
    distance DOUBLE,          -- 0 same, 1 nothing in common
    is_near BOOLEAN,          -- false: the nearest there is, yet not near
    shared VARCHAR[],
    unshared VARCHAR[]
);

CREATE TABLE IF NOT EXISTS raw_tuning (
    pattern VARCHAR,          -- whose thresholds the settings change
    reason VARCHAR,           -- why, in the words of the settings
    decided_by VARCHAR        -- who decided it
);

CREATE TABLE IF NOT EXISTS raw_suppression (
    entry_no INTEGER,         -- 1, 2, 3 in the order of entry; rows are added, never changed
    suppression_id INTEGER,   -- the entry that began it
    act VARCHAR,              -- begin, end
    pattern VARCHAR,          -- P01..P40, of a begin
    site_gln VARCHAR,         -- null: at every site
    gtin VARCHAR,             -- null: of every product
    lot VARCHAR,              -- null: of every lot
    until_on DATE,            -- last day, UTC
    reason VARCHAR,           -- in the person's words
    acted_by VARCHAR,
    acted_at TIMESTAMP        -- UTC
);

CREATE TABLE IF NOT EXISTS raw_judged_run (
    run_id VARCHAR,
    before_run_id VARCHAR,    -- the run published before it; null: the first
    as_of TIMESTAMP,
    last_file_id INTEGER,     -- the last file landed by then
    last_decision_id INTEGER, -- the last decision known by then; 0 where none was
    settings_sha256 VARCHAR,  -- of the thresholds in force
    rules_sha256 VARCHAR      -- of the SQL and the software's version
);

CREATE TABLE IF NOT EXISTS raw_lot_judgement (
    run_id VARCHAR, gtin VARCHAR, lot VARCHAR, tier VARCHAR, top_pattern VARCHAR,
    findings_standing BIGINT, findings_explained BIGINT, findings_suppressed BIGINT,
    data_gaps BIGINT
);

CREATE TABLE IF NOT EXISTS find_level_score (
    level VARCHAR,            -- edge, site, trajectory
    key_id BIGINT,            -- feat_edge_month, feat_site_month or feat_trajectory
    subject VARCHAR,          -- its name there
    score DOUBLE,             -- higher is more normal; null: nothing earlier to compare with
    suspicion_pct DOUBLE,     -- 0 to 100, higher is worse: what people see
    p_value DOUBLE,           -- how often what it is compared with looks at least as odd
    q_value DOUBLE            -- the same, adjusted over all that is judged together
);

CREATE TABLE IF NOT EXISTS find_level_part (
    level VARCHAR,
    key_id BIGINT,
    feature VARCHAR,
    value DOUBLE,
    contribution DOUBLE,
    is_exact BOOLEAN,         -- the parts add up to the score
    neighbour VARCHAR         -- the name of what the part compares with; null: those not named, together
);

CREATE TABLE IF NOT EXISTS raw_build (
    model VARCHAR,            -- a built table or view, or a table filled by code
    rests_on VARCHAR,         -- hash of all that decides it: its text, the engine, the rows of what it reads
    content VARCHAR,          -- its rows as they were built: their number, two sums over their hashes, and its columns
    row_count BIGINT
);

CREATE TABLE IF NOT EXISTS raw_archived_file (
    name VARCHAR,             -- below the archive's folder: item_event/year=2025/0001.parquet
    batch_no INTEGER,         -- 1, 2, 3: one for each time that lots were archived
    sha256 VARCHAR,           -- of its bytes
    byte_count BIGINT,
    row_count BIGINT,
    lot_count INTEGER,
    path VARCHAR              -- where it lay when views over it were last made
);

CREATE TABLE IF NOT EXISTS raw_archived_lot (
    gtin VARCHAR, lot VARCHAR,
    batch_no INTEGER,         -- whose files hold the lot's rows; rows of other batches are no longer read
    year INTEGER,             -- of its last event: the partition
    packs BIGINT,
    events BIGINT,            -- one per pack and event
    expiry DATE,
    last_at TIMESTAMP,        -- of its last record
    archived_at TIMESTAMP     -- the moment looked back from
);
