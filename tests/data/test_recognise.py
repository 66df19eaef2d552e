"""A file is known by what it holds; what cannot be used is named in words a person understands."""

import gzip
import zipfile
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.readers import recognise as module
from data.readers.expansion import ExpansionLimits
from data.readers.layouts import parse_layout
from data.readers.recognise import recognise
from tests.shared_data import SHARED, needs_shared

EVENT = '{"type":"ObjectEvent","eventTime":"2026-01-01T00:00:00Z"}'
XML = '<?xml version="1.0"?>\n<!-- a --><e:EPCISDocument xmlns:e="urn:epcglobal:epcis:xsd:1"/>'
RECALLS = "gtin,lot,class,from\n09506000134352,L1,I,2026-01-01\n"


def written(folder: Path, content: str | bytes, name: str = "a.bin") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("content", "kind", "form"),
    [
        (XML, "epcis", "xml"),
        (XML.encode("utf-16"), "epcis", "xml"),
        ("\ufeff" + XML, "epcis", "xml"),
        ("<ObjectEvent><eventTime/></ObjectEvent>", "epcis", "xml"),
        # A hyphen pasted from a PDF: not well-formed, yet no doubt what it is.
        (XML.replace('"1.0"', '"1.0" encoding="UTF‐8"'), "epcis", "xml"),
        ('{"@context":[{"type":"x"}],"type":"EPCISDocument","epcisBody":{}}', "epcis", "json"),
        ('{"@context":"c","isA":"EPCISQueryDocument"}', "epcis", "json"),
        (EVENT, "epcis", "json"),
        (f"[{EVENT},{EVENT}]", "epcis", "json"),
        ('{"type":"example:CustomEvent","eventTime":"x"}', "epcis", "json"),
        (f"{EVENT}\n\n{EVENT}\n", "epcis", "ndjson"),
        (RECALLS, "recalls", "csv"),
        ("\ufeffLOT;GTIN;Class\nL1;1;I\n", "recalls", "csv"),
        ('{"gtin":"1","lot":"L1","class":"I"}\n', "recalls", "ndjson"),
        ('{"gtin":"1","lot":"L1","class":"I"}\n{"gtin":"2"}\n', "recalls", "ndjson"),
        ('[{"gtin":"1","lot":"L1","class":"I"}]', "recalls", "json"),
        ("gtin,gln,from,until,source\n,9506000140445,,,FDA\n", "exemptions", "csv"),
        ("event_type,event_time,biz_step\nObjectEvent,,\n", "events", "csv"),
        ('{"event_type":"ObjectEvent","event_time":"","biz_step":""}\n', "events", "ndjson"),
    ],
)
def test_content_decides_plain_or_packed(
    tmp_path: Path, content: str | bytes, kind: str, form: str
) -> None:
    found = recognise(written(tmp_path, content))
    assert (found.kind, found.format, found.compression) == (kind, form, "none")
    raw = content if isinstance(content, bytes) else content.encode()
    packed = recognise(written(tmp_path, gzip.compress(raw)))
    assert (packed.kind, packed.format, packed.compression) == (kind, form, "gzip")
    assert (found.layout is None) == (kind == "epcis")


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "x"
    pl.DataFrame({"gln": ["1"], "name": ["A"]}).write_parquet(path)
    assert (recognise(path).kind, recognise(path).format) == ("sites", "parquet")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("", "empty"),
        (" \n\n", "empty"),
        ("<s:Envelope xmlns:s='x'><s:Body/></s:Envelope>", "SOAP"),
        ("<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'/>", "XSD"),
        ("<rdf:RDF xmlns:rdf='x'/>", "RDF"),
        ("<invoice/>", "`invoice`"),
        ('{"$schema":"x","type":"object"}', "JSON schema"),
        ('{"captureID":"x","running":true}', "capture job"),
        ('{"a":[1,2]}\n', "no layout knows"),
        ('{\n"a": 1\n}', "not EPCIS"),
        ("@prefix cbv: <x> .", "Turtle"),
        ("# Title\n\nSome text, and more.", "Markdown"),
        ("ni:///sha-256;ab?ver=CBV2.0", "hashes"),
        ("a,b,c\n1,2,3\n", "no layout knows"),
        ("gtin,lot,classes\n1,2,3\n", "lacks expiry"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"\x01\x02\x00\x00" * 99, "binary"),
        (b"\x1f\x8b\x08broken", "damaged"),
        ('"' + "x" * 200_000, "no table"),
    ],
)
def test_unusable_files_are_named_with_a_remedy(
    tmp_path: Path, content: str | bytes, word: str
) -> None:
    found = recognise(written(tmp_path, content))
    assert found.kind == "unknown"
    assert word in found.reason
    assert found.remedy.endswith(".")


