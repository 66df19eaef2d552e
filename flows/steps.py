"""The steps of the batch as plain functions over a job; Prefect is not known here.

Every step opens the warehouse, works, and closes it: DuckDB allows one writing process, and an
interrupted step leaves the file as the step before left it.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from data.readers.epcis_source import MAX_EPCS
from data.warehouse.connection import open_warehouse
from flows import record
from flows.inbox import Inbox
from flows.record import Recording

if TYPE_CHECKING:
    from data.record.trail import Trail
    from data.warehouse.models import Elsewhere
    from reports.write import Typeset

Progress = Callable[[object], None]
Step = Callable[..., Any]

SHARES = 8  # of the lots, for models that a cluster computes; more than machines, to even out
HISTORIES = ("stg", "core", "graph")
FINDINGS = ("feat", "patterns", "find")
LIMIT = "max_epcs_per_event="
RECORD = ("evid", "published", "check")


@dataclass(frozen=True)
class Job:
    """All that one run needs to know."""

    inputs: tuple[Path, ...]
    warehouse: Path
    reports: Path
    as_of: datetime
    memory_limit: str = "4GB"
    threads: int = 2
    cluster: str | None = None  # whose processes help: ``local`` or a scheduler's address
    max_epcs: int = MAX_EPCS
    thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    tuning: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    mappings: tuple[Path, ...] = ()
    pdf: bool = False
    language: str = "en"
    recording: Recording = field(default_factory=Recording)
    inbox: Inbox = field(default_factory=Inbox)
    full: bool = False  # build everything anew, whatever still stands
    archives: bool = False  # closed lots leave the warehouse, see data.warehouse.archive
    quiet_days: int = 180
    expired_days: int = 365


@dataclass(frozen=True)
class Landed:
    """Sums over the files of this run."""

    files: int
    known: int
    read: int
    set_aside: int
    waiting: int = 0  # files still being written, left for the next run


@dataclass(frozen=True)
class Built:
    """What came of some models: checks that found offending rows, how many were built and kept."""

    failed_checks: tuple[str, ...] = ()
    anew: int = 0
    kept: int = 0  # nothing that they rest on has changed

    def __add__(self, other: "Built") -> "Built":
        """What came of both."""
        failed = self.failed_checks + other.failed_checks
        return Built(failed, self.anew + other.anew, self.kept + other.kept)


@dataclass(frozen=True)
class Outcome:
    """What a run came to, for the last lines on the terminal."""

    run_id: str
    landed: Landed
    tiers: Mapping[str, int]
    feeds: Mapping[str, int]
    failed_checks: tuple[str, ...]
    index: Path
    snapshot: Path
    built: Built = Built()
    lots_met: int | None = None  # lots that the records of this run's files tell of


def _open(job: Job) -> duckdb.DuckDBPyConnection:
    return open_warehouse(job.warehouse, memory_limit=job.memory_limit, threads=job.threads)


def land_files(job: Job, trail: "Trail", say: Progress) -> Landed:
    """Land every file that the warehouse does not know yet, and record it."""
    from data.readers.layouts import load_layout
    from data.record.originals import Originals
    from data.warehouse.landing import LandingProgress, land
    from data.warehouse.sources import read_source
    from flows.workers import readers

    job.inbox.check(job.inputs)
    leave = job.inbox.sieve()
    named = {Path(os.path.abspath(path)) for path in job.inputs}  # noqa: PTH100 - as landing does
    done: dict[Path, tuple[str, bool]] = {}
    layouts = [load_layout(path) for path in job.mappings]
    originals = Originals.of(job.warehouse) if job.recording.keep_originals else None
    kept = [originals.keep(path) for path in job.mappings] if originals else []

    def watch(state: LandingProgress) -> None:
        if state.receipt is not None and state.path not in named:
            done[state.path] = (state.receipt.path, state.receipt.message is None)
        say(state)

    with readers(job.inputs, job.threads, job.cluster) as others, _open(job) as con:
        receipts = land(
            con,
            job.inputs,
            job.as_of,
            watch,
            partial(read_source, layouts=layouts, max_epcs=job.max_epcs),
            originals,
            [*kept, *limit_words(job.max_epcs)],
            leave,
            others,
        )
        record.record_landing(trail, con, job.as_of)
    job.inbox.clear(done)
    fresh = [receipt for receipt in receipts if receipt.status != "known"]
    return Landed(
        files=len(fresh),
        known=len(receipts) - len(fresh),
        read=sum(receipt.read_count for receipt in fresh),
        set_aside=sum(receipt.set_aside_count for receipt in fresh),
        waiting=len(leave.left),
    )


def limit_words(max_epcs: int) -> list[str]:
    """How a file's record tells a limit that is not the default, so that it can be read again."""
    return [] if max_epcs == MAX_EPCS else [f"{LIMIT}{max_epcs}"]


