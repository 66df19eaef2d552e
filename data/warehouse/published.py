"""A reader's connection to the newest published copy, kept from one question to the next.

Opening and closing a copy costs some 25 ms of processor time, ten times what a small question
does, and on a busy machine most of the wait. So a copy is opened once; whether there is a newer one
is a look into the folder.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import duckdb

from data.errors import WarehouseError
from data.warehouse.connection import open_read_only
from data.warehouse.snapshot import newest_snapshot


class Published:
    """The newest published copy of a warehouse, whichever that is when a question is asked.

    Parameters
    ----------
    warehouse : Path
        The working file. Where nothing was published yet, it is read itself, and let go of after
        each question: while a reader has it open, no run can begin.
    threads : int, optional
        Of a question; default all cores. One is best for small questions asked again and again: no
        answer waits then until a busy machine gives a second thread its turn.

    The copy that is open stays on the disk until the first question after the next publication,
    also where it is deleted meanwhile. For one thread of Python at a time.
    """

    def __init__(self, warehouse: Path, *, threads: int | None = None) -> None:  # noqa: D107 - above
        self.warehouse = warehouse
        self.threads = threads
        self._copy: Path | None = None
        self._open: duckdb.DuckDBPyConnection | None = None

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for one question, or for several that are to see the same state.

        What a question leaves behind, a temporary table or an open transaction, ends with it.

        Raises WarehouseError where there is nothing to read.
        """
        kept = self._newest()
        if kept is None:
            with open_read_only(self.warehouse, threads=self.threads) as con:
                yield con
        else:
            with kept.cursor() as con:
                yield con

    def close(self) -> None:
        """Let go of the copy; the next question opens the newest one again."""
        if self._open is not None:
            self._open.close()
        self._copy = self._open = None

    def __enter__(self) -> Self:
        """Return the reader itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the copy."""
        self.close()

    def _newest(self) -> duckdb.DuckDBPyConnection | None:
        """The open copy, exchanged where a newer one was published; None where none ever was."""
        while (copy := newest_snapshot(self.warehouse)) != self._copy:
            self.close()
            if copy is None:
                break
            try:
                self._open = open_read_only(copy, threads=self.threads)
                self._copy = copy
            except WarehouseError:
                if copy.exists():
                    raise
                # Deleted since the look: newer ones are there.
        return self._open
