"""A small warehouse for the report tests: the tables of the contract with invented rows.

Four lots: one held (a copied serial, an unlicensed buyer, look-alikes explained away), one whose
every text is hostile and that has no places, partners or serials, one watched, one clear.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterable
from typing import Any

import duckdb

from data.warehouse.connection import open_memory
from data.warehouse.models import create_model, find_model_files

HELD = ("09521234000013", "RV2406A")
HOSTILE_TEXT = "<script>alert('x')</script>\"'&{{7*7}}{% raw %}"
HOSTILE = ("09521234000020", HOSTILE_TEXT)
WATCHED = ("09521234000037", "KM0311")
CLEAR = ("09521234000013", "RV2407B")

RUN_ID = "c0ffee12345678"
AS_OF = dt.datetime(2024, 7, 1)

PUBLISHED = (
    "stg_clock",
    "find_decision",
    "cited_case",
    "exposure",
    "finding",
    "rejected",
    "score_part",
)  # built; the rest is given
# What lot_change rests on, and that one is given; so is what no data could answer.
GIVEN = ("evid_lot_news", "evid_lot_untestable")

TABLES = """
CREATE TABLE evid_lot_untestable AS
SELECT 1 AS lot_id, '09521234000013' AS gtin, 'RV2406A' AS lot, 'P26' AS pattern,
    'licences' AS missing;
CREATE TABLE core_site (
    site_id INTEGER, gln VARCHAR, name VARCHAR, role VARCHAR, city VARCHAR, country VARCHAR,
    latitude DOUBLE, longitude DOUBLE, partner_id INTEGER, is_synthetic BOOLEAN,
    is_stated BOOLEAN);
CREATE TABLE core_partner (partner_id INTEGER, gln VARCHAR, name VARCHAR);
CREATE TABLE core_product (
    gtin VARCHAR, name VARCHAR, shelf_life_days INTEGER, markets VARCHAR[], storage VARCHAR,
    is_high_risk BOOLEAN, is_synthetic BOOLEAN, ndc VARCHAR);
CREATE TABLE core_lot (
    lot_id INTEGER, gtin VARCHAR, lot VARCHAR, expiry DATE, expiry_count INTEGER, made_on DATE,
    markets VARCHAR[], stated_quantity DOUBLE, commissioned_units BIGINT, observed_units BIGINT,
    class_units DOUBLE, coverage DOUBLE, is_covered BOOLEAN, maker_site_id INTEGER,
    first_at TIMESTAMP, last_at TIMESTAMP);
CREATE TABLE core_unit (
    unit_id BIGINT, epc VARCHAR, gtin VARCHAR, serial VARCHAR, lot_id INTEGER);
CREATE TABLE core_container (container_id BIGINT, canonical VARCHAR, sscc VARCHAR);
CREATE TABLE core_item_event (
    unit_id BIGINT, lot_id INTEGER, record_id BIGINT, ord BIGINT, event_at TIMESTAMP,
    recorded_at TIMESTAMP, event_type VARCHAR, action VARCHAR, step VARCHAR, disposition VARCHAR,
    site_id INTEGER, from_site_id INTEGER, to_site_id INTEGER, is_inferred BOOLEAN,
    is_terminal BOOLEAN, is_undo BOOLEAN, is_birth BOOLEAN);
CREATE TABLE core_observation (
    unit_id BIGINT, lot_id INTEGER, record_id BIGINT, observed_at TIMESTAMP, site_id INTEGER,
    kind VARCHAR, step VARCHAR, clock_doubt_min DOUBLE);
CREATE TABLE core_custody (
    unit_id BIGINT, lot_id INTEGER, hop_no INTEGER, from_site_id INTEGER, to_site_id INTEGER,
    shipped_at TIMESTAMP, received_at TIMESTAMP, ship_record_id BIGINT, receive_record_id BIGINT,
    transit_h DOUBLE, is_inferred BOOLEAN);
CREATE TABLE core_movement (
    movement_id BIGINT, lot_id INTEGER, gtin VARCHAR, from_site_id INTEGER, to_site_id INTEGER,
    shipped_at TIMESTAMP, received_at TIMESTAMP, units DOUBLE, unit_price DOUBLE,
    currency VARCHAR, uom VARCHAR, is_serialized BOOLEAN, source VARCHAR, ship_record_id BIGINT,
    receive_record_id BIGINT, reason VARCHAR, log_record_id BIGINT);
