"""The shipped cases, read from their files and stored where the screen can cite them.

One TOML file is one case. ``public/`` holds falsifications and diversions that were published;
their signals are inferred from the mechanism, since sources publish no event data: prototypes, not
ground truth. ``benign/`` holds the harmless causes B01 to B28; the patterns among their signals are
what such a cause *may* look like, the B code is what must be shown. Cases that people decided,
added or imported live in the warehouse only (``data.cases.memory``).
"""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import duckdb
import polars as pl

from data.cases.coarse import CHAIN_SHAPES, PRODUCT_CLASSES, chain_shape
from data.errors import SettingsError

KINDS = ("public", "benign")
NOT_STATED = "not_stated"
PATTERN_CODES = tuple(f"P{number:02}" for number in range(1, 41))
BENIGN_CODES = tuple(f"B{number:02}" for number in range(1, 29))
VISIBLE = ("full", "partial", "none")
MECHANISMS = (
    *("falsified_product", "clone", "relabelled", "tampered_contents", "insider_tamper"),
    *("adulterated_api", "substandard", "diverted_buyback", "diverted_market", "stolen"),
    *("record_failure", "benign", "not_stated"),
)

_CODES = frozenset(PATTERN_CODES + BENIGN_CODES)
_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
CASE_SCHEMA: dict[str, Any] = {
    "case_id": pl.String,
    "kind": pl.String,
    "title": pl.String,
    "happened_on": pl.String,
    "product": pl.String,
    "mechanism_class": pl.String,
    "mechanism": pl.String,
    "outcome": pl.String,
    "markets": pl.List(pl.String),
    "lots": pl.List(pl.String),
    "visible_in_event_data": pl.String,
    "sources": pl.String,
    "product_class": pl.String,
    "chain_shape": pl.String,
}
SIGNAL_SCHEMA = pl.Schema({"case_id": pl.String, "signal": pl.String, "why": pl.String})


@dataclass(frozen=True)
class Signal:
    """One trait of a case: a pattern (P01 to P40) or a benign cause (B01 to B28), and why."""

    code: str
    why: str


@dataclass(frozen=True)
class Source:
    """A published account of a case."""

    title: str
    url: str


@dataclass(frozen=True)
class Case:
    """What is known of one case; ``happened_on`` as precisely as known (2023, 2023-12, ...).

    ``mechanism`` is the account in words. Where no ``chain_shape`` is given, the signals tell
    it, but for a shipped harmless cause.
    """

    case_id: str
    kind: str
    title: str
    mechanism_class: str
    mechanism: str
    outcome: str
    visible_in_event_data: str
    signals: tuple[Signal, ...]
    happened_on: str | None = None
    product: str | None = None
    manufacturer: str | None = None
    markets: tuple[str, ...] = ()
    lots: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    caveat: str | None = None
    product_class: str | None = None
    chain_shape: str | None = None


_FIELDS = {field.name for field in fields(Case)}
_REQUIRED = (
    "case_id",
    "kind",
    "title",
    "mechanism_class",
    "mechanism",
    "outcome",
    "visible_in_event_data",
    "signals",
)


def load() -> tuple[Case, ...]:
    """Return every shipped case, public ones first, each kind by id.

    Raises
    ------
    SettingsError
        A file is no valid case, or two cases share an id; all faults are told at once.
    """
    cases: list[Case] = []
    faults: list[str] = []
    for kind in KINDS:
        for file in _files(kind):
            try:
                cases.append(parse(file.read_text(encoding="utf-8"), kind, file.name))
            except SettingsError as error:
                faults.append(str(error))
    ids = [case.case_id for case in cases]
    faults += [
        f"case {name} is there twice." for name in sorted({i for i in ids if ids.count(i) > 1})
    ]
    if faults:
        raise SettingsError("\n".join(faults))
    return tuple(cases)


def parse(text: str, kind: str, file_name: str) -> Case:
    """Read one case file (TOML) of the folder ``kind``.

    Raises SettingsError naming the file and everything that is wrong with it.
    """
    try:
        entry = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"case file {file_name}: not TOML ({error}).") from error
    faults = list(_faults(entry, kind, file_name))
    if faults:
        raise SettingsError(f"case file {file_name}: " + "; ".join(faults) + ".")
    return Case(
        **{name: entry[name] for name in _FIELDS & entry.keys() - {"signals", "sources"}}
        | {
            "signals": tuple(Signal(s["code"], s["why"]) for s in entry["signals"]),
            "sources": tuple(Source(s["title"], s["url"]) for s in entry.get("sources", ())),
            "markets": tuple(entry.get("markets", ())),
            "lots": tuple(entry.get("lots", ())),
        }
    )


