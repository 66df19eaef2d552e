"""Flat tables of events become batches like those of EPCIS documents; odd rows are set aside."""

import gzip
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.readers.batch import Batch
from data.readers.event_table import read_event_table
from data.readers.layouts import EVENT_TABLE
from data.readers.recognise import recognise
from data.warehouse.connection import open_memory
from data.warehouse.landing import land
from data.warehouse.sources import read_source
from tests.data.batches import AT

COLUMNS = tuple(EVENT_TABLE.legs[0])
PACK = "urn:epc:id:sgtin:0614141.107346.{}"
CASE = "urn:epc:id:sscc:0614141.1234567890"
LOT = "urn:epc:class:lgtin:4012345.012345.A=1"
HERE = "urn:epc:id:sgln:0614141.00001.0"
THERE = "https://id.gs1.org/414/0614141000029"
Row = dict[str, Any]


def row(**said: Any) -> Row:
    usual = {
        "event_id": "e1",
        "event_time": "2026-03-01T14:05:00+01:00",
        "event_type": "ObjectEvent",
        "action": "OBSERVE",
        "biz_step": "shipping",
        "epcs": [PACK.format("A1")],
    }
    assert set(said) <= set(COLUMNS)
    return dict.fromkeys(COLUMNS) | usual | said


def cell(value: Any) -> str:
    if isinstance(value, list):
        return ";".join(value)
    return "" if value is None else str(value)


def write_csv(path: Path, rows: list[Row]) -> None:
    texts = [{name: cell(value) for name, value in one.items()} for one in rows]
    pl.DataFrame(texts).write_csv(path)


def write_packed(path: Path, rows: list[Row]) -> None:
    write_csv(path, rows)
    path.write_bytes(gzip.compress(path.read_bytes()))


def write_parquet(path: Path, rows: list[Row]) -> None:
    lists = {"epcs", "children", "outputs", "quantities"}
    schema = {name: pl.List(pl.String) if name in lists else pl.String for name in COLUMNS}
    pl.DataFrame(rows, schema=schema).write_parquet(path)


def write_ndjson(path: Path, rows: list[Row]) -> None:
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")


def write_json(path: Path, rows: list[Row]) -> None:
    path.write_text(json.dumps(rows), encoding="utf-8")


Write = Callable[[Path, list[Row]], None]
WRITERS: tuple[Write, ...] = (write_csv, write_packed, write_parquet, write_ndjson, write_json)


def read(path: Path) -> Batch:
    """The only batch of a small file."""
    assert recognise(path).kind == "events"
    (member,) = read_source(path).members
    (batch,) = member.batches
    assert isinstance(batch, Batch)
    assert batch.read_count == batch.events.height + batch.rejected.height
    return batch


