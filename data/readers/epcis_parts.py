"""The rarer parts of an event, from the plain dicts and lists that both readers make of them.

Names are matched by local name, since vendors put the same fields under different prefixes, and
values may be text, numbers, lists, or JSON objects around a text such as ``{"#text": "A1"}``.
"""

import math
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from data.readers import vocabulary
from data.readers.vocabulary import local_name

ATTRIBUTES_BYTES = 16_384
MAX_DEPTH = 32

# Best spelling first: where two are stated, the standard's own name is believed.
# LOTNO, DATEX and DATMF are SAP's.
_LOT_NAMES = ("lotnumber", "batchnumber", "lot", "batch", "lotno", "batchno", "lotid", "batchid")
_EXPIRY_NAMES = (
    "itemexpirationdate",
    "expirationdate",
    "expirydate",
    "itemexpirydate",
    "expiry",
    "useby",
    "usebydate",
    "bestbeforedate",
    "datex",
)
_MADE_NAMES = (
    "productiondate",
    "manufacturingdate",
    "manufacturedate",
    "dateofmanufacture",
    "itemmanufacturedate",
    "manufactureddate",
    "datmf",
)
_RANKS = {
    name: (fact, rank)
    for fact, names in (("lot", _LOT_NAMES), ("expiry", _EXPIRY_NAMES), ("made", _MADE_NAMES))
    for rank, name in enumerate(names)
}
# Outside the instance/lot master data only the standard's names are certain enough, and the
# extension in which SAP systems put it.
_EVENT_LEVEL = frozenset({"lotnumber", "itemexpirationdate", "sapextension"})

_NUMERIC_REPORT_FIELDS = ("sDev", "percRank", "percValue")
_REPORT_COLUMNS = ("value", "minValue", "maxValue", "meanValue")
# Where an object only wraps a text: XML made into JSON, JSON-LD, database exports.
_WRAPPED = ("#text", "@value", "id", "$date")
_NOTHING: tuple[Any, ...] = (None, "", {}, [])
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


class Facts(NamedTuple):
    """What an event's master data says of its items, as written."""

    lot: str | None
    expiry: str | None
    made_on: str | None
    rest: Any


class Declaration(NamedTuple):
    """An errorDeclaration: when, why, and which events put it right."""

    time: str | None
    reason: str | None
    corrective_event_ids: list[str]
    rest: dict[str, Any]


def text_of(value: Any) -> str | None:
    """Return the text a value certainly means, or None where it means none.

    Whole numbers mean their digits; fractions and truth values do not certainly mean a text.
    """
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, dict):
        stated = (value[name] for name in _WRAPPED if name in value)
        return text_of(next(stated, None))
    if isinstance(value, list) and len(value) == 1:
        return text_of(value[0])
    return None


def number_of(value: Any) -> float | None:
    """Return the finite number a value states, or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None
    text = text_of(value)
    if text is None or not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def each(value: Any) -> list[Any]:
    """Return a list's members, anything else as the only member, nothing for null or blank."""
    if isinstance(value, list):
        return value
    return [] if value is None or value == "" else [value]


def by_local_name(value: Any, depth: int = 0) -> Any:
    """Return a value with its field names without prefixes and its wrapped texts unwrapped.

    Names that become the same hold a list of both. Fields that say nothing, such as an empty XML
    element, are left out; so is what is nested deeper than ``MAX_DEPTH``, and says so.
    """
    if isinstance(value, dict):
        if depth >= MAX_DEPTH:
            return "(nested too deeply, left out)"
        plain: dict[str, Any] = {}
        for name, member in value.items():
            if name.startswith(("@xmlns", "@context")):
                continue
            inner = by_local_name(member, depth + 1)
            if inner not in _NOTHING:
                attach(plain, _plain_name(name), inner)
        return _unwrapped(plain)
    if isinstance(value, list):
        if depth >= MAX_DEPTH:
            return "(nested too deeply, left out)"
        return [by_local_name(member, depth + 1) for member in value]
    return value


def _unwrapped(plain: dict[str, Any]) -> Any:
    if plain.keys() <= {"@type", "type", "@language", "#text", "@value"}:
        for wrapper in ("#text", "@value"):
            if wrapper in plain:
                return plain[wrapper]
    return plain


@lru_cache(maxsize=4096)
def _plain_name(name: str) -> str:
    return name if name.startswith(("#", "@")) else local_name(name)


def attach(target: dict[str, Any], name: str, value: Any) -> None:
    """Set a field, or make it a list where it is there already."""
    if name not in target:
        target[name] = value
        return
    members = target[name]
    if not isinstance(members, list):
        members = target[name] = [members]
    # In place: a field that comes a million times must not be copied a million times.
    members.extend(value if isinstance(value, list) else [value])


def read_facts(ilmd: Any) -> Facts:
    """Return lot, expiry and manufacture date of an ``ilmd`` value, wherever in it they stand.

    Two different lots in one event name none: both stay in ``rest``, as does what was not asked
    for.
    """
    simple = _simple_facts(ilmd)
    if simple is not None:
        return simple
    found: dict[str, dict[int, list[str]]] = {"lot": {}, "expiry": {}, "made": {}}
    tree = by_local_name(ilmd)
    rest = _collect(tree, found)
    stated = {fact: _agreed(ranks) for fact, ranks in found.items()}
    ambiguous = {
        fact: [text for texts in ranks.values() for text in texts]
        for fact, ranks in found.items()
        if ranks and stated[fact] is None
    }
    if ambiguous:
        rest = {**(rest if isinstance(rest, dict) else {}), "ambiguous": ambiguous}
    return Facts(stated["lot"], stated["expiry"], stated["made"], rest)


