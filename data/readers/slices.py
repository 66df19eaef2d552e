"""Tables of any format as slices of text: every cell as written, so that no zero is ever lost."""

import csv
import io
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from data.readers.batch import REJECTED
from data.readers.epcis_source import SourceError
from data.readers.expansion import ExpansionError
from data.readers.json_scan import JsonScanner
from data.readers.opening import (
    DAMAGE,
    ONE_BYTE,
    File,
    Utf8Stream,
    WholeLines,
    compression,
    decoded,
    opened,
)
from data.readers.parquet import Refused, read_parquet

HEAD_BYTES: Final = 1 << 18
SLICE_BYTES: Final = 1 << 23
MAX_COLUMNS: Final = 2_000  # real tables have some hundred at most
MAX_LINE_BYTES: Final = 1 << 24
_SLICE_ROWS: Final = 1 << 16
_HELD_BYTES: Final = 1 << 26  # of a packed Parquet file
POSITION: Final = "#position"  # ours; no column of a file may meet it
# The line with which spreadsheets tell each other the delimiter.
_HINT: Final = re.compile(r"\ufeff?sep=.\r?\n", re.IGNORECASE)
_DELIMITERS: Final = (",", ";", "\t", "|")
# A quotation mark that is never closed takes all rows below into its field. Remarks of some lines
# are real.
_MAX_BREAKS: Final = 20
_SWALLOWS: Final = pl.any_horizontal(
    pl.exclude(POSITION).str.contains(f"(?:\n[^\n]*){{{_MAX_BREAKS}}}")
).fill_null(value=False)
# What reading a damaged table raises; of Parquet also names that are no text.
TABLE_DAMAGE: Final = (*DAMAGE, pa.ArrowException, SourceError, UnicodeDecodeError)
_LARGEST_EXACT: Final = 2**53
_PLAIN_TYPES: Final = (pl.String, pl.Boolean, pl.Int32, pl.Int64, pl.Float32, pl.Float64)


class _OversizeError(Exception):
    """What would not fit the memory; the argument says what."""


@dataclass(frozen=True)
class Slice:
    """Some rows of a table.

    ``rows`` has ``POSITION`` (1-based ordinal of the row below the header) and the file's columns
    as text; ``rejected`` has the rows that are no rows. Together they are ``read_count`` rows.
    """

    read_count: int
    rows: pl.DataFrame
    rejected: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=REJECTED))


def table_format(head: bytes) -> str:
    """``parquet``, ``ndjson``, ``json`` or ``csv``, by a file's first bytes."""
    if head[:4] == b"PAR1":
        return "parquet"
    first = decoded(head[:4096]).lstrip("\ufeff \t\r\n")[:1]
    return {"{": "ndjson", "[": "json"}.get(first, "csv")


def header(file: File, member: str | None = None) -> list[str]:
    """The columns of a table; of newline-delimited JSON, those of its first objects.

    Raises one of ``TABLE_DAMAGE``; a text without a header has no columns.
    """
    with opened(file, member) as stream:
        head = stream.read(HEAD_BYTES)
        kind = table_format(head)
        if kind == "parquet":
            with _seekable(file, member) as seekable:
                names = pa_parquet.ParquetFile(seekable).schema_arrow.names
            return [str(name) for name in names]
    if kind == "csv":
        return split_header(decoded(head))[1]
    if kind == "json":
        return next((one.rows.columns[1:] for one in _json_list(file, member, HEAD_BYTES)), [])
    lines = head.splitlines()
    whole = lines if len(head) < HEAD_BYTES else lines[:-1]
    try:
        rows = _objects([line.decode("utf-8", errors="replace") for line in whole[:1000]])[0]
    except _OversizeError:
        return []
    return [name for name in rows.columns if name != POSITION]


def split_header(text: str) -> tuple[str, list[str]]:
    """Delimiter and column names of a CSV text; the delimiter is the one that makes most columns.

    Names that come twice are numbered, so that both columns stay.
    """
    hint = _HINT.match(text)
    found = [
        (mark, _first_record(text[hint.end() :] if hint else text, mark)) for mark in _DELIMITERS
    ]
    delimiter, names = max(found, key=lambda pair: len(pair[1]))
    return delimiter, _unique(names)


