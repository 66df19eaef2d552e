"""Models computed by other processes, of this machine or others, from the same SQL.

What the models read is written as Parquet to storage that all see (``data.warehouse.shares``). The
models whose header says that lots can be worked on apart are run one after another over one share
of the lots, a future a share: what one makes, the next reads, and nothing of it is sent. A pattern
that compares lots is a future of its own, over all of them. Rows are left in the same folder, so
that what a later wave reads of them is there already; the main process takes them up and checks
them as it does any model's.
"""

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from data.errors import ModelError
from data.warehouse.models import Model, raw_tables, reason
from data.warehouse.shares import ALL, Share, Shipped, leave, rows_of, shape_of, ship


@dataclass(frozen=True)
class Task:
    """One model, and where the tables lie that it reads; those made just before are not listed."""

    name: str
    path: str
    select: str
    inputs: tuple[Shipped, ...]


@dataclass(frozen=True)
class Piece:
    """What one process is given: models in their order, over one share of the lots."""

    tasks: tuple[Task, ...]
    share: Share


def compute(
    con: duckdb.DuckDBPyConnection,
    coming: Sequence[Model],
    needs_nothing: Callable[[Model], bool],
    *,
    executor: Callable[[], Executor],
    folder: Path,
    shares: int,
    memory_limit: str,
) -> dict[str, str]:
    """Have the first of the models computed, if it can be, and with it all that can be by now.

    Parameters
    ----------
    con
        The warehouse, with all in place that is built before the first model.
    coming
        The models from here on, in the order of the build.
    needs_nothing
        Whether a model stands or is computed; asked of those only whose inputs are in place.
    executor
        Gives what runs functions in other processes, which see ``folder`` under the same path.
    folder
        For inputs and results. What lies there of models is of this run, each built once.
    shares
        Into how many the lots are parted.
    memory_limit
        Of each process, as DuckDB writes it.

    Returns the SELECT of each model's rows, by name. Raises ModelError naming the file of a query
    that fails.
    """
    wave = wave_of(coming, needs_nothing)
    if not wave:
        return {}
    tasks = [_task(con, model, coming) for model in wave]
    for table in dict.fromkeys(table for task in tasks for table in task.inputs):
        _provide(con, table, folder, shares)
    lots = tuple(task for task, model in zip(tasks, wave, strict=True) if model.header.is_by_lot)
    pieces = [Piece(lots, Share(number, shares)) for number in range(shares if lots else 0)]
    pieces += [Piece((task,), ALL) for task in tasks if task not in lots]
    running = [executor().submit(compute_piece, piece, folder, memory_limit) for piece in pieces]
    made = {table.name: table for future in running for table in future.result()}
    return {name: rows_of(table, ALL, folder) for name, table in made.items()}


def wave_of(coming: Sequence[Model], needs_nothing: Callable[[Model], bool]) -> list[Model]:
    """The models that others can compute at once, none where the first is not among them.

    Their inputs are in place or, where both are worked on lot by lot, made in the same wave.
    """
    unbuilt = {model.file.name for model in coming}
    made: set[str] = set()
    wave: list[Model] = []
    for model in coming:
        missing = unbuilt.intersection(model.header.reads)
        if (
            _can_go(model)
            and (missing <= made if model.header.is_by_lot else not missing)
            and (missing or not needs_nothing(model))
        ):
            wave.append(model)
            if model.header.is_by_lot:
                made.add(model.file.name)
        elif not wave:
            return []
    return wave


def _can_go(model: Model) -> bool:
    header = model.header
    return header.kind == "table" and (header.is_by_lot or model.file.layer == "patterns")


def _task(con: duckdb.DuckDBPyConnection, model: Model, coming: Sequence[Model]) -> Task:
    """The model, and what it reads of the folder; what is made just before it is not there."""
    unbuilt = {model.file.name for model in coming}
    inputs = tuple(
        Shipped(name, shape_of(con, name), model.header.packs_in.get(name))
        for name in model.header.reads
        if name not in unbuilt
    )
    return Task(model.file.name, model.file.path, model.file.select, inputs)


def _provide(con: duckdb.DuckDBPyConnection, table: Shipped, folder: Path, shares: int) -> None:
    """Have a table lie in the folder: a model's is made once a run, others change meanwhile."""
    place = folder / table.place
    if table.name in raw_tables():
        shutil.rmtree(place, ignore_errors=True)
    if not place.is_dir():
        ship(con, table, folder, shares)


def compute_piece(piece: Piece, folder: Path, memory_limit: str) -> tuple[Shipped, ...]:
    """Make the tables of a piece in this process and leave their rows in ``folder``."""
    made = []
    with (
        TemporaryDirectory(prefix="touchstone-") as spill,
        duckdb.connect(config={"memory_limit": memory_limit, "threads": 1}) as con,
    ):
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET temp_directory = ?", [spill])
        for task in piece.tasks:
            try:
                made.append(_made(con, task, piece.share, folder))
            except duckdb.Error as error:
                raise ModelError(
                    f"{task.path}: {task.name} could not be computed elsewhere: {reason(error)}\n"
                    "Its text is one SELECT: run it alone on the warehouse to see more."
                ) from error
    return tuple(made)


def _made(con: duckdb.DuckDBPyConnection, task: Task, share: Share, folder: Path) -> Shipped:
    for table in task.inputs:
        rows = rows_of(table, share, folder)
        con.execute(f"CREATE OR REPLACE VIEW {table.name} AS {rows}")
    con.execute(f"CREATE TABLE {task.name} AS\n{task.select}")
    if share != ALL:  # a share reads what belongs to no lot, and may make rows of other lots of it
        con.execute(f"DELETE FROM {task.name} WHERE NOT {share.holds('lot_id')}")  # noqa: S608
    return leave(con, task.name, share, folder)
