"""Logs and lists become rows of their raw tables; what cannot be read is set aside, never lost."""

import gzip
import json
import zipfile
import zlib
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import SettingsError
from data.readers.batch import TableBatch
from data.readers.gs1 import has_valid_check_digit
from data.readers.layouts import (
    KINDS,
    load_layout,
    match_layout,
    parse_layout,
    shipped_layouts,
)
from data.readers.slices import header
from data.readers.tables import read_table
from tests.shared_data import SHARED, needs_shared

SHIPMENTS = """shipment_id,line,from_gln,to_gln,gtin,lot,quantity,shipped_at,received_at,pallet
S1,1,4012345000009,urn:epc:id:sgln:0614141.00000.0,9506000134352,007,10,2026-03-01T10:00+02:00,,P
S1,2,4012345000009,614141000005,(01)09506000134352,1E5,2.5,2026-03-01,2026-03-02,
"""


def batches(path: Path, slice_bytes: int = 1 << 20) -> list[TableBatch]:
    layout = match_layout(header(path))
    assert layout is not None
    return list(read_table(path, layout, slice_bytes=slice_bytes))


def rows(path: Path, **options: int) -> list[dict[str, Any]]:
    return pl.concat([one.rows for one in batches(path, **options)]).to_dicts()


def written(folder: Path, content: str | bytes, name: str = "a") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def first(folder: Path, content: str) -> dict[str, Any]:
    return rows(written(folder, content))[0]


def test_shipments_in_the_plain_layout(tmp_path: Path) -> None:
    one, two = rows(written(tmp_path, SHIPMENTS))
    assert (one["position"], one["shipment_id"], one["line"]) == (1, "S1", "1")
    assert (one["from_gln"], one["to_gln"]) == ("4012345000009", "0614141000005")
    assert (one["gtin"], one["lot"], one["quantity"]) == ("09506000134352", "007", 10.0)
    assert one["shipped_at"] == datetime(2026, 3, 1, 8)
    assert not one["is_day_precision"]
    assert json.loads(one["attributes"]) == {"pallet": "P"}
    assert (two["to_gln"], two["gtin"]) == ("0614141000005", "09506000134352")
    assert (two["lot"], two["quantity"], two["is_day_precision"]) == ("1E5", 2.5, True)
    assert two["attributes"] is None


def test_all_formats_give_the_same_rows(tmp_path: Path) -> None:
    plain = written(tmp_path, SHIPMENTS, "plain")
    expected = rows(plain)
    table = pl.read_csv(plain, infer_schema=False)
    table.write_parquet(tmp_path / "parquet")
    table.write_ndjson(tmp_path / "ndjson")
    semicolon = SHIPMENTS.replace(",", ";")
    variants = [
        written(tmp_path, "\ufeff" + SHIPMENTS.replace("\n", "\r\n"), "bom"),
        written(tmp_path, SHIPMENTS.encode("utf-16"), "utf16"),
        written(tmp_path, semicolon, "semicolon"),
        written(tmp_path, gzip.compress(SHIPMENTS.encode()), "gz"),
        written(tmp_path, gzip.compress((tmp_path / "ndjson").read_bytes()), "ndjson_gz"),
        written(tmp_path, gzip.compress((tmp_path / "parquet").read_bytes()), "parquet_gz"),
        tmp_path / "parquet",
        tmp_path / "ndjson",
    ]
    for path in variants:
        assert rows(path) == expected, path.name


def test_a_member_of_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("in/log.csv", SHIPMENTS)
    layout = match_layout(header(path, "in/log.csv"))
    assert layout is not None
    assert [one.rows.height for one in read_table(path, layout, "in/log.csv")] == [2]


def test_typed_parquet_loses_nothing(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {
            "gtin": [9506000134352.0],
            "lot": ["007"],
            "expiry": [date(2027, 1, 31)],
            "quantity": [1000],
            "markets": [["DE", "FR"]],
        }
    )
    table.write_parquet(tmp_path / "x")
    row = rows(tmp_path / "x")[0]
    assert (row["gtin"], row["lot"]) == ("09506000134352", "007")
    assert (row["expiry"], row["quantity"]) == (date(2027, 1, 31), 1000.0)
    assert row["markets"] == ["DE", "FR"]


def test_spreadsheet_text_that_is_not_utf8_is_kept(tmp_path: Path) -> None:
    path = written(tmp_path, "gln,name\n4012345000009,Größe\n".encode("cp1252"))
    assert rows(path)[0]["name"] == "Größe"


