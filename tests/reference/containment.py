"""Pack histories the slow and obvious way: walk the events, hold what is inside what.

The twin of ``core_link``, ``core_container_event`` and ``core_item_event``.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

DEEPEST = 6  # containers between a named one and the container that holds a pack
_RANK = {"ADD": 0, "OBSERVE": 1, None: 1, "DELETE": 2}
_ENDING_STEPS = {"dispensing", "destroying", "decommissioning"}


@dataclass(frozen=True)
class Event:
    """One live event, things by number."""

    record_id: int
    at: datetime
    type: str
    action: str | None
    step: str | None
    listed: tuple[int, ...] = ()
    parent: int | None = None
    children: tuple[int, ...] = ()
    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    has_class_children: bool = False

    @property
    def named(self) -> set[int]:
        parent = () if self.parent is None else (self.parent,)
        return {*self.listed, *parent, *self.children, *self.inputs, *self.outputs}

    @property
    def moves_content(self) -> bool:
        if self.type == "TransformationEvent" or self.step in ("commissioning", "decommissioning"):
            return False
        is_bare = self.step is None and self.type == "ObjectEvent"
        return not (is_bare and self.action in ("ADD", "DELETE"))


@dataclass(frozen=True)
class Row:
    """What is known of one pack at one event."""

    pack: int
    record_id: int
    is_inferred: bool
    container: int | None
    is_terminal: bool
    terminal_before: int
    is_undo: bool
    prev_record_id: int | None


def histories(events: Iterable[Event], packs: set[int]) -> set[Row]:
    """All rows of all packs."""
    parent_of: dict[tuple[str, int], int] = {}
    ends: dict[int, int] = {}
    last: dict[int, int] = {}
    rows = set()
    for event in sorted(events, key=lambda e: (e.at, _RANK[e.action], e.record_id)):
        carried = dict(_carried(event, parent_of, packs))
        for pack in (event.named & packs) | set(carried):
            is_inferred = pack not in event.named
            is_terminal = event.step in _ENDING_STEPS and (is_inferred or pack != event.parent)
            before = ends.get(pack, 0)
            is_undo = event.step == "undispensing" and before > 0
            rows.add(
                Row(
                    pack, event.record_id, is_inferred, carried.get(pack) if is_inferred else None,
                    is_terminal, before, is_undo, last.get(pack),
                )
            )  # fmt: skip
            ends[pack] = before + is_terminal - is_undo
            last[pack] = event.record_id
        _apply(event, parent_of)
    return rows


def _carried(
    event: Event, parent_of: dict[tuple[str, int], int], packs: set[int]
) -> Iterator[tuple[int, int]]:
    """Packs inside what the event names, each with the container that holds it."""
    if not event.moves_content:
        return
    reached = set(event.named)
    layer = set(reached)
    for _ in range(DEEPEST):
        layer = {child for (_, child), parent in parent_of.items() if parent in layer} - reached
        reached |= layer
    # Later pairs win in the caller's dict: a packing outranks the binding to an asset.
    for wanted in ("association", "aggregation"):
        for (kind, child), parent in parent_of.items():
            if kind == wanted and child in packs and parent in reached:
                yield child, parent


def _apply(event: Event, parent_of: dict[tuple[str, int], int]) -> None:
    kind = {"AggregationEvent": "aggregation", "AssociationEvent": "association"}.get(event.type)
    if kind and event.parent is not None:
        if event.action == "ADD":
            for child in set(event.children) - {event.parent}:
                parent_of[kind, child] = event.parent
        if event.action == "DELETE":
            is_whole = not event.children and not event.has_class_children
            for (other, child), parent in list(parent_of.items()):
                if (other, parent) == (kind, event.parent) and (
                    is_whole or child in event.children
                ):
                    del parent_of[other, child]
    finished = set(event.inputs)
    if event.step in _ENDING_STEPS or (event.type == "ObjectEvent" and event.action == "DELETE"):
        finished |= set(event.listed)
    for (other, child), parent in list(parent_of.items()):
        if child in finished or parent in finished:
            del parent_of[other, child]
