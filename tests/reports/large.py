"""A lot of 100,000 packs at 430 places, on which findings small by the thousand and large stand.

Made in SQL, without chance: a maker, a logistics centre, 20 wholesalers, 400 pharmacies; packs go
out in consignments of 25, and six of ten are dispensed.
"""

import duckdb

from tests.reports.sample import RUN_ID, Story, sample_warehouse

GTIN, LOT, LOT_ID = "09521234000013", "BIG100K", 9
PACKS = 100_000
COPIED, MISREAD, GAPS = 3_000, 5_000, 200  # findings: one a pack, explained, open questions
AT_ONCE = {"P26": 40_000, "P27": 30_000, "P20": 25_000}  # packs that one finding concerns

SQL = """
CREATE TEMP TABLE pack AS
SELECT
    1000000 + i AS unit_id, i, i // 1000 AS batch, i // 25 AS consignment,
    20 + (i // 25) % 20 AS wholesaler, 100 + (i // 25) % 400 AS pharmacy
FROM range($packs) t(i);
INSERT INTO core_site (site_id, gln, name, role, city, country, latitude, longitude, is_synthetic,
    is_stated)
SELECT 20 + i, printf('95212340%05d', 20 + i), printf('Wholesale %d', i), 'wholesaler',
    printf('Town %d', i), 'DE', 48 + i / 5.0, 7 + i / 4.0, false, true FROM range(20) t(i)
UNION ALL
SELECT 100 + i, printf('95212340%05d', 100 + i), printf('Pharmacy %d', i), 'pharmacy',
    printf('Place %d', i), 'DE', 47.5 + i / 60.0, 7 + (i % 20) / 3.0, false, true
FROM range(400) t(i);
INSERT INTO core_feed
SELECT site_id, 500, 100, 100, TIMESTAMP '2024-03-01', TIMESTAMP '2024-06-20', 1, 4, 30
FROM core_site WHERE site_id >= 20;
INSERT INTO core_lot
SELECT $lot_id, $gtin, $lot, DATE '2026-03-31', 1, DATE '2024-03-02', ['DE', 'AT'], $packs, $packs,
    $packs, 0, 1.0, true, 1, TIMESTAMP '2024-03-02 08:00:00', TIMESTAMP '2024-06-19 10:00:00';
INSERT INTO core_unit
SELECT unit_id, 'https://id.gs1.org/01/' || $gtin || '/21/BIG' || i, $gtin, 'BIG' || i, $lot_id
FROM pack;
-- Steps of a pack: number, step, where, from, to, hours after the first, packs of one record.
CREATE TEMP TABLE told AS
SELECT unit_id, 'commissioning' AS step, 1 AS site_id, NULL::INTEGER AS from_id,
    NULL::INTEGER AS to_id, batch * 0.1 AS hours, 2000000 + batch AS record_id FROM pack
UNION ALL SELECT unit_id, 'shipping', 1, NULL, 2, 24 + batch * 0.1, 2001000 + batch FROM pack
UNION ALL SELECT unit_id, 'receiving', 2, 1, NULL, 60 + batch * 0.1, 2002000 + batch FROM pack
UNION ALL SELECT unit_id, 'shipping', 2, NULL, wholesaler, 100 + consignment % 97,
    2010000 + consignment FROM pack
UNION ALL SELECT unit_id, 'receiving', wholesaler, 2, NULL, 130 + consignment % 97,
    2020000 + consignment FROM pack
UNION ALL SELECT unit_id, 'shipping', wholesaler, NULL, pharmacy, 300 + consignment % 911,
    2030000 + consignment FROM pack
UNION ALL SELECT unit_id, 'receiving', pharmacy, wholesaler, NULL, 310 + consignment % 911,
    2040000 + consignment FROM pack
UNION ALL SELECT unit_id, 'dispensing', pharmacy, NULL, NULL, 400 + i % 2000, 2100000 + i
FROM pack WHERE i % 10 < 6
UNION ALL SELECT unit_id, 'dispensing', 100 + (pharmacy - 99) % 400, NULL, NULL, 500 + i % 2000,
    2300000 + i FROM pack WHERE i % 10 = 0 AND i < 10 * $copied;
CREATE TEMP TABLE timed AS
SELECT *, TIMESTAMP '2024-03-02 08:00:00' + to_seconds(3600 * hours) AS event_at FROM told;
INSERT INTO stg_record
SELECT record_id, 'event', 1, 'inbox/day-1.xml', record_id - 1999999,
    printf('ni:///sha-256;%08x', record_id), min(event_at), min(event_at), TIMESTAMP '2024-07-01'
FROM timed GROUP BY record_id;
INSERT INTO core_item_event
SELECT unit_id, $lot_id, record_id, record_id, event_at, NULL, 'ObjectEvent', 'OBSERVE', step, NULL,
    site_id, from_id, to_id, false, step = 'dispensing', false, step = 'commissioning' FROM timed;
INSERT INTO core_observation
SELECT unit_id, $lot_id, record_id, event_at, site_id, 'event', step, 5 FROM timed;
INSERT INTO core_lot_site_flow
SELECT $lot_id, site_id, min(event_at), record_id,
    CASE step WHEN 'commissioning' THEN 'made' WHEN 'receiving' THEN 'in'
        WHEN 'shipping' THEN 'out' ELSE 'ended' END,
    count(*), 5
FROM timed GROUP BY site_id, record_id, step;
CREATE TEMP TABLE hop AS
SELECT s.unit_id, s.site_id AS from_id, s.to_id, s.event_at AS sent, r.event_at AS got,
    s.record_id AS ship, r.record_id AS receive
FROM timed s JOIN timed r
    ON r.unit_id = s.unit_id AND r.step = 'receiving' AND r.site_id = s.to_id
WHERE s.step = 'shipping';
INSERT INTO core_custody
SELECT unit_id, $lot_id, row_number() OVER (PARTITION BY unit_id ORDER BY sent), from_id, to_id,
    sent, got, ship, receive, date_diff('hour', sent, got), false FROM hop;
INSERT INTO core_movement (movement_id, lot_id, gtin, from_site_id, to_site_id, shipped_at,
    received_at, units, is_serialized, source, ship_record_id, receive_record_id)
SELECT ship, $lot_id, $gtin, from_id, to_id, min(sent), min(got), count(*), true, 'epcis', ship,
    min(receive) FROM hop GROUP BY ship, from_id, to_id;
INSERT INTO told_finding
SELECT 'P03-big-' || i, 'P03', 'lifecycle', $lot_id, unit_id, NULL, pharmacy,
    100 + (pharmacy - 99) % 400, 'S1', 'stands', NULL, 'conflicting', 1,
    '{"terminal_count": 2}', '{"terminal_count": 1}',
    '[{"code": "B07", "result": "ruled_out", "minutes": 6000}]',
    [2100000 + i, 2300000 + i], NULL
FROM pack WHERE i % 10 = 0 AND i < 10 * $copied
UNION ALL
SELECT 'P01-big-' || i, 'P01', 'identity', $lot_id, unit_id, NULL, pharmacy, NULL, 'S2',
    'explained', 'B10', 'conflicting', 1, '{"speed_kmh": 950}', '{"speed_kmh": 900}',
    '[{"code": "B10", "result": "supported", "shift_min": 60}]', [2100000 + i], NULL
FROM pack WHERE i % 10 = 1 AND i < 10 * $misread
UNION ALL
SELECT 'P18-big-' || i, 'P18', 'quantity', $lot_id, NULL, NULL, 100 + i, NULL, 'S3', 'data_gap',
    NULL, 'missing', 25, '{"units": 25}', '{"units": 0}', '[]', [2030000 + i], NULL
FROM range($gaps) t(i);
"""

