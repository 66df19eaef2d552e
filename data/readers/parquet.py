"""Parquet files in batches of bounded memory, however long a row, a text or a page of them is.

Arrow gives a row only whole, and only after those before it in its row group. So each group is
weighed before it is read, by the headers of its pages and the longest text of its dictionaries;
where a single row might be too large by that, also by its list levels, which tell where each row
begins and none of its values. Nothing is taken from the file's footer that could lie about sizes.

Source: Apache Parquet format 2.11 (`PageHeader` in Thrift's compact protocol; levels in the hybrid
of runs and packed bits).
"""

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pa_parquet

from data.readers.epcis_source import MAX_RECORD_BYTES, SourceError
from data.readers.expansion import ExpansionError, ExpansionLimits

# A page is held whole. Most writers cut them at a megabyte, some at a hundred.
MAX_PAGE_BYTES: Final = 2 * MAX_RECORD_BYTES
# The rows that are read at once take about so much.
BATCH_BYTES: Final = 1 << 24
MOST_ROWS: Final = 1 << 16
_MAX_GROUP_ROWS: Final = 1 << 24
_MAX_PAGE_VALUES: Final = 1 << 26
# Columns that say the same again and again shrink more than a packed text does.
_EXPANSION: Final = ExpansionLimits(max_ratio=1000)
_STREAM_BYTES: Final = 1 << 20
_HEADER_BYTES: Final = (1 << 9, 1 << 14, 1 << 24)  # tried in turn; statistics may be long
_VALUE_BYTES: Final = 16  # what a value takes beside its text
_SHORT_BYTES: Final = 1 << 6  # of a dictionary
_LENGTH: Final = struct.Struct("<I")
_DICTIONARY, _DATA_V2 = 2, 3
_SAID: Final = {0: 5, _DICTIONARY: 7, _DATA_V2: 8}  # kind of page: field that describes it
_CODECS: Final = {
    "SNAPPY": "snappy",
    "GZIP": "gzip",
    "BROTLI": "brotli",
    "ZSTD": "zstd",
    "LZ4": "lz4_raw",  # Hadoop's own framing goes by this name too
}

_TOO_LARGE: Final = (
    f"a row of more than {MAX_RECORD_BYTES >> 20} MiB, or one that is stored behind such a row",
    "Split long lists over several rows, or write smaller row groups and pages.",
)
_TOO_MANY: Final = (
    f"from here on a row group has more than {_MAX_GROUP_ROWS:,} rows",
    "Write smaller row groups.",
)
_DAMAGED: Final = (
    "the file is damaged or cut off here; the rest cannot be read",
    "Ask for the file again and run again: what was read before stays as it is.",
)


@dataclass(frozen=True)
class Refused:
    """Rows that are not read: how many, why, and what to do."""

    count: int
    reason: str
    remedy: str


def read_parquet(file: Path | BinaryIO) -> Iterator[pa.RecordBatch | Refused]:
    """The rows of a file in batches, and those that are too large, in the order of the file.

    Raises what Arrow raises, SourceError where the file is damaged, or ExpansionError where short
    references stand for more text than ``_EXPANSION`` allows.
    """
    whole = pa_parquet.ParquetFile(file, buffer_size=_STREAM_BYTES, pre_buffer=False)
    with _bytes_of(file) as stream:
        left_bytes = _EXPANSION.of(stream.seek(0, io.SEEK_END))
        for group in range(whole.num_row_groups):
            rows = whole.metadata.row_group(group).num_rows
            if rows > _MAX_GROUP_ROWS:
                raise SourceError(*_TOO_MANY)
            columns = _columns(whole, stream, group)
            left_bytes -= sum(one.expanded for one in columns or ())
            if left_bytes < 0:
                raise ExpansionError("the file expands as decompression bombs do")
            readable, at_once = (0, 1) if columns is None else _plan(stream, columns, rows)
            left = readable
            batches = whole.iter_batches(at_once, [group], use_threads=False)
            while left and (batch := next(batches, None)) is not None:
                part = batch.slice(0, left)
                left -= part.num_rows
                yield part
            if readable < rows:
                yield Refused(rows - readable, *_TOO_LARGE)


@contextmanager
def _bytes_of(file: Path | BinaryIO) -> Iterator[BinaryIO]:
    if isinstance(file, Path):
        with file.open("rb") as stream:
            yield stream
    else:
        yield file


# --- weighing ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Page:
    """A page of values or of their dictionary, by its header."""

    size: int  # unpacked
    values: int
    body: int  # where its bytes begin in the file
    packed: int
    level_bytes: int | None  # of the list levels; None where they stand inside the packed bytes


@dataclass(frozen=True)
class _Column:
    """A column of a row group, by the headers of its pages."""

    pages: list[_Page]
    codec: str
    list_level: int
    value_bytes: int  # the most of a value that is taken from the dictionary

    @property
    def value_count(self) -> int:
        return sum(page.values for page in self.pages)

    @property
    def byte_count(self) -> int:
        return sum(page.size for page in self.pages)

    @property
    def expanded(self) -> int:
        """Bytes of all values, were each as long as the longest of the dictionary."""
        return self.byte_count + self.value_count * self.value_bytes

    def most_of_a_row(self, rows: int) -> int:
        """A bound: every other row has one value at least, or one that stands for none."""
        values = max(1, self.value_count - rows + 1)
        return values * self.value_bytes + self.byte_count


