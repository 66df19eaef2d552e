"""The custody picture: who had the packs, in columns from left to right by transfers."""

from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from math import sqrt

from markupsafe import Markup

from reports.pictures import shortened, svg, text


@dataclass(frozen=True, slots=True)
class Node:
    """A site: name and two lines of detail; ``flag`` names the findings that concern it.

    ``is_known`` false draws it dashed.
    """

    key: str
    name: str
    detail: str
    figures: str
    is_known: bool
    flag: str


@dataclass(frozen=True, slots=True)
class Edge:
    """A lane between two nodes. ``knowing``: scanned, inferred, mixed."""

    source: str
    target: str
    units: float
    label: str
    knowing: str
    is_flagged: bool
    tip: str


@dataclass(frozen=True, slots=True)
class CustodyPicture:
    """Edges come in order of time: the first arrival at a node decides its column."""

    title: str
    description: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


_BOX_W, _BOX_H, _GAP_X, _GAP_Y = 184.0, 60.0, 92.0, 22.0


@dataclass(slots=True)
class _Slot:
    """A place in a column: a node's box, or the passage of an edge that spans columns."""

    key: str
    layer: int
    height: float
    y: float = 0.0
    before: list["_Slot"] = field(default_factory=list)
    after: list["_Slot"] = field(default_factory=list)


def custody(picture: CustodyPicture) -> Markup:
    """Draw who had the packs, left to right by transfers; width grows with packs."""
    layers = _layers(picture)
    slots, chains = _slots(picture, layers)
    _settle(slots)
    columns = max(layers.values(), default=0) + 1
    back = any(layers[e.target] <= layers[e.source] for e in picture.edges)
    height = max((s.y + s.height for s in slots.values()), default=0) + (46 if back else 14)
    width = columns * _BOX_W + (columns - 1) * _GAP_X + 8
    most = max((edge.units for edge in picture.edges), default=1.0) or 1.0
    lines, labels = [], []
    ports = _ports(picture, layers, slots)
    for index, edge in enumerate(picture.edges):
        css = f"edge {edge.knowing}" + (" flagged" if edge.is_flagged else "")
        stroke = 1.2 + 6 * sqrt(max(edge.units, 0) / most)
        path, tip, place, anchor = _route(edge, index, layers, slots, chains, ports, height)
        lines.append(
            f'<g class="{css}"><title>{escape(edge.tip)}</title>'
            f'<path d="{path}" stroke-width="{stroke:.1f}"/><polygon points="{tip}"/></g>'
        )
        css = "edge-text flagged" if edge.is_flagged else "edge-text"
        labels.append(text(*place, edge.label, css, anchor))
    boxes = [_box(node, slots[node.key]) for node in picture.nodes]
    body = "".join(lines + boxes + labels)
    return svg(max(width, 420), height, "custody", picture.title, picture.description, body)


def _left(layer: int) -> float:
    return 4 + layer * (_BOX_W + _GAP_X)


def _layers(picture: CustodyPicture) -> dict[str, int]:
    """Give each node a column: one right of everything it received from, returns left aside.

    Edges are taken in order of time; one that would close a circle is a return.
    """
    senders: dict[str, set[str]] = {node.key: set() for node in picture.nodes}
    for edge in picture.edges:
        if edge.target not in _upstream(edge.source, senders):
            senders[edge.target].add(edge.source)
    layers: dict[str, int] = {}
    while len(layers) < len(senders):
        for key, origins in senders.items():
            if key not in layers and all(origin in layers for origin in origins):
                layers[key] = max((layers[origin] + 1 for origin in origins), default=0)
    return layers


def _upstream(key: str, senders: dict[str, set[str]]) -> set[str]:
    """Return the node and all that its goods came from."""
    found, waiting = {key}, [key]
    while waiting:
        for sender in senders[waiting.pop()]:
            if sender not in found:
                found.add(sender)
                waiting.append(sender)
    return found


def _slots(
    picture: CustodyPicture, layers: dict[str, int]
) -> tuple[dict[str, _Slot], dict[int, list[_Slot]]]:
    """Make a slot for each node, and passages for edges that jump columns."""
    slots = {
        node.key: _Slot(
            node.key, layers[node.key], max(_BOX_H, 16 + 14.0 * _most_ends(picture, node))
        )
        for node in picture.nodes
    }
    chains: dict[int, list[_Slot]] = {}
    for index, edge in enumerate(picture.edges):
        chain = [slots[edge.source]]
        for layer in range(layers[edge.source] + 1, layers[edge.target]):
            passage = _Slot(f"\0{index}-{layer}", layer, 14.0)
            slots[passage.key] = passage
            chain.append(passage)
        chain.append(slots[edge.target])
        chains[index] = chain
        if layers[edge.target] > layers[edge.source]:
            for one, two in pairwise(chain):
                one.after.append(two)
                two.before.append(one)
    return slots, chains


def _most_ends(picture: CustodyPicture, node: Node) -> int:
    """Return how many lines meet the busier side of a box: it must be tall enough for them."""
    came = sum(edge.target == node.key for edge in picture.edges)
    went = sum(edge.source == node.key for edge in picture.edges)
    return max(came, went)