def _first_record(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error:  # an endless quoted field: no header
        return []


def read_slices(
    file: File,
    member: str | None = None,
    slice_bytes: int = SLICE_BYTES,
    *,
    keep_lists: bool = False,
) -> Iterator[Slice]:
    """The rows of a CSV, Parquet or newline-delimited JSON file (plain or gzip), in slices.

    With ``keep_lists`` the lists of texts of a Parquet file stay lists.
    What cannot be read is in the slices' ``rejected``: rows with too few or too many fields, lines
    that are no JSON object, and the rest of a file that is damaged or cut off.
    """
    seen = 0
    try:
        with opened(file, member) as stream:
            head = stream.read(4096)
        kind = table_format(head)
        if kind == "parquet":
            slices = _parquet(file, member, keep_lists)
        elif kind == "ndjson":
            slices = _ndjson(file, member, slice_bytes)
        elif kind == "json":
            slices = _json_list(file, member, slice_bytes)
        else:
            slices = _csv(file, member, slice_bytes)
        for one in slices:
            seen += one.read_count
            yield one
    except ExpansionError:
        reason = "from here on the file expands beyond any sensible size, as decompression bombs do"
        yield _rest_aside(seen, reason, "Check where the file comes from.")
    except _OversizeError as error:
        reason = f"from here on {error}"
        yield _rest_aside(seen, reason, "Give the fields that matter alone.")
    except SourceError as error:
        yield _rest_aside(seen, error.reason, error.remedy)
    except pa.ArrowInvalid:
        reason = f"from here on a field is never closed, or is larger than {slice_bytes >> 20} MiB"
        yield _rest_aside(seen, reason, "Look for a quotation mark without its counterpart.")
    except TABLE_DAMAGE:
        reason = "the file is damaged or cut off here; the rest cannot be read"
        remedy = "Ask for the file again and run again: what was read before stays as it is."
        yield _rest_aside(seen, reason, remedy)


def _rest_aside(seen: int, reason: str, remedy: str) -> Slice:
    row = {
        "position": seen + 1,
        "place": f"after row {seen}",
        "reason": reason,
        "remedy": remedy,
    }
    nothing = pl.DataFrame(schema={POSITION: pl.Int64})
    return Slice(1, nothing, pl.DataFrame([row], schema=REJECTED))


@contextmanager
def _seekable(file: File, member: str | None) -> Iterator[Any]:
    """Parquet is read from its end, so a packed one is unpacked first: a large one to the disk."""
    if isinstance(file, Path) and member is None and compression(file) == "none":
        yield file
        return
    with (
        tempfile.SpooledTemporaryFile(max_size=_HELD_BYTES) as unpacked,
        opened(file, member) as stream,
    ):
        shutil.copyfileobj(stream, unpacked, SLICE_BYTES)
        yield unpacked


def _unique(names: Sequence[str]) -> list[str]:
    unique: dict[str, None] = {}
    counts: dict[str, int] = {POSITION: 1}
    for name in names:
        bare = tried = _plain(name.strip() or "column")
        while tried in unique or tried == POSITION:
            counts[bare] = counts.get(bare, 1) + 1
            tried = f"{bare} ({counts[bare]})"
        unique[tried] = None
    return list(unique)


def _plain(name: str) -> str:
    """The name, unless expressions would take it for a pattern that stands for other columns."""
    is_pattern = name == "*" or (name.startswith("^") and name.endswith("$"))
    return f"column {name}" if is_pattern else name


# --- CSV ---------------------------------------------------------------------------------------


def _csv(file: File, member: str | None, slice_bytes: int) -> Iterator[Slice]:
    with opened(file, member) as stream:
        head = decoded(stream.read(HEAD_BYTES))
    delimiter, names = split_header(head)
    above = 1 + bool(_HINT.match(head))  # the lines above the first row: header and hint
    odd: dict[int, tuple[int, int]] = {}  # ordinal: fields expected, fields found

    def set_aside(row: pa_csv.InvalidRow) -> str:
        odd[row.number - above] = (row.expected_columns, row.actual_columns)
        return "skip"

    with opened(file, member) as stream:
        lines = WholeLines(Utf8Stream(stream), slice_bytes)
        first = 1
        try:
            reader = pa_csv.open_csv(
                pa.PythonFile(io.BufferedReader(lines, slice_bytes), mode="r"),
                # Row numbers are only counted by a single thread.
                read_options=pa_csv.ReadOptions(
                    block_size=slice_bytes, use_threads=False, skip_rows=above - 1
                ),
                parse_options=pa_csv.ParseOptions(
                    delimiter=delimiter, newlines_in_values=True, invalid_row_handler=set_aside
                ),
                convert_options=pa_csv.ConvertOptions(
                    default_column_type=pa.string(), strings_can_be_null=False
                ),
            )
            for batch in reader:
                ordinals = np.arange(first, first + batch.num_rows + len(odd))
                kept = ordinals[~np.isin(ordinals, list(odd))][: batch.num_rows]
                end = int(kept[-1]) + 1 if len(kept) else first
                rows = pl.DataFrame(pa.Table.from_batches([batch.rename_columns(names)]))
                yield _csv_slice(rows, kept, _taken(odd, end))
                first = end
        except pa.ArrowInvalid:
            if lines.failure is None:
                raise
        if odd:
            yield _csv_slice(pl.DataFrame(), np.arange(0), _taken(odd, max(odd) + 1))
        if lines.failure is not None:
            raise lines.failure


def _taken(odd: dict[int, tuple[int, int]], end: int) -> dict[int, tuple[int, int]]:
    return {ordinal: odd.pop(ordinal) for ordinal in sorted(odd) if ordinal < end}


def _csv_slice(
    rows: pl.DataFrame, ordinals: np.ndarray[Any, Any], odd: dict[int, tuple[int, int]]
) -> Slice:
    rejected = [
        {
            "position": ordinal,
            "place": f"row {ordinal}",
            "reason": f"the row has {found} fields where the header has {expected}",
            "remedy": "Look for an unquoted delimiter or a line break in this row, and mend it.",
        }
        for ordinal, (expected, found) in odd.items()
    ]
    positions = pl.Series(POSITION, ordinals, dtype=pl.Int64)
    if not rows.width:
        return Slice(len(rejected), positions.to_frame(), pl.DataFrame(rejected, schema=REJECTED))
    text = rows.select(positions, pl.all().cast(pl.String))
    swallowed = text.filter(_SWALLOWS)[POSITION]
    rejected += [
        {
            "position": ordinal,
            "place": f"row {ordinal}",
            "reason": f"a field holds more than {_MAX_BREAKS} lines: rows that it has swallowed",
            "remedy": "Look for a quotation mark in this row that is never closed, and mend it.",
        }
        for ordinal in swallowed
    ]
    return Slice(
        rows.height + len(odd),
        text.filter(~_SWALLOWS) if len(swallowed) else text,
        pl.DataFrame(rejected, schema=REJECTED).sort("position"),
    )


# --- Parquet -----------------------------------------------------------------------------------


def _parquet(file: File, member: str | None, keep_lists: bool) -> Iterator[Slice]:
    seen = 0
    with _seekable(file, member) as seekable:
        for part in read_parquet(seekable):
            if isinstance(part, Refused):
                yield from _refused(part, seen)
                seen += part.count
            else:
                yield _parquet_slice(part, seen, keep_lists)
                seen += part.num_rows


def _parquet_slice(batch: pa.RecordBatch, seen: int, keep_lists: bool) -> Slice:
    names = _unique(batch.schema.names)
    rows = pl.DataFrame(pa.table([_sound(one) for one in batch.columns], names))
    text = rows.select(
        pl.col(name) if keep_lists and dtype == pl.List(pl.String) else _as_text(name, dtype)
        for name, dtype in rows.schema.items()
    )
    positions = pl.Series(POSITION, range(seen + 1, seen + rows.height + 1), dtype=pl.Int64)
    return Slice(rows.height, text.insert_column(0, positions))


def _refused(rows: Refused, seen: int) -> Iterator[Slice]:
    for first in range(seen + 1, seen + rows.count + 1, _SLICE_ROWS):
        last = min(first + _SLICE_ROWS - 1, seen + rows.count)
        aside = pl.DataFrame({"position": range(first, last + 1)}).select(
            pl.col("position").cast(pl.Int64),
            pl.concat_str(pl.lit("row "), "position").alias("place"),
            pl.lit(rows.reason).alias("reason"),
            pl.lit(rows.remedy).alias("remedy"),
        )
        nothing = pl.DataFrame(schema={POSITION: pl.Int64})
        yield Slice(last - first + 1, nothing, aside)


def _sound(column: pa.Array) -> pa.Array:
    """The column without texts that are no UTF-8: a frame must never hold such.

    They are read byte by byte, as in other text files. Raises SourceError where a list or struct
    holds them, or the column is damaged otherwise.
    """
    try:
        column.validate(full=True)
        return column
    except pa.ArrowInvalid:
        pass
    try:
        if pa.types.is_dictionary(column.type):
            column = column.dictionary.cast(pa.large_binary()).take(column.indices)
        values = column.cast(pa.large_binary()).to_pylist()
    except pa.ArrowException as error:
        reason = "a column of the file is damaged; from here on it cannot be read"
        raise SourceError(reason, "Ask for the file again, then run again.") from error
    return pa.array(
        [None if value is None else value.decode(errors=ONE_BYTE) for value in values],
        pa.large_string(),
    )


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """A typed cell as the text that the same cell of a CSV file would hold."""
    cell = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        utc = cell if dtype.time_zone is None else cell.dt.convert_time_zone("UTC")
        return utc.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f" + ("Z" if dtype.time_zone else ""))
    if dtype.is_float():  # whole numbers without .0: a GTIN may have become one
        is_whole = (cell == cell.round()) & (cell.abs() < _LARGEST_EXACT)
        whole = cell.cast(pl.Int64, strict=False).cast(pl.String)
        return pl.when(is_whole).then(whole).otherwise(cell.cast(pl.String)).alias(name)
    if isinstance(dtype, pl.Binary):  # old writers do not mark their texts as text
        return cell.map_batches(_byte_texts, return_dtype=pl.String)
    if isinstance(dtype, pl.List) and dtype.inner in _PLAIN_TYPES:
        return cell.cast(pl.List(pl.String)).list.join(";")
    if dtype.is_nested() or isinstance(dtype, pl.Duration | pl.Object):
        return cell.map_batches(_json_texts, return_dtype=pl.String)
    return cell.cast(pl.String)


def _byte_texts(values: pl.Series) -> pl.Series:
    return pl.Series(values.name, [_byte_text(value) for value in values], dtype=pl.String)


def _byte_text(value: bytes | None) -> str | None:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()


def _json_texts(values: pl.Series) -> pl.Series:
    texts = [
        None if value is None else json.dumps(value, default=str, ensure_ascii=False)
        for value in values.to_list()
    ]
    return pl.Series(values.name, texts, dtype=pl.String)


# --- newline-delimited JSON --------------------------------------------------------------------


def _ndjson(file: File, member: str | None, slice_bytes: int) -> Iterator[Slice]:
    seen = 0
    with opened(file, member) as stream:
        plain = Utf8Stream(stream)
        rest = b""
        while True:
            data = plain.read(slice_bytes)
            whole, mark, rest = (rest + (data or b"")).rpartition(b"\n")
            if not data:
                whole, rest = whole + mark + rest, b""
            if len(rest) > MAX_LINE_BYTES:
                raise _OversizeError(f"a line is larger than {MAX_LINE_BYTES >> 20} MiB")
            lines = [line for line in whole.decode().split("\n") if line.strip()]
            if lines:
                yield _ndjson_slice(lines, seen)
                seen += len(lines)
            if not data:
                return


def _json_list(file: File, member: str | None, slice_bytes: int) -> Iterator[Slice]:
    """One JSON list of objects, as many services give their rows."""
    seen = size = 0
    lines: list[str] = []
    end: SourceError | None = None
    with opened(file, member) as stream:
        members = _list_members(JsonScanner(cast(BinaryIO, Utf8Stream(stream))))
        while end is None:
            try:
                line = next(members, None)
            except SourceError as error:  # what came before the break counts
                line, end = None, error
            if lines and (line is None or size >= slice_bytes):
                yield _ndjson_slice(lines, seen)
                seen, size, lines = seen + len(lines), 0, []
            if line is None:
                break
            lines.append(line)
            size += len(line)
    if end is not None:
        raise end


def _list_members(scanner: JsonScanner) -> Iterator[str]:
    scanner.take(b"[")
    while scanner.peek() != b"]":
        # A line break lies between values: inside a text it cannot stand as it is.
        yield scanner.take_value().decode().replace("\n", " ")
        if scanner.peek() != b",":
            break
        scanner.take(b",")
    scanner.take(b"]")


def _ndjson_slice(lines: list[str], seen: int) -> Slice:
    rows, odd = _objects(lines)
    rejected = [
        {
            "position": ordinal + seen + 1,
            "place": f"row {ordinal + seen + 1}",
            "reason": "the line is not a JSON object",
            "remedy": "Write one complete JSON object a line, and run again.",
        }
        for ordinal in odd
    ]
    return Slice(
        len(lines),
        rows.with_columns(pl.col(POSITION) + seen + 1),
        pl.DataFrame(rejected, schema=REJECTED),
    )


_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NO_OBJECT: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)


