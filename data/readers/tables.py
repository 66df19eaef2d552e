"""Shipment logs, verification logs and reference lists as the rows of their raw tables.

A table is read in slices of text and turned by the layout's expressions, slice by slice: memory
stays bounded, and no row is looked at on its own. What a source has beyond our columns, and what
could not be understood of a row that counts all the same, is kept in ``attributes`` (JSON).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from data.readers import cells
from data.readers.batch import REJECTED, TableBatch
from data.readers.layouts import KINDS, Column, Companion, Layout, normal
from data.readers.opening import File
from data.readers.slices import POSITION, SLICE_BYTES, Slice, read_slices

_DTYPES: Final[dict[str, pl.DataType]] = {
    "text": pl.String(),
    "gln": pl.String(),
    "gtin": pl.String(),
    "sscc": pl.String(),
    "number": pl.Float64(),
    "integer": pl.Int32(),
    "boolean": pl.Boolean(),
    "time": pl.Datetime("us"),
    "date": pl.Date(),
    "list": pl.List(pl.String()),
}
_NULL: Final = pl.lit(None, pl.String)


def read_table(
    file: File, layout: Layout, member: str | None = None, slice_bytes: int = SLICE_BYTES
) -> Iterator[TableBatch]:
    """Read a log or list by its layout.

    Parameters
    ----------
    file
        A CSV (any delimiter), Parquet or JSON file (a list of objects, or one a line), plain or
        gzip; or an open archive.
    layout
        Which column means what: from ``match_layout`` or ``load_layout``.
    member
        Name of the file inside ``file``, where that is a zip archive.
    slice_bytes
        Bytes of text read at once; what bounds the memory.

    Yields
    ------
    Batches of the layout's kind, then one batch a companion list (firms, products) that the table
    states by the way. Positions count on through all of them. Rows that cannot be read are in
    ``rejected``, so that the sum of ``read_count`` is that of rows and rejected.
    """
    read = 0
    found: dict[str, pl.DataFrame] = {}
    for part in read_slices(file, member, slice_bytes):
        batch = _batch(part, layout)
        read += batch.read_count
        yield batch
        for companion in layout.companions:
            rows = _companion_rows(_cells(part.rows, layout), companion)
            before = found.get(companion.kind)
            found[companion.kind] = _first_of_each(
                rows if before is None else pl.concat([before, rows]), companion.key
            )
    for kind, rows in found.items():
        position = pl.int_range(read + 1, read + rows.height + 1, dtype=pl.Int64)
        yield TableBatch(rows.height, kind, rows.select(position.alias("position"), pl.all()))
        read += rows.height


def _first_of_each(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    return rows.filter(pl.col(key).is_not_null()).unique(key, keep="first", maintain_order=True)


# --- one slice -----------------------------------------------------------------------------------


def _batch(part: Slice, layout: Layout) -> TableBatch:
    text = _cells(part.rows, layout)
    legs = len(layout.legs)
    read = [_leg(text, layout, number) for number in range(legs)]
    rows = pl.concat([rows for rows, _ in read]).sort("position")
    rejected = pl.concat([_on_every_leg(part.rejected, legs), *(odd for _, odd in read)])
    return TableBatch(part.read_count * legs, layout.kind, rows, rejected.sort("position"))


def _on_every_leg(rejected: pl.DataFrame, legs: int) -> pl.DataFrame:
    """A row that cannot be read loses every record that it would have stated."""
    if legs == 1:
        return rejected
    numbers = pl.DataFrame({"leg": range(1, legs + 1)}, schema={"leg": pl.Int64})
    return rejected.join(numbers, how="cross").select(
        (pl.col("position") - 1) * legs + pl.col("leg"), "place", "reason", "remedy"
    )


def _cells(rows: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """Trimmed texts under the layout's spelling of the column names; null where not stated."""
    spelled = {normal(name): name for name in layout.named() | set(layout.ignore)}
    renamed: dict[str, str] = {}
    for name in rows.columns:
        ours = spelled.get(normal(name), name)
        # Of two columns that are spelled alike the first counts, the other is kept beside.
        if name != POSITION and ours not in rows.columns and ours not in renamed.values():
            renamed[name] = ours
    # A spreadsheet's ways of keeping digits a text: ="0012" and '0012.
    bare = pl.exclude(POSITION).str.replace(r'^="(.*)"$', "${1}").str.replace("^'([0-9]+)$", "${1}")
    trimmed = bare.str.strip_chars()
    stated = pl.when(~trimmed.is_in(["", *layout.null_text])).then(trimmed)
    return rows.with_columns(stated.name.keep()).rename(renamed)


