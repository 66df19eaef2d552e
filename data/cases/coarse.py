"""What is said of a case where not all may be: bins of features, product class, chain shape.

A bin is a whole number. Counts, times and distances: 0 below 1, then ``n`` from ``4^(n-1)`` to
below ``4^n``, with the value's sign. Shares and ratios: how many of the edges the value reaches.
"""

import math
import re
from collections.abc import Collection, Mapping

SHARE_EDGES = (0.05, 0.25, 0.5, 0.75, 0.95)
RATIO_EDGES = (0.5, 0.8, 0.95, 1.05, 1.25, 2.0)
_BASE = 4
_MOST_BIN = 12  # 4^12: beyond it further is the same

# The columns of feat_lot that a case may be remembered by, by how they are binned.
COUNTS = (
    *("units", "sites", "countries", "partners", "hops_max", "hops_mean", "hops_from_maker_max"),
    *("km_total", "km_per_day_max", "span_days", "transit_h_median", "dwell_h_median"),
    *("dwell_h_max", "expiry_days_left", "lag_h_p95"),
)
SHARES = (
    *("new_edge_share", "inferred_share", "broken_hop_share", "commissioned_share"),
    *("terminal_share", "return_share"),
)
RATIOS = ("out_in_ratio", "price_ratio_min")
BINNED = frozenset((*COUNTS, *SHARES, *RATIOS))

PRODUCT_CLASSES = ("cold", "frozen", "room", "several", "not_stated")
CHAIN_SHAPES = ("returning", "broken", "across_markets", "long", "straight", "not_stated")

_COLD = re.compile(r"\b2\s*(-|–|to|°)|\bcold\b|refriger", re.IGNORECASE)
_FROZEN = re.compile(r"(?<!\d)(?<!\d\s)-\s*[2-9]\d\b|frozen|freez", re.IGNORECASE)
_ROOM = re.compile(r"\b(15|20|25|30)\b|\broom\b|ambient", re.IGNORECASE)
_RETURNS = frozenset({"P12", "P30", "P32", "P39"})
_BREAKS = frozenset({"P17", "P27", "P40"})
_ABROAD = frozenset({"P34"})
_HOPS = frozenset({"P29"})


def bin_of(feature: str, value: float) -> int:
    """The bin of a feature's value."""
    if feature in COUNTS:
        size = abs(value)
        place = 0 if size < 1 else min(_power(size), _MOST_BIN)
        return int(math.copysign(place, value)) if place else 0
    edges = SHARE_EDGES if feature in SHARES else RATIO_EDGES
    return sum(value >= edge for edge in edges)


def value_of(feature: str, place: int) -> float:
    """A value that lies in a bin: what stands for a feature that was told as a bin."""
    if feature in COUNTS:
        return math.copysign(float(_BASE ** (abs(place) - 1)), place) if place else 0.0
    edges = SHARE_EDGES if feature in SHARES else RATIO_EDGES
    return edges[place - 1] if place > 0 else 0.0


def bins_of(feature: str) -> tuple[int, int]:
    """The lowest and the highest bin of a feature."""
    if feature in COUNTS:
        return -_MOST_BIN, _MOST_BIN
    return 0, len(SHARE_EDGES if feature in SHARES else RATIO_EDGES)


def _power(size: float) -> int:
    """``n`` where ``4^(n-1) <= size < 4^n``, exact at the edges."""
    place = 1
    while place < _MOST_BIN and size >= _BASE**place:
        place += 1
    return place


def product_class(storage: str | None) -> str:
    """How a product is kept, by what its owner's list says of its storage."""
    text = storage or ""
    for name, pattern in (("frozen", _FROZEN), ("cold", _COLD), ("room", _ROOM)):
        if pattern.search(text):
            return name
    return "not_stated"


def chain_shape(signals: Collection[str], traits: Mapping[str, float | None]) -> str:
    """The most telling thing about the way of the goods, by signals and features.

    ``returning``: back to earlier owners, or from dispensers; ``broken``: parts of the way are not
    told; ``across_markets``; ``long``: more than three changes of hands; ``straight``: none of it.
    """
    shown = set(signals)

    def least(feature: str, limit: float) -> bool:
        value = traits.get(feature)
        return value is not None and value >= limit

    if shown & _RETURNS or least("return_share", 0.25):
        return "returning"
    if shown & _BREAKS or least("broken_hop_share", 0.25):
        return "broken"
    if shown & _ABROAD or least("countries", 4):
        return "across_markets"
    if shown & _HOPS or least("hops_max", 5):
        return "long"
    return "straight" if shown or traits else "not_stated"
