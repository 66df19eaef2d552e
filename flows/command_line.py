"""The command ``touchstone``: arguments in, exit codes out. Heavy imports live in the commands."""

import logging
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import InputError, TouchstoneError, WarehouseError
from flows.command_line_bench import bench_app
from flows.command_line_case import case_app
from flows.command_line_record import archive, audit, reproduce, verify
from flows.options import (
    AsOf,
    Direct,
    Inputs,
    Language,
    OutFolder,
    SettingsFile,
    Warehouse,
    check_inputs,
    clock,
    console,
    need_inputs,
    progress,
    readable,
    say,
)
from flows.settings import Settings, load_settings

if TYPE_CHECKING:
    from flows.steps import Outcome

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Finds what does not hold together in a medicine supply chain, and says why.",
)
app.add_typer(case_app, name="case")
app.add_typer(bench_app, name="bench")
_PRIVATE = 0o027  # owner writes, group reads, nobody else


def _run(
    inputs: list[Path],
    settings: Settings,
    as_of: datetime,
    direct: bool,
    full: bool = False,
    profile: Path | None = None,
) -> None:
    from dataclasses import replace

    from flows.job import job_of
    from flows.profile import Watch, write_profile

    job = replace(job_of(settings, inputs, as_of.replace(tzinfo=None)), full=full)
    watch = None if profile is None else Watch(say)
    tell, watched = (watch.say, watch.step) if watch else (say, lambda step: step)
    if direct:
        from flows.steps import run_steps

        outcome = run_steps(job, tell, watched)
    else:
        _quiet_prefect(settings)
        say("starting Prefect")
        from flows.batch import run_orchestrated

        outcome = run_orchestrated(job, tell, watched)
    if watch is not None and profile is not None:
        write_profile(profile, watch.spans())
    _report(outcome)
    if settings.notify_url is not None or settings.notify_mail:
        from flows.notify import notify

        notify(settings, outcome)


def _quiet_prefect(settings: Settings, logging_level: str = "WARNING") -> None:
    """Keep Prefect on this machine and in the project's folder, unless an operator says else."""
    home = settings.warehouse.parent.resolve() / "prefect"
    try:
        home.mkdir(parents=True, exist_ok=True)  # Prefect's server hangs where it is absent
    except OSError as error:
        raise WarehouseError(
            f"{home}: the folder cannot be made ({error.strerror}). Name another place with "
            "--warehouse."
        ) from error
    for name, value in {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_LOGGING_LEVEL": logging_level,
    }.items():
        os.environ.setdefault(name, value)
    from flows.quiet_exit import hush_exit

    hush_exit()  # before Prefect is imported, so that it comes after Prefect's own last words


def _report(outcome: "Outcome") -> None:
    from flows.digest import digest_lines

    for line in digest_lines(outcome):
        console.print(line, markup=False)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the sample lives.")] = Path("var/demo"),
    seed: Annotated[int, typer.Option(help="Same seed, same feed.")] = 7,
    language: Language = None,
    direct: Direct = False,
) -> None:
    """Make a sample feed, run everything on it, and say which page to open."""
    import shutil

    from data.simulator.sample.demo import make_demo_feed

    if (folder / "inbox").exists() and (folder / "truth.csv").exists():
        shutil.rmtree(folder)
    feed = make_demo_feed(folder, seed=seed)
    console.print(
        f"A sample feed of {feed.event_count:,} events lies in {feed.inbox}; "
        f"what really happened, in {feed.truth}."
    )
    settings = load_settings(
        warehouse=folder / "touchstone.duckdb", reports=folder / "reports", language=language
    )
    _run([feed.inbox], settings, feed.as_of, direct)


