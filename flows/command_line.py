"""The command ``touchstone``: arguments in, exit codes out. Heavy imports live in the commands."""

import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from data.errors import InputError, TouchstoneError, WarehouseError
from flows.settings import Settings, load_settings

if TYPE_CHECKING:
    from flows.steps import Outcome

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Finds what does not hold together in a medicine supply chain, and says why.",
)
console = Console(soft_wrap=True, highlight=False)
progress = Console(stderr=True, highlight=False)
_PRIVATE = 0o027  # owner writes, group reads, nobody else

Inputs = Annotated[
    list[str],
    typer.Argument(help="Files, folders or addresses (s3://…); what they are is read from them."),
]
Warehouse = Annotated[Path | None, typer.Option(help="Warehouse file [var/touchstone.duckdb].")]
Language = Annotated[
    str | None, typer.Option(help="Language of the reports, en or de; else that of the settings.")
]
SettingsFile = Annotated[Path | None, typer.Option("--settings", help="TOML settings file.")]
OutFolder = Annotated[Path | None, typer.Option("--out", help="Folder of reports [var/reports].")]
AsOf = Annotated[
    str | None,
    typer.Option(help="Time from which to look back, ISO 8601 with offset [now]."),
]
Direct = Annotated[
    bool, typer.Option("--direct", help="Run the steps without Prefect: 15 seconds sooner.")
]


def _say(text: object) -> None:
    """Show progress where a person watches; stay out of logs."""
    if progress.is_terminal:
        progress.print(f"[dim]{text}[/dim]", markup=True)


def _clock(as_of: str | None) -> datetime:
    if as_of is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        when = datetime.fromisoformat(as_of)
    except ValueError:
        raise InputError(
            f"{as_of}: not a time. Write ISO 8601 with offset, as in 2026-10-01T02:00:00Z."
        ) from None
    return when.replace(tzinfo=when.tzinfo or UTC).astimezone(UTC)


def _need_inputs(inputs: list[str], settings: Settings) -> list[Path]:
    """The inputs as paths, addresses copied first. Raises InputError for what is absent."""
    from flows.remote import is_remote, local_inputs

    for text in inputs:
        if not is_remote(text) and not Path(text).exists():
            raise InputError(f"{text}: no such file or folder. Name what partners sent.")
    return local_inputs(inputs, settings.warehouse)


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
    watch = None if profile is None else Watch(_say)
    say, watched = (watch.say, watch.step) if watch else (_say, lambda step: step)
    if direct:
        from flows.steps import run_steps

        outcome = run_steps(job, say, watched)
    else:
        _quiet_prefect(settings)
        _say("starting Prefect")
        from flows.batch import run_orchestrated

        outcome = run_orchestrated(job, say, watched)
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


def _readable(warehouse: Path) -> Path:
    """Return the newest published copy; the working file where none was published yet."""
    from data.warehouse.snapshot import newest_snapshot

    return newest_snapshot(warehouse) or warehouse


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
        typer.Option(help="Have documents read by a Dask cluster: local, or its address."),
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
    _run(_need_inputs(inputs, chosen), chosen, _clock(as_of), direct, full, profile)


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
    paths = _need_inputs(inputs, chosen)
    for moment in moments(_clock(since), _clock(until), every_h):
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
    _need_inputs(inputs, chosen)
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
    paths = _need_inputs(inputs, chosen)
    job = job_of(chosen, paths, _clock(as_of).replace(tzinfo=None))
    with recorded(chosen.warehouse, job.recording) as trail:
        landed = land_files(job, trail, _say)
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
    moment = None if known_at is None else _clock(known_at).replace(tzinfo=None)
    path = write_page(gtin.zfill(14), lot, chosen, recording_of(chosen), moment, _say, pdf)
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
        int | None, typer.Option(help="Which one to sign or withdraw [the lot's last].")
    ] = None,
    meaning: Annotated[
        str, typer.Option(help="Of a second signature: approval, review or responsibility.")
    ] = "approval",
    at: Annotated[
        str | None, typer.Option(help="When it was decided, ISO 8601 with offset [now].")
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

        signature = sign_command.Signature(by, reason, _clock(at).replace(tzinfo=None), meaning)
        act = sign_command.sign_second if second else sign_command.withdraw_decision
        signed = act(
            gtin.zfill(14), lot, decision, signature, chosen.warehouse, recording_of(chosen)
        )
        for line in sign_command.lines(signed):
            console.print(line, markup=False)
        return
    judgement = decide_command.Judgement(
        gtin.zfill(14), lot, outcome, reason, by, _clock(at).replace(tzinfo=None)
    )
    done = decide_command.decide(judgement, chosen.warehouse, recording_of(chosen))
    for line in decide_command.lines(done):
        console.print(line, markup=False)


case_app = typer.Typer(no_args_is_help=True, help="The case memory: list, show, add, exchange.")
app.add_typer(case_app, name="case")


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
        str | None, typer.Option(help="When it was withdrawn, ISO 8601 with offset [now].")
    ] = None,
    warehouse: Warehouse = None,
    settings: SettingsFile = None,
) -> None:
    """Withdraw a case that was decided, added or imported; it stays on record, uncited."""
    from flows import sign_command
    from flows.job import recording_of

    chosen = load_settings(settings, warehouse=warehouse)
    signature = sign_command.Signature(by, reason, _clock(at).replace(tzinfo=None))
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
        Path | None, typer.Option(help="Salt of the ids [beside the warehouse; made if absent].")
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
    with open_read_only(_readable(chosen.warehouse)) as con:
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

    from data.warehouse.cookbook import ready_query
    from flows.ask import answer, parameters

    chosen = load_settings(settings, warehouse=warehouse)
    given = sum(one is not None for one in (query, file, ready))
    if not given and sys.stdin.isatty():
        from flows.prompt import ask_at_prompt

        ask_at_prompt(lambda: _readable(chosen.warehouse), console)
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
    answer(_readable(chosen.warehouse), text, form, output, console, values)


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
    show_patterns(code, _readable(chosen.warehouse), truth, console)


