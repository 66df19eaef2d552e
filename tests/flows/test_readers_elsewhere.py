"""Documents read by other processes land as the same bytes, also where such a process is lost."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from data.errors import OrchestratorError
from data.record.originals import Originals
from data.simulator.sample.demo import DemoFeed, make_demo_feed
from data.warehouse.connection import open_warehouse
from data.warehouse.landing import land
from data.warehouse.sources import read_source
from flows import workers

AT = datetime(2026, 8, 1)


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> DemoFeed:
    feed = make_demo_feed(tmp_path_factory.mktemp("feed"))
    (feed.inbox / "bad.json").write_bytes(b'{"type": "EPCISDocument", "epcisBody": [')
    (feed.inbox / "same again.xml").write_bytes(next(feed.inbox.rglob("*.xml")).read_bytes())
    return feed


def landed(inbox: Path, folder: Path, readers: Executor | None) -> dict[str, list[Any]]:
    """Every landed row of every raw table."""
    path = folder / "w.duckdb"
    with open_warehouse(path) as con:
        read = partial(read_source, layouts=())
        land(con, [inbox], AT, read=read, originals=Originals.of(path), readers=readers)
        tables = con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'raw%' ORDER BY 1"
        ).fetchall()
        return {name: con.execute(f"FROM {name}").fetchall() for (name,) in tables}


@pytest.fixture(scope="module")
def alone(feed: DemoFeed, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    return landed(feed.inbox, tmp_path_factory.mktemp("alone"), None)


@contextmanager
def processes(monkeypatch: pytest.MonkeyPatch, inbox: Path) -> Iterator[Executor]:
    monkeypatch.setattr(workers, "FROM_BYTES", 1)
    with workers.readers([inbox], 2, None) as executor:
        assert executor is not None
        yield executor


@contextmanager
def cluster(monkeypatch: pytest.MonkeyPatch, inbox: Path) -> Iterator[Executor]:
    with workers.readers([inbox], 2, "local") as executor:
        assert executor is not None
        yield executor


@pytest.mark.filterwarnings("default")  # Dask's own, on a busy machine
@pytest.mark.parametrize("others", [processes, cluster])
def test_the_warehouse_is_the_same_whoever_read(
    others: Callable[..., Any],
    feed: DemoFeed,
    alone: dict[str, list[Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with others(monkeypatch, feed.inbox) as executor:
        assert landed(feed.inbox, tmp_path, executor) == alone


class Losing(Executor):
    """Passes work on, and kills the process that does the fifth piece."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.count = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        self.count += 1
        if self.count == 5:
            self.executor.submit(os.kill, self.executor.submit(os.getpid).result(), signal.SIGKILL)
        return self.executor.submit(fn, *args, **kwargs)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("others", [processes, cluster])
def test_a_lost_reader_changes_nothing(
    others: Callable[..., Any],
    feed: DemoFeed,
    alone: dict[str, list[Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with others(monkeypatch, feed.inbox) as executor:
        losing = Losing(executor)
        assert landed(feed.inbox, tmp_path, losing) == alone
        assert losing.count > 5


def test_little_is_read_here(feed: DemoFeed) -> None:
    with workers.readers([feed.inbox], 2, None) as executor:
        assert executor is None


@pytest.mark.filterwarnings("default")
def test_an_address_where_nobody_answers_is_said_plainly() -> None:
    with (
        pytest.raises(OrchestratorError, match="no scheduler answers"),
        workers.readers([], 2, "tcp://127.0.0.1:9"),
    ):
        pass