CREATE TABLE core_lot_site_flow (
    lot_id INTEGER, site_id INTEGER, "at" TIMESTAMP, record_id BIGINT, direction VARCHAR,
    units DOUBLE, clock_doubt_min DOUBLE);
CREATE TABLE core_feed (
    site_id INTEGER, event_count BIGINT, ship_count BIGINT, receive_count BIGINT,
    first_at TIMESTAMP, last_at TIMESTAMP, lag_p50_h DOUBLE, lag_p95_h DOUBLE,
    longest_gap_h DOUBLE);
CREATE TABLE stg_record (
    record_id BIGINT, kind VARCHAR, file_id INTEGER, path VARCHAR, position BIGINT,
    event_id VARCHAR, event_at TIMESTAMP, recorded_at TIMESTAMP, ingested_at TIMESTAMP);
CREATE TABLE told_finding (
    finding_id VARCHAR, pattern VARCHAR, family VARCHAR, lot_id INTEGER, unit_id BIGINT,
    container_id BIGINT, site_id INTEGER, other_site_id INTEGER, severity VARCHAR, status VARCHAR,
    benign VARCHAR, history VARCHAR, units DOUBLE, observed JSON, threshold JSON, tests JSON,
    record_ids BIGINT[], suppression_id INTEGER);
CREATE VIEW find_finding AS
    SELECT told_finding.*, core_lot.gtin, core_lot.lot, core_unit.epc, NULL AS sscc,
        site.gln AS site_gln, other.gln AS other_gln
    FROM told_finding
    JOIN core_lot USING (lot_id)
    LEFT JOIN core_unit USING (unit_id)
    LEFT JOIN core_site AS site ON site.site_id = told_finding.site_id
    LEFT JOIN core_site AS other ON other.site_id = told_finding.other_site_id;
CREATE TABLE find_lot (
    lot_id INTEGER, tier VARCHAR, findings_standing BIGINT, findings_explained BIGINT,
    data_gaps BIGINT, families_standing BIGINT, top_pattern VARCHAR, second_pattern VARCHAR,
    worst_severity VARCHAR, findings_suppressed BIGINT);
CREATE TABLE lot_risk (
    gtin VARCHAR, lot VARCHAR, product VARCHAR, tier VARCHAR, suspicion_pct DOUBLE,
    p_value DOUBLE, top_pattern VARCHAR, second_pattern VARCHAR, findings_standing BIGINT,
    findings_explained BIGINT, data_gaps BIGINT, coverage DOUBLE, units BIGINT,
    units_affected DOUBLE, nearest_case VARCHAR, run_id VARCHAR, report VARCHAR,
    findings_suppressed BIGINT);
CREATE TABLE suppression (
    suppression_id INTEGER, state VARCHAR, pattern VARCHAR, site_gln VARCHAR, gtin VARCHAR,
    lot VARCHAR, reason VARCHAR, suppressed_by VARCHAR, suppressed_at TIMESTAMP, until_on DATE,
    findings BIGINT, lots BIGINT);
CREATE TABLE feed_health (
    gln VARCHAR, name VARCHAR, health VARCHAR, signs VARCHAR[], silent_days DOUBLE,
    usual_gap_days DOUBLE, lag_p95_h DOUBLE, lag_before_p95_h DOUBLE, recent_events BIGINT,
    usual_events DOUBLE, departure_untold_share DOUBLE, arrival_untold_share DOUBLE);
CREATE TABLE lot_change (
    gtin VARCHAR, lot VARCHAR, run_before VARCHAR, run_now VARCHAR, tier_before VARCHAR,
    tier VARCHAR, findings_standing_before BIGINT, findings_standing BIGINT, changes VARCHAR[],
    is_reopened BOOLEAN, decision_id INTEGER, causes VARCHAR[], records BIGINT,
    record_ids BIGINT[], event_ids VARCHAR[]);
