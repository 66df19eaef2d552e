"""The benchmark's figures as tables that a person reads."""

from typing import Any

from rich.console import Console
from rich.table import Table


def show(parsing: dict[str, Any], histories: dict[str, float], console: Console) -> None:
    """Print seconds, memory and ratios to the peers measured in the same run."""
    size_mb = parsing["size_mb"]
    table = _table(f"Reading {size_mb:g} MB", "way", "s", "MB/s", "peak MB")
    for way, figures in parsing["ways"].items():
        seconds = figures["wall_s"]
        table.add_row(
            way, f"{seconds:.2f}", f"{size_mb / seconds:.0f}", f"{figures['peak_mb']:.0f}"
        )
    console.print(table)
    ratios = _table("Against the bare parser", "pair", "times")
    for pair, figures in parsing["ratios"].items():
        ratios.add_row(pair, f"{figures['wall_s']:.2f}")
    console.print(ratios)
    built = _table(
        "Histories of packs, from landed records", "events", "pack events", "s", "peak MB"
    )
    built.add_row(
        f"{histories['events']:,.0f}",
        f"{histories['pack_events']:,.0f}",
        f"{histories['seconds']:.1f}",
        f"{histories['peak_mb']:,.0f}",
    )
    console.print(built)


def show_detectors(made: list[tuple[str, list[str]]], console: Console) -> None:
    """Print the tables that were written into the page."""
    for title, lines in made:
        console.print(f"\n{title}", style="bold")
        console.print("\n".join(lines), markup=False)


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(first, box=None, header_style="bold", pad_edge=False, title=title)
    table.title_justify = "left"
    for name in others:
        table.add_column(name, justify="right")
    return table