@dataclass(frozen=True)
class _Reading:
    """Where a column's text and value stand in the wide frame; of times, two facts more."""

    text: pl.Expr
    value: pl.Expr
    is_day: pl.Expr | None = None
    has_zone: pl.Expr | None = None


def _leg(text: pl.DataFrame, layout: Layout, number: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The records that one leg of each row states, and those set aside."""
    columns = layout.legs[number]
    wide, read = _understood(text, columns)
    wide, kept = _understood(wide, layout.attributes, "kept ")
    values = _values(layout.kind, read)
    if layout.swap_column in text.columns and layout.kind == "shipments":
        is_turned = pl.col(layout.swap_column).is_in(layout.swap_values).fill_null(value=False)
        sender, receiver = values["from_gln"], values["to_gln"]
        values["from_gln"] = pl.when(is_turned).then(receiver).otherwise(sender)
        values["to_gln"] = pl.when(is_turned).then(sender).otherwise(receiver)
    legs = len(layout.legs)
    place = pl.concat_str(pl.lit("row "), POSITION)
    if legs > 1:
        place = pl.concat_str(place, pl.lit(f", movement {number + 1}"))
    rows = wide.select(
        ((pl.col(POSITION) - 1) * legs + number + 1).alias("position"),
        **values,
        **_derived(layout.kind, read),
        attributes=_attributes(layout, columns, read, kept, text.columns),
        _place=place,
        **{f"_has_{name}": one.text.is_not_null() for name, one in read.items()},
    )
    return _checked(rows, layout.kind)


def _understood(
    text: pl.DataFrame, columns: Mapping[str, Column], prefix: str = ""
) -> tuple[pl.DataFrame, dict[str, _Reading]]:
    """The frame with the texts and values of ``columns`` beside its own, each read only once."""
    header = text.columns
    texts = {f"#text {prefix}{name}": _text(one, header) for name, one in columns.items()}
    wide = text.with_columns(**texts)
    wide = wide.with_columns(
        _value(pl.col(f"#text {prefix}{name}"), one).alias(f"#value {prefix}{name}")
        for name, one in columns.items()
    )
    read = {}
    for name, one in columns.items():
        value = pl.col(f"#value {prefix}{name}")
        facts = [value.struct.field(fact) for fact in ("at", "is_day", "has_zone")]
        read[name] = _Reading(
            pl.col(f"#text {prefix}{name}"), *(facts if _is_time(one) else [value])
        )
    return wide, read


def _is_time(column: Column) -> bool:
    return column.type == "time" and column.synthetic is None


def _value(text: pl.Expr, column: Column) -> pl.Expr:
    if column.synthetic is not None:
        return cells.synthetic(text, column.scope, column.synthetic)
    if column.type == "time":
        return cells.time(text, column.formats, column.zone)
    if column.type == "date":
        return cells.date(text, column.formats)
    readers = {
        "number": cells.number,
        "integer": cells.integer,
        "boolean": cells.boolean,
        "list": cells.text_list,
        "gln": cells.gln,
        "gtin": cells.gtin,
        "sscc": cells.sscc,
    }
    return readers[column.type](text) if column.type in readers else text


def _values(kind: str, read: Mapping[str, _Reading]) -> dict[str, pl.Expr]:
    """All columns of a kind, null where the layout has none."""
    values = {
        name: read[name].value.cast(_DTYPES[type_])
        if name in read
        else pl.lit(None, _DTYPES[type_])
        for name, type_ in KINDS[kind].items()
    }
    if "is_synthetic" in values and "is_synthetic" not in read:
        values["is_synthetic"] = pl.lit(value=False)
    return values


def _text(column: Column, header: list[str]) -> pl.Expr:
    if column.constant is not None:
        return pl.lit(column.constant)
    there = [pl.col(name) for name in column.sources if name in header]
    if not there:
        return _NULL
    text = there[0]
    if len(there) > 1:
        text = pl.concat_str(*there, separator="|", ignore_nulls=True)
        text = pl.when(text != "").then(text)
    if column.null_text:
        text = pl.when(~text.is_in(column.null_text)).then(text)
    if column.extract is not None:
        text = text.str.extract(column.extract)
    if column.values:
        default = text if column.otherwise is None else pl.lit(column.otherwise)
        text = text.replace_strict(dict(column.values), default=default, return_dtype=pl.String)
        text = pl.when(text != "").then(text)
    return text


def _derived(kind: str, read: Mapping[str, _Reading]) -> dict[str, pl.Expr]:
    """Columns of the raw table that no source column states."""
    derived: dict[str, pl.Expr] = {}
    if kind == "shipments":
        times = [one for one in (read.get("shipped_at"), read.get("received_at")) if one]
        days = [one.is_day for one in times if one.is_day is not None]
        hours = [one.value.is_not_null() & ~one.is_day for one in times if one.is_day is not None]
        is_day = pl.any_horizontal(*days) & ~pl.any_horizontal(*hours) if days else pl.lit(None)
        derived["is_day_precision"] = is_day.cast(pl.Boolean)
    if kind in ("verifications", "lot_master"):
        derived["expiry_text"] = read["expiry"].text if "expiry" in read else _NULL
    return derived


# --- attributes ----------------------------------------------------------------------------------


def _attributes(
    layout: Layout,
    columns: Mapping[str, Column],
    read: Mapping[str, _Reading],
    kept: Mapping[str, _Reading],
    header: list[str],
) -> pl.Expr:
    """A JSON object of what has no column of ours; null where nothing is left."""
    known = layout.named() | set(layout.ignore) | {POSITION}
    others = [name for name in header if name not in known]
    members = [
        *(json_member(name, one.value, layout.attributes[name].type) for name, one in kept.items()),
        *(json_member(name, pl.col(name)) for name in others),
        *(_not_understood(name, columns[name], one) for name, one in read.items()),
        _zone_not_stated(columns, read),
    ]
    inside = pl.concat_str(*members, separator=",", ignore_nulls=True)
    return pl.when(inside != "").then(pl.concat_str(pl.lit("{"), inside, pl.lit("}")))


def json_member(name: str, value: pl.Expr, type_: str = "text") -> pl.Expr:
    """A name and value as they stand in a JSON object; null where the value is."""
    text = value.cast(pl.String)
    if type_ not in ("number", "integer", "boolean"):
        text = _quoted(text)
    return pl.concat_str(pl.lit(f"{json.dumps(name, ensure_ascii=False)}:"), text)


def _quoted(text: pl.Expr) -> pl.Expr:
    whole = pl.struct(text.alias("v")).struct.json_encode()  # {"v":"…"}
    return pl.when(text.is_not_null()).then(whole.str.slice(5, whole.str.len_chars() - 6))


def _not_understood(name: str, column: Column, read: _Reading) -> pl.Expr:
    """The text of a cell that is stated but could not be read, under its name in the source."""
    if column.type == "text" or column.constant is not None:
        return _NULL
    odd = pl.when(read.text.is_not_null() & read.value.is_null()).then(read.text)
    return json_member("|".join(column.sources) or name, odd)


def _zone_not_stated(columns: Mapping[str, Column], read: Mapping[str, _Reading]) -> pl.Expr:
    """Names the times that were taken as UTC though nothing in the source says so."""
    open_zone = [
        pl.when(one.value.is_not_null() & ~one.is_day & ~one.has_zone).then(pl.lit(name))
        for name, one in read.items()
        if one.is_day is not None
        and one.has_zone is not None
        and columns[name].zone is None
        and not any("utc" in normal(source) for source in columns[name].sources)
    ]
    if not open_zone:
        return _NULL
    names = pl.concat_str(*open_zone, separator=" ", ignore_nulls=True)
    stated = pl.when(names != "").then(names)
    return json_member("zone_not_stated", stated)


# --- what is set aside ---------------------------------------------------------------------------


@dataclass(frozen=True)
class _Rule:
    """Why a row is set aside; ``holds`` is over our columns and ``_has_<column>``."""

    holds: pl.Expr
    reason: str
    remedy: str


def _is_absent(*names: str) -> pl.Expr:
    return pl.all_horizontal(*(pl.col(name).is_null() for name in names))


_NAME_IT: Final = "State it, or leave the row out."
_TIMES: Final = "Write times as 2026-03-01T14:05:00+01:00, or give the format in the mapping."
_RULES: Final[dict[str, tuple[_Rule, ...]]] = {
    "shipments": (
        _Rule(
            pl.col("quantity") < 0,
            "the quantity is negative",
            "State a return as a movement the other way, with a positive quantity.",
        ),
        _Rule(
            _is_absent("quantity", "from_gln", "to_gln"),
            "the row has neither a usable quantity nor a partner",
            _NAME_IT,
        ),
        _Rule(
            _is_absent("from_gln", "to_gln", "gtin"),
            "the row names neither a partner nor a product, as a line of totals does",
            _NAME_IT,
        ),
        _Rule(
            _is_absent("shipped_at", "received_at")
            & (pl.col("_has_shipped_at") | pl.col("_has_received_at")),
            "the time cannot be read",
            _TIMES,
        ),
    ),
    "verifications": (
        _Rule(
            _is_absent("requested_at"),
            "the time of the request is absent or cannot be read",
            _TIMES,
        ),
        _Rule(
            _is_absent("gtin", "serial", "lot"), "the row names no pack, product or lot", _NAME_IT
        ),
    ),
    "licences": (_Rule(_is_absent("gln"), "the row names no place", _NAME_IT),),
    "theft_notices": (
        _Rule(
            _is_absent("reported_at"), "the time of the report is absent or cannot be read", _TIMES
        ),
        _Rule(
            _is_absent("gtin", "lot", "serial", "sscc"),
            "the row names nothing that was stolen",
            _NAME_IT,
        ),
    ),
    "recalls": (_Rule(_is_absent("gtin", "lot"), "the row names no product or lot", _NAME_IT),),
    "exemptions": (
        _Rule(_is_absent("gtin", "gln"), "the row names neither a product nor a partner", _NAME_IT),
    ),
    "lot_master": (
        _Rule(
            pl.any_horizontal(pl.col("gtin").is_null(), pl.col("lot").is_null()),
            "the row does not name product and lot",
            _NAME_IT,
        ),
        _Rule(pl.col("quantity") < 0, "the quantity is negative", "State what was made."),
    ),
    "product_master": (_Rule(_is_absent("gtin"), "the row names no product", _NAME_IT),),
    "sites": (_Rule(_is_absent("gln"), "the row names no place", _NAME_IT),),
}


def _checked(rows: pl.DataFrame, kind: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    rules = _RULES[kind]
    absent = [f"_has_{name}" for name in KINDS[kind] if f"_has_{name}" not in rows.columns]
    rows = rows.with_columns(pl.lit(value=False).alias(name) for name in absent)
    broken = [rule.holds.fill_null(value=False) for rule in rules]
    reasons = [
        pl.when(holds).then(pl.lit(rule.reason)) for holds, rule in zip(broken, rules, strict=True)
    ]
    remedies = [
        pl.when(holds).then(pl.lit(rule.remedy)) for holds, rule in zip(broken, rules, strict=True)
    ]
    is_odd = pl.any_horizontal(*broken)
    rejected = rows.filter(is_odd).select(
        "position",
        place="_place",
        reason=pl.concat_str(*reasons, separator="; ", ignore_nulls=True),
        remedy=pl.coalesce(*remedies),
    )
    return rows.filter(~is_odd).select(pl.exclude("^_.*$")), rejected.cast(REJECTED)  # type: ignore[arg-type]


# --- companions ----------------------------------------------------------------------------------


def _companion_rows(text: pl.DataFrame, companion: Companion) -> pl.DataFrame:
    """What a slice says of the firms or products it names, the first mention of each."""
    wide, read = _understood(text, companion.columns)
    rows = wide.select(**_values(companion.kind, read), attributes=_NULL)
    return _first_of_each(rows, companion.key)