CREATE TABLE edge_score (
    from_gln VARCHAR, from_name VARCHAR, to_gln VARCHAR, to_name VARCHAR, month DATE,
    suspicion_pct DOUBLE, q_value DOUBLE, top_features VARCHAR[], nearest VARCHAR[], units DOUBLE,
    subject VARCHAR);
CREATE TABLE site_score (
    gln VARCHAR, name VARCHAR, month DATE, suspicion_pct DOUBLE, q_value DOUBLE,
    top_features VARCHAR[], nearest VARCHAR[], units_in DOUBLE, units_out DOUBLE, subject VARCHAR);
CREATE TABLE source_file (
    file_id INTEGER, path VARCHAR, sha256 VARCHAR, kind VARCHAR, read BIGINT, accepted BIGINT,
    duplicate BIGINT, void BIGINT, set_aside BIGINT, first_at TIMESTAMP, last_at TIMESTAMP,
    message VARCHAR);
CREATE TABLE feat_lot (
    lot_id INTEGER, km_per_day_max DOUBLE, countries DOUBLE, new_edge_share DOUBLE,
    inferred_share DOUBLE);
INSERT INTO feat_lot VALUES (1, 755, 4, 0.4, 0.3), (4, 210, 2, 0.1, 0.2), (3, 90, 1, NULL, NULL);
CREATE TABLE P01_clone_travel AS SELECT 1 AS lot_id, 1.0 AS units;
"""


class Story:
    """Adds rows to the tables and hands out record ids."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        self.record = 1000

    def add(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        for row in rows:
            names = ", ".join(f'"{name}"' for name in row)
            marks = ", ".join("?" for _ in row)
            values = [json.dumps(v) if isinstance(v, dict) else v for v in row.values()]
            self.con.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)  # noqa: S608

    def new_record(
        self, at: dt.datetime, *, file_id: int = 1, kind: str = "event", lag_h: float = 1.0
    ) -> int:
        self.record += 1
        self.add(
            "stg_record",
            [
                {
                    "record_id": self.record,
                    "kind": kind,
                    "file_id": file_id,
                    "path": f"inbox/day-{file_id}.xml",
                    "position": self.record - 1000,
                    "event_id": f"ni:///sha-256;{self.record:08x}" if kind == "event" else None,
                    "event_at": at,
                    "recorded_at": at + dt.timedelta(hours=lag_h) if kind == "event" else None,
                    "ingested_at": AS_OF,
                }
            ],
        )
        return self.record

    def event(
        self,
        lot_id: int,
        units: Iterable[int],
        at: dt.datetime,
        step: str,
        site_id: int | None,
        *,
        to: int | None = None,
        source: int | None = None,
        inferred: bool = False,
        file_id: int = 1,
    ) -> int:
        record = self.new_record(at, file_id=file_id)
        units = list(units)
        terminal = step in ("dispensing", "destroying")
        birth = step == "commissioning"
        self.con.executemany(
            "INSERT INTO core_item_event VALUES (?, ?, ?, ?, ?, NULL, 'ObjectEvent', 'OBSERVE', ?,"
            " NULL, ?, ?, ?, ?, ?, false, ?)",
            [
                [
                    u,
                    lot_id,
                    record,
                    record,
                    at,
                    step,
                    site_id,
                    source,
                    to,
                    inferred,
                    terminal,
                    birth,
                ]
                for u in units
            ],
        )
        if not inferred:
            self.con.executemany(
                "INSERT INTO core_observation VALUES (?, ?, ?, ?, ?, 'event', ?, 5)",
                [[u, lot_id, record, at, site_id, step] for u in units],
            )
        direction = {
            "commissioning": "made",
            "receiving": "in",
            "shipping": "out",
            "dispensing": "ended",
        }.get(step)
        if direction and site_id is not None:
            self.add(
                "core_lot_site_flow",
                [
                    {
                        "lot_id": lot_id,
                        "site_id": site_id,
                        "at": at,
                        "record_id": record,
                        "direction": direction,
                        "units": len(units),
                        "clock_doubt_min": 5,
                    }
                ],
            )
        return record

    def move(
        self,
        lot_id: int,
        units: Iterable[int],
        origin: int | None,
        goal: int | None,
        sent: dt.datetime,
        hours: float,
        *,
        inferred: bool = False,
        file_id: int = 1,
    ) -> tuple[int, int]:
        """Ship and receive; returns both records."""
        units = list(units)
        arrived = sent + dt.timedelta(hours=hours)
        how = {"inferred": inferred, "file_id": file_id}
        ship = self.event(lot_id, units, sent, "shipping", origin, to=goal, **how)
        receive = self.event(lot_id, units, arrived, "receiving", goal, source=origin, **how)
        self.con.executemany(
            "INSERT INTO core_custody VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                [u, lot_id, origin, goal, sent, arrived, ship, receive, hours, inferred]
                for u in units
            ],
        )
        self.add(
            "core_movement",
            [
                {
                    "movement_id": ship,
                    "lot_id": lot_id,
                    "from_site_id": origin,
                    "to_site_id": goal,
                    "shipped_at": sent,
                    "received_at": arrived,
                    "units": len(units),
                    "is_serialized": True,
                    "source": "epcis",
                    "ship_record_id": ship,
                    "receive_record_id": receive,
                }
            ],
        )
        return ship, receive

    def finding(self, lot_id: int, pattern: str, status: str, **values: Any) -> None:
        families = {"P01": "identity", "P03": "lifecycle", "P26": "network", "P27": "network"}
        row = {
            "finding_id": f"{pattern}-{lot_id}-{values.pop('no', 1)}",
            "pattern": pattern,
            "family": families.get(pattern, "network"),
            "lot_id": lot_id,
            "status": status,
            "history": "conflicting",
            "units": 1.0,
            "severity": "S2",
            "observed": {},
            "threshold": {},
            **values,
        }
        row["tests"] = json.dumps(row.get("tests", []))
        self.add("told_finding", [row])


