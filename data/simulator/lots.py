"""The lots of a simulated world: what is made, when, how much, and how packs are numbered.

A lot follows from its number alone, so any stretch of lots can be made without the others. Numbers
from ``SCHEME_LOTS`` on belong to staged schemes: they come on top of the others and change none.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from data.simulator.chance import I64, Chance
from data.simulator.network import Network
from data.simulator.serials import serial_bytes
from data.simulator.working_time import DAY_US, HOUR_US, MINUTE_US

SCHEME_LOTS = 2_000_000
MAX_PACKS = 60_000  # a lot's numbers of cases, pallets and totes stay below 4,096 each
_EPOCH_DAY = date(1970, 1, 1)
_THURSDAY = 3  # the weekday of the first of January 1970
_REDRAWS = 3
_OFF_SEASON = 0.7  # share of lots that are not made for want of demand
_LETTERS = "ABCDEFGHJKLMNPRSTUVWX"


@dataclass(frozen=True)
class Lots:
    """Some lots, one row each."""

    no: I64
    product: I64
    made_us: I64  # start of packing, UTC
    size: I64  # packs
    number: tuple[str, ...]  # as printed
    expiry: tuple[date, ...]

    def __len__(self) -> int:
        """Count of lots."""
        return len(self.no)


def plan_lots(
    net: Network, numbers: I64, *, of_all: int, units: int, products: I64 | None = None
) -> Lots:
    """Lots with these numbers.

    Parameters
    ----------
    net
        The world.
    numbers
        Numbers below ``of_all``, or from ``SCHEME_LOTS`` on.
    of_all
        Lots of the whole world; they are spread evenly over its days.
    units
        Median packs of a lot.
    products
        Number of each lot's product; by default it is drawn.
    """
    chance = net.chance
    span_us = net.days * DAY_US
    place = np.where(
        numbers < SCHEME_LOTS,
        (numbers * span_us) // max(of_all, 1),
        chance.below(net.days * 24, "scheme day", numbers) * HOUR_US,
    )
    start_us = (net.first_day - _EPOCH_DAY).days * DAY_US
    jitter = chance.below(14 * 60, "lot minute", numbers) * MINUTE_US
    day = (start_us + place) // DAY_US
    weekday = (day + _THURSDAY) % 7  # Monday is 0; no line is started on a weekend
    day += np.where(weekday >= 5, 7 - weekday, 0)
    made_us = day * DAY_US + 6 * HOUR_US + jitter
    if products is None:
        products = _in_demand(net, numbers, day)
    per_case = np.array([p.per_case for p in net.products], dtype=np.int64)[products]
    size = chance.spread_s(units, 0.45, "lot size", numbers)
    # A lot seldom fills its last case.
    size = np.clip(size, 3 * per_case, np.minimum(MAX_PACKS, per_case * 4_000))
    names = tuple(
        _lot_number(chance, net, int(n), int(p)) for n, p in zip(numbers, products, strict=True)
    )
    expiry = tuple(
        _expiry(net.products[int(p)].shelf_life_days, int(m))
        for p, m in zip(products, made_us, strict=True)
    )
    return Lots(numbers, products, made_us, size, names, expiry)


def _in_demand(net: Network, numbers: I64, day: I64) -> I64:
    """What is made on a day: large sellers more often, seasonal ones in time for their season.

    A product that is not launched yet is not made; one out of season seldom is.
    """
    chance, products = net.chance, net.products
    one = np.zeros(len(numbers), dtype=np.int64)
    launch = np.array([(p.launched - _EPOCH_DAY).days for p in products], dtype=np.int64)
    season = np.array([p.season for p in products], dtype=np.int64)
    month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    chosen = net.product_weights.pick(chance, "lot product", one, numbers)
    for turn in range(_REDRAWS):
        months_off = np.abs((season[chosen] - month + 6) % 12 - 6)
        is_off = (season[chosen] > 0) & (months_off > 3)
        again = (launch[chosen] > day) | (
            is_off & chance.happens(_OFF_SEASON, "off season", numbers, turn)
        )
        other = net.product_weights.pick(chance, "lot product again", one, numbers, turn)
        chosen = np.where(again, other, chosen)
    return chosen


def _lot_number(chance: Chance, net: Network, no: int, product: int) -> str:
    """Each maker has a form of its own: letters and a counter, or digits alone."""
    maker = net.products[product].maker
    if maker % 3 == 0:
        return f"{_LETTERS[product % 21]}{_LETTERS[no % 21]}{no % 100_000:05d}"
    if maker % 3 == 1:
        return f"{product % 90 + 10}{no % 1_000_000:06d}"
    return f"{no % 1_000_000:06d}{_LETTERS[(no * 5 + product) % 21]}"


def _expiry(shelf_life_days: int, made_us: int) -> date:
    """The last day of the last whole month of the shelf life: packs print month and year."""
    last = _EPOCH_DAY + timedelta(days=made_us // DAY_US + shelf_life_days - 1)
    return last.replace(day=1) - timedelta(days=1)


def pack_keys(net: Network, lots: Lots) -> pl.Series:
    """Keys ``01/<GTIN>/21/<serial>`` of all packs, lot by lot."""
    parts = []
    for row in range(len(lots)):
        product = net.products[int(lots.product[row])]
        number = np.arange(lots.size[row], dtype=np.int64)
        serial = serial_bytes(product.scheme, np.full_like(number, lots.no[row]), number)
        texts = np.ascontiguousarray(serial).view(f"S{serial.shape[1]}")[:, 0].astype(str)
        parts.append(f"01/{product.gtin}/21/" + pl.Series("key", texts.tolist(), dtype=pl.String))
    return pl.concat(parts) if parts else pl.Series("key", [], dtype=pl.String)


def sscc_keys(prefix: str, extension: int, numbers: I64) -> pl.Series:
    """Keys ``00/<SSCC>`` from ten-digit numbers under a company prefix.

    The extension digit is the number's first digit; GS1 General Specifications 7.9 has the check
    digit.
    """
    digits = np.empty((len(numbers), 17), dtype=np.int64)
    digits[:, 0] = (extension + numbers // 10**9) % 10
    digits[:, 1:8] = [int(d) for d in prefix]
    rest = numbers % 10**9
    for place in range(16, 7, -1):
        digits[:, place] = rest % 10
        rest = rest // 10
    weights = np.array([3, 1] * 8 + [3], dtype=np.int64)
    check = (10 - (digits * weights).sum(axis=1) % 10) % 10
    text = np.hstack([digits, check[:, None]]).astype(np.uint8) + ord("0")
    texts = np.ascontiguousarray(text.astype(np.uint8)).view("S18")[:, 0].astype(str)
    return "00/" + pl.Series("key", texts.tolist(), dtype=pl.String)