def _simple_facts(ilmd: Any) -> Facts | None:
    """Return the facts of the usual case: nothing but texts, each fact stated once."""
    if type(ilmd) is not dict:
        return None
    found: dict[str, str] = {}
    rest: dict[str, str] = {}
    for name, value in ilmd.items():
        if type(value) is not str:
            return None
        local = _plain_name(name)
        fact = fact_name(local)
        if local in rest or local[:1] in "#@" or (fact and fact[0] in found):
            return None
        text = value.strip()
        if fact and text:
            found[fact[0]] = text
        elif text:
            rest[local] = text
    return Facts(found.get("lot"), found.get("expiry"), found.get("made"), rest)


@lru_cache(maxsize=4096)
def fact_name(name: str) -> tuple[str, int] | None:
    """Return which fact a local name states and how standard the spelling is, or None."""
    return _RANKS.get(name.lower().replace("_", "").replace("-", ""))


def is_event_level_fact(name: str) -> bool:
    """Tell whether a field outside ``ilmd`` still certainly states the lot or the expiry."""
    return local_name(name).lower() in _EVENT_LEVEL


def _collect(tree: Any, found: dict[str, dict[int, list[str]]]) -> Any:
    if isinstance(tree, list):
        left = [_collect(member, found) for member in tree]
        return [member for member in left if member not in _NOTHING] or None
    if not isinstance(tree, dict):
        return tree
    rest: dict[str, Any] = {}
    for name, value in tree.items():
        fact = fact_name(name)
        texts = [text for text in map(text_of, each(value)) if text] if fact else []
        if fact and texts and len(texts) == len(each(value)):
            found[fact[0]].setdefault(fact[1], []).extend(texts)
        else:
            left = _collect(value, found)
            if left not in _NOTHING:
                rest[name] = left
    return rest


def _agreed(ranks: dict[int, list[str]]) -> str | None:
    if not ranks:
        return None
    texts = ranks[min(ranks)]
    return texts[0] if len(set(texts)) == 1 else None


def read_declaration(value: Any) -> Declaration:
    """Return what an ``errorDeclaration`` says; every part of it is optional in practice."""
    plain = by_local_name(value)
    if not isinstance(plain, dict):
        return Declaration(None, None, [], {})
    reason = text_of(plain.pop("reason", None))
    time = text_of(plain.pop("declarationTime", None))
    listed = plain.pop("correctiveEventIDs", None)
    if isinstance(listed, dict):
        listed = listed.get("correctiveEventID")
    ids = [text for text in map(text_of, each(listed)) if text]
    return Declaration(time, reason and vocabulary.bare_word(reason), ids, plain)


def read_persistent_disposition(value: Any) -> dict[str, list[str]]:
    """Return the dispositions set and unset, as bare words."""
    plain = by_local_name(value)
    if not isinstance(plain, dict):
        return {}
    answer = {}
    for name in ("set", "unset"):
        words = [text for text in map(text_of, each(plain.get(name))) if text]
        if words:
            answer[name] = [vocabulary.bare_word(word) for word in words]
    return answer


def sensor_rows(position: int, value: Any) -> Iterator[tuple[Any, ...]]:
    """Yield one row a sensor report, in the order of the sensors frame (time still as text).

    A report without a time of its own has that of its sensorMetadata: the time, or the end of the
    interval, when all of it had been measured. The row's last field is what else was said, as JSON.
    """
    elements = by_local_name(value)
    if isinstance(elements, dict) and "sensorElement" in elements:
        elements = elements["sensorElement"]
    for element in each(elements):
        if not isinstance(element, dict):
            continue
        about = element.get("sensorMetadata")
        metadata: dict[str, Any] = about if isinstance(about, dict) else {}
        others = {
            name: member
            for name, member in element.items()
            if name not in {"sensorMetadata", "sensorReport", "type"}
        }
        for report in each(element.get("sensorReport")):
            if isinstance(report, dict):
                yield _sensor_row(position, dict(report), metadata, others)


def _sensor_row(
    position: int, report: dict[str, Any], metadata: dict[str, Any], others: dict[str, Any]
) -> tuple[Any, ...]:
    stated = text_of(report.pop("type", None))
    moment = (
        text_of(report.pop("time", None))
        or text_of(metadata.get("time"))
        or text_of(metadata.get("endTime"))
        or text_of(metadata.get("startTime"))
    )
    unit = text_of(report.pop("uom", None))
    exception = text_of(report.pop("exception", None))
    numbers = []
    for name in _REPORT_COLUMNS:
        number = number_of(report.get(name))
        numbers.append(number)
        if number is not None:
            del report[name]
    for name in _NUMERIC_REPORT_FIELDS:
        number = number_of(report.get(name))
        if number is not None:
            report[name] = number
    if report.get("booleanValue") in ("true", "false", "1", "0"):
        report["booleanValue"] = report["booleanValue"] in ("true", "1")
    if metadata:
        report["sensorMetadata"] = metadata
    report.update(others)
    return (
        position,
        stated and vocabulary.measurement(stated),
        moment,
        *numbers,
        unit,
        exception and vocabulary.measurement(exception),
        bounded_json(report),
    )


def bounded_json(fields: dict[str, Any]) -> str | None:
    """Return fields as JSON text of at most about ``ATTRIBUTES_BYTES``; None where there are none.

    Whole fields are left out, the largest first, and ``left_out`` counts them.
    """
    if not fields:
        return None
    text = _json(fields)
    if len(text) <= ATTRIBUTES_BYTES:
        return text
    kept: dict[str, Any] = {}
    size = 0
    for length, name in sorted((len(_json({name: fields[name]})), name) for name in fields):
        if size + length > ATTRIBUTES_BYTES - 64:
            break
        kept[name] = fields[name]
        size += length
    return _json({**kept, "left_out": len(fields) - len(kept)})


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted").decode()
