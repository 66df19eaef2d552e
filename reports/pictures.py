"""Hand-written SVG as pure functions: geometry and markup here, every word comes in.

Colours are CSS variables of the page, so that pictures follow light, dark and print. Meaning never
hangs on colour alone: shapes, dashes and the labels F1, F2, ... carry it too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from math import sqrt

from markupsafe import Markup

from reports.phrases import short_day, short_day_of_year

# -- shared -----------------------------------------------------------------------------------


def svg(width: float, height: float, name: str, title: str, description: str, body: str) -> Markup:
    """Wrap a picture; readers of the text hear title and description instead of the shapes."""
    # Everything in it is escaped above or made here.
    return Markup(  # noqa: S704
        f'<svg class="picture" role="img" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(description)}</desc>{body}</svg>'
    )


def text(x: float, y: float, words: str, css: str, anchor: str = "start") -> str:
    """Return one line of text at a point."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" class="{css}" text-anchor="{anchor}">{escape(words)}</text>'
    )


def shortened(words: str, most: int) -> str:
    """Cut words to a number of letters, marked where something is left out."""
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


# -- timeline ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mark:
    """Events at one time in one lane. ``kind``: made, out, in, ended, checked, other."""

    at: datetime
    lane: int
    kind: str
    units: float
    is_inferred: bool
    tip: str


@dataclass(frozen=True, slots=True)
class Flag:
    """A finding's cited event: its label and where it lies."""

    at: datetime
    lane: int
    label: str
    tip: str


@dataclass(frozen=True, slots=True)
class TimelinePicture:
    """Lanes are (name, detail) from top to bottom; ``legend`` pairs a kind with its words."""

    title: str
    description: str
    lanes: tuple[tuple[str, str], ...]
    marks: tuple[Mark, ...]
    flags: tuple[Flag, ...]
    legend: tuple[tuple[str, str], ...]


_LEFT, _RIGHT, _TOP, _LANE = 196.0, 28.0, 34.0, 46.0
_WIDTH = 1000.0
_TOUCHING = 46.0  # two labels side by side
_STEPS = [
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
    timedelta(days=2),
    timedelta(days=7),
    timedelta(days=14),
    timedelta(days=30),
    timedelta(days=91),
    timedelta(days=182),
    timedelta(days=365),
    timedelta(days=3650),
]


def timeline(picture: TimelinePicture) -> Markup:
    """Draw events along time, one lane a site; hollow marks are inferred, flags are findings."""
    times = [mark.at for mark in picture.marks] + [flag.at for flag in picture.flags]
    start, end = min(times), max(times)
    if end - start < timedelta(hours=1):
        start, end = start - timedelta(hours=1), end + timedelta(hours=1)
    span = (end - start).total_seconds()
    bottom = _TOP + _LANE * len(picture.lanes)

    def x(at: datetime) -> float:
        return _LEFT + 14 + (_WIDTH - _LEFT - _RIGHT - 14) * (at - start).total_seconds() / span

    def y(lane: int) -> float:
        return _TOP + _LANE * (lane + 0.5) + 3

    parts = [_axis(start, end, x, bottom)]
    for index, (name, detail) in enumerate(picture.lanes):
        line = y(index)
        parts.append(
            f'<line class="lane" x1="{_LEFT:g}" x2="{_WIDTH - 8:g}" y1="{line:g}" y2="{line:g}"/>'
        )
        parts.append(text(0, line - 1, shortened(name, 27), "name"))
        parts.append(text(0, line + 12, shortened(detail, 33), "detail"))
    parts.append(_links(picture.flags, x, y))
    most = max((mark.units for mark in picture.marks), default=1.0) or 1.0
    for mark in sorted(picture.marks, key=lambda m: (-m.units, m.at, m.lane)):
        size = 3.5 + 5.5 * sqrt(max(mark.units, 0) / most)
        hollow = " inferred" if mark.is_inferred else ""
        parts.append(
            f'<g class="mark {mark.kind}{hollow}"><title>{escape(mark.tip)}</title>'
            f"{_shape(mark.kind, x(mark.at), y(mark.lane), size)}</g>"
        )
    parts.append(_flags(picture.flags, x, y))
    legend, low = _legend(picture.legend, bottom + 30)
    parts.append(legend)
    return svg(_WIDTH, low + 16, "timeline", picture.title, picture.description, "".join(parts))


