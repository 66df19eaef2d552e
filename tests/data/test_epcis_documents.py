"""Real documents: all are read, none stops a run, and XML and JSON twins say the same."""

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.readers.epcis import Format
from tests.data.epcis_samples import UNEXPECTED, read, whole
from tests.shared_data import SHARED, needs_shared

EPCIS = SHARED / "epcis"
HASHES = EPCIS / "hash-vectors"
OPEN = EPCIS / "openepcis" / "2.0" / "EPCIS"
CARDINAL = EPCIS / "cardinal"
KINDS = ("Aggregation", "Association", "Object", "Transaction", "Transformation")


def documents() -> list[Path]:
    """Every file of the shared documents that begins like XML or JSON."""
    return [
        path
        for path in sorted(EPCIS.rglob("*"))
        if path.is_file() and form_of(path.read_bytes()) is not None
    ]


def form_of(data: bytes) -> Format | None:
    start = data.lstrip(b"\xef\xbb\xbf \r\n\t")[:1]
    return "xml" if start == b"<" else "json" if start in (b"{", b"[") and start else None


def form(data: bytes) -> Format:
    known = form_of(data)
    assert known is not None
    return known


@needs_shared
def test_every_real_document_is_read() -> None:
    # The floors are there so that a moved folder cannot pass unseen.
    events = sensors = master = 0
    rejected: list[str] = []
    paths = documents()
    for path in paths:
        data = path.read_bytes()
        batches = read(data, form(data))
        events += whole(batches, "events").height
        sensors += whole(batches, "sensors").height
        master += whole(batches, "master")["position"].n_unique()
        reasons = whole(batches, "rejected")["reason"].to_list()
        assert not any(UNEXPECTED in reason for reason in reasons)
        if path.parts[len(EPCIS.parts)] not in ("schemas", "dscsa-exceptions", "profiles"):
            rejected += [f"{path.name}: {reason}" for reason in reasons]
    assert len(paths) >= 190
    assert events >= 230
    assert sensors >= 250
    assert master >= 13
    assert all("capture job" in line for line in rejected), rejected


def facts(path: Path, *, identifiers: bool = True) -> dict[str, list[tuple[object, ...]]]:
    """What a document says, in an order of its own: events by content, positions aside."""
    data = path.read_bytes()
    batches = read(data, form(data))
    first = whole(batches, "events")["position"].min()
    offset = pl.col("position") - (first if isinstance(first, int) else 0)
    hidden = [] if identifiers else ["text", "read_point", "biz_location"]
    answer = {}
    for name in ("events", "items", "parties", "transactions", "sensors"):
        frame = whole(batches, name).with_columns(offset)
        # Vendor fields have names and texts of the vendor's choice.
        frame = frame.drop("event_time_text", "attributes", "report", *hidden, strict=False)
        answer[name] = sorted(frame.rows(), key=repr)
    return answer


@needs_shared
@pytest.mark.parametrize("name", sorted(path.stem for path in HASHES.glob("*.jsonld")))
def test_hash_vector_twins_say_the_same(name: str) -> None:
    if name != "TimeStampRoundOff":  # published as JSON only
        assert facts(HASHES / f"{name}.xml") == facts(HASHES / f"{name}.jsonld")


@needs_shared
@pytest.mark.parametrize("kind", KINDS)
def test_event_twins_say_the_same(kind: str) -> None:
    xml = facts(OPEN / "XML" / "Capture" / "Events" / f"{kind}Event.xml")
    json = facts(OPEN / "JSON" / "Capture" / "Events" / f"{kind}Event.json")
    if kind == "Transformation":
        # Here the publisher's twins differ: the declaration is at +01:00 in one, Z in the other.
        for said in (xml, json):
            said["events"] = [tuple(map(str, event[:14])) for event in said["events"]]
    assert xml == json


@needs_shared
@pytest.mark.parametrize("kind", KINDS)
def test_twins_with_vendor_fields_say_the_same(kind: str) -> None:
    xml = EPCIS / "gs1" / "XML" / "WithExtension" / f"{kind}Event.xml"
    json = OPEN / "JSON" / "Capture" / "Documents" / f"{kind}Event_with_userExtensions.json"
    assert facts(xml) == facts(json)


@needs_shared
def test_three_forms_of_one_pharma_document_say_the_same() -> None:
    old = CARDINAL / "cardinal_health.1.2.xml"
    new = CARDINAL / "cardinal_health.2.0.xml"
    json = CARDINAL / "cardinal_health.2.0.jsonld"
    assert facts(old) == facts(new)
    assert facts(old, identifiers=False) == facts(json, identifiers=False)
    assert len(facts(old)["events"]) == 3
    assert whole(read(old.read_bytes(), "xml"), "documents")["is_statement_affirmed"].to_list() == [
        True
    ]


DAMAGE = (
    b'< > </ <a> &x; " { } [ ] {} [] , : \\ \\ud800 null true 7 -0.5 1e999 \x00 \xff ]]> <!-- <?'
).split(b" ")


@needs_shared
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_damaged_real_documents_never_stop_a_run(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(documents()))
    content = bytearray(path.read_bytes())
    kind = form(bytes(content))
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(content)))
        length = data.draw(st.integers(0, 60))
        content[start : start + length] = data.draw(
            st.one_of(
                st.binary(max_size=8),
                st.sampled_from(DAMAGE),
                st.just(bytes(content[start : start + length]) * 2),
            )
        )
    for form_tried in (kind, "ndjson"):
        reasons = whole(read(bytes(content), form_tried), "rejected")["reason"].to_list()  # type: ignore[arg-type]
        assert not any(UNEXPECTED in reason for reason in reasons)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["2025-03-01T10:00:00Z", "ADD", "ObjectEvent", "urn:x:1", ""]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["type", "id", "epc", "epcClass", "quantity", "uom", "source", "#text"])
        | st.sampled_from(["lotNumber", "sensorReport", "time", "value", "set", "attributes"]),
        inner,
        max_size=3,
    ),
    max_leaves=6,
)  # fmt: skip
FIELDS = [
    *("type", "isA", "@context", "eventTime", "recordTime", "eventTimeZoneOffset", "eventID"),
    *("action", "bizStep", "disposition", "readPoint", "bizLocation", "transformationID"),
    *("parentID", "epcList", "childEPCs", "inputEPCList", "quantityList", "childQuantityList"),
    *("bizTransactionList", "sourceList", "destinationList", "ilmd", "errorDeclaration"),
    *("sensorElementList", "persistentDisposition", "cbvmda:lotNumber", "ex:vendor"),
]
EVENTS = st.dictionaries(st.sampled_from(FIELDS), JSON_VALUES, max_size=8)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(events=st.lists(EVENTS, max_size=3), is_sound=st.booleans())
def test_any_values_in_an_events_fields_never_stop_a_run(
    events: list[dict[str, object]], is_sound: bool
) -> None:
    sound = {"type": "ObjectEvent", "eventTime": "2025-03-01T10:00:00Z", "action": "ADD"}
    stated = [{**sound, **event} if is_sound else event for event in events]
    data = json.dumps({"epcisBody": {"eventList": stated}}).encode()
    batches = read(data, "json")
    reasons = whole(batches, "rejected")["reason"].to_list()
    assert not any(UNEXPECTED in reason for reason in reasons)
    if b"NaN" not in data and b"Infinity" not in data:
        assert whole(batches, "events").height + len(reasons) == len(events)