def begin_run(job: Job, trail: "Trail") -> str:
    """Record that a run starts, and note it; return the run's id."""
    from dataclasses import asdict

    from data.warehouse import ledger
    from data.warehouse.archive import bring_back
    from data.warehouse.standing import forget_all

    with _open(job) as con:
        bring_back(con, job.warehouse)
        if job.full:
            forget_all(con)
        manifest = ledger.make_manifest(con, job.as_of, _threshold_values(job))
    record.record_start(trail, job, manifest.run_id, asdict(manifest))
    return note_run(job, record.run_before(job.warehouse, manifest.run_id))


def note_run(job: Job, before: str | None = None) -> str:
    """Note settings, cases and the run itself in the warehouse; return the run's id.

    ``before`` is the id of the run that it is compared with.
    """
    from data.cases import library
    from data.warehouse import judgement, ledger, thresholds

    with _open(job) as con:
        thresholds.store(con, thresholds.chosen(job.thresholds))
        thresholds.note_tuning(con, job.tuning)
        library.store(con)
        manifest = ledger.make_manifest(con, job.as_of, _threshold_values(job))
        known = before is not None and judgement.find_judgement(con, before) is not None
        judgement.begin_judging(con, manifest, before if known else None)
        return ledger.begin_run(con, manifest)


def _threshold_values(job: Job) -> dict[str, object]:
    from data.warehouse import thresholds

    return {name: value for name, (value, _, _) in thresholds.chosen(job.thresholds).items()}


def build_layers(job: Job, layers: tuple[str, ...], say: Progress) -> Built:
    """Build the models of some layers that do not stand as they are."""
    from data.warehouse.models import build

    with _elsewhere(job) as elsewhere, _open(job) as con:
        models = build(con, layers, say, elsewhere=elsewhere)
    kept = sum(model.is_kept for model in models)
    failed = tuple(model.name for model in models if model.is_failed_check)
    return Built(failed, len(models) - kept, kept)


@contextmanager
def _elsewhere(job: Job) -> "Iterator[Elsewhere | None]":
    """The cluster of the job, where it has one, to compute models; none is asked for in vain."""
    address = job.cluster
    if address is None:
        yield None
        return
    from data.warehouse.elsewhere import compute
    from flows.workers import cluster

    with ExitStack() as stack:

        @cache
        def executor() -> Executor:
            return stack.enter_context(cluster(address, job.threads))

        yield partial(
            compute,
            executor=executor,
            folder=_shared(job),
            shares=SHARES,
            memory_limit=job.memory_limit,
        )


def _shared(job: Job) -> Path:
    """Where the main process and others leave tables for each other while a run lasts."""
    return job.warehouse.with_suffix(".elsewhere").resolve()


def measure_graph(job: Job) -> None:
    """Measure the trade graph's sites with networkx, unless the graph is what it was."""
    from data.warehouse.standing import fill
    from detectors import screen

    with _open(job) as con:
        fill(con, screen.GRAPH_FILLS, _code(), screen.GRAPH_READS, screen.measure_graph)


def score_lots(job: Job) -> None:
    """Run the detectors over lots, trade edges and sites, and cite the nearest cases.

    What they read decides what they say: where that is what it was, so is the rest.
    """
    from data.warehouse.standing import fill
    from detectors import screen

    with _open(job) as con:
        fill(con, screen.LOT_FILLS, _code(), screen.LOT_READS, screen.score_lots)
        fill(con, screen.LEVEL_FILLS, _code(), screen.LEVEL_READS, screen.score_levels)


def _code() -> str:
    """All code and packages that decide what Python makes of the same tables, as one hash."""
    from data.record.canonical import digest
    from data.record.code import code_state
    from data.warehouse.ledger import package_versions

    return digest({"code": code_state(), "packages": package_versions()})


def count_lots_met(job: Job) -> int:
    """Count the lots that the records of this run's files tell of."""
    from data.warehouse.load import land_statement

    with _open(job) as con:
        query = land_statement("lots_met")
        [(lots,)] = con.execute(query, {"ingested_at": job.as_of}).fetchall()
    return int(lots)