def _axis(start: datetime, end: datetime, x: Callable[[datetime], float], bottom: float) -> str:
    parts = []
    last_label = -1e9
    for tick in _ticks(start, end):
        at = x(tick)
        when = _tick(tick)
        parts.append(
            f'<line class="tick" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP - 6:g}" y2="{bottom:g}"/>'
        )
        if at - last_label > 84 and at < _WIDTH - 30:
            parts.append(text(at, _TOP - 12, when, "detail", "middle"))
            last_label = at
    return "".join(parts)


def _tick(at: datetime) -> str:
    return f"{short_day_of_year(at)} {at:%H:%M}" if at.hour else short_day(at)


def _ticks(start: datetime, end: datetime) -> list[datetime]:
    """Return round times within the span, at most nine of them."""
    step = next((s for s in _STEPS if (end - start) / s <= 9), _STEPS[-1])
    if step >= timedelta(days=30):
        months = round(step.days / 30.4)
        first = start.year * 12 + start.month - 1
        numbers = range(first - first % months, end.year * 12 + end.month, months)
        ticks = [datetime(n // 12, n % 12 + 1, 1) for n in numbers]
    else:
        epoch = datetime(1970, 1, 5)  # a Monday, so that weeks start on one
        first = (start - epoch) // step
        ticks = [epoch + step * n for n in range(first, first + 11)]
    return [tick for tick in ticks if start <= tick <= end]


def _shape(kind: str, x: float, y: float, r: float) -> str:
    if kind == "made":
        return f'<rect x="{x - r:.1f}" y="{y - r:.1f}" width="{2 * r:.1f}" height="{2 * r:.1f}"/>'
    if kind == "out":
        points = f"{x - r:.1f},{y - r:.1f} {x + r * 1.2:.1f},{y:.1f} {x - r:.1f},{y + r:.1f}"
        return f'<polygon points="{points}"/>'
    if kind == "ended":
        d = r * 0.8
        return (
            f'<path class="cross" d="M{x - d:.1f} {y - d:.1f}L{x + d:.1f} {y + d:.1f}'
            f'M{x - d:.1f} {y + d:.1f}L{x + d:.1f} {y - d:.1f}"/>'
        )
    if kind == "checked":
        points = f"{x:.1f},{y - r:.1f} {x + r:.1f},{y:.1f} {x:.1f},{y + r:.1f} {x - r:.1f},{y:.1f}"
        return f'<polygon points="{points}"/>'
    if kind == "other":
        return f'<rect x="{x - 1.6:.1f}" y="{y - r:.1f}" width="3.2" height="{2 * r:.1f}"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}"/>'


def _links(
    flags: tuple[Flag, ...], x: Callable[[datetime], float], y: Callable[[int], float]
) -> str:
    """Join the events of one finding, so that two places at one time meet the eye."""
    by_label: dict[str, list[Flag]] = {}
    for flag in flags:
        by_label.setdefault(flag.label, []).append(flag)
    lines = []
    for events in by_label.values():
        spots = sorted({(flag.at, flag.lane) for flag in events})
        if 2 <= len(spots) <= 6:
            points = " ".join(f"{x(at):.1f},{y(lane):.1f}" for at, lane in spots)
            lines.append(f'<polyline class="link" points="{points}"/>')
    return "".join(lines)


def _flags(
    flags: tuple[Flag, ...], x: Callable[[datetime], float], y: Callable[[int], float]
) -> str:
    """Ring every cited event; labels of rings that nearly touch are gathered over the first."""
    by_lane: dict[int, list[Flag]] = {}
    for flag in sorted(flags, key=lambda f: (f.at, f.label)):
        by_lane.setdefault(flag.lane, []).append(flag)
    parts: list[str] = []
    for lane, events in sorted(by_lane.items()):
        groups: list[list[Flag]] = []
        for flag in events:
            if groups and x(flag.at) - x(groups[-1][-1].at) < _TOUCHING:
                groups[-1].append(flag)
            else:
                groups.append([flag])
        parts.extend(_flag(group, x, y(lane)) for group in groups)
    return "".join(parts)


def _flag(group: list[Flag], x: Callable[[datetime], float], y: float) -> str:
    labels = sorted({flag.label for flag in group}, key=lambda label: (len(label), label))
    words = " ".join(labels[:3]) + (" …" if len(labels) > 3 else "")
    places = list(dict.fromkeys(round(x(flag.at), 1) for flag in group))
    rings = "".join(f'<circle cx="{place:.1f}" cy="{y:.1f}" r="11"/>' for place in places)
    tips = "; ".join(dict.fromkeys(flag.tip for flag in group))
    middle = (places[0] + places[-1]) / 2
    return (
        f'<g class="flag"><title>{escape(tips)}</title>{rings}'
        f"{text(middle, y - 14, words, 'flag-text', 'middle')}</g>"
    )


def _legend(legend: tuple[tuple[str, str], ...], y: float) -> tuple[str, float]:
    """Return the key of the signs, and how far down it reaches: long words take a second line."""
    parts, at = [], 6.0
    for kind, words in legend:
        if at + 11 + 6.2 * len(words) > _WIDTH:
            at, y = 6.0, y + 20
        if kind == "flag":
            shape = f'<g class="flag"><circle cx="{at:g}" cy="{y:g}" r="7"/></g>'
        elif kind == "inferred":
            shape = f'<g class="mark in inferred">{_shape("in", at, y, 5)}</g>'
        else:
            shape = f'<g class="mark {kind}">{_shape(kind, at, y, 5)}</g>'
        parts.append(shape + text(at + 11, y + 4, words, "detail"))
        at += 34 + 6.2 * len(words)
    return "".join(parts), y


# -- score ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bar:
    """One step of a waterfall: its words, the amount it adds, and the amount as text."""

    label: str
    amount: float
    text: str


@dataclass(frozen=True, slots=True)
class BarPicture:
    """Bars in order; the last line shows where they end. ``name`` is unique on the page."""

    name: str
    title: str
    description: str
    bars: tuple[Bar, ...]
    total_label: str
    total_text: str


def score_bars(picture: BarPicture) -> Markup:
    """Draw contributions as a waterfall that starts at nothing and ends at the total."""
    running = [0.0]
    for bar in picture.bars:
        running.append(running[-1] + bar.amount)
    low, high = min(running), max(running)
    scale = 560 / ((high - low) or 1.0)
    row, left = 24.0, 268.0

    def x(value: float) -> float:
        return left + 16 + (value - low) * scale

    base = x(0.0)
    height = row * (len(picture.bars) + 1) + 12
    parts = [f'<line class="base" x1="{base:.1f}" x2="{base:.1f}" y1="2" y2="{height - 6:.1f}"/>']
    for index, bar in enumerate(picture.bars):
        parts.append(_bar(bar.label, bar.text, bar.amount, x, running[index], 4 + row * index))
    y = 6 + row * len(picture.bars)
    parts.append(f'<line class="rule" x1="0" x2="1000" y1="{y - 2:.1f}" y2="{y - 2:.1f}"/>')
    parts.append(_bar(picture.total_label, picture.total_text, running[-1], x, 0.0, y, "total"))
    return svg(1000, height, picture.name, picture.title, picture.description, "".join(parts))


def _bar(
    label: str,
    amount_text: str,
    amount: float,
    x: Callable[[float], float],
    start: float,
    y: float,
    css: str = "",
) -> str:
    one, two = x(start), x(start + amount)
    css = css or ("adds" if amount >= 0 else "takes")
    name = "name" if css == "total" else "bar-label"
    return (
        f'<rect class="bar {css}" x="{min(one, two):.1f}" y="{y:.1f}" '
        f'width="{max(abs(two - one), 1.0):.1f}" height="15"/>'
        + text(0, y + 12, shortened(label, 44), name)
        + text(max(one, two) + 7, y + 12, amount_text, "figures")
    )
