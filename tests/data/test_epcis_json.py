"""What an EPCIS JSON document says, whatever container and dialect it is written in."""

import io
from datetime import date, datetime
from typing import Any

import msgspec
import pytest

from data.readers.epcis import read_epcis
from tests.data.epcis_samples import (
    OBJECT_EVENT,
    json_document,
    json_event,
    one_event,
    one_rejected,
    read,
    rows,
    whole,
)

EIGHT = datetime(2025, 3, 1, 8)
CONTAINERS: dict[str, Any] = {
    "document": {"type": "EPCISDocument", "epcisBody": {"eventList": [OBJECT_EVENT]}},
    "single event": {"type": "EPCISDocument", "epcisBody": {"event": OBJECT_EVENT}},
    "list is an object": {"type": "EPCISDocument", "epcisBody": {"eventList": OBJECT_EVENT}},
    "lower case": {"type": "EPCISDocument", "epcisbody": {"eventList": [OBJECT_EVENT]}},
    "query": {
        "type": "EPCISQueryDocument",
        "epcisBody": {"queryResults": {"resultsBody": {"eventList": [OBJECT_EVENT]}}},
    },
    "body first": {"epcisBody": {"eventList": [OBJECT_EVENT]}, "type": "EPCISDocument"},
    "bare event": OBJECT_EVENT,
    "list of events": [OBJECT_EVENT],
    "list of documents": [{"type": "EPCISDocument", "epcisBody": {"eventList": [OBJECT_EVENT]}}],
}


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS.keys())
def test_every_container_gives_the_same_event(container: Any) -> None:
    data = msgspec.json.encode(container)
    assert one_event(data, "json") == one_event(msgspec.json.encode(OBJECT_EVENT), "ndjson")
    assert [item["text"] for item in rows(data, "json", "items")] == OBJECT_EVENT["epcList"]


@pytest.mark.parametrize(
    ("odd", "field", "expected"),
    [
        ({"bizStep": "urn:epcglobal:cbv:bizstep:shipping"}, "step", "shipping"),
        ({"bizStep": "https://ref.gs1.org/cbv/BizStep-shipping"}, "step", "shipping"),
        ({"bizStep": "cbv:BizStep-shipping"}, "step", "shipping"),
        ({"bizStep": "https://ref.gs1.org/cbv/Bizstep-shipping"}, "step", "shipping"),
        ({"bizStep": "https://example.com/steps/Melt"}, "step", "https://example.com/steps/Melt"),
        ({"action": "observe "}, "action", "OBSERVE"),
        ({"type": None, "isA": "ObjectEvent"}, "event_type", "ObjectEvent"),
        ({"type": "epcis:ObjectEvent"}, "event_type", "ObjectEvent"),
        ({"type": ["ObjectEvent"]}, "event_type", "ObjectEvent"),
        ({"readPoint": "urn:r:1"}, "read_point", "urn:r:1"),
        ({"readPoint": {"id": ["urn:r:1"]}}, "read_point", "urn:r:1"),
        ({"eventTimeZoneOffset": "-05:30"}, "zone_offset_min", -330),
        ({"eventTimeZoneOffset": None}, "zone_offset_min", None),
        ({"eventTime": {"#text": " 2025-03-01T10:00:00+02:00 "}}, "event_at", EIGHT),
        ({"ilmd": {"cbvmda:lotNumber": 7}}, "lot", "7"),
        ({"ilmd": {"x:lotNumber": {"@xmlns:x": "urn:x", "#text": "00123"}}}, "lot", "00123"),
        ({"ilmd": {"deep": {"x:lotNumber": ["A/1 b"]}}}, "lot", "A/1 b"),
        ({"ilmd": {"example:batch": "B1"}}, "lot", "B1"),
        ({"ilmd": {"batch": "B1", "cbvmda:lotNumber": "L1"}}, "lot", "L1"),
        ({"cbvmda:lotNumber": "L1"}, "lot", "L1"),
        ({"ilmd": {"a:itemExpirationDate": {"#text": "2027-05-31"}}}, "expiry", date(2027, 5, 31)),
        ({"ilmd": {"itemExpirationDate": "2027-02"}}, "expiry", date(2027, 2, 28)),
        ({"ilmd": {"itemExpirationDate": "270500"}}, "expiry", date(2027, 5, 31)),
        ({"ilmd": {"cbvmda:productionDate": "2024-05-31"}}, "made_on", date(2024, 5, 31)),
        ({"errorDeclaration": {}}, "is_declaration", True),
        ({"errorDeclaration": None}, "is_declaration", False),
    ],
)  # fmt: skip
def test_what_is_certain_is_tolerated(odd: dict[str, Any], field: str, expected: Any) -> None:
    assert one_event(json_document(json_event(**odd)), "json")[field] == expected


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ({"type": "QuantityEvent"}, "QuantityEvent"),
        ({"type": "OtherEvent"}, "none of the five"),
        ({"type": None}, "which type"),
        ({"action": "CREATE"}, "action"),
        ({"action": ["ADD", "OBSERVE"]}, "action should be one text"),
        ({"eventTime": 1753142400000}, "epoch"),
        ({"eventTime": None}, "no eventTime"),
        ({"eventTime": "0001-01-01T00:00:00Z"}, "between 1900"),
        ({"epcList": [1.5]}, "identifier in epcList"),
        ({"epcList": [True]}, "identifier in epcList"),
        ({"bizLocation": {"id": 1.5}}, "bizLocation"),
        ({"quantityList": [{"quantity": 3}]}, "of which class"),
        ({"quantityList": [{"epcClass": "c", "quantity": "many"}]}, "not a number"),
        ({"quantityList": ["c"]}, "should be an object"),
        ({"sourceList": [{"type": "owning_party", "source": {"a": 1}}]}, "source"),
    ],
)
def test_what_is_not_certain_is_set_aside_and_the_others_land(
    odd: dict[str, Any], reason: str
) -> None:
    document = json_document(OBJECT_EVENT, json_event(**odd), OBJECT_EVENT)
    row = one_rejected(document, "json")
    assert (row["position"], row["place"]) == (2, "event 2")
    assert reason in row["reason"]
    assert [event["position"] for event in rows(document, "json", "events")] == [1, 3]


