"""The data dictionary: what every table and column means, made from the files that make them."""

import re
from collections.abc import Iterator
from importlib.resources.abc import Traversable

from data.warehouse.models import LAYERS, Model, read_models, table_definitions

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


def dictionary(root: Traversable | None = None) -> str:
    """The dictionary as Markdown. Raises ModelError where a header does not hold."""
    lines = [
        "# Data dictionary",
        "",
        "Made from the headers of `sql/` by `touchstone dictionary`; edit those, not this. All",
        "times are UTC. The published views are what outside work may rest on.",
        "",
        "## Landed and Python-filled tables (`raw_`, and some `graph_`, `find_`)",
        "",
    ]
    for text in table_definitions(root):
        lines += _defined_tables(text)
    models = read_models(root)
    for layer in LAYERS:
        of_layer = [model for model in models if model.file.layer == layer]
        if of_layer:
            lines += [f"## {_TITLES[layer]}", ""]
            for model in of_layer:
                lines += _model(model)
    return "\n".join(lines).rstrip() + "\n"


def _defined_tables(text: str) -> Iterator[str]:
    for name, body in _TABLE.findall(text):
        yield from (f"### {name}", "", "| column | type | meaning |", "|---|---|---|")
        for line in body.splitlines():
            definitions, _, meaning = line.partition("--")
            columns = _COLUMN.findall(definitions.strip())
            for column, type_ in columns:
                # A comment behind several columns speaks of the last one.
                said = meaning.strip() if (column, type_) == columns[-1] else ""
                yield f"| {column} | {type_} | {_cell(said)} |"
        yield ""


def _model(model: Model) -> Iterator[str]:
    header = model.header
    yield from (f"### {model.file.name}", "", header.purpose, "")
    yield f"- Grain: {header.grain}"
    yield f"- Key: {', '.join(header.key) or 'none'}"
    yield f"- Reads: {', '.join(header.reads) or 'nothing'}"
    yield f"- Made by: `{model.file.path}` ({header.kind})"
    for name in ("family", "definition", "guard", "severity", "benign", "source"):
        if name in header.pattern:
            yield f"- {name.capitalize()}: {header.pattern[name]}"
    if header.caveats:
        yield f"- Caveats: {header.caveats}"
    yield ""
    if header.has_pattern_shape:
        yield from ("Columns: the shape that all patterns share.", "")
        return
    yield from ("| column | meaning |", "|---|---|")
    yield from (f"| {column.name} | {_cell(column.meaning)} |" for column in model.columns)
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
