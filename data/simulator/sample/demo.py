"""The sample feed of ``touchstone demo``: a small network, nine months, a truth file."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np

from data.simulator.sample.events import Ledger, Lot
from data.simulator.sample.feeds import (
    recorded_until,
    write_events,
    write_lists,
    write_truth,
)
from data.simulator.sample.network import PRODUCTS, Product
from data.simulator.sample.stories import Lists, stage_all

LOTS_PER_PRODUCT = 7
PACKS_PER_LOT = 200
FIRST_DAY = date(2026, 1, 5)
_ALPHABET = np.array(list("ABCDEFGHJKLMNPQRSTUVWXYZ23456789"))


@dataclass(frozen=True)
class DemoFeed:
    """Where the sample lies and the time from which it is to be looked at."""

    inbox: Path
    truth: Path
    as_of: datetime
    event_count: int


def _serials(product: Product, count: int, rng: np.random.Generator) -> tuple[str, ...]:
    if product.serials == "sequential":
        first = int(rng.integers(10_000_000, 80_000_000))
        return tuple(f"{first + n:010d}" for n in range(count))
    # Two leading letters keep a swapped-case copy distinct from every genuine serial.
    picks = rng.choice(_ALPHABET, size=(count * 2, 12))
    distinct = dict.fromkeys("".join(row) for row in picks)
    return tuple(distinct)[:count]


def _lots(rng: np.random.Generator) -> dict[str, list[Lot]]:
    lots: dict[str, list[Lot]] = {}
    for index, product in enumerate(PRODUCTS):
        count = LOTS_PER_PRODUCT if product.markets != ("GR",) else 3
        for number in range(count):
            made = FIRST_DAY + timedelta(days=index * 2 + number * 24 + int(rng.integers(0, 3)))
            expiry = made + timedelta(days=product.shelf_life_days - 1)
            expiry = expiry.replace(day=1) - timedelta(days=1)  # packs print month and year
            name = f"{product.ref[2]}{chr(65 + number)}{made:%y%m}{int(rng.integers(10, 99))}"
            serials = _serials(product, PACKS_PER_LOT, rng)
            lots.setdefault(product.gtin, []).append(Lot(product, name, made, expiry, serials))
    return lots


def make_demo_feed(folder: Path, *, seed: int = 7) -> DemoFeed:
    """Write the sample feed into an empty folder.

    Parameters
    ----------
    folder : Path
        Receives ``inbox/`` (what partners sent) and ``truth.csv`` (what really happened).
    seed : int
        The same seed writes the same bytes.

    Returns
    -------
    DemoFeed
        Paths, the number of events, and the time from which the batch looks back.
    """
    rng = np.random.default_rng(seed)
    inbox = folder / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    lots = _lots(rng)
    ledger, lists = Ledger(rng), Lists()
    told = stage_all(ledger, lists, lots, PRODUCTS)
    write_events(inbox, ledger.events)
    write_lists(inbox, [lot for some in lots.values() for lot in some], lists)
    write_truth(folder / "truth.csv", told)
    return DemoFeed(inbox, folder / "truth.csv", recorded_until(ledger.events), len(ledger.events))