def sample_warehouse(
    more: Callable[["Story"], None] = lambda _: None,
) -> duckdb.DuckDBPyConnection:
    """Return the sample, with the evidence models built; ``more`` adds rows of its own before."""
    con = open_memory()
    con.execute(TABLES)
    story = Story(con)
    _sites(story)
    _reference(story)
    _held_lot(story)
    _hostile_lot(story)
    _watched_lot(story)
    _clear_lot(story)
    more(story)
    for file in find_model_files():
        if (file.layer == "evid" and file.name not in GIVEN) or file.name in PUBLISHED:
            create_model(con, file)
    return con


def _sites(story: Story) -> None:
    names = ["site_id", "gln", "name", "role", "city", "country", "latitude", "longitude"]
    names += ["is_synthetic", "is_stated"]
    sites = [
        (1, "9521234000105", "Relva Pharma", "maker", "Basel", "CH", 47.56, 7.59, False, True),
        (2, "9521234000112", "Rhine Logistics", "third_party_logistics", "Rotterdam", "NL", 51.92,
         4.48, False, True),
        (3, "9521234000129", "Nordmed Wholesale", "wholesaler", "Hamburg", "DE", 53.55, 9.99,
         False, True),
        (4, "9521234000136", "Dom-Apotheke", "pharmacy", "Köln", "DE", 50.94, 6.96, False, True),
        (5, "9521234000143", "Farmacia Brera", "pharmacy", "Milano", "IT", 45.47, 9.19, False,
         True),
        (6, "9521234000150", None, "unknown", None, None, None, None, False, False),
        (7, "9521234000167", "Alster-Apotheke", "pharmacy", "Hamburg", "DE", 53.56, 10.0, False,
         True),
        (8, "9521234000174", "Elbe Klinikum", "hospital", "Stade", "DE", 53.59, 9.47, False, True),
        (9, HOSTILE_TEXT, HOSTILE_TEXT, HOSTILE_TEXT, HOSTILE_TEXT, HOSTILE_TEXT, None, None,
         True, False),
        (10, "no-gln-7", None, None, None, None, None, None, True, False),
    ]  # fmt: skip
    story.add("core_site", [dict(zip(names, site, strict=True)) for site in sites])
    story.add(
        "core_feed",
        [
            {
                "site_id": site,
                "event_count": 40 * site,
                "first_at": dt.datetime(2024, 3, 1),
                "last_at": dt.datetime(2024, 6, 20),
                "lag_p50_h": 0.4 * site,
                "lag_p95_h": 6.0 * site,
                "longest_gap_h": 30.0,
            }
            for site in (1, 2, 3, 4, 7)
        ],
    )


