"""Events in the strict shape into columns; the shape is checked a whole column at a time.

Both readers make the same dicts of events, those of EPCIS 2.0 JSON. Where a slice of a document
holds an event of another shape, every event of the slice is first put in order by ``tidy``, or set
aside, one by one.
"""

from collections.abc import Sequence
from itertools import chain, repeat
from typing import Any

from data.readers import epcis_parts as parts
from data.readers import vocabulary
from data.readers.epcis_columns import Columns
from data.readers.epcis_source import MAX_EPCS
from data.readers.epcis_tidy import (
    EPC_LISTS,
    PARTY_LISTS,
    PLACE_FIELDS,
    PLAIN_FIELDS,
    QUANTITY_LISTS,
    TEXT_FIELDS,
    UnreadableError,
    tidy,
)
from data.readers.epcis_times import parse_date

_PARENT = 1
_TEXT: frozenset[type] = frozenset({str, type(None)})
_LIST: frozenset[type] = frozenset({list, type(None)})
_DICT: frozenset[type] = frozenset({dict, type(None)})
_JUST_TEXT: frozenset[type] = frozenset({str})
_JUST_DICT: frozenset[type] = frozenset({dict})


class _OddShapeError(Exception):
    """Some event of the slice is not in the strict shape."""


def gather(
    events: Sequence[Any],
    first_position: int,
    places: Sequence[int],
    unit: str,
    columns: Columns,
    max_epcs: int = MAX_EPCS,
) -> None:
    """Append events to columns; set aside those that cannot be read.

    ``events`` are parsed values, ``places`` their lines or ordinals as ``unit`` names them. The
    events have the positions from ``first_position`` on. ``max_epcs`` is the most members that the
    lists of one of them may have.
    """
    positions = range(first_position, first_position + len(events))
    try:
        part = _strict(events, positions, places)
        if part.member_count() > max_epcs:  # then one event may have too many
            raise _OddShapeError
        columns.add(part)
    except _OddShapeError:
        _gather_one_by_one(events, positions, places, unit, columns, max_epcs)


def _gather_one_by_one(
    events: Sequence[Any],
    positions: Sequence[int],
    places: Sequence[int],
    unit: str,
    columns: Columns,
    max_epcs: int,
) -> None:
    good: list[Any] = []
    good_positions: list[int] = []
    good_places: list[int] = []
    for event, position, place in zip(events, positions, places, strict=True):
        try:
            good.append(tidy(event, max_epcs))
        except UnreadableError as error:
            columns.set_aside(position, f"{unit} {place}", error.reason, error.remedy)
        else:
            good_positions.append(position)
            good_places.append(place)
    columns.add(_strict(good, good_positions, good_places))


def _strict(events: Sequence[Any], positions: Sequence[int], places: Sequence[int]) -> Columns:
    """Return the columns of events in the strict shape; raise where one is not."""
    part = Columns()
    if not events:
        return part
    if set(map(type, events)) != {dict}:
        raise _OddShapeError
    names: set[str] = set().union(*events)
    fields = part.events
    count = len(events)
    fields["position"] = list(positions)
    fields["place"] = list(places)
    for column, name in TEXT_FIELDS:
        fields[column] = _values(events, name, _TEXT) if name in names else [None] * count
    if not vocabulary.EVENT_TYPES.issuperset(fields["event_type"]):
        raise _OddShapeError
    places_say_more = False
    for column, name in PLACE_FIELDS:
        if name not in names:
            fields[column] = [None] * count
            continue
        objects = _values(events, name, _DICT)
        fields[column] = ids = [place.get("id") if place else None for place in objects]
        _check(ids, _TEXT)
        stated = [place for place in objects if place]
        places_say_more |= sum(map(len, stated)) > len(stated)
    _take_identifiers(events, positions, names, part)
    _take_quantities(events, positions, names, part)
    _take_partners(events, positions, names, part)
    for column in ("lot", "expiry", "made_on", "declared_time", "declared_reason"):
        fields[column] = [None] * count
    for column in ("corrective_event_ids", "attributes"):
        fields[column] = [None] * count
    fields["is_declaration"] = [False] * count
    for index in _with_others(events, names - PLAIN_FIELDS, places_say_more):
        _take_others(events[index], index, part)
    return part


def _with_others(
    events: Sequence[dict[str, Any]], others: set[str], places_say_more: bool
) -> Sequence[int]:
    """Return the indexes of the events that hold more than the columns have taken."""
    if places_say_more or len(others) > 4:
        return range(len(events))
    if not others:
        return ()
    return [index for index, event in enumerate(events) if not others.isdisjoint(event)]


def _values(events: Sequence[dict[str, Any]], name: str, types: frozenset[type]) -> list[Any]:
    values = [event.get(name) for event in events]
    _check(values, types)
    return values


def _check(values: Sequence[Any], types: frozenset[type]) -> None:
    if not types.issuperset(map(type, values)):
        raise _OddShapeError


