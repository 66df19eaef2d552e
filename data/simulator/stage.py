"""Where attacks and look-alikes are staged: single steps added to, or taken from, honest lives.

A scheme works on one scene: a lot, a code (P01, B14, ...) and draws of its own. What it does is
written step by step, as a culprit or a clerk would do it, since schemes are few; the honest mass is
made by columns elsewhere. No scheme reads another's draws, so changing one leaves all others as
they are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, NamedTuple, TypeVar

import numpy as np
import polars as pl

from data.simulator.chance import I64
from data.simulator.life import NEVER, Life, transit_us
from data.simulator.network import Network, Product, Site
from data.simulator.records import EVENTS
from data.simulator.telling import EVENT_BITS, Things, Unsaid, finished
from data.simulator.working_time import DAY_US, MINUTE_US, SECOND_US, Clocks

STAGED_FROM = 1 << (EVENT_BITS - 1)  # honest events of a lot are numbered below
_CODE_BITS = 14  # staged events of one code in one lot
EPOCH = date(1970, 1, 1)

T = TypeVar("T")


class Leg(NamedTuple):
    """A consignment as one pack sees it."""

    seller: int  # owner before
    buyer: int  # owner after
    place_from: int
    place_to: int
    ship_us: int
    receive_us: int


@dataclass(frozen=True)
class Truth:
    """What really happened: one scheme or one honest mishap at one lot."""

    scheme: str  # identity of the scheme; one may span lots
    code: str  # P.. or B..
    lot_no: int
    gtin: str
    lot: str
    label: str  # falsified, diverted, stolen, laundered, ... or honest
    units: tuple[str, ...]
    sites: tuple[int, ...]
    edges: tuple[tuple[int, int], ...]
    evidence: tuple[int, ...]  # numbers of the events that give it away
    scanned_us: int | None  # first scan that gives it away
    note: str
    # What an event of the evidence is held against: another event, or a site's receipt that is
    # missing. Where the one never arrived, or the other tells no receipts, it shows nothing.
    against: tuple[tuple[int, int], ...] = ()
    unanswered: tuple[tuple[int, int], ...] = ()


@dataclass
class Lists:
    """Rows that schemes add to logs and lists, or change in them."""

    verifications: list[dict[str, Any]] = field(default_factory=list)
    theft_notices: list[dict[str, Any]] = field(default_factory=list)
    recalls: list[dict[str, Any]] = field(default_factory=list)
    exemptions: list[dict[str, Any]] = field(default_factory=list)
    shipments: list[dict[str, Any]] = field(default_factory=list)
    lot_master: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)  # changed cells
    licences: dict[int, dict[str, Any]] = field(default_factory=dict)  # per site: changed cells


@dataclass
class Stage:
    """A chunk of lots with everything that is staged on it."""

    net: Network
    clocks: Clocks
    life: Life
    things: Things
    until_us: int
    cut_us: I64 = field(init=False)
    taken: np.ndarray[Any, np.dtype[np.bool_]] = field(init=False)
    unsaid: Unsaid = field(init=False)
    rows: list[dict[str, Any]] = field(default_factory=list)
    lists: Lists = field(default_factory=Lists)
    truths: list[Truth] = field(default_factory=list)
    _counts: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Nothing is taken, cut or left out yet."""
        self.cut_us = np.full(len(self.life), NEVER, dtype=np.int64)
        self.taken = np.zeros(len(self.life), dtype=bool)
        self.unsaid = Unsaid(
            np.zeros(len(self.life.case_lo), dtype=bool), np.zeros(len(self.life.legs), dtype=bool)
        )

    def scene(self, code: str, lot_row: int, *keys: int, scheme: str = "") -> "Scene":
        """The place of one scheme: ``keys`` tell its draws from those of others in the lot."""
        return Scene(self, code, lot_row, keys, scheme)

    def number(self, lot_row: int, code: str) -> int:
        """The next event number of a code in a lot."""
        slot = int(code[1:]) + (50 if code[0] == "B" else 0)
        first = (int(self.life.lots.no[lot_row]) << EVENT_BITS) + STAGED_FROM + (slot << _CODE_BITS)
        self._counts[first] = self._counts.get(first, -1) + 1
        return first + self._counts[first]

    def paper_no(self, lot_row: int, code: str) -> int:
        """The next number of a paper, odd, so that no honest consignment has it."""
        return 2 * self.number(lot_row, code) + 1

    def frame(self) -> pl.DataFrame:
        """All staged events, in the columns of ``EVENTS``."""
        schema = {k: v for k, v in EVENTS.items() if k not in ("event_id", "offset_min")}
        told = pl.DataFrame(self.rows, schema=schema).filter(pl.col("at_us") <= self.until_us)
        recorded = told["recorded_us"]
        own_id = pl.Series([r.get("event_id") for r in self.rows], dtype=pl.Int64)
        full = finished(told.drop("recorded_us"), self.net, self.clocks)
        keep = pl.Series([r["at_us"] <= self.until_us for r in self.rows], dtype=pl.Boolean)
        return full.with_columns(
            recorded_us=pl.coalesce(recorded, full["recorded_us"]),
            event_id=pl.coalesce(own_id.filter(keep), full["event_id"]),
        )


