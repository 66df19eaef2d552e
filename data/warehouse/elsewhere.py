"""Models computed by other processes, of this machine or others, from the same SQL.

What the models read is written to one DuckDB file on storage that all see; each process attaches
it read-only, runs one model's SELECT over it (over the rows of its share of the lots, where the
header says that lots can be worked on apart) and leaves a file with the result. DuckDB's own format
carries every type exactly, which Parquet does not (128-bit integers).
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import duckdb

from data.errors import ModelError
from data.warehouse.headers import Header
from data.warehouse.models import Model, ModelFile, quoted, reason

INPUTS = "inputs.duckdb"


@dataclass(frozen=True)
class Share:
    """The lots that one process works on: those whose hash leaves ``number`` of ``count``."""

    number: int
    count: int

    def holds(self, column: str) -> str:
        """The condition on a column of lot ids."""
        return f"hash({column}) % {self.count} = {self.number}"


ALL = Share(0, 1)


@dataclass(frozen=True)
class Piece:
    """One model over one share of the lots."""

    name: str
    path: str
    select: str
    reads: tuple[str, ...]
    share: Share

    @property
    def file(self) -> str:
        """The name of the file with its result."""
        return f"{self.name}.{self.share.number}.duckdb"


def compute(
    con: duckdb.DuckDBPyConnection,
    models: Sequence[Model],
    *,
    executor: Executor,
    folder: Path,
    shares: int,
    memory_limit: str,
) -> dict[str, list[Path]]:
    """Have models that do not read each other computed.

    Parameters
    ----------
    con
        The warehouse, with all that the models read in place.
    models
        In the order of the build.
    executor
        Runs functions in other processes, which see ``folder`` under the same path.
    folder
        For inputs and results, empty.
    shares
        Into how many the lots are parted.
    memory_limit
        Of each process, as DuckDB writes it.

    Returns the files with each model's rows, in the order of shares. Raises ModelError naming the
    file of a query that fails.
    """
    reads = sorted({name for model in models for name in model.header.reads})
    export(con, reads, folder / INPUTS)
    pieces = [piece for model in models for piece in pieces_of(model.file, model.header, shares)]
    running = [executor.submit(compute_piece, piece, folder, memory_limit) for piece in pieces]
    files: dict[str, list[Path]] = {model.file.name: [] for model in models}
    for piece, future in zip(pieces, running, strict=True):
        try:
            future.result()
        except duckdb.Error as error:
            raise ModelError(
                f"{piece.path}: {piece.name} could not be computed elsewhere: {reason(error)}\n"
                "Its text is one SELECT: run it alone on the warehouse to see more."
            ) from error
        files[piece.name].append(folder / piece.file)
    return files


def pieces_of(file: ModelFile, header: Header, shares: int) -> list[Piece]:
    """A model as the pieces that can be computed apart; one where lots hang together."""
    count = shares if header.is_by_lot else 1
    return [
        Piece(file.name, file.path, file.select, header.reads, Share(number, count))
        for number in range(count)
    ]


def export(con: duckdb.DuckDBPyConnection, tables: Iterable[str], path: Path) -> None:
    """Write tables to a DuckDB file of their own, in the order of their rows."""
    con.execute(f"ATTACH {quoted(str(path))} AS inputs")
    try:
        for name in tables:
            con.execute(f"CREATE TABLE inputs.{name} AS FROM {name}")
    finally:
        con.execute("DETACH inputs")


def compute_piece(piece: Piece, folder: Path, memory_limit: str) -> None:
    """Run a piece in this process and leave its rows in ``folder``.

    A process that was lost may have left half a file, and another may do the same piece at the same
    time: each writes a file of its own, and the last whole one stays.
    """
    result = folder / piece.file
    unfinished = result.with_suffix(f".{uuid4().hex}.unfinished")
    with duckdb.connect(config={"memory_limit": memory_limit, "threads": 1}) as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(f"ATTACH {quoted(str(folder / INPUTS))} AS inputs (READ_ONLY)")
        for name in piece.reads:
            condition = _condition(con, name, piece.share)
            con.execute(f"CREATE VIEW {name} AS FROM inputs.{name} WHERE {condition}")
        con.execute(f"ATTACH {quoted(str(unfinished))} AS result")
        con.execute(f"CREATE TABLE result.{piece.name} AS\n{piece.select}")
        if piece.share != ALL:
            _drop_rows_of_others(con, piece)
        con.execute("DETACH result")
    unfinished.replace(result)


def _condition(con: duckdb.DuckDBPyConnection, table: str, share: Share) -> str:
    """Which rows of an input a share needs: its lots', and those of no lot."""
    found = con.execute(
        "SELECT column_name FROM duckdb_columns() WHERE database_name = 'inputs' "
        "AND table_name = ?",
        [table],
    ).fetchall()
    columns = {name for (name,) in found}
    if share == ALL or not columns & {"lot_id", "unit_id"}:
        return "true"
    if "lot_id" in columns:
        return f"lot_id IS NULL OR {share.holds('lot_id')}"
    return (
        "unit_id IS NULL OR unit_id IN (SELECT unit.unit_id FROM inputs.core_unit AS unit "  # noqa: S608
        f"WHERE unit.lot_id IS NULL OR {share.holds('unit.lot_id')})"
    )


def _drop_rows_of_others(con: duckdb.DuckDBPyConnection, piece: Piece) -> None:
    """Rows of no lot are found in every share, and told in the first."""
    others = f"NOT coalesce({piece.share.holds('lot_id')}, {piece.share.number == 0})"
    con.execute(f"DELETE FROM result.{piece.name} WHERE {others}")  # noqa: S608 - names of ours
