"""Cases as they are given to other companies, and as files from them are read: with distrust.

    {"format": "touchstone-cases", "version": 2}
    {"case_id": "own-0001", "title": "…", "signals": [{"code": "P01", "why": "…"}], …}

JSON Lines as above, or TOML with ``format``, ``version`` and an array ``[[case]]``. Every field is
checked for its kind and size; a file with one fault is refused as a whole. An imported case is
named by its content, so that it meets no case of one's own and importing twice is importing once.
"""

import json
import math
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.cases.coarse import CHAIN_SHAPES, PRODUCT_CLASSES, chain_shape
from data.cases.library import BENIGN_CODES, PATTERN_CODES, VISIBLE, Case, Signal, Source
from data.cases.memory import IMPORTED, OWN, SIMULATED, Traits
from data.errors import InputError
from data.record.canonical import canonical, digest

FORMAT, VERSION = "touchstone-cases", 2
_READ = (1, 2)  # version 1 knew no product_class, chain_shape
MOST_BYTES = 10_000_000
MOST_CASES = 10_000
_MOST_FAULTS = 5  # told at once

_CODES = frozenset(PATTERN_CODES + BENIGN_CODES)
_REQUIRED = ("case_id", "title", "mechanism_class", "outcome", "visible_in_event_data", "signals")
_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
_CLASS = re.compile(r"[a-z_]{1,40}")
_TRAIT = re.compile(r"[A-Za-z0-9_]{1,60}")
_ADDED = (OWN, SIMULATED)
_RESERVED = re.compile(r"own-\d+|imported-.*")  # given by the memory itself
_CONTROL = ("Cc", "Cf", "Cs")  # steer a terminal, or turn the direction of writing

Checked = tuple[Case, Traits]
Check = Callable[[Any], str]


def read_added(path: Path) -> Checked:
    """Read one case that somebody wrote: TOML, one case a file, as the shipped ones are.

    Raises InputError naming everything that is wrong with it.
    """
    entry = _toml(_bytes(path), path)
    kind = entry.pop("kind", OWN)
    faults = [] if kind in _ADDED else [f"kind is {_shown(kind)}, expected {' or '.join(_ADDED)}"]
    faults += _faults(entry)
    if _RESERVED.fullmatch(str(entry.get("case_id"))):
        faults.append("case_id is of those that Touchstone gives itself: choose another")
    if faults:
        raise InputError(f"{path}: {'; '.join(faults[:_MOST_FAULTS])}. Nothing was added.")
    return _case(entry, kind)


def read_import(path: Path) -> list[Checked]:
    """Read a file from elsewhere, as cases of the kind ``imported``.

    Raises InputError naming the first faults, with the case each is in; nothing is taken then.
    """
    text = _bytes(path)
    entries = list(_toml_entries(text, path) if path.suffix == ".toml" else _lines(text, path))
    if len(entries) > MOST_CASES:
        raise InputError(f"{path}: {len(entries):,} cases; {MOST_CASES:,} at most. Split the file.")
    faults = [
        f"{place}: {fault}"
        for place, entry in entries
        for fault in (_faults(entry) if isinstance(entry, dict) else ["is no case"])
    ]
    if faults:
        more = f" (and {len(faults) - _MOST_FAULTS} more)" if len(faults) > _MOST_FAULTS else ""
        raise InputError(
            f"{path}: {'; '.join(faults[:_MOST_FAULTS])}{more}. Nothing was imported: have the "
            "sender mend the file."
        )
    cases = {}
    for _, entry in entries:
        case, traits = _case(entry, IMPORTED)
        name = f"{IMPORTED}-{digest(entry)[:16]}"
        cases[name] = replace(case, case_id=name), traits
    return list(cases.values())


def written(entries: list[dict[str, Any]]) -> bytes:
    """Cases as a file of JSON Lines, its head first; the same cases give the same bytes."""
    head = {"format": FORMAT, "version": VERSION}
    return b"".join(canonical(entry) + b"\n" for entry in (head, *entries))


def _bytes(path: Path) -> bytes:
    if not path.is_file():
        raise InputError(f"{path}: no such file. Name a file of cases.")
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise InputError(f"{path}: {size:,} bytes; {MOST_BYTES:,} at most. Split the file.")
    return path.read_bytes()


def _toml(text: bytes, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not TOML in UTF-8. docs/cases.md shows the form.") from error


def _toml_entries(text: bytes, path: Path) -> Iterator[tuple[str, Any]]:
    whole = _toml(text, path)
    cases = whole.pop("case", [])
    _check_head(whole, path)
    if not isinstance(cases, list):
        raise InputError(f"{path}: case is no array; expected [[case]]. Nothing was imported.")
    yield from ((f"case {number}", entry) for number, entry in enumerate(cases, 1))


def _lines(text: bytes, path: Path) -> Iterator[tuple[str, Any]]:
    lines = text.split(b"\n")
    _check_head(_json(lines[0], path, 1), path)
    for number, line in enumerate(lines[1:], 2):
        if line.strip():
            yield f"line {number}", _json(line, path, number)


def _json(line: bytes, path: Path, number: int) -> Any:
    try:
        return json.loads(line.decode("utf-8"), parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path}, line {number}: is not JSON in UTF-8. Expected JSON Lines as touchstone case "
            "export writes them, or TOML in a file named .toml."
        ) from error


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


