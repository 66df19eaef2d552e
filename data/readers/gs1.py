"""GS1 identifiers, whatever form they are written in, as one canonical Digital Link.

Every form (EPC URN, Digital Link, element string, bare digits) is first reduced to application
identifiers and their values; one table then says which of them names the thing and how the
canonical link is written. Standards: EPC Tag Data Standard 2.1 sections 6 and 7, GS1 Digital Link
URI Syntax 1.4 section 4, GS1 General Specifications sections 3 and 7.9.
"""

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final
from urllib.parse import quote, unquote

from biip import ParseError
from biip.checksums import gs1_standard_check_digit
from biip.gs1_application_identifiers import GS1ApplicationIdentifier

DOMAIN: Final = "https://id.gs1.org"
WHITESPACE: Final = " \t\r\n"
# Characters of a serial, lot or extension that stand in a link as they are; all others are
# percent-encoded. The set that EPC URNs escape (" % & / < > ?) is thus escaped here as well, so a
# URN's own spelling survives.
PLAIN: Final = "!'()*+,:;="
_AI82: Final = re.compile(r"[!%-?A-Z_a-z\x22]*\Z")
_LONGEST_SERIAL: Final = 20
# Beyond these a text is no identifier, and taking it apart would cost more than its length.
_LONGEST_TEXT: Final = 4_096
_MOST_ELEMENTS: Final = 50


@dataclass(frozen=True, slots=True)
class Identifier:
    """What a text identifies.

    ``canonical`` is the Digital Link on id.gs1.org, or the text itself (trimmed) where ``scheme``
    is ``opaque``. ``gtin`` has 14 digits, ``sscc`` 18, ``gln`` 13. ``serial``, ``lot`` and
    ``extension`` are decoded text, never numbers. ``note`` says what is odd about the text
    (``bad_check_digit``, ``bad_length``, ``not_numeric``, ``bad_structure``, ``bad_characters``,
    ``long_serial``, ``pattern``, ``unknown_scheme``, ``gtin_or_gln``, ``empty``); it is never a
    reason to reject. Thirteen bare digits may be a GTIN-13 or a GLN: both columns are then filled.
    """

    text: str
    scheme: str
    canonical: str
    gtin: str | None = None
    serial: str | None = None
    lot: str | None = None
    sscc: str | None = None
    gln: str | None = None
    extension: str | None = None
    note: str | None = None
    expiry: date | None = None


@dataclass(frozen=True)
class _Key:
    """A primary key: its value's shape, the digits its check digit closes, its qualifiers."""

    ai: str
    scheme: str
    shape: re.Pattern[str]
    checked: slice | None = None
    qualifiers: tuple[tuple[str, str], ...] = ()  # (AI, scheme it makes), finest first
    also: tuple[str, ...] = ()  # qualifiers that may stand in a path but name nothing by themselves


def _shape(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{pattern})\Z", re.DOTALL)


