"""Small batches for landing tests: what a reader would have handed over."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from data.readers import batch as b
from data.readers.batch import Batch
from data.warehouse.sources import Member, Source

AT = datetime(2024, 3, 1, 12)
PACK = "urn:epc:id:sgtin:9521234.000001.S{}"
PLACE = "urn:epc:id:sgln:9521234.00001.0"

Row = dict[str, Any]


def frame(schema: Mapping[str, Any], rows: list[Row]) -> pl.DataFrame:
    """Rows that state some columns; the others are null."""
    full = [{name: row.get(name) for name in schema} for row in rows]
    assert all(set(row) <= set(schema) for row in rows)
    return pl.DataFrame(full, schema=schema)


def event(position: int, **columns: Any) -> Row:
    """A shipping event; columns override or add."""
    said = {
        "position": position,
        "event_type": "ObjectEvent",
        "action": "OBSERVE",
        "event_at": AT,
        "step": "shipping",
        "read_point": PLACE,
        "is_declaration": False,
        "attributes": "{}",
    }
    return said | columns


def item(position: int, text: str, role: str = "epc", **columns: Any) -> Row:
    """An identifier of an event."""
    return {"position": position, "role": role, "text": text, "is_class": False} | columns


def batch(
    events: list[Row],
    items: list[Row] | None = None,
    *,
    parties: list[Row] | None = None,
    transactions: list[Row] | None = None,
    sensors: list[Row] | None = None,
    master: list[Row] | None = None,
    rejected: list[Row] | None = None,
) -> Batch:
    """A batch whose read_count is right."""
    subjects = {row["position"] for row in master or []}
    return Batch(
        read_count=len(events) + len(subjects) + len(rejected or []),
        events=frame(b.EVENTS, events),
        items=frame(b.ITEMS, items or []),
        parties=frame(b.PARTIES, parties or []),
        transactions=frame(b.TRANSACTIONS, transactions or []),
        sensors=frame(b.SENSORS, sensors or []),
        master=frame(b.MASTER, master or []),
        rejected=frame(b.REJECTED, rejected or []),
    )


def source(*batches: Batch, kind: str = "epcis") -> Source:
    """A file of one document."""
    return Source(kind, [Member("", batches)])


def feed_from_name(path: Path) -> Source:
    """A document made up from the file's bytes: 60 events in batches of 10, packs shared."""
    seed = int(hashlib.sha256(path.read_bytes()).hexdigest()[:6], 16)

    def batches() -> Iterator[Batch]:
        for first in range(1, 61, 10):
            positions = range(first, first + 10)
            yield batch(
                [event(p, event_id=f"{seed}-{p}", lot=f"L{(seed + p) % 3}") for p in positions],
                [item(p, PACK.format((seed * k + p) % 97)) for p in positions for k in range(3)],
                rejected=None,
            )

    return Source("epcis", [Member("", batches())])
