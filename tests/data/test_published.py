"""A reader that keeps its connection: it sees what was published last, and holds up nobody."""

from pathlib import Path

import duckdb
import pytest

from data.errors import WarehouseError
from data.warehouse import published
from data.warehouse.connection import open_warehouse
from data.warehouse.published import Published
from data.warehouse.snapshot import newest_snapshot, publish

STATE = "SELECT max(reason) FROM raw_rejected"


def publish_state(warehouse: Path, state: str) -> Path:
    with open_warehouse(warehouse) as con:
        con.execute("INSERT INTO raw_rejected VALUES (1, NULL, NULL, ?, 'x')", [state])
        return publish(con, warehouse, state)


def asked(reader: Published, query: str = STATE) -> object:
    with reader.connection() as con:
        return con.execute(query).fetchall()[0][0]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The copies that were opened, in order."""
    seen: list[Path] = []
    really = published.open_read_only

    def noted(path: Path, *, threads: int | None = None) -> duckdb.DuckDBPyConnection:
        seen.append(path)
        return really(path, threads=threads)

    monkeypatch.setattr(published, "open_read_only", noted)
    return seen


def test_each_copy_is_opened_once_and_the_next_question_sees_the_newest(
    tmp_path: Path, opened: list[Path]
) -> None:
    warehouse = tmp_path / "w.duckdb"
    one = publish_state(warehouse, "a")
    with Published(warehouse) as reader:
        assert [asked(reader) for _ in range(3)] == ["a"] * 3
        two = publish_state(warehouse, "b")
        assert [asked(reader) for _ in range(3)] == ["b"] * 3
    assert opened == [one, two]


def test_a_copy_that_is_deleted_is_read_on_until_the_question_is_answered(tmp_path: Path) -> None:
    warehouse = tmp_path / "w.duckdb"
    one = publish_state(warehouse, "a")
    with Published(warehouse) as reader:
        with reader.connection() as con:
            for state in "bcd":
                publish_state(warehouse, state)
            assert not one.exists()
            assert con.execute(STATE).fetchall() == [("a",)]
        assert asked(reader) == "d"


def test_what_a_question_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    warehouse = tmp_path / "w.duckdb"
    publish_state(warehouse, "a")
    with Published(warehouse) as reader:
        with reader.connection() as con:
            con.execute("CREATE TEMP TABLE mine AS SELECT 1 AS one")
            con.execute("BEGIN")
            with pytest.raises(duckdb.Error):
                con.execute("SELECT no_such_column")
        assert asked(reader) == "a"
        with pytest.raises(duckdb.Error):
            asked(reader, "FROM mine")


def test_a_working_file_is_let_go_of_after_each_question(tmp_path: Path) -> None:
    warehouse = tmp_path / "w.duckdb"
    with open_warehouse(warehouse) as con:
        con.execute("INSERT INTO raw_rejected VALUES (1, NULL, NULL, 'a', 'x')")
    with Published(warehouse) as reader:
        assert asked(reader) == "a"
        publish_state(warehouse, "b")  # a run can begin
        assert asked(reader) == "b"


def test_a_copy_deleted_between_look_and_opening_is_looked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = tmp_path / "w.duckdb"
    publish_state(warehouse, "a")
    looks = iter([tmp_path / "w.0000-gone.duckdb"])
    monkeypatch.setattr(
        published, "newest_snapshot", lambda path: next(looks, newest_snapshot(path))
    )
    with Published(warehouse) as reader:
        assert asked(reader) == "a"


def test_a_damaged_copy_and_no_warehouse_at_all_are_told(tmp_path: Path) -> None:
    with (
        Published(tmp_path / "absent.duckdb") as reader,
        pytest.raises(WarehouseError, match="no warehouse here yet"),
    ):
        asked(reader)
    warehouse = tmp_path / "w.duckdb"
    publish_state(warehouse, "a").write_text("the minutes of a meeting " * 1000)
    with (
        Published(warehouse) as reader,
        pytest.raises(WarehouseError, match="cannot be opened as a warehouse"),
    ):
        asked(reader)