@pytest.mark.parametrize(
    ("stated", "texts"),
    [
        ("urn:x:1", ["urn:x:1"]),
        ({"epc": ["urn:x:1", "urn:x:2"]}, ["urn:x:1", "urn:x:2"]),
        ([{"id": " urn:x:1 "}, None, ""], ["urn:x:1"]),
        ([95060001343528], ["95060001343528"]),
        (None, []),
    ],
)
def test_odd_identifier_lists_give_their_identifiers(stated: Any, texts: list[str]) -> None:
    document = json_document(json_event(epcList=stated))
    assert [item["text"] for item in rows(document, "json", "items")] == texts


def test_partners_and_quantities_tolerate_objects_in_place_of_lists() -> None:
    document = json_document(
        json_event(
            sourceList={"type": "owning_party", "source": "urn:p:1"},
            bizTransactionList=["urn:t:1"],
            quantityList={"epcClass": "urn:c:1", "quantity": "12"},
        )
    )
    batches = read(document, "json")
    assert whole(batches, "parties")["text"].to_list() == ["urn:p:1"]
    assert whole(batches, "transactions")["document"].to_list() == ["urn:t:1"]
    assert whole(batches, "items")["quantity"].to_list() == [None, 12.0]


def test_what_is_no_event_in_the_list_is_set_aside_one_by_one() -> None:
    document = json_document(OBJECT_EVENT, 3, None, "text", [], OBJECT_EVENT)
    batches = read(document, "json")
    assert whole(batches, "events")["position"].to_list() == [1, 6]
    assert whole(batches, "rejected")["place"].to_list() == [f"event {n}" for n in range(2, 6)]


def test_attributes_are_bounded_and_say_what_was_left_out() -> None:
    event = one_event(json_document(json_event(small="kept", large="x" * 100_000)), "json")
    assert msgspec.json.decode(event["attributes"]) == {"small": "kept", "left_out": 1}


def test_vendor_fields_are_known_by_local_name() -> None:
    fields = {"ex:a": {"ex:b": [1, {"@value": "2", "@type": "xsd:int"}]}, "https://x.org/c": True}
    event = one_event(json_document(json_event(**fields)), "json")
    assert msgspec.json.decode(event["attributes"]) == {"a": {"b": [1, "2"]}, "c": True}


