"""Closed lots in the archive: nothing is judged otherwise, nothing is lost, all stays readable.

Two warehouses get the same files in the same nights; one archives whatever has been over for a day,
the other nothing. After every night all tables and all report files must be the same.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from data.errors import InputError, WarehouseError
from data.record.manifest import find_run, runs_folder
from data.warehouse import archive
from data.warehouse.archive import Rules, archive_folder
from data.warehouse.connection import open_read_only, open_warehouse
from data.warehouse.snapshot import newest_snapshot
from flows import archive_command, decide_command
from flows.record import Recording, open_trail
from flows.reproduce_command import reproduce
from flows.steps import Job, run_steps
from flows.verify_command import verify
from tests.flows.exchanges import Exchange, Lot, Network, at, flow, network, stock, write, zulu
from tests.flows.test_command_line import touchstone
from tests.flows.test_incremental_nights import differing, files_below

FIRST = at(60).replace(tzinfo=None)
DAY = timedelta(days=1)
AT_REST = {f"{name}_live" for name in archive.MOVED} | {
    *("raw_archived_file", "raw_archived_lot", "archived_lot", "raw_build"),
    *("archived_item_event", "archived_custody"),
}


def quiet(_: object) -> None:
    pass


def tables(warehouse: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables and views but those that only archiving knows."""
    with open_read_only(warehouse) as con:
        names = con.execute("SELECT table_name FROM information_schema.tables").fetchall()
        return {
            name: con.execute(f"FROM {name} ORDER BY ALL").fetchall()
            for (name,) in names
            if name not in AT_REST
        }


def asked(path: Path, query: str, *values: object) -> list[tuple[object, ...]]:
    with open_read_only(path) as con:
        return con.execute(query, list(values)).fetchall()


def archived(warehouse: Path) -> set[str]:
    return {str(lot) for (lot,) in asked(warehouse, "SELECT lot FROM archived_lot")}


@dataclass(frozen=True)
class World:
    """An exchange of which everything up to the first night is known."""

    x: Exchange
    n: Network
    sold: list[Lot]  # every pack of them was sold


def a_world() -> World:
    x = Exchange(1)
    n = network(x)
    sold = [x.lot(n.gtin, 16) for _ in range(4)]
    for k, lot in enumerate(sold):
        flow(x, n, x.cases(lot, n.maker, at(18 + k), 8), at(20 + k), sold=1)
    return World(x, n, sold)


def lines_of(events: list[tuple[str, dict[str, object]]]) -> str:
    return "".join(json.dumps(event) + "\n" for _, event in events)


class Pair:
    """Two warehouses with one history; the first archives."""

    def __init__(self, folder: Path, x: Exchange) -> None:
        self.folders = (folder / "archiving", folder / "whole")
        for place in self.folders:
            write(place / "inbox", [x])

    @property
    def warehouse(self) -> Path:
        return self.folders[0] / "t.duckdb"

    def arrive(self, name: str, text: str) -> None:
        for place in self.folders:
            (place / "inbox" / name).write_text(text, encoding="utf-8")

    def both(self, act: Callable[[Path], object]) -> None:
        for place in self.folders:
            act(place / "t.duckdb")

    def night(self, number: int, archives: bool = True) -> None:
        when = FIRST + number * DAY
        for place, on in zip(self.folders, (archives, False), strict=True):
            job = Job((place / "inbox",), place / "t.duckdb", place / "reports", when)
            run_steps(replace(job, archives=on, quiet_days=1), quiet)
        one, other = self.folders
        assert differing(tables(one / "t.duckdb"), tables(other / "t.duckdb")) == []
        newest = [newest_snapshot(place / "t.duckdb") for place in self.folders]
        assert newest[0] and newest[1]
        assert differing(tables(newest[0]), tables(newest[1])) == []
        assert differing(files_below(one / "reports"), files_below(other / "reports")) == []


def standing(warehouse: Path, lot: Lot) -> set[str]:
    query = "SELECT pattern FROM finding WHERE gtin = ? AND lot = ? AND status = 'stands'"
    return {str(pattern) for (pattern,) in asked(warehouse, query, lot.gtin, lot.number)}


