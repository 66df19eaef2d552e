"""Models computed in other processes, by shares of the lots, give the rows of one process."""

import os
import shutil
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from data.errors import ModelError
from data.simulator.profiles import PROFILES
from data.simulator.world import simulate
from data.warehouse.connection import open_read_only, open_warehouse
from data.warehouse.elsewhere import Piece, Task, compute, compute_piece, wave_of
from data.warehouse.models import Model, read_models
from data.warehouse.shares import ALL, Share, Shipped, rows_of, ship
from data.warehouse.standing import table_print
from flows.steps import Job, run_steps
from flows.workers import cluster
from tests.flows.conftest import SampleRun

MODELS = read_models()
BY_LOT = [model for model in MODELS if model.header.is_by_lot]
PATTERNS = [model for model in MODELS if model.file.layer == "patterns"]
WHOLE = [model for model in PATTERNS if not model.header.is_by_lot]
HISTORIES = {"core_item_step", "core_item_event", "core_custody"}


class Here(Executor):
    """Works at once, in this process."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except ModelError as error:
            future.set_exception(error)
        return future


def computed(
    warehouse: Path, models: Sequence[Model], folder: Path, executor: Executor, shares: int = 3
) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of models that others make from the warehouse, as if none of them was built."""
    copy = Path(shutil.copy(warehouse, folder / "warehouse.duckdb"))
    with open_warehouse(copy) as con:
        selects = compute(
            con,
            models,
            lambda _: False,
            executor=lambda: executor,
            folder=folder / "shared",
            shares=shares,
            memory_limit="1GB",
        )
        return {name: con.execute(select).fetchall() for name, select in selects.items()}


@pytest.fixture(scope="module")
def made(
    sample: SampleRun, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[tuple[Any, ...]]]:
    warehouse = sample.outcome.snapshot
    by_lot = computed(warehouse, BY_LOT, tmp_path_factory.mktemp("by_lot"), Here())
    return by_lot | computed(warehouse, WHOLE, tmp_path_factory.mktemp("whole"), Here())


@pytest.mark.parametrize("model", [*BY_LOT, *WHOLE], ids=lambda model: model.file.name)
def test_shares_together_are_the_whole(
    model: Model, sample: SampleRun, made: dict[str, list[tuple[Any, ...]]]
) -> None:
    name = model.file.name
    with open_read_only(sample.outcome.snapshot) as con:
        assert sorted(map(repr, made[name])) == sorted(
            map(repr, con.execute(f"FROM {name}").fetchall())
        )


def test_each_share_is_made_of_its_own_lots_alone(sample: SampleRun, tmp_path: Path) -> None:
    computed(sample.outcome.snapshot, BY_LOT, tmp_path, Here())
    with duckdb.connect() as con:
        lots = [
            {lot for (lot,) in con.read_parquet(str(part)).select("lot_id").distinct().fetchall()}
            for part in sorted((tmp_path / "shared" / "core_item_step").glob("share=?/*"))
        ]
    assert len(lots) == 3
    assert all(lots)
    assert sum(map(len, lots)) == len(set.union(*lots))


def test_histories_and_enough_patterns_are_worked_on_by_lot() -> None:
    assert {model.file.name for model in BY_LOT} >= HISTORIES
    assert sum(model.header.is_by_lot for model in PATTERNS) >= 14


def test_what_is_made_of_a_lot_alone_goes_on_in_the_same_process() -> None:
    first = next(n for n, one in enumerate(MODELS) if one.file.name == "core_item_step")
    wave = [model.file.name for model in wave_of(MODELS[first:], lambda _: False)]
    assert wave[0] == "core_item_step"
    assert set(wave) >= HISTORIES
    assert "core_lot" not in wave  # it compares what several lots' records say


def test_nobody_is_asked_for_what_stands() -> None:
    assert wave_of(BY_LOT, lambda _: True) == []


def given(folder: Path, rows: str) -> Shipped:
    """A table in the folder as others read it."""
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE given AS {rows}")
        shape = tuple((row[0], row[1]) for row in con.execute("DESCRIBE given").fetchall())
        table = Shipped("given", shape)
        ship(con, table, folder, 3)
    return table


def test_what_a_lost_process_left_spoils_nothing(tmp_path: Path) -> None:
    table = given(tmp_path, "SELECT 7 AS n")
    piece = Piece((Task("told", "sql/told.sql", "SELECT n FROM given", (table,)),), ALL)
    (tmp_path / "told" / "share=all").mkdir(parents=True)
    (tmp_path / "told" / "share=all" / "abandoned.unfinished").write_bytes(b"half a file")
    for _ in range(2):  # the second time, as by another process that was given the same work
        (told,) = compute_piece(piece, tmp_path, "1GB")
        assert duckdb.sql(rows_of(told, ALL, tmp_path)).fetchall() == [(7,)]


