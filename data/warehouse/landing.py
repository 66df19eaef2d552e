"""Landing: every file that was named ends in the warehouse, whole or set aside with a reason.

A file is known by the hash of its bytes: landing it again, under whatever name, does nothing. A
transaction holds one file, or several small ones that follow each other: each is there whole or
not at all, and a run that is stopped at any moment and started again gives the same warehouse,
since all keys are counted on from what the warehouse holds, in the order of files.
"""

import hashlib
import logging
import os
import stat
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path

import duckdb
import polars as pl
from polars.exceptions import PanicException

from data.errors import (
    InputError,
    NotFoundError,
    RecordError,
    ResourceError,
    WarehouseError,
)
from data.readers.batch import REJECTED, Batch
from data.record.known import KnownFile, known_files
from data.record.originals import Originals
from data.warehouse.load import (
    Contents,
    Slot,
    land_statement,
    load_members,
    load_together,
    read_whole,
    release,
)
from data.warehouse.sources import Source, Unreadable, read_source

_LOG = logging.getLogger(__name__)

# A transaction costs some fifty milliseconds however little it lands, so small files share one.
SMALL_BYTES = 1 << 20
TOGETHER_BYTES = 32 << 20  # of frames
TOGETHER_FILES = 256
# What other processes read ahead of the file that is being landed; it waits in memory.
AHEAD_FILES = 16

# A value that its column cannot hold; every other database error is about the warehouse.
_OF_THE_DOCUMENT = (duckdb.DataError, duckdb.InvalidInputException)
_WHOLE = "the file"
_CHANGED = ("the file changed while it was read", "Run again.")
_VANISHED = ("the file vanished while it was read", "Run again.")
READ_ANEW = "Repair the file or ask its sender for a new copy, then run again."


@dataclass(frozen=True)
class Receipt:
    """What became of one file.

    ``status`` is ``landed``, ``set_aside`` (nothing of it could be read; ``message`` says why,
    ``remedy`` what to do) or ``known`` (its bytes were met before; nothing was done).
    ``read_count`` counts the records met, ``set_aside_count`` those among them that could not be
    read. ``sha256`` is None for a file that could not be opened.
    """

    path: str
    status: str
    file_id: int
    sha256: str | None
    kind: str
    read_count: int
    set_aside_count: int
    message: str | None = None
    remedy: str | None = None


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
    book = _Book(con, ingested_at, originals, tuple(layouts), read, known, readers)
    receipts: dict[int, Receipt] = {}

    def report(number: int, path: Path, records: int, receipt: Receipt | None = None) -> None:
        if receipt is not None:
            receipts[number] = receipt
        if on_progress is not None:
            on_progress(LandingProgress(number, len(found), path, records, receipt))

    waiting: list[_Small] = []
    try:
        for file, reading in _read_ahead(book, found, report):
            if file.sha256 is not None and any(one.file.sha256 == file.sha256 for one in waiting):
                _land_waiting(book, waiting)
            before = _landed_before(book, file)
            if before is not None and (before.message is None or file.sha256 is None):
                file.report(before.read_count, before)
            # A file that was set aside as a whole is tried again: there may be a mapping now.
            elif before is not None or (small := _read_small(book, file, reading)) is None:
                _land_waiting(book, waiting)
                receipt = _land_alone(book, file, before)
                file.report(receipt.read_count, receipt)
            else:
                waiting.append(small)
                if _are_enough(waiting):
                    _land_waiting(book, waiting)
        _land_waiting(book, waiting)
    except KeyboardInterrupt:
        _land_waiting(book, waiting)  # what has been read need not be read again
        raise
    finally:
        with suppress(duckdb.Error):  # the first error is the one to tell
            release(con)
    return [receipts[number] for number in sorted(receipts)]