@app.command()
def run(
    inputs: Inputs,
    warehouse: Warehouse = None,
    out: OutFolder = None,
    settings: SettingsFile = None,
    as_of: AsOf = None,
    language: Language = None,
    direct: Direct = False,
    cluster: Annotated[
        str | None,
        typer.Option(
            help="Have documents read and models computed by a Dask cluster: local, or its address."
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Build everything anew, also what still stands.")
    ] = False,
    profile: Annotated[
        Path | None,
        typer.Option(help="Write time, rows and memory of each step and model into this folder."),
    ] = None,
) -> None:
    """Land what is new, judge every lot, and write the reports."""
    chosen = load_settings(
        settings, warehouse=warehouse, reports=out, language=language, cluster=cluster
    )
    _run(need_inputs(inputs, chosen), chosen, clock(as_of), direct, full, profile)


@app.command()
def backfill(
    inputs: Inputs,
    since: Annotated[str, typer.Option("--from", help="First moment, ISO 8601 with offset.")],
    until: Annotated[str, typer.Option("--to", help="Last moment, ISO 8601 with offset.")],
    every_h: Annotated[int, typer.Option(help="Hours between runs.", min=1)] = 24,
    warehouse: Warehouse = None,
    out: OutFolder = None,
    settings: SettingsFile = None,
    language: Language = None,
    direct: Direct = False,
) -> None:
    """Make the runs that were missed, each of the files that had arrived by then."""
    from flows.inbox import moments

    chosen = load_settings(settings, warehouse=warehouse, reports=out, language=language)
    paths = need_inputs(inputs, chosen)
    for moment in moments(clock(since), clock(until), every_h):
        console.print(f"As of {moment:%Y-%m-%dT%H:%MZ}:")
        _run(paths, chosen.model_copy(update={"arrived_by": moment}), moment, direct)


@app.command()
def serve(
    inputs: Inputs,
    cron: Annotated[str, typer.Option(help="When to run.")] = "0 2 * * *",
    port: Annotated[int, typer.Option(help="Port of the page, on this machine only.")] = 4200,
    settings: SettingsFile = None,
) -> None:
    """Run the batch on a schedule, with Prefect's page, until interrupted."""
    from flows.serve_command import serve as run_server

    chosen = load_settings(settings)
    check_inputs(inputs)
    _quiet_prefect(chosen, logging_level="INFO")
    console.print(f"Page: http://127.0.0.1:{port}. Runs at {cron} (cron). Ctrl-C ends it.")
    run_server(inputs, settings, chosen, cron, port)


@app.command()
def ingest(
    inputs: Inputs,
    warehouse: Warehouse = None,
    settings: SettingsFile = None,
    as_of: AsOf = None,
) -> None:
    """Land files in the warehouse, and stop there."""
    from flows.job import job_of
    from flows.record import recorded
    from flows.steps import land_files

    chosen = load_settings(settings, warehouse=warehouse)
    paths = need_inputs(inputs, chosen)
    job = job_of(chosen, paths, clock(as_of).replace(tzinfo=None))
    with recorded(chosen.warehouse, job.recording) as trail:
        landed = land_files(job, trail, say)
    console.print(
        f"Read {landed.read:,} records in {landed.files} new files "
        f"({landed.known} known already); {landed.set_aside:,} set aside; "
        f"{landed.waiting} files still being written are left for the next run."
    )


@app.command()
def report(
    gtin: str,
    lot: str,
    warehouse: Warehouse = None,
    out: OutFolder = None,
    settings: SettingsFile = None,
    known_at: Annotated[
        str | None,
        typer.Option(help="As it would have looked then: ISO 8601 with offset. Into --out."),
    ] = None,
    pdf: Annotated[Path | None, typer.Option(help="Write it to this file too, as PDF/A.")] = None,
    language: Language = None,
) -> None:
    """Write one lot's report again, from the newest published warehouse."""
    from flows.job import recording_of
    from flows.reproduce_command import write_page

    chosen = load_settings(settings, warehouse=warehouse, reports=out, language=language)
    moment = None if known_at is None else clock(known_at).replace(tzinfo=None)
    path = write_page(gtin.zfill(14), lot, chosen, recording_of(chosen), moment, say, pdf)
    console.print(f"Open {path}" + (f" or {pdf}" if pdf else ""))


@app.command()
def decide(
    gtin: str,
    lot: str,
    reason: Annotated[str, typer.Option(help="Why, in your words.")],
    by: Annotated[str, typer.Option(help="Who decided, signs or withdraws.")],
    outcome: Annotated[str | None, typer.Option(help="cleared, suspect or illegitimate.")] = None,
    second: Annotated[
        bool, typer.Option("--second", help="Sign what another person proposed instead.")
    ] = False,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Withdraw a decision instead; it stays on record.")
    ] = False,
    decision: Annotated[
        int | None, typer.Option(help="Which one to sign or withdraw; else the lot's last.")
    ] = None,
    meaning: Annotated[
        str, typer.Option(help="Of a second signature: approval, review or responsibility.")
    ] = "approval",
    at: Annotated[
        str | None, typer.Option(help="When it was decided, ISO 8601 with offset; else now.")
    ] = None,
    warehouse: Warehouse = None,
    settings: SettingsFile = None,
) -> None:
    """Record what was decided on a lot; the next run cites it and learns from it.

    A lot on which an S1 finding stands is cleared or found illegitimate by two persons: the first
    proposes it, another one signs with --second.
    """
    from flows import decide_command
    from flows.job import recording_of

    if (outcome is not None) + second + withdraw != 1:
        raise InputError("decide: give one of --outcome, --second and --withdraw.")
    chosen = load_settings(settings, warehouse=warehouse)
    if outcome is None:
        from flows import sign_command

        signature = sign_command.Signature(by, reason, clock(at).replace(tzinfo=None), meaning)
        act = sign_command.sign_second if second else sign_command.withdraw_decision
        signed = act(
            gtin.zfill(14), lot, decision, signature, chosen.warehouse, recording_of(chosen)
        )
        for line in sign_command.lines(signed):
            console.print(line, markup=False)
        return
    judgement = decide_command.Judgement(
        gtin.zfill(14), lot, outcome, reason, by, clock(at).replace(tzinfo=None)
    )
    done = decide_command.decide(judgement, chosen.warehouse, recording_of(chosen))
    for line in decide_command.lines(done):
        console.print(line, markup=False)


