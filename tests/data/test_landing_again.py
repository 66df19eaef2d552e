"""Kept documents landed once more: each where it was, whatever they are landed together with."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from data.record.known import known_files
from data.record.originals import Originals
from data.warehouse import filing, input_files, landing_again
from data.warehouse.connection import open_memory
from data.warehouse.landing import land
from data.warehouse.landing_again import land_again
from data.warehouse.models import raw_tables
from data.warehouse.sources import Member, Source, Unreadable
from tests.data.batches import AT, batch, event, feed_from_name

Read = Callable[[Path], Source]
FILES = 12


def dump(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    return {table: con.execute(f"FROM {table}").fetchall() for table in raw_tables()}


def odd_ones_refused(path: Path) -> Source:
    """Every fourth document cannot be read."""
    if int(path.name) % 4 == 3:
        raise Unreadable("holds no table that is known", "write a mapping")
    return feed_from_name(path)


@pytest.fixture
def landed(tmp_path: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, Originals]]:
    """Twelve small files, the first of which was understood at the second try only."""
    originals = Originals(tmp_path / "originals")
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for number in range(FILES):
        (inbox / f"{number:02}").write_text(str(number))

    def first_not_known(path: Path) -> Source:
        if path.name == "00":
            raise Unreadable("holds no table that is known", "write a mapping")
        return odd_ones_refused(path)

    with open_memory() as con:
        land(con, [inbox], AT, read=first_not_known, originals=originals)
        land(con, [inbox / "00"], AT, read=odd_ones_refused, originals=originals)
        yield con, originals


@pytest.mark.parametrize(("together", "small_bytes"), [(100, 1 << 20), (2, 1 << 20), (100, -1)])
def test_the_warehouse_is_the_same_however_many_are_landed_together(
    landed: tuple[duckdb.DuckDBPyConnection, Originals],
    monkeypatch: pytest.MonkeyPatch,
    together: int,
    small_bytes: int,
) -> None:
    con, originals = landed
    monkeypatch.setattr(filing, "TOGETHER_FILES", together)
    monkeypatch.setattr(input_files, "SMALL_BYTES", small_bytes)
    with open_memory() as again:
        known = known_files(con)
        assert len(known) == FILES
        assert land_again(again, known, originals, lambda _: odd_ones_refused) == []
        assert sorted_rows(dump(again)) == sorted_rows(dump(con))


def sorted_rows(tables: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[str]]:
    """Without the order in which rows lie: keys and places count."""
    return {name: sorted(map(repr, rows)) for name, rows in tables.items()}


def test_small_documents_share_transactions(
    landed: tuple[duckdb.DuckDBPyConnection, Originals], monkeypatch: pytest.MonkeyPatch
) -> None:
    con, originals = landed
    groups: list[int] = []
    really = landing_again.write_together

    def noted(con: duckdb.DuckDBPyConnection, placed: Any) -> Any:
        groups.append(len(placed))
        return really(con, placed)

    monkeypatch.setattr(landing_again, "write_together", noted)
    with open_memory() as again:
        land_again(again, known_files(con), originals, lambda _: odd_ones_refused)
    assert groups == [FILES]


def test_a_document_that_reads_otherwise_now_is_named_and_spoils_no_other(
    landed: tuple[duckdb.DuckDBPyConnection, Originals],
) -> None:
    con, originals = landed

    def more_of_one(path: Path) -> Source:
        if path.name == "05":
            return Source("epcis", [Member("", [batch([event(p) for p in range(1, 90)])])])
        if path.name == "06":
            raise Unreadable("is odd", "ask again")
        return odd_ones_refused(path)

    with open_memory() as again:
        known = known_files(con)
        told = land_again(again, known, originals, lambda _: more_of_one)
        assert told == ["inbox/05", "inbox/06"]
        for mine, theirs in zip(known_files(again), known, strict=True):
            assert mine == theirs or mine.path in told
        others = (
            "SELECT record_id, event_at, content_key FROM raw_event "
            "JOIN raw_source_file USING (file_id) WHERE path NOT IN ('inbox/05', 'inbox/06') "
            "ORDER BY ALL"
        )
        assert again.execute(others).fetchall() == con.execute(others).fetchall()
