"""How single values read: numbers with units, times, places, measurements against limits."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from reports import wording
from reports.claims import LotFacts, Place, Test
from reports.wording import say

Pairs = tuple[tuple[str, Any], ...]

UNSTATED = "(unstated)"  # what the warehouse calls the lot of goods that name none
_ISO_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_CODE = re.compile(r"[a-z]+(_[a-z]+)+")
_GLN = re.compile(r"[0-9]{13}")

# Unit of a number, by the end of its name; the longest end that fits is taken.
_UNITS = {
    "_km": "km",
    "_kmh": "kmh",
    "_h": "h",
    "_min": "min",
    "_c": "c",
    "_d": "days",
    "_days": "days",
    "_pct": "pct",
    "_units": "packs",
    "_log10": "power_of_ten",
}
_ENDS = sorted(_UNITS, key=len, reverse=True)
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float | None) -> str:
    """Return three significant digits or all digits before the point, with thousands marks."""
    if value is None:
        return say("language.not_stated")
    value = float(value)
    if value == int(value):
        return wording.marked(f"{int(value):,}")
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    text = f"{value:,.{digits}f}"
    if size < 0.0005:
        text = f"{value:.1e}"
    if "." in text and "e" not in text:
        text = text.rstrip("0").rstrip(".")
    return wording.marked(text)


def decimal(value: float, digits: int) -> str:
    """Return a number with so many digits behind the point."""
    return wording.marked(f"{value:.{digits}f}")


def share(value: float | None) -> str:
    """Return a share of 1 as percent; never 100 % for less than all, nor 0 % for something."""
    if value is None:
        return say("language.not_known")
    percent = 100 * value
    if 0 < percent < 0.1:
        return say("language.under_share")
    if 99.9 < percent < 100:
        return say("language.over_share")
    return wording.marked(f"{percent:.1f}".rstrip("0").rstrip(".") + " %")


def packs(units: float) -> str:
    """Return an amount of packs."""
    return say("language.packs", n=units, figure=number(units))


def day(value: date | None) -> str:
    """Return a date as 2 Apr 2024, which no reader takes for another."""
    if value is None:
        return say("language.not_stated")
    return _date("day", value, "months")


def short_day(value: date) -> str:
    """Return a date for an axis."""
    return _date("day_short", value, "months_short")


def month(value: date) -> str:
    """Return the month of a date."""
    return _date("month", value, "months")


def short_day_of_year(value: date) -> str:
    """Return a date for an axis, without its year."""
    return _date("day_of_year", value, "months_short")


def _date(form: str, value: date, months: str) -> str:
    named = wording.lines(f"language.times.{months}")[value.month - 1]
    parts = {"day": str(value.day), "month": named, "year": str(value.year)}
    return say(f"language.times.{form}", **parts)


def moment(value: datetime | None) -> str:
    """Return a UTC time to the minute, to the second where there are some."""
    if value is None:
        return say("language.not_stated")
    form = "moment_to_the_second" if value.second else "moment"
    return value.strftime(wording.table("language.times")[form])


def plain_day(value: date) -> str:
    """Return a date in figures."""
    return value.strftime(wording.table("language.times")["date"])


def period(first: datetime | None, last: datetime | None) -> str:
    """Return a span of time, short where both ends fall together."""
    if first is None or last is None or first == last:
        return moment(first or last)
    end = f"{last:%H:%M}" if first.date() == last.date() else moment(last)
    return say("language.span", first=moment(first), last=end)


def hours(value: float | None) -> str:
    """Return a duration given in hours, in the unit that suits it."""
    if value is None:
        return say("language.not_recorded")
    if abs(value) >= 72:
        return days(round(value / 24, 1))
    if abs(value) < 1:
        return _in_unit(round(value * 60), "min")
    return _in_unit(round(value, 1), "h")


def days(value: float) -> str:
    """Return a duration given in days."""
    return say("language.days", n=value, figure=number(value))


def _in_unit(value: float, unit: str) -> str:
    return f"{number(value)} {wording.name('measures.units', unit)}"


def joined(words: Iterable[str], last: str = "and") -> str:
    """Return a list as running text; ``last`` is the code of the word before the last."""
    items = list(words)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {say(f'language.{last}')} {items[-1]}"


def joined_long(phrases: Iterable[str]) -> str:
    """Return a list of phrases that may hold commas and conjunctions themselves."""
    return "; ".join(phrases)


def and_more(items: Iterable[str], more: int) -> str:
    """Return a list, and how many more there are."""
    listed = ", ".join(items)
    return say("language.more", listed=listed, n=more) if more > 0 else listed


def as_title(words: str) -> str:
    """Return words with a capital at the start."""
    return words[:1].upper() + words[1:]


def role(place: Place | None) -> str:
    """Return a role in plain words."""
    return wording.name("codes.roles", (place.role if place else None) or "unknown")


def lot_name(facts: LotFacts) -> str:
    """Return a lot by its number and product, also where nobody stated a number."""
    if facts.lot == UNSTATED:
        return say("lot.unstated_packs", product=facts.product or facts.gtin)
    if facts.product:
        return say("lot.named_of", lot=facts.lot, product=facts.product)
    return say("lot.named", lot=facts.lot)


def place_name(place: Place | None) -> str:
    """Return the name of a place, or its number where nobody named it."""
    if place is None or not (place.name or place.gln):
        return say("lot.no_place")
    if place.name:
        return place.name
    return f"GLN {place.gln}" if _GLN.fullmatch(place.gln) else place.gln


def place_detail(place: Place | None) -> str:
    """Return role, town and country of a place as far as known."""
    if place is None:
        return ""
    return " · ".join(part for part in (role(place), place.city, place.country) if part)


def place_line(place: Place | None) -> str:
    """Return name, town and country in one line."""
    if place is None:
        return place_name(place)
    return ", ".join(p for p in (place_name(place), place.city, place.country) if p)


def step(code: str | None) -> str:
    """Return a business step as a past participle."""
    return wording.name("codes.steps", code) if code else say("lot.no_step")


def tier_name(code: str) -> str:
    """Return the name of a tier."""
    return wording.name("tiers.names", code, as_title(code))


def pattern_title(code: str | None) -> str:
    """Return a pattern's plain name; its code where we have no words for it."""
    return _pattern(code, "title") or (code or "")