def _reference(story: Story) -> None:
    story.add(
        "core_product",
        [
            {
                "gtin": HELD[0],
                "name": "Relvacept 1 mg pen",
                "markets": ["DE", "AT"],
                "storage": "2-8 °C",
                "is_high_risk": True,
                "is_synthetic": False,
                "ndc": "0169-4132-12",
            },
            {"gtin": HOSTILE[0], "name": HOSTILE_TEXT, "is_synthetic": True},
        ],
    )
    story.add("raw_setting", [{"name": "exposure.window_days", "value": 30}])
    story.add(
        "raw_run",
        [
            {
                "run_id": RUN_ID,
                "as_of": AS_OF,
                "status": "running",
                "manifest": {
                    "code_revision": "1f2e3d",
                    "settings_sha256": "aa" * 32,
                    "sql_sha256": "bb" * 32,
                    "versions": {"duckdb": "2.0.0", "python": "3.11"},
                },
            }
        ],
    )
    for number, (kind, aside) in enumerate(
        [("epcis", 0), ("epcis", 2), ("shipments", 0), ("verifications", 0)], 1
    ):
        path = f"inbox/day-{number}.xml"
        story.add(
            "raw_source_file",
            [
                {
                    "file_id": number,
                    "path": path,
                    "sha256": f"{number:064x}",
                    "kind": kind,
                    "read_count": 50,
                    "set_aside_count": aside,
                    "message": None,
                }
            ],
        )
        story.add(
            "source_file",
            [
                {
                    "file_id": number,
                    "path": path,
                    "sha256": f"{number:064x}",
                    "kind": kind,
                    "read": 50,
                    "accepted": 47 - aside,
                    "duplicate": 2,
                    "void": 1,
                    "set_aside": aside,
                }
            ],
        )
    story.add(
        "raw_rejected",
        [
            {
                "file_id": 2,
                "position": 14,
                "place": "event 14",
                "reason": "eventTime is absent",
                "remedy": "Ask the sender to send the event again with its time.",
            },
            {
                "file_id": 2,
                "position": 15,
                "place": f"event {HOSTILE_TEXT}",
                "reason": HOSTILE_TEXT,
                "remedy": HOSTILE_TEXT,
            },
        ],
    )
    story.add(
        "raw_case",
        [
            {
                "case_id": "pen-copies",
                "kind": "public",
                "title": "One serial on many cartons of a pen",
                "happened_on": "2023-12",
                "product": "an injection pen",
                "mechanism": "Many cartons carried one lot and one serial.",
                "outcome": "Authority seized the cartons and warned the public.",
                "sources": json.dumps(
                    [
                        {"title": "Authority's warning", "url": "https://example.org/warning"},
                        {"title": "Odd link", "url": "javascript:alert(1)"},
                    ]
                ),
            },
            {
                "case_id": "broker-chain",
                "kind": "public",
                "title": "Unlicensed broker in the chain",
                "happened_on": "2017",
                "outcome": "Two licences withdrawn.",
                "sources": "[]",
            },
            {
                "case_id": "benign-clock",
                "kind": "benign",
                "title": "Wrong clock at one site",
                "outcome": "Cleared: the site's clock was one hour off.",
                "sources": None,
            },
            {
                "case_id": "own-0001",
                "kind": "own",
                "title": f"Lot {WATCHED[1]} of Kardomet 5 mg, cleared",
                "happened_on": "2024-06-02",
                "product": "Kardomet 5 mg",
                "mechanism_class": "benign",
                "outcome": "cleared",
            },
        ],
    )
    _decisions(story)


