"""What a reader hands to landing: a bounded slice of one document, as frames."""

from dataclasses import dataclass, field
from typing import Any

import polars as pl

EVENTS = {
    "position": pl.Int64,  # 1-based ordinal of the event among the records of its file
    "event_type": pl.String,
    "action": pl.String,
    "event_id": pl.String,
    "event_at": pl.Datetime("us"),  # UTC
    "event_time_text": pl.String,
    "zone_offset_min": pl.Int32,
    "recorded_at": pl.Datetime("us"),
    "step": pl.String,
    "disposition": pl.String,
    "read_point": pl.String,  # identifiers as read; landing gives them keys
    "biz_location": pl.String,
    "transformation_id": pl.String,
    "lot": pl.String,
    "expiry": pl.Date,
    "expiry_text": pl.String,
    "made_on": pl.Date,
    "is_declaration": pl.Boolean,
    "declared_at": pl.Datetime("us"),
    "declared_reason": pl.String,
    "corrective_event_ids": pl.List(pl.String),
    "attributes": pl.String,  # JSON
}
ITEMS = {
    "position": pl.Int64,
    "role": pl.String,  # epc, parent, child, input, output
    "text": pl.String,
    "quantity": pl.Float64,
    "uom": pl.String,
    "is_class": pl.Boolean,
}
PARTIES = {
    "position": pl.Int64,
    "direction": pl.String,  # source, destination
    "type": pl.String,  # owning_party, possessing_party, location
    "text": pl.String,
}
TRANSACTIONS = {"position": pl.Int64, "type": pl.String, "document": pl.String}
SENSORS = {
    "position": pl.Int64,
    "type": pl.String,
    "observed_at": pl.Datetime("us"),
    "value": pl.Float64,
    "min_value": pl.Float64,
    "max_value": pl.Float64,
    "mean_value": pl.Float64,
    "uom": pl.String,
    "exception": pl.String,
    "report": pl.String,  # JSON
}
MASTER = {
    "position": pl.Int64,
    "kind": pl.String,  # site, product, party, other
    "text": pl.String,
    "attribute": pl.String,
    "value": pl.String,
}
DOCUMENTS = {
    "sender": pl.String,
    "receiver": pl.String,
    "created_text": pl.String,
    "schema_version": pl.String,
    "is_statement_affirmed": pl.Boolean,
    "legal_notice": pl.String,
}
REJECTED = {
    "position": pl.Int64,  # null: the file as a whole, or the rest of it
    "place": pl.String,
    "reason": pl.String,
    "remedy": pl.String,
}


def _empty(schema: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(schema=schema)


@dataclass(frozen=True)
class Batch:
    """A bounded slice of one EPCIS document.

    ``read_count`` counts the records met: events, master-data elements and things set aside.
    Positions are unique within a file, so that ``read_count`` summed over a file's batches equals
    the records in ``events`` plus distinct positions in ``master`` plus rows of ``rejected``.
    """

    read_count: int
    events: pl.DataFrame = field(default_factory=lambda: _empty(EVENTS))
    items: pl.DataFrame = field(default_factory=lambda: _empty(ITEMS))
    parties: pl.DataFrame = field(default_factory=lambda: _empty(PARTIES))
    transactions: pl.DataFrame = field(default_factory=lambda: _empty(TRANSACTIONS))
    sensors: pl.DataFrame = field(default_factory=lambda: _empty(SENSORS))
    master: pl.DataFrame = field(default_factory=lambda: _empty(MASTER))
    documents: pl.DataFrame = field(default_factory=lambda: _empty(DOCUMENTS))
    rejected: pl.DataFrame = field(default_factory=lambda: _empty(REJECTED))


@dataclass(frozen=True)
class TableBatch:
    """A slice of a log or list, in the columns of its raw table (without the landing columns)."""

    read_count: int
    kind: str  # shipments, verifications, licences, theft_notices, recalls, lot_master, ...
    rows: pl.DataFrame  # column ``position`` plus the columns of raw_<kind>
    rejected: pl.DataFrame = field(default_factory=lambda: _empty(REJECTED))