LARGE = """
INSERT INTO told_finding
SELECT $pattern || '-big', $pattern, 'network', $lot_id, NULL, NULL, 20, NULL, 'S1', 'stands', NULL,
    'missing', $units, '{"units": 1}', '{"units": 0}', '[]', list(DISTINCT 2030000 + consignment),
    NULL
FROM pack WHERE i < $units
"""


def add_large_lot(story: Story, packs: int = PACKS) -> None:
    """Add the lot, its places, its findings and how it was judged."""
    given = {"packs": packs, "lot_id": LOT_ID, "gtin": GTIN, "lot": LOT}
    given |= {"copied": min(COPIED, packs // 10), "misread": min(MISREAD, packs // 10)}
    given |= {"gaps": GAPS}
    for statement in duckdb.extract_statements(SQL):
        used = {name: given[name] for name in statement.named_parameters}
        story.con.execute(statement, used)
    for pattern, units in AT_ONCE.items():
        values = {"pattern": pattern, "lot_id": LOT_ID, "units": min(units, packs)}
        story.con.execute(LARGE, values)
    standing = given["copied"] + len(AT_ONCE)
    judged = {
        "tier": "hold",
        "top_pattern": "P26",
        "findings_standing": standing,
        "findings_explained": given["misread"],
        "data_gaps": GAPS,
    }
    risk = {
        **judged,
        **{"gtin": GTIN, "lot": LOT, "product": "Relvacept 1 mg pen", "units": packs},
        **{"units_affected": 40_000, "suspicion_pct": 99.0, "p_value": 0.01, "coverage": 1.0},
        **{"run_id": RUN_ID, "report": f"lots/{LOT_ID:016x}.html"},
    }
    story.add("lot_risk", [risk])
    story.add("find_lot", [{**judged, "lot_id": LOT_ID, "families_standing": 2}])


def large_warehouse(packs: int = PACKS) -> duckdb.DuckDBPyConnection:
    """The sample with the large lot in it."""
    return sample_warehouse(lambda story: add_large_lot(story, packs))