def _decisions(story: Story) -> None:
    """The watched lot was cleared; the held one decided twice; one decision is too late."""
    decided = [
        (WATCHED, "cleared", "the returns desk scans twice", "R. Okafor", dt.datetime(2024, 6, 2)),
        (HELD, "cleared", "the buyer was thought licensed", "R. Okafor", dt.datetime(2024, 6, 3)),
        (HELD, "suspect", "seals differ", "M. Lind", dt.datetime(2024, 6, 20)),
        (HOSTILE, "suspect", HOSTILE_TEXT, HOSTILE_TEXT, dt.datetime(2024, 6, 21)),
        (CLEAR, "suspect", "a decision of the future", "M. Lind", dt.datetime(2024, 7, 2)),
    ]
    for number, ((gtin, lot), outcome, reason, by, at) in enumerate(decided, 1):
        story.add(
            "raw_decision",
            [
                {
                    "decision_id": number,
                    "gtin": gtin,
                    "lot": lot,
                    "outcome": outcome,
                    "reason": reason,
                    "decided_by": by,
                    "decided_at": at,
                }
            ],
        )
    origin = {
        "case_id": "own-0001",
        "decision_id": 1,
        "run_id": "before",
        "report_sha256": "ab" * 32,
    }
    story.add("raw_case_origin", [origin])


def _risk(story: Story, lot: tuple[str, str], lot_id: int, **values: Any) -> None:
    tier, families = values.pop("tier"), values.pop("families", 1)
    row = {
        "gtin": lot[0],
        "lot": lot[1],
        "tier": tier,
        "findings_standing": 0,
        "findings_explained": 0,
        "data_gaps": 0,
        "units": 0,
        "units_affected": 0,
        "run_id": RUN_ID,
        "report": f"lots/{lot_id:016x}.html",
        **values,
    }
    story.add("lot_risk", [row])
    names = ("top_pattern", "findings_standing", "findings_explained", "data_gaps")
    of_lot = {"lot_id": lot_id, "tier": tier, "families_standing": families}
    story.add("find_lot", [of_lot | {name: row.get(name) for name in names}])


