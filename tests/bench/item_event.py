"""Time and memory of building pack histories from a large synthetic wholesale feed.

Run as ``python -m tests.bench.item_event 1000000`` for one measurement as JSON.

The feed: cases of 20 packs, pallets of 10 cases. A maker commissions and packs, a pallet goes to a
distribution centre and on to a wholesaler, is opened there, its cases go to pharmacies, are opened
and sold by fives. That makes 96 events, 656 mentions and 2,400 rows of pack history a pallet.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from data.warehouse.connection import open_warehouse
from data.warehouse.models import create_model, find_model_files, table_definitions

LAST_MODEL = "core_item_event"
_EVENTS_PER_PALLET = 96
_PACKS, _CASES = 20, 10

# Keys: a pallet p is 10^9 + p, its case c is 2 * 10^9 + 10 p + c, its packs 3 * 10^9 + 200 p + n.
# Event k of pallet p has record_id 96 p + k.
_FEED = """
CREATE TABLE step_of (k INTEGER, step VARCHAR, type VARCHAR, action VARCHAR, what VARCHAR,
                      c INTEGER, part INTEGER, hour INTEGER);
INSERT INTO step_of
SELECT c * 2, 'commissioning', 'ObjectEvent', 'ADD', 'packs', c, NULL, c FROM range(10) t(c)
UNION ALL
SELECT c * 2 + 1, 'packing', 'AggregationEvent', 'ADD', 'case', c, NULL, c + 1 FROM range(10) t(c)
UNION ALL VALUES
    (20, 'packing', 'AggregationEvent', 'ADD', 'pallet', NULL, NULL, 12),
    (21, 'shipping', 'ObjectEvent', 'OBSERVE', 'sscc', NULL, NULL, 24),
    (22, 'receiving', 'ObjectEvent', 'OBSERVE', 'sscc', NULL, NULL, 48),
    (23, 'shipping', 'ObjectEvent', 'OBSERVE', 'sscc', NULL, NULL, 72),
    (24, 'receiving', 'ObjectEvent', 'OBSERVE', 'sscc', NULL, NULL, 96),
    (25, 'unpacking', 'AggregationEvent', 'DELETE', 'sscc parent', NULL, NULL, 100)
UNION ALL
SELECT 26 + c, 'shipping', 'ObjectEvent', 'OBSERVE', 'case sscc', c, NULL, 120 FROM range(10) t(c)
UNION ALL
SELECT 36 + c, 'receiving', 'ObjectEvent', 'OBSERVE', 'case sscc', c, NULL, 140 + c
FROM range(10) t(c)
UNION ALL
SELECT 46 + c, 'unpacking', 'AggregationEvent', 'DELETE', 'case parent', c, NULL, 150 + c
FROM range(10) t(c)
UNION ALL
SELECT
    56 + c * 4 + part, 'dispensing', 'ObjectEvent', 'DELETE', 'sold', c, part, 200 + part * 24 + c
FROM range(10) t(c), range(4) u(part);

INSERT INTO raw_identifier BY NAME
SELECT i AS text_id, i AS epc_id, 'sgln' AS scheme, 'site ' || i AS text, 'site ' || i AS canonical,
    lpad(i::VARCHAR, 13, '0') AS gln
FROM range(500) t(i)
UNION ALL BY NAME
SELECT 1000000000 + p AS text_id, text_id AS epc_id, 'sscc' AS scheme, 'pallet ' || p AS text,
    text AS canonical, lpad(text_id::VARCHAR, 18, '0') AS sscc
FROM range(getvariable('pallets')) t(p)
UNION ALL BY NAME
SELECT 2000000000 + n AS text_id, text_id AS epc_id, 'sscc' AS scheme, 'case ' || n AS text,
    text AS canonical, lpad(text_id::VARCHAR, 18, '0') AS sscc
