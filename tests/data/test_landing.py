"""Landing: every file ends in the warehouse once, whole or set aside with a reason."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from data.errors import InputError, WarehouseError
from data.readers.batch import Batch, TableBatch
from data.warehouse import filing, input_files, load
from data.warehouse.connection import open_memory, open_warehouse
from data.warehouse.filing import Receipt
from data.warehouse.input_files import expand
from data.warehouse.landing import LandingProgress, land
from data.warehouse.models import raw_tables
from data.warehouse.sources import Member, Source, Unreadable
from tests.data import landing_process
from tests.data.batches import (
    AT,
    PACK,
    PLACE,
    Row,
    batch,
    event,
    feed_from_name,
    item,
)

REPO = Path(__file__).parents[2]


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with open_memory() as con:
        yield con


def rows(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return con.execute(query).fetchall()


def dump(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    """Everything landed, in the order in which it lies."""
    return {table: rows(con, f"FROM {table}") for table in raw_tables()}


def land_batches(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, name: str, *batches: Batch | TableBatch
) -> Receipt:
    """Land a file of the given name (and, since bytes identify it, content) holding the batches."""
    path = tmp_path / name
    path.write_text(name)
    kind = batches[0].kind if isinstance(batches[0], TableBatch) else "epcis"
    return land(con, [path], AT, read=lambda _: Source(kind, [Member("", batches)]))[0]


def content_keys(tmp_path: Path, *batches: Batch) -> list[str]:
    """The content key of the first event of each batch, each landed as a file of its own."""
    with open_memory() as con:
        for number, one in enumerate(batches):
            receipt = land_batches(con, tmp_path, f"file{number}", one)
            assert receipt.status == "landed", receipt
        found = rows(con, "SELECT content_key FROM raw_event WHERE position = 1 ORDER BY record_id")
    assert len(found) == len(batches)
    return [row[0] for row in found]


# --- records and identifiers -----------------------------------------------------------------


def test_records_are_numbered_on_from_file_to_file(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    refused = {"position": 2, "place": "event 2", "reason": "no time", "remedy": "ask"}
    land_batches(con, tmp_path, "a", batch([event(1), event(3)], rejected=[refused]))
    land_batches(con, tmp_path, "b", batch([event(1, step="receiving")]))
    assert rows(con, "SELECT file_id, position, record_id FROM raw_event") == [
        (1, 1, 1),
        (1, 3, 3),
        (2, 1, 4),
    ]
    assert rows(con, "SELECT * FROM raw_rejected") == [(1, 2, "event 2", "no time", "ask")]
    assert rows(
        con, "SELECT read_count, set_aside_count, first_record_id FROM raw_source_file"
    ) == [
        (3, 1, 1),
        (1, 0, 4),
    ]


def test_one_identifier_in_many_spellings_has_one_epc_id(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    link = "https://example.org/01/09521234000013/21/S1"
    land_batches(con, tmp_path, "a", batch([event(1)], [item(1, PACK.format(1)), item(1, link)]))
    other = "https://id.gs1.org/01/09521234000013/21/S1"
    land_batches(con, tmp_path, "b", batch([event(1)], [item(1, other), item(1, PACK.format(2))]))
    found = rows(
        con, "SELECT text, text_id, epc_id FROM raw_identifier WHERE scheme = 'sgtin' ORDER BY 2"
    )
    by_text = {text: (text_id, epc_id) for text, text_id, epc_id in found}
    assert len({text_id for text_id, _ in by_text.values()}) == 4
    assert by_text[link][1] == by_text[PACK.format(1)][1] == by_text[other][1]
    assert by_text[PACK.format(1)][1] == min(by_text[link][0], by_text[PACK.format(1)][0])
    assert by_text[PACK.format(2)][1] == by_text[PACK.format(2)][0]
    items = rows(
        con,
        "SELECT record_id, text FROM raw_event_item JOIN raw_identifier ON text_id = epc",
    )
    assert sorted(items) == sorted(
        [(1, PACK.format(1)), (1, link), (2, other), (2, PACK.format(2))]
    )


def test_the_group_size_changes_nothing_but_the_order_of_text_ids(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_text("a")
    said = """
        SELECT e.record_id, e.content_key, i.role, t.canonical, p.canonical
        FROM raw_event e JOIN raw_event_item i USING (record_id)
        JOIN raw_identifier t ON t.text_id = i.epc JOIN raw_identifier p ON p.text_id = e.read_point
        ORDER BY ALL
    """
    land(con, [path], AT, read=feed_from_name)
    monkeypatch.setattr(load, "BYTES_AT_ONCE", 1)
    with open_memory() as other:
        land(other, [path], AT, read=feed_from_name)
        assert rows(other, said) == rows(con, said)
        assert len(rows(con, said)) == 180


def test_everything_an_event_says_is_landed(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    land_batches(
        con,
        tmp_path,
        "a",
        batch(
            [
                event(1, event_id="e1", expiry=date(2026, 1, 31), corrective_event_ids=["e2"]),
                event(2),
            ],
            [
                item(
                    1,
                    "urn:epc:class:lgtin:9521234.000001.L1",
                    quantity=2.5,
                    uom="KGM",
                    is_class=True,
                )
            ],
            parties=[{"position": 1, "direction": "source", "type": "owning_party", "text": PLACE}],
            transactions=[{"position": 1, "type": "po", "document": "PO-1"}],
            sensors=[{"position": 2, "type": "Temperature", "value": 21.5, "report": '{"a": 1}'}],
            master=[
                {
                    "position": 3,
                    "kind": "site",
                    "text": PLACE,
                    "attribute": "name",
                    "value": "Hall",
                },
                {"position": 3, "kind": "site", "text": PLACE, "attribute": "city", "value": "Ulm"},
            ],
        ),
    )
    place = rows(con, "SELECT text_id FROM raw_identifier WHERE scheme = 'sgln'")[0][0]
    assert rows(
        con, "SELECT event_id, expiry, corrective_event_ids, read_point FROM raw_event"
    ) == [
        ("e1", date(2026, 1, 31), ["e2"], place),
        (None, None, None, place),
    ]
    assert rows(con, "SELECT role, quantity, uom, is_class FROM raw_event_item") == [
        ("epc", 2.5, "KGM", True)
    ]
    assert rows(con, "SELECT * FROM raw_event_party") == [(1, "source", "owning_party", place)]
    assert rows(con, "SELECT * FROM raw_event_transaction") == [(1, "po", "PO-1")]
    assert rows(con, "SELECT record_id, value, report ->> '$.a' FROM raw_event_sensor") == [
        (2, 21.5, "1")
    ]
    assert rows(con, "SELECT record_id, subject, attribute, value FROM raw_master_data") == [
        (3, place, "city", "Ulm"),
        (3, place, "name", "Hall"),
    ]


# --- content keys ----------------------------------------------------------------------------


def test_the_same_content_has_the_same_key_however_it_is_written(tmp_path: Path) -> None:
    first, second = PACK.format(1), PACK.format(2)
    po = {"position": 1, "type": "po", "document": "PO-1"}
    inv = {"position": 1, "type": "inv", "document": "I-1"}
    plain = batch([event(1)], [item(1, first), item(1, second)], transactions=[po, inv])
    same = batch(
        [
            event(
                1,
                event_id="another id",
                recorded_at=AT + timedelta(days=3),
                event_time_text="as written elsewhere",
                zone_offset_min=60,
                is_declaration=True,
                declared_at=AT,
                declared_reason="did_not_occur",
                attributes='{"vendor": "extension"}',
                read_point="https://id.gs1.org/414/9521234000013",
            )
        ],
        [item(1, second), item(1, "https://id.gs1.org/01/09521234000013/21/S1")],
        transactions=[inv, po],
    )
    keys = content_keys(tmp_path, plain, same)
    assert keys[0] == keys[1]


A, B = PACK.format(1), PACK.format(2)
BASE: dict[str, list[Row]] = {
    "items": [item(1, A)],
    "parties": [{"position": 1, "direction": "source", "type": "location", "text": PLACE}],
    "transactions": [{"position": 1, "type": "po", "document": "PO-1"}],
    "sensors": [{"position": 1, "type": "Temperature", "value": 5.0, "uom": "CEL"}],
}


def varied(event_columns: Row | None = None, **frames: list[Row]) -> Batch:
    return batch([event(1, **(event_columns or {}))], **(BASE | frames))


DIFFERENT = {
    "base": varied(),
    "type": varied({"event_type": "AggregationEvent"}),
    "action": varied({"action": "ADD"}),
    "time": varied({"event_at": AT + timedelta(microseconds=1)}),
    "step": varied({"step": "receiving"}),
    "disposition": varied({"disposition": "in_transit"}),
    "empty text is not null": varied({"disposition": ""}),
    "read point": varied({"read_point": PLACE + "1"}),
    "place in the other field": varied({"read_point": None, "biz_location": PLACE}),
    "transformation": varied({"transformation_id": "T1"}),
    "lot": varied({"lot": "L1"}),
    "expiry": varied({"expiry": date(2026, 1, 31)}),
    "expiry that is no date": varied({"expiry_text": "31/31/2026"}),
    "persistent disposition": varied({"attributes": '{"persistentDisposition": {"set": ["x"]}}'}),
    "other pack": varied(items=[item(1, B)]),
    "one pack more": varied(items=[item(1, A), item(1, B)]),
    "other role": varied(items=[item(1, A, role="child")]),
    "quantity": varied(items=[item(1, A, quantity=12.0)]),
    "quantity and unit": varied(items=[item(1, A, quantity=1.0, uom="2")]),
    "no party": varied(parties=[]),
    "other direction": varied(parties=[BASE["parties"][0] | {"direction": "destination"}]),
    "other document": varied(transactions=[{"position": 1, "type": "po", "document": "PO-2"}]),
    "split elsewhere": varied(transactions=[{"position": 1, "type": "poP", "document": "O-1"}]),
    "quote in text": varied(transactions=[{"position": 1, "type": "po", "document": 'PO-1","x'}]),
    "two documents": varied(
        transactions=[{"position": 1, "type": "po", "document": d} for d in "ab"]
    ),
    "one of both": varied(transactions=[{"position": 1, "type": "po", "document": "a,b"}]),
    "sensor value": varied(sensors=[BASE["sensors"][0] | {"value": 5.5}]),
    "value or minimum": varied(sensors=[BASE["sensors"][0] | {"value": None, "min_value": 5.0}]),
    "sensor says a word": varied(sensors=[BASE["sensors"][0] | {"report": '{"stringValue": "w"}'}]),
}


def test_different_contents_never_share_a_key(tmp_path: Path) -> None:
    keys = content_keys(tmp_path, *DIFFERENT.values())
    names: dict[str, list[str]] = {}
    for name, key in zip(DIFFERENT, keys, strict=True):
        names.setdefault(key, []).append(name)
    assert [shared for shared in names.values() if len(shared) > 1] == []
    assert all(len(key) == 64 for key in keys)


# --- logs and lists --------------------------------------------------------------------------


def table_batch(kind: str, *said: Row, rejected: list[Row] | None = None) -> TableBatch:
    frame = pl.DataFrame([{"position": n} | row for n, row in enumerate(said, 1)])
    refused = batch([], rejected=rejected or []).rejected
    return TableBatch(frame.height + refused.height, kind, frame, refused)


def test_equal_lines_share_a_content_key_and_others_do_not(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    line = {"shipment_id": "1", "line": "23", "gtin": "09521234000013", "quantity": 4}
    other = line | {"shipment_id": "12", "line": "3"}
    receipt = land_batches(con, tmp_path, "a", table_batch("shipments", line, other, line))
    assert (receipt.kind, receipt.read_count) == ("shipments", 3)
    keys = [row[0] for row in rows(con, "SELECT content_key FROM raw_shipment ORDER BY position")]
    assert keys[0] == keys[2] != keys[1]
    # A reader that leaves out columns it never saw says the same as one that gives them empty.
    land_batches(con, tmp_path, "b", table_batch("shipments", line | {"lot": None, "mode": None}))
    assert rows(con, "SELECT content_key FROM raw_shipment WHERE file_id = 2") == [(keys[0],)]


@pytest.mark.parametrize("serial", ["S1", "a/b%c", "12+3", "ü &?#", 'q"uote'])
def test_a_verified_pack_is_the_pack_of_the_events(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, serial: str
) -> None:
    asked = {"requested_at": AT, "gtin": "09521234000013", "serial": serial, "answer_code": "A3"}
    unnamed = {"requested_at": AT, "gtin": "09521234000013", "serial": None, "answer_code": "A3"}
    land_batches(con, tmp_path, "log", table_batch("verifications", asked, unnamed))
    found = rows(
        con,
        "SELECT i.scheme, i.gtin, i.serial FROM raw_verification v "
        "LEFT JOIN raw_identifier i ON i.text_id = v.epc ORDER BY v.position",
    )
    assert found == [("sgtin", "09521234000013", serial), (None, None, None)]


def test_a_theft_notice_names_a_pack_a_container_or_a_whole_lot(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    sscc = "urn:epc:id:sscc:9521234.0000000001"
    land_batches(con, tmp_path, "events", batch([event(1)], [item(1, A), item(1, sscc)]))
    known = rows(con, "SELECT sscc FROM raw_identifier WHERE scheme = 'sscc'")[0][0]
    base = {"reported_at": AT, "gtin": "09521234000013", "lot": "L1"}
    notices = table_batch(
        "theft_notices",
        base | {"serial": "S1", "sscc": None},
        base | {"serial": None, "sscc": known},
        base | {"serial": None, "sscc": None},
    )
    land_batches(con, tmp_path, "thefts", notices)
    found = rows(
        con,
        "SELECT e.text FROM raw_theft_notice t LEFT JOIN raw_identifier n ON n.text_id = t.epc "
        "LEFT JOIN raw_identifier e ON e.text_id = n.epc_id ORDER BY t.position",
    )
    assert found == [(A,), (sscc,), (None,)]


@pytest.mark.parametrize("kind", sorted(load.TABLE_OF_KIND))
def test_every_kind_lands_with_its_rejects(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, kind: str
) -> None:
    refused = {"position": 2, "place": "row 2", "reason": "no number", "remedy": "correct it"}
    said = table_batch(kind, {"attributes": '{"a": "1"}'}, rejected=[refused])
    receipt = land_batches(con, tmp_path, "list", said)
    assert (receipt.status, receipt.read_count, receipt.set_aside_count) == ("landed", 2, 1)
    query = f"FROM {load.TABLE_OF_KIND[kind]} SELECT record_id, file_id, attributes ->> '$.a'"
    assert rows(con, query) == [(1, 1, "1")]
    assert rows(con, "SELECT place FROM raw_rejected") == [("row 2",)]


# --- files -----------------------------------------------------------------------------------


def test_a_file_is_landed_once_under_whatever_name(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("same bytes")
    first, second = land(con, [tmp_path], AT, read=feed_from_name)
    before = dump(con)
    assert (first.status, second.status) == ("landed", "known")
    assert second.file_id == first.file_id
    assert second.read_count == 60
    again = land(con, [tmp_path], datetime(2025, 1, 1), read=feed_from_name)
    assert {receipt.status for receipt in again} == {"known"}
    assert dump(con) == before


def test_folders_are_read_in_order_without_hidden_files(tmp_path: Path) -> None:
    for name in ("b/2.xml", "b/1.xml", "a.xml", ".hidden.xml", ".git/x.xml", "b/.tmp", "B.xml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    found = [path.relative_to(tmp_path).as_posix() for path in expand([tmp_path])]
    assert found == ["B.xml", "a.xml", "b/1.xml", "b/2.xml"]
    assert list(expand([tmp_path / ".hidden.xml"])) == [tmp_path / ".hidden.xml"]
    assert list(expand([tmp_path / "a.xml", tmp_path / "a.xml"])) == [tmp_path / "a.xml"]


def test_a_file_is_known_by_its_path_from_the_named_folder_on(tmp_path: Path) -> None:
    for folder in ("monday/inbox", "tuesday/inbox"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.xml").write_text("x")
    monday, tuesday = tmp_path / "monday/inbox", tmp_path / "tuesday/inbox"
    assert list(expand([monday]).values()) == ["inbox/a.xml"] == list(expand([tuesday]).values())
    assert list(expand([monday / "a.xml"]).values()) == ["a.xml"]
    both = expand([monday, tuesday])
    assert list(both.values()) == [str(monday / "a.xml"), str(tuesday / "a.xml")]


def test_a_path_that_is_not_there_stops_before_anything_is_landed(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("a")
    with pytest.raises(InputError, match="nowhere"):
        land(con, [tmp_path / "a", tmp_path / "nowhere"], AT, read=feed_from_name)
    assert rows(con, "SELECT count(*) FROM raw_source_file") == [(0,)]


def raising(error: Exception, kind: str = "epcis") -> Callable[[Path], Source]:
    """A reader that fails after ten good events."""

    def batches() -> Iterator[Batch]:
        yield batch([event(p) for p in range(1, 11)], [item(1, A)])
        raise error

    return lambda _: Source(kind, [Member("", batches())])


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("serial S1 of partner X is odd"), "could not be read: ValueError"),
        (EOFError("x"), "could not be read: EOFError"),
        (RecursionError("x"), "could not be read: RecursionError"),
        (Unreadable("ends in the middle", "ask again"), "ends in the middle"),
    ],
)
def test_a_reader_that_fails_sets_the_whole_file_aside_and_the_rest_goes_on(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, error: Exception, reason: str
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
    bad = raising(error)
    receipts = land(
        con, [tmp_path], AT, read=lambda p: bad(p) if p.name == "b" else feed_from_name(p)
    )
    assert [receipt.status for receipt in receipts] == ["landed", "set_aside", "landed"]
    assert receipts[1].message == reason
    assert receipts[1].remedy
    assert rows(
        con, "SELECT kind, read_count, set_aside_count FROM raw_source_file ORDER BY 1, 2"
    ) == [
        ("epcis", 1, 1),
        ("epcis", 60, 0),
        ("epcis", 60, 0),
    ]
    assert rows(con, "SELECT file_id, position, reason FROM raw_rejected") == [(2, None, reason)]
    assert rows(con, "SELECT DISTINCT file_id FROM raw_event ORDER BY 1") == [(1,), (3,)]
    assert "S1" not in str(rows(con, "SELECT * FROM raw_rejected"))


def test_a_file_of_unknown_kind_is_set_aside_and_read_once_it_is_understood(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    def not_recognised(path: Path) -> Source:
        raise Unreadable("holds no table that is known", "write a mapping")

    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    for status in ("set_aside", "known"):
        receipts = land(con, [tmp_path], AT, read=not_recognised)
        assert [receipt.status for receipt in receipts] == [status, status]
        assert receipts[0].remedy == "write a mapping"
        assert rows(con, "SELECT file_id, kind FROM raw_source_file") == [
            (1, "unknown"),
            (2, "unknown"),
        ]
    receipts = land(con, [tmp_path / "a"], AT, read=feed_from_name)
    assert [receipt.status for receipt in receipts] == ["landed"]
    assert rows(con, "SELECT file_id, kind, first_record_id FROM raw_source_file ORDER BY 1") == [
        (2, "unknown", 2),
        (3, "epcis", 3),
    ]
    assert rows(con, "SELECT file_id FROM raw_rejected") == [(2,)]


def test_a_file_that_cannot_be_opened_is_told_once_and_read_when_it_can_be(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = tmp_path / "a"
    path.symlink_to(tmp_path / "gone")
    for status in ("set_aside", "known"):
        assert [receipt.status for receipt in land(con, [path], AT)] == [status]
    (tmp_path / "gone").write_text("now here")
    assert [receipt.status for receipt in land(con, [path], AT, read=feed_from_name)] == ["landed"]
    assert rows(con, "SELECT kind, read_count FROM raw_source_file") == [("epcis", 60)]
    assert rows(con, "SELECT count(*) FROM raw_rejected") == [(0,)]


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_a_name_that_is_not_utf8_is_no_obstacle(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.xml")).write_text("x")
    assert land(con, [tmp_path], AT, read=feed_from_name)[0].status == "landed"
    assert rows(con, "SELECT path LIKE '%/caf_.xml' FROM raw_source_file") == [(True,)]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_says_so(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.touch(mode=0)
    assert "permission" in str(land(con, [path], AT)[0].message)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    receipt = land(con, [tmp_path], AT)[0]
    assert (receipt.status, receipt.message) == ("set_aside", "is not a regular file")


def test_a_file_that_grows_while_it_is_read_is_not_half_landed(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = tmp_path / "a"
    path.write_text("a")

    def grow(at: LandingProgress) -> None:
        if at.receipt is None:
            path.write_text("a and more")

    receipt = land(con, [path], AT, on_progress=grow, read=feed_from_name)[0]
    assert (receipt.status, receipt.message) == ("set_aside", "the file changed while it was read")
    assert rows(con, "SELECT count(*) FROM raw_event") == [(0,)]
    assert land(con, [path], AT, read=feed_from_name)[0].status == "landed"


@pytest.mark.parametrize(
    "broken",
    [
        replace(batch([event(1), event(9)]), read_count=2),
        replace(table_batch("shipments", {"shipment_id": "1"}, {"shipment_id": "2"}), read_count=1),
        table_batch("shipments", {"no_such_column": "1"}),
        TableBatch(1, "no_such_kind", pl.DataFrame({"position": [1]})),
        batch([event(1, attributes="{not json")]),
    ],
)
def test_a_reader_that_breaks_the_contract_cannot_spoil_the_warehouse(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, broken: Batch | TableBatch
) -> None:
    receipt = land_batches(con, tmp_path, "a", broken)
    assert receipt.status == "set_aside"
    assert land_batches(con, tmp_path, "b", batch([event(1)])).status == "landed"
    assert rows(
        con, "SELECT record_id FROM raw_event UNION ALL FROM raw_shipment SELECT record_id"
    ) == [(2,)]


def test_a_warehouse_that_cannot_be_written_is_no_fault_of_the_file(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("a")
    con.execute("ALTER TABLE raw_event DROP COLUMN lot")
    with pytest.raises(WarehouseError, match="could not be written"):
        land(con, [tmp_path], AT, read=feed_from_name)
    assert rows(con, "SELECT count(*) FROM raw_source_file") == [(0,)]


def test_positions_count_on_over_the_documents_of_one_file(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = tmp_path / "feed.zip"
    path.write_text("x")
    refused = {"position": 2, "place": "event 2", "reason": "no time", "remedy": "ask"}
    first = [batch([event(1)]), batch([], rejected=[refused])]
    second = [batch([event(1, lot="L1")], [item(1, A)])]
    rest = {"position": None, "place": None, "reason": "breaks off", "remedy": "ask"}
    third = [batch([], rejected=[rest])]
    members = [Member("a.xml", first), Member("b.xml", second), Member("c.xml", third)]
    receipt = land(con, [path], AT, read=lambda _: Source("epcis", members))[0]
    assert (receipt.read_count, receipt.set_aside_count) == (4, 2)
    assert rows(con, "SELECT position, lot FROM raw_event") == [(1, None), (3, "L1")]
    assert rows(con, "SELECT record_id FROM raw_event_item") == [(3,)]
    assert rows(con, "SELECT position, place FROM raw_rejected") == [
        (2, "a.xml event 2"),
        (None, "c.xml"),
    ]


def test_progress_tells_each_file_and_how_far_it_is(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "BYTES_AT_ONCE", 1)
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    seen: list[tuple[int, int, int, bool]] = []
    land(
        con,
        [tmp_path],
        AT,
        on_progress=lambda at: seen.append(
            (at.number, at.count, at.records, at.receipt is not None)
        ),
        read=feed_from_name,
    )
    steps = (10, 20, 30, 40, 50, 60)
    assert seen == [
        *((1, 2, records, False) for records in steps),
        (1, 2, 60, True),
        *((2, 2, records, False) for records in steps),
        (2, 2, 60, True),
    ]


# --- small files -----------------------------------------------------------------------------


def mixed(path: Path) -> Source:
    """Events, a log, a list, a file that cannot be read, an archive of several kinds: by name."""
    asked = {"requested_at": AT, "gtin": "09521234000013", "serial": path.name, "answer_code": "A3"}
    log = table_batch("verifications", asked, asked | {"serial": "S1"})
    refused = {"position": 2, "place": "row 2", "reason": "no number", "remedy": "correct it"}
    shipped = table_batch("shipments", {"shipment_id": path.name}, rejected=[refused])
    rest = batch([], rejected=[{"position": None, "place": None, "reason": "cut", "remedy": "ask"}])
    kind = int(path.name) % 5
    if kind == 0:
        return feed_from_name(path)
    if kind == 1:
        return Source("verifications", [Member("", [log])])
    if kind == 2:
        return Source("shipments", [Member("", [shipped])])
    if kind == 3:
        return raising(ValueError("odd"))(path)
    events = [one for member in feed_from_name(path).members for one in member.batches]
    return Source("archive", [Member("a", events), Member("b", [log]), Member("c", [rest])])


@pytest.mark.parametrize("together", [2, 3, 100])
def test_small_files_landed_together_give_the_warehouse_of_one_after_another(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    for number in range(15):
        (tmp_path / f"{number:02}").write_text(str(number))
    monkeypatch.setattr(filing, "TOGETHER_FILES", together)
    receipts = land(con, [tmp_path], AT, read=mixed)
    assert [r.status for r in receipts] == ["landed", "landed", "landed", "set_aside", "landed"] * 3
    monkeypatch.setattr(input_files, "SMALL_BYTES", -1)
    with open_memory() as alone:
        assert land(alone, [tmp_path], AT, read=mixed) == receipts
        assert dump(con) == dump(alone)
    assert rows(con, "SELECT count(*) FROM raw_verification") == [(12,)]


def test_a_small_file_that_breaks_the_load_spoils_none_of_those_landed_with_it(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for number in range(6):
        (tmp_path / str(number)).write_text(str(number))
    broken = Source("epcis", [Member("", [batch([event(1, attributes="{not json")])])])
    receipts = land(
        con, [tmp_path], AT, read=lambda p: broken if p.name == "2" else feed_from_name(p)
    )
    assert [receipt.status for receipt in receipts].count("landed") == 5
    assert receipts[2].status == "set_aside"
    assert rows(con, "SELECT DISTINCT file_id FROM raw_event ORDER BY 1") == [
        (number,) for number in (1, 2, 4, 5, 6)
    ]
    assert rows(con, "SELECT file_id FROM raw_source_file") == [(n,) for n in range(1, 7)]


# --- interruption ----------------------------------------------------------------------------


def test_ctrl_c_leaves_the_file_unread_and_the_connection_usable(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)

    def interrupt(at: LandingProgress) -> None:
        if at.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        land(con, [tmp_path], AT, on_progress=interrupt, read=feed_from_name)
    assert rows(con, "SELECT count(*), max(file_id) FROM raw_source_file") == [(1, 1)]
    land(con, [tmp_path], AT, read=feed_from_name)
    with open_memory() as whole:
        land(whole, [tmp_path], AT, read=feed_from_name)
        assert dump(con) == dump(whole)


def test_killed_at_any_step_and_run_again_gives_the_same_warehouse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for name in ("a", "b", "c"):
        (inbox / name).write_text(name)
    process = [sys.executable, "-m", "tests.data.landing_process"]

    whole = tmp_path / "whole.duckdb"
    done = subprocess.run(
        [*process, str(whole), str(inbox)],
        cwd=REPO,
        input="\n" * 100,
        capture_output=True,
        text=True,
        check=True,
    )
    steps = len(done.stdout.splitlines())
    with open_warehouse(whole) as con:
        expected = dump(con)
    assert len(expected["raw_event"]) == 180

    # Seven steps a file: in the middle of one, before its end, after it, at the next one's start.
    assert steps == 21
    monkeypatch.setattr(load, "BYTES_AT_ONCE", landing_process.BYTES_AT_ONCE)
    for last in (4, 6, 7, 8):
        target = tmp_path / f"killed{last}.duckdb"
        with subprocess.Popen(
            [*process, str(target), str(inbox)],
            cwd=REPO,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdin is not None and child.stdout is not None
            for _ in range(last - 1):
                child.stdout.readline()
                child.stdin.write("\n")
                child.stdin.flush()
            child.stdout.readline()
            child.kill()
        with open_warehouse(target) as con:
            partly = rows(con, "SELECT count(*) FROM raw_event")[0][0]
            assert partly == (60 if last >= 7 else 0), "a file is there whole or not at all"
            land(con, [inbox], AT, read=feed_from_name)
            assert dump(con) == expected
