"""Opening the warehouse: one file, one writer, times in UTC, nothing fetched."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from data.errors import WarehouseError
from data.warehouse.models import quoted, table_definitions

# Extensions are never fetched: a run needs no network, and a query cannot make one need it.
_ALWAYS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
# What a reader's connection can do is read this one file. The last one makes the others final.
_SHUT_OFF = {
    "python_enable_replacements": "false",  # no query reads a variable of this process
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "enable_external_access": "false",  # no other file, no network, no extension
    "lock_configuration": "true",
}


def open_warehouse(
    path: Path, *, memory_limit: str | None = None, threads: int | None = None
) -> duckdb.DuckDBPyConnection:
    """Open the working file for writing, creating it and its tables where they are absent.

    Parameters
    ----------
    path
        The warehouse file; its folder is created.
    memory_limit
        As DuckDB writes it, ``"4GB"``; past it, work spills to disk beside the file. Default: four
        fifths of the machine.
    threads
        Default: all cores.

    Raises
    ------
    WarehouseError
        Another run holds the file, or it is not a warehouse.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WarehouseError(
            f"{path.parent}: the folder of the warehouse cannot be made "
            f"({error.strerror}). Name another place with --warehouse."
        ) from error
    con = _connect(path, False, _limits(memory_limit, threads))
    create_tables(con)
    return con


def open_read_only(
    path: Path, *, memory_limit: str | None = None, threads: int | None = None
) -> duckdb.DuckDBPyConnection:
    """Open a warehouse or snapshot for reading, shut off from other files and the network.

    Raises WarehouseError where the file is absent, held by a running batch, or not a warehouse.
    """
    if not path.is_file():
        raise WarehouseError(f"{path}: there is no warehouse here yet. Make one: touchstone run.")
    con = _connect(path, True, _limits(memory_limit, threads))
    # Files of the archive belong to the warehouse; they are read-only (data.warehouse.archive).
    con.execute(f"SET allowed_paths = [{', '.join(map(quoted, _archived(con)))}]")
    for name, value in _SHUT_OFF.items():
        con.execute(f"SET GLOBAL {name} = {value}")  # of its cursors too
    return con


def _archived(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Where the files of archived lots lie; none for a warehouse that knows no archive."""
    known = "SELECT count(*) > 0 FROM duckdb_tables() WHERE table_name = 'raw_archived_file'"
    if not con.execute(known).fetchall()[0][0]:
        return []
    found = con.execute("SELECT path FROM raw_archived_file ORDER BY path").fetchall()
    return [path for (path,) in found]


def open_memory() -> duckdb.DuckDBPyConnection:
    """An empty warehouse in memory, for tests and trials."""
    con = duckdb.connect(":memory:", config=_ALWAYS)
    con.execute("SET TimeZone = 'UTC'")
    create_tables(con)
    return con


def create_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Create the landed and Python-filled tables where they are absent."""
    for text in table_definitions():
        con.execute(text)


def _limits(memory_limit: str | None, threads: int | None) -> dict[str, str | int]:
    limits: dict[str, str | int] = {}
    if memory_limit is not None:
        limits["memory_limit"] = memory_limit
    if threads is not None:
        limits["threads"] = threads
    return limits


def _connect(
    path: Path, read_only: bool, limits: dict[str, str | int]
) -> duckdb.DuckDBPyConnection:
    try:
        con = duckdb.connect(str(path), read_only=read_only, config={**_ALWAYS, **limits})
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise WarehouseError(
                f"{path}: another run holds the warehouse. Wait until it ends, or read the newest "
                "snapshot beside it."
            ) from error
        raise WarehouseError(
            f"{path}: this file cannot be opened as a warehouse. Check its permissions, and that "
            "it was made by touchstone; name another with --warehouse."
        ) from error
    except duckdb.ConnectionException as error:
        raise WarehouseError(
            f"{path}: this process already holds the warehouse in another way. Close it first."
        ) from error
    except duckdb.Error as error:
        raise WarehouseError(
            f"{path}: the warehouse did not open ({type(error).__name__}). Check the memory and "
            "thread settings, and that the file was made by touchstone."
        ) from error
    con.execute("SET GLOBAL TimeZone = 'UTC'")
    con.execute("SET enable_progress_bar = false")  # its bars would stand in logs
    return con


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing, whatever goes wrong, an interruption included."""
    con.begin()
    try:
        yield
        con.commit()
    except BaseException:
        with suppress(duckdb.Error):  # a fatal error has ended the transaction already
            con.rollback()
        raise