def test_verifications(tmp_path: Path) -> None:
    row = first(
        tmp_path,
        "answer_code,request_time_utc,site_gln,gtin,serial,lot,expiry,entry_mode\n"
        "A52,2026-03-01 10:00,4012345000009,09506000134352,00012,007,270200,scan\n",
    )
    assert row["requested_at"] == datetime(2026, 3, 1, 10)
    assert (row["serial"], row["lot"]) == ("00012", "007")
    assert (row["expiry"], row["expiry_text"]) == (date(2027, 2, 28), "270200")
    assert (row["answer_code"], row["attributes"]) == ("A52", None)


def test_reference_lists(tmp_path: Path) -> None:
    licence = first(
        tmp_path,
        "gln,role,licence_no,valid_from,valid_to,country\n4012345000009,wholesaler,L-1,2020-01-01,,DE\n",
    )
    assert (licence["valid_from"], licence["valid_to"]) == (date(2020, 1, 1), None)
    theft = first(
        tmp_path,
        "reported_at,gtin,lot,serial,sscc,place\n2026-01-01T00:00:00Z,9506000134352,007,,,Turin\n",
    )
    assert (theft["gtin"], theft["lot"], theft["serial"]) == ("09506000134352", "007", None)
    recall = first(tmp_path, "gtin,lot,class,from\n9506000134352,L1,I,2026-01-01\n")
    assert (recall["class"], recall["from_at"]) == ("I", datetime(2026, 1, 1))
    lot = first(
        tmp_path,
        "gtin,lot,expiry,manufactured,quantity,markets\n"
        '9506000134352,L1,2027-01,2025-01-02,"1,000",DE; FR\n',
    )
    assert (lot["expiry"], lot["expiry_text"]) == (date(2027, 1, 31), "2027-01")
    assert (lot["quantity"], lot["markets"]) == (1000.0, ["DE", "FR"])
    product = first(
        tmp_path,
        "gtin,name,shelf_life_days,markets,storage,high_risk\n9506000134352,A,730,DE,2-8C,yes\n",
    )
    assert (product["shelf_life_days"], product["high_risk"]) == (730, True)
    assert product["is_synthetic"] is False
    site = first(tmp_path, "name,gln,latitude,longitude,role\nA,4012345000009,52.5,13.4,pharmacy\n")
    assert (site["latitude"], site["longitude"], site["partner"]) == (52.5, 13.4, None)


def test_a_line_of_json_that_only_looks_right_is_set_aside_alone(tmp_path: Path) -> None:
    path = written(tmp_path, '{"gln":"1","name":"A"}\n{"gln":"2","name":"B"}}\n{"gln":3,"x":1e2}\n')
    found = batches(path)
    assert_counts(found)
    assert [row["gln"] for one in found for row in one.rows.to_dicts()] == ["1", "3"]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("shipment_id,from_gln,to_gln,quantity\nS,A,B,-4\n", "negative"),
        ("shipment_id,from_gln,to_gln,quantity\nS,,,many\n", "neither"),
        ("shipment_id,from_gln,to_gln,quantity,shipped_at\nS,A,B,1,soon\n", "time"),
        ("request_time_utc,gtin,answer_code\n31/12/2026,1,A2\n", "time"),
        ("request_time_utc,gtin,answer_code\n2026-01-01,,A2\n", "names no pack"),
        ("gln,licence_no\n,L\n", "names no place"),
        ("reported_at,gtin\n2026-01-01,\n", "nothing that was stolen"),
        ("gtin,lot,class\n,,I\n", "names no product"),
        ("gtin,lot,expiry\n1,,2027-01-01\n", "product and lot"),
        ("gtin,name\n,A\n", "names no product"),
        ("gln,name\n4012345000009,A\n4012345000009\n", "fields"),
        ('{"gln":"1","name":"A"}\n{"gln":\n', "JSON object"),
    ],
)
def test_rows_that_cannot_be_read_are_set_aside(tmp_path: Path, content: str, word: str) -> None:
    found = batches(written(tmp_path, content))
    (odd,) = pl.concat([one.rejected for one in found]).to_dicts()
    assert word in odd["reason"]
    assert odd["place"] == f"row {odd['position']}"
    assert odd["remedy"]
    assert_counts(found)


def test_cells_that_cannot_be_read_stay_in_the_attributes(tmp_path: Path) -> None:
    row = first(
        tmp_path,
        "shipment_id,from_gln,to_gln,quantity,shipped_at,received_at\n"
        "S,4012345000009,4012345000009,ten,2026-01-01T08:00,soon\n",
    )
    assert (row["quantity"], row["received_at"]) == (None, None)
    assert json.loads(row["attributes"]) == {
        "quantity": "ten",
        "received_at": "soon",
        "zone_not_stated": "shipped_at",
    }