@app.command()
def backtest(
    settings: Annotated[Path, typer.Argument(help="TOML settings file with other thresholds.")],
    truth: Annotated[Path | None, typer.Option(help="Truth file of a simulated feed.")] = None,
    warehouse: Warehouse = None,
) -> None:
    """Judge the warehouse again under other thresholds; say which lots change, change nothing."""
    from flows.patterns_command import show_backtest

    chosen = load_settings(settings, warehouse=warehouse)
    show_backtest(_readable(chosen.warehouse), chosen, truth, console)


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
        str | None, typer.Option(help="From this moment on, ISO 8601 with offset [now].")
    ] = None,
    warehouse: Warehouse = None,
    settings: SettingsFile = None,
) -> None:
    """Set findings of one pattern aside at a site, of a product or of a lot, until a day."""
    from data.warehouse.suppressions import Scope
    from flows import suppress_command
    from flows.job import recording_of

    chosen = load_settings(settings, warehouse=warehouse)
    recording, at = recording_of(chosen), _clock(as_of).replace(tzinfo=None)
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
    moment, readable = _clock(as_of).replace(tzinfo=None), _readable(chosen.warehouse)
    for line in listed(chosen.warehouse, readable, moment, everything):
        console.print(line, markup=False)


@app.command()
def verify(
    run_name: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="A run's id or number [the latest].")
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


@app.command()
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


@app.command()
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
    result = reproduce_command.reproduce(found, chosen.warehouse, chosen.reports, limits, _say)
    for line in reproduce_command.lines(result):
        console.print(line, markup=False)
    reproduce_command.require(result)


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
    for line in lines(write_world(out, profile, wishes, _say)):
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


bench_app = typer.Typer(
    invoke_without_command=True,
    help="Measure against the peers, in this run.",
)
app.add_typer(bench_app, name="bench")


@bench_app.callback()
def bench(
    context: typer.Context,
    size_mb: Annotated[int, typer.Option(help="Size of each parsed document.")] = 200,
    events: Annotated[int, typer.Option(help="Events for the item histories.")] = 1_000_000,
) -> None:
    """Measure parsing and item histories against their peers, in this run; or what is named."""
    if context.invoked_subcommand is not None:
        return
    from flows import bench_report
    from tests.bench import item_event, parsing

    bench_report.show(parsing.measure(size_mb), item_event.measure(events), console)


@bench_app.command("detectors")
def bench_detectors(
    adbench: Annotated[
        Path | None,
        typer.Option(help="Folder of anomaly-detection tables (*.npz with X and y)."),
    ] = None,
    quality: Annotated[
        Path | None, typer.Option(help="The medicine samples (usp_mqdb_excl_africa.csv.gz).")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="A section to measure anew; the others stand.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Splits of each table.")] = 3,
    rounds: Annotated[int, typer.Option(help="Rounds of timing.")] = 3,
    results: Annotated[
        Path | None, typer.Option(help="JSON to keep; by default docs/benchmarks/detectors.json.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option(help="Page to write; by default docs/detector-benchmarks.md.")
    ] = None,
) -> None:
    """Rank and time the detectors against their peers; write the results and the page's tables.

    What is not on this machine is said so: tables, and peers of the extra ``bench``.
    """
    from flows import bench_report
    from tests.bench import detectors

    bench_report.show_detectors(
        detectors.run(
            only,
            adbench=adbench,
            quality=quality,
            seeds=seeds,
            rounds=rounds,
            results=results,
            page=page,
        ),
        console,
    )


@bench_app.command("scale")
def bench_scale(
    sizes: Annotated[str, typer.Option(help="Millions of unit events, growing.")] = "1,10",
    year: Annotated[bool, typer.Option("--year", help="And a year: 111 million.")] = False,
    memory_limit: Annotated[str, typer.Option(help="Of the database, as in settings.")] = "4GB",
    work: Annotated[
        Path | None, typer.Option(help="Folder with room (a year: 40 GB) [the system's].")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the results here too, as JSON.")] = None,
    keep: Annotated[bool, typer.Option("--store", help="Store them as the benchmark.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Fail where a ratio is a tenth worse than stored.")
    ] = False,
) -> None:
    """Run the whole job on simulated worlds of growing size; hold the ratios to those stored."""
    from flows.bench_scale import run_bench

    for line in run_bench(sizes, year, memory_limit, work, out, keep, check):
        console.print(line, markup=False)


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