_KEYS: Final = (
    _Key("8006", "itip", _shape("[0-9]{18}"), slice(0, 14), (("21", "itip"),), ("22", "10")),
    _Key(
        "01",
        "gtin",
        _shape("[0-9]{14}"),
        slice(0, 14),
        (("235", "upui"), ("21", "sgtin"), ("10", "lgtin")),
        ("22",),
    ),
    _Key("00", "sscc", _shape("[0-9]{18}"), slice(0, 18)),
    _Key("414", "sgln", _shape("[0-9]{13}"), slice(0, 13), (("254", "sgln"),)),
    _Key("417", "pgln", _shape("[0-9]{13}"), slice(0, 13)),
    _Key("8003", "grai", _shape("0[0-9]{13}.{0,16}"), slice(1, 14)),
    _Key("8004", "giai", _shape("[0-9]{4}.{0,26}")),
    _Key("253", "gdti", _shape("[0-9]{13}.{0,17}"), slice(0, 13)),
    _Key("255", "sgcn", _shape("[0-9]{13}[0-9]{0,12}"), slice(0, 13)),
    _Key("8018", "gsrn", _shape("[0-9]{18}"), slice(0, 18), (), ("8019",)),
    _Key("8017", "gsrnp", _shape("[0-9]{18}"), slice(0, 18), (), ("8019",)),
    _Key("8010", "cpi", _shape("[0-9]{4}.{1,26}"), None, (("8011", "cpi"),)),
    _Key("402", "gsin", _shape("[0-9]{17}"), slice(0, 17)),
    _Key("401", "ginc", _shape("[0-9]{4}.{0,26}")),
)
_KEY_BY_AI: Final = {key.ai: key for key in _KEYS}
# The words that Digital Link 1.0 allowed in place of numbers.
_WORDS: Final = {
    "gtin": "01",
    "itip": "8006",
    "sscc": "00",
    "gln": "414",
    "party": "417",
    "grai": "8003",
    "giai": "8004",
    "gdti": "253",
    "gcn": "255",
    "gsrn": "8018",
    "gsrnp": "8017",
    "cpid": "8010",
    "gsin": "402",
    "ginc": "401",
    "cpv": "22",
    "lot": "10",
    "ser": "21",
    "tpx": "235",
    "glnx": "254",
    "cpsn": "8011",
    "srin": "8019",
    "exp": "17",
}


# An extension of 0 says that the place is the whole site (Tag Data Standard 6.3.3).
_NO_EXTENSION: Final = ("254", "0")


class _MalformedError(Exception):
    """The text claims a GS1 scheme but does not hold to it; the argument is the note."""


def parse(text: str) -> Identifier:
    """Say what ``text`` identifies; never raises, whatever the text.

    Parameters
    ----------
    text
        An EPC URN (``urn:epc:id:…``, ``idpat``, ``class``, ``tag``), a GS1 Digital Link on any
        domain (numeric or word keys, unpadded GTIN, query), an element string (bracketed, or raw
        with FNC1 as ``\\x1d``), or a bare GTIN-8/12/13/14, GLN or SSCC. Anything else is opaque.
    """
    bare = text.strip(WHITESPACE)
    if len(bare) > _LONGEST_TEXT:
        return Identifier(text, "opaque", bare, note="bad_length")
    try:
        found = _from_urn(bare) or _from_link(bare) or _from_elements(bare) or _from_digits(bare)
    except _MalformedError as malformed:
        return Identifier(text, "opaque", bare, note=str(malformed))
    if found is None:
        return Identifier(text, "opaque", bare, note=None if bare else "empty")
    return replace(found, text=text)


def check_digit(digits: str) -> int:
    """The GS1 check digit that closes ``digits`` (General Specifications 7.9.1).

    Raises ValueError where ``digits`` holds anything but the digits 0 to 9.
    """
    if not digits.isascii():
        raise ValueError("expected the digits 0 to 9")
    return gs1_standard_check_digit(digits)


def has_valid_check_digit(digits: str) -> bool:
    """Whether the last of ``digits`` is the check digit of those before it."""
    return _is_digits(digits) and len(digits) > 1 and check_digit(digits[:-1]) == int(digits[-1])


def printed_date(yymmdd: str) -> date | None:
    """The date that six digits on a pack mean; day 00 is the month's last (AI 17).

    Years are taken in 2000 to 2099: no serialised pack is older, and a window that slides with
    today's date would make results depend on the day of the run.
    """
    if not (_is_digits(yymmdd) and len(yymmdd) == 6):
        return None
    year, month, day = 2000 + int(yymmdd[:2]), int(yymmdd[2:4]), int(yymmdd[4:])
    if not 1 <= month <= 12:
        return None
    last = monthrange(year, month)[1]
    return date(year, month, day or last) if day <= last else None


def encode(value: str) -> str:
    """A serial, lot or extension as it stands in a canonical link."""
    return quote(value, safe=PLAIN, errors="surrogatepass")


