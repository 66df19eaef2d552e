"""Exchanges as they are: honest ones that a naive rule would accuse, and attacks among them.

Each situation is one exchange with its own numbers (``situations/``). All lie in one inbox, so that
one run judges them all, as in life; a second run sees only what one kind of partner sent, and no
lists.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from data.warehouse.connection import open_read_only
from flows.steps import run_steps
from tests.flows.conftest import job_for
from tests.flows.exchanges import Exchange, number_of, write
from tests.flows.situations import (
    attacks,
    cases_and_pallets,
    life,
    lots_and_checks,
    owners,
    prices,
    quality,
    recording,
    returns,
)
from tests.flows.situations.telling import Situation, attacks_of, honest_of

AS_OF = datetime(2026, 8, 1, 2)
# Their order gives the exchanges their numbers.
HONEST_STORIES = (
    recording,
    cases_and_pallets,
    returns,
    owners,
    quality,
    lots_and_checks,
    prices,
    life,
)


@dataclass(frozen=True)
class Judged:
    """What one run said, by exchange and lot."""

    tiers: dict[int, dict[str, str]]
    standing: dict[int, dict[str, set[str]]]
    causes: dict[int, set[str]]


def judge(folder: Path, exchanges: Sequence[Exchange]) -> Judged:
    """One run over an inbox of exchanges."""
    write(folder / "inbox", exchanges)
    outcome = run_steps(job_for(folder / "inbox", folder, AS_OF), lambda text: None)
    judged = Judged({}, {}, {})
    with open_read_only(outcome.snapshot) as con:
        risks = con.execute("SELECT gtin, lot, tier FROM lot_risk").fetchall()
        findings = con.execute(
            "SELECT gtin, lot, pattern, status, benign FROM finding WHERE gtin IS NOT NULL"
        ).fetchall()
    for gtin, lot, tier in risks:
        judged.tiers.setdefault(number_of(gtin), {})[f"{gtin} {lot}"] = tier
    for gtin, lot, pattern, status, benign in findings:
        if status == "stands":
            lots = judged.standing.setdefault(number_of(gtin), {})
            lots.setdefault(f"{gtin} {lot}", set()).add(pattern)
        elif status == "explained":
            judged.causes.setdefault(number_of(gtin), set()).add(benign)
    return judged


def accused(judged: Judged, number: int) -> dict[str, tuple[str, list[str]]]:
    """The lots of an exchange above watch, with what stands on them."""
    standing = judged.standing.get(number, {})
    return {
        lot: (tier, sorted(standing.get(lot, ())))
        for lot, tier in judged.tiers[number].items()
        if tier not in ("clear", "watch")
    }


HONEST = honest_of(HONEST_STORIES)
ATTACKS = attacks_of([attacks])
EVERY = [*HONEST, *ATTACKS]
NUMBERS = {situation.name: number for number, situation in enumerate(EVERY, 1)}

TRADE = {
    "maker",
    "contract packer",
    "third-party logistics",
    "wholesaler",
    "parallel trader",
    "customs",
    "hospital",
    "clinic",
    "reverse distributor",
    "destruction",
}
# Who sends no data where not all do, and whether lists are there.
VIEWS = {
    "pharmacies alone": (frozenset(TRADE), False),
    "no wholesaler": (frozenset({"wholesaler"}), True),
    "no maker": (frozenset({"maker", "contract packer"}), True),
}
PARTIAL = {
    (situation.name, view): 1 + len(VIEWS) * k + j
    for k, situation in enumerate(HONEST)
    for j, view in enumerate(VIEWS)
}
UNDECIDABLE = {
    # Two counters sell one pack within hours; nothing in this view says that they are sisters.
    ("pack_sold_by_the_neighbour_after_a_slip", "pharmacies alone"),
    # A lot of which only a refused check is known, although the maker's others are all there.
    ("lot_that_its_maker_never_uploaded", "no wholesaler"),
    # Nobody says what is in the cases that the trader sends; the packs turn up at the counter.
    ("parallel_trade_with_a_sticker", "no maker"),
}


@pytest.fixture(scope="module")
def bad_lots() -> dict[str, str]:
    """The lots of the attacks, filled by the run."""
    return {}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, bad_lots: dict[str, str]) -> Judged:
    exchanges = []
    for situation in EVERY:
        x = Exchange(NUMBERS[situation.name])
        lot = situation.build(x)
        if lot is not None:
            bad_lots[situation.name] = f"{lot.gtin} {lot.number}"
        exchanges.append(x)
    return judge(tmp_path_factory.mktemp("exchanges"), exchanges)


@pytest.fixture(scope="module")
def judged_in_part(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    exchanges = []
    for situation in HONEST:
        for view, (silent, lists) in VIEWS.items():
            x = Exchange(PARTIAL[situation.name, view], silent, lists)
            situation.build(x)
            exchanges.append(x)
    return judge(tmp_path_factory.mktemp("partial"), exchanges)


@pytest.mark.parametrize("situation", HONEST, ids=lambda situation: situation.name)
def test_an_honest_exchange_is_not_accused(situation: Situation, judged: Judged) -> None:
    number = NUMBERS[situation.name]
    assert not accused(judged, number)
    standing = set().union(*judged.standing.get(number, {}).values())
    assert standing <= situation.patterns
    assert situation.benign <= judged.causes.get(number, set())


@pytest.mark.parametrize("situation", ATTACKS, ids=lambda situation: situation.name)
def test_an_attack_is_found_and_its_neighbours_are_not_accused(
    situation: Situation, judged: Judged, bad_lots: dict[str, str]
) -> None:
    suspects = accused(judged, NUMBERS[situation.name])
    _, standing = suspects.pop(bad_lots[situation.name])
    assert situation.patterns <= set(standing)
    assert not suspects


@pytest.mark.parametrize(
    ("name", "view"), [pair for pair in PARTIAL if pair not in UNDECIDABLE], ids=" ".join
)
def test_an_honest_exchange_is_not_accused_where_some_say_nothing(
    name: str, view: str, judged_in_part: Judged
) -> None:
    assert not accused(judged_in_part, PARTIAL[name, view])
