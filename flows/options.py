"""What the commands have in common: options, the terminal, and how arguments are understood."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from data.errors import InputError
from flows.settings import Settings

console = Console(soft_wrap=True, highlight=False)
progress = Console(stderr=True, highlight=False)

Inputs = Annotated[
    list[str],
    typer.Argument(help="Files, folders or addresses (s3://…); what they are is read from them."),
]
Warehouse = Annotated[Path | None, typer.Option(help="Warehouse file; else var/touchstone.duckdb.")]
Language = Annotated[
    str | None, typer.Option(help="Language of the reports, en or de; else that of the settings.")
]
SettingsFile = Annotated[Path | None, typer.Option("--settings", help="TOML settings file.")]
OutFolder = Annotated[
    Path | None, typer.Option("--out", help="Folder of reports; else var/reports.")
]
AsOf = Annotated[
    str | None,
    typer.Option(help="Time from which to look back, ISO 8601 with offset; else now."),
]
Direct = Annotated[
    bool, typer.Option("--direct", help="Run the steps without Prefect: 15 seconds sooner.")
]


def say(text: object) -> None:
    """Show progress where a person watches; stay out of logs."""
    if progress.is_terminal:
        progress.print(f"[dim]{text}[/dim]", markup=True)


def clock(as_of: str | None) -> datetime:
    """The time that was given, or now. Raises InputError for what is no time."""
    if as_of is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        when = datetime.fromisoformat(as_of)
    except ValueError:
        raise InputError(
            f"{as_of}: not a time. Write ISO 8601 with offset, as in 2026-10-01T02:00:00Z."
        ) from None
    return when.replace(tzinfo=when.tzinfo or UTC).astimezone(UTC)


def check_inputs(inputs: list[str]) -> None:
    """Raise InputError for a path that is absent; an address is not asked."""
    from flows.remote import is_remote

    for text in inputs:
        if not is_remote(text) and not Path(text).exists():
            raise InputError(f"{text}: no such file or folder. Name what partners sent.")


def need_inputs(inputs: list[str], settings: Settings) -> list[Path]:
    """The inputs as paths, addresses copied first. Raises InputError for what is absent."""
    from flows.remote import local_inputs

    check_inputs(inputs)
    return local_inputs(inputs, settings.warehouse)


def readable(warehouse: Path) -> Path:
    """Return the newest published copy; the working file where none was published yet."""
    from data.warehouse.snapshot import newest_snapshot

    return newest_snapshot(warehouse) or warehouse