def restored(warehouse: Path) -> dict[str, str]:
    trail = open_trail(warehouse, Recording()).read()
    acts = [entry for entry in trail if entry.action == "restore"]
    return {act.object.rpartition("/")[2]: act.reason for act in acts}


def test_nights_with_an_archive_give_what_nights_without_give(tmp_path: Path) -> None:
    world = a_world()
    x, n = world.x, world.n
    again, void, late, left = world.sold
    pair = Pair(tmp_path, x)
    told = len(x.events)

    pair.night(0)
    assert archived(pair.warehouse) == {lot.number for lot in world.sold}

    # A pack that was sold and archived is seen again: one of the two is a copy.
    x.sell([again.packs[0]], n.other, at(60, 12))
    # An event of another archived lot was an error; one of the third is told late.
    first = next(event for _, event in x.events if void.packs[0] in event.get("epcList", []))
    words = {"declarationTime": zulu(at(60, 12)), "reason": "incorrect_data"}
    x.events.append(("", first | {"errorDeclaration": words}))
    x.event(at(40), n.shop, "inspecting", epcs=[late.packs[3]], disposition="active")
    # News of another lot, whose number comes first, at a place nobody knew: all keys move.
    early = x.lot(x.gtin(), 8, number="A0")
    [(case, packs)] = x.cases(early, n.maker, at(1), 8).items()
    stock(x, n.hub, x.place("hospital", "Vienna"), case, packs, at(3), sold=0.5)
    pair.arrive("news.ndjson", lines_of(x.events[told:]))
    pair.night(1)
    assert standing(pair.warehouse, again) >= {"P03"}
    assert archived(pair.warehouse) & {lot.number for lot in (again, left)} == {left.number}
    assert restored(pair.warehouse)[again.number] == archive.IS_LIVE
    assert restored(pair.warehouse).keys() == {lot.number for lot in (again, void, late)}

    # A person's question opens a lot; with archiving off no other takes its place.
    before = archived(pair.warehouse)
    judged = FIRST + DAY + timedelta(hours=1)
    pair.both(
        lambda path: decide_command.decide(
            decide_command.Judgement(left.gtin, left.number, "suspect", "odd", "Ann", judged),
            path,
            Recording(),
        )
    )
    pair.night(2, archives=False)
    assert archived(pair.warehouse) == before - {left.number}
    assert verify(pair.warehouse, pair.folders[0] / "reports").faults == ()


# --- an archive at rest --------------------------------------------------------------------------


@dataclass(frozen=True)
class Rested:
    """A warehouse after a night that archived nothing, and what lots of it are over."""

    folder: Path
    sold: list[Lot]

    @property
    def warehouse(self) -> Path:
        return self.folder / "t.duckdb"

    @property
    def job(self) -> Job:
        return Job((self.folder / "inbox",), self.warehouse, self.folder / "reports", FIRST)

    def archive(self, **words: object) -> archive_command.Archived:
        rules = Rules(FIRST, 1, 365)
        return archive_command.run_archive(self.warehouse, rules, Recording(), 10, **words)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def one_night(tmp_path_factory: pytest.TempPathFactory) -> Rested:
    folder = tmp_path_factory.mktemp("rested")
    world = a_world()
    write(folder / "inbox", [world.x])
    rested = Rested(folder, world.sold)
    run_steps(rested.job, quiet)
    return rested


@pytest.fixture
def rested(one_night: Rested, tmp_path: Path) -> Rested:
    folder = tmp_path / "rested"
    shutil.copytree(one_night.folder, folder, symlinks=True)
    return replace(one_night, folder=folder)


def test_a_dry_run_says_what_would_move_and_moves_nothing(rested: Rested) -> None:
    before = rested.warehouse.read_bytes()
    said = list(archive_command.lines(rested.archive(dry=True), True))
    assert said[0].startswith("4 lots would be archived: 64 packs, ")
    assert not archive_folder(rested.warehouse).exists()
    assert tables(rested.warehouse).keys()
    assert archived(rested.warehouse) == set()
    assert len(before) == rested.warehouse.stat().st_size


