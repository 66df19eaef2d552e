"""The model runner: finds the SQL models, checks what they promise, and builds them in order.

A model is one file of ``sql/`` holding one bare SELECT under a header (``data.warehouse.headers``).
Its number gives its place; patterns (``sql/patterns/``) come after the features and before the
findings. A model reads only what was built before it. The build stops at a model whose header and
reality differ; a ``check_`` model that finds rows is reported, and the build goes on.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

import duckdb

from data.errors import ModelError
from data.warehouse.headers import Column, Header, parse_header
from data.warehouse.reads import tables_read
from data.warehouse.standing import Definition, Standing

# Given the models to come, and which of them need nothing: has some computed by other processes and
# gives the SELECTs of their rows; see ``data.warehouse.elsewhere``.
Elsewhere = Callable[
    [duckdb.DuckDBPyConnection, "Sequence[Model]", "Callable[[Model], bool]"], Mapping[str, str]
]

LAYERS = ("stg", "core", "graph", "feat", "patterns", "find", "evid", "published", "check")

_LAYER_OF_BAND = {
    2: "stg",
    3: "core",
    4: "graph",
    5: "feat",
    6: "find",
    7: "evid",
    8: "published",
    9: "check",
}
_AFTER_FEATURES = 59.5  # the place of patterns among the numbers
_NUMBERED = re.compile(r"(\d\d)_(\w+)\.sql$")
_PATTERN = re.compile(r"(P\d\d_\w+)\.sql$")
_CREATED_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)")

PATTERN_SHAPE = {
    "lot_id": ("INTEGER", "the lot judged"),
    "unit_id": ("BIGINT", "the pack; null at other grains"),
    "container_id": ("BIGINT", "the case, pallet or tote; null at other grains"),
    "site_id": ("INTEGER", "where"),
    "other_site_id": ("INTEGER", "the second place, where two disagree"),
    "severity": ("VARCHAR", "S1 (worst) to S4"),
    "status": ("VARCHAR", "stands, explained, data_gap"),
    "benign": ("VARCHAR", "code of the benign reading that explains it, else null"),
    "history": ("VARCHAR", "conflicting, missing"),
    "units": ("DOUBLE", "packs affected"),
    "observed": ("JSON", "the numbers that were seen, by name with unit"),
    "threshold": ("JSON", "the numbers they were held against, same names"),
    "tests": ("JSON", "the benign tests and their results"),
    "record_ids": ("BIGINT[]", "the records that show it, sorted"),
}


@dataclass(frozen=True)
class ModelFile:
    """One model as it lies in ``sql/``: its name, place in the order, and text."""

    name: str
    order: tuple[float, str]
    layer: str
    path: str  # sql/30_core_partner.sql, for people
    text: str

    @property
    def select(self) -> str:
        """The SELECT, without a closing semicolon."""
        return self.text.rstrip().rstrip(";")


@dataclass(frozen=True)
class Model:
    """A model file and its parsed header."""

    file: ModelFile
    header: Header

    @property
    def columns(self) -> tuple[Column, ...]:
        """The promised columns; those of the shared shape for a pattern."""
        if self.header.has_pattern_shape:
            return tuple(Column(name, meaning) for name, (_, meaning) in PATTERN_SHAPE.items())
        return self.header.columns


@dataclass(frozen=True)
class BuiltModel:
    """What came of one model: ``rows`` counts its rows, ``seconds`` is wall time.

    ``is_kept`` where it was left as it stood, since nothing that it rests on has changed.
    """

    name: str
    layer: str
    rows: int
    seconds: float
    is_kept: bool = False

    @property
    def is_failed_check(self) -> bool:
        """True for a check that found rows that must not exist."""
        return self.layer == "check" and self.rows > 0

    def __str__(self) -> str:
        """One line for a person who watches."""
        return f"built {self.name}: {self.rows:,} rows"


def build(
    con: duckdb.DuckDBPyConnection,
    layers: Sequence[str] | None = None,
    on_progress: Callable[[BuiltModel], None] | None = None,
    root: Traversable | None = None,
    elsewhere: Elsewhere | None = None,
) -> list[BuiltModel]:
    """Build the models of the given layers, all of them by default, in order.

    A model that still stands (``data.warehouse.standing``) is left as it is.

    Parameters
    ----------
    con
        A connection that may write, with the raw and result tables in place.
    layers
        Some of ``LAYERS``. Checks of headers cover all layers in any case.
    on_progress
        Called after each model.
    root
        The folder of models; ``sql/`` by default.
    elsewhere
        Has models computed by other processes; all are computed here without it.

    Raises
    ------
    ModelError
        Naming the file and model: a header that does not hold, or a query that fails.
    """
    unknown = sorted(set(layers or ()) - set(LAYERS))
    if unknown:
        raise ModelError(
            f"unknown layer {', '.join(unknown)}; expected some of {', '.join(LAYERS)}"
        )
    models = read_models(root)
    check_order(models, raw_tables(root))
    made = {model.file.name: _definition(model) for model in models}
    standing = Standing(con, {name: one for name, one in made.items() if one.is_view})
    wanted = [model for model in models if layers is None or model.file.layer in layers]
    built = []
    computed: dict[str, str] = {}

    def needs_nothing(model: Model) -> bool:
        name = model.file.name
        return name in computed or standing.rows_of(made[name]) is not None

    for number, model in enumerate(wanted):
        name = model.file.name
        if elsewhere is not None and name not in computed:
            computed |= elsewhere(con, wanted[number:], needs_nothing)
        built.append(_keep_or_build(con, model, standing, made[name], computed.get(name)))
        if on_progress is not None:
            on_progress(built[-1])
    return built


def _definition(model: Model) -> Definition:
    name, header = model.file.name, model.header
    return Definition(name, model.file.text, header.reads, header.kind == "view")


def _keep_or_build(
    con: duckdb.DuckDBPyConnection,
    model: Model,
    standing: Standing,
    made: Definition,
    select: str | None = None,
) -> BuiltModel:
    started = time.perf_counter()
    rows = standing.rows_of(made)
    if rows is not None:
        seconds = time.perf_counter() - started
        return BuiltModel(made.name, model.file.layer, rows, seconds, is_kept=True)
    # One transaction a model: the table, its comments and what is noted of it cost one commit.
    con.begin()
    try:
        standing.forget(made.name)
        built = build_model(con, model, select)
        standing.note(made, built.rows)
    except BaseException:
        con.rollback()
        raise
    con.commit()
    return built


def find_model_files(root: Traversable | None = None) -> list[ModelFile]:
    """All model files in build order; their headers are not looked at."""
    root = root or files("sql")
    found = []
    for entry in root.iterdir():
        if (match := _NUMBERED.fullmatch(entry.name)) and (band := int(match[1][0])) >= 2:
            found.append(_model_file(entry, match[2], int(match[1]), _LAYER_OF_BAND[band], "sql"))
    patterns = root / "patterns"
    for entry in patterns.iterdir() if patterns.is_dir() else ():
        if match := _PATTERN.fullmatch(entry.name):
            found.append(_model_file(entry, match[1], _AFTER_FEATURES, "patterns", "sql/patterns"))
    return sorted(found, key=lambda file: file.order)


def _model_file(entry: Traversable, name: str, number: float, layer: str, folder: str) -> ModelFile:
    text = entry.read_text(encoding="utf-8")
    return ModelFile(name, (number, name), layer, f"{folder}/{entry.name}", text)


def read_models(root: Traversable | None = None) -> list[Model]:
    """All models in build order. Raises ModelError naming every header that does not hold."""
    models, faults = [], []
    for file in find_model_files(root):
        try:
            models.append(Model(file, parse_header(file.text, file.path)))
        except ModelError as error:
            faults.append(str(error))
    if faults:
        raise ModelError("\n".join(faults))
    return models


def table_definitions(root: Traversable | None = None) -> list[str]:
    """The texts of the two files that create raw and result tables."""
    root = root or files("sql")
    names = ("01_raw_tables.sql", "02_result_tables.sql")
    return [(root / name).read_text(encoding="utf-8") for name in names if (root / name).is_file()]


def raw_tables(root: Traversable | None = None) -> list[str]:
    """The names of the tables that are not models: landed, or filled by Python."""
    return [name for text in table_definitions(root) for name in _CREATED_TABLE.findall(text)]


def check_order(models: Iterable[Model], tables: Iterable[str]) -> None:
    """Check each model's name and reads before anything runs.

    ``tables`` are readable from the start. Raises ModelError with all faults.
    """
    available = set(tables)
    faults = []
    for model in models:
        faults += [f"{model.file.path}: {fault}" for fault in _faults(model, available)]
        available.add(model.file.name)
    if faults:
        raise ModelError("\n".join(faults))


def _faults(model: Model, available: set[str]) -> list[str]:
    name, header = model.file.name, model.header
    faults = []
    if header.model != name:
        faults.append(f"the header names the model {header.model}; the file name says {name}")
    if name in available:
        faults.append(f"another model or table is already named {name}")
    if (model.file.layer == "patterns") != bool(header.pattern):
        faults.append("pattern, family, definition ... belong to patterns, and to all of them")
    if header.pattern and not name.startswith(header.pattern["pattern"] + "_"):
        faults.append(f"the header is of pattern {header.pattern['pattern']}")
    if not header.key and model.file.layer in ("stg", "core", "graph", "feat"):
        faults.append("key is none; a model of this layer has one")
    absent = [key for key in header.key if key not in {column.name for column in model.columns}]
    if absent:
        faults.append(f"key names no column: {', '.join(absent)}")
    try:
        reads = tables_read(model.file.select)
    except duckdb.Error as error:
        return [*faults, f"{name} is not one bare SELECT: {reason(error)}"]
    if reads != set(header.reads):
        actual, stated = ", ".join(sorted(reads)) or "none", ", ".join(header.reads) or "none"
        faults.append(f"reads says {stated}; the SELECT reads {actual}")
    if early := sorted(reads - available):
        faults.append(f"reads what is not built before it: {', '.join(early)}")
    return faults


def build_model(
    con: duckdb.DuckDBPyConnection, model: Model, select: str | None = None
) -> BuiltModel:
    """Build one model and check its columns and key. Raises ModelError.

    ``select`` gives rows that the model's own SELECT was made into before.
    """
    started = time.perf_counter()
    name, kind = model.file.name, model.header.kind
    try:
        create_model(con, model.file, kind, select)
        _check_columns(con, model)
        rows = _count_and_check_key(con, model)
        _comment(con, model)
    except duckdb.Error as error:
        raise ModelError(
            f"{model.file.path}: {name} could not be built: {reason(error)}\n"
            f"Its text is one SELECT: run it alone on the warehouse to see more."
        ) from error
    return BuiltModel(name, model.file.layer, rows, time.perf_counter() - started)


def create_model(
    con: duckdb.DuckDBPyConnection, file: ModelFile, kind: str = "table", select: str | None = None
) -> None:
    """Run the file's SELECT, or the one given, into a table or view, whatever stood there."""
    found = con.execute(
        "SELECT table_type FROM information_schema.tables WHERE table_name = ?", [file.name]
    ).fetchone()
    before = {"BASE TABLE": "table", "VIEW": "view", None: kind}[found[0] if found else None]
    if before != kind:
        con.execute(f"DROP {before} {file.name}")
    con.execute(f"CREATE OR REPLACE {kind} {file.name} AS\n{select or file.select}")