def _take_identifiers(
    events: Sequence[dict[str, Any]], positions: Sequence[int], names: set[str], part: Columns
) -> None:
    if "parentID" in names:
        parents = _values(events, "parentID", _TEXT)
        texts = [text for text in parents if text]
        part.texts.extend(texts)
        part.run_positions.extend(
            position for position, text in zip(positions, parents, strict=True) if text
        )
        part.run_roles.extend(repeat(_PARENT, len(texts)))
        part.run_counts.extend(repeat(1, len(texts)))
    for role, name in EPC_LISTS:
        if name not in names:
            continue
        lists = _values(events, name, _LIST)
        filled = [texts for texts in lists if texts]
        texts = list(chain.from_iterable(filled))
        _check(texts, _JUST_TEXT)
        part.texts.extend(texts)
        part.run_positions.extend(
            position for position, texts in zip(positions, lists, strict=True) if texts
        )
        part.run_roles.extend(repeat(role, len(filled)))
        part.run_counts.extend(map(len, filled))


def _elements(
    events: Sequence[dict[str, Any]], positions: Sequence[int], name: str
) -> tuple[list[dict[str, Any]], list[int]]:
    """Return the members of a list of objects over all events, and the position of each."""
    lists = _values(events, name, _LIST)
    elements = list(chain.from_iterable(filter(None, lists)))
    _check(elements, _JUST_DICT)
    owners = [
        position
        for position, members in zip(positions, lists, strict=True)
        if members
        for _ in members
    ]
    return elements, owners


def _take_quantities(
    events: Sequence[dict[str, Any]], positions: Sequence[int], names: set[str], part: Columns
) -> None:
    columns = part.quantities
    for role, name in QUANTITY_LISTS:
        if name not in names:
            continue
        elements, owners = _elements(events, positions, name)
        columns["position"] += owners
        columns["role"] += repeat(role, len(owners))
        columns["text"] += _values(elements, "epcClass", _JUST_TEXT)
        columns["quantity"] += [_quantity(element.get("quantity")) for element in elements]
        columns["uom"] += _values(elements, "uom", _TEXT)


def _quantity(stated: Any) -> float | None:
    if stated is None:
        return None
    number = parts.number_of(stated)
    if number is None or number < 0:
        raise _OddShapeError
    return number


def _take_partners(
    events: Sequence[dict[str, Any]], positions: Sequence[int], names: set[str], part: Columns
) -> None:
    for direction, name in PARTY_LISTS:
        if name not in names:
            continue
        elements, owners = _elements(events, positions, name)
        part.parties["position"] += owners
        part.parties["direction"] += repeat(direction, len(owners))
        part.parties["type"] += _values(elements, "type", _TEXT)
        part.parties["text"] += _values(elements, direction, _TEXT)
    if "bizTransactionList" in names:
        elements, owners = _elements(events, positions, "bizTransactionList")
        part.transactions["position"] += owners
        part.transactions["type"] += _values(elements, "type", _TEXT)
        part.transactions["document"] += _values(elements, "bizTransaction", _TEXT)


def _take_others(event: dict[str, Any], index: int, part: Columns) -> None:
    """Read the rarer fields of one event and keep what is left as its attributes."""
    others = event.keys() - PLAIN_FIELDS
    fields = part.events
    attributes: dict[str, Any] = {}
    for name in sorted(others):
        value = event[name]
        if name == "ilmd":
            _take_facts(parts.read_facts(value), "ilmd", index, fields, attributes)
        elif name == "errorDeclaration":
            _take_declaration(value, index, fields, attributes)
        elif name == "sensorElementList":
            part.sensors.extend(parts.sensor_rows(fields["position"][index], value))
        elif name == "persistentDisposition":
            stated = parts.read_persistent_disposition(value)
            if stated:
                attributes["persistentDisposition"] = stated
        elif parts.is_event_level_fact(name):
            _take_facts(parts.read_facts({name: value}), "event", index, fields, attributes)
        elif not name.startswith("@"):
            plain = parts.by_local_name(value)
            if plain not in ("", None, {}):
                parts.attach(attributes, vocabulary.local_name(name), plain)
    for _, name in PLACE_FIELDS:
        place = event.get(name)
        if place and len(place) > 1:
            more = {key: member for key, member in place.items() if key != "id"}
            if said := parts.by_local_name(more):
                attributes[name] = said
    fields["attributes"][index] = parts.bounded_json(attributes)


def _take_declaration(
    value: Any, index: int, fields: dict[str, list[Any]], attributes: dict[str, Any]
) -> None:
    if value is None:
        return
    declaration = parts.read_declaration(value)
    fields["is_declaration"][index] = True
    fields["declared_time"][index] = declaration.time
    fields["declared_reason"][index] = declaration.reason
    fields["corrective_event_ids"][index] = declaration.corrective_event_ids or None
    if declaration.rest:
        attributes["errorDeclaration"] = declaration.rest


def _take_facts(
    facts: parts.Facts,
    where: str,
    index: int,
    fields: dict[str, list[Any]],
    attributes: dict[str, Any],
) -> None:
    for column, value in (
        ("lot", facts.lot),
        ("expiry", facts.expiry),
        ("made_on", facts.made_on),
    ):
        if value is not None and (where == "ilmd" or fields[column][index] is None):
            fields[column][index] = value
    rest = facts.rest
    if facts.made_on is not None and parse_date(facts.made_on) is None:
        rest = {**(rest if isinstance(rest, dict) else {}), "made_on": facts.made_on}
    if rest:
        attributes[where] = rest