def test_the_archive_is_plain_parquet_by_year_and_sorted(rested: Rested) -> None:
    done = rested.archive()
    assert {file.name for file in done.files} == {
        "item_event/year=2026/0001.parquet",
        "custody/year=2026/0001.parquet",
    }
    pattern = archive_folder(rested.warehouse) / "item_event" / "*" / "*.parquet"
    query = (
        "SELECT year, gtin, lot, serial, event_at, record_id "  # noqa: S608
        f"FROM read_parquet('{pattern}', hive_partitioning = true)"
    )
    rows = duckdb.sql(query).fetchall()
    assert rows == sorted(rows)
    assert {(row[0], row[2]) for row in rows} == {(2026, lot.number) for lot in rested.sold}


def test_the_warehouse_holds_what_is_live_and_gives_all(rested: Rested) -> None:
    before = tables(rested.warehouse)
    rested.archive()
    lots = [lot.number for lot in rested.sold]
    with open_warehouse(rested.warehouse) as con:
        for name in archive.MOVED:
            [(left,)] = con.execute(
                f"SELECT count(*) FROM {name}_live JOIN core_lot USING (lot_id) "  # noqa: S608
                "WHERE lot IN (SELECT unnest(?::VARCHAR[]))",
                [lots],
            ).fetchall()
            assert left == 0, name
            [(comment,)] = con.execute(
                "SELECT comment FROM duckdb_views() WHERE view_name = ?", [name]
            ).fetchall()
            assert comment
    assert differing(tables(rested.warehouse), before) == []


def test_an_archived_pack_and_lot_are_traced_as_before(rested: Rested) -> None:
    lot = rested.sold[0]
    words = ["--warehouse", str(rested.warehouse)]
    queries = (
        ["trace", lot.packs[0], *words],
        ["sql", f"FROM lot_history('{lot.gtin}', '{lot.number}')", *words],
        ["sql", f"FROM path('{lot.packs[0]}')", *words],
    )
    for path in rested.folder.glob("t.*-*.duckdb"):
        path.unlink()  # readers take the working file then, which is archived from
    before = [touchstone(*query).stdout for query in queries]
    rested.archive()
    assert [touchstone(*query).stdout for query in queries] == before
    assert "retail_selling" in before[0]


def test_a_query_cannot_write_into_the_archive(rested: Rested) -> None:
    done = rested.archive()
    path = archive_folder(rested.warehouse) / done.files[0].name
    assert path.stat().st_mode & 0o222 == 0
    from flows.ask import answer

    with open_read_only(rested.warehouse) as con:
        for query in (
            f"COPY (SELECT 1) TO '{path}' (USE_TMP_FILE false)",
            f"EXPLAIN ANALYZE COPY (SELECT 1) TO '{path}' (USE_TMP_FILE false)",
            f"/**/ copy (SELECT 1) TO '{path}'",
        ):
            with pytest.raises(InputError, match="only reads"):
                answer(con, query, "table", None, None)  # type: ignore[arg-type]
        with pytest.raises(InputError, match="disabled by configuration"):
            answer(con, "FROM read_text('/etc/hostname')", "csv", None, None)  # type: ignore[arg-type]
    assert verify(rested.warehouse, rested.folder / "reports").faults == ()


def test_verify_names_an_archive_file_that_was_changed_or_is_gone(rested: Rested) -> None:
    done = rested.archive()
    paths = [archive_folder(rested.warehouse) / file.name for file in done.files]
    whole = paths[0].read_bytes()
    paths[0].chmod(0o640)
    paths[0].write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    paths[1].unlink()
    faults = verify(rested.warehouse, rested.folder / "reports").faults
    assert [fault.about for fault in faults] == ["archive", "archive"]
    assert any("is not what was archived" in fault.text for fault in faults)
    assert any("is missing" in fault.text for fault in faults)
    with pytest.raises(WarehouseError, match="gone or damaged"):
        rested.archive()


