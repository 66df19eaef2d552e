"""Hostile and oversized documents: refused or bounded, never followed."""

import gzip
import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from data.readers import epcis_json, epcis_xml, json_scan
from data.readers.epcis import read_epcis
from data.readers.expansion import ExpansionLimits
from data.readers.opening import opened
from tests.data.epcis_samples import one_event, one_rejected, whole, xml_document, xml_event

ROOT = Path(__file__).parents[2]
LAUGHS = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;">]><ObjectEvent><eventID>&c;</eventID></ObjectEvent>"""
FILE_ENTITY = """<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]>
<ObjectEvent><eventID>&f;</eventID></ObjectEvent>"""
PARAMETER_ENTITY = """<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]>
<ObjectEvent/>"""
EXTERNAL = """<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><ObjectEvent/>"""
PUBLIC = """<!DOCTYPE x PUBLIC "-//X//EN" "http://127.0.0.1:9/x.dtd"><ObjectEvent/>"""


@pytest.mark.parametrize("document", [LAUGHS, FILE_ENTITY, PARAMETER_ENTITY, EXTERNAL, PUBLIC])
def test_document_types_with_entities_or_references_are_refused(document: str) -> None:
    row = one_rejected(document.encode(), "xml")
    assert row["position"] is None
    assert "DOCTYPE" in row["remedy"]


def test_a_bare_document_type_is_no_reason_to_refuse() -> None:
    document = xml_document(xml_event("")).replace(b"?>\n", b"?>\n<!DOCTYPE project>\n", 1)
    assert one_event(document, "xml")["action"] == "OBSERVE"


def test_deep_elements_are_left_out_and_say_so() -> None:
    fields = "<x>" * 5000 + "deep" + "</x>" * 5000
    assert one_event(xml_document(xml_event(fields)), "xml")["attributes"] is not None


class Endless(io.RawIOBase):
    """A document that never ends within an event: only a reader with a bound stops."""

    def __init__(self, start: bytes, more: bytes) -> None:
        super().__init__()
        self._next = start
        self._more = more * (65536 // len(more))
        self.given = 0

    def read(self, size: int = -1) -> bytes:
        data, self._next = self._next, self._more
        self.given += len(data)
        return data


ENDLESS = [
    ("xml", b"<ObjectEvent><epcList>", b"<epc>urn:x:1</epc>"),
    ("xml", b"<ObjectEvent><note>", b"text "),
    ("xml", b"<ObjectEvent><!--", b"comment "),
    ("xml", b"<ObjectEvent a='", b"value "),
    ("json", b'{"epcisBody":{"eventList":[{"epcList":[', b'"urn:x:1",'),
    ("json", b'{"epcisHeader":"', b"text "),
    ("json", b'{"a":', b"1"),
    ("ndjson", b'{"a":"', b"text "),
]


@pytest.mark.slow
@pytest.mark.parametrize(("form", "start", "more"), ENDLESS)
def test_an_endless_record_is_given_up(
    form: str, start: bytes, more: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (epcis_json, epcis_xml, json_scan):
        monkeypatch.setattr(module, "MAX_SKIPPED_BYTES", 64 << 20)
    stream = Endless(start, more)
    batches = list(read_epcis(cast(BinaryIO, stream), format=form))  # type: ignore[arg-type]
    assert whole(batches, "rejected").height <= 2  # the record, and the rest
    assert stream.given < 300 << 20


def packed(kind: str, content: bytes, path: Path) -> str | None:
    """Write the content packed in some way; return the member's name, where it has one."""
    if kind in ("zip", "gzip in zip"):
        inside = gzip.compress(content) if kind == "gzip in zip" else content
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("folder/a.xml", inside)
        return "folder/a.xml"
    path.write_bytes(gzip.compress(content) if kind == "gzip" else content)
    return None


@pytest.mark.parametrize("kind", ["plain", "gzip", "zip", "gzip in zip"])
def test_however_packed_the_bytes_are_the_same(kind: str, tmp_path: Path) -> None:
    content = xml_document(xml_event(""))
    member = packed(kind, content, tmp_path / "a")
    with opened(tmp_path / "a", member) as stream:
        assert stream.read() == content


@pytest.mark.parametrize("kind", ["gzip", "zip", "gzip in zip"])
def test_a_decompression_bomb_is_given_up_with_its_reason(kind: str, tmp_path: Path) -> None:
    event = xml_event("").encode()
    content = b"<e:EventList xmlns:e='urn:epcglobal:epcis:xsd:1'>" + event + b" " * 3_000_000
    member = packed(kind, content, tmp_path / "bomb")
    limits = ExpansionLimits(max_ratio=20, free_bytes=1 << 20)
    with opened(tmp_path / "bomb", member, limits) as stream:
        batches = list(read_epcis(stream, format="xml"))
    assert whole(batches, "events").height == 1
    assert "bombs" in whole(batches, "rejected")["reason"].item()


def test_a_cut_file_gives_what_it_can(tmp_path: Path) -> None:
    path = tmp_path / "cut"
    packed("gzip", xml_document(xml_event("") * 3), path)
    path.write_bytes(path.read_bytes()[:-40])
    with opened(path) as stream:
        batches = list(read_epcis(stream, format="xml"))
    assert "ends too early" in whole(batches, "rejected")["reason"].item()


MEMORY_PROGRAM = """
import sys
from pathlib import Path
from data.readers import epcis_json, epcis_xml, json_scan
from data.readers.epcis import read_epcis
from tests.bench.parsing import peak_memory_mb, write_document
path = Path(sys.argv[1])
form = sys.argv[2]
peaks = []
for megabytes in (30, 120):
    write_document(path, form, megabytes)
    with path.open("rb") as stream:
        for batch in read_epcis(stream, format=form):
            pass
    peaks.append(round(peak_memory_mb()))
print(*peaks)
"""


@pytest.mark.slow
@pytest.mark.parametrize("form", ["xml", "json", "ndjson"])
def test_memory_does_not_grow_with_the_document(form: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", MEMORY_PROGRAM, str(tmp_path / "document"), form]
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    small, large = map(int, answer.stdout.split())
    assert large - small < 40, f"{small} MB for 30 MB, {large} MB for 120 MB"
    assert large < 400