def decode(component: str) -> str:
    """The value that a link's or URN's component spells; as it is where that is not UTF-8."""
    try:
        return unquote(component, errors="strict")
    except UnicodeDecodeError:
        return component


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _closed(digits: str) -> str:
    return f"{digits}{check_digit(digits)}"


# --- application identifiers to identifier ---------------------------------------------------


def _identify(
    values: Mapping[str, str], extra: Mapping[str, str] | None = None, note: str | None = None
) -> Identifier | None:
    """Name the thing that ``values`` (AI to decoded value) identify, by its finest key.

    ``extra`` are attributes that describe without naming, such as a link's query.
    """
    key = next((key for key in _KEYS if key.ai in values), None)
    if key is None:
        return None
    value = values[key.ai]
    if not key.shape.match(value):
        raise _MalformedError("bad_length")
    scheme, canonical = key.scheme, f"{DOMAIN}/{key.ai}/{encode(value)}"
    for ai, finer in key.qualifiers:
        if values.get(ai) and (ai, values[ai]) != _NO_EXTENSION:
            scheme, canonical = finer, f"{canonical}/{ai}/{encode(values[ai])}"
            break
    described = {**(extra or {}), **values}
    has_gtin, has_gln = key.ai in ("01", "8006"), key.ai in ("414", "417")
    serial = values.get("21") if has_gtin else values.get("8011")
    return Identifier(
        text="",
        scheme=scheme,
        canonical=canonical,
        gtin=value[:14] if has_gtin else None,
        serial=serial or None,
        lot=(described.get("10") or None) if has_gtin else None,
        sscc=value if key.ai == "00" else None,
        gln=value if has_gln else None,
        extension=_extension(values) if has_gln else None,
        note=note or _note(key, value, values),
        expiry=printed_date(described.get("17", "")),
    )


def _extension(values: Mapping[str, str]) -> str | None:
    extension = values.get("254")
    return extension if extension and ("254", extension) != _NO_EXTENSION else None


def _note(key: _Key, value: str, values: Mapping[str, str]) -> str | None:
    if key.checked is not None and not has_valid_check_digit(value[key.checked]):
        return "bad_check_digit"
    named = [values[ai] for ai in ("10", "21", "235", "254") if ai in values]
    named += [value] if key.checked is None else [value[key.checked.stop :]]
    if not all(_AI82.match(part) for part in named):
        return "bad_characters"
    if len(values.get("21", "")) > _LONGEST_SERIAL or len(values.get("10", "")) > _LONGEST_SERIAL:
        return "long_serial"
    return None


# --- EPC URN ---------------------------------------------------------------------------------

_URN: Final = re.compile(r"urn:epc:(id|idpat|class|tag|raw):([^:]*):(.*)\Z", re.I | re.DOTALL)


def _from_urn(text: str) -> Identifier | None:
    if text[:8].lower() != "urn:epc:":
        return None
    match = _URN.match(text)
    if match is None:
        raise _MalformedError("bad_structure")
    kind, scheme, body = match[1].lower(), match[2].lower(), match[3]
    if kind == "tag":  # sgtin-96:filter.body; the filter says nothing about identity
        scheme, body = scheme.split("-")[0], body.partition(".")[2]
    if kind == "class" and scheme != "lgtin":
        raise _MalformedError("unknown_scheme")
    is_class = kind == "idpat" and body.endswith(".*")
    if kind == "raw" or (kind == "idpat" and not is_class):
        raise _MalformedError("pattern")
    return _identify(_urn_values(scheme, body, is_class))