def test_a_lost_file_costs_no_lot_its_history(rested: Rested) -> None:
    before = tables(rested.warehouse)
    [*_, file] = rested.archive().files
    (archive_folder(rested.warehouse) / file.name).unlink()
    run_steps(rested.job, quiet)
    assert differing(tables(rested.warehouse), before) == []
    assert set(restored(rested.warehouse).values()) == {archive.IS_LOST}


@pytest.mark.slow
def test_a_warehouse_that_moved_with_its_archive_is_whole_after_the_next_run(
    rested: Rested,
) -> None:
    before = tables(rested.warehouse)
    rested.archive()
    there = rested.folder.with_name("elsewhere")
    rested.folder.rename(there)
    moved = replace(rested, folder=there)
    run_steps(replace(moved.job, quiet_days=1), quiet)
    assert archived(moved.warehouse) == {lot.number for lot in rested.sold}
    assert differing(tables(moved.warehouse), before) == []


@pytest.mark.slow
def test_a_run_of_an_archiving_warehouse_can_be_made_again(rested: Rested) -> None:
    run_steps(replace(rested.job, archives=True, quiet_days=1), quiet)
    assert archived(rested.warehouse)
    [run] = [find_run(runs_folder(rested.warehouse), "1")]
    result = reproduce(run, rested.warehouse, rested.folder / "reports", ("2GB", 2), quiet)
    assert result.differences == ()


KILLED = """
import os, sys
from datetime import datetime
from pathlib import Path
from data.record.trail import Trail
from data.warehouse import archive, snapshot
from flows import archive_command
from flows.record import Recording

def die(*_, **__):
    os._exit(9)

point = sys.argv[3]
if point == "writing":
    archive.settle = die
elif point == "written":
    archive._keep_book = die
elif point == "parting":
    archive._describe = die
elif point == "parted":
    Trail.append = die
elif point == "compacting":
    snapshot._FREE_SHARE = -1  # so small a file is not worth it
    snapshot.settle = die
rules = archive.Rules(datetime.fromisoformat(sys.argv[2]), 1, 365)
archive_command.run_archive(Path(sys.argv[1]), rules, Recording(), 10)
"""


