"""Documents made to break a reader: each lands, ends soon, and is told of."""

import io
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data.readers import epcis_frames, epcis_json, json_scan, slices
from data.readers.epcis import read_epcis
from data.warehouse.connection import open_memory
from data.warehouse.landing import land
from data.warehouse.models import build_model, read_models
from data.warehouse.sources import read_source
from tests.data.batches import AT
from tests.data.epcis_samples import one_event, one_rejected, read, whole, xml_document, xml_event

EVENT = '{"type":"ObjectEvent","eventTime":"2025-03-01T10:00:00Z","action":"ADD",'
TABLE = "shipment_id,from_gln,to_gln,quantity\n"
LINE = '{"shipment_id":"S","from_gln":"1","to_gln":"2","quantity":1}\n'
QUOTES = EVENT + '"x":"' + '\\"{' * 100_000 + '"}'

HOSTILE: dict[str, tuple[str | bytes, str | None]] = {
    "a string of quotes": (QUOTES, None),
    "a field a million times": (
        xml_document(xml_event("<x>1</x>" * 200_000 + "text<y/>" * 200_000)),
        None,
    ),
    "extensions without end": (xml_document(xml_event("<extension>" * 200_000)), "well-formed"),
    "nested wrappers": ("<EPCISDocument>" + "<a>" * 20_000, "deep"),
    "nested lists": ("[" * 300_000, "not EPCIS"),
    "an event nested deeply": ("[" + EVENT + '"x":' + "[" * 9_000 + "]" * 9_000 + "}]", "deeply"),
    "a number of ten thousand digits": ("[" + EVENT + f'"n":{"9" * 10_000}}}]', "well-formed"),
    "NaN": ("[" + EVENT + '"quantityList":[{"epcClass":"a","quantity":NaN}]}]', "well-formed"),
    "a lone surrogate": ("[" + EVENT + '"eventID":"\\ud800"}]', "well-formed"),
    "only commas": ("," * 300_000, "columns"),
    "ten thousand columns": (TABLE.strip() + ",c" * 10_000 + "\n", "columns"),
    "fields without end": (
        LINE + "".join(f'{{"shipment_id":"S","k{number}":1}}\n' for number in range(9_000)),
        "different fields",
    ),
    "a quote never closed": (TABLE + 'S,1,2,"' + "3\n" * 9_000_000, "never closed"),
    "rows in a quote": (TABLE + 'S,1,2,"' + "3\nS,1,2," * 30, "swallowed"),
    "a line without end": (LINE + '{"shipment_id":"' + "a" * (17 << 20), "larger than 16 MiB"),
    "a multi-byte encoding": ("<?xml version='1.0' encoding='utf-7'?><EventList/>", "encoding"),
    "a NUL": (xml_document(xml_event("<x>\0</x>")), "binary"),
    "SQL, HTML and formulas": (
        TABLE + "\"'; DROP TABLE raw_event; --\",<script>,=cmd|' /C calc'!A0,1\n",
        None,
    ),
}


def test_each_is_accounted_for(tmp_path: Path) -> None:
    for name, (content, _) in HOSTILE.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with open_memory() as con:
        receipts = {one.path: one for one in land(con, sorted(tmp_path.iterdir()), AT)}
        for model in read_models():
            if model.file.name in ("stg_record_status", "source_file") or (
                model.file.layer == "stg" or model.file.name == "check_source_file_sum"
            ):
                build_model(con, model)
        assert con.execute("FROM check_source_file_sum").fetchall() == []
        told = dict(con.execute("SELECT path, reason FROM raw_rejected JOIN raw_source_file "
                                "USING (file_id)").fetchall())  # fmt: skip
        assert con.execute("SELECT count(*) FROM raw_event").fetchall() == [(2,)]
    assert receipts.keys() == HOSTILE.keys()
    for name, (_, reason) in HOSTILE.items():
        assert (reason is None) == (name not in told), name
        assert reason is None or reason in told[name], name
        assert "could not be read" not in told.get(name, ""), name


def test_a_reader_that_panics_does_not_stop_the_run(tmp_path: Path) -> None:
    def panic(_: Path) -> Any:
        pl.DataFrame({"x": [{"a": b"\xff"}]}).select(pl.col("x").struct.json_encode())

    path = tmp_path / "a"
    path.write_text(TABLE)
    with open_memory() as con:
        (receipt,) = land(con, [path], AT, read=panic)
    assert receipt.status == "set_aside"


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_an_event_with_too_many_members_is_set_aside_alone(
    form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_scan, "MAX_MEMBERS", 1_000)
    monkeypatch.setattr(json_scan, "CHUNK_BYTES", 1_000)
    good = EVENT + '"epcList":["urn:a"]}'
    many = EVENT + '"x":[' + "{}," * 2_000 + "{}]}"
    events = [good, many, good]
    document = "\n".join(events) if form == "ndjson" else f"[{','.join(events)}]"
    found = read(document.encode(), form)
    assert len(whole(found, "events")) == 2
    assert "members" in whole(found, "rejected")["reason"].item()


