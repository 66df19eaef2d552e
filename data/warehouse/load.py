"""From a reader's batches to raw tables: identifiers get keys, events get content keys.

Batches are gathered to some ten megabytes and then loaded by set-based SQL (``sql/land/``):
memory stays bounded, and the dictionary of identifiers is searched once a group, not once a batch.
What a group needs between two statements is lent to the database as frames, never given as
temporary tables: it lets go of a table that was dropped, or of a frame that was registered, only
when its transaction ends, and that is the file.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Any

import duckdb
import polars as pl

from data.readers.batch import Batch, TableBatch
from data.readers.identifiers import parse_texts
from data.warehouse.sources import Member

BYTES_AT_ONCE = 32 << 20  # of frames: some hundred thousand identifiers
TEXTS_AT_ONCE = 200_000

TABLE_OF_KIND = {
    "shipments": "raw_shipment",
    "verifications": "raw_verification",
    "licences": "raw_licence",
    "theft_notices": "raw_theft_notice",
    "recalls": "raw_recall",
    "exemptions": "raw_exemption",
    "lot_master": "raw_lot_master",
    "product_master": "raw_product_master",
    "sites": "raw_site",
}
# Kinds whose rows name a pack or container, with the statement that writes it as an identifier.
_ROW_TEXT = {"verifications": "verification_text", "theft_notices": "theft_notice_text"}
_STATEMENTS = {
    "events": "event",
    "items": "event_item",
    "parties": "event_party",
    "transactions": "event_transaction",
    "sensors": "event_sensor",
    "master": "master_data",
    "documents": "document",
    "rejected": "rejected",
}
_LANDING_COLUMNS = ("record_id", "file_id", "content_key", "epc")
_ROW_TEXTS = {"position": pl.Int64, "part": pl.UInt32, "text": pl.String}
# What is registered between two statements, besides the frames of the batches.
_BETWEEN = (
    "batch_met",
    "batch_text",
    "batch_parsed",
    "new_identifier",
    "batch_row_texts",
    "batch_row_read",
)
_FRAMES = [field.name for field in fields(Batch) if field.name != "read_count"]
_NOTHING = Batch(0)


@dataclass(frozen=True)
class Slot:
    """Where a file's records go: its id and the record_id of position 1."""

    file_id: int
    first_record_id: int


@dataclass(frozen=True)
class Contents:
    """A small file as a whole: its batches, those of one kind that follow each other together.

    ``byte_count`` is that of the frames.
    """

    groups: tuple[tuple[Batch | TableBatch, ...], ...]
    read_count: int
    set_aside_count: int
    byte_count: int


@dataclass(frozen=True)
class _Part:
    """Batches of one kind and one file: identifiers new in it get keys before those of the next."""

    slot: Slot
    batches: Sequence[Batch | TableBatch]


def load_members(
    con: duckdb.DuckDBPyConnection, slot: Slot, members: Iterable[Member]
) -> Iterator[tuple[int, int]]:
    """Load all members of a file; yield (records met, records set aside) so far, after each step.

    Runs inside the caller's transaction. Raises whatever a reader raises, and ValueError where a
    reader's positions or columns break the contract of ``data.readers.batch``.
    """
    read = set_aside = last = 0
    for group in _groups(_continued(members)):
        read += sum(batch.read_count for batch in group)
        set_aside += sum(batch.rejected.height for batch in group)
        last = max(last, *(_last_position(batch) for batch in group))
        _check_positions(last, read)
        _load(con, [_Part(slot, group)])
        yield read, set_aside


def read_whole(members: Iterable[Member]) -> Contents | None:
    """Read all members of a file into memory; None where they are more than ``BYTES_AT_ONCE``.

    Raises as ``load_members`` does.
    """
    batches: list[Batch | TableBatch] = []
    size = 0
    for batch in _continued(members):
        batches.append(batch)
        size += _size(batch)
        if size >= BYTES_AT_ONCE:
            return None
    read = sum(batch.read_count for batch in batches)
    _check_positions(max(map(_last_position, batches), default=0), read)
    set_aside = sum(batch.rejected.height for batch in batches)
    groups = tuple(tuple(group) for _, group in groupby(batches, _kind))
    return Contents(groups, read, set_aside, size)


