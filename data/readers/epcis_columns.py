"""What an EPCIS reader has gathered and not yet made frames of: plain lists, appended to."""

from dataclasses import dataclass, field
from typing import Any

BATCH_EVENTS = 20_000
BATCH_ITEMS = 250_000

ROLES = ("epc", "parent", "child", "input", "output")

EVENT_FIELDS = (
    "position",
    "place",
    "event_type",
    "action",
    "event_id",
    "event_time",
    "zone_offset",
    "record_time",
    "step",
    "disposition",
    "read_point",
    "biz_location",
    "transformation_id",
    "lot",
    "expiry",
    "made_on",
    "is_declaration",
    "declared_time",
    "declared_reason",
    "corrective_event_ids",
    "attributes",
)


QUANTITY_FIELDS = ("position", "role", "text", "quantity", "uom")
PARTY_FIELDS = ("position", "direction", "type", "text")
TRANSACTION_FIELDS = ("position", "type", "document")


def _lists(names: tuple[str, ...]) -> dict[str, list[Any]]:
    return {name: [] for name in names}


@dataclass(frozen=True)
class Columns:
    """Lists that become the frames of one batch.

    Dicts have one list a field, all of equal length. Instance identifiers lie flat in
    ``texts``; run ``i`` says that the next ``run_counts[i]`` of them belong to the event at
    ``run_positions[i]`` in the role ``ROLES[run_roles[i]]``. Lists of tuples are rows in the order
    of the columns of the batch's frames. Times and vocabulary are still text.
    """

    events: dict[str, list[Any]] = field(default_factory=lambda: _lists(EVENT_FIELDS))
    texts: list[str] = field(default_factory=list)
    run_positions: list[int] = field(default_factory=list)
    run_roles: list[int] = field(default_factory=list)
    run_counts: list[int] = field(default_factory=list)
    quantities: dict[str, list[Any]] = field(default_factory=lambda: _lists(QUANTITY_FIELDS))
    parties: dict[str, list[Any]] = field(default_factory=lambda: _lists(PARTY_FIELDS))
    transactions: dict[str, list[Any]] = field(default_factory=lambda: _lists(TRANSACTION_FIELDS))
    sensors: list[tuple[Any, ...]] = field(default_factory=list)
    master: list[tuple[Any, ...]] = field(default_factory=list)
    documents: list[tuple[Any, ...]] = field(default_factory=list)
    rejected: list[tuple[Any, ...]] = field(default_factory=list)

    def add(self, part: "Columns") -> None:
        """Append what ``part`` holds."""
        for mine, others in (
            (self.events, part.events),
            (self.quantities, part.quantities),
            (self.parties, part.parties),
            (self.transactions, part.transactions),
        ):
            for name, values in others.items():
                mine[name] += values
        self.texts.extend(part.texts)
        self.run_positions.extend(part.run_positions)
        self.run_roles.extend(part.run_roles)
        self.run_counts.extend(part.run_counts)
        self.sensors.extend(part.sensors)

    def set_aside(self, position: int | None, place: str, reason: str, remedy: str) -> None:
        """Record what could not be read: where, why, and what to do."""
        self.rejected.append((position, place, reason, remedy))

    def member_count(self) -> int:
        """How many members the lists of the events have."""
        others = (self.quantities, self.parties, self.transactions)
        return len(self.texts) + sum(len(fields["position"]) for fields in others)

    def is_full(self) -> bool:
        """Tell whether enough has gathered for a batch."""
        return (
            len(self.events["position"]) + len(self.rejected) >= BATCH_EVENTS
            or self.member_count() + len(self.master) + len(self.sensors) >= BATCH_ITEMS
        )

    def is_empty(self) -> bool:
        """Tell whether there is nothing to make a batch of."""
        return not (self.events["position"] or self.master or self.documents or self.rejected)
