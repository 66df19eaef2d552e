"""``touchstone case``: the commands on the case memory."""

from pathlib import Path
from typing import Annotated

import typer

from data.errors import InputError
from flows.options import SettingsFile, Warehouse, clock, console
from flows.settings import load_settings

case_app = typer.Typer(no_args_is_help=True, help="The case memory: list, show, add, exchange.")


@case_app.command("list")
def case_list(
    kind: Annotated[
        str | None, typer.Option(help="own, imported, public, benign or simulated.")
    ] = None,
    warehouse: Warehouse = None,
    settings: SettingsFile = None,
) -> None:
    """List the cases that lots are compared with."""
    from flows.case_command import case_lines

    for line in case_lines(load_settings(settings, warehouse=warehouse).warehouse, kind):
        console.print(line, markup=False)


@case_app.command("show")
def case_show(case: str, warehouse: Warehouse = None, settings: SettingsFile = None) -> None:
    """Show one case with its signals and sources."""
    from flows.case_command import shown_lines

    for line in shown_lines(load_settings(settings, warehouse=warehouse).warehouse, case):
        console.print(line, markup=False)


@case_app.command("similar")
def case_similar(
    thing: Annotated[list[str], typer.Argument(help="GTIN and LOT, or a CASE.")],
    count: Annotated[int, typer.Option("--count", "-k", help="How many cases.")] = 5,
    warehouse: Warehouse = None,
    settings: SettingsFile = None,
) -> None:
    """Name the cases nearest to a lot or to a case, with what they share."""
    from flows.similar_command import similar_lines

    chosen = load_settings(settings, warehouse=warehouse)
    for line in similar_lines(thing, count, chosen.warehouse):
        console.print(line, markup=False)


@case_app.command("add")
def case_add(file: Path, warehouse: Warehouse = None, settings: SettingsFile = None) -> None:
    """Add a case of one's own that somebody wrote down: TOML, one case a file."""
    from flows import case_command
    from flows.job import recording_of

    chosen = load_settings(settings, warehouse=warehouse)
    console.print(case_command.add(file, chosen.warehouse, recording_of(chosen)), markup=False)


@case_app.command("withdraw")
def case_withdraw(
    case: str,
    reason: Annotated[str, typer.Option(help="Why, in your words.")],
    by: Annotated[str, typer.Option(help="Who withdraws it.")],
    at: Annotated[
        str | None, typer.Option(help="When it was withdrawn, ISO 8601 with offset; else now.")
    ] = None,
    warehouse: Warehouse = None,
    settings: SettingsFile = None,
) -> None:
    """Withdraw a case that was decided, added or imported; it stays on record, uncited."""
    from flows import sign_command
    from flows.job import recording_of

    chosen = load_settings(settings, warehouse=warehouse)
    signature = sign_command.Signature(by, reason, clock(at).replace(tzinfo=None))
    done = sign_command.withdraw_case(case, signature, chosen.warehouse, recording_of(chosen))
    for line in sign_command.lines(done):
        console.print(line, markup=False)


@case_app.command("import")
def case_import(
    file: Path,
    told_by: Annotated[str | None, typer.Option("--from", help="Whose cases they are.")] = None,
    warehouse: Warehouse = None,
    settings: SettingsFile = None,
) -> None:
    """Import cases of another company: JSON Lines, TOML or a pack, checked field by field."""
    from flows import case_command
    from flows.job import recording_of

    chosen = load_settings(settings, warehouse=warehouse)
    done = case_command.import_cases(file, told_by, chosen.warehouse, recording_of(chosen))
    console.print(done, markup=False)


@case_app.command("export")
def case_export(
    file: Path,
    with_names: Annotated[
        bool, typer.Option("--with-names", help="Leave names of people and partners in.")
    ] = False,
    share: Annotated[
        bool, typer.Option("--share", help="Only signals and coarse features, under salted ids.")
    ] = False,
    salt_file: Annotated[
        Path | None,
        typer.Option(help="Salt of the ids; else beside the warehouse; made if absent."),
    ] = None,
    warehouse: Warehouse = None,
    settings: SettingsFile = None,
) -> None:
    """Write one's own cases to a file for others, without serials."""
    from flows import case_command
    from flows.job import recording_of

    chosen = load_settings(settings, warehouse=warehouse)
    recording = recording_of(chosen)
    if share and with_names:
        raise InputError("case export: a shared pack holds no names; leave out --with-names.")
    if share:
        done = case_command.export_share(file, salt_file, chosen.warehouse, recording)
    else:
        done = case_command.export(file, with_names, chosen.warehouse, recording)
    console.print(done, markup=False)
