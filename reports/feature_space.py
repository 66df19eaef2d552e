"""The lot among others by the two features that weigh most: a cloud of points with its words."""

from dataclasses import dataclass
from html import escape
from math import isfinite

from markupsafe import Markup

from reports import phrases
from reports.claims import FeaturePoint, LotEvidence
from reports.parts import Table
from reports.phrases import as_title
from reports.pictures import shortened, svg, text
from reports.wording import lines, name, say

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 760.0, 380.0, 120.0, 56.0, 26.0
_ROOM = 0.06  # between the outermost values and the ends of an axis, as a share
_OPEN = {"neighbour": "near", "same_product": "peer"}  # style of the marks


@dataclass(frozen=True, slots=True)
class Scale:
    """One axis: values from ``low`` to ``high`` along points ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the place of a value."""
        return self.start + (self.end - self.start) * (value - self.low) / (self.high - self.low)

    def ticks(self) -> tuple[float, float, float]:
        """Return the least and the largest value shown, and the middle."""
        room = (self.high - self.low) * _ROOM / (1 + 2 * _ROOM)
        return self.low + room, (self.low + self.high) / 2, self.high - room


def space_table(evidence: LotEvidence) -> Table:
    """List the lot, its neighbours and other lots of the product with both values."""
    space = evidence.space
    if space is None:
        return Table((), ())
    rows = tuple(
        (
            str(no),
            point.lot,
            point.gtin,
            as_title(name("codes.points", point.kind)),
            _value(space.x, point.x),
            _value(space.y, point.y),
        )
        for no, point in enumerate(space.points)
    )
    heads = (
        *lines("comparison.heads.space"),
        as_title(phrases.feature(space.x)),
        as_title(phrases.feature(space.y)),
    )
    return Table(heads, rows, "nttttt")


def space_picture(evidence: LotEvidence) -> Markup | None:
    """Draw the points whose both values are known; None where the lot itself is not among them."""
    space = evidence.space
    if space is None:
        return None
    known = [(no, point) for no, point in enumerate(space.points) if _is_known(point)]
    if len(known) < 2 or known[0][1].kind != "lot":
        return None
    x = _scale([point.x or 0.0 for _, point in known], _LEFT, _WIDTH - 30)
    y = _scale([point.y or 0.0 for _, point in known], _HEIGHT - _BOTTOM, _TOP)
    parts = [_axes(space.x, space.y, x, y)]
    # The lot comes last, so that nothing hides it.
    for no, point in reversed(known):
        parts.append(
            _point(no, point, x.at(point.x or 0.0), y.at(point.y or 0.0), space.x, space.y)
        )
    kinds = [point.kind for _, point in known]
    description = say(
        "comparison.space",
        x=phrases.feature(space.x),
        y=phrases.feature(space.y),
        near=say("comparison.neighbours", n=kinds.count("neighbour")),
        peers=say("comparison.other_lots", n=kinds.count("same_product")),
    )
    return svg(_WIDTH, _HEIGHT, "space", say("page.space"), description, "".join(parts))


def _is_known(point: FeaturePoint) -> bool:
    return all(value is not None and isfinite(value) for value in (point.x, point.y))


def _scale(values: list[float], start: float, end: float) -> Scale:
    low, high = min(values), max(values)
    room = (high - low) * _ROOM or abs(high) * 0.1 or 1.0
    return Scale(low - room, high + room, start, end)


def _axes(x_name: str, y_name: str, x: Scale, y: Scale) -> str:
    bottom = _HEIGHT - _BOTTOM
    parts = [
        f'<line class="base" x1="{_LEFT:g}" x2="{_WIDTH - 20:g}" y1="{bottom:g}" y2="{bottom:g}"/>',
        f'<line class="base" x1="{_LEFT:g}" x2="{_LEFT:g}" y1="{_TOP:g}" y2="{bottom:g}"/>',
    ]
    for at_x, at_y in zip(x.ticks(), y.ticks(), strict=True):
        parts.append(text(x.at(at_x), bottom + 18, _value(x_name, at_x), "detail", "middle"))
        parts.append(text(_LEFT - 8, y.at(at_y) + 4, _value(y_name, at_y), "detail", "end"))
    middle = (_LEFT + _WIDTH - 20) / 2
    parts.append(text(middle, bottom + 40, as_title(phrases.feature(x_name)), "name", "middle"))
    parts.append(text(4, 14, as_title(phrases.feature(y_name)), "name"))
    return "".join(parts)


def _point(no: int, point: FeaturePoint, x: float, y: float, x_name: str, y_name: str) -> str:
    tip = escape(
        f"{no} {point.lot}: {phrases.feature(x_name)} {_value(x_name, point.x)}, "
        f"{phrases.feature(y_name)} {_value(y_name, point.y)}"
    )
    if point.kind == "lot":
        shape = f'<path class="self" d="M{x:.1f} {y - 8:.1f}l8 8l-8 8l-8 -8z"/>'
        is_far = x > _WIDTH * 0.7
        label = text(
            x - 11 if is_far else x + 11,
            y + 4,
            shortened(point.lot, 24),
            "flag-text",
            "end" if is_far else "start",
        )
    else:
        radius = 5.5 if point.kind == "neighbour" else 3.2
        shape = f'<circle class="{_OPEN[point.kind]}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"/>'
        label = text(x + 8, y + 4, str(no), "detail") if point.kind == "neighbour" else ""
    return f'<g class="point"><title>{tip}</title>{shape}</g>{label}'


def _value(name: str, value: float | None) -> str:
    return phrases.value_of(name, value)
