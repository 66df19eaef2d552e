"""Gathered columns into the frames of a batch: times, vocabulary and validity, vectorised.

Each frame is cleaned in one expression pass and typed in a second one, since Polars costs by the
pass more than by the row at this size.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from data.readers import batch, vocabulary
from data.readers.batch import Batch
from data.readers.epcis_columns import ROLES, Columns
from data.readers.epcis_times import mapped, offset_minutes, parse_date, parse_moments

MAX_TEXT = 100_000  # bytes of an identifier or any other single text
_ASK_SENDER = "Ask the sender to correct and resend the event."
_TEXT_FIELDS = (
    "event_type",
    "action",
    "event_id",
    "event_time",
    "zone_offset",
    "record_time",
    "step",
    "disposition",
    "read_point",
    "biz_location",
    "transformation_id",
    "lot",
    "expiry",
    "made_on",
    "declared_time",
)
EVENT_TEXTS: dict[str, Any] = {
    "position": pl.Int64,
    "place": pl.Int64,
    **dict.fromkeys(_TEXT_FIELDS, pl.String),
    "is_declaration": pl.Boolean,
    "declared_reason": pl.String,
    "corrective_event_ids": pl.List(pl.String),
    "attributes": pl.String,
}


def to_batch(columns: Columns, unit: str) -> Batch:
    """Return the batch that gathered columns make; see ``checked``."""
    frames = {
        "items": _items(columns),
        "parties": _parties(columns),
        "transactions": _transactions(columns),
        "sensors": _sensors(columns),
        "master": _rows(batch.MASTER, columns.master),
        "documents": _rows(batch.DOCUMENTS, columns.documents),
    }
    return checked(_from_lists(columns.events, EVENT_TEXTS), frames, columns.rejected, unit)


def checked(
    texts: pl.DataFrame,
    frames: Mapping[str, pl.DataFrame],
    rejected: Sequence[tuple[Any, ...]],
    unit: str,
) -> Batch:
    """Return the batch of events whose fields are still text, and of what hangs on them.

    Parameters
    ----------
    texts
        Events in the columns of ``EVENT_TEXTS``.
    frames
        The other frames of the batch by name; of those that are left out there is nothing.
    rejected
        Rows of what was set aside before.
    unit
        What an event's place counts: ``line``, ``event`` or ``row``.

    Events whose time or action is unusable move, with all that hangs on them, to the rejected.
    """
    events = _events(texts)
    hanging = {name: frame for name, frame in frames.items() if name not in ("master", "documents")}
    long = _positions_of_long_texts([events, *hanging.values()])
    events = events.with_columns(is_long=pl.col("position").is_in(long.implode()))
    faulty = events.filter(
        pl.col("event_at").is_null() | ~pl.col("is_action_known") | pl.col("is_long")
    )
    aside = _rows(batch.REJECTED, [*rejected, *_faults(faulty, unit)])
    if len(faulty):
        bad = faulty["position"].implode()
        events = events.filter(~pl.col("position").is_in(bad))
        hanging = {
            name: frame.filter(~pl.col("position").is_in(bad)) for name, frame in hanging.items()
        }
    master_count = frames["master"]["position"].n_unique() if "master" in frames else 0
    return Batch(
        read_count=len(events) + master_count + len(aside),
        events=events.select(list(batch.EVENTS)),
        rejected=aside,
        **{**frames, **hanging},
    )


def cleaned(frame: pl.DataFrame, *names: str) -> pl.DataFrame:
    """Strip white space around texts; nothing but white space is null."""
    stated = [name for name in names if frame[name].null_count() < len(frame)]
    if not stated:
        return frame
    texts = pl.col(stated)
    stripped = frame.with_columns(texts.str.strip_chars())
    return stripped.with_columns(pl.when(texts != "").then(texts))


def _events(texts: pl.DataFrame) -> pl.DataFrame:
    if texts.is_empty():
        schema: dict[str, Any] = {**batch.EVENTS, "place": pl.Int64, "is_action_known": pl.Boolean}
        return pl.DataFrame(schema=schema)
    clean = cleaned(texts, *_TEXT_FIELDS)
    is_transformation = pl.col("event_type") == "TransformationEvent"
    action = pl.when(~is_transformation).then(pl.col("action").str.to_uppercase())
    return clean.select(
        "position",
        "place",
        "event_type",
        action.alias("action"),
        (is_transformation | action.is_in(sorted(vocabulary.ACTIONS)).fill_null(False)).alias(
            "is_action_known"
        ),
        "event_id",
        parse_moments(clean["event_time"]).alias("event_at"),
        pl.col("event_time").alias("event_time_text"),
        _mapped(clean, "zone_offset", offset_minutes, pl.Int32).alias("zone_offset_min"),
        parse_moments(clean["record_time"]).alias("recorded_at"),
        _mapped(clean, "step", vocabulary.bare_word, pl.String),
        _mapped(clean, "disposition", vocabulary.bare_word, pl.String),
        "read_point",
        "biz_location",
        "transformation_id",
        "lot",
        _mapped(clean, "expiry", parse_date, pl.Date),
        pl.col("expiry").alias("expiry_text"),
        _mapped(clean, "made_on", parse_date, pl.Date),
        "is_declaration",
        parse_moments(clean["declared_time"]).alias("declared_at"),
        "declared_reason",
        "corrective_event_ids",
        "attributes",
    )


def _mapped(frame: pl.DataFrame, column: str, function: Any, dtype: Any) -> pl.Expr:
    if frame[column].null_count() == frame.height:
        return pl.lit(None, dtype).alias(column)
    return mapped(column, frame[column].unique(), function, dtype)


def _faults(faulty: pl.DataFrame, unit: str) -> list[tuple[Any, ...]]:
    return [
        (
            row["position"],
            f"{unit} {row['place']}",
            _fault(row),
            _ASK_SENDER,
        )
        for row in faulty.iter_rows(named=True)
    ]


def _fault(row: dict[str, Any]) -> str:
    if row["is_long"]:
        return f"a text of the event is longer than {MAX_TEXT:,} bytes"
    if row["event_at"] is None:
        return _time_fault(row["event_time_text"])
    return _action_fault(row["action"])


def _positions_of_long_texts(frames: Iterable[pl.DataFrame]) -> pl.Series:
    """Events with an identifier or another text that is too long to be one."""
    long = pl.col(pl.String).str.len_bytes() > MAX_TEXT
    found = [
        frame.filter(pl.any_horizontal(long).fill_null(value=False))["position"]
        for frame in frames
        if _longest(frame) > MAX_TEXT
    ]
    return pl.concat(found).unique() if found else pl.Series(dtype=pl.Int64)


def _longest(frame: pl.DataFrame) -> int:
    """Bytes of the longest text; no text is larger than its frame."""
    if frame.estimated_size() <= MAX_TEXT:
        return MAX_TEXT
    lengths = frame.select(pl.col(pl.String).str.len_bytes().max()).row(0)
    return max((length for length in lengths if length is not None), default=0)


def _time_fault(text: str | None) -> str:
    if text is None:
        return "the event has no eventTime"
    if text.lstrip("-").isdigit():
        return "eventTime is a bare number, such as epoch milliseconds, not an ISO 8601 time"
    if parse_moments(pl.Series([text + "Z"]))[0] is not None:
        return "eventTime has no zone, so that it names no moment"
    return "eventTime is not an ISO 8601 date and time between 1900 and 2199"


def _action_fault(action: str | None) -> str:
    if action is None:
        return "the event has no action"
    return "action is none of ADD, OBSERVE, DELETE"


def _items(columns: Columns) -> pl.DataFrame:
    counts = np.asarray(columns.run_counts, dtype=np.int64)
    roles = pl.Series(ROLES, dtype=pl.String)
    instances = pl.DataFrame(
        {
            "position": np.repeat(np.asarray(columns.run_positions, dtype=np.int64), counts),
            "role": roles.gather(np.repeat(np.asarray(columns.run_roles, dtype=np.int64), counts)),
            "text": identifiers(columns.texts),
        }
    ).with_columns(
        quantity=pl.lit(None, pl.Float64), uom=pl.lit(None, pl.String), is_class=pl.lit(False)
    )
    fields = columns.quantities
    if fields["position"]:
        classes = _frame(
            {**fields, "role": [ROLES[role] for role in fields["role"]]},
            {name: batch.ITEMS[name] for name in fields},
            "text",
            "uom",
        ).with_columns(is_class=pl.lit(True))
        instances = pl.concat([instances, classes])
    return instances.drop_nulls("text") if instances["text"].null_count() else instances


def identifiers(texts: Sequence[str] | pl.Series) -> pl.Series:
    """Return identifiers stripped; stray text on the lines above one is no part of it."""
    return last_lines(
        cleaned(pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)}), "text")["text"]
    )


def last_lines(texts: pl.Series) -> pl.Series:
    """Return the last line of each text, stripped; the texts have no white space around."""
    has_lines = texts.str.contains("\n", literal=True)
    if not has_lines.any():
        return texts
    last = texts.str.split("\n").list.last().str.strip_chars()
    return last.zip_with(has_lines.fill_null(value=False), texts)


def _parties(columns: Columns) -> pl.DataFrame:
    frame = _frame(columns.parties, batch.PARTIES, "type", "text")
    return frame.drop_nulls("text").with_columns(
        _mapped(frame, "type", vocabulary.bare_word, pl.String)
    )


def _transactions(columns: Columns) -> pl.DataFrame:
    frame = _frame(columns.transactions, batch.TRANSACTIONS, "type", "document")
    return frame.drop_nulls("document").with_columns(
        _mapped(frame, "type", vocabulary.bare_word, pl.String)
    )


def _frame(fields: dict[str, list[Any]], schema: dict[str, Any], *texts: str) -> pl.DataFrame:
    return cleaned(_from_lists(fields, schema), *texts)


def _from_lists(fields: dict[str, list[Any]], schema: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([_series(name, fields[name], dtype) for name, dtype in schema.items()])


def _series(name: str, values: list[Any], dtype: Any) -> pl.Series:
    if values.count(None) == len(values):  # most columns of most documents
        return pl.Series(name, [None], dtype=dtype).clear(len(values))
    return pl.Series(name, values, dtype=dtype)


def _sensors(columns: Columns) -> pl.DataFrame:
    if not columns.sensors:
        return _rows(batch.SENSORS, ())
    schema = {**batch.SENSORS, "observed_at": pl.String}
    frame = _rows(schema, columns.sensors)
    return frame.with_columns(parse_moments(frame["observed_at"]))


def _rows(schema: Mapping[str, Any], rows: Sequence[tuple[Any, ...]]) -> pl.DataFrame:
    """Return rows as a frame; transposed first, since frames are built by column."""
    if not rows:
        return pl.DataFrame(schema=dict(schema))
    fields = dict(zip(schema, zip(*rows, strict=True), strict=True))
    return pl.DataFrame(fields, schema=dict(schema))
