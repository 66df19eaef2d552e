"""What the simulator hands to the writers: events and sites, one row each, as they are reported.

Identifiers are short keys: ``01/<GTIN-14>/21/<serial>`` of a pack, ``00/<SSCC-18>`` of a case,
pallet or tote, ``01/<GTIN-14>/10/<lot>`` of a lot as a class. Serials and lots are plain text of
the characters that GS1 allows (AI encodable set 82); the writers escape what a format needs.
Company prefixes have seven digits, so that EPC URNs follow from keys by position.
"""

from typing import Any, Final

import polars as pl

EVENTS: Final[dict[str, Any]] = {
    "event_no": pl.Int64,  # unique, in the order of birth
    "event_id": pl.Int64,  # names the event; a second sending or a declaration repeats it
    "event_type": pl.String,  # ObjectEvent, AggregationEvent, TransformationEvent
    "action": pl.String,  # ADD, OBSERVE, DELETE; null for TransformationEvent
    "at_us": pl.Int64,  # UTC, whole seconds
    "recorded_us": pl.Int64,
    "offset_min": pl.Int32,  # zone offset that the sender states
    "site": pl.Int32,  # number of the site: read point and business location
    "reporter": pl.Int32,  # number of the site whose system sends
    "step": pl.String,  # bare CBV word, such as shipping
    "disposition": pl.String,  # bare CBV word, or null
    "owner_from": pl.Int32,  # site numbers or null: source and destination, owning_party
    "owner_to": pl.Int32,
    "place_from": pl.Int32,  # site numbers or null: source and destination, location
    "place_to": pl.Int32,
    "document_kind": pl.String,  # po, desadv, inv, recadv, rma; null without document
    "document": pl.String,  # its number with owner_from, or with the site where none is stated
    "epcs": pl.List(pl.String),  # keys; the inputs of a TransformationEvent
    "parent": pl.String,  # key of the container of an AggregationEvent
    "children": pl.List(pl.String),  # keys; of an AggregationEvent
    "outputs": pl.List(pl.String),  # keys; of a TransformationEvent
    "classes": pl.List(  # how many of which lot: objects, children or inputs, by event type
        pl.Struct({"key": pl.String, "quantity": pl.Float64})
    ),
    "lot": pl.String,  # master data of commissioning, null elsewhere
    "expiry": pl.Date,
    "made_on": pl.Date,
    "temperatures": pl.List(  # degrees Celsius on the way, or null; only EPCIS 2.0 carries them
        pl.Struct({"observed_us": pl.Int64, "value": pl.Float64})
    ),
    "declared_us": pl.Int64,  # when the event was declared an error (incorrect_data), or null
}

SITES: Final[dict[str, Any]] = {
    "site": pl.Int32,  # equal to the row's number, from 0
    "gln": pl.String,  # 13 digits
    "sgln_urn": pl.String,  # urn:epc:id:sgln:PPPPPPP.RRRRR.0
    "name": pl.String,
    "partner": pl.String,  # name of the company
    "city": pl.String,
    "country": pl.String,  # ISO code
    "latitude": pl.Float64,
    "longitude": pl.Float64,
}
