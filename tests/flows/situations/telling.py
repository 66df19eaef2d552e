"""How a situation is told: what it is to come to, and how most of them begin.

Each is one exchange with its own numbers, built step by step by a function that bears its name.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import ModuleType

from tests.flows.exchanges import Cases, Exchange, Lot, Network, Place, at, flow, network, stock


@dataclass(frozen=True)
class Situation:
    """An exchange, the patterns that are to stand (honest: that may), and what is to explain it."""

    build: Callable[[Exchange], Lot | None]
    patterns: frozenset[str]
    benign: frozenset[str]

    @property
    def name(self) -> str:
        return self.build.__name__


_HONEST: list[Situation] = []
_ATTACKS: list[Situation] = []


def honest(
    *benign: str, note: frozenset[str] = frozenset()
) -> Callable[[Callable[[Exchange], None]], None]:
    """An exchange that nobody may accuse; the benign causes that are to explain its findings.

    `note` names patterns of little weight that may stand: data that somebody should put right, or
    a trade that is lawful and yet more than the usual.
    """

    def register(build: Callable[[Exchange], None]) -> None:
        _HONEST.append(Situation(build, note, frozenset(benign)))

    return register


def attack(*patterns: str) -> Callable[[Callable[[Exchange], Lot]], None]:
    """An exchange with one bad lot, which is returned; the patterns that are to stand on it."""

    def register(build: Callable[[Exchange], Lot]) -> None:
        _ATTACKS.append(Situation(build, frozenset(patterns), frozenset()))

    return register


def honest_of(modules: Iterable[ModuleType]) -> list[Situation]:
    """The honest exchanges of these modules, in their order."""
    return [one for module in modules for one in _HONEST if one.build.__module__ == module.__name__]


def attacks_of(modules: Iterable[ModuleType]) -> list[Situation]:
    """The attacks of these modules, in their order."""
    return [
        one for module in modules for one in _ATTACKS if one.build.__module__ == module.__name__
    ]


# --- how most begin ------------------------------------------------------------------------------


def subject(x: Exchange, n: Network, packs: int = 30) -> tuple[Lot, Cases]:
    """The lot of which a situation tells, made and packed on day 30."""
    lot = x.lot(n.gtin, packs)
    return lot, x.cases(lot, n.maker, at(30))


def packed(x: Exchange, *, lots: int = 3) -> tuple[Network, Lot, Cases]:
    """A usual network, and the lot at its maker's."""
    n = network(x, lots=lots)
    return n, *subject(x, n)


def at_the_hub(x: Exchange, *, lots: int = 3) -> tuple[Network, Lot, Cases, datetime]:
    """The same, and the lot has come to the wholesaler, at the time returned."""
    n, lot, cases = packed(x, lots=lots)
    return n, lot, cases, x.move(list(cases), n.maker, n.hub, at(31))


def handed_out(x: Exchange, *, lots: int = 3) -> tuple[Network, Lot, Cases]:
    """The same, and the lot has come to the dispensers, a case each, and is half sold."""
    n, lot, cases = packed(x, lots=lots)
    flow(x, n, cases, at(31))
    return n, lot, cases


# --- what happens in many ------------------------------------------------------------------------


def hand_out(
    x: Exchange,
    hub: Place,
    shops: Sequence[Place],
    cases: Cases | Iterable[tuple[str, list[str]]],
    when: datetime,
) -> None:
    """Cases from a wholesaler to dispensers in turn, opened there and partly sold."""
    for k, (case, packs) in enumerate(dict(cases).items()):
        stock(x, hub, shops[k % len(shops)], case, packs, when)


def stolen_from(x: Exchange, place: Place, reported_at: str, lot: Lot, case: str = "") -> None:
    """A notice of a theft: of a case of the lot, or of the lot."""
    x.row(
        "theft_notices",
        {
            "reported_at": reported_at,
            "gtin": lot.gtin,
            "lot": lot.number,
            "serial": "",
            "sscc": case.rsplit("/", 1)[-1],
            "place": place.gln,
        },
    )


def inside(cases: Cases, k: int) -> list[str]:
    """The packs of the k-th case."""
    return list(cases.values())[k]


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def days(number: float) -> timedelta:
    return timedelta(days=number)
