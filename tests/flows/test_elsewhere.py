"""Patterns computed in other processes, by shares of the lots, give the rows of one process."""

import shutil
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from data.errors import ModelError
from data.warehouse.connection import open_read_only, open_warehouse
from data.warehouse.elsewhere import (
    INPUTS,
    Piece,
    Share,
    compute,
    compute_piece,
    export,
)
from data.warehouse.models import read_models
from flows.steps import run_steps
from tests.flows.conftest import SampleRun

PATTERNS = [model for model in read_models() if model.file.layer == "patterns"]


class Here(Executor):
    """Works at once, in this process."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except duckdb.Error as error:
            future.set_exception(error)
        return future


@pytest.fixture(scope="module")
def computed(sample: SampleRun, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    folder = tmp_path_factory.mktemp("elsewhere")
    copy = Path(shutil.copy(sample.outcome.snapshot, folder / "warehouse.duckdb"))
    with open_warehouse(copy) as con:
        return compute(con, PATTERNS, executor=Here(), folder=folder, shares=3, memory_limit="1GB")


@pytest.mark.parametrize("model", PATTERNS, ids=lambda model: model.file.name)
def test_shares_together_are_the_whole(
    model: Any, sample: SampleRun, computed: dict[str, list[Path]]
) -> None:
    name = model.file.name
    assert len(computed[name]) == (3 if model.header.is_by_lot else 1)
    with duckdb.connect() as con:
        together = []
        for number, path in enumerate(computed[name]):
            con.execute(f"ATTACH '{path}' AS part_{number} (READ_ONLY)")
            together += con.execute(f"FROM part_{number}.{name}").fetchall()
    with open_read_only(sample.outcome.snapshot) as con:
        assert sorted(map(repr, together)) == sorted(
            map(repr, con.execute(f"FROM {name}").fetchall())
        )


def test_what_a_lost_process_left_spoils_nothing(tmp_path: Path) -> None:
    piece = Piece("told", "sql/told.sql", "SELECT n FROM given", ("given",), Share(0, 1))
    with duckdb.connect() as con:
        con.execute("CREATE TABLE given AS SELECT 7 AS n")
        export(con, ["given"], tmp_path / INPUTS)
    (tmp_path / "told.0.abandoned.unfinished").write_bytes(b"half a file")
    for _ in range(2):  # the second time, as by another process that was given the same work
        compute_piece(piece, tmp_path, "1GB")
        with duckdb.connect(str(tmp_path / piece.file), read_only=True) as con:
            assert con.execute("FROM told").fetchall() == [(7,)]


def test_a_query_that_fails_elsewhere_is_named(tmp_path: Path) -> None:
    broken = replace(PATTERNS[0], file=replace(PATTERNS[0].file, text="SELECT 1 / x AS one"))
    header = replace(broken.header, reads=())
    with duckdb.connect() as con, pytest.raises(ModelError, match=PATTERNS[0].file.path):
        compute(
            con,
            [replace(broken, header=header)],
            executor=Here(),
            folder=tmp_path,
            shares=2,
            memory_limit="1GB",
        )


def test_enough_patterns_can_be_worked_on_by_lot() -> None:
    assert sum(model.header.is_by_lot for model in PATTERNS) >= 14


@pytest.mark.filterwarnings("default")  # Dask's own, on a busy machine
def test_a_cluster_of_two_workers_publishes_what_one_machine_does(
    sample: SampleRun, tmp_path: Path
) -> None:
    job = replace(
        sample.job,
        **{"warehouse": tmp_path / "w" / "touchstone.duckdb", "reports": tmp_path / "reports"},
        cluster="local",
    )
    outcome = run_steps(job, lambda _: None)
    assert published(outcome.snapshot) == published(sample.outcome.snapshot)
    assert pages(tmp_path / "reports") == pages(sample.job.reports)
    assert not list((tmp_path / "w").glob("*.elsewhere"))


def published(snapshot: Path) -> dict[str, list[str]]:
    """The rows of every published view and finding, in no order."""
    with open_read_only(snapshot) as con:
        views = con.execute(
            "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1"
        ).fetchall()
        return {
            name: sorted(map(repr, con.execute(f"FROM {name}").fetchall()))
            for (name,) in [*views, ("find_finding",)]
        }


def pages(folder: Path) -> dict[str, bytes]:
    """Every published file."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