def load_together(
    con: duckdb.DuckDBPyConnection, files_read: Sequence[tuple[Slot, Contents]]
) -> None:
    """Load small files at once; the warehouse is what ``load_members`` makes of each in turn.

    The slots follow each other. Runs inside the caller's transaction; an error tells not which
    file is to blame.
    """
    parts = [_Part(slot, group) for slot, contents in files_read for group in contents.groups]
    if parts:
        _load(con, parts)


def release(con: duckdb.DuckDBPyConnection) -> None:
    """Let go of the frames of the last group."""
    con.execute("DROP VIEW IF EXISTS batch_row")
    for name in (*(f"batch_{frame}" for frame in _FRAMES), *_BETWEEN):
        con.unregister(name)


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


def _check_positions(last: int, read: int) -> None:
    if last > read:
        # Positions past the count would give the next file's record_ids out twice.
        raise ValueError(f"position {last} among {read} records")


def _last_position(batch: Batch | TableBatch) -> int:
    frames = (getattr(batch, name, None) for name in ("events", "master", "rejected", "rows"))
    return max(_last(frame) for frame in frames if frame is not None)


def _load(con: duckdb.DuckDBPyConnection, parts: Sequence[_Part]) -> None:
    """Load parts of one file or several, in their order.

    Positions count on from part to part and file to file, so that one statement serves them all.
    """
    first = parts[0].slot.first_record_id
    frames = {name: [_placed(getattr(_NOTHING, name), 0, parts[0], first)] for name in _FRAMES}
    rows: dict[str, list[pl.DataFrame]] = {}
    for number, part in enumerate(parts):
        for batch in part.batches:
            for name in _FRAMES if isinstance(batch, Batch) else ["rejected"]:
                if (frame := getattr(batch, name)).height:
                    frames[name].append(_placed(frame, number, part, first))
            if isinstance(batch, TableBatch):
                rows.setdefault(batch.kind, []).append(
                    _placed(_checked_columns(con, batch), number, part, first)
                )
    with _lending(con) as lend:
        for name, some in frames.items():
            lend(f"batch_{name}", pl.concat(some))
        tables = {kind: pl.concat(found, how="diagonal") for kind, found in rows.items()}
        lend("batch_row_texts", _row_texts(con, lend, tables, first))
        _key_texts(con, lend, first)
        for name, statement in _STATEMENTS.items():
            if len(frames[name]) > 1:
                _run(con, statement, first)
        for kind, table in tables.items():
            _land_rows(con, lend, kind, table, first)


class _Lent:
    """A frame that the database reads for as long as it is lent."""

    def __init__(self, frame: pl.DataFrame) -> None:
        # DuckDB 2.0.0 refuses columns of Arrow's type for nothing but nulls.
        typed = frame.with_columns(pl.col(pl.Null).cast(pl.String))
        self.frame: pl.DataFrame | None = typed

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        frame = pl.DataFrame() if self.frame is None else self.frame
        return frame.__arrow_c_stream__(requested_schema)


Lend = Callable[[str, pl.DataFrame], None]


@contextmanager
def _lending(con: duckdb.DuckDBPyConnection) -> Iterator[Lend]:
    """Frames lent here are let go of at the end, whatever the database still remembers of them."""
    lent: list[_Lent] = []

    def lend(name: str, frame: pl.DataFrame) -> None:
        lent.append(_Lent(frame))
        con.register(name, lent[-1])

    try:
        yield lend
    finally:
        for one in lent:
            one.frame = None


def _row_texts(
    con: duckdb.DuckDBPyConnection,
    lend: Lend,
    tables: Mapping[str, pl.DataFrame],
    first_record_id: int,
) -> pl.DataFrame:
    """The packs and containers that rows of logs and lists name."""
    named = [pl.DataFrame(schema=_ROW_TEXTS)]
    for kind in sorted(tables.keys() & _ROW_TEXT.keys()):
        _show_batch_row(con, lend, kind, tables[kind])
        named.append(_result(con, _ROW_TEXT[kind], first_record_id).select(list(_ROW_TEXTS)))
    return pl.concat(named)


