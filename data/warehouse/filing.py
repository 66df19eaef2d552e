"""Files written into the warehouse: each whole or not at all, with what is on record of it.

A transaction holds one file, or several small ones that follow each other.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

import duckdb
from polars.exceptions import PanicException

from data.warehouse.connection import transaction
from data.warehouse.load import Contents, Slot, land_statement, load_members, load_together
from data.warehouse.sources import Source, Unreadable
from data.warehouse.verdicts import WHOLE, verdict_on

# A transaction costs some fifty milliseconds however little it lands, so small files share one.
TOGETHER_BYTES = 32 << 20  # of frames
TOGETHER_FILES = 256


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
class Entry:
    """What is on record of a file, whatever came of reading it.

    ``layouts`` are the hashes of the mappings in force.
    """

    path: str
    sha256: str | None
    byte_count: int | None
    ingested_at: datetime
    layouts: tuple[str, ...] = ()


@dataclass(frozen=True)
class SmallFile:
    """A small file that was read, or refused, and is written with its neighbours."""

    entry: Entry
    kind: str
    contents: Contents
    verdict: Unreadable | None = None


def are_enough(small: Sequence[SmallFile]) -> bool:
    """Whether as many small files wait as one transaction is to hold."""
    size = sum(one.contents.byte_count for one in small)
    return len(small) >= TOGETHER_FILES or size >= TOGETHER_BYTES


def write_together(
    con: duckdb.DuckDBPyConnection, placed: Sequence[tuple[Slot, SmallFile]]
) -> list[Receipt]:
    """Write small files in one transaction; their slots follow each other.

    The warehouse is what ``write_alone`` makes of each in turn. An error tells not which file is to
    blame.
    """
    with transaction(con):
        load_together(con, [(slot, one.contents) for slot, one in placed])
        return [
            _record(
                con,
                slot,
                one.entry,
                one.kind,
                (one.contents.read_count, one.contents.set_aside_count),
                one.verdict,
            )
            for slot, one in placed
        ]


def write_alone(
    con: duckdb.DuckDBPyConnection,
    entry: Entry,
    opened: Callable[[], AbstractContextManager[Source]],
    report: Callable[[int], None] = lambda _: None,
    *,
    slot: Slot | None = None,
    before: Receipt | None = None,
) -> Receipt:
    """Read a file and write it, in a transaction of its own, or set it aside with the reason.

    Parameters
    ----------
    con : a warehouse open for writing
    entry : what is on record of the file
    opened : opens it for as long as it is read; what it raises, at its end too, undoes all of it
    report : told the records read so far
    slot : where its records go; by default behind all others
    before : what became of it before, where it was set aside: this goes once the file can be read,
        and stays where it cannot

    Raises WarehouseError where the warehouse itself could not be written.
    """
    kind = "unknown"
    try:
        with transaction(con), opened() as source:
            kind = source.kind
            if before is not None:
                _forget(con, before.file_id)
            place = slot or next_slot(con)
            counts = (0, 0)
            for counts in load_members(con, place, source.members):
                report(counts[0])
            return _record(con, place, entry, kind, counts)
    except (Exception, PanicException) as error:  # a panic is not an Exception, yet of this file
        verdict = verdict_on(error)
        return before or set_aside(con, entry, kind, verdict, slot)


def set_aside(
    con: duckdb.DuckDBPyConnection,
    entry: Entry,
    kind: str,
    verdict: Unreadable,
    slot: Slot | None = None,
) -> Receipt:
    """Record a file of which nothing is landed; it counts as one record met and set aside."""
    with transaction(con):
        place = slot or next_slot(con)
        con.execute(
            "INSERT INTO raw_rejected VALUES (?, NULL, ?, ?, ?)",
            [place.file_id, WHOLE, verdict.reason, verdict.remedy],
        )
        return _record(con, place, entry, kind, (1, 1), verdict)


def next_slot(con: duckdb.DuckDBPyConnection) -> Slot:
    """The place behind all files that were landed."""
    return Slot(*con.execute(land_statement("next_slot")).fetchall()[0])


def _forget(con: duckdb.DuckDBPyConnection, file_id: int) -> None:
    """Drop the record of a file that was set aside as a whole: it landed nothing else."""
    con.execute("DELETE FROM raw_source_file WHERE file_id = ?", [file_id])
    con.execute("DELETE FROM raw_rejected WHERE file_id = ?", [file_id])


def _record(
    con: duckdb.DuckDBPyConnection,
    slot: Slot,
    entry: Entry,
    kind: str,
    counts: tuple[int, int],
    verdict: Unreadable | None = None,
) -> Receipt:
    receipt = Receipt(
        entry.path,
        "landed" if verdict is None else "set_aside",
        slot.file_id,
        entry.sha256,
        kind,
        *counts,
        verdict.reason if verdict else None,
        verdict.remedy if verdict else None,
    )
    con.execute(
        "INSERT INTO raw_source_file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            slot.file_id,
            entry.path,
            entry.sha256,
            entry.byte_count,
            kind,
            *counts,
            slot.first_record_id,
            entry.ingested_at,
            receipt.message,
            " ".join(entry.layouts) or None,
        ],
    )
    return receipt
