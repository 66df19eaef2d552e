"""Patterns computed in other processes, by shares of the lots, give the rows of one process."""

import shutil
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import duckdb
import pytest

from data.warehouse.connection import open_read_only, open_warehouse
from data.warehouse.elsewhere import compute, gather
from data.warehouse.models import read_models
from tests.flows.conftest import SampleRun

PATTERNS = [model for model in read_models() if model.file.layer == "patterns"]


class Here(Executor):
    """Works at once, in this process."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@pytest.fixture(scope="module")
def computed(sample: SampleRun, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    folder = tmp_path_factory.mktemp("elsewhere")
    copy = Path(shutil.copy(sample.outcome.snapshot, folder / "warehouse.duckdb"))
    with open_warehouse(copy) as con:
        return compute(con, PATTERNS, Here(), folder, 3, "1GB")


@pytest.mark.parametrize("model", PATTERNS, ids=lambda model: model.file.name)
def test_shares_together_are_the_whole(
    model: Any, sample: SampleRun, computed: dict[str, list[Path]]
) -> None:
    name = model.file.name
    assert len(computed[name]) == (3 if model.header.is_by_lot else 1)
    with duckdb.connect() as con:
        gather(con, name, computed[name])
        together = con.execute(f"FROM {name} ORDER BY ALL").fetchall()
    with open_read_only(sample.outcome.snapshot) as con:
        assert together == con.execute(f"FROM {name} ORDER BY ALL").fetchall()


def test_enough_patterns_can_be_worked_on_by_lot() -> None:
    assert sum(model.header.is_by_lot for model in PATTERNS) >= 16