def expand(paths: Iterable[Path], leave: Callable[[Path], bool] | None = None) -> dict[Path, str]:
    """The files that the paths stand for, each with the name the warehouse knows it by.

    Of folders, those that ``leave`` says yes to are left out.

    Raises InputError naming every absent path.
    """
    # Not resolve(): a link keeps the name that the operator gave it.
    given = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100
    if absent := [str(path) for path in given if not os.path.lexists(path)]:
        raise InputError(f"{', '.join(absent)}: no such file or folder. Check the path.")
    found: dict[Path, str] = {}
    for path in dict.fromkeys(given):
        # Two inputs of the same name are told apart by their whole path.
        root = path.parent if sum(other.name == path.name for other in set(given)) == 1 else None
        for file in sorted(_files_below(path)) if path.is_dir() else [path]:
            if leave is not None and file != path and leave(file):
                continue
            found.setdefault(file, _text(file.relative_to(root) if root else file))
    return found


def _files_below(folder: Path) -> Iterator[Path]:
    # A folder that cannot be listed is yielded itself, to be set aside like a file.
    closed: list[Path] = []
    walk = os.walk(folder, onerror=lambda error: closed.append(Path(error.filename)))
    for parent, folders, names in walk:
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in names if not name.startswith("."))
    yield from closed


def check_kept(known: Sequence[KnownFile], originals: Originals) -> None:
    """Raise where documents that were landed are gone from the kept ones, or changed there."""
    state = {file.sha256: originals.is_whole(file.sha256) for file in known if file.sha256}
    if changed := sorted(sha256 for sha256, whole in state.items() if whole is False):
        raise RecordError(
            f"{originals.path(changed[0])}: the kept document is not what it was "
            f"({len(changed)} are changed). Put the document of that hash back, then run again."
        )
    # A file that changed under landing's hands was never kept; it has a message.
    landed = {file.sha256 for file in known if file.sha256 and file.message is None}
    if gone := sorted(sha256 for sha256 in landed if state[sha256] is None):
        raise NotFoundError(
            f"{originals.folder}: {len(gone)} of {len(landed)} documents are not kept, the first "
            f"is {gone[0]}. Put them there under their hash (first two digits as folder)."
        )


@dataclass(frozen=True)
class _Book:
    """Where and how files are written down, and those that are."""

    con: duckdb.DuckDBPyConnection
    ingested_at: datetime
    originals: Originals | None = None
    layouts: tuple[str, ...] = ()
    read: Callable[[Path], Source] = read_source
    known: dict[tuple[str | None, str | None], Receipt] = field(default_factory=dict)
    readers: Executor | None = None


@dataclass(frozen=True)
class _File:
    """A file on its way in; ``verdict`` where it could not be opened, else its hash and state."""

    path: Path
    name: str
    report: Callable[..., None]
    sha256: str | None = None
    state: os.stat_result | None = None
    verdict: Unreadable | None = None

    @property
    def byte_count(self) -> int | None:
        """Its size when it was hashed."""
        return None if self.state is None else self.state.st_size

    @property
    def is_small(self) -> bool:
        """Whether it is read as a whole before any of it is landed."""
        return self.state is not None and self.state.st_size <= SMALL_BYTES


@dataclass(frozen=True)
class _Small:
    """A small file that was read, or refused, and is landed with its neighbours."""

    file: _File
    kind: str
    contents: Contents
    verdict: Unreadable | None = None


def _look(path: Path, name: str, report: Callable[..., None]) -> _File:
    try:
        return _File(path, name, report, *_hash(path))
    except (OSError, Unreadable) as error:
        return _File(path, name, report, verdict=_verdict(error))


@dataclass(frozen=True)
class _Read:
    """What reading a small file came to; without contents and verdict it was not small at all."""

    kind: str
    contents: Contents | None = None
    verdict: Unreadable | None = None


def _read_ahead(
    book: _Book, found: dict[Path, str], report: Callable[..., None]
) -> Iterator[tuple[_File, Future[_Read] | None]]:
    """The files in order; where there are other readers, those that come next are being read."""
    ahead: deque[tuple[_File, Future[_Read] | None, ExitStack]] = deque()
    coming = enumerate(found.items(), 1)
    try:
        while True:
            while len(ahead) <= (AHEAD_FILES if book.readers else 0):
                if (following := next(coming, None)) is None:
                    break
                number, (path, name) = following
                file = _look(path, name, partial(report, number, path))
                ahead.append((file, *_begin_reading(book, file)))
            if not ahead:
                return
            file, reading, kept = ahead.popleft()
            with kept:
                yield file, reading
    finally:
        for _, _, kept in ahead:
            kept.close()


