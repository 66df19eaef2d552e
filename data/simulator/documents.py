"""Events as partners send them: EPCIS 1.2 XML, EPCIS 2.0 JSON-LD, lines of events, flat tables.

The texts of a slice of events are made by column expressions. The same events give the same bytes.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

import polars as pl

from data.simulator import documents_json, documents_xml
from data.simulator.spelling import Style, spelled, zulu

__all__ = ["Style", "write_events_table", "write_json20", "write_lines", "write_xml12"]

_SLICE: Final = 50_000  # events spelled at once; what bounds the memory

_Text = Callable[[], pl.Expr]


def write_xml12(
    path: Path, events: pl.DataFrame, sites: pl.DataFrame, *, with_places: bool = True
) -> None:
    """Write an EPCIS 1.2 document; its header describes the reporters' sites, or is left out.

    Sensor data has no place in EPCIS 1.2 and is not written.
    """
    reporters = sites.filter(pl.col("site").is_in(events["reporter"].unique().implode()))
    created = _created(events)
    header = documents_xml.header(reporters, created) if with_places else ""
    start, end = documents_xml.envelope(created, header)
    with path.open("wb") as stream:
        stream.write(start)
        for texts in _texts(events, sites, "urn", documents_xml.event_text):
            _write(stream, texts, "\n")
        stream.write(end)


def write_json20(path: Path, events: pl.DataFrame, sites: pl.DataFrame, style: Style) -> None:
    """Write an EPCIS 2.0 JSON-LD document."""
    start, end = documents_json.envelope(_created(events))
    left = events.height
    with path.open("wb") as stream:
        stream.write(start)
        for texts in _texts(events, sites, style, documents_json.event_text):
            left -= len(texts)
            _write(stream, texts if left else texts[:-1], ",\n")
            _write(stream, texts.clear() if left else texts[-1:], "\n")
        stream.write(end)


def write_lines(path: Path, events: pl.DataFrame, sites: pl.DataFrame, style: Style) -> None:
    """Write EPCIS 2.0 events as newline-delimited JSON."""
    with path.open("wb") as stream:
        for texts in _texts(events, sites, style, documents_json.event_text):
            _write(stream, texts, "\n")


def write_events_table(path: Path, events: pl.DataFrame, sites: pl.DataFrame) -> None:
    """Write the plain layout ``events`` (docs/layouts.md) as CSV, or as Parquet by its suffix.

    In Parquet lists are lists and times are timestamps in UTC, so that no zone offset is told.
    Sensor data has no column there.
    """
    table = _table(events, sites)
    if path.suffix == ".parquet":
        table.with_columns(
            event_time=_timestamp("at_us", events),
            record_time=_timestamp("recorded_us", events),
            declared_time=_timestamp("declared_us", events),
        ).write_parquet(path)
    else:
        lists = pl.col(pl.List(pl.String))
        one_text = lists.list.eval(pl.element().str.replace_all(";", "%3B", literal=True))
        table.with_columns(one_text.list.join(";")).write_csv(path)


def _created(events: pl.DataFrame) -> str:
    return str(events.select(zulu(pl.col("recorded_us").max())).item())


def _texts(
    events: pl.DataFrame, sites: pl.DataFrame, style: Style, text: _Text
) -> Iterator[pl.Series]:
    for part in events.iter_slices(_SLICE):
        yield spelled(part, sites, style).select(text=text()).to_series()


def _write(stream: BinaryIO, texts: pl.Series, end: str) -> None:
    texts.to_frame().write_csv(
        stream, include_header=False, quote_style="never", line_terminator=end
    )


def _table(events: pl.DataFrame, sites: pl.DataFrame) -> pl.DataFrame:
    words = spelled(events, sites, "urn")
    inside = pl.element().struct
    local = zulu(pl.col("at_us") + pl.col("offset_min").cast(pl.Int64) * 60_000_000)
    clock = events.select(local.str.head(19)).to_series()
    return words.select(
        event_id="id",
        event_time=pl.concat_str(pl.lit(clock), "zone"),
        record_time="recorded",
        event_type="event_type",
        action="action",
        biz_step="step",
        disposition="disposition",
        read_point="site",
        biz_location="site",
        epcs="epcs",
        parent="parent",
        children="children",
        outputs="outputs",
        quantities=pl.col("classes").list.eval(
            pl.concat_str(inside.field("id"), inside.field("quantity"), separator="=")
        ),
        source_owner="owner_from",
        destination_owner="owner_to",
        source_location="place_from",
        destination_location="place_to",
        document_type="document_kind",
        document="document",
        lot="lot",
        expiry="expiry",
        manufactured="made_on",
        declared_time="declared",
    )


def _timestamp(name: str, events: pl.DataFrame) -> pl.Series:
    return events[name].cast(pl.Datetime("us", "UTC"))