def _held_lot(story: Story) -> None:
    day = dt.datetime(2024, 4, 2, 8)
    hour = dt.timedelta(hours=1)
    everyone = range(1, 121)
    story.add(
        "core_lot",
        [
            {
                "lot_id": 1,
                "gtin": HELD[0],
                "lot": HELD[1],
                "expiry": dt.date(2026, 3, 31),
                "expiry_count": 1,
                "made_on": dt.date(2024, 4, 2),
                "markets": ["DE", "AT"],
                "stated_quantity": 120,
                "commissioned_units": 120,
                "observed_units": 120,
                "class_units": 0,
                "coverage": 1.0,
                "is_covered": True,
                "maker_site_id": 1,
                "first_at": day,
                "last_at": dt.datetime(2024, 6, 11, 10, 30),
            }
        ],
    )
    story.con.executemany(
        "INSERT INTO core_unit VALUES (?, ?, ?, ?, 1)",
        [
            [u, f"https://id.gs1.org/01/{HELD[0]}/21/SN{u:05d}", HELD[0], f"SN{u:05d}"]
            for u in everyone
        ],
    )
    story.event(1, everyone, day, "commissioning", 1)
    story.event(1, everyone, day + 2 * hour, "packing", 1)
    story.move(1, everyone, 1, 2, day + 24 * hour, 30)
    story.move(1, everyone, 2, 3, day + 24 * 9 * hour, 22, inferred=True)
    story.move(1, range(1, 41), 3, 4, day + 24 * 20 * hour, 9)
    story.move(1, range(41, 71), 3, 7, day + 24 * 21 * hour, 4, inferred=True)
    story.move(1, range(71, 91), 3, 8, day + 24 * 26 * hour, 5)
    broker = story.move(1, range(91, 111), 3, 6, day + 24 * 40 * hour, 48, file_id=2)
    story.move(1, range(91, 111), 6, 5, day + 24 * 55 * hour, 30, file_id=2)
    story.event(1, range(111, 116), day + 24 * 60 * hour, "shipping", 3, to=7)
    story.event(1, range(41, 61), day + 24 * 50 * hour, "dispensing", 7, file_id=2)
    first = story.event(1, [7], dt.datetime(2024, 6, 11, 9, 2), "dispensing", 4, file_id=2)
    second = story.event(1, [7], dt.datetime(2024, 6, 11, 10, 14), "receiving", 5, file_id=2)
    asked = story.new_record(dt.datetime(2024, 6, 11, 10, 30), file_id=4, kind="verification")
    story.add(
        "core_observation",
        [
            {
                "unit_id": 7,
                "lot_id": 1,
                "record_id": asked,
                "observed_at": dt.datetime(2024, 6, 11, 10, 30),
                "site_id": 5,
                "kind": "verification",
            }
        ],
    )
    story.finding(
        1,
        "P01",
        "stands",
        severity="S1",
        unit_id=7,
        site_id=4,
        other_site_id=5,
        observed={"distance_km": 629.4, "elapsed_h": 1.2, "speed_kmh": 524.5},
        threshold={"distance_km": 50, "speed_kmh": 120},
        tests=[
            {"code": "B10", "result": "ruled_out", "shift_min": 60, "speed_kmh": 286.1},
            {"code": "B12", "result": "ruled_out", "inferred_count": 0},
            {"code": "B09", "result": "not_testable"},
        ],
        record_ids=[first, second, asked],
    )
    story.finding(
        1,
        "P26",
        "stands",
        severity="S1",
        site_id=3,
        other_site_id=6,
        history="missing",
        units=20.0,
        observed={"licence_count": 0},
        threshold={"licence_count": 1},
        tests=[{"code": "B22", "result": "ruled_out", "licences_of_country": 0}],
        record_ids=list(broker),
    )
    story.finding(
        1,
        "P34",
        "stands",
        severity="S2",
        site_id=5,
        units=20.0,
        observed={"country": "IT"},
        threshold={"markets": ["DE", "AT"]},
        tests=[{"code": "B19", "result": "not_testable"}],
        record_ids=[second],
    )
    for number, (pattern, benign, numbers) in enumerate(
        [
            ("P03", "B07", {"elapsed_min": 2.5}),
            ("P30", "B14", {"elapsed_d": 3}),
            ("P36", "B25", {"robust_z": 4.4}),
        ],
        1,
    ):
        story.finding(
            1,
            pattern,
            "explained",
            benign=benign,
            no=number,
            site_id=7,
            severity="S3",
            observed=numbers,
            threshold={},
            tests=[{"code": benign, "result": "supported", **numbers}],
            record_ids=[first],
        )
    story.finding(1, "P27", "data_gap", severity="S4", history="missing", record_ids=[])
    _risk(
        story,
        HELD,
        1,
        tier="hold",
        families=2,
        product="Relvacept 1 mg pen",
        suspicion_pct=98.6,
        p_value=0.004,
        top_pattern="P01",
        second_pattern="P26",
        findings_standing=3,
        findings_explained=3,
        data_gaps=1,
        coverage=1.0,
        units=120,
        units_affected=21,
        nearest_case="pen-copies",
    )
    story.add(
        "find_score",
        [
            {"lot_id": 1, "detector": "local_density", "score": -4.2, "suspicion_pct": 98.6,
             "p_value": 0.004},
            {"lot_id": 1, "detector": "nearest_prototype", "score": -0.31, "suspicion_pct": 91.0,
             "p_value": 0.02},
        ],
    )  # fmt: skip
    parts = [
        ("local_density", "km_per_day_max", 755.0, -2.1, True, None),
        ("local_density", "countries", 4.0, -1.3, True, f"{CLEAR[0]}/{CLEAR[1]}"),
        ("local_density", "new_edge_share", 0.4, -1.2, True, None),
        ("local_density", "inferred_share", 0.3, 0.4, True, None),
        ("nearest_prototype", "P01", 1.0, -0.2, False, None),
        ("nearest_prototype", "P26", 1.0, -0.11, False, None),
    ]
    names = ["detector", "feature", "value", "contribution", "is_exact", "neighbour"]
    story.add("find_score_part", [{"lot_id": 1, **dict(zip(names, p, strict=True))} for p in parts])
    cases = [
        ("pen-copies", "public", 0.21, True, ["P01"], ["P02", "P07"]),
        ("broker-chain", "public", 0.38, True, ["P26", "P34"], ["P35"]),
        ("benign-clock", "benign", 0.44, True, ["P01"], ["B10"]),
        ("own-0001", "own", 0.4, True, ["P01"], ["B11"]),
    ]
    for rank, (case_id, kind, distance, near, shared, unshared) in enumerate(cases, 1):
        story.con.execute(
            "INSERT INTO find_cited_case VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
            [rank, case_id, kind, distance, near, shared, unshared],
        )


