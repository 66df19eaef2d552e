"""The data dictionary: what every table and column means, made from the files that make them."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources.abc import Traversable

from data.warehouse.models import LAYERS, Model, read_models, table_definitions

INTRODUCTION = (
    "Made from the headers of `sql/` by `touchstone dictionary`; edit those, not this. All times "
    "are UTC. The published views are what outside work may rest on."
)
_OF_TABLES = "Landed and Python-filled tables (`raw_`, and some `graph_`, `find_`)"
_TITLES = {
    "stg": "Staging (`stg_`): live records, duplicates and voids told apart",
    "core": "Core (`core_`): packs, lots, places, custody",
    "graph": "Graph (`graph_`): who supplies whom",
    "feat": "Features (`feat_`): what detectors see",
    "patterns": "Patterns (`P01` ...): what rules see",
    "find": "Findings (`find_`)",
    "evid": "Evidence (`evid_`): what a report may state",
    "published": "Published views: stable, yours to build on",
    "check": "Checks (`check_`): rows that must not exist",
}
_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+) \((.*?)^\);", re.DOTALL | re.MULTILINE)
_COLUMN = re.compile(r"\s*(\w+) ([A-Z]+(?:\[\])?)(?:,|$)")


@dataclass(frozen=True)
class Entry:
    """A table or view: ``facts`` are labels and texts, ``columns`` rows under ``heads``.

    ``note`` stands where columns are told elsewhere.
    """

    name: str
    heads: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]
    purpose: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    reads: tuple[str, ...] = ()
    caveats: str = ""
    note: str = ""


@dataclass(frozen=True)
class Section:
    """The entries of one layer."""

    layer: str
    title: str
    entries: tuple[Entry, ...]


def sections(root: Traversable | None = None) -> list[Section]:
    """All tables and views by layer. Raises ModelError where a header does not hold."""
    tables = tuple(entry for text in table_definitions(root) for entry in _defined_tables(text))
    found = [Section("raw", _OF_TABLES, tables)]
    models = read_models(root)
    for layer in LAYERS:
        if entries := tuple(_model(model) for model in models if model.file.layer == layer):
            found.append(Section(layer, _TITLES[layer], entries))
    return found


def dictionary(root: Traversable | None = None) -> str:
    """The dictionary as Markdown. Raises ModelError where a header does not hold."""
    lines = ["# Data dictionary", "", *textwrap.wrap(INTRODUCTION, 88), ""]
    for section in sections(root):
        lines += [f"## {section.title}", ""]
        for entry in section.entries:
            lines += _markdown(entry)
    return "\n".join(lines).rstrip() + "\n"


def _markdown(entry: Entry) -> Iterator[str]:
    yield from (f"### {entry.name}", "")
    if entry.purpose:
        yield from (entry.purpose, "")
        yield from (f"- {label}: {text}" for label, text in _marked(entry))
        yield ""
    if entry.note:
        yield from (entry.note, "")
        return
    yield f"| {' | '.join(entry.heads)} |"
    yield "|" + "---|" * len(entry.heads)
    yield from (f"| {' | '.join(map(_cell, row))} |" for row in entry.columns)
    yield ""


def _marked(entry: Entry) -> Iterator[tuple[str, str]]:
    for label, text in entry.facts:
        if label == "Made by":
            path, kind = text.split(" ", 1)
            yield label, f"`{path}` {kind}"
        else:
            yield label, text
    if entry.caveats:
        yield "Caveats", entry.caveats


def _defined_tables(text: str) -> Iterator[Entry]:
    for name, body in _TABLE.findall(text):
        rows = []
        for line in body.splitlines():
            definitions, _, meaning = line.partition("--")
            columns = _COLUMN.findall(definitions.strip())
            for column, type_ in columns:
                # A comment behind several columns speaks of the last one.
                said = meaning.strip() if (column, type_) == columns[-1] else ""
                rows.append((column, type_, said))
        yield Entry(name, ("column", "type", "meaning"), tuple(rows))


def _model(model: Model) -> Entry:
    header = model.header
    facts = [
        ("Grain", header.grain),
        ("Key", ", ".join(header.key) or "none"),
        ("Reads", ", ".join(header.reads) or "nothing"),
        ("Made by", f"{model.file.path} ({header.kind})"),
    ]
    for name in ("family", "definition", "guard", "severity", "benign", "source"):
        if name in header.pattern:
            facts.append((name.capitalize(), header.pattern[name]))
    return Entry(
        name=model.file.name,
        heads=("column", "meaning"),
        columns=tuple((column.name, column.meaning) for column in model.columns),
        purpose=header.purpose,
        facts=tuple(facts),
        reads=header.reads,
        caveats=header.caveats,
        note="Columns: the shape that all patterns share." if header.has_pattern_shape else "",
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
