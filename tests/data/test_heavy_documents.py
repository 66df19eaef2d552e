"""Documents made to cost time and memory: both stay bounded, whatever the document holds."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from data.readers.epcis import Format
from data.readers.epcis_source import MAX_EPCS
from tests.data.epcis_samples import read, xml_document, xml_event

ROOT = Path(__file__).parents[2]
EVENT = '{"type":"ObjectEvent","eventTime":"2025-03-01T10:00:00Z","action":"ADD",'

READING = """
import resource, sys
from pathlib import Path
from data.warehouse.sources import read_source
from tests.data.test_heavy_documents import write_event
form, members = sys.argv[1], int(sys.argv[2])
path = Path(sys.argv[3])
write_event(path, form, members)
count = aside = 0
for member in read_source(path).members:
    for batch in member.batches:
        count += batch.read_count
        aside += batch.rejected.height
print(count, aside, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def write_event(path: Path, form: str, members: int) -> None:
    """A document of one event with so many children, written without holding it, and a small one.

    The root of a line is the event.
    """
    before, child, between, after = {
        "xml": (*xml_document(xml_event("<epcList>#</epcList>") + xml_event("")).decode()
                .split("#")[:1], "<epc>urn:epc:id:sgtin:9521234.00001.{}</epc>", "",
                xml_document(xml_event("<epcList>#</epcList>") + xml_event("")).decode()
                .split("#")[1]),
        "json": ("[" + EVENT + '"epcList":[', '"urn:epc:id:sgtin:9521234.00001.{}"', ",",
                 "]}," + EVENT + '"x":1}]'),
        "ndjson": (EVENT + '"epcList":[', '"urn:epc:id:sgtin:9521234.00001.{}"', ",",
                   "]}\n" + EVENT + '"x":1}\n'),
    }[form]  # fmt: skip
    with path.open("w", encoding="utf-8") as file:
        file.write(before)
        for first in range(0, members, 10_000):
            texts = [child.format(n) for n in range(first, min(members, first + 10_000))]
            file.write((between if first else "") + between.join(texts))
        file.write(after)


def peak_mb(form: str, members: int, path: Path) -> tuple[int, int, int]:
    """Records read, those set aside, and the most memory of a process that reads the document."""
    words = [sys.executable, "-c", READING, form, str(members), str(path)]
    done = subprocess.run(words, check=True, cwd=ROOT, capture_output=True, text=True)
    count, aside, peak = map(int, done.stdout.split())
    return count, aside, peak


@pytest.mark.parametrize(
    ("form", "members"),
    [
        ("json", 1_000_000),
        pytest.param("xml", 1_000_000, marks=pytest.mark.slow),
        pytest.param("ndjson", 1_000_000, marks=pytest.mark.slow),
        pytest.param("json", 10_000_000, marks=pytest.mark.slow),
        pytest.param("xml", 10_000_000, marks=pytest.mark.slow),
        pytest.param("ndjson", 10_000_000, marks=pytest.mark.slow),
    ],
)
def test_an_event_of_millions_is_set_aside_and_takes_little_more_than_the_largest_that_is_read(
    form: str, members: int, tmp_path: Path
) -> None:
    assert peak_mb(form, MAX_EPCS, tmp_path / "a")[:2] == (2, 0)
    largest = peak_mb(form, MAX_EPCS, tmp_path / "a")[2]
    count, aside, peak = peak_mb(form, members, tmp_path / "b")
    assert (count, aside) == (2, 1)
    # 64 MiB of an event may be held, and be copied while they come in.
    assert peak < largest + 300, f"{peak} MB where the largest event that is read takes {largest}"


def _spoiled(form: Format) -> Callable[[int], bytes]:
    """A document most of which is set aside, but for enough good events not to be given up."""
    good = {"xml": xml_event(""), "json": EVENT + '"x":1}', "ndjson": EVENT + '"x":1}'}[form]
    bad = {"xml": "<a/>", "json": "1", "ndjson": "1"}[form]
    mark = {"xml": "", "json": ",", "ndjson": "\n"}[form]

    def document(groups: int) -> bytes:
        body = mark.join([good, *[bad] * 10] * groups)
        return xml_document(body) if form == "xml" else (
            f"[{body}]" if form == "json" else body
        ).encode()  # fmt: skip

    return document


def _one_event(form: Format) -> Callable[[int], bytes]:
    """An event with many different vendor fields: nothing that the columns take whole."""

    def document(fields: int) -> bytes:
        if form == "xml":
            return xml_document(xml_event("".join(f"<a{n}>1</a{n}>" for n in range(fields))))
        event = EVENT + ",".join(f'"a{n}":1' for n in range(fields)) + "}"
        return (f"[{event}]" if form == "json" else event).encode()

    return document


@pytest.mark.slow
@pytest.mark.parametrize("form", ["xml", "json", "ndjson"])
@pytest.mark.parametrize("kind", [_spoiled, _one_event])
def test_time_grows_as_the_document_does(
    form: Format, kind: Callable[[Format], Callable[[int], bytes]]
) -> None:
    document = kind(form)
    small, large = document(1_500), document(12_000)
    read(small, form)  # what is made once
    seconds = [min(_cpu_s(data, form) for _ in range(3)) for data in (small, large)]
    # Eight times the size; squared growth would be 64 times.
    assert seconds[1] < 20 * max(seconds[0], 0.01), seconds


def _cpu_s(data: bytes, form: Format) -> float:
    started = time.process_time()
    read(data, form)
    return time.process_time() - started
