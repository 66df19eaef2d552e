"""How single values read: numbers with units, times, places, measurements against limits."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from reports import wording
from reports.claims import LotFacts, Place, Test
from reports.pictures import MONTHS

Pairs = tuple[tuple[str, Any], ...]

UNSTATED = "(unstated)"  # what the warehouse calls the lot of goods that name none
_NOT_STATED = "not stated"
_ISO_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_CODE = re.compile(r"[a-z]+(_[a-z]+)+")
_GLN = re.compile(r"[0-9]{13}")
_ENDS = sorted(wording.UNITS, key=len, reverse=True)
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float | None) -> str:
    """Return three significant digits or all digits before the point, with thousands marks."""
    if value is None:
        return _NOT_STATED
    value = float(value)
    if value == int(value):
        return f"{int(value):,}"
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    text = f"{value:,.{digits}f}"
    if size < 0.0005:
        text = f"{value:.1e}"
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def share(value: float | None) -> str:
    """Return a share of 1 as percent; never 100 % for less than all, nor 0 % for something."""
    if value is None:
        return "not known"
    percent = 100 * value
    if 0 < percent < 0.1:
        return "under 0.1 %"
    if 99.9 < percent < 100:
        return "over 99.9 %"
    return f"{percent:.1f}".rstrip("0").rstrip(".") + " %"


def packs(units: float) -> str:
    """Return an amount of packs."""
    return "1 pack" if units == 1 else f"{number(units)} packs"


def counted(count: int, one: str, many: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {one if count == 1 else many}"


def day(value: date | None) -> str:
    """Return a date as 2 Apr 2024, which no reader takes for another."""
    if value is None:
        return _NOT_STATED
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def moment(value: datetime | None) -> str:
    """Return a UTC time to the minute, to the second where there are some."""
    if value is None:
        return _NOT_STATED
    return f"{value:%Y-%m-%d %H:%M:%S}" if value.second else f"{value:%Y-%m-%d %H:%M}"


def period(first: datetime | None, last: datetime | None) -> str:
    """Return a span of time, short where both ends fall together."""
    if first is None or last is None or first == last:
        return moment(first or last)
    if first.date() == last.date():
        return f"{moment(first)} to {last:%H:%M}"
    return f"{moment(first)} to {moment(last)}"


def hours(value: float | None) -> str:
    """Return a duration given in hours, in the unit that suits it."""
    if value is None:
        return "not recorded"
    if abs(value) >= 72:
        return f"{number(round(value / 24, 1))} days"
    if abs(value) < 1:
        return f"{number(round(value * 60))} min"
    return f"{number(round(value, 1))} h"


def joined(words: Iterable[str], last: str = "and") -> str:
    """Return a list as running text."""
    items = list(words)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def joined_long(phrases: Iterable[str]) -> str:
    """Return a list of phrases that may hold commas and conjunctions themselves."""
    return "; ".join(phrases)


def as_title(words: str) -> str:
    """Return words with a capital at the start."""
    return words[:1].upper() + words[1:]


def role(place: Place | None) -> str:
    """Return a role in plain words."""
    if place is None or not place.role:
        return wording.ROLES["unknown"]
    return wording.ROLES.get(place.role, place.role.replace("_", " "))


def lot_name(facts: LotFacts) -> str:
    """Return a lot by its number and product, also where nobody stated a number."""
    if facts.lot == UNSTATED:
        return f"packs of {facts.product or facts.gtin} whose lot nobody states"
    return f"lot {facts.lot}" + (f" of {facts.product}" if facts.product else "")


def place_name(place: Place | None) -> str:
    """Return the name of a place, or its number where nobody named it."""
    if place is None:
        return "place not stated"
    if place.name:
        return place.name
    return f"GLN {place.gln}" if _GLN.fullmatch(place.gln) else place.gln or "place not stated"


def place_detail(place: Place | None) -> str:
    """Return role, town and country of a place as far as known."""
    if place is None:
        return ""
    return " · ".join(part for part in (role(place), place.city, place.country) if part)


def place_line(place: Place | None) -> str:
    """Return name, town and country in one line."""
    if place is None:
        return "place not stated"
    return ", ".join(p for p in (place_name(place), place.city, place.country) if p)


def step(code: str | None) -> str:
    """Return a business step as a past participle."""
    if not code:
        return "no step stated"
    return wording.STEPS.get(code, code.replace("_", " "))


def pattern_title(code: str | None) -> str:
    """Return a pattern's plain name; its code where we have no words for it."""
    words = wording.PATTERNS.get(code or "")
    return words.title if words else (code or "")


