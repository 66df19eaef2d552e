"""Which column of a log or list means what, as small TOML files.

A layout names the kind of table, the columns that must be there for it to be recognised, and for
each of our columns where its value comes from. ``mappings/`` holds those that ship; any other
source needs one more file of the same shape.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from data.errors import SettingsError

# Our columns of each kind and how their cells are read (see ``cells``). The raw table of a kind
# has these, and those that reading adds: is_day_precision, expiry_text, is_synthetic, attributes.
KINDS: Final[dict[str, dict[str, str]]] = {
    "shipments": {
        "shipment_id": "text",
        "line": "text",
        "from_gln": "gln",
        "to_gln": "gln",
        "gtin": "gtin",
        "lot": "text",
        "quantity": "number",
        "uom": "text",
        "shipped_at": "time",
        "received_at": "time",
        "scheduled_at": "time",
        "ordered_at": "time",
        "unit_price": "number",
        "currency": "text",
        "mode": "text",
        "order_id": "text",
        "reason": "text",
    },
    "verifications": {
        "requested_at": "time",
        "site_gln": "gln",
        "gtin": "gtin",
        "serial": "text",
        "lot": "text",
        "expiry": "date",
        "entry_mode": "text",
        "answer_code": "text",
    },
    "licences": {
        "gln": "gln",
        "role": "text",
        "licence_no": "text",
        "valid_from": "date",
        "valid_to": "date",
        "country": "text",
    },
    "theft_notices": {
        "reported_at": "time",
        "gtin": "gtin",
        "lot": "text",
        "serial": "text",
        "sscc": "sscc",
        "place": "text",
    },
    "recalls": {"gtin": "gtin", "lot": "text", "class": "text", "from_at": "time"},
    "exemptions": {
        "gtin": "gtin",
        "gln": "gln",
        "valid_from": "date",
        "valid_to": "date",
        "source": "text",
    },
    "lot_master": {
        "gtin": "gtin",
        "lot": "text",
        "expiry": "date",
        "manufactured": "date",
        "quantity": "number",
        "markets": "list",
    },
    "product_master": {
        "gtin": "gtin",
        "name": "text",
        "shelf_life_days": "integer",
        "markets": "list",
        "storage": "text",
        "high_risk": "boolean",
        "is_synthetic": "boolean",
    },
    "sites": {
        "gln": "gln",
        "name": "text",
        "role": "text",
        "city": "text",
        "country": "text",
        "latitude": "number",
        "longitude": "number",
        "partner": "text",
        "is_synthetic": "boolean",
    },
}


@dataclass(frozen=True)
class Column:
    """Where the value of one of our columns comes from.

    sources
        Columns of the file; several are joined by ``|``.
    formats
        strptime patterns of times and dates that are not ISO 8601, tried in order.
    null_text
        Texts that mean "not stated" here.
    values
        Words of the source and ours for them; other words stay as they are.
    otherwise
        With ``values``: what every other word becomes; an empty text means "not stated".
    constant
        The value of every row; there are no sources then.
    extract
        A regular expression whose first group is the value; no match means "not stated".
    zone
        IANA zone of times that carry no offset.
    synthetic
        ``gln`` or ``gtin``: the source has no such number, one of ours is made from its text,
        within ``scope`` (what kind of thing the text names).
    """

    sources: tuple[str, ...] = ()
    type: str = "text"
    formats: tuple[str, ...] = ()
    null_text: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    otherwise: str | None = None
    constant: str | None = None
    extract: str | None = None
    zone: str | None = None
    synthetic: str | None = None
    scope: str = ""


@dataclass(frozen=True)
class Companion:
    """A list that a log states by the way, such as the firms it names; one row per ``key``."""

    kind: str
    columns: Mapping[str, Column]

    @property
    def key(self) -> str:
        """The column that identifies its rows."""
        return "gtin" if self.kind == "product_master" else "gln"


@dataclass(frozen=True)
class Layout:
    """How a table is read; see the module's text and ``Column``.

    ``legs`` are the records that one row states (a row may tell of two movements); each is a full
    set of columns. Where the ``swap_column`` of a row holds one of ``swap_values``, sender and
    receiver change places. ``attributes`` are kept beside our columns, as are all columns of the
    file that are neither named nor in ``ignore``. ``null_text`` holds for all columns.
    """

    name: str
    title: str
    kind: str
    requires: tuple[str, ...]
    legs: tuple[Mapping[str, Column], ...]
    attributes: Mapping[str, Column] = field(default_factory=dict)
    companions: tuple[Companion, ...] = ()
    ignore: tuple[str, ...] = ()
    null_text: tuple[str, ...] = ()
    swap_column: str | None = None
    swap_values: tuple[str, ...] = ()

    def named(self) -> set[str]:
        """The file's columns that the layout names."""
        sets = [*self.legs, self.attributes, *(one.columns for one in self.companions)]
        named = {source for some in sets for column in some.values() for source in column.sources}
        return named | ({self.swap_column} if self.swap_column else set())


