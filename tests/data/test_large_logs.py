"""Logs of more rows than one row group of the database: every row is landed."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from data.warehouse.connection import open_warehouse
from data.warehouse.landing import land

ROOT = Path(__file__).parents[2]
ROWS = 130_000  # a row group holds 122,880


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(tmp_path / "w.duckdb", threads=2) as con:  # with one, all went well
        yield con


def counted(con: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row: tuple[int, ...] = con.execute(query).fetchall()[0]
    return row


def test_no_verification_of_a_large_log_is_lost(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = tmp_path / "verifications.csv"
    head = "request_time_utc,site_gln,gtin,serial,lot,expiry,entry_mode,answer_code\n"
    line = "2026-01-05T10:00:00Z,9521234000006,09521234000013,S{},L1,271231,scan,ACTIVE\n"
    path.write_text(head + "".join(line.format(n) for n in range(ROWS)), encoding="utf-8")
    (receipt,) = land(con, [path], datetime(2026, 2, 1))
    assert (receipt.kind, receipt.read_count) == ("verifications", ROWS)
    query = "SELECT count(*), count(epc), count(DISTINCT epc) FROM raw_verification"
    assert counted(con, query) == (ROWS, ROWS, ROWS)


def test_no_line_of_a_large_sales_log_is_lost(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = tmp_path / "sales.csv"
    head = "shipment_id,line,from_gln,to_gln,gtin,lot,quantity,shipped_at\n"
    line = "D{},1,9521234000006,9521235000005,09521234000013,L1,4,2026-01-05T10:00:00Z\n"
    path.write_text(head + "".join(line.format(n) for n in range(ROWS)), encoding="utf-8")
    (receipt,) = land(con, [path], datetime(2026, 2, 1))
    assert (receipt.kind, receipt.read_count) == ("shipments", ROWS)
    assert counted(con, "SELECT count(*), count(DISTINCT content_key) FROM raw_shipment") == (
        ROWS,
        ROWS,
    )


def test_every_pack_of_a_large_first_document_keeps_its_identifier(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path, of_event = tmp_path / "events.csv", 100
    head = "event_type,action,event_time,biz_step,read_point,epcs\n"
    packs = [f"urn:epc:id:sgtin:952123.4000001.S{n}" for n in range(ROWS)]
    lists = (";".join(packs[n : n + of_event]) for n in range(0, ROWS, of_event))
    row = "ObjectEvent,ADD,2026-01-05T10:00:00Z,commissioning,urn:epc:id:sgln:952123.400000.0,{}\n"
    path.write_text(head + "".join(row.format(one) for one in lists), encoding="utf-8")
    (receipt,) = land(con, [path], datetime(2026, 2, 1))
    assert receipt.read_count == ROWS // of_event
    query = "SELECT count(*), count(epc), count(DISTINCT epc) FROM raw_event_item"
    assert counted(con, query) == (ROWS, ROWS, ROWS)


LANDING = """
import resource, sys
from datetime import datetime
from pathlib import Path
from data.warehouse import load
from data.warehouse.connection import open_warehouse
from data.warehouse.landing import land
load.BYTES_AT_ONCE = 1 << 21  # groups so small that what outlives one shows
with open_warehouse(Path(sys.argv[1]), memory_limit="1GB", threads=2) as con:
    [receipt] = land(con, [Path(sys.argv[2])], datetime(2026, 2, 1))
    assert not receipt.set_aside_count
    print(receipt.read_count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_identifiers_of_a_document(tmp_path: Path) -> None:
    peaks = []
    head = "event_type,action,event_time,biz_step,read_point,epcs\n"
    row = "ObjectEvent,ADD,2026-01-05T10:00:00Z,commissioning,urn:epc:id:sgln:952123.400000.0,{}\n"
    for events in (400, 2_000):  # of 500 packs
        path = tmp_path / f"{events}.csv"
        with path.open("w", encoding="utf-8") as file:
            file.write(head)
            for first in range(0, events * 500, 500):
                packs = (f"urn:epc:id:sgtin:952123.4000001.S{first + n:08}" for n in range(500))
                file.write(row.format(";".join(packs)))
        done = subprocess.run(
            [sys.executable, "-c", LANDING, str(tmp_path / f"{events}.duckdb"), str(path)],
            check=True, cwd=ROOT, capture_output=True, text=True,
        )  # fmt: skip
        count, peak = map(int, done.stdout.split())
        assert count == events
        peaks.append(peak)
    # Half a gigabyte a million identifiers were held until the end of the file.
    assert peaks[1] < peaks[0] + 200, f"{peaks} MB"