def test_a_damaged_file_keeps_what_was_read_before(tmp_path: Path) -> None:
    body = "gln,name\n" + "".join(f"{i:013d},{i * 7919 % 1000003}\n" for i in range(300_000))
    packed = gzip.compress(body.encode())
    path = written(tmp_path, packed[: len(packed) // 2])
    found = batches(path)
    assert sum(one.rows.height for one in found) > 10_000
    assert [one.rejected.height for one in found][-1] == 1
    assert "damaged" in found[-1].rejected["reason"].item()
    assert_counts(found)


def test_what_is_kept_before_the_damage_is_the_same_however_far_is_read_ahead(
    tmp_path: Path,
) -> None:
    body = "gln,name\n" + "".join(f"{i:013d},{i * 7919 % 1000003}\n" for i in range(300_000))
    packed = gzip.compress(body.encode())[:-9]
    unpacked = zlib.decompressobj(31).decompress(packed)
    whole = unpacked[
        : len(unpacked) >> 20 << 20
    ]  # chunks of a mebibyte that were read to their end
    found = batches(written(tmp_path, packed))
    assert sum(one.rows.height for one in found) == whole.count(b"\n") - 1
    assert "damaged" in found[-1].rejected["reason"].item()
    assert_counts(found)


def assert_counts(found: list[TableBatch]) -> None:
    """Read is accepted and set aside together, and every position is given out once."""
    read = sum(one.read_count for one in found)
    positions = [p for one in found for f in (one.rows, one.rejected) for p in f["position"]]
    assert sorted(positions) == list(range(1, read + 1))


CELL = st.one_of(st.sampled_from(["4012345000009", "2026-01-01", "12", "-1", "007"]), st.text())


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(
        [o for o in shipped_layouts() if o.name.startswith("plain") and o.kind in KINDS]
    ),
    st.lists(st.lists(CELL, min_size=18, max_size=18), max_size=6),
)
def test_any_text_is_accepted_or_set_aside(
    tmp_path_factory: pytest.TempPathFactory, layout: Any, cells: list[list[str]]
) -> None:
    names = sorted(layout.named())
    table = {name: [row[i] for row in cells] for i, name in enumerate(names)}
    path = tmp_path_factory.getbasetemp() / "any.csv"
    pl.DataFrame(table, schema=dict.fromkeys(names, pl.String)).write_csv(
        path, quote_style="always"
    )
    found = list(read_table(path, layout))
    assert_counts(found)
    assert sum(one.read_count for one in found) == len(cells)


def test_slices_change_nothing(tmp_path: Path) -> None:
    lines = [f"{i:013d},n{i}\n" if i % 9 else f"{i},x,y\n" for i in range(4000)]
    path = written(tmp_path, "gln,name\n" + "".join(lines))
    whole, parts = batches(path), batches(path, slice_bytes=300)
    assert len(parts) > 10
    assert_counts(parts)
    for name in ("rows", "rejected"):
        expected = pl.concat([getattr(one, name) for one in whole])
        assert pl.concat([getattr(one, name) for one in parts]).equals(expected)


def test_every_plain_layout_is_recognised_by_its_own_header() -> None:
    for layout in shipped_layouts():
        assert match_layout(sorted(layout.named(), reverse=True)) == layout
        assert layout.kind in {*KINDS, "events"}
    assert match_layout(["a", "b"]) is None


MINE = """
title = "Wholesaler export"
kind = "shipments"
requires = ["Liefer-Nr"]
null_text = ["-"]
[columns]
shipment_id = { from = "Liefer-Nr" }
from_gln = { constant = "4012345000009" }
to_gln = { from = "Kunde", synthetic = "gln", scope = "customer" }
quantity = { from = "Menge" }
shipped_at = { from = "Zeit", formats = ["%d.%m.%Y %H:%M"], zone = "Europe/Berlin" }
reason = { from = "Art", values = { "R" = "return", "V" = "" } }
"""


def test_a_mapping_of_ones_own(tmp_path: Path) -> None:
    layout = load_layout(written(tmp_path, MINE, "mine.toml"))
    path = written(
        tmp_path,
        "Liefer-Nr,Kunde,Menge,Zeit,Art\nL1,Apotheke  Nord,5,01.07.2026 12:00,R\n"
        "L2,apotheke nord ,-,01.01.2026 12:00,V\n",
    )
    assert match_layout(header(path), [layout]) == layout
    one, two = pl.concat([b.rows for b in read_table(path, layout)]).to_dicts()
    assert one["shipped_at"] == datetime(2026, 7, 1, 10)
    assert two["shipped_at"] == datetime(2026, 1, 1, 11)
    assert (one["reason"], two["reason"], two["quantity"]) == ("return", None, None)
    assert one["to_gln"] == two["to_gln"]
    assert one["to_gln"].startswith("2")
    assert has_valid_check_digit(one["to_gln"])
    assert one["attributes"] is None


def test_a_wrong_mapping_names_all_its_faults() -> None:
    text = 'kind = "shipments"\nrequires = []\nodd = 1\n[columns]\nlott = {}\nlot = { form = "x" }'
    with pytest.raises(SettingsError) as caught:
        parse_layout(text, "mine")
    for part in ("`title` is missing", "unknown key `odd`", "no column `lott`", "key `form`"):
        assert part in str(caught.value)


@needs_shared
def test_scms_deliveries_become_two_movements_each() -> None:
    found = batches(SHARED / "shipments" / "scms_2006_2012.csv")
    assert_counts(found)
    shipments = pl.concat([one.rows for one in found if one.kind == "shipments"])
    assert shipments.height == 2 * 6514
    assert sum(one.rejected.height for one in found) == 0
    one = shipments.filter(pl.col("line") == "3").sort("position").to_dicts()
    assert [row["received_at"] for row in one] == [datetime(2006, 11, 14)] * 2
    assert one[0]["to_gln"] == one[1]["from_gln"]
    assert (one[1]["quantity"], one[1]["unit_price"], one[1]["currency"]) == (1000.0, 6.2, "USD")
    assert shipments["is_day_precision"].all()
    assert shipments["received_at"].null_count() == 0
    assert shipments.filter(pl.col("ordered_at").is_not_null()).height == 2 * (6514 - 3746 - 271)
    assert {"N/A", "Date Not Captured"}.isdisjoint(shipments["mode"].to_list())

    sites = pl.concat([one.rows for one in found if one.kind == "sites"])
    assert sites["gln"].n_unique() == sites.height == 78 + 61 + 40
    assert sites["is_synthetic"].all()
    assert all(has_valid_check_digit(gln) and gln[0] == "2" for gln in sites["gln"])
    assert "Côte d'Ivoire" in sites["name"].to_list()
    assert set(shipments["from_gln"]) | set(shipments["to_gln"]) <= set(sites["gln"])
    products = pl.concat([one.rows for one in found if one.kind == "product_master"])
    assert set(products["gtin"]) == set(shipments["gtin"])
    assert products.height == 161

    # Weights stated with another line name that line, and it carries the same shipment.
    told = shipments.filter(pl.col("position") % 2 == 0).with_columns(
        named=pl.col("attributes").str.json_path_match("$.weight_stated_on_line")
    )
    named = told.filter(pl.col("named").is_not_null())
    there = named.join(told, left_on="named", right_on="line")
    assert named.height > 1000
    assert there.height > 0.9 * named.height
    assert (there["shipment_id"] == there["shipment_id_right"]).all()


@needs_shared
def test_arcos_directions_and_reasons() -> None:
    path = SHARED / "shipments" / "arcos_methadone_ma_2006_2011.csv.gz"
    found = batches(path)
    assert_counts(found)
    shipments = pl.concat([one.rows for one in found if one.kind == "shipments"])
    assert shipments.height == 24_289
    sites = pl.concat([one.rows for one in found if one.kind == "sites"])
    role = dict(zip(sites["gln"], sites["role"], strict=True))
    to_reverse = shipments.filter(pl.col("reason") == "disposal")
    assert to_reverse.height == 1421 + 5
    assert {role[gln] for gln in to_reverse["to_gln"]} == {"reverse_distributor"}
    assert "reverse_distributor" not in {role[gln] for gln in to_reverse["from_gln"]}
    code = pl.col("attributes").str.json_path_match("$.transaction_code")
    sales = shipments.filter(code == "S")
    assert {role[gln] for gln in sales["from_gln"]} == {"wholesaler", "maker"}
    returned = shipments.filter(code.is_in(["R", "V"]))
    assert {role[gln] for gln in returned["from_gln"]} <= {"pharmacy", "hospital", "clinic"}
    assert dict(shipments["reason"].drop_nulls().value_counts().iter_rows()) == {
        "disposal": 1426,
        "return": 15,
        "loss": 2,
    }
    assert shipments["shipped_at"].min() >= datetime(2006, 1, 1)
    assert shipments["shipped_at"].max() < datetime(2012, 1, 1)
    assert json.loads(shipments["attributes"][0])["ndc"] == "00054457025"
    assert sites.height == 41 + 198