def store(con: duckdb.DuckDBPyConnection) -> int:
    """Put the shipped cases into ``raw_case`` and ``raw_case_signal``; return how many.

    Idempotent: rows of the shipped kinds are replaced, cases of one's own and simulated ones stay.
    """
    cases = load()
    _replace(con, [case_row(case) for case in cases], [r for c in cases for r in signal_rows(c)])
    return len(cases)


def _files(kind: str) -> Iterator[Traversable]:
    folder = resources.files("data.cases") / kind
    found = [file for file in folder.iterdir() if file.name.endswith(".toml")]
    yield from sorted(found, key=lambda file: file.name)


def _faults(entry: dict[str, Any], kind: str, file_name: str) -> Iterator[str]:
    missing = [name for name in _REQUIRED if not entry.get(name)]
    if missing:
        yield "missing " + ", ".join(missing)
        return
    unknown = sorted(entry.keys() - _FIELDS)
    if unknown:
        yield "unknown " + ", ".join(unknown)
    if f"{entry['case_id']}.toml" != file_name:
        yield f"case_id is {entry['case_id']}, expected the name of the file"
    if entry["kind"] != kind:
        yield f"kind is {entry['kind']}, expected {kind} as the folder says"
    if entry["visible_in_event_data"] not in VISIBLE:
        yield "visible_in_event_data must be one of " + ", ".join(VISIBLE)
    if not _DATE.fullmatch(entry.get("happened_on", "2000")):
        yield "happened_on must be a year, month or day such as 2023-12"
    for name, known in (("product_class", PRODUCT_CLASSES), ("chain_shape", CHAIN_SHAPES)):
        if entry.get(name, NOT_STATED) not in known:
            yield f"{name} must be one of " + ", ".join(known)
    if entry["mechanism_class"] not in MECHANISMS:
        yield "mechanism_class must be one of " + ", ".join(MECHANISMS)
    yield from _signal_faults(entry, kind)
    if kind == "public" and not entry.get("sources"):
        yield "a public case needs a source"


def _signal_faults(entry: dict[str, Any], kind: str) -> Iterator[str]:
    codes = [signal.get("code") for signal in entry["signals"]]
    wrong = [str(code) for code in codes if code not in _CODES]
    if wrong:
        yield "no such signal: " + ", ".join(wrong)
    if len(set(codes)) < len(codes):
        yield "a signal is named twice"
    if not all(signal.get("why") for signal in entry["signals"]):
        yield "a signal lacks its why"
    causes = [code for code in codes if code in BENIGN_CODES]
    expected = [entry["case_id"][:3]] if kind == "benign" else []
    if causes != expected:
        yield f"benign codes are {causes}, expected {expected}"


def case_row(case: Case) -> dict[str, Any]:
    """The case as a row of ``raw_case``."""
    row = {name: getattr(case, name) for name in CASE_SCHEMA}
    sources = [{"title": source.title, "url": source.url} for source in case.sources]
    lists = {"markets": list(case.markets), "lots": list(case.lots)}
    codes = [signal.code for signal in case.signals]
    # What a harmless cause may look like says nothing of the way of the goods.
    shape = NOT_STATED if case.kind == "benign" else chain_shape(codes, {})
    coarse = {
        "product_class": case.product_class or NOT_STATED,
        "chain_shape": case.chain_shape or shape,
    }
    return row | lists | coarse | {"sources": json.dumps(sources, ensure_ascii=False)}


def signal_rows(case: Case) -> list[dict[str, str]]:
    """The case's rows of ``raw_case_signal``."""
    return [{"case_id": case.case_id, "signal": s.code, "why": s.why} for s in case.signals]


def _replace(
    con: duckdb.DuckDBPyConnection, cases: list[dict[str, Any]], signals: list[dict[str, str]]
) -> None:
    con.register("shipped_case", pl.DataFrame(cases, schema=CASE_SCHEMA))
    con.register("shipped_signal", pl.DataFrame(signals, schema=SIGNAL_SCHEMA))
    con.execute(
        "DELETE FROM raw_case_signal WHERE case_id IN "
        "(SELECT case_id FROM raw_case WHERE kind IN ('public', 'benign'))"
    )
    con.execute("DELETE FROM raw_case WHERE kind IN ('public', 'benign')")
    con.execute("INSERT INTO raw_case BY NAME SELECT * FROM shipped_case ORDER BY case_id")
    con.execute("INSERT INTO raw_case_signal BY NAME SELECT * FROM shipped_signal ORDER BY ALL")
    con.unregister("shipped_case")
    con.unregister("shipped_signal")