def signal(code: str) -> str:
    """Return a P or B code with its words."""
    words = pattern_title(code) if code in wording.PATTERNS else wording.BENIGN.get(code)
    return f"{code} {words}" if words else code


def benign(code: str | None) -> str:
    """Return an honest explanation in plain words."""
    return wording.BENIGN.get(code or "", code or "")


def feature(name: str) -> str:
    """Return a feature or measure in words, without its unit."""
    if name in wording.PATTERNS or name in wording.BENIGN:
        return signal(name)
    if name in wording.MEASURES:
        return wording.MEASURES[name]
    stem = _stem(name)
    for prefix in ("is_", "has_"):
        stem = stem.removeprefix(prefix)
    return wording.MEASURES.get(stem, stem.replace("_", " "))


def value_of(name: str, value: Any) -> str:
    """Return a measured value with the unit that its name carries."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _amount(name, value)
    if isinstance(value, list | tuple):
        return joined([value_of(name, item) for item in value]) or "none"
    if isinstance(value, dict):
        return measured(tuple(value.items()))
    return _word(str(value))


def _word(text: str) -> str:
    if _ISO_TIME.match(text):
        return text[:16].replace("T", " ")
    return text.replace("_", " ") if _CODE.fullmatch(text) else text


def _amount(name: str, value: float) -> str:
    if name.endswith(("_share", "coverage")):
        return share(value)
    unit = next((wording.UNITS[end] for end in _ENDS if name.endswith(end)), "")
    if unit == "h" or name == "hours":
        return hours(value)
    if unit == "packs":
        return packs(value)
    if unit == "days" and value == 1:
        return "1 day"
    if unit == "power of ten":
        return f"10{str(round(value)).translate(_RAISED)}"
    return f"{number(value)} {unit}".rstrip()


def _pair(name: str, value: Any) -> str:
    link = ": " if isinstance(value, bool | str) else " "
    return f"{feature(name)}{link}{value_of(name, value)}"


def measured(values: Pairs) -> str:
    """Return measured values as running text: distance 812 km, time between 1.2 h."""
    return ", ".join(_pair(name, value) for name, value in values if value is not None)


def against(observed: Pairs, threshold: Pairs) -> str:
    """Return what was observed, each value beside its limit where one of that name is set."""
    limits = {name: value for name, value in threshold if value is not None}
    parts = []
    for name, value in observed:
        if value is None:
            continue
        text = _pair(name, value)
        if name in limits:
            limit = limits.pop(name)
            word = "expected" if isinstance(limit, bool | str | list) else "limit"
            text += f" ({word} {value_of(name, limit)})"
        parts.append(text)
    text = ", ".join(parts)
    rest = measured(tuple(limits.items()))
    if text and rest:
        return f"{text}; limits: {rest}"
    return text or (f"limits: {rest}" if rest else "")


def test_result(test: Test) -> str:
    """Return how a tried explanation came out."""
    return wording.TEST_RESULTS.get(test.result, test.result.replace("_", " "))


def quoted(text: str) -> str:
    """Return a text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _stem(name: str) -> str:
    end = next((end for end in _ENDS if name.endswith(end)), "")
    stem = name[: len(name) - len(end)] if end else name
    return stem.removesuffix("_share") if stem != "_share" else stem