def _urn_values(scheme: str, body: str, is_class: bool) -> dict[str, str]:
    if scheme in ("grai", "gdti", "sgcn"):
        return _typed_urn_values(scheme, body, is_class)
    if scheme in ("sgtin", "lgtin", "upui"):
        prefix, item, last = _split(body, 3)
        head, finest = (
            {"01": _gtin(prefix, item)},
            {"sgtin": "21", "lgtin": "10"}.get(scheme, "235"),
        )
    elif scheme == "itip":
        prefix, item, piece, total, last = _split(body, 5)
        if not (_is_digits(piece + total) and len(piece) == len(total) == 2):
            raise _MalformedError("bad_length")
        head, finest = {"8006": _gtin(prefix, item) + piece + total}, "21"
    elif scheme == "sgln":
        prefix, place, last = _split(body, 3)
        head, finest = {"414": _closed(_company(prefix, place, 12))}, "254"
    elif scheme == "cpi":
        prefix, part, last = _split(body, 3)
        head, finest = {"8010": _owned(prefix, part)}, "8011"
    elif is_class:
        raise _MalformedError("pattern")
    else:
        return _whole_urn_values(scheme, body)
    return head if is_class else head | {finest: _value(last)}


def _typed_urn_values(scheme: str, body: str, is_class: bool) -> dict[str, str]:
    """Schemes of a company prefix, a type and a serial, written as one value."""
    prefix, kind, last = _split(body, 3)
    head = _closed(_company(prefix, kind, 12))
    value = head if is_class else head + _value(last)
    if scheme == "sgcn" and not _is_digits(value):
        raise _MalformedError("not_numeric")
    ai, lead = {"grai": ("8003", "0"), "gdti": ("253", ""), "sgcn": ("255", "")}[scheme]
    return {ai: lead + value}


def _whole_urn_values(scheme: str, body: str) -> dict[str, str]:
    """Schemes of a company prefix and one more part."""
    prefix, rest = _split(body, 2)
    if scheme == "sscc":  # the extension digit moves to the front
        _company(prefix, rest, 17)
        if not rest:
            raise _MalformedError("bad_length")
        return {"00": _closed(rest[0] + prefix + rest[1:])}
    if scheme == "pgln":
        return {"417": _closed(_company(prefix, rest, 12))}
    if scheme in ("gsrn", "gsrnp"):
        ai = "8018" if scheme == "gsrn" else "8017"
        return {ai: _closed(_company(prefix, rest, 17))}
    if scheme == "gsin":
        return {"402": _closed(_company(prefix, rest, 16))}
    if scheme in ("giai", "ginc"):
        return {"8004" if scheme == "giai" else "401": _owned(prefix, rest)}
    raise _MalformedError("unknown_scheme")


def _split(body: str, count: int) -> list[str]:
    """The dot-separated parts; the last keeps its own dots."""
    parts = body.split(".", count - 1)
    if len(parts) != count:
        raise _MalformedError("bad_structure")
    return parts


def _company(prefix: str, reference: str, total: int) -> str:
    """Company prefix (6 to 12 digits) and reference, which fill ``total`` digits together."""
    digits = prefix + reference
    if not _is_digits(digits):
        raise _MalformedError("not_numeric")
    if len(digits) != total or not 6 <= len(prefix) <= 12:
        raise _MalformedError("bad_length")
    return digits


def _gtin(prefix: str, item: str) -> str:
    _company(prefix, item, 13)
    return _closed(item[0] + prefix + item[1:])


def _owned(prefix: str, rest: str) -> str:
    if not _is_digits(prefix):
        raise _MalformedError("not_numeric")
    if not 6 <= len(prefix) <= 12 or not 0 < len(decode(rest)) <= 30 - len(prefix):
        raise _MalformedError("bad_length")
    return prefix + decode(rest)


def _value(component: str) -> str:
    if not component or component == "*":
        raise _MalformedError("bad_structure")
    return decode(component)


# --- Digital Link ----------------------------------------------------------------------------

_LINK: Final = re.compile(r"https?://[^/?#]+(/[^?#]*)?(?:\?([^#]*))?(?:#.*)?\Z", re.I | re.DOTALL)


def _from_link(text: str) -> Identifier | None:
    match = _LINK.match(text)
    if match is None:
        return None
    segments = (match[1] or "").split("/")[1:]
    wrong = False
    for start, segment in enumerate(segments[:-1]):
        key = _KEY_BY_AI.get(_ai(segment))
        if key is None:
            continue
        value = decode(segments[start + 1])
        if key.ai == "01" and _is_digits(value) and len(value) in (8, 12, 13):
            value = value.zfill(14)
        if key.shape.match(value):
            values = {key.ai: value} | _qualifiers(key, segments[start + 2 :])
            return _identify(values, _query(match[2] or ""))
        wrong = wrong or _is_digits(value)
    if wrong:
        raise _MalformedError("bad_length")
    return None


