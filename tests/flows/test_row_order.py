"""No model's rows depend on the order in which its inputs' rows lie.

A cluster, a run that goes on after a kill, and another number of threads leave rows in another
order; what is published must be the same to the last bit.
"""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from data.simulator.profiles import Wishes, world_of
from data.simulator.world import simulate
from data.warehouse.models import Model, read_models
from data.warehouse.standing import table_print
from flows.steps import run_steps
from tests.flows.conftest import job_for


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("order")
    told = simulate(folder / "world", world_of("month", Wishes(lots=60, units=100, seed=9)))
    job = job_for(folder / "world" / "feed", folder, told.as_of.replace(tzinfo=None))
    run_steps(job, lambda _: None)
    return job.warehouse


def rows_by_model(warehouse: Path, seed: int) -> Iterator[tuple[str, str]]:
    """The print of each model's rows, made of inputs whose rows were shuffled."""
    models = read_models()
    with duckdb.connect(config={"threads": 2}) as con:
        con.execute(f"ATTACH '{warehouse}' AS judged (READ_ONLY)")
        query = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'judged'"
        for (name,) in con.execute(query).fetchall():
            shuffled = f"FROM judged.{name} AS row_of ORDER BY hash(row_of, {seed})"
            con.execute(f"CREATE TABLE {name} AS {shuffled}")
        for model in models:
            if is_view(model):
                con.execute(f"CREATE VIEW {model.file.name} AS {model.file.select}")
        for model in models:
            if not is_view(model):
                con.execute(f"CREATE TEMP TABLE made AS {model.file.select}")
                yield model.file.name, table_print(con, "made")
                con.execute("DROP TABLE made")


def is_view(model: Model) -> bool:
    return model.header.kind == "view"


def test_no_model_depends_on_the_order_of_its_inputs_rows(judged: Path) -> None:
    one, other = (dict(rows_by_model(judged, seed)) for seed in (1, 2))
    assert len(one) > 100
    assert [name for name in one if one[name] != other[name]] == []
