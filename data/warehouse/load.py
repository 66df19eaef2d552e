"""From a reader's batches to raw tables: identifiers get keys, events get content keys.

Batches are gathered to some hundred megabytes and then loaded by set-based SQL (``sql/land/``):
memory stays bounded, and the dictionary of identifiers is searched once a group, not once a batch.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.resources import files
from typing import Any

import duckdb
import polars as pl

from data.readers.batch import Batch, TableBatch
from data.readers.identifiers import parse_texts
from data.warehouse.sources import Member

BYTES_AT_ONCE = 128 << 20  # of frames: some million identifiers
TEXTS_AT_ONCE = 200_000

TABLE_OF_KIND = {
    "shipments": "raw_shipment",
    "verifications": "raw_verification",
    "licences": "raw_licence",
    "theft_notices": "raw_theft_notice",
    "recalls": "raw_recall",
    "lot_master": "raw_lot_master",
    "product_master": "raw_product_master",
    "sites": "raw_site",
}
# Kinds whose rows name a pack or container, with the statement that writes it as an identifier.
_ROW_TEXT = {"verifications": "verification_text", "theft_notices": "theft_notice_text"}
_LANDING_COLUMNS = ("record_id", "file_id", "content_key", "epc")
_FRAMES = [field.name for field in fields(Batch) if field.name != "read_count"]
_NOTHING = Batch(0)


@dataclass(frozen=True)
class Slot:
    """Where a file's records go: its id and the record_id of position 1."""

    file_id: int
    first_record_id: int


def load_members(
    con: duckdb.DuckDBPyConnection, slot: Slot, members: Iterable[Member]
) -> Iterator[tuple[int, int]]:
    """Load all members of a file; yield (records met, records set aside) so far, after each step.

    Runs inside the caller's transaction. Raises whatever a reader raises, and ValueError where a
    reader's positions or columns break the contract of ``data.readers.batch``.
    """
    read = set_aside = last_position = 0
    for group in _groups(_continued(members)):
        read += sum(batch.read_count for batch in group)
        set_aside += sum(batch.rejected.height for batch in group)
        if isinstance(group[0], Batch):
            last = _load_events(con, slot, [b for b in group if isinstance(b, Batch)])
        else:
            last = _load_rows(con, slot, [b for b in group if isinstance(b, TableBatch)])
        last_position = max(last_position, last)
        if last_position > read:
            # Positions past the count would give the next file's record_ids out twice.
            raise ValueError(f"position {last_position} among {read} records")
        yield read, set_aside


def release(con: duckdb.DuckDBPyConnection) -> None:
    """Let go of the frames and temporary tables of the last group."""
    for name in (*(f"batch_{frame}" for frame in _FRAMES), "batch_row_read", "batch_parsed"):
        con.unregister(name)
    for name in (
        "batch_met",
        "batch_text",
        "new_identifier",
        "batch_row_texts",
        "batch_row",
        "batch_content",
    ):
        con.execute(f"DROP TABLE IF EXISTS {name}")


def _continued(members: Iterable[Member]) -> Iterator[Batch | TableBatch]:
    """The batches of all members, positions counting on from one member to the next."""
    offset = 0
    for member in members:
        met = 0
        for batch in member.batches:
            met += batch.read_count
            yield _shifted(batch, offset, member.name) if offset or member.name else batch
        offset += met


def _shifted(batch: Batch | TableBatch, offset: int, name: str) -> Batch | TableBatch:
    """The batch with positions moved on and, inside a container, places naming the document."""
    frames: dict[str, Any] = {}
    for field in fields(batch):
        frame = getattr(batch, field.name)
        if isinstance(frame, pl.DataFrame) and "position" in frame.columns:
            frames[field.name] = frame.with_columns(pl.col("position") + offset)
    if name:
        place = pl.concat_str(pl.lit(f"{name} "), pl.col("place").fill_null("")).str.strip_chars()
        frames["rejected"] = frames["rejected"].with_columns(place=place)
    return replace(batch, **frames)


def _groups(
    batches: Iterable[Batch | TableBatch],
) -> Iterator[list[Batch | TableBatch]]:
    """Consecutive batches of one kind, up to BYTES_AT_ONCE together."""
    group: list[Batch | TableBatch] = []
    size = 0
    for batch in batches:
        if group and (size >= BYTES_AT_ONCE or _kind(batch) != _kind(group[0])):
            yield group
            group, size = [], 0
        group.append(batch)
        size += _size(batch)
    if group:
        yield group


def _kind(batch: Batch | TableBatch) -> str:
    return batch.kind if isinstance(batch, TableBatch) else "epcis"