def _hostile_lot(story: Story) -> None:
    at = dt.datetime(2024, 5, 1)
    story.add(
        "core_lot",
        [
            {
                "lot_id": 2,
                "gtin": HOSTILE[0],
                "lot": HOSTILE[1],
                "class_units": 900,
                "commissioned_units": 0,
                "observed_units": 0,
                "is_covered": False,
                "first_at": at,
                "last_at": at + dt.timedelta(days=4),
            }
        ],
    )
    line = story.new_record(at, file_id=3, kind="shipment")
    story.add(
        "core_movement",
        [
            {
                "movement_id": line,
                "lot_id": 2,
                "from_site_id": 9,
                "to_site_id": 10,
                "shipped_at": at,
                "received_at": at + dt.timedelta(days=4),
                "units": 900,
                "is_serialized": False,
                "source": "shipment",
                "ship_record_id": line,
                "receive_record_id": line,
            }
        ],
    )
    for site, direction in ((9, "out"), (10, "in")):
        story.add(
            "core_lot_site_flow",
            [
                {
                    "lot_id": 2,
                    "site_id": site,
                    "at": at,
                    "record_id": line,
                    "direction": direction,
                    "units": 900,
                    "clock_doubt_min": 5,
                }
            ],
        )
    story.finding(
        2,
        "P35",
        "stands",
        severity="S3",
        site_id=9,
        other_site_id=10,
        units=900.0,
        observed={"price_ratio": 0.41, HOSTILE_TEXT: HOSTILE_TEXT},
        threshold={"price_ratio": 0.75},
        tests=[{"code": HOSTILE_TEXT, "result": HOSTILE_TEXT, HOSTILE_TEXT: HOSTILE_TEXT}],
        record_ids=[line],
    )
    _risk(
        story,
        HOSTILE,
        2,
        tier="watch",
        product=HOSTILE_TEXT,
        top_pattern="P35",
        findings_standing=1,
        units=900,
        units_affected=900,
    )


def _watched_lot(story: Story) -> None:
    at = dt.datetime(2024, 5, 20)
    story.add(
        "core_lot",
        [
            {
                "lot_id": 3,
                "gtin": WATCHED[0],
                "lot": WATCHED[1],
                "commissioned_units": 10,
                "observed_units": 10,
                "class_units": 0,
                "stated_quantity": 40,
                "coverage": 0.25,
                "is_covered": False,
                "maker_site_id": 1,
            }
        ],
    )
    story.event(3, range(301, 311), at, "commissioning", 1)
    story.move(3, range(301, 311), 1, 3, at + dt.timedelta(days=1), 20)
    back = story.event(3, range(301, 311), at + dt.timedelta(days=9), "shipping", 3)
    story.finding(
        3, "P18", "stands", severity="S3", site_id=3, history="missing", units=10.0,
        observed={"elapsed_d": 33}, threshold={"elapsed_d": 12}, record_ids=[back],
    )  # fmt: skip
    _risk(
        story,
        WATCHED,
        3,
        tier="watch",
        top_pattern="P18",
        suspicion_pct=40.0,
        findings_standing=1,
        coverage=0.25,
        units=10,
        units_affected=10,
    )


def _clear_lot(story: Story) -> None:
    story.add(
        "core_lot",
        [
            {
                "lot_id": 4,
                "gtin": CLEAR[0],
                "lot": CLEAR[1],
                "commissioned_units": 5,
                "observed_units": 5,
                "class_units": 0,
                "is_covered": True,
                "coverage": 1.0,
                "maker_site_id": 1,
            }
        ],
    )
    made = story.event(4, range(401, 406), dt.datetime(2024, 6, 1), "commissioning", 1)
    # Through the wholesaler of the held lot, a few weeks after it: exposed, though clear.
    story.move(4, range(401, 406), 1, 3, dt.datetime(2024, 6, 3), 20)
    story.finding(
        4, "P13", "explained", benign="B10", severity="S3", units=5.0,
        tests=[{"code": "B10", "result": "supported", "shift_min": 60}], record_ids=[made],
    )  # fmt: skip
    _risk(story, CLEAR, 4, tier="clear", families=0, findings_explained=1, units=5, coverage=1.0)
