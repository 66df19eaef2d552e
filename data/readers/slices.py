"""Tables of any format as slices of text: every cell as written, so that no zero is ever lost."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from data.readers.batch import REJECTED
from data.readers.opening import DAMAGE, Utf8Stream, compression, decoded, opened

HEAD_BYTES: Final = 1 << 18
SLICE_BYTES: Final = 1 << 23
_SLICE_ROWS: Final = 1 << 16
POSITION: Final = "#position"  # ours; no column of a file may meet it
_DELIMITERS: Final = (",", ";", "\t", "|")
# What reading a damaged table raises.
TABLE_DAMAGE: Final = (*DAMAGE, pa.ArrowException)
_LARGEST_EXACT: Final = 2**53


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
    """``parquet``, ``ndjson`` or ``csv``, by a file's first bytes."""
    if head[:4] == b"PAR1":
        return "parquet"
    return "ndjson" if decoded(head[:4096]).lstrip().startswith("{") else "csv"


def header(path: Path, member: str | None = None) -> list[str]:
    """The columns of a table; of newline-delimited JSON, those of its first objects.

    Raises one of ``TABLE_DAMAGE``; a text without a header has no columns.
    """
    with opened(path, member) as stream:
        head = stream.read(HEAD_BYTES)
        kind = table_format(head)
        if kind == "parquet":
            names = pa_parquet.ParquetFile(_seekable(path, member)).schema_arrow.names
            return [str(name) for name in names]
    if kind == "csv":
        return split_header(decoded(head))[1]
    lines = head.splitlines()
    whole = lines if len(head) < HEAD_BYTES else lines[:-1]
    rows = _objects([line.decode("utf-8", errors="replace") for line in whole[:1000]])[0]
    return [name for name in rows.columns if name != POSITION]


def split_header(text: str) -> tuple[str, list[str]]:
    """Delimiter and column names of a CSV text; the delimiter is the one that makes most columns.

    Names that come twice are numbered, so that both columns stay.
    """
    found = [(mark, _first_record(text, mark)) for mark in _DELIMITERS]
    delimiter, names = max(found, key=lambda pair: len(pair[1]))
    return delimiter, _unique(names)


def _first_record(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error:  # an endless quoted field: no header
        return []


def read_slices(
    path: Path, member: str | None = None, slice_bytes: int = SLICE_BYTES
) -> Iterator[Slice]:
    """The rows of a CSV, Parquet or newline-delimited JSON file (plain or gzip), in slices.

    What cannot be read is in the slices' ``rejected``: rows with too few or too many fields, lines
    that are no JSON object, and the rest of a file that is damaged or cut off.
    """
    seen = 0
    try:
        with opened(path, member) as stream:
            head = stream.read(4096)
        kind = table_format(head)
        if kind == "parquet":
            slices = _parquet(path, member)
        elif kind == "ndjson":
            slices = _ndjson(path, member, slice_bytes)
        else:
            slices = _csv(path, member, slice_bytes)
        for one in slices:
            seen += one.read_count
            yield one
    except TABLE_DAMAGE:
        yield Slice(1, pl.DataFrame(schema={POSITION: pl.Int64}), _damaged(seen))


def _damaged(seen: int) -> pl.DataFrame:
    row = {
        "position": seen + 1,
        "place": f"after row {seen}",
        "reason": "the file is damaged or cut off here; the rest cannot be read",
        "remedy": "Ask for the file again and run again: what was read before stays as it is.",
    }
    return pl.DataFrame([row], schema=REJECTED)


def _seekable(path: Path, member: str | None) -> Any:
    """Parquet is read from its end, so a packed one is unpacked into memory."""
    if member is None and compression(path) == "none":
        return path
    with opened(path, member) as stream:
        return io.BytesIO(stream.read())


def _unique(names: Sequence[str]) -> list[str]:
    unique: list[str] = []
    for name in names:
        bare = name.strip() or "column"
        count, tried = 1, bare
        while tried in unique or tried == POSITION:
            count += 1
            tried = f"{bare} ({count})"
        unique.append(tried)
    return unique


# --- CSV ---------------------------------------------------------------------------------------


def _csv(path: Path, member: str | None, slice_bytes: int) -> Iterator[Slice]:
    with opened(path, member) as stream:
        delimiter, names = split_header(decoded(stream.read(HEAD_BYTES)))
    odd: dict[int, tuple[int, int]] = {}  # ordinal: fields expected, fields found

    def set_aside(row: pa_csv.InvalidRow) -> str:
        odd[row.number - 1] = (row.expected_columns, row.actual_columns)
        return "skip"

    with opened(path, member) as stream:
        plain = io.BufferedReader(Utf8Stream(stream), slice_bytes)
        reader = pa_csv.open_csv(
            pa.PythonFile(plain, mode="r"),
            # Row numbers are only counted by a single thread.
            read_options=pa_csv.ReadOptions(block_size=slice_bytes, use_threads=False),
            parse_options=pa_csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=set_aside
            ),
            convert_options=pa_csv.ConvertOptions(
                default_column_type=pa.string(), strings_can_be_null=False
            ),
        )
        first = 1
        for batch in reader:
            ordinals = np.arange(first, first + batch.num_rows + len(odd))
            kept = ordinals[~np.isin(ordinals, list(odd))][: batch.num_rows]
            end = int(kept[-1]) + 1 if len(kept) else first
            rows = pl.DataFrame(pa.Table.from_batches([batch.rename_columns(names)]))
            yield _csv_slice(rows, kept, _taken(odd, end))
            first = end
        if odd:
            yield _csv_slice(pl.DataFrame(), np.arange(0), _taken(odd, max(odd) + 1))


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
    text = rows.select(pl.all().cast(pl.String))
    positions = pl.Series(POSITION, ordinals, dtype=pl.Int64)
    return Slice(
        rows.height + len(rejected),
        text.insert_column(0, positions) if rows.width else positions.to_frame(),
        pl.DataFrame(rejected, schema=REJECTED),
    )


