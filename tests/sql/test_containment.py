"""The SQL replay of containment against its slow twin, over many random small worlds at once."""

import random
from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest

from data.warehouse.connection import open_memory
from data.warehouse.models import create_model, find_model_files, table_definitions
from tests.reference.containment import Event, Row, histories

WORLDS = 200
EVENTS = 30
PACKS = 6  # things 0 to 5 of a world are packs, pack 5 also serves as a case
THINGS = 12
START = datetime(2024, 3, 1)


def random_event(rng: random.Random, record_id: int, base: int) -> Event:
    """Any event on the things ``base`` to ``base + 11``, sensible or not."""
    # Few distinct times, so that many events share one and their order is put to the test.
    at = START + timedelta(hours=rng.randrange(20))

    def some(low: int, high: int, most: int) -> tuple[int, ...]:
        return tuple(base + n for n in rng.sample(range(low, high), rng.randint(1, most)))

    container = base + rng.randrange(PACKS - 1, THINGS)
    kind = rng.random()
    if kind < 0.55:
        type_ = rng.choices(["AggregationEvent", "AssociationEvent"], [5, 1])[0]
        action = rng.choices(["ADD", "DELETE", "OBSERVE"], [6, 3, 1])[0]
        children = () if action == "DELETE" and rng.random() < 0.4 else some(0, THINGS, 4)
        has_class = action == "DELETE" and rng.random() < 0.2
        step = rng.choice(["packing", "unpacking", None, "shipping"])
        return Event(
            record_id, at, type_, action, step, parent=container, children=children,
            has_class_children=has_class,
        )  # fmt: skip
    if kind < 0.6:
        inputs, outputs = some(0, PACKS, 2), some(0, PACKS, 2)
        return Event(
            record_id, at, "TransformationEvent", None, None, inputs=inputs, outputs=outputs
        )
    if kind < 0.65:
        return Event(
            record_id, at, "TransactionEvent", "ADD", "accepting", some(0, PACKS, 2), container
        )
    step, action = rng.choices(
        [("shipping", "OBSERVE"), ("receiving", "OBSERVE"), ("commissioning", "ADD"),
         ("dispensing", "OBSERVE"), ("undispensing", "OBSERVE"), ("decommissioning", "DELETE"),
         ("destroying", "DELETE"), (None, "DELETE"), (None, "ADD")],
        [6, 6, 2, 2, 2, 1, 1, 1, 1],
    )[0]  # fmt: skip
    return Event(record_id, at, "ObjectEvent", action, step, some(0, THINGS, 3))


def raw_tables(events: list[Event], void: set[int]) -> dict[str, pl.DataFrame]:
    """The events as landing would leave them; a void one has a declaration beside it."""
    things = sorted({thing for event in events for thing in event.named})
    identifiers = pl.DataFrame(
        {"text_id": things, "scheme": ["sgtin" if t % THINGS < PACKS else "sscc" for t in things]}
    )
    class_id = pl.DataFrame({"text_id": [-1], "scheme": ["lgtin"]})
    rows, items = [], []
    for event in events:
        declares = (False, True) if event.record_id in void else (False,)
        for is_declaration in declares:
            record_id = event.record_id + 1_000_000 * is_declaration
            rows.append(
                (record_id, event.type, event.action, f"id {event.record_id}", event.at,
                 event.step, is_declaration, f"content {event.record_id}")
            )  # fmt: skip
            parents = () if event.parent is None else (event.parent,)
            for role, named in (
                ("epc", event.listed), ("child", event.children), ("parent", parents),
                ("input", event.inputs), ("output", event.outputs),
            ):  # fmt: skip
                items += [(record_id, role, thing, False) for thing in named]
            if event.has_class_children:
                items.append((record_id, "child", -1, True))
    columns = ["record_id", "event_type", "action", "event_id", "event_at", "step"]
    return {
        "raw_identifier": pl.concat([identifiers, class_id]).with_columns(
            pl.col("text_id").alias("epc_id"),
            pl.col("text_id").cast(pl.String).alias("canonical"),
            pl.lit("00000000000000").alias("gtin"),
        ),
        "raw_event": pl.DataFrame(
            rows, schema=[*columns, "is_declaration", "content_key"], orient="row"
        ),
        "raw_event_item": pl.DataFrame(
            items, schema=["record_id", "role", "epc", "is_class"], orient="row"
        ),
    }


def replay(events: list[Event], void: set[int]) -> set[Row]:
    with open_memory() as con:
        for text in table_definitions():
            con.execute(text)
        for table, frame in raw_tables(events, void).items():
            con.register("frame", frame)
            con.execute(f"INSERT INTO {table} BY NAME SELECT * FROM frame")  # noqa: S608
        for file in find_model_files():
            create_model(con, file, "view" if "\n-- kind:    view" in file.text else "table")
            if file.name == "core_item_event":
                break
        found = con.execute(
            "SELECT unit_id, record_id, is_inferred, container_id, is_terminal, terminal_before, "
            "is_undo, prev_record_id FROM core_item_event"
        ).fetchall()
    rows = {Row(*row) for row in found}
    assert len(rows) == len(found), "a pack has two rows for one event"
    return rows


@pytest.mark.parametrize("seed", range(2))
def test_the_replay_agrees_with_its_slow_twin(seed: int) -> None:
    rng = random.Random(seed)
    worlds = [
        [random_event(rng, world * EVENTS + n + 1, world * THINGS) for n in range(EVENTS)]
        for world in range(WORLDS)
    ]
    void = {event.record_id for events in worlds for event in events if rng.random() < 0.1}
    found: dict[int, set[Row]] = defaultdict(set)
    for row in replay([event for events in worlds for event in events], void):
        found[row.pack // THINGS].add(row)

    carried = 0
    for world, events in enumerate(worlds):
        live = [event for event in events if event.record_id not in void]
        wanted = histories(live, {world * THINGS + n for n in range(PACKS)})
        carried += sum(row.is_inferred for row in wanted)
        story = "\n".join(map(str, sorted(live, key=lambda event: event.at)))
        assert found[world] == wanted, f"differs in {found[world] ^ wanted}\n{story}"
    assert carried > 1000, "the worlds carry too little to tell"


def test_nests_are_followed_six_containers_deep_and_rings_come_to_an_end() -> None:
    containers = [n for n in range(24) if n % THINGS >= PACKS]
    pack = 0
    nest = [
        Event(n, START + timedelta(hours=n), "AggregationEvent", "ADD", "packing",
              parent=outer, children=(inner,))
        for n, (inner, outer) in enumerate(pairwise([pack, *containers]), 1)
    ]  # fmt: skip
    hour = START + timedelta(days=1)
    ring = Event(
        20, hour, "AggregationEvent", "ADD", "packing", parent=6, children=(containers[-1],)
    )
    for named, is_reached in ((containers[6], True), (containers[7], False)):
        moved = Event(30, hour, "ObjectEvent", "OBSERVE", "shipping", (named,))
        rows = replay([*nest, moved], set())
        assert any((row.pack, row.record_id) == (pack, 30) for row in rows) is is_reached
        assert rows == histories([*nest, moved], {pack})
        assert replay([*nest, ring, moved], set()) == histories([*nest, ring, moved], {pack})