FROM range(getvariable('pallets') * 10) t(n)
UNION ALL BY NAME
SELECT 3000000000 + n AS text_id, text_id AS epc_id, 'sgtin' AS scheme,
    'https://id.gs1.org/01/' || lpad((n // 200 % 50)::VARCHAR, 14, '0') || '/21/' || n AS text,
    text AS canonical, lpad((n // 200 % 50)::VARCHAR, 14, '0') AS gtin, n::VARCHAR AS serial
FROM range(getvariable('pallets') * 200) t(n);

INSERT INTO raw_event BY NAME
SELECT
    p * 96 + k AS record_id, 1 AS file_id, record_id + 1 AS position, type AS event_type, action,
    'e' || record_id AS event_id, step,
    TIMESTAMP '2024-01-01' + INTERVAL 1 MINUTE * (p * 7 % 500000) + INTERVAL 1 HOUR * hour
        AS event_at,
    event_at + INTERVAL 2 HOUR AS recorded_at, 60 AS zone_offset_min,
    CASE
        WHEN k <= 21 THEN p % 10
        WHEN k <= 23 THEN 10 + p % 40
        WHEN k <= 35 THEN 50 + p % 50
        ELSE 100 + (p * 7 + c * 13) % 400
    END AS biz_location,
    if(k < 20 AND k % 2 = 0, 'L' || (p // 100), NULL) AS lot,
    false AS is_declaration, md5(record_id::VARCHAR) AS content_key
FROM range(getvariable('pallets')) t(p), step_of;

INSERT INTO raw_event_item BY NAME
SELECT e.record_id, i.role, i.epc, false AS is_class
FROM (
    SELECT p, k, what, c, part, p * 96 + k AS record_id
    FROM range(getvariable('pallets')) t(p), step_of
) e, LATERAL (
    SELECT 'epc' AS role, 3000000000 + p * 200 + c * 20 + n AS epc FROM range(20) r(n)
    WHERE what = 'packs' OR (what = 'sold' AND n // 5 = part)
    UNION ALL
    SELECT 'child', 3000000000 + p * 200 + c * 20 + n FROM range(20) r(n) WHERE what = 'case'
    UNION ALL
    SELECT 'child', 2000000000 + p * 10 + n FROM range(10) r(n) WHERE what = 'pallet'
    UNION ALL
    SELECT if(what = 'case sscc', 'epc', 'parent'), 2000000000 + p * 10 + c
    WHERE what IN ('case', 'case sscc', 'case parent')
    UNION ALL
    SELECT if(what = 'sscc', 'epc', 'parent'), 1000000000 + p
    WHERE what IN ('pallet', 'sscc', 'sscc parent')
) i;
DROP TABLE step_of;
"""


def measure(n_events: int, verbose: bool = False) -> dict[str, float]:
    """Build pack histories from about ``n_events`` events, in a warehouse file as a run does.

    Returns counts, seconds of the models up to ``core_item_event`` and the process's peak memory in
    MB, which includes making the feed: take it from a fresh process.
    """
    with tempfile.TemporaryDirectory() as folder, open_warehouse(Path(folder) / "w.db") as con:
        return _measure(con, n_events, verbose)


def _measure(con: duckdb.DuckDBPyConnection, n_events: int, verbose: bool) -> dict[str, float]:
    for text in table_definitions():
        con.execute(text)
    con.execute("INSERT INTO raw_run VALUES ('bench', TIMESTAMP '2026-01-01', 'running', '{}')")
    con.execute("SET VARIABLE pallets = ?::BIGINT", [max(1, n_events // _EVENTS_PER_PALLET)])
    con.execute(_FEED)
    before_mb = _peak_mb()
    started, cpu_started = time.perf_counter(), time.process_time()
    for file in find_model_files():
        model_started = time.perf_counter()
        create_model(con, file, "view" if "\n-- kind:    view" in file.text else "table")
        if verbose:
            print(f"{file.name:24s} {time.perf_counter() - model_started:6.2f}", file=sys.stderr)
        if file.name == LAST_MODEL:
            break
    seconds = time.perf_counter() - started
    return {
        "events": _count(con, "raw_event"),
        "mentions": _count(con, "raw_event_item"),
        "pack_events": _count(con, LAST_MODEL),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(time.process_time() - cpu_started, 2),
        "feed_mb": before_mb,
        "peak_mb": _peak_mb(),
    }


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])  # noqa: S608


def _peak_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, verbose=True)))