# --- Parquet -----------------------------------------------------------------------------------


def _parquet(path: Path, member: str | None) -> Iterator[Slice]:
    seen = 0
    file = pa_parquet.ParquetFile(_seekable(path, member))
    for batch in file.iter_batches(_SLICE_ROWS):
        rows = pl.DataFrame(
            pa.Table.from_batches([batch.rename_columns(_unique(batch.schema.names))])
        )
        text = rows.select(_as_text(name, dtype) for name, dtype in rows.schema.items())
        positions = pl.Series(POSITION, range(seen + 1, seen + rows.height + 1), dtype=pl.Int64)
        yield Slice(rows.height, text.insert_column(0, positions))
        seen += rows.height


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
    if isinstance(dtype, pl.List):
        return cell.cast(pl.List(pl.String)).list.join(";")
    if isinstance(dtype, pl.Struct):
        return cell.struct.json_encode()
    return cell.bin.encode("hex") if isinstance(dtype, pl.Binary) else cell.cast(pl.String)


# --- newline-delimited JSON --------------------------------------------------------------------


def _ndjson(path: Path, member: str | None, slice_bytes: int) -> Iterator[Slice]:
    seen = 0
    with opened(path, member) as stream:
        plain = Utf8Stream(stream)
        rest = b""
        while True:
            data = plain.read(slice_bytes)
            whole, mark, rest = (rest + (data or b"")).rpartition(b"\n")
            if not data:
                whole, rest = whole + mark + rest, b""
            lines = [line for line in whole.decode().split("\n") if line.strip()]
            if lines:
                yield _ndjson_slice(lines, seen)
                seen += len(lines)
            if not data:
                return


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


def _objects(lines: list[str]) -> tuple[pl.DataFrame, list[int]]:
    """The lines that are JSON objects as rows of text, and the ordinals (from 0) of the others."""
    texts = pl.Series(lines, dtype=pl.String).str.strip_chars()
    ordinals = pl.Series(POSITION, range(len(lines)), dtype=pl.Int64)
    is_object = texts.str.starts_with("{") & texts.str.json_path_match("$").is_not_null()
    rows, odd = _decoded(texts.filter(is_object), ordinals.filter(is_object))
    return rows, sorted([*odd, *ordinals.filter(~is_object)])


def _decoded(texts: pl.Series, ordinals: pl.Series) -> tuple[pl.DataFrame, list[int]]:
    if texts.is_empty():
        return pl.DataFrame(schema={POSITION: pl.Int64}), []
    data = "\n".join(texts).encode()
    try:
        names = pl.read_ndjson(io.BytesIO(data), infer_schema_length=None).columns
        rows = pl.read_ndjson(io.BytesIO(data), schema=dict.fromkeys(names, pl.String))
    except pl.exceptions.ComputeError:  # halve until the lines that do it are alone
        half = len(texts) // 2
        if half == 0:
            return pl.DataFrame(schema={POSITION: pl.Int64}), ordinals.to_list()
        left, right = (
            _decoded(texts[:half], ordinals[:half]),
            _decoded(texts[half:], ordinals[half:]),
        )
        return pl.concat([left[0], right[0]], how="diagonal"), left[1] + right[1]
    return rows.insert_column(0, ordinals), []
