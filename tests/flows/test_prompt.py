"""The SQL prompt, typed at as a person would."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput
from rich.console import Console

from data.warehouse.connection import open_warehouse
from data.warehouse.published import Published
from data.warehouse.snapshot import publish
from flows.prompt import ask_at_prompt


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    path = tmp_path / "w.duckdb"
    with open_warehouse(path) as con:
        con.execute("CREATE TABLE pack AS SELECT 'first' AS state")
        publish(con, path, "one")
    return path


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PipeInput]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with create_pipe_input() as typed, create_app_session(input=typed, output=DummyOutput()):
        yield typed


def asked(warehouse: Path, after_each: Callable[[], object] = lambda: None) -> str:
    """What is shown for the keys that were typed; ``after_each`` runs behind every question."""
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, color_system=None, width=120)
    with Published(warehouse) as published:

        @contextmanager
        def connection() -> Iterator[duckdb.DuckDBPyConnection]:
            with published.connection() as con:
                yield con
            after_each()

        ask_at_prompt(connection, console)
    return shown.getvalue()


def test_a_query_may_take_lines_and_is_answered_with_its_time(
    warehouse: Path, keys: PipeInput
) -> None:
    keys.send_text("SELECT state\rFROM pack;\r.quit\r")
    assert "first" in (shown := asked(warehouse))
    assert " s\n" in shown


def test_a_wrong_query_and_a_wrong_command_do_not_end_the_prompt(
    warehouse: Path, keys: PipeInput
) -> None:
    keys.send_text("SELECT nothing;\r.qq\r.q no_such a=1\rDELETE FROM pack;\rFROM pack;\r\x04")
    shown = asked(warehouse)
    assert '"nothing" was not found' in shown or '"nothing" not found' in shown
    assert ".help lists them" in shown
    assert "no such query" in shown
    assert shown.count("first") == 1


def test_the_next_query_sees_a_batch_that_ended_meanwhile(warehouse: Path, keys: PipeInput) -> None:
    runs = iter(["one", "two", "three"])

    def batch() -> None:
        with open_warehouse(warehouse) as con:
            con.execute("UPDATE pack SET state = ?", [f"state {(run := next(runs))}"])
            publish(con, warehouse, run)

    keys.send_text("FROM pack;\rFROM pack;\r.quit\r")
    shown = asked(warehouse, batch)
    assert "state one" in shown
    assert "state two" in shown


def test_what_was_asked_is_kept_for_this_person_alone(
    warehouse: Path, keys: PipeInput, tmp_path: Path
) -> None:
    keys.send_text("FROM pack;\r.quit\r")
    asked(warehouse)
    history = tmp_path / "state" / "touchstone" / "sql_history"
    assert "FROM pack;" in history.read_text(encoding="utf-8")
    assert history.stat().st_mode & 0o077 == 0
