"""Small EPCIS documents for tests, and the frames that come out of them."""

import io
from typing import Any

import msgspec
import polars as pl

from data.readers.batch import Batch
from data.readers.epcis import Format, read_epcis

FRAMES = ("events", "items", "parties", "transactions", "sensors", "master", "documents")
UNEXPECTED = "the reader failed"

OBJECT_EVENT: dict[str, Any] = {
    "type": "ObjectEvent",
    "eventTime": "2025-03-01T10:00:00Z",
    "eventTimeZoneOffset": "+01:00",
    "action": "OBSERVE",
    "bizStep": "shipping",
    "epcList": ["urn:epc:id:sgtin:0614141.107346.2018"],
}


def xml_document(events: str, header: str = "", version: str = "1.2") -> bytes:
    """An XML document around event elements."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:{version[0]}"
    xmlns:cbvmda="urn:epcglobal:cbv:mda" xmlns:sbdh="http://www.unece.org/cefact/namespaces/x"
    xmlns:gs1ushc="http://epcis.gs1us.org/hc/ns" schemaVersion="{version}"
    creationDate="2025-03-01T12:00:00Z">
{header}<EPCISBody><EventList>
{events}
</EventList></EPCISBody></epcis:EPCISDocument>""".encode()


def xml_event(fields: str, kind: str = "ObjectEvent") -> str:
    """An XML event with a time and action around further fields."""
    return f"""<{kind}>
  <eventTime>2025-03-01T10:00:00Z</eventTime>
  <eventTimeZoneOffset>+01:00</eventTimeZoneOffset>
  <action>OBSERVE</action>
  {fields}
</{kind}>"""


def json_document(*events: Any, **members: Any) -> bytes:
    """A JSON document around events."""
    return msgspec.json.encode(
        {
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": "2025-03-01T12:00:00Z",
            "epcisBody": {"eventList": list(events)},
            **members,
        }
    )


def json_event(**fields: Any) -> dict[str, Any]:
    """A JSON event: the sample with fields of its own."""
    return {**OBJECT_EVENT, **fields}


def read(data: bytes, form: Format) -> list[Batch]:
    """All batches of a document; their counts are checked on the way."""
    batches = list(read_epcis(io.BytesIO(data), format=form))
    for batch in batches:
        records = len(batch.events) + batch.master["position"].n_unique() + len(batch.rejected)
        assert batch.read_count == records
    positions = positions_of(batches)
    assert len(positions) == len(set(positions))
    assert not positions or set(positions) == set(range(1, max(positions) + 1))
    return batches


def positions_of(batches: list[Batch]) -> list[int]:
    """The position of every record of a document."""
    return [
        position
        for batch in batches
        for frame in (batch.events, batch.master.unique("position"), batch.rejected)
        for position in frame["position"].drop_nulls().to_list()
    ]


def whole(batches: list[Batch], frame: str) -> pl.DataFrame:
    """One frame over all batches."""
    return pl.concat([getattr(batch, frame) for batch in batches])


def rows(data: bytes, form: Format, frame: str) -> list[dict[str, Any]]:
    """The rows of one frame of a document."""
    return whole(read(data, form), frame).to_dicts()


def one_event(data: bytes, form: Format) -> dict[str, Any]:
    """The only event of a document in which nothing is set aside."""
    batches = read(data, form)
    assert whole(batches, "rejected").is_empty(), whole(batches, "rejected").to_dicts()
    (event,) = whole(batches, "events").to_dicts()
    return event


def one_rejected(data: bytes, form: Format) -> dict[str, Any]:
    """The only thing set aside of a document; it always says what and what to do."""
    (row,) = rows(data, form, "rejected")
    assert row["reason"] and row["remedy"] and row["place"]
    assert UNEXPECTED not in row["reason"]
    return row