def keep_judgement(job: Job) -> None:
    """Keep what this run judged of every lot, for the next one to compare with."""
    from data.warehouse import judgement

    with _open(job) as con:
        judgement.keep_judgement(con)


def write_reports(job: Job) -> dict[str, str]:
    """Write the pages of suspect lots and the index, out of sight; return their hashes."""
    import numpy as np

    from detectors.calibration import false_alarm_bound
    from reports.write import write_reports as write

    def alarm_bound(p_values: list[float]) -> Sequence[float]:
        bounds: list[float] = false_alarm_bound(np.array(p_values)).tolist()
        return bounds

    folder = record.staging(job.reports)
    shutil.rmtree(folder, ignore_errors=True)
    with _open(job) as con:
        write(con, folder, _typesetter() if job.pdf else None, alarm_bound, job.language)
    return record.output_hashes(folder)


def _typesetter() -> "Typeset":
    """Load the typesetter, which only those who want PDFs pay for."""
    from reports.pdf import lot_pdf

    return lot_pdf


def finish_run(
    job: Job, run_id: str, outputs: Mapping[str, str]
) -> tuple[dict[str, int], dict[str, int]]:
    """Close the run in the ledger with its reports' hashes.

    Returns the numbers of lots by tier and of feeds by health.
    """
    from data.warehouse import ledger

    with _open(job) as con:
        ledger.finish_run(con, run_id, outputs=outputs)
        tiers = con.execute("SELECT tier, count(*) FROM lot_risk GROUP BY tier").fetchall()
        feeds = con.execute("SELECT health, count(*) FROM feed_health GROUP BY health").fetchall()
    return dict(tiers), dict(feeds)


def archive_lots(job: Job, trail: "Trail") -> None:
    """Move closed lots to the archive, if asked to, and lots that have news back from it."""
    from data.warehouse.archive import Rules, holds_any
    from data.warehouse.snapshot import compact
    from flows import archive_command

    with _open(job) as con:
        if job.archives or holds_any(con):
            rules = Rules(job.as_of, job.quiet_days, job.expired_days)
            archive_command.archive_lots(con, job.warehouse, rules, trail, job.archives)
            compact(con, job.warehouse)


def publish(job: Job, run_id: str, outputs: Mapping[str, str], trail: "Trail") -> Path:
    """Show the reports and a readable copy of the warehouse, and record both."""
    from data.warehouse.cookbook import create_macros

    with _open(job) as con:
        create_macros(con)
        return record.publish_run(con, job, run_id, outputs, trail)


def judge(job: Job, say: Progress, as_task: Callable[[Step], Step]) -> tuple[Built, dict[str, str]]:
    """Judge all that is landed; return what was built for it, and the hashes of reports."""
    shutil.rmtree(_shared(job), ignore_errors=True)  # of a run that was killed
    try:
        built = as_task(build_layers)(job, HISTORIES, say)
        as_task(measure_graph)(job)
        built += as_task(build_layers)(job, FINDINGS, say)
        as_task(score_lots)(job)
        built += as_task(build_layers)(job, RECORD, say)
    finally:
        shutil.rmtree(_shared(job), ignore_errors=True)
    as_task(keep_judgement)(job)
    return built, as_task(write_reports)(job)


def run_steps(
    job: Job, say: Progress, as_task: Callable[[Step], Step] = lambda step: step
) -> Outcome:
    """Land what is new, rebuild what depends on it, judge, and write the reports.

    Parameters
    ----------
    job : Job
        What to read, where the warehouse and the reports lie, and the time to look back from.
    say : callable
        Told what is going on, for a person who watches.
    as_task : callable
        Wraps each step, for an orchestrator; plain calls by default.
    """
    with record.recorded(job.warehouse, job.recording, job.reports) as trail:
        landed = as_task(land_files)(job, trail, say)
        run_id = as_task(begin_run)(job, trail)
        built, outputs = judge(job, say, as_task)
        met = count_lots_met(job)
        tiers, feeds = as_task(finish_run)(job, run_id, outputs)
        as_task(archive_lots)(job, trail)
        snapshot = as_task(publish)(job, run_id, outputs, trail)
    index = job.reports / "index.html"
    return Outcome(run_id, landed, tiers, feeds, built.failed_checks, index, snapshot, built, met)
