"""The pack that a trading partner may see: one's own cases by signals and coarse features alone.

Every text in a pack is of a closed list or a salted id, so that nothing of the warehouse can stand
in it: no serial, lot, product, place, person, partner, reason or day. The format is
``schema/share-pack.schema.json``; docs/cases.md describes it. A pack of another company is read
with distrust.
"""

import hmac
import json
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from data.cases.coarse import (
    BINNED,
    CHAIN_SHAPES,
    PRODUCT_CLASSES,
    bin_of,
    bins_of,
    value_of,
)
from data.cases.library import BENIGN_CODES, MECHANISMS, PATTERN_CODES, VISIBLE, Case, Signal
from data.cases.memory import IMPORTED, OUTCOMES, Traits
from data.errors import InputError
from data.record.canonical import canonical, digest

FORMAT, VERSION = "touchstone-share", 1
SCHEMA = Path(__file__).parent / "schema" / "share-pack.schema.json"
NOT_STATED = "not_stated"
STANDS, EXPLAINED, UNTESTED = "stands", "explained", "untested"
MOST_BYTES = 10_000_000
MOST_CASES = 10_000

_CODES = frozenset(PATTERN_CODES + BENIGN_CODES)
_VALUES: dict[str, float | None] = {STANDS: 1.0, EXPLAINED: 0.5, UNTESTED: None}
_ID = re.compile(r"[0-9a-f]{16}")
_LEAST_SALT = 16


@dataclass(frozen=True)
class Own:
    """A case of one's own, as far as a pack may tell of it."""

    case_id: str
    happened_on: str | None
    outcome: str
    mechanism_class: str
    product_class: str | None
    chain_shape: str | None
    visible_in_event_data: str
    codes: tuple[str, ...]
    traits: Traits