def load_layout(path: Path) -> Layout:
    """Read a layout from a TOML file.

    Raises
    ------
    SettingsError
        Naming every unknown key, kind, column or type in the file at once.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: the mapping cannot be opened. Check the path.") from error
    return parse_layout(text, path.stem)


def parse_layout(text: str, name: str) -> Layout:
    """Read a layout from TOML text; ``name`` is used in messages. Raises SettingsError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"mapping {name}: not TOML ({error}).") from error
    faults = _faults(table)
    if faults:
        raise SettingsError(f"mapping {name}: " + "; ".join(faults) + ".")
    kind = table["kind"]
    base = _columns(kind, table.get("columns", {}))
    legs = tuple({**base, **_columns(kind, leg)} for leg in table.get("legs", [{}]))
    swap = table.get("swap", {})
    return Layout(
        name=name,
        title=table["title"],
        kind=kind,
        requires=tuple(table["requires"]),
        legs=legs,
        attributes={key: _column(key, one) for key, one in table.get("attributes", {}).items()},
        companions=tuple(
            Companion(one["kind"], _columns(one["kind"], one["columns"]))
            for one in table.get("companions", [])
        ),
        ignore=tuple(table.get("ignore", ())),
        null_text=tuple(table.get("null_text", ())),
        swap_column=swap.get("column"),
        swap_values=tuple(swap.get("values", ())),
    )


# Rows that are events: ``event_table`` reads them, and no mapping of one's own makes them.
EVENT_TABLE: Final = Layout(
    name="plain_events",
    title="Events, plain layout",
    kind="events",
    requires=("event_time", "event_type", "biz_step"),
    legs=(
        {
            name: Column((name,))
            for name in (
                "event_id",
                "event_time",
                "record_time",
                "event_type",
                "action",
                "biz_step",
                "disposition",
                "read_point",
                "biz_location",
                "epcs",
                "parent",
                "children",
                "outputs",
                "quantities",
                "source_owner",
                "destination_owner",
                "source_location",
                "destination_location",
                "document_type",
                "document",
                "lot",
                "expiry",
                "manufactured",
                "declared_time",
            )
        },
    ),
)


@cache
def shipped_layouts() -> tuple[Layout, ...]:
    """The layout of events and those in ``mappings/``, by name."""
    folder = files("data.readers") / "mappings"
    found = [one for one in folder.iterdir() if one.name.endswith(".toml")]
    read = (
        parse_layout(one.read_text(encoding="utf-8"), one.name.removesuffix(".toml"))
        for one in sorted(found, key=lambda one: one.name)
    )
    return (EVENT_TABLE, *read)


def match_layout(columns: Sequence[str], given: Sequence[Layout] = ()) -> Layout | None:
    """The layout that a header calls for, or None.

    Of those whose required columns are all there (in any order and case), the one that names most
    of the header; those ``given`` by the user come before those shipped.
    """
    header = {normal(column) for column in columns}
    for layouts in (tuple(given), shipped_layouts()):
        fitting = [one for one in layouts if header >= {normal(name) for name in one.requires}]
        if fitting:
            return max(fitting, key=lambda one: len(header & {normal(c) for c in one.named()}))
    return None


