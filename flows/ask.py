"""One query on the published warehouse: as a table, CSV, JSON or Parquet."""

import sys
from collections.abc import Mapping
from pathlib import Path

import duckdb
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from data.errors import InputError
from data.warehouse.connection import open_read_only
from data.warehouse.cookbook import read_macros, read_queries

SHOWN_ROWS = 200
FORMS = ("table", "csv", "json", "parquet")


def answer(
    warehouse: Path,
    query: str,
    form: str,
    output: Path | None,
    console: Console,
    values: Mapping[str, str] | None = None,
) -> None:
    """Run a query read-only and show or write its answer.

    ``values`` stand for the query's parameters, written ``$name``.

    Files other than the warehouse stay closed to the query, since queries travel by mail.

    Raises
    ------
    InputError
        The form is unknown, Parquet has no file to go to, or the query fails.
    """
    if form not in FORMS:
        raise InputError(f"--format {form}: unknown; choose {', '.join(FORMS)}.")
    if form == "parquet" and output is None:
        raise InputError("--format parquet needs a file: add --output answer.parquet.")
    with open_read_only(warehouse) as con:
        try:
            relation = con.sql(query, params=dict(values or {}))
            if relation is None:
                raise InputError("sql: the query gives no rows; write one SELECT.")
            if form == "table" and output is None:
                _show(relation, console)
                return
            frame = relation.pl()
        except duckdb.Error as error:
            raise InputError(f"sql: {error}") from None
    if form == "parquet":
        frame.write_parquet(output)
        return
    text = frame.write_csv() if form != "json" else frame.write_json() + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")


def parameters(pairs: list[str]) -> dict[str, str]:
    """``["lot=A1"]`` as a mapping. Raises InputError for a word without an equals sign."""
    if wrong := [pair for pair in pairs if "=" not in pair]:
        raise InputError(f"-p {wrong[0]}: write name=value, as in -p lot=A1.")
    return dict(pair.split("=", 1) for pair in pairs)


def show_queries(console: Console) -> None:
    """List the ready queries with what they take, and the macros."""
    table = Table("query", "takes", "question", box=None, header_style="bold", pad_edge=False)
    for query in read_queries():
        table.add_row(query.name, ", ".join(query.takes), query.purpose)
    console.print(table)
    console.print()
    table = Table("macro", "gives", box=None, header_style="bold", pad_edge=False)
    for macro in read_macros():
        table.add_row(macro.signature, macro.purpose)
    console.print(table)


def _show(relation: duckdb.DuckDBPyRelation, console: Console) -> None:
    table = Table(*relation.columns, box=None, header_style="bold", pad_edge=False)
    rows = relation.limit(SHOWN_ROWS + 1).fetchall()
    for row in rows[:SHOWN_ROWS]:
        table.add_row(*("" if value is None else str(value) for value in row))
    if not console.is_terminal:  # a pipe has no width to keep to: nothing is cut there
        unbounded = console.options.update(width=100_000)
        console = Console(width=Measurement.get(console, unbounded, table).maximum)
    console.print(table)
    if len(rows) > SHOWN_ROWS:
        console.print(f"first {SHOWN_ROWS} rows; --format csv gives all")