def _plan(stream: BinaryIO, columns: list[_Column], rows: int) -> tuple[int, int]:
    """How many rows of a group can be read, and how many at once."""
    expanded = sum(one.expanded for one in columns)
    at_once = max(1, min(MOST_ROWS, BATCH_BYTES * rows // max(expanded, 1)))
    if sum(one.most_of_a_row(rows) for one in columns) <= MAX_RECORD_BYTES:
        return rows, at_once
    weights, alone = np.zeros(rows), np.zeros(rows)
    for one in columns:
        starts, pages = _row_starts(stream, one, rows)
        _weigh(one, starts, pages, weights, alone)
    too_large = np.flatnonzero(alone > MAX_RECORD_BYTES)
    readable = int(too_large[0]) if len(too_large) else rows
    sums = np.concatenate([[0.0], np.cumsum(weights[:readable])])
    while at_once > 1 and _heaviest(sums, at_once) > 2 * MAX_RECORD_BYTES:
        at_once = max(1, at_once // 4)
    return readable, at_once


def _heaviest(sums: npt.NDArray[np.float64], at_once: int) -> float:
    """The most that a batch takes, of the running sum of its rows' weights."""
    ends = np.append(sums[::at_once], sums[-1])
    return float(np.max(np.diff(ends), initial=0.0))


def _weigh(
    column: _Column,
    starts: npt.NDArray[np.int64],
    pages: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float64],
    alone: npt.NDArray[np.float64],
) -> None:
    """Add the bytes of each row, and those that it has beyond the pages where it begins and ends.

    ``starts`` and ``pages`` tell the value and the page with which each row begins; both go one
    further. Rows for which there are none lie in or behind a page that cannot be held.
    """
    met = max(len(starts) - 1, 0)
    values = np.diff(starts)
    sizes = np.array([page.size for page in column.pages], dtype=np.float64)
    density = sizes / np.maximum([page.values for page in column.pages], 1)
    before = np.concatenate([[0.0], np.cumsum(sizes)])
    between = np.maximum(before[pages[1:]] - before[np.minimum(pages[:-1] + 1, len(sizes))], 0.0)
    weights[:met] += values * (column.value_bytes + density[pages[:-1]])
    alone[:met] += values * column.value_bytes + between
    alone[met:] = np.inf


def _columns(whole: pa_parquet.ParquetFile, stream: BinaryIO, group: int) -> list[_Column] | None:
    """The columns of a group; None where a dictionary is too large to be held."""
    meta = whole.metadata.row_group(group)
    found = []
    for number in range(meta.num_columns):
        column = meta.column(number)
        dictionary, pages = _pages(stream, column)
        if dictionary is not None and dictionary.size > MAX_PAGE_BYTES:
            return None
        longest = 0 if dictionary is None else _longest(stream, column, dictionary)
        level = whole.schema.column(number).max_repetition_level
        found.append(_Column(pages, column.compression, level, _VALUE_BYTES + longest))
    return found


def _longest(stream: BinaryIO, column: Any, page: _Page) -> int:
    """The longest value of a dictionary; its size where that cannot be told."""
    if column.physical_type != "BYTE_ARRAY":
        return page.size // max(page.values, 1)
    if page.size < _SHORT_BYTES or (data := _unpacked(stream, column.compression, page)) is None:
        return page.size
    at = longest = 0
    while at + 4 <= len(data):
        [length] = _LENGTH.unpack_from(data, at)
        longest = max(longest, length)
        at += 4 + length
    return longest


# --- pages ---------------------------------------------------------------------------------------


def _pages(stream: BinaryIO, column: Any) -> tuple[_Page | None, list[_Page]]:
    """A column's dictionary and data pages."""
    dictionary, pages = None, []
    at = column.data_page_offset
    if column.dictionary_page_offset:
        at = min(at, column.dictionary_page_offset)
    end = at + column.total_compressed_size
    while at < end:
        header, length = _header(stream, at)
        kind, size, packed = header.get(1), header.get(2), header.get(3)
        if not isinstance(size, int) or not isinstance(packed, int) or min(size, packed) < 0:
            raise SourceError(*_DAMAGED)
        at += length
        if kind in _SAID:
            said = header.get(_SAID[kind])
            said = said if isinstance(said, dict) else {}
            values = said.get(1)
            if not isinstance(values, int) or not 0 <= values <= _MAX_PAGE_VALUES:
                raise SourceError(*_DAMAGED)
            levels = said.get(6, 0) if kind == _DATA_V2 else None
            page = _Page(size, values, at, packed, levels)
            if kind != _DICTIONARY:
                pages.append(page)
            elif dictionary is None or dictionary.size < size:
                dictionary = page
        at += packed
    return dictionary, pages


def _header(stream: BinaryIO, at: int) -> tuple[dict[int, Any], int]:
    """A page's header as field numbers and values, and its length."""
    for size in _HEADER_BYTES:
        stream.seek(at)
        data = stream.read(size)
        try:
            return _struct(data, 0, 0)
        except IndexError:  # it goes on behind what was read
            if len(data) < size:
                break
    raise SourceError(*_DAMAGED)


_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS: Final = (4, 5, 6)
_MAX_DEPTH: Final = 8


def _struct(data: bytes, at: int, depth: int) -> tuple[dict[int, Any], int]:
    """A Thrift struct from ``at`` on, and where it ends. Raises IndexError where it is cut off."""
    fields: dict[int, Any] = {}
    number = 0
    while (head := data[at]) != 0:
        at += 1
        if head >> 4:
            number += head >> 4
        else:
            number, at = _integer(data, at)
        fields[number], at = _value(data, at, head & 15, depth)
    return fields, at + 1


def _value(data: bytes, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if depth > _MAX_DEPTH:
        raise SourceError(*_DAMAGED)
    if kind in (_TRUE, _FALSE):
        return kind == _TRUE, at
    if kind in _INTEGERS:
        return _integer(data, at)
    if kind == _STRUCT:
        return _struct(data, at, depth + 1)
    if kind in (_BYTE, _DOUBLE):
        return None, at + (1 if kind == _BYTE else 8)
    if kind == _BINARY:
        length, at = _varint(data, at)
        return None, at + length
    if kind not in (_LIST, _SET):  # a header has no maps
        raise SourceError(*_DAMAGED)
    head = data[at]
    count, at = (head >> 4, at + 1) if head >> 4 < 15 else _varint(data, at + 1)
    for _ in range(count):
        _, at = _value(data, at, head & 15, depth + 1)
        data[at]  # a long list of nothing ends with the bytes
    return None, at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise SourceError(*_DAMAGED)


def _integer(data: bytes, at: int) -> tuple[int, int]:
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at


# --- where rows begin ----------------------------------------------------------------------------


def _row_starts(
    stream: BinaryIO, column: _Column, rows: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The value and the page with which each row begins, and one more where the last one ends.

    Stops before a page that is too large to be held, or packed in a way that is not known.
    """
    firsts, pages, value = [], [], 0
    for number, page in enumerate(column.pages):
        if page.size > MAX_PAGE_BYTES:
            break
        if column.list_level:
            levels = _level_bytes(stream, column, page)
            if levels is None:
                break
            starts = _zeros(levels, column.list_level.bit_length(), page.values)
        else:
            starts = np.arange(page.values, dtype=np.int64)
        firsts.append(starts + value)
        pages.append(np.full(len(starts), number, dtype=np.int64))
        value += page.values
    is_whole = len(firsts) == len(column.pages)
    # Of a row that goes on into such a page no end is known, so it does not count.
    end = [np.array([value])] if is_whole else []
    last = [np.array([max(len(column.pages) - 1, 0)])] if is_whole else []
    nothing = np.zeros(0, dtype=np.int64)
    found = np.concatenate([nothing, *firsts, *end])[: rows + 1]
    return found, np.concatenate([nothing, *pages, *last])[: rows + 1]


def _level_bytes(stream: BinaryIO, column: _Column, page: _Page) -> bytes | None:
    """The list levels of a page; None where they cannot be got at."""
    if page.level_bytes is not None:
        stream.seek(page.body)
        return stream.read(min(page.level_bytes, page.packed))
    data = _unpacked(stream, column.codec, page)
    if data is None or len(data) < 4:
        return None
    [length] = _LENGTH.unpack_from(data)
    return data[4 : 4 + length]


def _unpacked(stream: BinaryIO, codec: str, page: _Page) -> bytes | None:
    """The bytes of a page; None where its packing is not known, or damaged."""
    stream.seek(page.body)
    data = stream.read(page.packed)
    if codec == "UNCOMPRESSED":
        return data
    if codec not in _CODECS:
        return None
    try:
        return bytes(pa.decompress(data, page.size, _CODECS[codec], asbytes=True))
    except pa.ArrowException:
        return None


def _zeros(data: bytes, width: int, count: int) -> npt.NDArray[np.int64]:
    """Where a level is zero, of so many levels in runs and packed bits: there a row begins."""
    found: list[npt.NDArray[np.int64]] = []
    at = met = 0
    while met < count:
        try:
            head, at = _varint(data, at)
        except IndexError:
            raise SourceError(*_DAMAGED) from None
        if head & 1:
            size = (head >> 1) * width
            bits = np.unpackbits(np.frombuffer(data[at : at + size], np.uint8), bitorder="little")
            levels = bits[: len(bits) // width * width].reshape(-1, width).max(axis=1)
            found.append(np.flatnonzero(levels[: count - met] == 0) + met)
            at, met = at + size, met + (head >> 1) * 8
        else:
            run = min(head >> 1, count - met)
            if not run:
                raise SourceError(*_DAMAGED)
            if not any(data[at : at + 1]):
                found.append(np.arange(met, met + run))
            at, met = at + 1, met + run
    return np.concatenate([np.zeros(0, dtype=np.int64), *found])
