"""What other systems write: wrapped, oddly encoded, oddly spelled, and meant well."""

import gzip
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.readers.batch import Batch, TableBatch
from data.warehouse.sources import Unreadable, read_source
from tests.data.epcis_samples import json_document, json_event, xml_document, xml_event

EPC = "urn:epc:id:sgtin:0614141.107346.2018"
EVENT = xml_event(f"<epcList><epc>{EPC}</epc></epcList>")
XML = xml_document(EVENT).decode()
BARE = XML.partition("?>")[2]
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
SBDH = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader"
QUERY = f"""<q:QueryResults xmlns:q="urn:epcglobal:epcis-query:xsd:1"><queryName>x</queryName>
<resultsBody><EventList>{EVENT}</EventList></resultsBody></q:QueryResults>"""


def batches(path: Path, content: str | bytes) -> list[Batch | TableBatch]:
    """All batches of a file with this content, recognised by what it holds."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [batch for member in read_source(path).members for batch in member.batches]


def frame(found: list[Batch | TableBatch], name: str) -> list[dict[str, Any]]:
    return pl.concat([getattr(batch, name) for batch in found]).to_dicts()


def landed(path: Path, content: str | bytes) -> tuple[list[Any], list[Any]]:
    """The events and their identifiers; nothing may be set aside."""
    found = batches(path, content)
    assert frame(found, "rejected") == []
    events = [(row["event_at"], row["action"]) for row in frame(found, "events")]
    return events, [row["text"] for row in frame(found, "items")]


ONE = [(datetime(2025, 3, 1, 10), "OBSERVE")]


@pytest.mark.parametrize(
    "content",
    [
        f"<s:Envelope xmlns:s='{SOAP}'><s:Header><a/></s:Header><s:Body>{BARE}</s:Body>"
        "</s:Envelope>",
        f"<s:Envelope xmlns:s='{SOAP}'><s:Body><v:capture xmlns:v='urn:v'>{BARE}</v:capture>"
        "</s:Body></s:Envelope>",
        f"<S:Envelope xmlns:S='http://www.w3.org/2003/05/soap-envelope'><S:Body>{QUERY}</S:Body>"
        "</S:Envelope>",
        f"<h:StandardBusinessDocument xmlns:h='{SBDH}'>{BARE}</h:StandardBusinessDocument>",
        f"<Message><Payload>{BARE}</Payload></Message>",
        f"\n\n  {XML}",
        f"\ufeff\n{XML}",
        XML.replace("UTF-8", "UTF-16").encode("utf-16-le"),
        XML.replace("UTF-8", "UTF-16").encode("utf-16-be"),
        f"<!-- {'licence ' * 40_000} -->{BARE}",
        XML.replace('"urn:epcglobal:epcis:xsd:1"', '"https://ref.gs1.org/standards/epcis/2.0.0/"'),
    ],
)
def test_an_xml_document_is_read_whatever_is_around_it(tmp_path: Path, content: Any) -> None:
    assert landed(tmp_path / "a", content) == (ONE, [EPC])


def test_every_document_in_a_wrapper_is_read_with_its_own_header(tmp_path: Path) -> None:
    header = f"""<EPCISHeader><h:StandardBusinessDocumentHeader xmlns:h="{SBDH}"><h:Sender>
    <h:Identifier>A</h:Identifier></h:Sender></h:StandardBusinessDocumentHeader></EPCISHeader>"""
    first = xml_document(EVENT, header).decode().partition("?>")[2]
    found = batches(tmp_path / "a", f"<Message>{first}{BARE}</Message>")
    assert len(frame(found, "events")) == 2
    assert [row["sender"] for row in frame(found, "documents")] == ["A", None]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (f"<s:Envelope xmlns:s='{SOAP}'><s:Body><s:Fault/></s:Body></s:Envelope>", "SOAP"),
        (f"<Message>{EVENT}</Message>", "`Message`"),
        ("<order><EventList/></order>", "`order`"),
        ("<?xml version='1.0' encoding='zlib_codec'?><a/>", "not EPCIS"),
    ],
)
def test_a_wrapper_around_something_else_is_refused(
    tmp_path: Path, content: str, reason: str
) -> None:
    with pytest.raises(Exception, match=reason):
        batches(tmp_path / "a", content)


def test_an_error_answer_of_a_repository_is_said_to_be_one(tmp_path: Path) -> None:
    content = XML.replace("<EventList>", "<e:QueryTooLargeException xmlns:e='urn:epcglobal:x'/>")
    (row,) = frame(batches(tmp_path / "a", content.replace("</EventList>", "")), "rejected")
    assert "error answer" in row["reason"]


JSON = json_event(eventTimeZoneOffset="+00:00")
ELEMENT = {key: value for key, value in JSON.items() if key not in ("type", "epcList")}
AS_XML = {**ELEMENT, "extension": {"epcList": {"epc": [EPC]}}}


def dumped(value: Any) -> str:
    return msgspec.json.encode(value).decode()


@pytest.mark.parametrize(
    ("content", "count"),
    [
        (dumped({"data": msgspec.json.decode(json_document(JSON))}), 1),
        (dumped({"events": [JSON], "nextPageToken": "x"}), 1),
        (dumped({"results": [{"event": JSON}]}), 1),
        (dumped({"e:EPCISDocument": {"EPCISBody": {"EventList": {"ObjectEvent": [AS_XML]}}}}), 1),
        (f"{dumped(JSON)}\n  {dumped(JSON)}".replace(",", ",\n"), 2),
        (dumped(JSON).encode("utf-16"), 1),
        (dumped(JSON).encode("utf-16-le"), 1),
        (dumped({**JSON, "eventTime": {"$date": JSON["eventTime"]}}), 1),
    ],
)
def test_json_is_read_whatever_is_around_it(tmp_path: Path, content: Any, count: int) -> None:
    assert landed(tmp_path / "a", content) == (ONE * count, [EPC] * count)


def test_a_text_in_another_encoding_than_declared_is_still_read(tmp_path: Path) -> None:
    xml = xml_document(xml_event("<place>Zürich</place>")).decode()
    json = dumped(json_event(place="Zürich"))
    for content in (xml.encode("cp1252"), xml.encode(), json.encode("cp1252"), json.encode()):
        (event,) = frame(batches(tmp_path / "a", content), "events")
        assert msgspec.json.decode(event["attributes"]) == {"place": "Zürich"}
    declared = xml.replace("UTF-8", "ISO-8859-1").encode("latin-1")
    assert "Zürich" in frame(batches(tmp_path / "a", declared), "events")[0]["attributes"]


@pytest.mark.parametrize("around", ["{}", "<extension>{}</extension>"])
def test_the_lot_is_found_where_sap_systems_put_it(tmp_path: Path, around: str) -> None:
    stated = "<LOTNO>007</LOTNO><DATEX>20271231</DATEX><DATMF>20240102</DATMF>"
    fields = around.format(f"<SAPExtension><ObjAttributes>{stated}</ObjAttributes></SAPExtension>")
    (event,) = frame(batches(tmp_path / "a", xml_document(xml_event(fields))), "events")
    assert (event["lot"], event["expiry"], event["made_on"]) == (
        "007",
        date(2027, 12, 31),
        date(2024, 1, 2),
    )


def test_members_of_an_archive_are_read_packed_or_not_and_none_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.xml.gz", gzip.compress(XML.encode()))
        archive.writestr("b.xml", XML)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("b.xml", XML.replace("2018", "2019"))
    found = batches(path, path.read_bytes())
    assert [row["text"][-4:] for row in frame(found, "items")] == ["2018", "2019"]
    assert "later member" in frame(found, "rejected")[0]["reason"]


# --- tables --------------------------------------------------------------------------------------

SHIPMENT = ["S1", "4012345000009", "4012345000016", "09506000134352", "007", "5"]
HEADER = ["shipment_id", "from_gln", "to_gln", "gtin", "lot", "quantity"]


def table(*rows: list[str], header: list[str] = HEADER, mark: str = ",") -> str:
    return "".join(mark.join(row) + "\n" for row in (header, *rows))


@pytest.mark.parametrize(
    "content",
    [
        table(SHIPMENT, mark=";"),
        table(SHIPMENT, header=["Shipment ID", "From-GLN", "TO GLN", "Gtin", " Lot", "QUANTITY"]),
        table(SHIPMENT, header=["shipmentId", "fromGln", "toGln", "gtin", "lot", "quantity"]),
        "sep=;\r\n" + table(SHIPMENT, mark=";"),
        table(SHIPMENT, mark="\t").encode("utf-16"),
        table(SHIPMENT, mark="\t").encode("utf-16-le"),
        table(['="' + cell + '"' for cell in SHIPMENT], mark="\t"),
        table(["S1", "'4012345000009", *SHIPMENT[2:]]),
        dumped([dict(zip(HEADER, SHIPMENT, strict=True))]),
        " " + dumped([dict(zip(HEADER, SHIPMENT, strict=True))]).replace(",", ",\r\n"),
    ],
)
def test_a_table_is_read_however_a_system_writes_it(tmp_path: Path, content: Any) -> None:
    found = batches(tmp_path / "a", content)
    assert frame(found, "rejected") == []
    (row,) = frame(found, "rows")
    assert [row[name] for name in HEADER] == [*SHIPMENT[:5], 5.0]


def test_columns_that_are_spelled_alike_are_both_kept(tmp_path: Path) -> None:
    content = table([*SHIPMENT, "8"], header=[*HEADER[:5], "Quantity", "QUANTITY"])
    (row,) = frame(batches(tmp_path / "a", content), "rows")
    assert (row["quantity"], msgspec.json.decode(row["attributes"])) == (5.0, {"QUANTITY": "8"})


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,5", 1.5),
        ("12,50", 12.5),
        ("1.234,50", 1234.5),
        ("1,234.5", 1234.5),
        ("1,234", 1234.0),
        ("1 000", 1000.0),
        ("1'000", 1000.0),
        ("1\u00a0000", 1000.0),
        ("0,0001", 0.0001),
        ("1,2,3", None),
        ("1 00", None),
        ("1.2.3", None),
        ("€ 3", None),
    ],
)
def test_numbers_are_read_where_they_can_mean_only_one(
    tmp_path: Path, text: str, number: float | None
) -> None:
    (row,) = frame(batches(tmp_path / "a", table([*SHIPMENT[:5], text], mark=";")), "rows")
    assert row["quantity"] == number


@pytest.mark.parametrize(
    "text", ["31.12.2025", "2025/12/31", "20251231", "31-Dec-2025", "251231", "2025-12"]
)
def test_days_are_read_where_they_can_mean_only_one(tmp_path: Path, text: str) -> None:
    found = batches(tmp_path / "a", f"gtin,lot,expiry\n1,A,{text}\n")
    assert frame(found, "rows")[0]["expiry"] == date(2025, 12, 31)


@pytest.mark.parametrize("text", ["12/31/2025", "03/04/2025", "45000", "31.13.2025", "31.12.25"])
def test_other_days_are_kept_as_text(tmp_path: Path, text: str) -> None:
    (row,) = frame(batches(tmp_path / "a", f"gtin,lot,expiry\n1,A,{text}\n"), "rows")
    assert (row["expiry"], row["expiry_text"]) == (None, text)


def test_a_line_of_totals_is_no_shipment(tmp_path: Path) -> None:
    found = batches(tmp_path / "a", table(SHIPMENT, ["Total", "", "", "", "", "5"]))
    assert len(frame(found, "rows")) == 1
    assert "totals" in frame(found, "rejected")[0]["reason"]


def test_odd_rows_below_a_delimiter_hint_are_counted_where_they_stand(tmp_path: Path) -> None:
    content = table(["odd"], SHIPMENT, ["odd"], SHIPMENT)
    for text in (content, "sep=,\r\n" + content):
        found = batches(tmp_path / "a", text)
        assert [row["position"] for row in frame(found, "rows")] == [2, 4]
        assert [row["position"] for row in frame(found, "rejected")] == [1, 3]


def test_a_list_of_rows_that_is_cut_off_keeps_the_rows_before(tmp_path: Path) -> None:
    rows = dumped([dict(zip(HEADER, SHIPMENT, strict=True))] * 3)
    found = batches(tmp_path / "a", rows[:-20])
    assert len(frame(found, "rows")) == 2
    assert "complete" in frame(found, "rejected")[0]["reason"]


def test_parquet_of_any_types_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    odd = [timedelta(days=1), {"a": b"\xff"}, [{"b": 1}], [b"x"], [[1], [2]], None]
    columns = {f"x{number}": [value] for number, value in enumerate(odd)}
    cells = {name: [cell] for name, cell in zip(HEADER, SHIPMENT, strict=True)}
    pl.DataFrame({**cells, **columns, "lot": [b"007"]}).write_parquet(path)
    (row,) = frame(batches(path, path.read_bytes()), "rows")
    assert row["lot"] == "007"
    assert len(msgspec.json.decode(row["attributes"])) == len(odd) - 1


def test_parquet_whose_column_names_are_no_text_is_damaged(tmp_path: Path) -> None:
    cells = {name: [cell] for name, cell in zip(HEADER, SHIPMENT, strict=True)}
    pq.write_table(pa.table({**cells, "remark": ["x"]}), tmp_path / "a", store_schema=False)
    content = (tmp_path / "a").read_bytes().replace(b"remark", b"re\xa5ark")
    with pytest.raises(Unreadable, match="damaged"):
        batches(tmp_path / "a", content)


@pytest.mark.parametrize("kind", ["text", "dictionary", "list"])
def test_texts_of_parquet_that_are_no_utf8_are_read_byte_by_byte_or_told(
    tmp_path: Path, kind: str
) -> None:
    cells = {name: [cell] for name, cell in zip(HEADER, SHIPMENT, strict=True)}
    remark = {"text": pa.array(["MXXter"]), "list": pa.array([["MXXter"]])}
    remark["dictionary"] = remark["text"].dictionary_encode()
    made = pa.table({**cells, "remark": remark[kind]})
    pq.write_table(made, tmp_path / "a", compression="none")
    content = (tmp_path / "a").read_bytes().replace(b"MXXter", b"M\xfc\xdfter")
    found = batches(tmp_path / "a", content)
    if kind == "list":
        assert "damaged" in frame(found, "rejected")[0]["reason"]
    else:
        (row,) = frame(found, "rows")
        assert msgspec.json.decode(row["attributes"]) == {"remark": "M\u00fc\u00dfter"}