def test_master_data_and_header_are_read_wherever_they_stand() -> None:
    header = {
        "epcisMasterData": {
            "vocabularyList": [
                {
                    "type": "urn:epcglobal:epcis:vtype:EPCClass",
                    "vocabularyElementList": [
                        {
                            "id": "urn:epc:idpat:sgtin:0614141.107346.*",
                            "attributes": [{"id": "cbvmda:strength", "attribute": "5 mg"}],
                        },
                        {"attributes": []},
                    ],
                }
            ]
        },
        "gs1ushc:dscsaTransactionStatement": {"gs1ushc:affirmTransactionStatement": "true"},
    }
    batches = read(
        json_document(OBJECT_EVENT, epcisHeader=header, sender="urn:s", schemaVersion=2.0), "json"
    )
    assert [tuple(row.values())[1:] for row in whole(batches, "master").to_dicts()] == [
        ("product", "urn:epc:idpat:sgtin:0614141.107346.*", "strength", "5 mg")
    ]
    (row,) = whole(batches, "documents").to_dicts()
    assert (row["sender"], row["schema_version"], row["is_statement_affirmed"]) == (
        "urn:s",
        "2.0",
        True,
    )
    assert len(whole(batches, "rejected")) == 1


def test_long_documents_give_every_event_in_order() -> None:
    events = [json_event(eventID=f"urn:uuid:{n}", epcList=[f"urn:x:{n}"] * 7) for n in range(9000)]
    compact = json_document(*events)
    indented = msgspec.json.format(compact, indent=2)
    lines = b"\n".join(msgspec.json.encode(event) for event in events)
    expected = [event["eventID"] for event in events]
    for data, form in ((compact, "json"), (indented, "json"), (lines, "ndjson")):
        batches = list(read_epcis(io.BytesIO(data), format=form))  # type: ignore[arg-type]
        assert whole(batches, "events")["event_id"].to_list() == expected
        assert whole(batches, "items").height == 7 * len(events)


def test_braces_and_quotes_inside_texts_do_not_cut_an_event() -> None:
    odd = '}{"}],[\\"{ ' * 20
    events = [json_event(eventID=f"{n}{odd}", epcList=["urn:x:1"] * 40) for n in range(3000)]
    document = json_document(*events, epcisHeader={"note": {"a": {"b": odd}}})
    batches = read(document, "json")
    assert whole(batches, "events")["event_id"].to_list() == [e["eventID"].strip() for e in events]


def test_one_malformed_event_does_not_take_the_others_with_it() -> None:
    good = msgspec.json.encode(OBJECT_EVENT)
    events = [good] * 5000
    events[2500] = good.replace(b'"OBSERVE"', b"OBSERVE")
    document = b'{"type":"EPCISDocument","epcisBody":{"eventList":[' + b",".join(events) + b"]}}"
    row = one_rejected(document, "json")
    assert row["place"] == "event 2501"
    assert len(rows(document, "json", "events")) == 4999


def test_events_before_a_break_land_and_the_rest_is_one_row() -> None:
    document = json_document(*[OBJECT_EVENT] * 4000)
    for cut in (len(document) // 2, len(document) - 1, len(document) - 3):
        broken = document[:cut]
        row = one_rejected(broken, "json")
        assert row["position"] is None
        landed = len(rows(broken, "json", "events"))
        assert landed == broken.count(b'2018"]}')


def test_lines_are_read_one_by_one() -> None:
    good = msgspec.json.encode(OBJECT_EVENT)
    document = msgspec.json.encode(CONTAINERS["document"])
    data = b"\n".join([good, b"", b"{broken", document, b'{"a":1},{"a":2}', b"  \r", good])
    batches = read(data, "ndjson")
    assert whole(batches, "events")["position"].to_list() == [1, 3, 5]
    assert whole(batches, "rejected")["place"].to_list() == ["line 3", "line 5"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"type":"Feature"}', "neither"),
        (b"[[[", "ends before"),
        (b"{]", "well-formed"),
        (b"7", "neither"),
        (b"\xff\xfe{\x00}\x00", "neither"),
    ],
)
def test_other_files_are_refused_with_a_reason(data: bytes, reason: str) -> None:
    (row,) = rows(data, "json", "rejected")
    assert reason in row["reason"] or row["position"] is not None


def test_deep_nesting_is_set_aside_and_never_raises() -> None:
    deep = b"[" * 200_000 + b"]" * 200_000
    good = msgspec.json.encode(OBJECT_EVENT)
    event = good[:-1] + b',"x":' + deep + b"}"
    document = b'{"epcisBody":{"eventList":[' + good + b"," + event + b"," + good + b"]}}"
    assert one_rejected(document, "json")["place"] == "event 2"
    assert len(rows(document, "json", "events")) == 2
    shallow = good[:-1] + b',"x":' + b'{"a":' * 100 + b"1" + b"}" * 100 + b"}"
    assert "nested too deeply" in one_event(shallow, "json")["attributes"]