def _ai(segment: str) -> str:
    return _WORDS.get(segment.lower(), segment)


def _qualifiers(key: _Key, segments: list[str]) -> dict[str, str]:
    allowed = {ai for ai, _ in key.qualifiers} | set(key.also)
    found: dict[str, str] = {}
    for name, component in zip(segments[::2], segments[1::2], strict=False):
        ai = _ai(name)
        if ai not in allowed or not component:
            break
        found[ai] = decode(component)
    return found


def _query(query: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in re.split("[&;]", query))
    return {_ai(name): decode(value) for name, _, value in pairs if _ai(name) in ("10", "17")}


# --- element strings -------------------------------------------------------------------------

_GS: Final = "\x1d"
_BRACKETED: Final = re.compile(r"\(([0-9]{2,4})\)")
_RAW: Final = re.compile(r"(\][A-Za-z][0-9])?\x1d?[0-9]{2}")
# A raw string without symbology identifier is believed only where it opens with one of these.
_OPENING: Final = re.compile(r"(01[0-9]{14}|00[0-9]{18}\Z|41[47][0-9]{13}(254|\Z)|8006[0-9]{18})")
_STANDS_FOR_FNC1: Final = ("\u241d", "<GS>", "{GS}")


def _from_elements(text: str) -> Identifier | None:
    if _BRACKETED.match(text):
        values = _bracketed(text)
    else:
        for mark in _STANDS_FOR_FNC1:
            text = text.replace(mark, _GS)
        opening = _RAW.match(text)
        if opening is None:
            return None
        if opening[1] is None and not (text.startswith(_GS) or _OPENING.match(text)):
            return None
        values = _raw(text[len(opening[1] or "") :])
    return _identify(values)


def _bracketed(text: str) -> dict[str, str]:
    """``(01)…(21)…``; brackets that hold no application identifier belong to the value."""
    values: dict[str, str] = {}
    ai = ""
    for count, part in enumerate(_BRACKETED.split(text)[1:]):
        if count % 2 == 0:
            ai, in_value = (part, False) if _is_known(part) else (ai, True)
            if in_value:
                values[ai] = values.get(ai, "") + f"({part})"
            elif part in values:
                raise _MalformedError("bad_structure")
        else:
            values[ai] = values.get(ai, "") + part
    if "01" in values and _is_digits(values["01"]) and len(values["01"]) in (8, 12, 13):
        values["01"] = values["01"].zfill(14)
    return values


def _raw(text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    rest = text.lstrip(_GS)
    for _ in range(_MOST_ELEMENTS + 1):
        if not rest:
            return values
        try:
            element = GS1ApplicationIdentifier.extract(rest)
        except ParseError:
            raise _MalformedError("bad_structure") from None
        field = rest.split(_GS, 1)[0]
        match = re.match(element.pattern.removesuffix("$"), field, re.ASCII)
        if match is None:
            raise _MalformedError("bad_structure")
        values.setdefault(element.ai, match[0][len(element.ai) :])
        rest = rest[match.end() :].lstrip(_GS)
    raise _MalformedError("bad_structure")


def _is_known(ai: str) -> bool:
    try:
        return GS1ApplicationIdentifier.extract(ai).ai == ai
    except ParseError:
        return False


# --- bare digits -----------------------------------------------------------------------------


def _from_digits(text: str) -> Identifier | None:
    if not _is_digits(text):
        return None
    if len(text) == 18:
        return _identify({"00": text})
    if len(text) not in (8, 12, 13, 14):
        return None
    found = _identify({"01": text.zfill(14)})
    if found is None or len(text) != 13:
        return found
    return replace(found, gln=text, note=found.note or "gtin_or_gln")