def _settle(slots: dict[str, _Slot]) -> None:
    """Order each column by the middle of its neighbours, then set heights."""
    columns: dict[int, list[_Slot]] = {}
    for slot in slots.values():
        columns.setdefault(slot.layer, []).append(slot)
    tallest = max(_height(column) for column in columns.values())
    for column in columns.values():
        _stack(column, tallest)
    for sweep in range(6):
        order = sorted(columns, reverse=sweep % 2 == 1)
        for layer in order:
            column = columns[layer]
            wishes = {s.key: _wish(s.before if sweep % 2 == 0 else s.after, s) for s in column}
            column.sort(key=lambda s: wishes[s.key])
            _stack(column, tallest)


def _wish(neighbours: list[_Slot], slot: _Slot) -> float:
    if not neighbours:
        return slot.y + slot.height / 2
    return sum(n.y + n.height / 2 for n in neighbours) / len(neighbours)


def _height(column: list[_Slot]) -> float:
    return sum(slot.height + _GAP_Y for slot in column) - _GAP_Y


def _stack(column: list[_Slot], tallest: float) -> None:
    y = 18 + (tallest - _height(column)) / 2
    for slot in column:
        slot.y = y
        y += slot.height + _GAP_Y


def _ports(
    picture: CustodyPicture, layers: dict[str, int], slots: dict[str, _Slot]
) -> dict[tuple[int, str], float]:
    """Spread the ends of edges over the side of a box, in the order of their other ends."""
    ends: dict[tuple[str, str], list[int]] = {}
    for index, edge in enumerate(picture.edges):
        if layers[edge.target] > layers[edge.source]:
            ends.setdefault((edge.source, "out"), []).append(index)
            ends.setdefault((edge.target, "in"), []).append(index)
    ports = {}
    for (key, side), at_box in ends.items():
        far = [
            picture.edges[i].target if side == "out" else picture.edges[i].source for i in at_box
        ]
        indices = [i for _, i in sorted((slots[k].y, i) for k, i in zip(far, at_box, strict=True))]
        room = min(_BOX_H - 20, 15.0 * (len(indices) - 1))
        for place, index in enumerate(indices):
            shift = room * (place / (len(indices) - 1) - 0.5) if len(indices) > 1 else 0.0
            ports[index, side] = slots[key].y + slots[key].height / 2 + shift
    return ports


def _route(
    edge: Edge,
    index: int,
    layers: dict[str, int],
    slots: dict[str, _Slot],
    chains: dict[int, list[_Slot]],
    ports: dict[tuple[int, str], float],
    height: float,
) -> tuple[str, str, tuple[float, float], str]:
    """Return path, arrow head, place and anchor of the label."""
    if layers[edge.target] <= layers[edge.source]:
        return _route_back(slots[edge.source], slots[edge.target], height, index)
    x, y = _left(layers[edge.source]) + _BOX_W, ports[index, "out"]
    path = f"M{x:.1f} {y:.1f}"
    for slot in chains[index][1:-1]:
        x2, y2 = _left(slot.layer), slot.y + slot.height / 2
        path += _curve(x, y, x2, y2) + f"H{x2 + _BOX_W:.1f}"
        x, y = x2 + _BOX_W, y2
    x2, y2 = _left(layers[edge.target]) - 8, ports[index, "in"]
    path += _curve(x, y, x2, y2)
    head = f"{x2:.1f},{y2 - 5:.1f} {x2 + 8:.1f},{y2:.1f} {x2:.1f},{y2 + 5:.1f}"
    return path, head, (x2 - 4, y2 - 7), "end"


def _route_back(
    source: _Slot, target: _Slot, height: float, index: int
) -> tuple[str, str, tuple[float, float], str]:
    """Lead an edge that goes back under the boxes, from bottom to bottom."""
    shift = 14 * (index % 5 - 2)
    x, y = _left(source.layer) + _BOX_W / 2 + 12 + shift, source.y + source.height
    x2, y2 = _left(target.layer) + _BOX_W / 2 - 12 + shift, target.y + target.height + 8
    low = height - 18
    path = f"M{x:.1f} {y:.1f}C{x:.1f} {low:.1f} {x2:.1f} {low:.1f} {x2:.1f} {y2:.1f}"
    head = f"{x2 - 5:.1f},{y2:.1f} {x2:.1f},{y2 - 8:.1f} {x2 + 5:.1f},{y2:.1f}"
    return path, head, ((x + x2) / 2, height - 8), "middle"


def _curve(x: float, y: float, x2: float, y2: float) -> str:
    middle = (x + x2) / 2
    return f"C{middle:.1f} {y:.1f} {middle:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"


def _room(name: str) -> int:
    """Return how many letters of a name fit its box: capitals are wider."""
    capitals = sum(letter.isupper() for letter in name)
    return 18 if capitals > len(name) / 2 else 24


def _box(node: Node, slot: _Slot) -> str:
    css = "node" + ("" if node.is_known else " unknown") + (" flagged" if node.flag else "")
    x, y = _left(slot.layer), slot.y
    return (
        f'<g class="{css}"><title>{escape(node.name)}</title>'
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{_BOX_W:g}" height="{slot.height:g}" rx="3"/>'
        + text(x + 10, y + 19, shortened(node.name, _room(node.name)), "name")
        + text(x + 10, y + 34, shortened(node.detail, 29), "detail")
        + text(x + 10, y + 50, shortened(node.figures, 29), "figures")
        + text(x + 1, y - 5, node.flag, "flag-text")
        + "</g>"
    )
