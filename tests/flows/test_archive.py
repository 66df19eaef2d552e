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

    # News of other lots: one whose number comes first, and a place nobody knew, move all keys.
    early = x.lot(x.gtin(), 8, number="A0")
    hospital = x.place("hospital", "Vienna")
    [(case, packs)] = x.cases(early, n.maker, at(1), 8).items()
    stock(x, n.hub, hospital, case, packs, at(3), sold=0.5)
    pair.arrive("news.ndjson", lines_of(x.events[told:]))
    pair.night(1)
    assert archived(pair.warehouse) == {lot.number for lot in world.sold}
    assert restored(pair.warehouse) == {}

    # A pack that was sold and archived is seen again: what is on sale now is a copy.
    told = len(x.events)
    x.sell([again.packs[0]], n.other, at(61))
    # An event of another archived lot was an error; and one of the third is told late.
    first_void = next(e for _, e in x.events if void.packs[0] in e.get("epcList", []))
    words = {"declarationTime": zulu(at(61)), "reason": "incorrect_data"}
    x.events.append(("", first_void | {"errorDeclaration": words}))
    x.event(at(40), n.shop, "inspecting", epcs=[late.packs[3]], disposition="active")
    pair.arrive("copies.ndjson", lines_of(x.events[told:]))
    pair.night(2)
    assert "P03" in standing(pair.warehouse, again)
    assert again.number not in archived(pair.warehouse)
    assert restored(pair.warehouse)[again.number] == archive.IS_LIVE
    assert restored(pair.warehouse)[late.number] in (archive.IS_CHANGED, archive.IS_LIVE)

    # A decision of a person opens a lot, and nothing but it.
    assert left.number in archived(pair.warehouse)
    when = FIRST + 2 * DAY + timedelta(hours=1)
    pair.both(
        lambda path: decide_command.decide(
            decide_command.Judgement(left.gtin, left.number, "suspect", "odd", "Ann", when),
            path,
            Recording(),
        )
    )
    pair.night(3)
    assert left.number not in archived(pair.warehouse)

    # Nothing comes in, and no further lot is archived: what is there stays there.
    before = archived(pair.warehouse)
    pair.night(4, archives=False)
    assert archived(pair.warehouse) == before
    assert verify(pair.warehouse, pair.folders[0] / "reports").faults == ()