def read_csv(path: Path, *rows: Row) -> Batch:
    write_csv(path, list(rows))
    return read(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table"


FULL = (
    row(
        record_time="2026-03-01T13:06:00Z",
        disposition="urn:epcglobal:cbv:disp:in_transit",
        read_point=HERE,
        biz_location=HERE,
        epcs=[PACK.format("A1"), PACK.format("A2")],
        quantities=[f"{LOT}=12", f"{LOT}=0.5"],
        source_owner=HERE,
        destination_owner=THERE,
        source_location=HERE,
        destination_location=THERE,
        document_type="urn:epcglobal:cbv:btt:desadv",
        document="urn:epcglobal:cbv:bt:0614141000012:D1",
    ),
    row(
        event_type="AggregationEvent",
        action="add",
        biz_step="https://ref.gs1.org/cbv/BizStep-packing",
        epcs=None,
        parent=CASE,
        children=[PACK.format("A1")],
        quantities=[f"{LOT}=3"],
    ),
    row(
        event_type="epcis:TransformationEvent",
        action=None,
        outputs=[PACK.format("B1")],
        quantities=[f"{LOT}="],
        declared_time="2026-03-02T00:00:00Z",
    ),
    row(action="ADD", lot="007", expiry="2028-05-31", manufactured="260105"),
)


@pytest.mark.parametrize("write", WRITERS)
def test_every_format_tells_the_same(path: Path, write: Write) -> None:
    write(path, list(FULL))
    found = read(path)
    assert found.rejected.is_empty()
    events = found.events.to_dicts()
    first = events[0]
    assert first["position"] == 1
    assert first["event_at"] == datetime(2026, 3, 1, 13, 5)
    assert first["event_time_text"] == "2026-03-01T14:05:00+01:00"
    assert first["zone_offset_min"] == 60
    assert first["recorded_at"] == datetime(2026, 3, 1, 13, 6)
    assert (first["step"], first["disposition"]) == ("shipping", "in_transit")
    assert (first["read_point"], first["biz_location"]) == (HERE, HERE)
    assert [one["event_type"] for one in events] == [
        "ObjectEvent",
        "AggregationEvent",
        "TransformationEvent",
        "ObjectEvent",
    ]
    assert [one["action"] for one in events] == ["OBSERVE", "ADD", None, "ADD"]
    assert events[1]["step"] == "packing"
    assert [one["is_declaration"] for one in events] == [False, False, True, False]
    assert events[2]["declared_at"] == datetime(2026, 3, 2)
    assert (events[3]["lot"], events[3]["expiry"]) == ("007", date(2028, 5, 31))
    assert events[3]["made_on"] == date(2026, 1, 5)
    assert {one["attributes"] for one in events} == {None}
    assert sorted(found.items.drop("uom").rows(), key=str) == sorted(
        [
            (1, "epc", PACK.format("A1"), None, False),
            (1, "epc", PACK.format("A2"), None, False),
            (1, "epc", LOT, 12.0, True),
            (1, "epc", LOT, 0.5, True),
            (2, "parent", CASE, None, False),
            (2, "child", PACK.format("A1"), None, False),
            (2, "child", LOT, 3.0, True),
            (3, "input", PACK.format("A1"), None, False),
            (3, "output", PACK.format("B1"), None, False),
            (3, "input", LOT, None, True),
            (4, "epc", PACK.format("A1"), None, False),
        ],
        key=str,
    )
    assert sorted(found.parties.rows()) == [
        (1, "destination", "location", THERE),
        (1, "destination", "owning_party", THERE),
        (1, "source", "location", HERE),
        (1, "source", "owning_party", HERE),
    ]
    assert found.transactions.rows() == [(1, "desadv", "urn:epcglobal:cbv:bt:0614141000012:D1")]


def test_timestamps_of_parquet_are_utc_or_name_no_moment(path: Path) -> None:
    at = datetime(2026, 3, 1, 13, 5, tzinfo=UTC)
    table = pl.DataFrame([row(event_time=at, expiry=date(2028, 5, 31))])
    table.write_parquet(path)
    first = read(path).events.row(0, named=True)
    assert first["event_at"] == at.replace(tzinfo=None)
    assert (first["zone_offset_min"], first["expiry"]) == (0, date(2028, 5, 31))
    table.with_columns(pl.col("event_time").dt.replace_time_zone(None)).write_parquet(path)
    assert "no zone" in read(path).rejected["reason"][0]


def test_a_semicolon_in_an_identifier_does_not_end_it(path: Path) -> None:
    identifier = "https://id.gs1.org/01/09506000134352/21/a;b"
    for write in (write_parquet, write_ndjson, write_json):
        write(path, [row(epcs=[identifier])])
        assert read(path).items["text"].to_list() == [identifier]


def test_an_item_that_is_a_number_keeps_its_digits(path: Path) -> None:
    write_ndjson(path, [row(epcs=[306141411234567890, None])])
    assert read(path).items["text"].to_list() == ["306141411234567890"]


BAD = (
    ({"event_type": None}, "type"),
    ({"event_type": "Event"}, "none of the five"),
    ({"event_type": "QuantityEvent"}, "withdrew"),
    ({"event_time": None}, "no eventTime"),
    ({"event_time": "2026-03-01T14:05:00"}, "no zone"),
    ({"event_time": "yesterday"}, "ISO 8601"),
    ({"event_time": "1772370300000"}, "bare number"),
    ({"action": None}, "no action"),
    ({"action": "CREATE"}, "none of ADD"),
    ({"quantities": [f"{LOT}=many"]}, "not a number"),
    ({"quantities": [f"{LOT}=1e999"]}, "not a number"),
    ({"quantities": [f"{LOT}=-1", f"{LOT}=many"]}, "negative"),
    ({"quantities": ["=4"]}, "which class"),
    ({"epcs": '["a", {"b": 1}]'}, "list in epcs"),
    ({"epcs": '["a'}, "list in epcs"),
    ({"lot": "L" * 100_001}, "longer than"),
)


@pytest.mark.parametrize(("said", "word"), BAD)
def test_a_row_that_cannot_be_read_is_set_aside_alone(path: Path, said: Row, word: str) -> None:
    whole = row(quantities=[f"{LOT}=1"], source_owner=HERE, document="D1")
    found = read_csv(path, whole, whole | said, whole)
    assert found.read_count == 3
    ((position, place, reason, remedy),) = found.rejected.rows()
    assert (position, place) == (2, "row 2")
    assert word in reason
    assert remedy.endswith(".")
    for frame in (found.events, found.items, found.parties, found.transactions):
        assert frame["position"].unique().sort().to_list() == [1, 3]


def test_rows_that_are_no_rows_count_too(path: Path) -> None:
    write_csv(path, [row(), row()])
    with path.open("a") as stream:
        stream.write("a,b\n")
    found = list(read_event_table(path))
    assert [(one.read_count, one.events.height) for one in found] == [(2, 2), (1, 0)]
    assert found[1].rejected["position"].to_list() == [3]


def test_further_columns_are_kept_with_the_event(path: Path) -> None:
    path.write_text(
        "Event Time;EVENTTYPE;biz-step;action;epcs;truck;lorry\n"
        f'2026-03-01T14:05:00Z;ObjectEvent; shipping ;OBSERVE;{PACK.format("A")};"7;""x";\n'
    )
    first = read(path).events.row(0, named=True)
    assert first["step"] == "shipping"
    assert json.loads(first["attributes"]) == {"truck": '7;"x'}
    assert first["event_id"] is None


def test_slices_change_nothing(path: Path) -> None:
    rows = [
        row(event_id=f"e{n}", event_time=None if n % 9 == 0 else "2026-03-01T14:05:00Z")
        for n in range(2_000)
    ]
    write_csv(path, rows)
    whole, parts = list(read_event_table(path)), list(read_event_table(path, slice_bytes=5_000))
    assert len(parts) > 10
    for name in ("events", "items", "rejected"):
        expected = pl.concat([getattr(one, name) for one in whole])
        assert pl.concat([getattr(one, name) for one in parts]).equals(expected)


CELL = st.one_of(
    st.sampled_from(
        ["ObjectEvent", "ADD", "2026-03-01T14:05:00Z", PACK.format("A"), f"{LOT}=1", "[", ";", "="]
    ),
    st.text(),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(CELL, min_size=len(COLUMNS), max_size=len(COLUMNS)), max_size=5))