def _begin_reading(book: _Book, file: _File) -> tuple[Future[_Read] | None, ExitStack]:
    """Have the file read elsewhere, and keep its copy where it is until that is over."""
    kept = ExitStack()
    if book.readers is None or not file.is_small or _landed_before(book, file) is not None:
        return None, kept
    try:
        _keep(book.originals, file)
        stable = _stable(book.originals, file.path, file.name, str(file.sha256))
        reading = book.readers.submit(_read_contents, book.read, kept.enter_context(stable))
    except (OSError, Unreadable, BrokenExecutor):
        return None, kept  # it is told when the file's turn comes
    return reading, kept


def _read_small(book: _Book, file: _File, reading: Future[_Read] | None) -> _Small | None:
    """Read a file into memory; None where it is not small."""
    if file.sha256 is None or file.state is None:
        return _refused(file, "unknown", file.verdict or Unreadable(*_CHANGED))
    if not file.is_small:
        return None
    kind = "unknown"
    try:
        done = None if reading is None else _result(reading)
        if done is None:
            _keep(book.originals, file)
            with _stable(book.originals, file.path, file.name, file.sha256) as stable:
                done = _read_contents(book.read, stable)
        kind = done.kind
        if done.verdict is not None:
            raise done.verdict
        if done.contents is None:
            return None
        file.report(done.contents.read_count)
        _check_unchanged(book, file)
        return _Small(file, kind, done.contents)
    except (Exception, PanicException) as error:  # a panic is not an Exception, yet of this file
        return _refused(file, kind, _verdict(error))


def _result(reading: Future[_Read]) -> _Read | None:
    """What another process made of the file; None where that process was lost."""
    try:
        return reading.result()
    except (BrokenExecutor, CancelledError):
        return None


def _read_contents(read: Callable[[Path], Source], path: Path) -> _Read:
    """Read a file as a whole, here or in another process."""
    kind = "unknown"
    try:
        source = read(path)
        kind = source.kind
        return _Read(kind, read_whole(source.members))
    except (Exception, PanicException) as error:
        return _Read(kind, verdict=_verdict(error))


def _refused(file: _File, kind: str, verdict: Unreadable) -> _Small:
    """A file set aside as a whole: one record met and set aside."""
    said = {"place": _WHOLE, "reason": verdict.reason, "remedy": verdict.remedy}
    batch = Batch(1, rejected=pl.DataFrame([{"position": None} | said], schema=REJECTED))
    return _Small(file, kind, Contents(((batch,),), 1, 1, 0), verdict)


def _are_enough(waiting: Sequence[_Small]) -> bool:
    size = sum(one.contents.byte_count for one in waiting)
    return len(waiting) >= TOGETHER_FILES or size >= TOGETHER_BYTES


def _land_waiting(book: _Book, waiting: list[_Small]) -> None:
    """Land the small files that wait, in one transaction; none waits then."""
    small = tuple(waiting)
    waiting.clear()
    for one, receipt in zip(small, _land_together(book, small), strict=True):
        one.file.report(receipt.read_count, receipt)


def _land_together(book: _Book, small: Sequence[_Small]) -> list[Receipt]:
    if not small:
        return []
    receipts = []
    try:
        with _transaction(book.con):
            slot, placed = _next_slot(book.con), []
            for one in small:
                placed.append((slot, one.contents))
                slot = Slot(slot.file_id + 1, slot.first_record_id + one.contents.read_count)
            load_together(book.con, placed)
            for one, (slot, contents) in zip(small, placed, strict=True):
                receipt = Receipt(
                    one.file.name,
                    "landed" if one.verdict is None else "set_aside",
                    slot.file_id,
                    one.file.sha256,
                    one.kind,
                    contents.read_count,
                    contents.set_aside_count,
                    one.verdict.reason if one.verdict else None,
                    one.verdict.remedy if one.verdict else None,
                )
                _record(book, receipt, slot, one.file.byte_count)
                receipts.append(receipt)
    except (Exception, PanicException) as error:
        _verdict(error)  # raises where no document is to blame
        return [_land_alone(book, one.file, None) for one in small]
    book.known.update((_identity_of(one.sha256, one.path), one) for one in receipts)
    return receipts