def _check_columns(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    described = con.execute(f"DESCRIBE {model.file.name}").fetchall()
    actual = [(row[0], row[1]) for row in described]
    if model.file.layer == "patterns":
        promised = [(name, type_) for name, (type_, _) in PATTERN_SHAPE.items()]
        if actual != promised:
            raise _mismatch(model, [" ".join(c) for c in promised], [" ".join(c) for c in actual])
    else:
        names = [column.name for column in model.columns]
        if [name for name, _ in actual] != names:
            raise _mismatch(model, names, [name for name, _ in actual])


def _mismatch(model: Model, promised: list[str], actual: list[str]) -> ModelError:
    missing = [name for name in promised if name not in actual]
    extra = [name for name in actual if name not in promised]
    differences = [f"lacks {', '.join(missing)}"] if missing else []
    differences += [f"has besides {', '.join(extra)}"] if extra else []
    return ModelError(
        f"{model.file.path}: {model.file.name} and its header differ in columns: the SELECT "
        f"{' and '.join(differences) or 'gives them in the order ' + ', '.join(actual)}."
    )


def _count_and_check_key(con: duckdb.DuckDBPyConnection, model: Model) -> int:
    """Number of rows, after proving that the key is unique and not null."""
    name = model.file.name
    if not model.header.key:
        return _first(con, f"SELECT count(*) FROM {name}")  # noqa: S608 - names of ours
    key = ", ".join(model.header.key)
    null = " OR ".join(f"{column} IS NULL" for column in model.header.key)
    # As many hashes as rows prove as many keys, in a third less time and memory than the keys do.
    rows, hashes, nulls = con.execute(
        f"SELECT count(*), count(DISTINCT hash({key})), count(*) FILTER ({null}) FROM {name}"  # noqa: S608
    ).fetchall()[0]
    if hashes == rows and not nulls:
        return int(rows)
    groups = f"SELECT count(*) AS n, {null} AS is_null FROM {name} GROUP BY {key}"  # noqa: S608
    rows, repeated, nulls = con.execute(
        "SELECT coalesce(sum(n), 0), count(*) FILTER (n > 1), count(*) FILTER (is_null) "  # noqa: S608
        f"FROM ({groups})"
    ).fetchall()[0]
    if repeated or nulls:
        raise ModelError(
            f"{model.file.path}: the key of {name} ({key}) does not hold: "
            f"{repeated} values repeat, {nulls} hold a null."
        )
    return int(rows)


def _first(con: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(con.execute(query).fetchall()[0][0])


def _comment(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Write the header into the catalog, where a SQL client shows it."""
    header = model.header
    about = f"{header.purpose} Grain: {header.grain}."
    if header.caveats:
        about += f" Caveats: {header.caveats}"
    statements = [f"COMMENT ON {header.kind} {model.file.name} IS {quoted(about)}"]
    for column in model.columns:
        target = f"{model.file.name}.{column.name}"
        statements.append(f"COMMENT ON COLUMN {target} IS {quoted(column.meaning)}")
    con.execute(";\n".join(statements))


def quoted(text: str) -> str:
    """The text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def reason(error: duckdb.Error) -> str:
    """The database's message; values that a conversion error quotes are kept out of logs."""
    message = str(error)
    if isinstance(error, duckdb.ConversionException | duckdb.InvalidInputException):
        message = re.sub(r"'[^'\n]*'|\"[^\"\n]*\"", "'...'", message)
    return message.strip()