def _size(batch: Batch | TableBatch) -> int:
    """Bytes of the batch's frames."""
    frames = (getattr(batch, field.name) for field in fields(batch))
    return sum(int(f.estimated_size()) for f in frames if isinstance(f, pl.DataFrame))


def _load_events(con: duckdb.DuckDBPyConnection, slot: Slot, batches: Sequence[Batch]) -> int:
    """Load a group of event batches; return the last position met."""
    frames = {name: pl.concat([getattr(batch, name) for batch in batches]) for name in _FRAMES}
    _register(con, frames)
    _run(con, "no_text", slot)
    _key_texts(con, slot)
    statements = {
        "events": "event",
        "items": "event_item",
        "parties": "event_party",
        "transactions": "event_transaction",
        "sensors": "event_sensor",
        "master": "master_data",
        "documents": "document",
        "rejected": "rejected",
    }
    for name, statement in statements.items():
        if frames[name].height:
            _run(con, statement, slot)
    return max(_last(frames[name]) for name in ("events", "master", "rejected"))


def _load_rows(con: duckdb.DuckDBPyConnection, slot: Slot, batches: Sequence[TableBatch]) -> int:
    """Load a group of batches of one log or list; return the last position met."""
    kind = batches[0].kind
    table = TABLE_OF_KIND[kind]
    rejected = pl.concat([batch.rejected for batch in batches])
    rows = _aligned(con, table, pl.concat([batch.rows for batch in batches], how="diagonal"))
    _register(con, {name: getattr(_NOTHING, name) for name in _FRAMES} | {"rejected": rejected})
    con.register("batch_row_read", rows)
    excluded = ", ".join(_LANDING_COLUMNS) if _has_epc(kind) else ", ".join(_LANDING_COLUMNS[:3])
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE batch_row AS SELECT * EXCLUDE ({excluded}) FROM {table} "  # noqa: S608
        "LIMIT 0"
    )
    con.execute("INSERT INTO batch_row BY NAME SELECT * FROM batch_row_read")
    _run(con, _ROW_TEXT.get(kind, "no_text"), slot)
    _key_texts(con, slot)
    _run(con, "row_content", slot)
    left_out = "" if _has_epc(kind) else "EXCLUDE (epc)"
    con.execute(f"INSERT INTO {table} BY NAME SELECT * {left_out} FROM batch_content")  # noqa: S608
    if rejected.height:
        _run(con, "rejected", slot)
    return max(_last(rows), _last(rejected))


def _has_epc(kind: str) -> bool:
    return kind in _ROW_TEXT


def _aligned(con: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows, refused where they have columns that the raw table has not."""
    columns = [row[0] for row in con.execute(f"DESCRIBE {table}").fetchall()]
    rows = rows.drop(_LANDING_COLUMNS, strict=False)
    if odd := [name for name in rows.columns if name not in columns]:
        raise ValueError(f"{table} has no column {', '.join(odd)}")
    return rows


def _register(con: duckdb.DuckDBPyConnection, frames: Mapping[str, pl.DataFrame]) -> None:
    for name, frame in frames.items():
        con.register(f"batch_{name}", frame)


def _key_texts(con: duckdb.DuckDBPyConnection, slot: Slot) -> None:
    """Give every identifier text of the group its key, parsing those not met before."""
    _run(con, "batch_met", slot)
    _run(con, "batch_text", slot)
    unknown = con.sql(land_statement("unknown_text")).pl()["text"]
    if unknown.len():
        parts = [parse_texts(part) for part in _portions(unknown)]
        con.register("batch_parsed", pl.concat(parts))
        for statement in ("new_identifier", "identifier", "batch_text_key"):
            _run(con, statement, slot)


def _portions(texts: pl.Series) -> Iterator[pl.Series]:
    """Parsing takes some kilobyte a text while it lasts, so a million are not parsed at once."""
    for first in range(0, texts.len(), TEXTS_AT_ONCE):
        yield texts.slice(first, TEXTS_AT_ONCE)


def _last(frame: pl.DataFrame) -> int:
    last = frame["position"].max()
    return last if isinstance(last, int) else 0


@cache
def land_statement(name: str) -> str:
    """The text of ``sql/land/<name>.sql``."""
    return (files("sql") / "land" / f"{name}.sql").read_text(encoding="utf-8")


def _run(con: duckdb.DuckDBPyConnection, name: str, slot: Slot) -> None:
    text = land_statement(name)
    values = {"file_id": slot.file_id, "first_record_id": slot.first_record_id}
    con.execute(text, {key: value for key, value in values.items() if f"${key}" in text})
