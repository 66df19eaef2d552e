"""Kept documents landed once more, each into the place that it had: what a past run stood on."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import duckdb
from polars.exceptions import PanicException

from data.errors import NotFoundError, RecordError
from data.record.known import KnownFile
from data.record.originals import Originals
from data.warehouse.filing import (
    Entry,
    Receipt,
    SmallFile,
    are_enough,
    set_aside,
    write_alone,
    write_together,
)
from data.warehouse.input_files import is_small
from data.warehouse.load import Slot, release
from data.warehouse.reading_ahead import read_whole_file
from data.warehouse.sources import Source, Unreadable
from data.warehouse.verdicts import refused, verdict_on

# Gives the way to read under the mappings of these hashes.
ReaderOf = Callable[[tuple[str, ...]], Callable[[Path], Source]]


def land_again(
    con: duckdb.DuckDBPyConnection,
    known: Sequence[KnownFile],
    originals: Originals,
    reader: ReaderOf,
) -> list[str]:
    """Land kept documents into an empty warehouse, each into the place that it had before.

    Small files share a transaction, as when they were landed first.

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
    receipts: list[Receipt] = []
    waiting: list[tuple[KnownFile, SmallFile]] = []
    for file in known:
        small = _read_small(file, originals, reader)
        # A file that reads otherwise may need more places than it had: it is not mixed with others.
        if small is None or _differs(file, small):
            receipts += _land_waiting(con, waiting, originals, reader)
            receipts.append(_land_alone(con, file, originals, reader))
            continue
        waiting.append((file, small))
        if are_enough([one for _, one in waiting]):
            receipts += _land_waiting(con, waiting, originals, reader)
    receipts += _land_waiting(con, waiting, originals, reader)
    release(con)
    return [
        file.path
        for file, receipt in zip(known, receipts, strict=True)
        if (receipt.read_count, receipt.set_aside_count, receipt.message) != _counts(file)
    ]


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


def _counts(file: KnownFile) -> tuple[int, int, str | None]:
    return file.read_count, file.set_aside_count, file.message


def _differs(file: KnownFile, small: SmallFile) -> bool:
    said = small.verdict.reason if small.verdict else None
    now = (small.contents.read_count, small.contents.set_aside_count, said)
    return now != _counts(file)


def _entry(file: KnownFile) -> Entry:
    return Entry(file.path, file.sha256, file.byte_count, file.ingested_at, file.layouts)


def _slot(file: KnownFile) -> Slot:
    return Slot(file.file_id, file.first_record_id)


def _verdict_then(file: KnownFile, originals: Originals) -> Unreadable | None:
    """Why the file was set aside, where there is no document to read again."""
    if file.sha256 is not None and originals.path(file.sha256).is_file():
        return None
    return Unreadable(file.message or "", file.remedy or "")


def _read_small(file: KnownFile, originals: Originals, reader: ReaderOf) -> SmallFile | None:
    """A small document as a whole, or as it was set aside; None where it is not small."""
    verdict = _verdict_then(file, originals)
    if verdict is not None:
        return SmallFile(_entry(file), file.kind, refused(verdict), verdict)
    if file.sha256 is None or not is_small(file.byte_count):
        return None
    with originals.reading(file.sha256, file.path) as path:
        found = read_whole_file(reader(file.layouts), path)
    if found.verdict is not None:
        return SmallFile(_entry(file), found.kind, refused(found.verdict), found.verdict)
    if found.contents is None:
        return None
    return SmallFile(_entry(file), found.kind, found.contents)


def _land_waiting(
    con: duckdb.DuckDBPyConnection,
    waiting: list[tuple[KnownFile, SmallFile]],
    originals: Originals,
    reader: ReaderOf,
) -> list[Receipt]:
    """Land the small files that wait, in one transaction; none waits then."""
    small = tuple(waiting)
    waiting.clear()
    if not small:
        return []
    try:
        return write_together(con, [(_slot(file), one) for file, one in small])
    except (Exception, PanicException) as error:
        verdict_on(error)  # raises where no document is to blame
        return [_land_alone(con, file, originals, reader) for file, _ in small]


def _land_alone(
    con: duckdb.DuckDBPyConnection, file: KnownFile, originals: Originals, reader: ReaderOf
) -> Receipt:
    verdict = _verdict_then(file, originals)
    if verdict is not None:
        return set_aside(con, _entry(file), file.kind, verdict, _slot(file))
    opened = partial(_opened, file, originals, reader)
    return write_alone(con, _entry(file), opened, slot=_slot(file))


@contextmanager
def _opened(file: KnownFile, originals: Originals, reader: ReaderOf) -> Iterator[Source]:
    with originals.reading(str(file.sha256), file.path) as path:
        yield reader(file.layouts)(path)