def _land_alone(book: _Book, file: _File, before: Receipt | None) -> Receipt:
    """Land one file in a transaction of its own; ``before`` where it was set aside before."""
    con = book.con
    kind = "unknown"
    try:
        if file.sha256 is None or file.verdict is not None:
            raise file.verdict or Unreadable(*_CHANGED)
        _keep(book.originals, file)
        with (
            _transaction(con),
            _stable(book.originals, file.path, file.name, file.sha256) as stable,
        ):
            if before is not None:
                _forget(con, before.file_id)
            source = book.read(stable)
            kind = source.kind
            slot = _next_slot(con)
            counts = _load(con, slot, source, file.report)
            _check_unchanged(book, file)
            receipt = Receipt(file.name, "landed", slot.file_id, file.sha256, kind, *counts)
            _record(book, receipt, slot, file.byte_count)
    except (Exception, PanicException) as error:
        verdict = _verdict(error)
        if before is not None:
            return before
        receipt = _set_aside(book, file.name, file.sha256, file.byte_count, kind, verdict)
    if before is not None:
        del book.known[_identity_of(before.sha256, before.path)]
    book.known[_identity_of(receipt.sha256, receipt.path)] = receipt
    return receipt


def _load(
    con: duckdb.DuckDBPyConnection, slot: Slot, source: Source, report: Callable[[int], None]
) -> tuple[int, int]:
    counts = (0, 0)
    for counts in load_members(con, slot, source.members):
        report(counts[0])
    return counts


def _keep(originals: Originals | None, file: _File) -> None:
    try:
        if originals is not None and originals.keep(file.path) != file.sha256:
            raise Unreadable(*_CHANGED)
    except FileNotFoundError:
        raise Unreadable(*_VANISHED) from None


def _check_unchanged(book: _Book, file: _File) -> None:
    """Raise where the file itself was read, no kept copy, and is not what was hashed."""
    if book.originals is not None or file.state is None:
        return
    if _identity(file.path.stat()) != _identity(file.state):
        raise Unreadable(*_CHANGED)


@contextmanager
def _stable(originals: Originals | None, path: Path, name: str, sha256: str) -> Iterator[Path]:
    """Where to read the document: the kept copy, or the file itself where none is kept."""
    if originals is None:
        yield path
    else:
        with originals.reading(sha256, name) as kept:
            yield kept


def land_again(
    con: duckdb.DuckDBPyConnection,
    known: Sequence[KnownFile],
    originals: Originals,
    reader: Callable[[tuple[str, ...]], Callable[[Path], Source]],
) -> list[str]:
    """Land kept documents into an empty warehouse, each into the place that it had before.

    Parameters
    ----------
    con
        A warehouse open for writing, with nothing landed.
    known
        The files, in the order of landing. What could not be read then is written down as it was.
    originals
        Where the documents lie.
    reader
        Gives the way to read under the mappings of these hashes.

    Returns the paths of those files that read otherwise now.

    Raises
    ------
    NotFoundError
        Documents are no longer kept.
    RecordError
        A kept document is not what it was.
    """
    check_kept(known, originals)
    differing = []
    for file in known:
        book = _Book(con, file.ingested_at, originals, file.layouts)
        verdict = Unreadable(file.message or "", file.remedy or "")
        if file.sha256 is None or originals.is_whole(file.sha256) is None:
            _set_aside(book, file.path, file.sha256, file.byte_count, file.kind, verdict, file)
            continue
        slot = Slot(file.file_id, file.first_record_id)
        kind = "unknown"
        try:
            with _transaction(con), originals.reading(file.sha256, file.path) as stable:
                source = reader(file.layouts)(stable)
                kind = source.kind
                counts = _load(con, slot, source, lambda _: None)
                receipt = Receipt(file.path, "landed", file.file_id, file.sha256, kind, *counts)
                _record(book, receipt, slot, file.byte_count)
        except Exception as error:
            verdict = _verdict(error)
            receipt = _set_aside(book, file.path, file.sha256, file.byte_count, kind, verdict, file)
        then = (file.read_count, file.set_aside_count, file.message)
        if (receipt.read_count, receipt.set_aside_count, receipt.message) != then:
            differing.append(file.path)
    release(con)
    return differing