def _objects(lines: list[str]) -> tuple[pl.DataFrame, list[int]]:
    """The lines that are JSON objects as rows of text, and the ordinals (from 0) of the others."""
    names: dict[str, None] = {}
    met: set[tuple[str, ...]] = set()  # most lines have the fields of the one before
    is_object = []
    for line in lines:
        try:
            fields = tuple(_FIELDS.decode(line.strip()))
        except _NO_OBJECT:
            is_object.append(False)
            continue
        is_object.append(True)
        if fields not in met:
            met.add(fields)
            names.update(dict.fromkeys(fields))
        if len(names) > MAX_COLUMNS:
            raise _OversizeError(f"the lines have more than {MAX_COLUMNS:,} different fields")
    texts = pl.Series(lines, dtype=pl.String).str.strip_chars()
    ordinals = pl.Series(POSITION, range(len(lines)), dtype=pl.Int64)
    objects = pl.Series(is_object, dtype=pl.Boolean)
    names.pop(POSITION, None)
    rows, odd = _decoded(texts.filter(objects), ordinals.filter(objects), list(names))
    return rows, sorted([*odd, *ordinals.filter(~objects)])


def _decoded(
    texts: pl.Series, ordinals: pl.Series, names: list[str]
) -> tuple[pl.DataFrame, list[int]]:
    if texts.is_empty() or not names:
        return ordinals.to_frame(), []
    data = "\n".join(texts.to_list()).encode()
    try:
        rows = pl.read_ndjson(io.BytesIO(data), schema=dict.fromkeys(names, pl.String))
    except pl.exceptions.ComputeError:  # halve until the lines that do it are alone
        half = len(texts) // 2
        if half == 0:
            return ordinals.clear().to_frame(), ordinals.to_list()
        left, right = (
            _decoded(texts[:half], ordinals[:half], names),
            _decoded(texts[half:], ordinals[half:], names),
        )
        return pl.concat([left[0], right[0]], how="diagonal"), left[1] + right[1]
    plain = dict(zip(names, _unique(names), strict=True))
    renamed = {name: plain[name] for name in names if _plain(name) != name}
    return rows.rename(renamed).insert_column(0, ordinals), []
