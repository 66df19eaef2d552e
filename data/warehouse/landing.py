"""Landing: every file that was named ends in the warehouse, whole or set aside with a reason.

A file is known by the hash of its bytes: landing it again, under whatever name, does nothing. A
transaction holds one file, or several small ones that follow each other: each is there whole or
not at all, and a run that is stopped at any moment and started again gives the same warehouse,
since all keys are counted on from what the warehouse holds, in the order of files.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path

import duckdb
from polars.exceptions import PanicException

from data.record.known import KnownFile, known_files
from data.record.originals import Originals
from data.warehouse.filing import (
    Entry,
    Receipt,
    SmallFile,
    are_enough,
    next_slot,
    write_alone,
    write_together,
)
from data.warehouse.input_files import InputFile, expand, look
from data.warehouse.load import Slot, release
from data.warehouse.reading_ahead import Reader
from data.warehouse.sources import Source, read_source
from data.warehouse.verdicts import verdict_on


@dataclass(frozen=True)
class LandingProgress:
    """Where landing stands: file ``number`` of ``count``, ``records`` of it read so far.

    ``receipt`` is there once the file is done.
    """

    number: int
    count: int
    path: Path
    records: int
    receipt: Receipt | None = None

    def __str__(self) -> str:
        """One line for a person who watches."""
        return f"landing file {self.number} of {self.count}: {self.records:,} records"


def land(
    con: duckdb.DuckDBPyConnection,
    paths: Sequence[Path],
    ingested_at: datetime,
    on_progress: Callable[[LandingProgress], None] | None = None,
    read: Callable[[Path], Source] = read_source,
    originals: Originals | None = None,
    layouts: Sequence[str] = (),
    leave: Callable[[Path], bool] | None = None,
    readers: Executor | None = None,
) -> list[Receipt]:
    """Land files and all files of folders.

    Parameters
    ----------
    con
        A warehouse open for writing.
    paths
        Files and folders. Of folders: all files below, sorted by path, hidden ones left out.
        Nothing that a document names is ever opened. The warehouse knows a file by its path from
        the name given on, so that where the inbox stands changes no result.
    ingested_at
        The run's clock, UTC.
    on_progress
        Called while and after each file.
    read
        How a file is read; tests put their own batches here.
    originals
        Keeps each document; it is then read from there, where nobody can change it.
    layouts
        Hashes of the mappings that ``read`` knows, noted with each file.
    leave
        Says of a file in a folder that it is not to be read now. A file that is named is read.
    readers
        Other processes, here or elsewhere, that read small files while those before are landed;
        they must see the originals under the same paths. Without them files are read here. The
        warehouse is the same.

    Returns one receipt a file, in order. A file that cannot be read is set aside, never an error.

    Raises
    ------
    InputError
        A path that does not exist; nothing has been landed then.
    WarehouseError
        The warehouse itself could not be written (disk full, out of memory).
    """
    found = expand(paths, leave)
    known = {_identity_of(file.sha256, file.path): _known(file) for file in known_files(con)}
    reader = Reader(read, originals, readers)
    book = _Book(con, ingested_at, tuple(layouts), reader, known)
    receipts: dict[int, Receipt] = {}

    def report(number: int, path: Path, records: int, receipt: Receipt | None = None) -> None:
        if receipt is not None:
            receipts[number] = receipt
        if on_progress is not None:
            on_progress(LandingProgress(number, len(found), path, records, receipt))

    files = (
        look(path, name, partial(report, number, path))
        for number, (path, name) in enumerate(found.items(), 1)
    )
    waiting: list[_Waiting] = []
    try:
        for file, ahead in reader.ahead(files, lambda file: book.before(file) is not None):
            if file.sha256 is not None and any(one.file.sha256 == file.sha256 for one in waiting):
                _land_waiting(book, waiting)
            before = book.before(file)
            if before is not None and (before.message is None or file.sha256 is None):
                file.report(before.read_count, before)
                continue
            # A file that was set aside as a whole is tried again: there may be a mapping now.
            small = None if before is not None else reader.whole(file, ahead)
            if small is None or small.contents is None:
                _land_waiting(book, waiting)
                receipt = _land_alone(book, file, before)
                file.report(receipt.read_count, receipt)
            else:
                entry = book.entry(file)
                one = SmallFile(entry, small.kind, small.contents, small.verdict)
                waiting.append(_Waiting(file, one))
                if are_enough([one.small for one in waiting]):
                    _land_waiting(book, waiting)
        _land_waiting(book, waiting)
    except KeyboardInterrupt:
        _land_waiting(book, waiting)  # what has been read need not be read again
        raise
    finally:
        with suppress(duckdb.Error):  # the first error is the one to tell
            release(con)
    return [receipts[number] for number in sorted(receipts)]


@dataclass(frozen=True)
class _Book:
    """Where and how files are written down, and those that are."""

    con: duckdb.DuckDBPyConnection
    ingested_at: datetime
    layouts: tuple[str, ...]
    reader: Reader
    known: dict[tuple[str | None, str | None], Receipt] = field(default_factory=dict)

    def entry(self, file: InputFile) -> Entry:
        """What goes on record of a file."""
        return Entry(file.name, file.sha256, file.byte_count, self.ingested_at, self.layouts)

    def before(self, file: InputFile) -> Receipt | None:
        """The record of these bytes, or of a file of this name that could not be opened then."""
        found = self.known.get((file.sha256, None)) or self.known.get((None, file.name))
        return found and replace(found, status="known", path=file.name)

    def note(self, receipt: Receipt) -> None:
        """Know the file from now on."""
        self.known[_identity_of(receipt.sha256, receipt.path)] = receipt


@dataclass(frozen=True)
class _Waiting:
    """A small file that was read and is landed with its neighbours."""

    file: InputFile
    small: SmallFile


def _land_waiting(book: _Book, waiting: list[_Waiting]) -> None:
    """Land the small files that wait, in one transaction; none waits then."""
    small = tuple(waiting)
    waiting.clear()
    for one, receipt in zip(small, _land_together(book, small), strict=True):
        one.file.report(receipt.read_count, receipt)


def _land_together(book: _Book, waiting: Sequence[_Waiting]) -> list[Receipt]:
    if not waiting:
        return []
    try:
        slot, placed = next_slot(book.con), []
        for one in waiting:
            placed.append((slot, one.small))
            slot = Slot(slot.file_id + 1, slot.first_record_id + one.small.contents.read_count)
        receipts = write_together(book.con, placed)
    except (Exception, PanicException) as error:
        verdict_on(error)  # raises where no document is to blame
        return [_land_alone(book, one.file, None) for one in waiting]
    for receipt in receipts:
        book.note(receipt)
    return receipts


def _land_alone(book: _Book, file: InputFile, before: Receipt | None) -> Receipt:
    """Land one file in a transaction of its own; ``before`` where it was set aside before."""
    opened = partial(book.reader.opened, file)
    receipt = write_alone(book.con, book.entry(file), opened, file.report, before=before)
    if before is not None and receipt is not before:
        del book.known[_identity_of(before.sha256, before.path)]
    if receipt is not before:
        book.note(receipt)
    return receipt


def _identity_of(sha256: str | None, name: str) -> tuple[str | None, str | None]:
    """A file is known by its bytes, and by its name only while they could not be read."""
    return (sha256, None) if sha256 is not None else (None, name)


def _known(file: KnownFile) -> Receipt:
    return Receipt(
        file.path,
        "known",
        file.file_id,
        file.sha256,
        file.kind,
        file.read_count,
        file.set_aside_count,
        file.message,
        file.remedy,
    )
