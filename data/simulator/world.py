"""A whole world: its lots, what is staged on them, what partners send, and the truth beside."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from data.simulator import lists, sales, truth, verifying
from data.simulator.attacks import ATTACKS
from data.simulator.attacks.cases import CASES
from data.simulator.chance import I64, Chance
from data.simulator.delivering import Senders, Spool, deliver
from data.simulator.feeds import (
    NOISE,
    Habits,
    Noise,
    habit_rows,
    habits,
    has_lost_batches,
    is_uploaded_late,
    send,
)
from data.simulator.life import live
from data.simulator.lookalikes import LOOK_ALIKES
from data.simulator.lots import SCHEME_LOTS, plan_lots
from data.simulator.network import Network, found
from data.simulator.places import COUNTRIES
from data.simulator.stage import EPOCH, Stage
from data.simulator.telling import name_things, tell
from data.simulator.working_time import Clocks, make_clocks

CHUNK_PACKS = 100_000
_SLOT = 4_000  # lots of all schemes of one code


@dataclass(frozen=True)
class Played:
    """An attack that is to happen: how large (1: usual), how careful (0 to 1)."""

    code: str
    size: float = 1.0
    skill: float = 0.5


@dataclass(frozen=True)
class World:
    """What a world is to be like.

    ``lots`` honest lots of ``units`` packs (median) are made over ``days`` days from ``start``; the
    feed runs on for ``tail_days``, in which most packs are sold. Each attack of ``attacks`` happens
    ``rate`` times the number of lots, at least once, on lots of its own; each case of ``cases``
    once.
    """

    lots: int
    units: int
    seed: int
    start: date
    days: int
    attacks: tuple[Played, ...] = ()
    cases: tuple[str, ...] = ()
    rate: float = 0.0
    noise: Noise = NOISE["real"]
    formats: tuple[str, ...] = ("xml", "json", "csv")
    tail_days: int = 120
    delivery_days: int = 7

    @property
    def until(self) -> datetime:
        """When the telling ends: the time from which a batch looks back."""
        last = self.start + timedelta(days=self.days + self.tail_days)
        return datetime(last.year, last.month, last.day, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Told:
    """What was written."""

    feed: Path
    truth: Path
    as_of: datetime
    lots: int
    packs: int
    events: int
    unit_events: int  # happened to packs, inside their containers too; sent or not
    files: int


@dataclass(frozen=True)
class _Ground:
    """What all chunks of a world share."""

    world: World
    net: Network
    clocks: Clocks
    until_us: int
    habits: Habits


def simulate(
    folder: Path, world: World, progress: Callable[[str, float], None] = lambda _what, _share: None
) -> Told:
    """Write a world into an empty folder: ``feed/`` is what partners sent, ``truth/`` what was.

    Parameters
    ----------
    folder
        Receives both.
    world
        What it is to be like. The same world gives the same bytes.
    progress
        Told what is being done, and which share of it is done.
    """
    ground = _ground(world)
    feed, beside = folder / "feed", folder / "truth"
    for path in (feed / "lists", beside):
        path.mkdir(parents=True, exist_ok=True)
    first_day = (world.start - EPOCH).days
    spool = Spool(folder / ".spool", first_day, world.delivery_days)
    log = _Log(feed / "lists", beside)
    totals = np.zeros(4, dtype=np.int64)
    licences: dict[int, dict[str, object]] = {}
    stretches = list(_stretches(ground))
    for number, (lots, casts) in enumerate(stretches):
        progress("lots", number / len(stretches))
        stage = _staged(ground, lots, casts)
        totals += _send_chunk(ground, stage, spool, log)
        licences |= stage.lists.licences
    lists.write_standing_lists(feed / "lists", ground.net, licences)
    habit_rows(ground.net, ground.habits).write_csv(beside / "feeds.csv")
    files = 0
    for _path in deliver(feed, spool, ground.net, Senders.of(ground.net, world.formats)):
        files += 1
        progress("documents", min(1.0, files / 1000))
    spool.close()
    lot_count, packs, events, unit_events = (int(x) for x in totals)
    return Told(
        feed, beside, world.until, lot_count, packs, events, unit_events, files + log.files + 3
    )


def chunks(world: World) -> Iterator[tuple[pl.DataFrame, Stage]]:
    """What partners send of each chunk of lots, in memory, with the stage on which it happened."""
    ground = _ground(world)
    for lots, casts in _stretches(ground):
        stage = _staged(ground, lots, casts)
        yield _sent(ground, stage), stage


def _ground(world: World) -> _Ground:
    packs = world.lots * world.units
    net = found(
        Chance(world.seed),
        world.start,
        world.days,
        dispensers=int(np.clip(packs // 150, 60, 5_000)),
        brands=int(np.clip(packs // 2_500, 12, 96)),
        countries=int(np.clip(4 + packs // 20_000, 5, len(COUNTRIES))),
    )
    start = datetime(world.start.year, world.start.month, world.start.day, tzinfo=UTC)
    clocks = make_clocks(net.zones, start, world.until)
    until_us = int(world.until.timestamp()) * 1_000_000
    return _Ground(world, net, clocks, until_us, habits(net, world.noise, until_us))


@dataclass(frozen=True)
class _Cast:
    """A scheme that is to be played on some lots of a chunk."""

    name: str
    code: str
    size: float
    skill: float
    lots: tuple[int, ...]  # rows in the chunk


def _stretches(ground: _Ground) -> Iterator[tuple[tuple[I64, I64 | None], list[_Cast]]]:
    """Numbers (and products) of the lots of each chunk, with the schemes to be played on them."""
    world = ground.world
    step = max(1, CHUNK_PACKS // max(world.units, 1))
    for first in range(0, world.lots, step):
        yield (np.arange(first, min(first + step, world.lots)), None), []
    numbers: list[int] = []
    products: list[int] = []
    casts: list[_Cast] = []
    for name, code, size, skill, own, product in _schemes(ground):
        if len(numbers) + len(own) > max(step, len(own)):
            yield (np.array(numbers), np.array(products)), casts
            numbers, products, casts = [], [], []
        rows = tuple(range(len(numbers), len(numbers) + len(own)))
        casts.append(_Cast(name, code, size, skill, rows))
        numbers += own
        products += [product] * len(own)
    if numbers:
        yield (np.array(numbers), np.array(products)), casts


def _schemes(
    ground: _Ground,
) -> Iterator[tuple[str, str, float, float, list[int], int]]:
    """Name, code, size, skill, lot numbers and product of every scheme, in a fixed order."""
    world, net = ground.world, ground.net
    wanted: list[tuple[int, str, float, float, int]] = [
        (int(a.code[1:]), a.code, a.size, a.skill, max(1, round(world.rate * world.lots)))
        for a in sorted(world.attacks, key=lambda a: a.code)
    ]
    slots = {case: 50 + n for n, case in enumerate(sorted(CASES))}
    wanted += [(slots[case], case, 1.0, 0.5, 1) for case in sorted(world.cases)]
    for slot, code, size, skill, count in wanted:
        scheme = ATTACKS[code] if code in ATTACKS else CASES[code]
        suited = [p.no for p in net.products if scheme.suits is None or scheme.suits(p, net)]
        options = suited or [p.no for p in net.products]
        for turn in range(min(count, _SLOT // scheme.lots)):
            first = SCHEME_LOTS + slot * _SLOT + turn * scheme.lots
            pick = int(net.chance.below(len(options), f"{code} product", turn)[0])
            own = list(range(first, first + scheme.lots))
            yield f"{code}-{turn + 1}", code, size, skill, own, options[pick]


def _staged(ground: _Ground, lots: tuple[I64, I64 | None], casts: list[_Cast]) -> Stage:
    world, net = ground.world, ground.net
    numbers, products = lots
    planned = plan_lots(net, numbers, of_all=world.lots, units=world.units, products=products)
    life = live(net, ground.clocks, planned)
    stage = Stage(net, ground.clocks, life, name_things(net, life), ground.until_us)
    for cast in casts:
        scheme = ATTACKS[cast.code] if cast.code in ATTACKS else CASES[cast.code]
        scenes = [stage.scene(cast.code, row, scheme=cast.name) for row in cast.lots]
        scheme.play(scenes, cast.size, cast.skill)
    if world.noise.look_alikes:
        for look_alike in LOOK_ALIKES.values():
            look_alike.play(stage, world.noise.look_alikes)
    for judge, note in ((is_uploaded_late, "uploaded weeks late"), (has_lost_batches, "lost")):
        for row in np.flatnonzero(judge(net.chance, world.noise, planned.no)):
            stage.scene("B06", int(row)).tell("honest", (), note=f"commissioning {note}")
    return stage


def _sent(ground: _Ground, stage: Stage) -> pl.DataFrame:
    honest = tell(
        ground.net,
        ground.clocks,
        stage.life,
        stage.things,
        ground.until_us,
        stage.cut_us,
        stage.unsaid,
    )
    told = pl.concat([honest, stage.frame()]).sort("event_no")
    return send(told, ground.net, ground.world.noise, ground.habits, ground.until_us)


def _send_chunk(ground: _Ground, stage: Stage, spool: Spool, log: "_Log") -> I64:
    net = ground.net
    sent = _sent(ground, stage)
    scans = pl.concat(
        [
            verifying.honest_scans(net, stage.life, stage.things, stage.cut_us, ground.until_us),
            verifying.staged_scans(stage.lists.verifications),
        ]
    ).filter(pl.col("at_us") <= ground.until_us)
    sold = pl.concat(
        [
            sales.sales_log(net, stage.life, stage.cut_us, ground.until_us),
            sales.staged_sales(net, stage.lists.shipments),
        ]
    ).filter(pl.col("recorded_us") <= ground.until_us)
    spool.add(sent, scans, sold)
    log.write(ground, stage, sent)
    lots = stage.life.lots
    counts = [len(lots), len(stage.life), len(sent), _unit_events(stage)]
    return np.array(counts, dtype=np.int64)


def _unit_events(stage: Stage) -> int:
    """Packs printed, packed, put on pallets, sent, received and handed out, before the end."""
    life, legs, until_us = stage.life, stage.life.legs, stage.until_us
    packs = legs.hi - legs.lo
    made = 3 * int((life.printed_us <= until_us).sum())
    moved = int(packs[legs.ship_us <= until_us].sum() + packs[legs.receive_us <= until_us].sum())
    return made + moved + int((life.end_us <= until_us).sum())


class _Log:
    """Tables that grow with every chunk: lists of lots and notices, and the truth."""

    def __init__(self, feed: Path, beside: Path) -> None:
        self.feed, self.beside = feed, beside
        self.begun: set[Path] = set()

    @property
    def files(self) -> int:
        """How many tables there are."""
        return len(self.begun)

    def write(self, ground: _Ground, stage: Stage, sent: pl.DataFrame) -> None:
        """Add what one chunk knows."""
        net, lots, staged = ground.net, stage.life.lots, stage.lists
        schemes = truth.scheme_rows(stage.truths, sent, truth.tellers(ground.habits))
        attacks = [t for t in stage.truths if t.code[0] != "B"]
        made = stage.things.keys.head(stage.things.cases)
        unstated = truth.of_unstated_lots(attacks, schemes, made)
        by_lot = pl.concat([schemes, unstated], how="diagonal_relaxed")
        for path, rows in (
            (self.feed / "lot_master.csv", lists.lot_rows(net, lots, staged.lot_master)),
            (self.feed / "recalls.csv", lists.notice_rows(staged.recalls, lists.RECALLS)),
            (
                self.feed / "exemptions.csv",
                lists.notice_rows(staged.exemptions, lists.EXEMPTIONS),
            ),
            (
                self.feed / "theft_notices.csv",
                lists.notice_rows(staged.theft_notices, lists.THEFT_NOTICES),
            ),
            (self.beside / "lots.csv", truth.lot_rows(net, lots, by_lot)),
            (self.beside / "schemes.csv", truth.scheme_table(schemes)),
            (self.beside / "units.csv", truth.unit_rows(stage.truths)),
            (self.beside / "events.csv", truth.event_rows(stage.truths)),
            (self.beside / "sites.csv", truth.site_rows(net, attacks)),
            (self.beside / "edges.csv", truth.edge_rows(net, attacks)),
        ):
            if rows.is_empty() and path.parent == self.feed:
                continue
            with path.open("ab" if path in self.begun else "wb") as file:
                rows.write_csv(file, include_header=path not in self.begun)
            self.begun.add(path)