def nearest_layout(columns: Sequence[str]) -> tuple[Layout, list[str]] | None:
    """Where nothing fits: a layout of which half the required columns are there, and the rest."""
    header = {normal(column) for column in columns}
    lacking = [
        (one, [name for name in one.requires if normal(name) not in header])
        for one in shipped_layouts()
    ]
    sharing = [(one, lack) for one, lack in lacking if 2 * len(lack) <= len(one.requires)]
    if not sharing:
        return None
    return max(sharing, key=lambda pair: 1 - len(pair[1]) / len(pair[0].requires))


def normal(column: str) -> str:
    """A column's name as it is compared: only letters and digits count, whatever their case."""
    return _BETWEEN_WORDS.sub("", column).casefold() or column.strip()


_BETWEEN_WORDS: Final = re.compile(r"[\W_]+")
_KEYS: Final = {
    "title",
    "kind",
    "requires",
    "columns",
    "legs",
    "attributes",
    "companions",
    "ignore",
    "null_text",
    "swap",
}
_COLUMN_KEYS: Final = {
    "from",
    "type",
    "formats",
    "null_text",
    "values",
    "otherwise",
    "constant",
    "extract",
    "zone",
    "synthetic",
    "scope",
}
_TYPES: Final = {"text", "number", "integer", "boolean", "time", "date"}


def _columns(kind: str, table: Mapping[str, Mapping[str, Any]]) -> dict[str, Column]:
    return {name: _column(name, one, KINDS[kind][name]) for name, one in table.items()}


def _column(name: str, table: Mapping[str, Any], type_: str | None = None) -> Column:
    sources = table.get("from", [] if "constant" in table else [name])
    return Column(
        sources=(sources,) if isinstance(sources, str) else tuple(sources),
        type=type_ or table.get("type", "text"),
        formats=tuple(table.get("formats", ())),
        null_text=tuple(table.get("null_text", ())),
        values=table.get("values", {}),
        otherwise=table.get("otherwise"),
        constant=table.get("constant"),
        extract=table.get("extract"),
        zone=table.get("zone"),
        synthetic=table.get("synthetic"),
        scope=table.get("scope", ""),
    )


def _faults(table: Mapping[str, Any]) -> list[str]:
    faults = [f"unknown key `{key}`" for key in sorted(table.keys() - _KEYS)]
    faults += [
        f"key `{key}` is missing" for key in ("title", "kind", "requires") if key not in table
    ]
    kind = table.get("kind")
    if kind is not None and kind not in KINDS:
        return [*faults, f"unknown kind `{kind}`, expected one of {', '.join(KINDS)}"]
    groups = [(kind, table.get("columns", {})), *((kind, leg) for leg in table.get("legs", []))]
    for companion in table.get("companions", []):
        if companion.get("kind") not in ("sites", "product_master"):
            faults.append("a companion's kind is `sites` or `product_master`")
        else:
            groups.append((companion["kind"], companion.get("columns", {})))
    for of, columns in groups:
        known = KINDS.get(of or "", {})
        for name, column in columns.items():
            if name not in known:
                faults.append(f"{of} has no column `{name}`")
            faults += _column_faults(name, column)
    for name, column in table.get("attributes", {}).items():
        faults += _column_faults(name, column)
    return faults


def _column_faults(name: str, column: Mapping[str, Any]) -> list[str]:
    faults = [
        f"column `{name}`: unknown key `{key}`" for key in sorted(column.keys() - _COLUMN_KEYS)
    ]
    if column.get("type", "text") not in _TYPES:
        faults.append(f"column `{name}`: unknown type `{column['type']}`")
    if column.get("synthetic") not in (None, "gln", "gtin"):
        faults.append(f"column `{name}`: `synthetic` is `gln` or `gtin`")
    if not isinstance(column.get("constant", ""), str):
        faults.append(f"column `{name}`: `constant` is a text in quotes")
    return faults
