"""How long reading an EPCIS document takes against the bare parser alone.

``measure`` writes one document of each kind, the same seeded content, and times each way of
reading it in a process of its own, in turn, since one way's garbage would slow the next.
"""

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[2]
CHUNK_BYTES = 1 << 17
STEPS = (
    ("commissioning", "active"),
    ("packing", "in_progress"),
    ("shipping", "in_transit"),
    ("receiving", "in_progress"),
)
XML_START = """<?xml version="1.0" encoding="UTF-8"?>
<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:1" xmlns:cbvmda="urn:epcglobal:cbv:mda"
    schemaVersion="1.2" creationDate="2025-01-01T00:00:00Z">
  <EPCISBody>
    <EventList>
"""
XML_END = "    </EventList>\n  </EPCISBody>\n</epcis:EPCISDocument>\n"
JSON_START = (
    '{"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],'
    '"type":"EPCISDocument","schemaVersion":"2.0","creationDate":"2025-01-01T00:00:00Z",'
    '"epcisBody":{"eventList":['
)
JSON_END = "]}}"


def events(seed: int) -> Iterator[dict[str, Any]]:
    """Yield events without end, in the shape of EPCIS 2.0 JSON: about 7 identifiers each.

    One in four commissions with lot and expiry, one packs, one ships and one receives with
    partners and an order.
    """
    rng = random.Random(seed)
    moment = datetime(2025, 1, 1)
    number = 0
    while True:
        kind = number % 4
        step, disposition = STEPS[kind]
        number += 1
        moment += timedelta(seconds=7, milliseconds=rng.randrange(1000))
        product = rng.randrange(1000)
        serials = [
            f"urn:epc:id:sgtin:0614141.{product:06}.{rng.randrange(10**13):013}"
            for _ in range(rng.randrange(4, 11))
        ]
        event: dict[str, Any] = {
            "type": "AggregationEvent" if kind == 1 else "ObjectEvent",
            "eventTime": f"{moment.isoformat(timespec='milliseconds')}Z",
            "eventTimeZoneOffset": "+01:00",
        }
        if kind == 1:
            event["parentID"] = f"urn:epc:id:sscc:0614141.{number:010}"
        event["childEPCs" if kind == 1 else "epcList"] = serials
        event["action"] = "ADD" if kind < 2 else "OBSERVE"
        event["bizStep"] = step
        event["disposition"] = disposition
        event["readPoint"] = {"id": f"urn:epc:id:sgln:0614141.{product % 90:05}.1234"}
        if kind != 2:
            event["bizLocation"] = {"id": f"urn:epc:id:sgln:0614141.{product % 90:05}.0"}
        if kind == 0:
            event["ilmd"] = {
                "cbvmda:lotNumber": f"L{product:05}",
                "cbvmda:itemExpirationDate": "2027-05-31",
            }
        if kind > 1:
            order = f"urn:epcglobal:cbv:bt:0614141073467:{number}"
            event["bizTransactionList"] = [{"type": "po", "bizTransaction": order}]
            source, destination = "urn:epc:id:pgln:0614141.00000", "urn:epc:id:pgln:0355154.00000"
            event["sourceList"] = [{"type": "owning_party", "source": source}]
            event["destinationList"] = [{"type": "owning_party", "destination": destination}]
        yield event


def as_xml(event: dict[str, Any]) -> str:
    """Return an event as EPCIS 1.2 XML, indented as exporters do."""
    lines = [f"      <{event['type']}>"]
    put = lines.append
    later = []
    for name, value in event.items():
        if name in {"sourceList", "destinationList", "ilmd"}:
            later.append((name, value))
        elif name in {"epcList", "childEPCs"}:
            put(f"        <{name}>")
            lines += [f"          <epc>{text}</epc>" for text in value]
            put(f"        </{name}>")
        elif name in {"readPoint", "bizLocation"}:
            put(f"        <{name}>\n          <id>{value['id']}</id>\n        </{name}>")
        elif name == "bizTransactionList":
            (order,) = value
            put(f'        <{name}>\n          <bizTransaction type="urn:epcglobal:cbv:btt:po">')
            lines[-1] += f"{order['bizTransaction']}</bizTransaction>\n        </{name}>"
        elif name in {"bizStep", "disposition"}:
            prefix = "bizstep" if name == "bizStep" else "disp"
            put(f"        <{name}>urn:epcglobal:cbv:{prefix}:{value}</{name}>")
        elif name != "type":
            put(f"        <{name}>{value}</{name}>")
    if later:
        put("        <extension>")
    for name, value in later:
        put(f"          <{name}>")
        if name == "ilmd":
            lines += [f"            <{key}>{text}</{key}>" for key, text in value.items()]
        else:
            element = name.removesuffix("List")
            kind = "urn:epcglobal:cbv:sdt:owning_party"
            put(f'            <{element} type="{kind}">{value[0][element]}</{element}>')
        put(f"          </{name}>")
    if later:
        put("        </extension>")
    put(f"      </{event['type']}>\n")
    return "\n".join(lines)


