"""A build leaves alone what cannot have changed, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from data.errors import ModelError
from data.warehouse import standing
from data.warehouse.connection import open_memory
from data.warehouse.models import build

RAW = """\
CREATE TABLE IF NOT EXISTS raw_thing (
    thing_id INTEGER,  -- of the thing
    size DOUBLE        -- in metres
);
"""


def model(name: str, reads: str, select: str, kind: str = "table") -> str:
    return f"""\
-- model:   {name}
-- purpose: Things.
-- grain:   one row per thing
-- key:     {"none" if name.startswith("check") else "thing_id"}
-- kind:    {kind}
-- reads:   {reads}
-- columns:
--   thing_id  of the thing
--   size      in metres
{select}
"""


MODELS = {
    "20_stg_thing": model(
        "stg_thing", "raw_thing", "SELECT thing_id, round(size) AS size FROM raw_thing"
    ),
    "21_stg_seen": model("stg_seen", "stg_thing", "SELECT * FROM stg_thing", "view"),
    "30_core_thing": model(
        "core_thing", "stg_seen", "SELECT thing_id, size + 1 AS size FROM stg_seen"
    ),
    "90_check_big": model("check_big", "core_thing", "SELECT * FROM core_thing WHERE size > 9"),
}
ALL = {"stg_thing", "stg_seen", "core_thing", "check_big"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "01_raw_tables.sql").write_text(RAW)
    for name, text in MODELS.items():
        (tmp_path / f"{name}.sql").write_text(text)
    return tmp_path


@pytest.fixture
def con(root: Path) -> duckdb.DuckDBPyConnection:
    con = open_memory()
    con.execute(RAW)
    con.execute("INSERT INTO raw_thing VALUES (1, 2.4), (2, 10.1)")
    assert built(con, root) == ALL
    return con


def built(con: duckdb.DuckDBPyConnection, root: Path) -> set[str]:
    return {model.name for model in build(con, root=root) if not model.is_kept}


def rows(con: duckdb.DuckDBPyConnection) -> list[tuple[int, float]]:
    return con.execute("FROM core_thing ORDER BY thing_id").fetchall()


def test_what_has_not_changed_is_left_alone_and_a_failed_check_still_told(
    con: duckdb.DuckDBPyConnection, root: Path
) -> None:
    models = build(con, root=root)
    assert all(model.is_kept for model in models)
    assert [(model.name, model.rows) for model in models if model.is_failed_check] == [
        ("check_big", 1)
    ]


def test_a_new_row_rebuilds_all_that_reads_it_also_through_a_view(
    con: duckdb.DuckDBPyConnection, root: Path
) -> None:
    con.execute("INSERT INTO raw_thing VALUES (3, 5)")
    assert built(con, root) == ALL
    assert rows(con) == [(1, 3.0), (2, 11.0), (3, 6.0)]


def test_a_result_that_comes_out_as_before_spares_what_reads_it(
    con: duckdb.DuckDBPyConnection, root: Path
) -> None:
    con.execute("UPDATE raw_thing SET size = 2.3 WHERE thing_id = 1")  # the same when rounded
    assert built(con, root) == {"stg_thing"}


@pytest.mark.parametrize("size", ["round(size)::FLOAT", "round(size)::BIGINT"])
def test_equal_values_of_another_type_are_not_the_same(
    con: duckdb.DuckDBPyConnection, root: Path, size: str
) -> None:
    file = root / "20_stg_thing.sql"
    file.write_text(file.read_text().replace("round(size)", size))
    assert {"stg_thing", "core_thing"} <= built(con, root)
    [(kind,)] = con.execute("SELECT DISTINCT typeof(size) FROM core_thing").fetchall()
    assert kind in ("FLOAT", "BIGINT")


@pytest.mark.parametrize(
    ("by_hand", "anew"),
    [
        ("DELETE FROM core_thing WHERE thing_id = 1", {"core_thing"}),
        ("UPDATE core_thing SET size = size + 1", {"core_thing"}),
        ("DROP TABLE core_thing", {"core_thing"}),
        ("CREATE OR REPLACE VIEW stg_seen AS SELECT 1 AS thing_id, 2.0 AS size", {"stg_seen"}),
        ("DELETE FROM raw_build WHERE model = 'core_thing'", {"core_thing"}),
    ],
)
def test_what_was_changed_by_hand_is_built_anew(
    con: duckdb.DuckDBPyConnection, root: Path, by_hand: str, anew: set[str]
) -> None:
    before = rows(con)
    con.execute(by_hand)
    assert built(con, root) == anew
    assert rows(con) == before


def test_another_text_or_engine_or_a_full_run_builds_anew(
    con: duckdb.DuckDBPyConnection, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = root / "30_core_thing.sql"
    file.write_text(file.read_text().replace("size + 1", "size + 2"))
    assert built(con, root) == {"core_thing", "check_big"}
    assert rows(con) == [(1, 4.0), (2, 12.0)]
    standing.forget_all(con)
    assert built(con, root) == ALL
    monkeypatch.setattr(duckdb, "__version__", "another")
    assert built(con, root) == ALL


def test_a_model_that_fails_leaves_what_stood_and_is_built_when_it_is_mended(
    con: duckdb.DuckDBPyConnection, root: Path
) -> None:
    before = rows(con)
    con.execute("INSERT INTO raw_thing VALUES (3, 5)")
    file = root / "30_core_thing.sql"
    text = file.read_text()
    file.write_text(text.replace("size + 1 AS size", "size + 1 AS length"))
    with pytest.raises(ModelError, match="core_thing"):
        build(con, root=root)
    assert rows(con) == before
    file.write_text(text)
    assert built(con, root) == {"core_thing", "check_big"}
    assert rows(con) == [*before, (3, 6.0)]


def filling(seen: list[int]) -> Callable[[duckdb.DuckDBPyConnection], None]:
    def fill(con: duckdb.DuckDBPyConnection) -> None:
        seen.append(1)
        con.execute("CREATE OR REPLACE TABLE filled AS SELECT sum(size) AS size FROM core_thing")

    return fill


def test_a_table_filled_by_code_stands_while_code_and_inputs_do(
    con: duckdb.DuckDBPyConnection, root: Path
) -> None:
    seen: list[int] = []

    def fill(code: str) -> bool:
        return standing.fill(con, ["filled"], code, ["core_thing"], filling(seen))

    assert [fill("1"), fill("1"), fill("2"), fill("2")] == [True, False, True, False]
    con.execute("INSERT INTO raw_thing VALUES (3, 5)")
    assert not fill("2"), "what it reads is as it was"
    build(con, root=root)
    assert fill("2")
    con.execute("UPDATE filled SET size = 0")
    assert fill("2")
    assert con.execute("FROM filled").fetchall() == [(20.0,)]
    assert len(seen) == 4
