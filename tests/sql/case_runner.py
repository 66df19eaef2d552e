"""Given tables, a model, expected rows: the parts that ``test_cases.py`` runs."""

import datetime as dt
import json
import math
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import yaml

from data.warehouse.connection import open_memory
from data.warehouse.models import ModelFile, create_model, find_model_files
from data.warehouse.reads import tables_read

CASES = Path(__file__).parent / "cases"
THRESHOLDS = Path(__file__).parents[2] / "sql" / "patterns" / "thresholds.toml"
KEYS = {"name", "model", "given", "expect", "settings", "as_of", "types", "build"}
DEFAULT_AS_OF = "2026-01-01 00:00:00"

Row = dict[str, Any]
Types = dict[str, dict[str, str]]  # table -> column -> DuckDB type


@dataclass(frozen=True)
class Case:
    """One case of a yml file."""

    id: str
    model: str
    given: dict[str, list[Row]]
    expect: list[Row]
    settings: dict[str, float] = field(default_factory=dict)
    as_of: str = DEFAULT_AS_OF
    types: Types = field(default_factory=dict)
    build: str | list[str] = field(default_factory=list)


def read_cases(folder: Path = CASES) -> Iterator[Case]:
    for path in sorted(folder.glob("*.yml")):
        documents = [d for d in yaml.safe_load_all(path.read_text(encoding="utf-8")) if d]
        entries = [e for d in documents for e in (d if isinstance(d, list) else [d])]
        for number, entry in enumerate(entries, 1):
            where = f"{path.stem}:{entry.get('name', number)}"
            assert not (odd := set(entry) - KEYS), f"{where}: unknown keys {sorted(odd)}"
            assert {"model", "expect"} <= set(entry), f"{where}: model and expect are needed"
            yield Case(
                id=where,
                model=entry["model"],
                given=entry.get("given") or {},
                expect=entry["expect"] or [],
                settings=entry.get("settings") or {},
                as_of=str(entry.get("as_of", DEFAULT_AS_OF)),
                types=entry.get("types") or {},
                build=entry.get("build") or [],
            )


@dataclass(frozen=True)
class KnownTypes:
    """Types of all tables that exist or build, and why the others do not."""

    types: Types
    failures: dict[str, str]


def known_types() -> KnownTypes:
    """Build all that builds on an empty warehouse and describe it."""
    failures = {}
    with open_memory() as con:
        _begin(con, DEFAULT_AS_OF, {})
        for file in find_model_files():
            try:
                create_model(con, file)
            except duckdb.Error as error:
                failures[file.name] = str(error).splitlines()[0]
        rows = con.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE NOT internal ORDER BY table_name, column_index"
        ).fetchall()
    types: Types = {}
    for table, column, type_ in rows:
        types.setdefault(table, {})[column] = type_
    return KnownTypes(types, failures)


def run_case(case: Case, known: KnownTypes) -> list[Row]:
    """The rows of the case's model over its given tables."""
    files = {file.name: file for file in find_model_files()}
    assert case.model in files, f"no file of sql/ holds a model {case.model}"
    with open_memory() as con:
        _begin(con, case.as_of, case.settings)
        for table, rows in case.given.items():
            types = known.types.get(table, {}) | case.types.get(table, {})
            _fill(con, table, types or _inferred(rows), rows)
        if "stg_clock" not in case.given and case.model != "stg_clock":
            con.execute("CREATE OR REPLACE TABLE stg_clock (as_of TIMESTAMP)")
            con.execute("INSERT INTO stg_clock VALUES (CAST(? AS TIMESTAMP))", [case.as_of])
        for name in _to_build(case, files):
            _ensure_reads(con, files[name], known, case)
            create_model(con, files[name])
        _ensure_reads(con, files[case.model], known, case)
        result = con.execute(files[case.model].select)
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _begin(con: duckdb.DuckDBPyConnection, as_of: str, settings: dict[str, float]) -> None:
    defaults = tomllib.loads(THRESHOLDS.read_text()) if THRESHOLDS.is_file() else {}
    values = {f"{p}.{n}": t["value"] for p, group in defaults.items() for n, t in group.items()}
    con.execute(
        "INSERT INTO raw_run VALUES ('case', CAST(? AS TIMESTAMP), 'running', '{}')", [as_of]
    )
    for name, value in {**values, **settings}.items():
        con.execute("INSERT INTO raw_setting VALUES (?, ?, NULL, NULL)", [name, value])