def test_an_event_with_an_endless_text_is_set_aside_alone() -> None:
    long = "a" * (epcis_frames.MAX_TEXT + 1)
    for field in (f"<epcList><epc>{long}</epc></epcList>", f"<bizStep>{long}</bizStep>"):
        document = xml_document(xml_event("") + xml_event(field))
        assert "longer than" in one_rejected(document, "xml")["reason"]
        assert len(whole(read(document, "xml"), "events")) == 1
    assert one_event(xml_document(xml_event(f"<note>{long}</note>")), "xml")["attributes"]


def test_columns_of_one_name_are_told_apart_in_time() -> None:
    names = slices.split_header("," * 200_000)[1]
    assert len(set(names)) == 200_001


def large(form: str, lists: str, members: int) -> bytes:
    """Three events, the second of which has so many members in the lists named."""
    names = lists.split()
    if form == "xml":
        one = {"quantityList": "<quantityElement><epcClass>a</epcClass></quantityElement>"}
        parts = [f"<{name}>{one.get(name, '<epc>a</epc>') * members}</{name}>" for name in names]
        return xml_document(xml_event("") + xml_event("".join(parts)) + xml_event(""))
    cell = {"quantityList": '{"epcClass":"a"}'}
    parts = [f'"{name}":[{",".join([cell.get(name, chr(34) + "a" + chr(34))] * members)}]'
             for name in names]  # fmt: skip
    events = [EVENT + '"x":1}', EVENT + ",".join(parts) + "}", EVENT + '"x":2}']
    return ("\n".join(events) if form == "ndjson" else f"[{','.join(events)}]").encode()


@pytest.mark.parametrize("form", ["xml", "json", "ndjson"])
@pytest.mark.parametrize("lists", ["epcList", "quantityList", "epcList quantityList"])
def test_an_event_with_more_members_than_the_setting_allows_is_set_aside_alone(
    form: Any, lists: str
) -> None:
    members = 30_000 // len(lists.split())  # more than a chunk of the parser
    for most in (30_000, 29_999):
        batches = list(
            read_epcis(io.BytesIO(large(form, lists, members)), format=form, max_epcs=most)
        )
        aside = pl.concat(batch.rejected for batch in batches).to_dicts()
        read_count = sum(batch.read_count for batch in batches)
        items = sum(batch.items.height for batch in batches)
        assert read_count == 3
        if most == 30_000:
            assert aside == []
            assert items == 30_000
        else:
            assert [one["position"] for one in aside] == [2]
            assert "have 30,000 members, more than 29,999" in aside[0]["reason"]
            assert "max_epcs_per_event" in aside[0]["remedy"]
            assert items == 0


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_an_event_too_large_to_be_held_is_stepped_over(
    form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (epcis_json, json_scan):
        monkeypatch.setattr(module, "MAX_RECORD_BYTES", 100_000)
        monkeypatch.setattr(module, "CHUNK_BYTES", 10_000)
    found = read(large(form, "epcList", 100_000), form)
    assert whole(found, "events")["attributes"].to_list() == ['{"x":1}', '{"x":2}']
    [aside] = whole(found, "rejected").to_dicts()
    assert aside["position"] == 2
    assert "larger than" in aside["reason"]


def test_a_first_event_too_large_to_be_held_is_stepped_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (epcis_json, json_scan):
        monkeypatch.setattr(module, "MAX_RECORD_BYTES", 100_000)
        monkeypatch.setattr(module, "CHUNK_BYTES", 10_000)
    many = large("ndjson", "epcList", 100_000).split(b"\n")
    found = read(b"\n".join(many[1:]), "json")  # as a file is read that begins with an object
    assert whole(found, "events")["attributes"].to_list() == ['{"x":2}']
    [aside] = whole(found, "rejected").to_dicts()
    assert aside["position"] == 1
    assert "larger than" in aside["reason"]


@pytest.mark.parametrize("form", ["xml", "json", "ndjson"])
def test_a_document_of_which_nothing_can_be_read_is_given_up(form: Any) -> None:
    spoiled, mark = {"xml": ("<a/>", ""), "json": ("1", ","), "ndjson": ("1", "\n")}[form]
    for count, read_count in ((9_000, 9_000), (300_000, None)):
        body = mark.join([spoiled] * count)
        around = {"xml": xml_document(body).decode(), "json": f"[{body}]", "ndjson": body}
        found = read(around[form].encode(), form)
        aside = whole(found, "rejected")
        told = aside["reason"].str.contains("only 0 can be read").sum()
        assert told == (read_count is None)
        assert aside.height == (read_count or aside.height) < 150_000


def test_the_list_of_an_archives_members_is_not_read_once_a_member(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(20):
            archive.writestr(f"{number}.xml", xml_document(xml_event(f"<x>{number}</x>")))
    opened = []
    read_list = zipfile.ZipFile._RealGetContents  # type: ignore[attr-defined]
    monkeypatch.setattr(
        zipfile.ZipFile, "_RealGetContents", lambda zip_: (opened.append(1), read_list(zip_))
    )
    batches = [batch for member in read_source(path).members for batch in member.batches]
    assert sum(batch.read_count for batch in batches) == 20
    assert len(opened) == 2  # to recognise, and to read
