"""Readable copies of the warehouse, for people who query while a batch runs.

DuckDB lets a writer shut out all readers of its file. So each finished run publishes a copy beside
it, under a name of its own: a reader keeps the copy it has open, the next reader takes the newest.

    warehouse.duckdb                          the working file
    warehouse.0007-20240701-3f2a9c01b2d4.duckdb   a snapshot: number, then the run's own name
"""

import re
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from data.errors import WarehouseError
from data.record.disk import settle, sync_folder

KEPT = 2
_FREE_SHARE = 0.2
_NUMBER = re.compile(r"\d{4,}(?=-)")


@dataclass(frozen=True)
class Prepared:
    """A finished copy that readers do not see yet."""

    unfinished: Path
    target: Path


def publish(con: duckdb.DuckDBPyConnection, warehouse: Path, name: str) -> Path:
    """Copy the open warehouse to a snapshot, and delete all but the newest KEPT.

    Parameters and errors are those of ``prepare``.
    """
    return reveal(prepare(con, warehouse, name), warehouse)


def prepare(con: duckdb.DuckDBPyConnection, warehouse: Path, name: str) -> Prepared:
    """Copy the open warehouse, out of readers' sight.

    Parameters
    ----------
    con
        The connection that holds ``warehouse``, outside a transaction. While it is open nobody
        else can write, so the copy is of one moment.
    warehouse
        The working file.
    name
        The run's name in the file name: letters, digits, ``-`` and ``_``.

    Raises WarehouseError where the copy cannot be written; no half-made snapshot is left.
    """
    if not re.fullmatch(r"[\w-]+", name):
        raise WarehouseError(f"{name!r} cannot be part of a snapshot's name.")
    number = 1 + max((_number(path, warehouse) for path in snapshots(warehouse)), default=0)
    target = warehouse.with_name(f"{warehouse.stem}.{number:04d}-{name}{warehouse.suffix}")
    unfinished = warehouse.with_name(f".{warehouse.stem}.snapshot.unfinished")
    try:
        _remove(unfinished)
        if _is_compact(con):
            _copy_file(con, unfinished)
        else:
            _copy_tables(con, unfinished)
        settle(unfinished)
    except (duckdb.Error, OSError, subprocess.CalledProcessError) as error:
        with suppress(OSError):
            _remove(unfinished)
        raise WarehouseError(
            f"{target}: the snapshot could not be written ({type(error).__name__}). Check free "
            "disk space; the working file is unharmed."
        ) from error
    return Prepared(unfinished, target)


def _is_compact(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether what is written lies in the file, and little of the file is free space."""
    con.execute("CHECKPOINT")
    [(free, total)] = con.execute(
        "SELECT free_blocks, total_blocks FROM pragma_database_size() "
        "WHERE database_name = current_database()"
    ).fetchall()
    return bool(free <= _FREE_SHARE * total)


def _copy_file(con: duckdb.DuckDBPyConnection, target: Path) -> None:
    """Copy the file byte by byte: a tenth of the time, and no memory.

    By another process: closing the file in this one would give up the lock that the database holds.
    """
    source = con.execute(
        "SELECT path FROM duckdb_databases() WHERE database_name = current_database()"
    ).fetchall()[0][0]
    copy = "import shutil, sys; shutil.copyfile(sys.argv[1], sys.argv[2])"
    words = [sys.executable, "-I", "-c", copy, source, str(target)]
    subprocess.run(words, check=True, capture_output=True)  # noqa: S603 - words of ours


def _copy_tables(con: duckdb.DuckDBPyConnection, target: Path) -> None:
    """Copy table by table, which leaves the free space out."""
    source = con.execute("SELECT current_database()").fetchall()[0][0]
    con.execute(f"ATTACH '{str(target).replace(chr(39), chr(39) * 2)}' AS snapshot")
    try:
        con.execute(f'COPY FROM DATABASE "{source}" TO snapshot')
    finally:
        con.execute("DETACH snapshot")


def compact(con: duckdb.DuckDBPyConnection, warehouse: Path) -> bool:
    """Write the working file anew where much of it is free space; return whether it was.

    The connection, which holds ``warehouse`` outside a transaction, is closed. The new file takes
    the place of the old one at once; what a kill leaves of it, the next time sweeps away.

    Raises WarehouseError where it cannot be written; the working file is as it was then.
    """
    unfinished = warehouse.with_name(f".{warehouse.stem}.compact.unfinished")
    try:
        _remove(unfinished)
        if _is_compact(con):
            return False
        _copy_tables(con, unfinished)
        con.close()
        if warehouse.with_name(f"{warehouse.name}.wal").exists():
            return False  # something is not in the file yet
        settle(unfinished)
        unfinished.replace(warehouse)
        sync_folder(warehouse.parent)
    except (duckdb.Error, OSError) as error:
        raise WarehouseError(
            f"{warehouse}: the file could not be written anew ({type(error).__name__}). Check free "
            "disk space; the working file is unharmed."
        ) from error
    finally:
        con.close()
        with suppress(OSError):
            _remove(unfinished)
    return True


def reveal(prepared: Prepared, warehouse: Path) -> Path:
    """Show a prepared copy to readers, and delete all but the newest KEPT."""
    prepared.unfinished.replace(prepared.target)
    sync_folder(prepared.target.parent)
    for path in snapshots(warehouse)[:-KEPT]:
        with suppress(PermissionError):  # some systems keep a file that a reader has open
            path.unlink()
    return prepared.target


def _remove(unfinished: Path) -> None:
    """Delete what a killed run left of a copy, its write-ahead log too."""
    unfinished.unlink(missing_ok=True)
    unfinished.with_name(f"{unfinished.name}.wal").unlink(missing_ok=True)


def newest_snapshot(warehouse: Path) -> Path | None:
    """The snapshot published last, or None."""
    return max(snapshots(warehouse), key=lambda path: _number(path, warehouse), default=None)


def snapshots(warehouse: Path) -> list[Path]:
    """The warehouse's snapshots, oldest first."""
    found = warehouse.parent.glob(f"{_escaped(warehouse.stem)}.*{_escaped(warehouse.suffix)}")
    return sorted(
        (path for path in found if _number(path, warehouse)),
        key=lambda path: _number(path, warehouse),
    )


def _number(path: Path, warehouse: Path) -> int:
    match = _NUMBER.match(path.name, len(warehouse.stem) + 1)
    return int(match[0]) if match else 0


def _escaped(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)
