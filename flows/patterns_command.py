"""``touchstone patterns`` and ``touchstone backtest``: what rules say, and what a change does."""

from pathlib import Path

import duckdb
import polars as pl
from rich.console import Console
from rich.table import Table

from data.errors import InputError
from data.warehouse.backtest import backtest
from data.warehouse.connection import open_read_only
from data.warehouse.pattern_book import (
    PatternPage,
    against_truth,
    alerts,
    counts,
    pages,
    read_truth,
    where_judged,
)
from flows.settings import Settings

STATUSES = ("stands", "explained", "data_gap", "suppressed")
SHOWN_LOTS = 50


def show_patterns(
    code: str | None, warehouse: Path | None, truth: Path | None, console: Console
) -> None:
    """List the patterns, or explain one, with what each found in a warehouse and how well.

    Raises InputError for a code that no pattern has.
    """
    book = pages()
    if code is not None:
        book = [page for page in book if page.code == code.upper()]
        if not book:
            raise InputError(f"{code}: no such pattern. touchstone patterns lists all.")
    found: dict[str, dict[str, int]] = {}
    quality = None
    if warehouse is not None and warehouse.is_file():
        with open_read_only(warehouse) as con:
            found = counts(con)
            quality = _quality(con, truth) if truth else None
    elif truth is not None:
        raise InputError("--truth needs a warehouse that was made of the simulated feed.")
    if code is not None:
        _explain(book[0], found.get(book[0].code, {}), console)
    else:
        _list(book, found, console)
    if quality is not None:
        _show_quality(*quality, code, console)


def _quality(con: duckdb.DuckDBPyConnection, truth: Path) -> tuple[pl.DataFrame, dict[str, int]]:
    told = read_truth(truth)
    units = truth.parent / "units.csv"
    if units.is_file() and "schemes" in told.columns:
        told = where_judged(con, told, pl.read_csv(units, infer_schema=False))
    return against_truth(con, told), alerts(con, told)


def _list(book: list[PatternPage], found: dict[str, dict[str, int]], console: Console) -> None:
    table = Table("code", "name", "family", box=None, header_style="bold", pad_edge=False)
    for status in STATUSES:
        table.add_column(status.replace("_", " "), justify="right")
    for page in book:
        number = found.get(page.code, {})
        figures = (str(number.get(status, 0)) if found else "-" for status in STATUSES)
        table.add_row(page.code, page.name, page.family, *figures)
    console.print(table)


def _explain(page: PatternPage, found: dict[str, int], console: Console) -> None:
    console.print(f"{page.code} {page.name}: {page.purpose}", markup=False)
    for name in ("family", "definition", "guard", "severity", "benign", "source", "caveats"):
        if text := page.entries.get(name):
            console.print(f"{name}: {text}", markup=False)
    for name, (value, unit, source) in page.thresholds.items():
        console.print(f"  {name} = {value:g} {unit} ({source})", markup=False)
    if found:
        said = ", ".join(f"{found.get(status, 0)} {status}" for status in STATUSES)
        console.print(f"in this warehouse: {said}", markup=False)


def _show_quality(
    quality: pl.DataFrame, raised: dict[str, int], code: str | None, console: Console
) -> None:
    table = Table("pattern", box=None, header_style="bold", pad_edge=False)
    for name in ("planted", "found", "raised", "false"):
        table.add_column(name, justify="right")
    for row in quality.iter_rows():
        if code is None or row[0] == code.upper():
            table.add_row(*map(str, row))
    console.print(table)
    console.print(
        f"{raised['raised']} lots raised, {raised['attacked_and_raised']} of them attacked; "
        f"{raised['attacked']} attacked in all."
    )


def show_backtest(
    warehouse: Path, settings: Settings, truth: Path | None, console: Console
) -> None:
    """Print how many lots of each tier move where under other thresholds, and which."""
    told = read_truth(truth) if truth else None
    lots = backtest(
        warehouse,
        settings.patterns,
        memory_limit=settings.memory_limit,
        threads=settings.threads,
    )
    moved = lots.filter(pl.col("tier") != pl.col("tier_after"))
    if told is not None:
        moved = moved.join(told.select("gtin", "lot", "label"), on=["gtin", "lot"], how="left")
    console.print(f"{len(lots):,} lots, {len(moved):,} in another tier.")
    ways = moved.group_by("tier", "tier_after").len().sort("tier", "tier_after")
    for before, after, count in ways.iter_rows():
        console.print(f"  {before} -> {after}: {count}")
    names = ["gtin", "lot", "tier", "tier_after", "top_pattern", "top_pattern_after"]
    names += ["label"] if told is not None else []
    table = Table(*names, box=None, header_style="bold", pad_edge=False)
    for row in moved.select(names).head(SHOWN_LOTS).iter_rows():
        table.add_row(*("" if value is None else str(value) for value in row))
    if len(moved):
        console.print(table)
    if len(moved) > SHOWN_LOTS:
        console.print(f"first {SHOWN_LOTS} of {len(moved)}")
