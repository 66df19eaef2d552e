"""``touchstone archive``, ``verify``, ``audit``, ``reproduce``: what is kept, and does it hold."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.options import AsOf, OutFolder, SettingsFile, Warehouse, clock, console, say
from flows.settings import load_settings


def archive(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would move, and move nothing.")
    ] = False,
    as_of: AsOf = None,
    warehouse: Warehouse = None,
    settings: SettingsFile = None,
) -> None:
    """Move the histories of closed lots to Parquet beside the warehouse; they stay readable."""
    from data.warehouse.archive import Rules
    from flows import archive_command
    from flows.job import recording_of

    chosen = load_settings(settings, warehouse=warehouse)
    moment = clock(as_of).replace(tzinfo=None)
    rules = Rules(moment, chosen.archive_quiet_days, chosen.archive_expired_days)
    done = archive_command.run_archive(
        chosen.warehouse,
        rules,
        recording_of(chosen),
        chosen.retention_years,
        dry_run,
        (chosen.memory_limit, chosen.threads),
    )
    for line in archive_command.lines(done, dry_run):
        console.print(line, markup=False)


def verify(
    run_name: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="A run's id or number; else the latest.")
    ] = None,
    warehouse: Warehouse = None,
    out: OutFolder = None,
    settings: SettingsFile = None,
    public_key: Annotated[
        Path | None, typer.Option(help="Every signature must be of this key (PEM).")
    ] = None,
) -> None:
    """Check the audit trail, the manifests, and all that a run stood on and published."""
    from flows import verify_command

    chosen = load_settings(settings, warehouse=warehouse, reports=out)
    verdict = verify_command.verify(
        chosen.warehouse, chosen.reports, run_name, public_key, chosen.anchor
    )
    for line in verdict.lines():
        console.print(line, markup=False)
    verify_command.require(verdict)


def audit(
    form: Annotated[str, typer.Option("--format", help="text, jsonl or json.")] = "text",
    action: Annotated[str | None, typer.Option(help="Only this action: configure, say.")] = None,
    about: Annotated[
        str | None, typer.Option(help="Only objects that begin so: lot:, say.")
    ] = None,
    warehouse: Warehouse = None,
    settings: SettingsFile = None,
) -> None:
    """Print the audit trail, for people or programs."""
    from flows.audit_command import export

    chosen = load_settings(settings, warehouse=warehouse)
    for line in export(chosen.warehouse, form, action, about):
        sys.stdout.write(line + "\n")


def reproduce(
    run_name: Annotated[str, typer.Argument(metavar="RUN", help="A run's id or number.")],
    warehouse: Warehouse = None,
    out: OutFolder = None,
    settings: SettingsFile = None,
) -> None:
    """Make a past run again from the documents it stood on, and compare every byte."""
    from data.record.manifest import find_run, runs_folder
    from flows import reproduce_command

    chosen = load_settings(settings, warehouse=warehouse, reports=out)
    found = find_run(runs_folder(chosen.warehouse), run_name)
    limits = (chosen.memory_limit, chosen.threads)
    result = reproduce_command.reproduce(found, chosen.warehouse, chosen.reports, limits, say)
    for line in reproduce_command.lines(result):
        console.print(line, markup=False)
    reproduce_command.require(result)