@app.command()
def trace(
    thing: Annotated[list[str], typer.Argument(help="EPC, SSCC, or GTIN and LOT.")],
    warehouse: Warehouse = None,
    settings: SettingsFile = None,
) -> None:
    """Tell the story of one pack, case or lot."""

    from data.warehouse.connection import open_read_only
    from flows.trace import story

    chosen = load_settings(settings, warehouse=warehouse)
    with open_read_only(readable(chosen.warehouse)) as con:
        for line in story(con, thing):
            console.print(line, markup=False)


@app.command()
def sql(
    query: Annotated[str | None, typer.Argument(help="One SELECT; FROM lot_risk, say.")] = None,
    file: Annotated[Path | None, typer.Option("-f", "--file", help="Read it from a file.")] = None,
    ready: Annotated[
        str | None,
        typer.Option("--query", "-q", help="A ready query; touchstone queries lists them."),
    ] = None,
    pairs: Annotated[
        list[str] | None, typer.Option("--param", "-p", help="name=value for each $name.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="table, csv, json or parquet.")] = "table",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to a file (needed for parquet).")
    ] = None,
    warehouse: Warehouse = None,
    settings: SettingsFile = None,
) -> None:
    """Ask the warehouse; read-only, also while a batch runs. Without a query, at a prompt."""

    from data.warehouse.connection import open_read_only
    from data.warehouse.cookbook import ready_query
    from flows.ask import answer, parameters

    chosen = load_settings(settings, warehouse=warehouse)
    given = sum(one is not None for one in (query, file, ready))
    if not given and sys.stdin.isatty():
        from data.warehouse.published import Published
        from flows.prompt import ask_at_prompt

        with Published(chosen.warehouse) as published:
            ask_at_prompt(published.connection, console)
        return
    if not given:
        query = sys.stdin.read().strip() or None
        given = int(query is not None)
    if given != 1:
        raise InputError(
            "sql: give one query: as an argument, with -f FILE, with -q NAME, or on standard "
            "input; none of them at a terminal opens a prompt."
        )
    if file is not None and not file.is_file():
        raise InputError(f"{file}: no such file. Name a file that holds one query.")
    if ready is not None:
        text = ready_query(ready).text
    else:
        text = query if query is not None else Path(file or "").read_text(encoding="utf-8")
    values = parameters(pairs or [])
    with open_read_only(readable(chosen.warehouse)) as con:
        answer(con, text, form, output, console, values)


@app.command()
def queries() -> None:
    """List the ready queries, what they take, and the macros of the warehouse."""
    from flows.ask import show_queries

    show_queries(console)


@app.command()
def patterns(
    code: Annotated[str | None, typer.Argument(help="P12, say; without it, all.")] = None,
    truth: Annotated[Path | None, typer.Option(help="Truth file of a simulated feed.")] = None,
    warehouse: Warehouse = None,
    settings: SettingsFile = None,
) -> None:
    """List the patterns or explain one, with what it found and, on a simulated feed, how well."""
    from flows.patterns_command import show_patterns

    chosen = load_settings(settings, warehouse=warehouse)
    show_patterns(code, readable(chosen.warehouse), truth, console)


@app.command()
def backtest(
    settings: Annotated[Path, typer.Argument(help="TOML settings file with other thresholds.")],
    truth: Annotated[Path | None, typer.Option(help="Truth file of a simulated feed.")] = None,
    warehouse: Warehouse = None,
) -> None:
    """Judge the warehouse again under other thresholds; say which lots change, change nothing."""
    from flows.patterns_command import show_backtest

    chosen = load_settings(settings, warehouse=warehouse)
    show_backtest(readable(chosen.warehouse), chosen, truth, console)


