"""Nights that build only what depends on what came in, against nights that build everything.

Both get the same files, decisions and suppressions in the same order; after every night all tables
and all report files must be the same.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from data.warehouse.connection import open_memory, open_read_only, open_warehouse
from data.warehouse.snapshot import newest_snapshot
from data.warehouse.suppressions import Scope
from detectors import screen
from flows import decide_command, suppress_command
from flows.record import Recording
from flows.steps import Job, Outcome, run_steps
from tests.flows.conftest import SampleRun
from tests.flows.exchanges import Exchange, Lot, at, flow, network, write, zulu

NIGHTS = 2
FIRST = at(60).replace(tzinfo=None)
HOUR = timedelta(hours=1)


def quiet(_: object) -> None:
    pass


def a_feed() -> tuple[Exchange, Lot]:
    """Honest lots, and one of which two packs were sold a second time elsewhere."""
    x = Exchange(1)
    n = network(x)
    lot = x.lot(n.gtin, 24)
    flow(x, n, x.cases(lot, n.maker, at(20), 8), at(21))
    x.sell(lot.packs[:2], n.other, at(50))
    x.verify(lot.packs[3], n.shop, at(51), "A7", lot)
    return x, lot


def lines_in_any_order(x: Exchange, chance: random.Random) -> list[list[str]]:
    """The events of the nights: each any night, some told twice, some taken back later."""
    nights: list[list[str]] = [[] for _ in range(NIGHTS)]
    for _, event in x.events:
        first = chance.randrange(NIGHTS)
        nights[first].append(json.dumps(event))
        later = chance.randrange(first, NIGHTS)
        if chance.random() < 0.05:
            nights[later].append(json.dumps(event | {"eventID": f"{event['eventID']}-again"}))
        if chance.random() < 0.05:
            words = {"declarationTime": zulu(at(59)), "reason": "incorrect_data"}
            nights[later].append(json.dumps(event | {"errorDeclaration": words}))
    for night in nights:
        chance.shuffle(night)
    return nights


def arrive(inbox: Path, number: int, lines: list[str], files: int) -> None:
    """The night's events in some files of their own."""
    for part in range(files):
        text = "".join(f"{line}\n" for line in lines[part::files])
        (inbox / f"night{number}_{part}.ndjson").write_text(text, encoding="utf-8")


def tables(warehouse: Path) -> dict[str, list[tuple[object, ...]]]:
    with open_read_only(warehouse) as con:
        names = con.execute("SELECT table_name FROM information_schema.tables").fetchall()
        return {name: con.execute(f"FROM {name} ORDER BY ALL").fetchall() for (name,) in names}


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def differing(one: dict[str, object], other: dict[str, object]) -> list[str]:
    return sorted(n for n in {*one, *other} if one.get(n) != other.get(n))


class Pair:
    """Two warehouses with one history: the first builds what changed, the second everything."""

    def __init__(self, folder: Path) -> None:
        self.folders = (folder / "as_it_comes", folder / "anew")
        for place in self.folders:
            (place / "inbox").mkdir(parents=True)

    def both(self, act: Callable[[Path], object]) -> None:
        for place in self.folders:
            act(place)

    def night(self, number: int) -> tuple[Outcome, Outcome]:
        outcomes = []
        for place, full in zip(self.folders, (False, True), strict=True):
            when = FIRST + timedelta(days=number)
            job = Job((place / "inbox",), place / "t.duckdb", place / "reports", when, full=full)
            outcomes.append(run_steps(job, quiet))
        one, other = self.folders
        assert differing(tables(one / "t.duckdb"), tables(other / "t.duckdb")) == []
        assert differing(files_below(one / "reports"), files_below(other / "reports")) == []
        assert outcomes[1].built.kept == 0
        return outcomes[0], outcomes[1]


def decided(place: Path, lot: Lot, number: int) -> None:
    when = FIRST + timedelta(days=number) + HOUR
    judgement = decide_command.Judgement(lot.gtin, lot.number, "suspect", "sold twice", "Ann", when)
    decide_command.decide(judgement, place / "t.duckdb", Recording())


def set_aside(place: Path, lot: Lot, number: int) -> None:
    when = FIRST + timedelta(days=number) + HOUR
    scope = Scope("P03", gtin=lot.gtin, lot=lot.number)
    until = f"{(when + timedelta(days=1)).date()}"
    words = ("tested", "Ann")
    suppress_command.begin(place / "t.duckdb", scope, until, words, when, 90, Recording())


