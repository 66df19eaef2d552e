"""The comment header of a SQL model: what it promises, as data.

The header is the model's documentation, the source of the data dictionary, and a contract that
the build checks (see ``data.warehouse.models``). Its form:

    -- model:   core_lot
    -- purpose: One sentence.
    -- grain:   one row per ...
    -- key:     lot_id                  (``none`` for checks, patterns and lists)
    -- kind:    table                   (optional: table or view)
    -- parts:   lot                     (optional: rows of a lot rest on rows of no other lot)
    -- packs:   core_link.child_id      (optional, with parts: which column tells of which pack a
    --   row of a table is that has neither lot_id nor unit_id)
    -- reads:   stg_event, raw_setting  (or ``none``)
    -- columns:
    --   lot_id   meaning, with unit
    -- caveats: how it may mislead.

A value may continue on lines indented by at least two spaces after the dashes.
"""

import re
from dataclasses import dataclass

from data.errors import ModelError

REQUIRED = ("model", "purpose", "grain", "key", "reads", "columns")
OPTIONAL = ("kind", "parts", "packs", "caveats")
OF_PATTERN = ("pattern", "family", "definition", "guard", "severity", "benign", "source")
FAMILIES = ("identity", "lifecycle", "quantity", "network", "condition")

# Written in place of the columns block by every pattern, since all patterns have one shape.
PATTERN_SHAPE_TEXT = "as in find_finding's pattern shape"

_KEY_LINE = re.compile(r"--\s?([a-z_]+):(?:\s+(.*))?$")
_MORE_LINE = re.compile(r"--(\s{2,})(\S.*)$")
_COLUMN_INDENT = 4  # a column's name stands two to four blanks in; what is further in continues it


@dataclass(frozen=True)
class Column:
    """One column of a model and its meaning."""

    name: str
    meaning: str


@dataclass(frozen=True)
class Header:
    """What a model's file says about itself.

    ``is_by_lot`` says that the rows of a lot rest on rows of this lot and of none alone, so that
    lots can be worked on apart; ``packs_in`` names, by table, the column of packs that says whose
    the rows are of a table without ``lot_id`` and ``unit_id``. ``columns`` is empty where
    ``has_pattern_shape``; ``pattern`` holds the pattern-only entries (pattern, family, definition,
    guard, severity, benign, source) and is empty elsewhere.
    """

    model: str
    purpose: str
    grain: str
    key: tuple[str, ...]
    kind: str
    is_by_lot: bool
    packs_in: dict[str, str]
    reads: tuple[str, ...]
    columns: tuple[Column, ...]
    has_pattern_shape: bool
    caveats: str
    pattern: dict[str, str]


def parse_header(text: str, path: str) -> Header:
    """Read the header of one model file.

    ``path`` is only named in errors. Raises ModelError listing every fault of the header.
    """
    entries, columns, faults = _entries(text)
    known = (*REQUIRED, *OPTIONAL, *OF_PATTERN)
    faults += [f"unknown entry {name!r}" for name in entries if name not in known]
    faults += [f"no entry {name!r}" for name in REQUIRED if not _is_given(name, entries)]

    kind = entries.get("kind") or "table"
    if kind not in ("table", "view"):
        faults.append(f"kind is {kind!r}; expected table or view")
    reads = _words(entries.get("reads", ""))
    packs_in: dict[str, str] = {}
    for word in _words(entries.get("packs", "")):
        table, _, packs_in[table] = word.partition(".")
    if entries.get("parts", "lot") != "lot":
        faults.append(f"parts is {entries['parts']!r}; expected lot, or no such entry")
    if not all(packs_in.values()) or (packs_in and "parts" not in entries):
        faults.append("packs is no list of table.column, or belongs to no model with parts")
    if strange := sorted(packs_in.keys() - set(reads)):
        faults.append(f"packs names what is not read: {', '.join(strange)}")
    has_pattern_shape = entries.get("columns") == PATTERN_SHAPE_TEXT
    if "columns" in entries and not columns and not has_pattern_shape:
        faults.append(f"no columns; expected a list of them or {PATTERN_SHAPE_TEXT!r}")
    faults += [f"column {c.name} has no meaning" for c in columns if not c.meaning]

    pattern = {name: entries[name] for name in OF_PATTERN if name in entries}
    if pattern:
        faults += [f"no entry {name!r}" for name in OF_PATTERN if not pattern.get(name)]
        if pattern.get("family", FAMILIES[0]) not in FAMILIES:
            faults.append(f"family is {pattern['family']!r}; expected one of {', '.join(FAMILIES)}")

    if reads != tuple(sorted(reads)):
        faults.append("reads is not sorted")
    if faults:
        raise ModelError(f"{path}: the header does not hold: {'; '.join(faults)}.")
    return Header(
        model=entries["model"],
        purpose=entries["purpose"],
        grain=entries["grain"],
        key=_words(entries["key"]),
        kind=kind,
        is_by_lot="parts" in entries,
        packs_in=packs_in,
        reads=reads,
        columns=tuple(columns),
        has_pattern_shape=has_pattern_shape,
        caveats=entries.get("caveats", ""),
        pattern=pattern,
    )


def _is_given(name: str, entries: dict[str, str]) -> bool:
    return name in entries if name == "columns" else bool(entries.get(name))


def _words(value: str) -> tuple[str, ...]:
    """The names of a comma-separated list; ``none`` is the empty list."""
    names = tuple(word.strip() for word in value.split(",") if word.strip())
    return () if names == ("none",) else names


def _entries(text: str) -> tuple[dict[str, str], list[Column], list[str]]:
    entries: dict[str, str] = {}
    columns: list[Column] = []
    faults: list[str] = []
    current = ""
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        if key := _KEY_LINE.match(line):
            current = key[1]
            if current in entries:
                faults.append(f"entry {current!r} appears twice")
            entries[current] = (key[2] or "").strip()
        elif current and (more := _MORE_LINE.match(line)):
            if current == "columns":
                _add_column(columns, len(more[1]), more[2].strip())
            else:
                entries[current] = f"{entries[current]} {more[2].strip()}".strip()
        elif line.strip("- "):
            faults.append(f"line not understood: {line!r}")
    return entries, columns, faults


def _add_column(columns: list[Column], indent: int, text: str) -> None:
    """Append a column, or the rest of its meaning where the line is indented past its name."""
    if columns and indent > _COLUMN_INDENT:
        last = columns[-1]
        columns[-1] = Column(last.name, f"{last.meaning} {text}".strip())
    else:
        name, _, meaning = text.partition(" ")
        columns.append(Column(name, meaning.strip()))