def pattern_within(code: str | None) -> str:
    """Return a pattern's plain name as it stands within a sentence."""
    title = pattern_title(code)
    return title.lower() if wording.table("language.titles")["are_lowered"] else title


def definition(code: str) -> str:
    """Return a pattern's definition; nothing where we have no words for it."""
    return _pattern(code, "definition")


def clears(code: str) -> str:
    """Return what would end the suspicion that a pattern raises."""
    return _pattern(code, "clears")


def _pattern(code: str | None, part: str) -> str:
    text: str = wording.table("patterns").get(code or "", {}).get(part, "")
    return text


def signal(code: str) -> str:
    """Return a P or B code with its words."""
    words = _pattern(code, "title") or wording.name("explanations", code, "")
    return f"{code} {words}" if words else code


def benign(code: str | None) -> str:
    """Return an honest explanation in plain words."""
    return wording.name("explanations", code, code or "")


def is_signal(name: str) -> bool:
    """Tell whether a name is that of a pattern or of an honest explanation."""
    return wording.is_known("patterns", name) or wording.is_known("explanations", name)


def feature(name: str) -> str:
    """Return a feature or measure in words, without its unit."""
    if is_signal(name):
        return signal(name)
    names = wording.table("measures.names")
    if name in names:
        return str(names[name])
    stem = _stem(name)
    for prefix in ("is_", "has_"):
        stem = stem.removeprefix(prefix)
    return wording.name("measures.names", stem)


def value_of(name: str, value: Any) -> str:
    """Return a measured value with the unit that its name carries."""
    if value is None:
        return say("language.not_known")
    if isinstance(value, bool):
        return say("language.yes") if value else say("language.no")
    if isinstance(value, int | float):
        return _amount(name, value)
    if isinstance(value, list | tuple):
        return joined([value_of(name, item) for item in value]) or say("language.none")
    if isinstance(value, dict):
        return measured(tuple(value.items()))
    return _word(str(value))


def _word(text: str) -> str:
    try:
        if _ISO_TIME.match(text):
            return moment(datetime.fromisoformat(text[:16]))
        if _ISO_DAY.fullmatch(text):
            return plain_day(date.fromisoformat(text))
    except ValueError:  # looks like a time and is none
        return text
    plain = text.replace("_", " ") if _CODE.fullmatch(text) else text
    return wording.name("codes.values", text, plain)


def _amount(name: str, value: float) -> str:
    if name.endswith(("_share", "coverage")):
        return share(value)
    unit = next((_UNITS[end] for end in _ENDS if name.endswith(end)), "")
    if unit == "h" or name == "hours":
        return hours(value)
    if unit == "packs":
        return packs(value)
    if unit == "days":
        return days(value)
    if unit == "power_of_ten":
        return f"10{str(round(value)).translate(_RAISED)}"
    return _in_unit(value, unit) if unit else number(value)


def _pair(name: str, value: Any) -> str:
    form = "said" if isinstance(value, bool | str) else "measure"
    return say(f"language.{form}", name=feature(name), value=value_of(name, value))


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
            form = "expected" if isinstance(limit, bool | str | list) else "limit"
            text = say(f"language.{form}", measure=text, limit=value_of(name, limit))
        parts.append(text)
    text = ", ".join(parts)
    rest = measured(tuple(limits.items()))
    if text and rest:
        return say("language.limits_after", measures=text, limits=rest)
    return text or (say("language.limits", limits=rest) if rest else "")


def test_result(test: Test) -> str:
    """Return how a tried explanation came out."""
    return wording.name("tiers.tests", test.result)


def quoted(text: str) -> str:
    """Return a text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _stem(name: str) -> str:
    end = next((end for end in _ENDS if name.endswith(end)), "")
    stem = name[: len(name) - len(end)] if end else name
    return stem.removesuffix("_share") if stem != "_share" else stem
