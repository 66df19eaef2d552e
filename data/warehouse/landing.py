"""Landing: every file that was named ends in the warehouse, whole or set aside with a reason.

A file is known by the hash of its bytes: landing it again, under whatever name, does nothing. Each
file is one transaction; a run that is stopped at any moment and started again gives the same
warehouse, since all keys are counted on from what the warehouse holds.
"""

import hashlib
import logging
import os
import stat
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import duckdb
from polars.exceptions import PanicException

from data.errors import (
    InputError,
    NotFoundError,
    RecordError,
    ResourceError,
    WarehouseError,
)
from data.record.known import KnownFile
from data.record.originals import Originals
from data.warehouse.load import Slot, land_statement, load_members, release
from data.warehouse.sources import Source, Unreadable, read_source

_LOG = logging.getLogger(__name__)

# A value that its column cannot hold; every other database error is about the warehouse.
_OF_THE_DOCUMENT = (duckdb.DataError, duckdb.InvalidInputException)
_CHANGED = ("the file changed while it was read", "Run again.")
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


def land(
    con: duckdb.DuckDBPyConnection,
    paths: Sequence[Path],
    ingested_at: datetime,
    on_progress: Callable[[LandingProgress], None] | None = None,
    read: Callable[[Path], Source] = read_source,
    originals: Originals | None = None,
    layouts: Sequence[str] = (),
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

    Returns one receipt a file, in order. A file that cannot be read is set aside, never an error.

    Raises
    ------
    InputError
        A path that does not exist; nothing has been landed then.
    WarehouseError
        The warehouse itself could not be written (disk full, out of memory).
    """
    found = expand(paths)
    receipts = []
    book = _Book(con, ingested_at, originals, tuple(layouts))

    def report(number: int, path: Path, records: int, receipt: Receipt | None = None) -> None:
        if on_progress is not None:
            on_progress(LandingProgress(number, len(found), path, records, receipt))

    try:
        for number, (path, name) in enumerate(found.items(), 1):
            receipt = _land_file(book, path, name, partial(report, number, path), read)
            report(number, path, receipt.read_count, receipt)
            receipts.append(receipt)
    finally:
        with suppress(duckdb.Error):  # the first error is the one to tell
            release(con)
    return receipts


def expand(paths: Iterable[Path]) -> dict[Path, str]:
    """The files that the paths stand for, each with the name the warehouse knows it by.

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
    """Where and how files are written down."""

    con: duckdb.DuckDBPyConnection
    ingested_at: datetime
    originals: Originals | None = None
    layouts: tuple[str, ...] = ()


def _land_file(
    book: _Book,
    path: Path,
    name: str,
    report: Callable[[int], None],
    read: Callable[[Path], Source],
) -> Receipt:
    con = book.con
    try:
        sha256, state = _hash(path)
    except (OSError, Unreadable) as error:
        before = _landed_before(con, name, None)
        return before or _set_aside(book, name, None, None, "unknown", _verdict(error))
    before = _landed_before(con, name, sha256)
    if before is not None and before.message is None:
        return before
    # A file that was set aside as a whole is tried again: there may be a mapping for it now.
    kind = "unknown"
    try:
        if book.originals is not None:
            _keep(book.originals, path, sha256)
        with _transaction(con), _stable(book.originals, path, name, sha256) as stable:
            if before is not None:
                _forget(con, before.file_id)
            source = read(stable)
            kind = source.kind
            slot = _next_slot(con)
            counts = _load(con, slot, source, report)
            if book.originals is None and _identity(path.stat()) != _identity(state):
                raise Unreadable(*_CHANGED)
            receipt = Receipt(name, "landed", slot.file_id, sha256, kind, *counts)
            _record(book, receipt, slot, state.st_size)
        return receipt
    except (Exception, PanicException) as error:  # a panic is not an Exception, yet of this file
        verdict = _verdict(error)
        return before or _set_aside(book, name, sha256, state.st_size, kind, verdict)


def _load(
    con: duckdb.DuckDBPyConnection, slot: Slot, source: Source, report: Callable[[int], None]
) -> tuple[int, int]:
    counts = (0, 0)
    for counts in load_members(con, slot, source.members):
        report(counts[0])
    return counts


def _keep(originals: Originals, path: Path, sha256: str) -> None:
    try:
        if originals.keep(path) != sha256:
            raise Unreadable(*_CHANGED)
    except FileNotFoundError:
        raise Unreadable("the file vanished while it was read", "Run again.") from None


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


def _landed_before(con: duckdb.DuckDBPyConnection, name: str, sha256: str | None) -> Receipt | None:
    """The record of these bytes, or of a file of this name that could not be opened then."""
    found = con.execute(
        land_statement("landed_before"), {"sha256": sha256, "path": name}
    ).fetchone()
    return None if found is None else Receipt(name, "known", *found)


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
            "INSERT INTO raw_rejected VALUES (?, NULL, 'the file', ?, ?)",
            [slot.file_id, verdict.reason, verdict.remedy],
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