def _to_build(case: Case, files: dict[str, ModelFile]) -> list[str]:
    """The models to build first: those named, or with ``upstream`` all that are read, in order."""
    if case.build != "upstream":
        return list(case.build)
    wanted: set[str] = set()
    open_names = [case.model]
    while open_names:
        for table in tables_read(files[open_names.pop()].select):
            if table in files and table not in wanted | set(case.given) | {"stg_clock"}:
                wanted.add(table)
                open_names.append(table)
    return [name for name in files if name in wanted]


def _ensure_reads(
    con: duckdb.DuckDBPyConnection, file: ModelFile, known: KnownTypes, case: Case
) -> None:
    """Create, empty, what the model reads and the case leaves out."""
    there = {row[0] for row in con.execute("SHOW TABLES").fetchall()}
    for table in sorted(tables_read(file.select) - there):
        types = known.types.get(table, {}) | case.types.get(table, {})
        why = known.failures.get(table, "no such model or table")
        assert types, f"{file.name} reads {table}, which is not given and does not build: {why}"
        _fill(con, table, types, [])


def _fill(
    con: duckdb.DuckDBPyConnection, table: str, types: dict[str, str], rows: list[Row]
) -> None:
    columns = ", ".join(f'"{name}" {type_}' for name, type_ in types.items())
    con.execute(f"CREATE OR REPLACE TABLE {table} ({columns})")
    for number, row in enumerate(rows or [], 1):
        odd = set(row) - set(types)
        assert not odd, f"given {table}, row {number}: no such column: {sorted(odd)}"
        for name, value in row.items():
            as_number = isinstance(value, int | float) and not isinstance(value, bool)
            assert not (types[name].startswith("VARCHAR") and as_number), (
                f"given {table}, row {number}: {name} is text; put {value!r} in quotes"
            )
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join(f"CAST(? AS {types[name]})" for name in row)
        values = [
            json.dumps(value) if types[name] == "JSON" and value is not None else value
            for name, value in row.items()
        ]
        con.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)  # noqa: S608


def _inferred(rows: list[Row]) -> dict[str, str]:
    """Types from values, for a table that no model makes yet."""
    types: dict[str, str] = {}
    for row in rows or []:
        for name, value in row.items():
            if value is not None or name not in types:
                types[name] = _type_of(value)
    assert types, "a table of unknown columns needs a row, or `types:`"
    return types


def _type_of(value: Any) -> str:
    if isinstance(value, list):
        return f"{_type_of(value[0]) if value else 'VARCHAR'}[]"
    by_type = {bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE", dict: "JSON"}
    by_type |= {dt.datetime: "TIMESTAMP", dt.date: "DATE"}
    return by_type.get(type(value), "VARCHAR")


def unmatched(expected: list[Row], actual: list[Row]) -> tuple[list[Row], list[Row]]:
    """Expected rows without an actual one, and actual rows that no expected one claims.

    Order does not count. A row may match several others, since it states a part of the columns;
    so rows are paired by augmenting paths rather than first come, first served.
    """
    owner: dict[int, int] = {}  # actual -> expected

    def claim(wanted: int, seen: set[int]) -> bool:
        for index, row in enumerate(actual):
            if index not in seen and _matches(expected[wanted], row):
                seen.add(index)
                if index not in owner or claim(owner[index], seen):
                    owner[index] = wanted
                    return True
        return False

    missing = [row for index, row in enumerate(expected) if not claim(index, set())]
    return missing, [row for index, row in enumerate(actual) if index not in owner]


def _matches(expected: Row, actual: Row) -> bool:
    odd = set(expected) - set(actual)
    assert not odd, f"expect names no column of the model: {sorted(odd)}"
    return all(_equal(value, actual[name]) for name, value in expected.items())


def _equal(expected: Any, actual: Any) -> bool:  # noqa: PLR0911 - one line a kind of value
    if isinstance(expected, dict | list) and isinstance(actual, str):
        actual = json.loads(actual)
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(
            name in actual and _equal(value, actual[name]) for name, value in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(actual, list)
            and len(expected) == len(actual)
            and all(_equal(e, a) for e, a in zip(expected, actual, strict=True))
        )
    if isinstance(expected, bool) or isinstance(actual, bool) or expected is None:
        return expected is actual
    if isinstance(expected, int | float) and actual is not None and not isinstance(actual, str):
        return math.isclose(float(expected), float(actual), rel_tol=1e-6, abs_tol=1e-6)
    if isinstance(actual, dt.datetime):
        return _as_datetime(expected) == actual
    if isinstance(actual, dt.date):
        return str(expected) == actual.isoformat()
    return bool(expected == actual)


def _as_datetime(value: Any) -> dt.datetime:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day)
    moment = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(str(value))
    return moment.astimezone(dt.UTC).replace(tzinfo=None) if moment.tzinfo else moment
