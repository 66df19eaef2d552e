"""The map of movements: places by latitude and longitude, drawn without any map service.

There are no coastlines: the grid, the towns' names and the lines between them must do.
"""

from dataclasses import dataclass
from html import escape
from math import cos, hypot, log1p, radians

from markupsafe import Markup

from reports.pictures import shortened, svg, text
from reports.wording import marked, say


@dataclass(frozen=True, slots=True)
class Spot:
    """Sites that lie together. ``no`` is the number in the table."""

    no: int
    name: str
    latitude: float
    longitude: float
    tip: str
    is_flagged: bool


@dataclass(frozen=True, slots=True)
class Route:
    """What went between two spots, by number. ``knowing``: scanned, inferred, mixed."""

    source: int
    target: int
    units: float
    label: str
    knowing: str
    is_flagged: bool
    tip: str


@dataclass(frozen=True, slots=True)
class MapPicture:
    """Spots and the routes between them; routes within one spot are left out."""

    title: str
    description: str
    spots: tuple[Spot, ...]
    routes: tuple[Route, ...]


_WIDTH, _LEAST_HEIGHT, _MOST_HEIGHT, _EDGE = 1000.0, 260.0, 640.0, 62.0
_STEPS = (0.25, 0.5, 1, 2, 5, 10, 15, 30)  # of the grid, in degrees
_MOST_LINES = 9
_LEAST_SPAN = 1.0  # degrees, so that one town is not blown up to a map of its streets


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where degrees come to lie; ``scale`` is points a degree of latitude."""

    west: float
    east: float
    south: float
    north: float
    scale: float
    squeeze: float

    def x(self, longitude: float) -> float:
        return _EDGE + ((longitude - self.west) % 360) * self.scale * self.squeeze

    def y(self, latitude: float) -> float:
        return _EDGE / 2 + (self.north - latitude) * self.scale

    @property
    def height(self) -> float:
        return self.y(self.south) + _EDGE / 2


def route_map(picture: MapPicture) -> Markup:
    """Draw places and movements; north is up, and distances hold at the middle latitude."""
    frame = _frame(picture.spots)
    at = {spot.no: (frame.x(spot.longitude), frame.y(spot.latitude)) for spot in picture.spots}
    most = max((route.units for route in picture.routes), default=1.0) or 1.0
    parts = [_grid(frame)]
    parts += [_route(route, at, most) for route in picture.routes if route.source != route.target]
    parts += _spots(picture.spots, at)
    return svg(_WIDTH, frame.height, "map", picture.title, picture.description, "".join(parts))


def _frame(spots: tuple[Spot, ...]) -> _Frame:
    west, east = _longitudes([spot.longitude for spot in spots])
    south = min(spot.latitude for spot in spots)
    north = max(spot.latitude for spot in spots)
    squeeze = max(cos(radians((south + north) / 2)), 0.2)
    grow = max(_LEAST_SPAN - (east - west), 0) / 2
    west, east = west - grow, east + grow
    grow = max(_LEAST_SPAN - (north - south), 0) / 2
    south, north = south - grow, north + grow
    room = _WIDTH - 2 * _EDGE
    scale = min(room / ((east - west) * squeeze), (_MOST_HEIGHT - _EDGE) / (north - south))
    # What the scale leaves over is shown too: the picture always has its full width.
    grow = (room / (scale * squeeze) - (east - west)) / 2
    west, east = west - grow, east + grow
    grow = max((_LEAST_HEIGHT - _EDGE) / scale - (north - south), 0) / 2
    return _Frame(west, east, south - grow, north + grow, scale, squeeze)


def _longitudes(values: list[float]) -> tuple[float, float]:
    """West and east end of the shortest stretch that holds all: it may cross the date line."""
    known = sorted(set(values))
    gaps = [
        (round((after - before) % 360, 6), after)
        for before, after in zip(known, [*known[1:], known[0] + 360], strict=True)
    ]
    gap, west = max(gaps, key=lambda one: (one[0], -one[1]))
    gap = gap or 360.0  # one place alone
    return west, west + 360 - gap


def _grid(frame: _Frame) -> str:
    parts = []
    step = _step(frame.east - frame.west)
    for n in range(int(-(-frame.west // step)), int(frame.east // step) + 1):
        x = _EDGE + (n * step - frame.west) * frame.scale * frame.squeeze
        parts.append(
            f'<line class="rule" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{frame.height:.1f}"/>'
        )
        parts.append(
            text(x + 3, 12, _degrees((n * step + 180) % 360 - 180, "east", "west"), "detail")
        )
    step = _step(frame.north - frame.south)
    for n in range(int(-(-frame.south // step)), int(frame.north // step) + 1):
        y = frame.y(n * step)
        parts.append(f'<line class="rule" x1="4" x2="{_WIDTH - 4:g}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(text(2, y - 3, _degrees(n * step, "north", "south"), "detail"))
    return "".join(parts)


def _step(span: float) -> float:
    return next((step for step in _STEPS if span / step <= _MOST_LINES), 60)


def _degrees(value: float, plus: str, minus: str) -> str:
    if value == 0:
        return say("language.coordinates.zero")
    side = plus if value > 0 else minus
    return say(f"language.coordinates.{side}", degrees=marked(f"{abs(value):g}"))


def _route(route: Route, at: dict[int, tuple[float, float]], most: float) -> str:
    """One bent line with its arrow: there and back do not lie on each other."""
    (x1, y1), (x2, y2) = at[route.source], at[route.target]
    length = hypot(x2 - x1, y2 - y1) or 1.0
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    bend = min(0.16 * length, 46.0)
    mx, my = (x1 + x2) / 2 - uy * bend, (y1 + y2) / 2 + ux * bend
    width = 1.2 + 4.3 * log1p(route.units) / log1p(most)
    tx, ty = (x2 - mx, y2 - my)
    turn = hypot(tx, ty) or 1.0
    tx, ty = tx / turn, ty / turn
    ex, ey = x2 - 8 * tx, y2 - 8 * ty
    size = 4 + width
    bx, by = ex - size * tx, ey - size * ty
    head = (
        f"{ex:.1f},{ey:.1f} {bx - size * ty / 2:.1f},{by + size * tx / 2:.1f} "
        f"{bx + size * ty / 2:.1f},{by - size * tx / 2:.1f}"
    )
    css = f"edge {route.knowing}" + (" flagged" if route.is_flagged else "")
    drawn = (
        f'<g class="{css}"><title>{escape(route.tip)}</title>'
        f'<path d="M{x1:.1f} {y1:.1f}Q{mx:.1f} {my:.1f} {ex:.1f} {ey:.1f}" '
        f'stroke-width="{width:.1f}"/><polygon points="{head}"/></g>'
    )
    if not route.is_flagged:
        return drawn
    lx, ly = (x1 + 2 * mx + x2) / 4, (y1 + 2 * my + y2) / 4
    return drawn + text(lx, ly, route.label, "edge-text flagged", "middle")


def _spots(spots: tuple[Spot, ...], at: dict[int, tuple[float, float]]) -> list[str]:
    """Draw the places; a name that would lie on another is left to the table."""
    taken: list[tuple[float, float, float, float]] = []
    parts = []
    for spot in spots:
        x, y = at[spot.no]
        label, width = f"{spot.no} {shortened(spot.name, 22)}", 0.0
        for words in (label, str(spot.no)):
            width = 6.4 * len(words)
            left = x + 8 if x + 20 + width < _WIDTH else x - 8 - width
            box = (left, y - 9, left + width, y + 4)
            label = words
            if not any(_overlap(box, other) for other in taken):
                break
        taken.append(box)
        flag = " flagged" if spot.is_flagged else ""
        parts.append(
            f'<g class="spot{flag}"><title>{escape(spot.tip)}</title>'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{6 if spot.is_flagged else 4.5:g}"/></g>'
            + text(box[0], y + 4, label, "spot-text")
        )
    return parts


def _overlap(one: tuple[float, ...], two: tuple[float, ...]) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]