def test_values_come_back_as_the_types_they_were(tmp_path: Path) -> None:
    rows = (
        "SELECT 3::BIGINT AS lot_id, 170141183460469231731687303715884105727 AS huge, "
        """'{"a": 1}'::JSON AS told, [1, NULL]::BIGINT[] AS ids, 'NaN'::DOUBLE AS odd, """
        "TIMESTAMP '2026-01-02 03:04:05.678901' AS at, {'x': 'it''s'} AS made "
        "UNION ALL SELECT NULL, NULL, NULL, [], NULL, NULL, NULL"
    )
    table = given(tmp_path, rows)
    with duckdb.connect() as con:
        back = con.sql(rows_of(table, ALL, tmp_path))
        assert [*zip(back.columns, map(str, back.types), strict=True)] == [*table.shape]
        assert back.fetchall().__repr__() == con.sql(rows).fetchall().__repr__()


def test_a_table_without_rows_keeps_its_columns(tmp_path: Path) -> None:
    table = given(tmp_path, "SELECT 1 AS lot_id, 'x' AS told WHERE false")
    for share in (ALL, Share(1, 3)):
        found = duckdb.sql(rows_of(table, share, tmp_path))
        assert (found.columns, found.fetchall()) == (["lot_id", "told"], [])


def test_a_query_that_fails_elsewhere_is_named(tmp_path: Path) -> None:
    broken = replace(WHOLE[0], file=replace(WHOLE[0].file, text="SELECT 1 / x AS one"))
    model = replace(broken, header=replace(broken.header, reads=()))
    with duckdb.connect() as con, pytest.raises(ModelError, match=WHOLE[0].file.path):
        compute(
            con,
            [model],
            lambda _: False,
            executor=Here,
            folder=tmp_path,
            shares=2,
            memory_limit="1GB",
        )


class Losing(Executor):
    """Passes work on, and kills the process that does the third piece."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.count = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        self.count += 1
        if self.count == 3:
            self.executor.submit(os.kill, self.executor.submit(os.getpid).result(), signal.SIGKILL)
        return self.executor.submit(fn, *args, **kwargs)


@pytest.mark.filterwarnings("default")  # Dask's own, on a busy machine
def test_a_worker_killed_in_the_middle_changes_nothing(
    sample: SampleRun, made: dict[str, list[tuple[Any, ...]]], tmp_path: Path
) -> None:
    with cluster("local", 2) as executor:
        losing = Losing(executor)
        found = computed(sample.outcome.snapshot, BY_LOT, tmp_path, losing)
    assert losing.count == 3
    assert {name: [*map(repr, rows)] for name, rows in found.items()} == {
        model.file.name: [*map(repr, made[model.file.name])] for model in BY_LOT
    }


@pytest.mark.filterwarnings("default")
def test_a_cluster_of_two_workers_publishes_what_one_machine_does(
    sample: SampleRun, tmp_path: Path
) -> None:
    job = replace(
        sample.job,
        **{"warehouse": tmp_path / "w" / "touchstone.duckdb", "reports": tmp_path / "reports"},
        cluster="local",
    )
    outcome = run_steps(job, lambda _: None)
    assert tables(outcome.snapshot) == tables(sample.outcome.snapshot)
    assert pages(tmp_path / "reports") == pages(sample.job.reports)
    assert not list((tmp_path / "w").glob("*.elsewhere"))


# The worlds of the profiles, with fewer and smaller lots.
SMALL = {
    "month": PROFILES["demo"],
    "storm": replace(PROFILES["storm"], lots=40, units=60),
}


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("profile", SMALL)
def test_a_cluster_of_two_workers_and_one_machine_agree(profile: str, tmp_path: Path) -> None:
    told = simulate(tmp_path / "world", SMALL[profile])
    as_of = told.as_of.replace(tzinfo=None)
    snapshots = []
    for name, address in (("one", None), ("two", "local")):
        folder = tmp_path / name
        job = Job((tmp_path / "world" / "feed",), folder / "w.duckdb", folder / "reports", as_of)
        snapshots.append(run_steps(replace(job, cluster=address), lambda _: None).snapshot)
    one, two = map(tables, snapshots)
    assert one == two
    assert pages(tmp_path / "one" / "reports") == pages(tmp_path / "two" / "reports")
    assert not list((tmp_path / "two").glob("*.elsewhere"))


def tables(snapshot: Path) -> dict[str, str]:
    """The rows of every table, landed or made, in whatever order, as hashes."""
    with open_read_only(snapshot) as con:
        names = con.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()
        return {name: table_print(con, name) for (name,) in names}


def pages(folder: Path) -> dict[str, bytes]:
    """Every published file."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