def _land_rows(
    con: duckdb.DuckDBPyConnection,
    lend: Lend,
    kind: str,
    table: pl.DataFrame,
    first_record_id: int,
) -> None:
    _show_batch_row(con, lend, kind, table)
    left_out = "" if kind in _ROW_TEXT else "EXCLUDE (epc)"
    con.execute(
        f"INSERT INTO {TABLE_OF_KIND[kind]} BY NAME SELECT * {left_out} "  # noqa: S608
        f"FROM ({land_statement('row_content')}) ORDER BY record_id",
        {"first_record_id": first_record_id},
    )


def _placed(frame: pl.DataFrame, number: int, part: _Part, first_record_id: int) -> pl.DataFrame:
    """The frame with its part and file, positions counting on from the files before."""
    before = part.slot.first_record_id - first_record_id
    placed = frame.with_columns(
        part=pl.lit(number, pl.UInt32),
        file_id=pl.lit(part.slot.file_id, pl.Int32),
        positions_before=pl.lit(before, pl.Int64),
    )
    if "position" in frame.columns and before:
        return placed.with_columns(pl.col("position") + before)
    return placed


def _show_batch_row(
    con: duckdb.DuckDBPyConnection, lend: Lend, kind: str, rows: pl.DataFrame
) -> None:
    """The rows of one log or list as ``batch_row``, in the types of its raw table."""
    lend("batch_row_read", rows)
    described = con.execute(f"DESCRIBE {TABLE_OF_KIND[kind]}").fetchall()
    types = {name: type_ for name, type_, *_ in described if name not in _landing_columns(kind)}
    types |= {"part": "UINTEGER", "file_id": "INTEGER", "positions_before": "BIGINT"}
    columns = ", ".join(
        f"{name if name in rows.columns else 'NULL'}::{type_} AS {name}"
        for name, type_ in types.items()
    )
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW batch_row AS SELECT {columns} FROM batch_row_read"  # noqa: S608
    )


def _landing_columns(kind: str) -> tuple[str, ...]:
    """Those of a raw table that landing fills, not the reader."""
    return _LANDING_COLUMNS if kind in _ROW_TEXT else _LANDING_COLUMNS[:-1]


def _checked_columns(con: duckdb.DuckDBPyConnection, batch: TableBatch) -> pl.DataFrame:
    """The rows of a batch, refused where they have columns that the raw table has not."""
    table = TABLE_OF_KIND[batch.kind]
    columns = {row[0] for row in con.execute(f"DESCRIBE {table}").fetchall()}
    rows = batch.rows.drop(_LANDING_COLUMNS, strict=False)
    if odd := [name for name in rows.columns if name not in columns]:
        raise ValueError(f"{table} has no column {', '.join(odd)}")
    return rows


def _key_texts(con: duckdb.DuckDBPyConnection, lend: Lend, first_record_id: int) -> None:
    """Give every identifier text of the group its key, parsing those not met before."""
    lend("batch_met", _result(con, "batch_met", first_record_id))
    keys = _result(con, "batch_text", first_record_id)
    lend("batch_text", keys)
    unknown = _result(con, "unknown_text", first_record_id)["text"]
    if unknown.len():
        parts = [parse_texts(part) for part in _portions(unknown)]
        lend("batch_parsed", pl.concat(parts))
        new = _result(con, "new_identifier", first_record_id)
        lend("new_identifier", new)
        _run(con, "identifier", first_record_id)
        lend("batch_text", pl.concat([keys, new.select(keys.columns)]))


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


def _run(con: duckdb.DuckDBPyConnection, name: str, first_record_id: int) -> None:
    con.execute(*_bound(name, first_record_id))


def _result(con: duckdb.DuckDBPyConnection, name: str, first_record_id: int) -> pl.DataFrame:
    text, values = _bound(name, first_record_id)
    found: pl.DataFrame = con.sql(text, params=values).pl()
    return found


def _bound(name: str, first_record_id: int) -> tuple[str, dict[str, int]]:
    text = land_statement(name)
    return text, {"first_record_id": first_record_id} if "$first_record_id" in text else {}