@contextmanager
def _transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing, whatever goes wrong, an interruption included."""
    con.begin()
    try:
        yield
        con.commit()
    except BaseException:
        with suppress(duckdb.Error):  # a fatal error has ended the transaction already
            con.rollback()
        raise


def _verdict(error: BaseException) -> Unreadable:
    """What the failure says about the file; raises WarehouseError where it says nothing.

    The texts of errors are left out on purpose: they may quote serials.
    """
    if isinstance(error, Unreadable):
        return error
    if isinstance(error, MemoryError | ResourceError):
        raise error
    if isinstance(error, duckdb.Error) and not isinstance(error, _OF_THE_DOCUMENT):
        raise WarehouseError(
            f"the warehouse could not be written ({type(error).__name__}). Check free disk space "
            "and the memory limit, then run again: files landed so far stay."
        ) from error
    if isinstance(error, FileNotFoundError):
        return Unreadable(*_VANISHED)
    if isinstance(error, PermissionError):
        return Unreadable("could not be read: no permission", "Allow reading it, then run again.")
    at = traceback.extract_tb(error.__traceback__)[-1]
    _LOG.warning("a reader failed: %s in %s:%s", type(error).__name__, at.filename, at.lineno)
    return Unreadable(f"could not be read: {type(error).__name__}", READ_ANEW)


def _hash(path: Path) -> tuple[str, os.stat_result]:
    """Hash of the bytes, and the file's state before they were read."""
    state = path.stat()
    if not stat.S_ISREG(state.st_mode):  # reading a pipe or a device could wait for ever
        raise Unreadable("is not a regular file", "Name a file or a folder.")
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest(), state


def _text(path: Path) -> str:
    """The path as text; what is not UTF-8 in it is replaced, since the warehouse holds UTF-8."""
    return os.fsencode(path).decode(errors="replace")


def _identity(state: os.stat_result) -> tuple[int, int, int]:
    return state.st_ino, state.st_size, state.st_mtime_ns


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


def _landed_before(book: _Book, file: _File) -> Receipt | None:
    """The record of these bytes, or of a file of this name that could not be opened then."""
    found = book.known.get((file.sha256, None)) or book.known.get((None, file.name))
    return found and replace(found, status="known", path=file.name)


def _forget(con: duckdb.DuckDBPyConnection, file_id: int) -> None:
    """Drop the record of a file that was set aside as a whole: it landed nothing else."""
    con.execute("DELETE FROM raw_source_file WHERE file_id = ?", [file_id])
    con.execute("DELETE FROM raw_rejected WHERE file_id = ?", [file_id])


def _next_slot(con: duckdb.DuckDBPyConnection) -> Slot:
    return Slot(*con.execute(land_statement("next_slot")).fetchall()[0])


def _set_aside(
    book: _Book,
    name: str,
    sha256: str | None,
    byte_count: int | None,
    kind: str,
    verdict: Unreadable,
    place: KnownFile | None = None,
) -> Receipt:
    """Record a file of which nothing was landed; it counts as one record met and set aside.

    ``place`` is the one it had before, where it is landed again.
    """
    with _transaction(book.con):
        slot = Slot(place.file_id, place.first_record_id) if place else _next_slot(book.con)
        receipt = Receipt(
            name,
            "set_aside",
            slot.file_id,
            sha256,
            kind,
            1,
            1,
            verdict.reason,
            verdict.remedy,
        )
        _record(book, receipt, slot, byte_count)
        book.con.execute(
            "INSERT INTO raw_rejected VALUES (?, NULL, ?, ?, ?)",
            [slot.file_id, _WHOLE, verdict.reason, verdict.remedy],
        )
    return receipt


def _record(book: _Book, receipt: Receipt, slot: Slot, byte_count: int | None) -> None:
    book.con.execute(
        "INSERT INTO raw_source_file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            slot.file_id,
            receipt.path,
            receipt.sha256,
            byte_count,
            receipt.kind,
            receipt.read_count,
            receipt.set_aside_count,
            slot.first_record_id,
            book.ingested_at,
            receipt.message,
            " ".join(book.layouts) or None,
        ],
    )