def test_archives_list_their_members(tmp_path: Path) -> None:
    path = tmp_path / "x.dat"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("b/events.txt", XML)
        archive.writestr("a.txt", RECALLS)
        archive.writestr("__MACOSX/a.txt", "x")
        archive.writestr("c.zip", b"PK\x03\x04")
    found = recognise(path)
    assert (found.kind, found.compression) == ("archive", "zip")
    assert [(one.member, one.kind) for one in found.members] == [
        ("a.txt", "recalls"),
        ("b/events.txt", "epcis"),
        ("c.zip", "unknown"),
    ]


def test_bombs_and_office_documents_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LIMITS", ExpansionLimits(free_bytes=1_000_000))
    bomb = tmp_path / "bomb"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", XML + " " * 2_000_000)
    assert "absurd" in recognise(bomb).reason
    monkeypatch.setattr(module, "LIMITS", ExpansionLimits())
    assert recognise(bomb).kind == "archive"
    monkeypatch.setattr(module, "MAX_MEMBERS", 0)
    assert "more than" in recognise(bomb).reason
    sheet = tmp_path / "sheet"
    with zipfile.ZipFile(sheet, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
    assert "spreadsheet" in recognise(sheet).reason


def test_a_layout_of_the_user_comes_first(tmp_path: Path) -> None:
    mine = parse_layout(
        'title = "Mine"\nkind = "lot_master"\nrequires = ["gtin"]\n[columns]\ngtin = {}\nlot = {}',
        "mine",
    )
    found = recognise(written(tmp_path, RECALLS), [mine])
    assert (found.kind, found.layout) == ("lot_master", mine)


def test_a_file_that_is_not_there_is_no_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        recognise(tmp_path / "none")


@given(st.binary(max_size=400))
def test_never_raises(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    found = recognise(written(tmp_path_factory.getbasetemp(), content, "any"))
    assert found.kind != "unknown" or (found.reason and found.remedy)


@needs_shared
def test_every_published_document_is_recognised_sensibly() -> None:
    folder = SHARED / "epcis"
    counts: Counter[str] = Counter()
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        found = recognise(path)
        counts[found.kind] += 1
        name = str(path.relative_to(folder))
        holds_none = re_any(
            name,
            (
                "schemas/XSD",
                "Ontology",
                "-Schema",
                "/sch",
                "_schema",
                "README",
                "hda_",
                "CaptureJob",
            ),
            (".hashes", ".prehashes"),
            ("epcis-profiles",),
        )
        assert (found.kind == "unknown") == holds_none, name
        assert found.kind == "epcis" or (found.reason and found.remedy)
    assert counts["epcis"] >= 140


def re_any(name: str, *groups: tuple[str, ...]) -> bool:
    """Whether a published file is, by its place, none that holds events."""
    if "JSON-Schema/test/" in name and "schemas/sch" not in name:
        return False
    return any(word in name for group in groups for word in group)


@needs_shared
def test_published_logs_find_their_mapping() -> None:
    logs = {path.name: recognise(path) for path in sorted((SHARED / "shipments").iterdir())}
    names = [one.layout.name for one in logs.values() if one.layout]
    assert names == ["arcos", "scms"]
