"""One query on the published warehouse: as a table, CSV, JSON or Parquet.

CSV is what people open in a spreadsheet: a list is written as its values with ``;`` between them,
as in the plain layouts, whatever is nested deeper as JSON, and no text may act as a formula. JSON
and Parquet give every value as it is.
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from data.errors import InputError
from data.warehouse.cookbook import read_macros, read_queries

if TYPE_CHECKING:
    import polars as pl

SHOWN_ROWS = 200
FORMS = ("table", "csv", "json", "parquet")


def answer(
    con: duckdb.DuckDBPyConnection,
    query: str,
    form: str,
    output: Path | None,
    console: Console,
    values: Mapping[str, str] | None = None,
) -> None:
    """Run a query and show or write its answer.

    ``con`` is a reader's own (``connection.open_read_only``): files other than the warehouse stay
    closed to the query, since queries travel by mail. ``values`` stand for the query's parameters,
    written ``$name``.

    Raises
    ------
    InputError
        The form is unknown, Parquet has no file to go to, or the query fails.
    """
    if form not in FORMS:
        raise InputError(f"--format {form}: unknown; choose {', '.join(FORMS)}.")
    if form == "parquet" and output is None:
        raise InputError("--format parquet needs a file: add --output answer.parquet.")
    try:
        _refuse_writing(con, query)
        relation = con.sql(query, params=dict(values or {}))
        if relation is None:
            raise InputError("sql: the query gives no rows; write one SELECT.")
        if form == "table" and output is None:
            _show(relation, console)
            return
        frame = _frame(relation)
    except duckdb.Error as error:
        raise InputError(f"sql: {error}") from None
    if form == "parquet" and output is not None:
        frame.write_parquet(output)
        return
    text = _csv(frame) if form != "json" else frame.write_json() + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")


def _refuse_writing(con: duckdb.DuckDBPyConnection, query: str) -> None:
    """Refuse what would write into a file: those of the archive are open to the connection."""
    if re.search(r"\b(COPY|EXPORT)\b", query, re.IGNORECASE):
        kinds = {statement.type for statement in con.extract_statements(query)}
        if not kinds <= {duckdb.StatementType.SELECT}:
            raise InputError("sql: a query only reads; write one SELECT, and --output for a file.")


def _frame(relation: duckdb.DuckDBPyRelation) -> "pl.DataFrame":
    if spans := [
        c for c, t in zip(relation.columns, relation.types, strict=True) if t == "INTERVAL"
    ]:
        raise InputError(
            f"sql: {', '.join(spans)}: a span of time has no form in files; write it as text "
            "(CAST(… AS VARCHAR)) or as a number (epoch(…))."
        )
    frame: pl.DataFrame = relation.pl()
    return frame


def _csv(frame: "pl.DataFrame") -> str:
    import polars as pl

    from reports.spreadsheet import plain_text

    def flat(column: "pl.Series") -> "pl.Series":
        if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
            column = pl.Series([_flat(value) for value in column.to_list()], dtype=pl.String)
        if column.dtype != pl.String:
            return column
        texts = [None if text is None else plain_text(text) for text in column]
        return pl.Series(texts, dtype=pl.String)

    columns = [flat(column).alias(plain_text(column.name)) for column in frame]
    return pl.DataFrame(columns).write_csv()


def _flat(value: object) -> str | None:
    """A nested value as one text."""
    if value is None:
        return None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list) and not any(isinstance(one, list | dict) for one in value):
        return ";".join("" if one is None else str(one) for one in value)
    return json.dumps(value, default=str, ensure_ascii=False)


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