@app.command()
def suppress(
    reason: Annotated[str, typer.Option(help="Why, for those who read it years later.")],
    by: Annotated[str, typer.Option(help="Who decides it.")],
    pattern: Annotated[str | None, typer.Option(help="The pattern to set aside: P26, say.")] = None,
    site: Annotated[str | None, typer.Option(help="Only findings that name this GLN.")] = None,
    gtin: Annotated[str | None, typer.Option(help="Only findings of this product.")] = None,
    lot: Annotated[str | None, typer.Option(help="Only of this lot of it.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day, as in 2026-12-31.")] = None,
    end: Annotated[int | None, typer.Option(help="End this suppression early instead.")] = None,
    as_of: Annotated[
        str | None, typer.Option(help="From this moment on, ISO 8601 with offset; else now.")
    ] = None,
    warehouse: Warehouse = None,
    settings: SettingsFile = None,
) -> None:
    """Set findings of one pattern aside at a site, of a product or of a lot, until a day."""
    from data.warehouse.suppressions import Scope
    from flows import suppress_command
    from flows.job import recording_of

    chosen = load_settings(settings, warehouse=warehouse)
    recording, at = recording_of(chosen), clock(as_of).replace(tzinfo=None)
    scope = (pattern, site, gtin, lot, until)
    if end is not None:
        if any(part is not None for part in scope):
            raise InputError("--end stands alone: it ends a suppression as it was made.")
        said = suppress_command.end(chosen.warehouse, end, (reason, by), at, recording)
    elif pattern is None:
        raise InputError("suppress: name a pattern with --pattern, or a suppression with --end.")
    else:
        covered = Scope(pattern.upper(), site, gtin and gtin.zfill(14), lot)
        days = chosen.suppression_days
        said = suppress_command.begin(
            chosen.warehouse, covered, until, (reason, by), at, days, recording
        )
    console.print(said, markup=False)


@app.command()
def suppressions(
    everything: Annotated[
        bool, typer.Option("--all", help="Those that are over or ended too.")
    ] = False,
    as_of: AsOf = None,
    warehouse: Warehouse = None,
    settings: SettingsFile = None,
) -> None:
    """List what people set aside: who, when, why, until when, and what it covers now."""
    from flows.suppress_command import listed

    chosen = load_settings(settings, warehouse=warehouse)
    moment, copy = clock(as_of).replace(tzinfo=None), readable(chosen.warehouse)
    for line in listed(chosen.warehouse, copy, moment, everything):
        console.print(line, markup=False)


for _command in (archive, verify, audit, reproduce):
    app.command()(_command)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Folder that receives feed/ and truth/.")],
    profile: Annotated[str, typer.Option(help="demo, month, year, needle or storm.")] = "month",
    lots: Annotated[int | None, typer.Option(help="Honest lots.")] = None,
    units: Annotated[int | None, typer.Option(help="Packs of a lot (median).")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same bytes.")] = None,
    start: Annotated[str | None, typer.Option(help="First day, as in 2026-01-05.")] = None,
    days: Annotated[int | None, typer.Option(help="Days over which lots are made.")] = None,
    attacks: Annotated[
        str | None, typer.Option(help="all, none, or codes with size and skill: P01,P12:2:0.9.")
    ] = None,
    case: Annotated[
        str | None, typer.Option(help="Public cases to model, by a part of their id: gilead.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="Schemes of each attack per lot; at least one of each.")
    ] = None,
    noise: Annotated[str | None, typer.Option(help="none, low, real or high.")] = None,
    form: Annotated[
        str | None, typer.Option("--format", help="Of json, xml, csv, parquet: some or all.")
    ] = None,
) -> None:
    """Write a world whose truth is known: feeds of many partners, and what really happened."""
    from data.simulator.profiles import Wishes
    from flows.simulate_command import lines, write_world

    wishes = Wishes(lots, units, seed, start, days, attacks, case, rate, noise, form)
    for line in lines(write_world(out, profile, wishes, say)):
        console.print(line, markup=False)


@app.command()
def dictionary(
    html: Annotated[
        Path | None, typer.Option(help="Write it to this file, as one page for a browser.")
    ] = None,
) -> None:
    """Print the data dictionary, made from the models' headers."""
    from data.warehouse.dictionary import dictionary as text

    if html is not None:
        from reports.dictionary_page import dictionary_page

        html.write_text(dictionary_page(), encoding="utf-8")
        console.print(f"Open {html}")
        return
    sys.stdout.write(text())


def main() -> None:
    """Run the command; a person's mistake prints one line and leaves an exit code of its kind."""
    # Serials and partners stand in every file that is made, spilled tables and logs among them.
    os.umask(os.umask(_PRIVATE) | _PRIVATE)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        app(standalone_mode=True)
    except TouchstoneError as error:
        progress.print(f"touchstone: {error}", markup=False)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        progress.print("touchstone: interrupted; run the same command again to go on.")
        sys.exit(130)
