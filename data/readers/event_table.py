"""Flat tables of events as batches like those of EPCIS documents, under the same rules.

Slices of rows are turned by column expressions; no row is looked at on its own, but for lists that
are written in JSON.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import polars as pl

from data.readers import vocabulary
from data.readers.batch import PARTIES, TRANSACTIONS, Batch
from data.readers.epcis_frames import EVENT_TEXTS, checked, cleaned, last_lines
from data.readers.epcis_parts import text_of
from data.readers.epcis_source import MAX_EPCS
from data.readers.epcis_tidy import UnreadableError, event_type, too_many_epcs
from data.readers.epcis_times import mapped
from data.readers.layouts import EVENT_TABLE, normal
from data.readers.opening import File
from data.readers.slices import POSITION, SLICE_BYTES, Slice, read_slices
from data.readers.tables import json_member

_COLUMNS: Final = tuple(EVENT_TABLE.legs[0])
_LISTS: Final = ("epcs", "children", "outputs", "quantities")
_LIST: Final = pl.List(pl.String)
_PARTIES: Final = (
    ("source", "owning_party", "source_owner"),
    ("destination", "owning_party", "destination_owner"),
    ("source", "location", "source_location"),
    ("destination", "location", "destination_location"),
)
_ENTRIES: Final = {
    "position": pl.Int64,
    "type": pl.String,
    "text": pl.String,
    "quantity": pl.String,
    "number": pl.Float64,
    "reason": pl.String,
}
_NUMBER: Final = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
_ZONE: Final = r"([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)$"
_REMEDY: Final = "Ask the sender to correct and resend the event."


def read_event_table(
    file: File,
    member: str | None = None,
    slice_bytes: int = SLICE_BYTES,
    max_epcs: int = MAX_EPCS,
) -> Iterator[Batch]:
    """Read a table in the plain layout ``events``.

    Parameters
    ----------
    file
        A CSV (any delimiter), Parquet or JSON file (a list of objects, or one a line), plain or
        gzip; or an open archive.
    member
        Name of the file inside ``file``, where that is a zip archive.
    slice_bytes
        Bytes of text read at once; what bounds the memory.
    max_epcs
        The most members that the lists of one event may have.

    Yields
    ------
    Batches as ``read_epcis`` gives them: a row is an event, its position the row's ordinal. Rows
    whose type, time, action, quantities or lists cannot be read, or whose lists have too many
    members, are in ``rejected``.
    """
    for part in read_slices(file, member, slice_bytes, keep_lists=True):
        yield _batch(part, max_epcs)


def _batch(part: Slice, max_epcs: int) -> Batch:
    rows = _rows(part.rows)
    rows, endless = _without_endless(rows, max_epcs)
    entries = _entries(rows)
    wrong = entries.drop_nulls("reason").unique("position", keep="first", maintain_order=True)
    rows = rows.join(
        wrong.select("position", "reason"), on="position", how="left", maintain_order="left"
    ).with_columns(reason=pl.coalesce("type_reason", "list_reason", "reason"))
    odd = rows.drop_nulls("reason").select(
        "position",
        pl.concat_str(pl.lit("row "), "position"),
        "reason",
        pl.coalesce("remedy", pl.lit(_REMEDY)),
    )
    if odd.height:
        rows = rows.filter(pl.col("reason").is_null())
        entries = entries.join(odd, on="position", how="anti")
    frames = {
        "items": _items(rows, entries),
        "parties": _parties(rows),
        "transactions": _transactions(rows),
    }
    return checked(_texts(rows), frames, [*part.rejected.rows(), *odd.rows(), *endless], "row")


def _without_endless(
    rows: pl.DataFrame, max_epcs: int
) -> tuple[pl.DataFrame, list[tuple[int, str, str, str]]]:
    """The rows but for those whose lists have too many members, and why those are set aside."""
    members = pl.sum_horizontal(pl.col(name).list.len().cast(pl.Int64) for name in _LISTS)
    endless = rows.filter(members > max_epcs).select("position", members.alias("members"))
    if endless.is_empty():
        return rows, []
    aside = [
        (position, f"row {position}", *too_many_epcs(count, max_epcs))
        for position, count in endless.rows()
    ]
    return rows.filter(members <= max_epcs), aside


# --- columns -------------------------------------------------------------------------------------


def _rows(table: pl.DataFrame) -> pl.DataFrame:
    """All our columns, texts trimmed and null where not stated, lists as lists.

    Beside them ``position``, ``attributes`` (what else the row says, as JSON), and why the type
    (``type_reason``, ``remedy``) or a list (``list_reason``) cannot be read.
    """
    header: dict[str, str] = {}
    for name in table.columns:
        header.setdefault(normal(name), name)  # of two that are spelled alike the first counts
    found = {name: header[normal(name)] for name in _COLUMNS if normal(name) in header}
    kept = {found[name] for name in _LISTS if name in found}
    flat = table.with_columns(pl.col(_LIST).exclude(kept).list.join(";"))
    rows = (
        cleaned(flat, *flat.select(pl.col(pl.String)).columns)
        .select(
            pl.col(POSITION).alias("position"),
            **found,
            attributes=_attributes(
                [name for name in table.columns if name not in {POSITION, *found.values()}]
            ),
        )
        .with_columns(pl.lit(None, pl.String).alias(name) for name in _COLUMNS if name not in found)
    )
    lists = {name: _lists(rows[name]) for name in _LISTS}
    unread = [
        pl.when(pl.col(name).is_not_null() & lists[name].is_null()).then(
            pl.lit(f"the list in {name} cannot be read")
        )
        if lists[name].null_count() > rows[name].null_count()
        else pl.lit(None, pl.String)
        for name in _LISTS
    ]
    rows = rows.with_columns(list_reason=pl.coalesce(unread)).with_columns(**lists)
    types = pl.DataFrame(
        [_type(text) for text in rows["event_type"].unique()],
        schema=dict.fromkeys(("event_type", "type", "type_reason", "remedy"), pl.String),
        orient="row",
    )
    return rows.join(types, on="event_type", how="left", nulls_equal=True, maintain_order="left")


def _attributes(others: list[str]) -> pl.Expr:
    if not others:
        return pl.lit(None, pl.String)
    members = [json_member(name, pl.col(name)) for name in sorted(others)]
    inside = pl.concat_str(*members, separator=",", ignore_nulls=True)
    return pl.when(inside != "").then(pl.concat_str(pl.lit("{"), inside, pl.lit("}")))


def _lists(cells: pl.Series) -> pl.Series:
    """Lists of texts with ``;`` between them, or in JSON; null where they cannot be read."""
    if cells.dtype == _LIST:
        return cells
    if not cells.str.starts_with("[").any():
        return cells.str.split(";")
    return pl.Series(cells.name, [_members(cell) for cell in cells], dtype=_LIST)


def _members(cell: str | None) -> list[str] | None:
    if cell is None:
        return None
    if not cell.startswith("["):
        return cell.split(";")
    try:
        members = msgspec.json.decode(cell, type=list[Any])
    except (msgspec.MsgspecError, RecursionError):
        return None
    texts = [text_of(member) for member in members if member is not None]
    stated = [text for text in texts if text is not None]
    return stated if len(stated) == len(texts) else None


def _type(text: str | None) -> tuple[str | None, ...]:
    """A text, the event type it states, and why it states none and what to do."""
    try:
        return text, event_type({"type": text}), None, None
    except UnreadableError as error:
        return text, None, error.reason, error.remedy


# --- frames --------------------------------------------------------------------------------------


def _texts(rows: pl.DataFrame) -> pl.DataFrame:
    texts = rows.select(
        "position",
        place="position",
        event_type="type",
        action="action",
        event_id="event_id",
        event_time="event_time",
        zone_offset=pl.col("event_time").str.extract(_ZONE),
        record_time="record_time",
        step="biz_step",
        disposition="disposition",
        read_point="read_point",
        biz_location="biz_location",
        lot="lot",
        expiry="expiry",
        made_on="manufactured",
        declared_time="declared_time",
        is_declaration=pl.col("declared_time").is_not_null(),
        attributes="attributes",
    )
    return _complete(texts, EVENT_TEXTS)


def _entries(rows: pl.DataFrame) -> pl.DataFrame:
    """Quantities of classes, one row each, with the reason where one cannot be read."""
    if _is_empty(rows, "quantities"):
        return pl.DataFrame(schema=_ENTRIES)
    parts = pl.col("entry").str.extract_groups(r"(?s)^(?<text>.*?)(?:=(?<quantity>[^=]*))?$")
    entries = (
        _exploded(rows, "quantities", "entry")
        .select("position", "type", parts=parts)
        .unnest("parts")
    )
    entries = cleaned(entries, "text", "quantity").with_columns(
        number=pl.when(pl.col("quantity").str.contains(_NUMBER)).then(
            pl.col("quantity").cast(pl.Float64, strict=False)
        )
    )
    return entries.with_columns(
        reason=pl.when(pl.col("text").is_null())
        .then(pl.lit("a quantity in quantities does not say of which class it is"))
        .when(pl.col("quantity").is_not_null() & ~pl.col("number").is_finite().fill_null(False))
        .then(pl.lit("a quantity in quantities is not a number"))
        .when(pl.col("number") < 0)
        .then(pl.lit("a quantity in quantities is negative"))
    )


def _items(rows: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    of_event = pl.when(pl.col("type") == "TransformationEvent").then(pl.lit("input"))
    of_class = of_event.when(pl.col("type").is_in(["AggregationEvent", "AssociationEvent"])).then(
        pl.lit("child")
    )
    roles = {
        "epcs": of_event.otherwise(pl.lit("epc")),
        "children": pl.lit("child"),
        "outputs": pl.lit("output"),
    }
    parents = rows.select("position", role=pl.lit("parent"), text="parent").drop_nulls("text")
    listed = [
        _exploded(rows, name, "text").select("position", role=role, text="text")
        for name, role in roles.items()
        if not _is_empty(rows, name)
    ]
    instances = pl.concat([parents, *listed])
    return pl.concat(
        [
            instances.select(
                "position",
                "role",
                text=last_lines(instances["text"]),
                quantity=pl.lit(None, pl.Float64),
                uom=pl.lit(None, pl.String),
                is_class=pl.lit(value=False),
            ),
            entries.select(
                "position",
                role=of_class.otherwise(pl.lit("epc")),
                text=last_lines(entries["text"]),
                quantity="number",
                uom=pl.lit(None, pl.String),
                is_class=pl.lit(value=True),
            ),
        ]
    )


def _is_empty(rows: pl.DataFrame, column: str) -> bool:
    """Whether no row has the column, as most columns of most tables: each step on it costs."""
    return rows[column].null_count() == rows.height


def _exploded(rows: pl.DataFrame, column: str, name: str) -> pl.DataFrame:
    """The members of the lists, one row each, without white space around, but for empty ones."""
    members = rows.select("position", "type", pl.col(column).alias(name)).explode(name)
    stripped = members.with_columns(pl.col(name).str.strip_chars())
    return stripped.filter(pl.col(name) != "")


def _parties(rows: pl.DataFrame) -> pl.DataFrame:
    stated = [
        rows.select(
            "position", direction=pl.lit(direction), type=pl.lit(kind), text=column
        ).drop_nulls("text")
        for direction, kind, column in _PARTIES
        if not _is_empty(rows, column)
    ]
    return pl.concat(stated) if stated else pl.DataFrame(schema=PARTIES)


def _transactions(rows: pl.DataFrame) -> pl.DataFrame:
    if _is_empty(rows, "document"):
        return pl.DataFrame(schema=TRANSACTIONS)
    stated = rows.drop_nulls("document")
    kinds = stated["document_type"].unique()
    kind = mapped("document_type", kinds, vocabulary.bare_word, pl.String)
    return stated.select("position", kind.alias("type"), "document")


def _complete(frame: pl.DataFrame, schema: dict[str, Any]) -> pl.DataFrame:
    absent = [
        pl.lit(None, dtype).alias(name)
        for name, dtype in schema.items()
        if name not in frame.columns
    ]
    return frame.with_columns(absent)