def test_any_text_is_accepted_or_set_aside(
    tmp_path_factory: pytest.TempPathFactory, cells: list[list[str]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any events.csv"
    table = {name: [one[i] for one in cells] for i, name in enumerate(COLUMNS)}
    schema = dict.fromkeys(COLUMNS, pl.String)
    pl.DataFrame(table, schema=schema).write_csv(path, quote_style="always")
    found = list(read_event_table(path))
    assert sum(one.read_count for one in found) == len(cells)
    for one in found:
        assert one.read_count == one.events.height + one.rejected.height
        stays = one.events["position"].implode()
        for frame in (one.items, one.parties, one.transactions):
            assert frame["position"].is_in(stays).all()


def test_a_table_lands_like_a_document(tmp_path: Path) -> None:
    for name, write in (("a.csv", write_csv), ("b.parquet", write_parquet)):
        write(tmp_path / name, [*FULL, row(action="?")])
    with open_memory() as con:
        receipts = land(con, [tmp_path], AT)
        counts = con.execute(
            "SELECT count(*), count(DISTINCT content_key) FROM raw_event"
        ).fetchall()
    found = [(one.status, one.kind, one.read_count, one.set_aside_count) for one in receipts]
    assert found == [("landed", "events", 5, 1)] * 2
    assert counts == [(8, 4)]