def read_salt(path: Path) -> bytes:
    """The salt of a file, or a new one that is kept there for its owner alone.

    The same salt gives the same ids, pack after pack; who has it can find out which case is which.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
    salt = path.read_bytes().strip()
    if len(salt) < _LEAST_SALT:
        raise InputError(
            f"{path}: a salt of {len(salt)} bytes can be guessed; {_LEAST_SALT} at least. Name a "
            "new file, and one is made."
        )
    return salt


def shared_id(case_id: str, salt: bytes) -> str:
    """The id of a case in packs: it says nothing, and stays the same under the same salt."""
    return hmac.new(salt, f"case:{case_id}".encode(), sha256).hexdigest()[:16]


def pack(cases: Iterable[Own], salt: bytes) -> bytes:
    """The bytes of a pack; the same cases and salt give the same bytes.

    Cases on which nothing was found are left out: no other lot can be like them.
    """
    told = [_told(case, salt) for case in cases]
    shown = [case for case in told if set(case["signals"].values()) - {UNTESTED}]
    head = {"format": FORMAT, "version": VERSION}
    return canonical(head | {"cases": sorted(shown, key=lambda case: str(case["id"]))}) + b"\n"


def _told(case: Own, salt: bytes) -> dict[str, Any]:
    signals = dict.fromkeys(case.codes, STANDS)
    for name, value in case.traits.items():
        if name in _CODES:
            signals[name] = UNTESTED if value is None else EXPLAINED if value < 1 else STANDS
    year = re.match(r"\d{4}", case.happened_on or "")
    return {
        "id": shared_id(case.case_id, salt),
        "year": int(year.group()) if year else None,
        "outcome": _of(case.outcome, OUTCOMES),
        "mechanism_class": _of(case.mechanism_class, MECHANISMS),
        "product_class": _of(case.product_class, PRODUCT_CLASSES),
        "chain_shape": _of(case.chain_shape, CHAIN_SHAPES),
        "visible_in_event_data": _of(case.visible_in_event_data, VISIBLE, "full"),
        "signals": {code: told for code, told in signals.items() if code in _CODES},
        "features": {
            name: bin_of(name, value)
            for name, value in case.traits.items()
            if name in BINNED and value is not None
        },
    }


def _of(word: str | None, known: Iterable[str], otherwise: str = NOT_STATED) -> str:
    """A word, if it is one of the closed list: what somebody wrote freely never leaves."""
    return word if word in tuple(known) else otherwise


# -- what others send ---------------------------------------------------------------------------


def is_pack(path: Path) -> bool:
    """Whether a file says that it is a pack; ``read_pack`` then tells what is wrong with it."""
    if not path.is_file() or path.stat().st_size > MOST_BYTES:
        return False
    return FORMAT.encode() in path.read_bytes()[:MOST_BYTES]


def read_pack(path: Path) -> dict[str, tuple[Case, Traits]]:
    """Read a pack from elsewhere: cases of the kind ``imported`` by the id they have in it.

    Raises InputError naming the first fault; nothing is taken then.
    """
    try:
        whole = json.loads(path.read_bytes().decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not JSON in UTF-8. Ask the sender for it again.") from error
    fault = _fault(whole)
    if fault:
        raise InputError(f"{path}: {fault}. Nothing was imported: have the sender mend the file.")
    return {entry["id"]: _case(entry) for entry in whole["cases"]}


def _case(entry: Mapping[str, Any]) -> tuple[Case, Traits]:
    told = entry["signals"]
    codes = sorted(code for code, how in told.items() if how != UNTESTED)
    case = Case(
        case_id=f"{IMPORTED}-{digest(dict(entry))[:16]}",
        kind=IMPORTED,
        title=f"Case {entry['id']} shared by another company, {_plain(entry['outcome'])}",
        mechanism_class=entry["mechanism_class"],
        mechanism="",
        outcome=_plain(entry["outcome"]),
        visible_in_event_data=entry["visible_in_event_data"],
        signals=tuple(Signal(code, f"{told[code]}, as another company told") for code in codes),
        happened_on=None if entry["year"] is None else f"{entry['year']:04d}",
        product_class=entry["product_class"],
        chain_shape=entry["chain_shape"],
    )
    traits: dict[str, float | None] = {code: _VALUES[how] for code, how in told.items()}
    features = {name: value_of(name, place) for name, place in entry["features"].items()}
    return case, traits | features


def _plain(word: str) -> str:
    return word.replace("_", " ")


def _fault(whole: Any) -> str:
    """The first thing that is not as the schema has it; nothing where all is."""
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        return f'does not say format "{FORMAT}"'
    if whole.get("version") != VERSION:
        return f"is of another version than {VERSION}"
    if whole.keys() != {"format", "version", "cases"} or not isinstance(whole["cases"], list):
        return "needs format, version and a list of cases, and nothing else"
    if len(whole["cases"]) > MOST_CASES:
        return f"has {len(whole['cases']):,} cases; {MOST_CASES:,} at most"
    for number, entry in enumerate(whole["cases"], 1):
        if wrong := _case_fault(entry):
            return f"case {number}: {wrong}"
    ids = [entry["id"] for entry in whole["cases"]]
    return "names an id twice" if len(set(ids)) < len(ids) else ""


_WORDS = {
    "outcome": (*OUTCOMES, NOT_STATED),
    "mechanism_class": MECHANISMS,
    "product_class": PRODUCT_CLASSES,
    "chain_shape": CHAIN_SHAPES,
    "visible_in_event_data": VISIBLE,
}
_FIELDS = {"id", "year", "signals", "features", *_WORDS}


def _case_fault(entry: Any) -> str:
    if not isinstance(entry, dict) or entry.keys() != _FIELDS:
        return f"needs {', '.join(sorted(_FIELDS))}, and nothing else"
    if not isinstance(entry["id"], str) or not _ID.fullmatch(entry["id"]):
        return "id is not 16 hexadecimal digits"
    year = entry["year"]
    if year is not None and not (_is_whole(year) and 1900 <= year <= 2999):
        return "year is none"
    for name, words in _WORDS.items():
        if not isinstance(entry[name], str) or entry[name] not in words:
            return f"{name} is none of {', '.join(words)}"
    return _trait_fault(entry["signals"], entry["features"])


def _trait_fault(signals: Any, features: Any) -> str:
    if not isinstance(signals, dict) or not isinstance(features, dict):
        return "signals or features is no table"
    if not signals.keys() <= _CODES:
        return "signals names what is none of P01 to P40, B01 to B28"
    if not all(isinstance(how, str) and how in _VALUES for how in signals.values()):
        return f"signals says what is none of {', '.join(_VALUES)}"
    if not set(signals.values()) - {UNTESTED}:
        return "signals shows none"
    wrong = [name for name, place in features.items() if not _is_bin(name, place)]
    return "features holds what is no feature, or no bin of it" if wrong else ""


def _is_bin(feature: str, place: Any) -> bool:
    if feature not in BINNED or not _is_whole(place):
        return False
    low, high = bins_of(feature)
    return bool(low <= place <= high)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def schema() -> dict[str, Any]:
    """The JSON schema of a pack, from the lists that this module goes by."""
    words = {name: {"enum": list(known)} for name, known in _WORDS.items()}
    bins = {
        name: {"type": "integer", "minimum": bins_of(name)[0], "maximum": bins_of(name)[1]}
        for name in sorted(BINNED)
    }
    case = {
        "id": {
            "type": "string",
            "pattern": f"^{_ID.pattern}$",
            "description": "HMAC-SHA256 of the case under the sender's salt, its first half.",
        },
        "year": {"type": ["integer", "null"], "minimum": 1900, "maximum": 2999},
        **words,
        "signals": {
            "type": "object",
            "propertyNames": {"enum": sorted(_CODES)},
            "additionalProperties": {"enum": list(_VALUES)},
            "not": {"additionalProperties": {"const": UNTESTED}},
        },
        "features": {"type": "object", "properties": bins, "additionalProperties": False},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:touchstone:share-pack:{VERSION}",
        "title": "Touchstone: cases for a trading partner",
        "description": "Signals and coarse features of decided lots. No text in it is free.",
        "type": "object",
        "required": ["format", "version", "cases"],
        "additionalProperties": False,
        "properties": {
            "format": {"const": FORMAT},
            "version": {"const": VERSION},
            "cases": {
                "type": "array",
                "maxItems": MOST_CASES,
                "items": {
                    "type": "object",
                    "required": sorted(_FIELDS),
                    "additionalProperties": False,
                    "properties": case,
                },
            },
        },
    }