@dataclass
class Scene:
    """One scheme at one lot."""

    stage: Stage
    code: str
    row: int  # of the lot
    keys: tuple[int, ...] = ()
    scheme: str = ""
    evidence: list[int] = field(default_factory=list)
    against: dict[int, int] = field(default_factory=dict)
    unanswered: dict[int, int] = field(default_factory=dict)
    scanned_us: int | None = None
    turns: int = 0  # steps so far: each draws anew

    # ---- who and what

    @property
    def net(self) -> Network:
        """Who trades."""
        return self.stage.net

    @property
    def product(self) -> Product:
        """What the lot is."""
        return self.net.products[int(self.stage.life.lots.product[self.row])]

    @property
    def lot_no(self) -> int:
        """Number of the lot in the world."""
        return int(self.stage.life.lots.no[self.row])

    @property
    def lot(self) -> str:
        """Lot as printed."""
        return self.stage.life.lots.number[self.row]

    @property
    def expiry(self) -> date:
        """Expiry as printed."""
        return self.stage.life.lots.expiry[self.row]

    @property
    def made_us(self) -> int:
        """Start of packing."""
        return int(self.stage.life.lots.made_us[self.row])

    def site(self, number: int) -> Site:
        """A site by its number."""
        return self.net.sites[number]

    # ---- chance

    def below(self, limit: int, purpose: str, *keys: int) -> int:
        """A whole number from 0 to below a limit."""
        name = f"{self.code} {purpose}"
        return int(self.net.chance.below(limit, name, self.lot_no, *self.keys, *keys)[0])

    def between(self, low: int, high: int, purpose: str, *keys: int) -> int:
        """A whole number of a closed range."""
        return low + self.below(high - low + 1, purpose, *keys)

    def pick(self, options: Sequence[T], purpose: str, *keys: int) -> T:
        """One of several."""
        return options[self.below(len(options), purpose, *keys)]

    def sample(self, options: Sequence[T], count: int, purpose: str) -> list[T]:
        """Some of several, without repetition, in their order."""
        if count >= len(options):
            return list(options)
        draws = self.net.chance.bits(
            f"{self.code} {purpose}", self.lot_no, *self.keys, np.arange(len(options))
        )
        return [options[n] for n in sorted(np.argsort(draws, kind="stable")[:count].tolist())]

    def hours(self, low: float, high: float, purpose: str, *keys: int) -> int:
        """A span between two numbers of hours, in microseconds, to the second."""
        return self.between(int(low * 3600), int(high * 3600), purpose, *keys) * SECOND_US

    # ---- packs and their honest life

    def packs(self) -> range:
        """Numbers of the lot's packs in the chunk."""
        life = self.stage.life
        first = int(np.searchsorted(life.pack_lot, self.row))
        return range(first, first + int(life.lots.size[self.row]))

    def key(self, pack: int) -> str:
        """Key of a pack."""
        return str(self.stage.things.keys[pack])

    def keys_of(self, packs: Sequence[int]) -> list[str]:
        """Keys of packs."""
        keys: list[str] = self.stage.things.keys.gather(list(packs)).to_list()
        return keys

    def serial(self, pack: int) -> str:
        """Serial of a pack."""
        return self.key(pack).rsplit("/21/", 1)[1]

    def case_key(self, pack: int) -> str:
        """Key of the case into which a pack was packed."""
        stage = self.stage
        return str(stage.things.keys[stage.things.cases + int(stage.life.case[pack])])

    def journey(self, pack: int) -> list[Leg]:
        """The consignments by which a pack travelled, in order."""
        legs = self.stage.life.legs
        row = int(self.stage.life.last_leg[pack])
        out: list[Leg] = []
        while row >= 0:
            out.append(self._leg(row))
            row = int(legs.parent[row])
        return out[::-1]

    def _leg(self, row: int) -> Leg:
        legs = self.stage.life.legs
        return Leg(
            int(legs.owner_from[row]),
            int(legs.owner_to[row]),
            int(legs.place_from[row]),
            int(legs.place_to[row]),
            int(legs.ship_us[row]),
            int(legs.receive_us[row]),
        )

    def end(self, pack: int) -> tuple[int, int]:
        """Where a pack is dispensed, and when."""
        life = self.stage.life
        site = int(life.legs.place_to[life.last_leg[pack]])
        return site, int(life.end_us[pack])

    def dispensed(self, count: int, purpose: str, *, spare_days: float = 20) -> list[int]:
        """Some packs that are dispensed at least so many days before the telling ends."""
        stage = self.stage
        span = np.array(self.packs())
        early = stage.life.end_us[span] < stage.until_us - int(spare_days * DAY_US)
        free = span[early & ~stage.taken[span]]
        return self._take(free.tolist(), count, purpose)

    def at_dispenser(
        self, count: int, purpose: str, *, spare_days: float = 20, hold_h: float = 30
    ) -> list[int]:
        """Some packs that lie at a dispenser for a while before they are dispensed."""
        stage = self.stage
        life = stage.life
        span = np.array(self.packs())
        got = life.legs.receive_us[life.last_leg[span]]
        fit = (got < stage.until_us - int(spare_days * DAY_US)) & (
            life.end_us[span] - got > int(hold_h * 3600) * SECOND_US
        )
        return self._take(span[fit & ~stage.taken[span]].tolist(), count, purpose)

    def consignment(
        self, purpose: str, *, level: int, least: int = 1, spare_days: float = 20
    ) -> tuple[Leg, list[int]] | None:
        """One consignment of a level (of ``life``) with its packs; all of them are taken."""
        stage = self.stage
        legs = stage.life.legs
        fit = (
            (legs.lot == self.row)
            & (legs.level == level)
            & (legs.hi - legs.lo >= least)
            & (legs.receive_us < stage.until_us - int(spare_days * DAY_US))
        )
        rows = [
            int(r) for r in np.flatnonzero(fit) if not stage.taken[legs.lo[r] : legs.hi[r]].any()
        ]
        if not rows:
            return None
        row = self.pick(rows, purpose)
        packs = list(range(int(legs.lo[row]), int(legs.hi[row])))
        stage.taken[packs] = True
        return self._leg(row), packs

    def _take(self, free: list[int], count: int, purpose: str) -> list[int]:
        chosen = self.sample(free, count, purpose)
        self.stage.taken[chosen] = True
        return chosen

    def cut(self, packs: Sequence[int], at_us: int) -> None:
        """From a time on packs no longer live their honest life."""
        chosen = list(packs)
        self.stage.cut_us[chosen] = np.minimum(self.stage.cut_us[chosen], at_us)

    # ---- steps

    def event(
        self, at_us: int, site: int, step: str, disposition: str | None = None, **more: Any
    ) -> int:
        """Any event; columns of ``EVENTS`` may be given. Returns its number.

        ``is_evidence=True`` marks an event without which nobody could know.
        """
        number = self.stage.number(self.row, self.code)
        if more.pop("is_evidence", False):
            self.evidence.append(number)
        row = {
            "event_no": number,
            "event_type": "ObjectEvent",
            "action": "OBSERVE",
            "at_us": at_us // SECOND_US * SECOND_US,
            "site": site,
            "step": step,
            "disposition": disposition,
            **more,
        }
        self.stage.rows.append(row)
        return number

    def ship(
        self,
        keys: Sequence[str],
        seller: int,
        buyer: int,
        at_us: int,
        *,
        is_received: bool = True,
        is_shipped: bool = True,
        is_evidence: bool = False,
        step: str = "shipping",
        **more: Any,
    ) -> int:
        """Send something at the seller's next departure; the time at which it is received.

        ``place_from`` and ``place_to`` may differ from the owners; ``classes`` may stand for keys.
        """
        net, clocks = self.net, self.stage.clocks
        place_from, place_to = more.pop("place_from", seller), more.pop("place_to", buyer)
        self.turns += 1
        one, two = np.array([place_from]), np.array([place_to])
        leave = clocks.next_departure(
            np.array([at_us]),
            net.zone_no[one],
            net.hours.of(one),
            np.array([self.below(6600, "departure", self.turns) * SECOND_US]),
        )
        arrive = leave + transit_us(net, one, two, self.lot_no, *self.keys, self.turns)
        got = clocks.open_hours(
            arrive,
            net.zone_no[two],
            net.hours.of(two),
            np.array([self.below(9000, "receipt", self.turns) * SECOND_US]),
        )
        number = self.stage.paper_no(self.row, self.code)
        parties = {
            "owner_from": seller,
            "owner_to": buyer,
            "place_from": place_from,
            "place_to": place_to,
            "epcs": list(keys) or None,
            "document_kind": "desadv",
            "document": f"D{number}",
            **more,
        }
        if is_shipped:
            self.event(
                int(leave[0]),
                place_from,
                step,
                is_evidence=is_evidence and not is_received,
                **{"disposition": "in_transit", **parties},
            )
        if is_received:
            self.event(
                int(got[0]),
                place_to,
                "receiving",
                is_evidence=is_evidence,
                **{**parties, "disposition": "in_progress"},
            )
        return int(got[0])

    def dispense(self, keys: Sequence[str], site: int, at_us: int, **more: Any) -> int:
        """Hand packs out, one event each, within minutes; the time of the last."""
        net = self.net
        one = np.array([site])
        hospital = net.sites[site].role == "hospital"
        for turn, key in enumerate(keys):
            self.turns += 1
            at = self.stage.clocks.open_hours(
                np.array([at_us + turn * 7 * MINUTE_US]),
                net.zone_no[one],
                net.hours.of(one),
                np.array([self.below(20_000, "sale", self.turns) * SECOND_US]),
            )
            at_us = max(at_us, int(at[0]) - turn * 7 * MINUTE_US)
            self.event(
                int(at[0]),
                site,
                "dispensing" if hospital else "retail_selling",
                "dispensed" if hospital else "retail_sold",
                epcs=[key],
                **more,
            )
        return at_us

    def pack(
        self, parent: str, children: Sequence[str], site: int, at_us: int, *, action: str = "ADD"
    ) -> int:
        """Put things into another (ADD), or take them out (DELETE)."""
        return self.event(
            at_us,
            site,
            "packing" if action == "ADD" else "unpacking",
            "in_progress",
            event_type="AggregationEvent",
            action=action,
            parent=parent,
            children=list(children),
        )

    def verify(self, site: int, at_us: int, serial: str, answer: str, **more: Any) -> None:
        """A scan that asks the maker's or the national system about a pack."""
        if answer not in ("ACTIVE", "NO_ANSWER"):
            self.scanned_us = min(at_us, self.scanned_us or at_us)
        self.stage.lists.verifications.append(
            {
                "at_us": at_us // SECOND_US * SECOND_US,
                "site": site,
                "gtin": self.product.gtin,
                "serial": serial,
                "lot": self.lot,
                "expiry": self.expiry.strftime("%y%m%d"),
                "entry_mode": "scan",
                "answer_code": answer,
                **more,
            }
        )

    # ---- the truth

    def tell(
        self,
        label: str,
        packs: Sequence[str],
        *,
        sites: Sequence[int] = (),
        edges: Sequence[tuple[int, int]] = (),
        note: str = "",
    ) -> None:
        """Write down what really happened; ``packs`` are keys."""
        self.stage.truths.append(
            Truth(
                self.scheme or f"{self.code}-{self.lot_no}-{'-'.join(map(str, self.keys))}",
                self.code,
                self.lot_no,
                self.product.gtin,
                self.lot,
                label,
                tuple(packs),
                tuple(sites),
                tuple(edges),
                tuple(self.evidence),
                self.scanned_us,
                note,
                tuple(self.against.items()),
                tuple(self.unanswered.items()),
            )
        )


def day_of(at_us: int) -> date:
    """The UTC day of a time."""
    return EPOCH + timedelta(days=at_us // DAY_US)


def scenes(stage: Stage, code: str, share: float, of: str = "lot") -> Iterator[tuple["Scene", int]]:
    """Scenes of a look-alike: for every lot, consignment or pack that it befalls, by a share.

    Yields the scene and the row of the consignment or pack (of the lot, for lots).
    """
    life = stage.life
    lot_rows, numbers = {
        "lot": (np.arange(len(life.lots)), np.zeros(len(life.lots), dtype=np.int64)),
        "consignment": (life.legs.lot, life.legs.no),
        "pack": (life.pack_lot, life.pack_no),
    }[of]
    hit = stage.net.chance.happens(share, f"{code} happens", life.lots.no[lot_rows], numbers)
    for place in np.flatnonzero(hit):
        row = int(lot_rows[place])
        yield stage.scene(code, row, int(numbers[place])), int(place)