def write_document(path: Path, form: str, megabytes: float, seed: int = 7) -> int:
    """Write a document of about a size, as ``xml``, ``json`` or ``ndjson``; return its events."""
    start, between, end = {
        "xml": (XML_START, "", XML_END),
        "json": (JSON_START, ",", JSON_END),
        "ndjson": ("", "\n", "\n"),
    }[form]
    written = count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(start)
        for event in events(seed):
            text = as_xml(event) if form == "xml" else json.dumps(event, separators=(",", ":"))
            written += file.write((between if count else "") + text)
            count += 1
            if written >= megabytes * 1e6:
                break
        file.write(end)
    return count


def _bare_xml(path: Path, *, handlers: bool) -> None:
    from xml.parsers import expat

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    if handlers:

        def start(name: str, attributes: dict[str, str]) -> None: ...
        def end(name: str) -> None: ...
        def text(data: str) -> None: ...

        parser.StartElementHandler = start
        parser.EndElementHandler = end
        parser.CharacterDataHandler = text
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)


def _bare_json(path: Path, *, collector: bool) -> None:
    import gc

    import msgspec

    if not collector:
        gc.disable()
    document = msgspec.json.decode(path.read_bytes())
    assert document["type"] == "EPCISDocument"


def _ours(path: Path, form: str) -> None:
    from data.readers.epcis import read_epcis

    with path.open("rb") as file:
        for batch in read_epcis(file, format=form):  # type: ignore[arg-type]
            assert batch.rejected.is_empty()


WAYS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "xml bare, no handlers": ("xml", lambda path: _bare_xml(path, handlers=False)),
    "xml bare, empty handlers": ("xml", lambda path: _bare_xml(path, handlers=True)),
    "xml read": ("xml", lambda path: _ours(path, "xml")),
    "json bare, collector off": ("json", lambda path: _bare_json(path, collector=False)),
    "json bare": ("json", lambda path: _bare_json(path, collector=True)),
    "json read": ("json", lambda path: _ours(path, "json")),
    "ndjson read": ("ndjson", lambda path: _ours(path, "ndjson")),
}


def peak_memory_mb() -> float:
    """Return the most memory this process has held, in MB.

    Linux hands the parent's peak down to a child in ``ru_maxrss``; its own is in ``/proc``.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run_way(way: str, path: Path) -> dict[str, float]:
    """Time one way of reading in this process: wall and processor seconds, peak memory in MB."""
    from data.readers import epcis  # noqa: F401  (imports are no part of reading)

    before = peak_memory_mb()
    wall, processor = time.perf_counter(), time.process_time()
    WAYS[way][1](path)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    peak = peak_memory_mb()
    return {
        "wall_s": wall,
        "processor_s": processor,
        "peak_mb": peak,
        "peak_above_imports_mb": peak - before,
    }


def measure(size_mb: float = 200, rounds: int = 3) -> dict[str, Any]:
    """Return the median seconds and peak memory of each way, and the ratios to the bare parsers.

    ``size_mb`` is the size of each document in megabytes. Rounds are interleaved, and ratios are
    medians of those of each round, so that a busy machine slows both sides of a ratio.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = {form: Path(folder) / f"document.{form}" for form in ("xml", "json", "ndjson")}
        counts = {form: write_document(path, form, size_mb) for form, path in paths.items()}
        results: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for _ in range(rounds):
            for way, (form, _) in WAYS.items():
                results[way].append(_in_own_process(way, paths[form]))

    def ratio(way: str, bare: str, unit: str) -> float:
        pairs = zip(results[way], results[bare], strict=True)
        return round(median(mine[unit] / theirs[unit] for mine, theirs in pairs), 2)

    return {
        "size_mb": size_mb,
        "events": counts,
        "ways": {
            way: {unit: round(median(run[unit] for run in runs), 3) for unit in runs[0]}
            for way, runs in results.items()
        },
        "ratios": {
            f"{way} / {bare}": {unit: ratio(way, bare, unit) for unit in ("wall_s", "processor_s")}
            for way, bare in (
                ("xml read", "xml bare, empty handlers"),
                ("xml read", "xml bare, no handlers"),
                ("json read", "json bare"),
                ("json read", "json bare, collector off"),
            )
        },
    }


def _in_own_process(way: str, path: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.parsing", way, str(path)]
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(answer.stdout)
    return result


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(run_way(sys.argv[1], Path(sys.argv[2]))))
    else:
        print(json.dumps(measure(*(int(size) for size in sys.argv[1:2])), indent=2))