def _check_head(head: Any, path: Path) -> None:
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise InputError(
            f'{path}: does not begin with format = "{FORMAT}"; it is no file of cases. Nothing was '
            "imported."
        )
    if head.get("version") not in _READ:
        raise InputError(
            f"{path}: version {_shown(head.get('version'))} of the format; this Touchstone reads "
            f"version {' or '.join(map(str, _READ))}. Ask for that one, or update Touchstone."
        )


def _case(entry: dict[str, Any], kind: str) -> Checked:
    traits = {name: _number(value) for name, value in entry.get("traits", {}).items()}
    codes = [signal["code"] for signal in entry["signals"]]
    case = Case(
        case_id=entry["case_id"],
        kind=kind,
        title=entry["title"],
        mechanism_class=entry["mechanism_class"],
        mechanism=entry.get("mechanism", ""),
        outcome=entry["outcome"],
        visible_in_event_data=entry["visible_in_event_data"],
        signals=tuple(Signal(one["code"], one["why"]) for one in entry["signals"]),
        happened_on=entry.get("happened_on"),
        product=entry.get("product"),
        markets=tuple(entry.get("markets", ())),
        lots=tuple(entry.get("lots", ())),
        sources=tuple(Source(one["title"], one["url"]) for one in entry.get("sources", ())),
        product_class=entry.get("product_class"),
        chain_shape=entry.get("chain_shape") or chain_shape(codes, traits),
    )
    return case, traits


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


# -- fields: each check returns what is wrong, or nothing ---------------------------------------


def _faults(entry: Mapping[str, Any]) -> list[str]:
    missing = [name for name in _REQUIRED if not entry.get(name)]
    unknown = sorted(_shown(name) for name in entry.keys() - _CHECKS.keys())
    faults = [f"lacks {name}" for name in missing]
    faults += [f"{name} is no field of a case" for name in unknown]
    faults += [
        f"{name} {wrong}"
        for name, check in _CHECKS.items()
        if name in entry and name not in missing and (wrong := check(entry[name]))
    ]
    return faults


def _text(most: int) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            return "is no text"
        if len(value) > most:
            return f"has {len(value):,} characters; {most:,} at most"
        if any(unicodedata.category(sign) in _CONTROL for sign in value):
            return "holds control characters"
        return ""

    return check


def _matching(pattern: re.Pattern[str], expected: str) -> Check:
    def check(value: Any) -> str:
        fits = isinstance(value, str) and pattern.fullmatch(value)
        return "" if fits else f"is not {expected}"

    return check


def _list(of: Check, most: int) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, list):
            return "is no list"
        if len(value) > most:
            return f"has {len(value):,} entries; {most:,} at most"
        return next((wrong for wrong in map(of, value) if wrong), "")

    return check


def _table(checks: Mapping[str, Check]) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, dict) or value.keys() != checks.keys():
            return f"needs {' and '.join(checks)} in each entry, and nothing else"
        return next((f"{n} {w}" for n, of in checks.items() if (w := of(value[n]))), "")

    return check


def _signals(value: Any) -> str:
    wrong = _list(_table({"code": _code, "why": _text(500)}), len(_CODES))(value)
    if wrong:
        return wrong
    codes = [signal["code"] for signal in value]
    return "names a signal twice" if len(set(codes)) < len(codes) else ""


def _code(value: Any) -> str:
    return "" if isinstance(value, str) and value in _CODES else "is none of P01 to P40, B01 to B28"


def _url(value: Any) -> str:
    if wrong := _text(1000)(value):
        return wrong
    return "" if value.startswith(("https://", "http://")) else "is no web address"


def _traits(value: Any) -> str:
    if not isinstance(value, dict):
        return "is no table of numbers"
    if len(value) > 200:
        return f"has {len(value):,} entries; 200 at most"
    if not all(_TRAIT.fullmatch(name) for name in value):
        return "has a name that is none"
    return "" if all(_is_number(number) for number in value.values()) else "holds what is no number"


def _is_number(value: Any) -> bool:
    if value is None:
        return True
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) < 1e15 and math.isfinite(value)


def _shown(value: Any) -> str:
    """A stranger's word, fit for a message."""
    return ascii(value)[:40]


_CHECKS: dict[str, Check] = {
    "case_id": _matching(_ID, "an id of small letters, digits and -, 80 at most"),
    "title": _text(300),
    "happened_on": _matching(_DATE, "a year, month or day such as 2023-12"),
    "product": _text(200),
    "mechanism_class": _matching(_CLASS, "a word of small letters and _"),
    "mechanism": _text(4000),
    "outcome": _text(2000),
    "visible_in_event_data": _matching(re.compile("|".join(VISIBLE)), " or ".join(VISIBLE)),
    "markets": _list(_text(60), 250),
    "lots": _list(_text(60), 200),
    "signals": _signals,
    "traits": _traits,
    "product_class": _matching(re.compile("|".join(PRODUCT_CLASSES)), " or ".join(PRODUCT_CLASSES)),
    "chain_shape": _matching(re.compile("|".join(CHAIN_SHAPES)), " or ".join(CHAIN_SHAPES)),
    "sources": _list(_table({"title": _text(300), "url": _url}), 50),
}
