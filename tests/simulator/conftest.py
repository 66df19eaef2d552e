"""A small trade, and what becomes of it when a scheme is played on some of its lots."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from data.simulator.chance import Chance
from data.simulator.life import live
from data.simulator.lots import plan_lots
from data.simulator.network import Network, found
from data.simulator.scheme import Attack
from data.simulator.stage import Scene, Stage, Truth
from data.simulator.telling import EVENT_BITS, name_things, tell
from data.simulator.verifying import honest_scans, staged_scans
from data.simulator.working_time import Clocks, make_clocks, to_us

START = datetime(2026, 1, 5, tzinfo=UTC)
UNTIL = datetime(2026, 6, 5, tzinfo=UTC)
Stager = Callable[..., Stage]


@dataclass(frozen=True)
class Played:
    """A stage after a scheme, with all that happened on it."""

    stage: Stage
    scene: Scene
    honest: pl.DataFrame
    staged: pl.DataFrame
    scans: pl.DataFrame

    @property
    def events(self) -> pl.DataFrame:
        """Everything in the order of time."""
        return pl.concat([self.honest, self.staged]).sort("at_us", "event_no")

    @property
    def truth(self) -> Truth:
        """The truth about the scene's own lot, or the only one."""
        return self.stage.truths[0]

    def of(self, key: str) -> pl.DataFrame:
        """Events that name a thing."""
        named = pl.col("epcs").list.contains(key) | pl.col("children").list.contains(key)
        return self.events.filter(named)

    def steps(self, *steps: str) -> pl.DataFrame:
        """Staged events of some steps."""
        return self.staged.filter(pl.col("step").is_in(steps))


@pytest.fixture(scope="session")
def net() -> Network:
    """A small trade in five countries."""
    return found(Chance(7), date(2026, 1, 5), 30, dispensers=100, brands=12, countries=5)


@pytest.fixture(scope="session")
def clocks(net: Network) -> Clocks:
    return make_clocks(net.zones, START, UNTIL)


@pytest.fixture
def stager(net: Network, clocks: Clocks) -> Stager:
    """Makes a stage for some lots of one product."""

    def make(numbers: Sequence[int] = (3, 11, 17), product: int = 2, units: int = 150) -> Stage:
        lots = plan_lots(
            net,
            np.array(numbers),
            of_all=40,
            units=units,
            products=np.full(len(numbers), product),
        )
        life = live(net, clocks, lots)
        return Stage(net, clocks, life, name_things(net, life), to_us(UNTIL))

    return make


def all_told(stage: Stage, scene: Scene) -> Played:
    honest = tell(
        stage.net,
        stage.clocks,
        stage.life,
        stage.things,
        stage.until_us,
        stage.cut_us,
        stage.unsaid,
    ).sort("event_no")
    scans = pl.concat(
        [
            honest_scans(stage.net, stage.life, stage.things, stage.cut_us, stage.until_us),
            staged_scans(stage.lists.verifications),
        ]
    )
    return Played(stage, scene, honest, stage.frame(), scans)


def act(attack: Attack, stage: Stage, size: float, skill: float, *, row: int = 0) -> Played:
    """Play an attack on the lots of a stage from a row on, and tell everything."""
    scenes = [stage.scene(attack.code, row + n) for n in range(attack.lots)]
    attack.play(scenes, size, skill)
    return all_told(stage, scenes[0])


def of_lot(events: pl.DataFrame, lot_no: int) -> pl.DataFrame:
    """The honest events of one lot."""
    return events.filter((pl.col("event_no") // (1 << EVENT_BITS)) == lot_no)


def assert_nothing_else_changes(attack: Attack, stager: Stager, skill: float) -> None:
    """Other lots live as ever, and the lot lives alike whatever lots are beside it."""
    before = all_told(stage := stager(), stage.scene("P00", 0))
    lots = before.stage.life.lots
    after = act(attack, stager(), 1.0, skill)
    for row in range(attack.lots, len(lots)):
        number = int(lots.no[row])
        assert of_lot(after.honest, number).equals(of_lot(before.honest, number))
    again = act(attack, stager(), 1.0, skill)
    assert again.staged.equals(after.staged)
    assert again.stage.truths == after.stage.truths
    numbers = (25, *(int(n) for n in lots.no[: attack.lots]))
    moved = act(attack, stager(numbers), 1.0, skill, row=1)
    assert moved.staged.equals(after.staged)
    assert moved.stage.lists == after.stage.lists
    truths = [(t.units, t.sites, t.edges, t.evidence, t.scanned_us) for t in after.stage.truths]
    assert [
        (t.units, t.sites, t.edges, t.evidence, t.scanned_us) for t in moved.stage.truths
    ] == truths


def assert_truth_is_whole(played: Played) -> None:
    """What the truth names happened: evidence events exist, and name the units."""
    truth, scene = played.truth, played.scene
    assert truth.units
    assert all(key.startswith(f"01/{scene.product.gtin}/21/") for key in truth.units)
    assert truth.evidence or truth.scanned_us is not None
    told = set(played.events["event_no"].to_list())
    assert set(truth.evidence) <= told
    assert played.staged["event_no"].is_unique().all()
    assert not set(played.staged["event_no"]) & set(played.honest["event_no"])
    assert (played.staged["at_us"] <= played.stage.until_us).all()