@pytest.mark.parametrize("point", ["writing", "written", "parting", "parted", "compacting"])
def test_a_kill_in_the_middle_loses_nothing(rested: Rested, point: str) -> None:
    before = tables(rested.warehouse)
    words = [sys.executable, "-c", KILLED, str(rested.warehouse), FIRST.isoformat(), point]
    done = subprocess.run(words, check=False, capture_output=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 9, done.stderr
    assert differing(tables(rested.warehouse), before) == []
    assert verify(rested.warehouse, rested.folder / "reports").faults == ()
    rested.archive()
    assert archived(rested.warehouse) == {lot.number for lot in rested.sold}
    assert differing(tables(rested.warehouse), before) == []
    trail = open_trail(rested.warehouse, Recording()).read()
    told = {entry.object for entry in trail if entry.action == "archive"}
    with open_warehouse(rested.warehouse) as con:
        assert {f"archive:{file.name}" for file in archive.archived_files(con)} <= told
    left = [path.name for path in rested.folder.iterdir() if "unfinished" in path.name]
    assert left == []
    assert verify(rested.warehouse, rested.folder / "reports").faults == ()


# --- when a lot is over --------------------------------------------------------------------------

OF_LOT = "FROM core_lot WHERE lot = $lot"
OPENED = {
    "a pack that was not sold": (
        "DELETE FROM core_item_event WHERE is_terminal AND unit_id = (SELECT min(unit_id) FROM "
        "core_unit JOIN core_lot USING (lot_id) WHERE lot = $lot)"
    ),
    "a standing finding": "UPDATE lot_risk SET findings_standing = 1 WHERE lot = $lot",
    "a finding set aside": "UPDATE lot_risk SET findings_suppressed = 1 WHERE lot = $lot",
    "a detector's watch": "UPDATE lot_risk SET tier = 'watch' WHERE lot = $lot",
    "a recall": f"INSERT INTO stg_recall (record_id, gtin, lot) SELECT 0, gtin, lot {OF_LOT}",
    "a recall of all lots": (
        f"INSERT INTO stg_recall (record_id, gtin) SELECT DISTINCT 0, gtin {OF_LOT}"
    ),
    "a theft": f"INSERT INTO core_theft (lot_id) SELECT lot_id {OF_LOT}",
    "a suppression": f"INSERT INTO find_suppression (gtin, lot) SELECT gtin, lot {OF_LOT}",
    "a suspicion": (
        "INSERT INTO find_decision (gtin, lot, outcome, state, is_latest) "
        f"SELECT gtin, lot, 'suspect', 'signed', true {OF_LOT}"
    ),
    "a decision to be signed": (
        "INSERT INTO find_decision (gtin, lot, outcome, state, is_latest) "
        f"SELECT gtin, lot, 'cleared', 'proposed', false {OF_LOT}"
    ),
    "a record of today": (
        "UPDATE core_lot SET last_at = TIMESTAMP '2026-03-06 07:00' WHERE lot = $lot"
    ),
}


def over(con: duckdb.DuckDBPyConnection, warehouse: Path, rules: Rules) -> set[str]:
    archive.plan(con, warehouse, rules)
    return {lot for (lot,) in con.execute("SELECT lot FROM fresh_lot").fetchall()}


@pytest.mark.parametrize("cause", OPENED)
def test_a_lot_with_a_question_is_not_over(rested: Rested, cause: str) -> None:
    lot = rested.sold[1].number
    with open_warehouse(rested.warehouse) as con:
        rules = Rules(FIRST, 1, 365)
        assert lot in over(con, rested.warehouse, rules)
        con.execute(OPENED[cause], {"lot": lot})
        assert lot not in over(con, rested.warehouse, rules)


def test_a_cleared_lot_may_be_over(rested: Rested) -> None:
    lot = rested.sold[1].number
    with open_warehouse(rested.warehouse) as con:
        con.execute(
            "INSERT INTO find_decision (gtin, lot, outcome, state, is_latest) "
            f"SELECT gtin, lot, 'cleared', 'signed', true {OF_LOT}",
            {"lot": lot},
        )
        assert lot in over(con, rested.warehouse, Rules(FIRST, 1, 365))


def test_a_lot_is_over_a_while_after_its_expiry_whatever_became_of_it(rested: Rested) -> None:
    with open_warehouse(rested.warehouse) as con:
        known = {lot for (lot,) in con.execute("SELECT lot FROM lot").fetchall()}
        sold = {lot.number for lot in rested.sold}
        expired = FIRST.replace(2027, 12, 31)  # the day of expiry of all
        assert over(con, rested.warehouse, Rules(expired + 30 * DAY, 1, 30)) == sold
        assert over(con, rested.warehouse, Rules(expired + 31 * DAY, 1, 30)) == known
        assert over(con, rested.warehouse, Rules(FIRST, 59, 365)) == set()


def test_what_is_past_its_retention_is_told_and_kept(rested: Rested) -> None:
    rested.archive()
    rules = Rules(FIRST.replace(FIRST.year + 10), 1, 36500)
    done = archive_command.run_archive(rested.warehouse, rules, Recording(), 10)
    assert done.past_retention == 4
    [*_, last] = archive_command.lines(done, False)
    assert last.startswith("4 archived lots are past the 10 years of retention_years; nothing")
    assert archived(rested.warehouse) == {lot.number for lot in rested.sold}


def test_an_archive_needs_a_judged_warehouse(tmp_path: Path) -> None:
    words = (Rules(FIRST, 1, 365), Recording(), 10)
    with pytest.raises(WarehouseError, match="no warehouse here yet"):
        archive_command.run_archive(tmp_path / "w.duckdb", *words)
    open_warehouse(tmp_path / "w.duckdb").close()
    with pytest.raises(WarehouseError, match="no run has judged it yet"):
        archive_command.run_archive(tmp_path / "w.duckdb", *words)