def renamed(place: Path) -> None:
    """Somebody's list says another name and role of a site."""
    text = (place / "inbox" / "sites.csv").read_text(encoding="utf-8")
    changed = text.replace("pharmacy 1-5,pharmacy", "Corner shop,wholesaler")
    assert changed != text
    (place / "inbox" / "sites_new.csv").write_text(changed, encoding="utf-8")


def story(seed: int, folder: Path) -> Iterator[tuple[Outcome, Outcome]]:
    chance = random.Random(seed)
    x, lot = a_feed()
    nights = lines_in_any_order(x, chance)
    pair = Pair(folder)
    lists = Exchange(1, places=x.places, tables=x.tables)
    pair.both(lambda place: write(place / "inbox", [lists]))
    for number, lines in enumerate(nights):
        files = chance.randrange(1, 4)
        pair.both(lambda place: arrive(place / "inbox", number, lines, files))  # noqa: B023
        yield pair.night(number)
    pair.both(lambda place: decided(place, lot, NIGHTS - 1))
    yield pair.night(NIGHTS)
    pair.both(lambda place: set_aside(place, lot, NIGHTS))
    pair.both(renamed)
    yield pair.night(NIGHTS + 1)
    for number in range(NIGHTS + 2, NIGHTS + 4):  # nothing comes in; the suppression runs out
        yield pair.night(number)


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3, 4))]
)
def test_nights_give_what_building_everything_gives(seed: int, tmp_path: Path) -> None:
    nights = [mine for mine, _ in story(seed, tmp_path)]
    assert [bool(night.lots_met) for night in nights] == [True] * NIGHTS + [False] * 4
    *_, decision, lists, _, still = [night.built for night in nights]
    # A quiet night leaves alone what does not tell the time, a decision all histories.
    assert still.kept > still.anew
    assert decision.kept > decision.anew
    assert still.anew < lists.anew


def test_a_table_changed_by_hand_is_built_anew(sample: SampleRun, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    warehouse = folder / "t.duckdb"
    warehouse.write_bytes(sample.outcome.snapshot.read_bytes())
    before = tables(warehouse)
    with open_warehouse(warehouse) as con:
        con.execute("DELETE FROM core_lot WHERE lot_id = 1")
    job = replace(sample.job, inputs=(), warehouse=warehouse, reports=folder / "reports")
    outcome = run_steps(job, quiet)
    assert outcome.built.kept > outcome.built.anew
    assert tables(warehouse)["core_lot"] == before["core_lot"]


@pytest.mark.parametrize(
    ("reads", "fills", "step"),
    [
        (screen.GRAPH_READS, screen.GRAPH_FILLS, screen.measure_graph),
        (screen.LOT_READS, screen.LOT_FILLS, screen.score_lots),
        (screen.LEVEL_READS, screen.LEVEL_FILLS, screen.score_levels),
    ],
    ids=["graph", "lots", "levels"],
)
def test_the_screen_reads_only_what_it_says(
    sample: SampleRun,
    reads: tuple[str, ...],
    fills: tuple[str, ...],
    step: Callable[[duckdb.DuckDBPyConnection], int],
) -> None:
    path = newest_snapshot(sample.job.warehouse)
    with open_memory() as con:
        names = con.execute("SELECT table_name FROM information_schema.tables").fetchall()
        for (name,) in names:
            con.execute(f"DROP TABLE {name}")
        con.execute(f"ATTACH '{path}' AS whole (READ_ONLY)")
        for name in reads:
            con.execute(f"CREATE TABLE {name} AS FROM whole.{name}")
        for name in fills:
            con.execute(f"CREATE TABLE {name} AS FROM whole.{name} LIMIT 0")
        patterns = con.execute("SELECT table_name FROM duckdb_tables() WHERE table_name ~ '^P\\d'")
        for (name,) in patterns.fetchall():  # which patterns there are is part of the code
            con.execute(f"CREATE TABLE IF NOT EXISTS {name} AS SELECT 1 AS one")
        step(con)
        for name in fills:
            made = con.execute(f"FROM {name} ORDER BY ALL").fetchall()
            assert made == con.execute(f"FROM whole.{name} ORDER BY ALL").fetchall()
