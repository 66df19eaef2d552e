"""How a run is recorded: one writer, a trail that goes on, a manifest, publication at once."""

import getpass
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import SettingsError, TouchstoneError

if TYPE_CHECKING:
    import duckdb

    from data.record.entries import Entry
    from data.record.manifest import RunFile
    from data.record.trail import Trail
    from flows.steps import Job


def system_clock() -> datetime:
    """The time of the machine, UTC; only the trail reads it while a run goes on."""
    return datetime.now(UTC)


def system_actor() -> str:
    """The account that runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without an account of that number
        return f"uid {os.getuid()}"


@dataclass(frozen=True)
class Recording:
    """Who acts, and how the record is kept."""

    actor: str = "unknown"
    reason: str | None = None
    needs_reason: bool = False
    keep_originals: bool = True
    signing_key: Path | None = None
    anchor: Path | None = None
    now: Callable[[], datetime] = system_clock


def open_trail(warehouse: Path, recording: Recording) -> "Trail":
    """The trail beside a warehouse, for the actor of the recording."""
    from data.record.code import software_version
    from data.record.signing import load_signer
    from data.record.trail import Trail, trail_path

    return Trail(
        trail_path(warehouse),
        recording.actor,
        f"touchstone {software_version()}",
        recording.now,
        load_signer(recording.signing_key) if recording.signing_key else None,
        recording.anchor,
    )


@contextmanager
def recorded(
    warehouse: Path, recording: Recording, reports: Path | None = None
) -> Iterator["Trail"]:
    """Be the one writer of a warehouse; a fault is told in plain words and recorded.

    Raises WarehouseError where another run holds the warehouse or the folder of reports.
    """
    from data.record.disk import lock_path, one_writer, plain_faults

    with plain_faults(warehouse), one_writer(lock_path(warehouse), str(warehouse)):
        trail = open_trail(warehouse, recording)
        if not trail.check():
            _begin(trail, warehouse)
        try:
            with _reports(reports):
                yield trail
        except BaseException as error:
            _record_failure(trail, error)
            raise


def _begin(trail: "Trail", warehouse: Path) -> None:
    """The first entry says what was there already: a trail that was removed shows."""
    from data.record.entries import Act
    from data.record.manifest import run_files, runs_folder

    there = {"warehouse": warehouse.exists(), "runs": len(run_files(runs_folder(warehouse)))}
    trail.append([Act("begin", "trail", new=there)])


@contextmanager
def _reports(reports: Path | None) -> Iterator[None]:
    """Be the one writer of a folder of reports too; nothing unfinished is left beside it."""
    from data.record.disk import lock_path, one_writer, refuse_foreign

    if reports is None:
        yield
        return
    with one_writer(lock_path(reports), str(reports)):
        refuse_foreign(reports, _report_names(reports))
        try:
            sweep(reports)
            yield
        finally:
            sweep(reports)


def _record_failure(trail: "Trail", error: BaseException) -> None:
    """Note the kind of failure only: messages may name what does not belong in the trail."""
    from data.record.entries import Act

    code = error.exit_code if isinstance(error, TouchstoneError) else None
    new = {"kind": type(error).__name__, "exit_code": code}
    with suppress(TouchstoneError, OSError):  # the first failure is the one to tell
        trail.append([Act("fail", "run", new=new)])


def _report_names(reports: Path) -> frozenset[str]:
    """What a run writes into the folder of reports, one level deep."""
    import json

    from data.record.manifest import NAME

    names = {"index.html", "lots", NAME}
    with suppress(OSError, ValueError, AttributeError):  # an older folder has no manifest
        outputs = json.loads((reports / NAME).read_bytes()).get("outputs", {})
        names |= {str(name).split("/")[0] for name in outputs}
    return frozenset(names)


def staging(reports: Path) -> Path:
    """Where reports are written before they are published: hidden, beside their place."""
    return reports.with_name(f".{reports.name}.unfinished")


def sweep(reports: Path) -> None:
    """Delete what a killed run left beside the reports."""
    for folder in (staging(reports), reports.with_name(f".{reports.name}.before")):
        shutil.rmtree(folder, ignore_errors=True)


def record_landing(trail: "Trail", con: "duckdb.DuckDBPyConnection", as_of: datetime) -> None:
    """Write down every landed file that the trail does not know yet."""
    from data.record import acts
    from data.record.known import known_files

    entries = trail.read()
    recorded = {(entry.object, entry.version) for entry in entries if entry.action == "ingest"}
    trail.append(list(acts.ingested(known_files(con), recorded, as_of)))


def record_start(trail: "Trail", job: "Job", run_id: str, manifest: Mapping[str, Any]) -> None:
    """Write down that a run starts, and what differs from the run before.

    Raises SettingsError where a threshold changed, a reason is required, and none is given.
    """
    from data.record import acts
    from data.record.entries import Act
    from data.record.manifest import run_files, runs_folder

    known = run_files(runs_folder(job.warehouse))
    reason = job.recording.reason or acts.NO_REASON
    now = {**manifest, "code": _code(), "tuning": job.tuning}
    changes = list(acts.configured(known[-1].fields if known else None, now, reason, run_id))
    unsaid = [
        change.object.removeprefix("threshold:")
        for change in changes
        if change.object.startswith("threshold:") and change.reason == acts.NO_REASON
    ]
    if unsaid and job.recording.needs_reason:
        raise SettingsError(
            f"settings: {len(unsaid)} thresholds differ from the run before, the first is "
            f'{unsaid[0]}. Say why: change_reason = "…", or reason = "…" and by = "…" in the '
            "pattern's own table."
        )
    # Not in the manifest: the same run is the same whichever way its tables were built.
    way = {"full": True} if job.full else {}
    start = Act("start", f"run:{run_id}", new={"as_of": manifest["as_of"], **way}, run=run_id)
    trail.append([start, *changes])


def run_before(warehouse: Path, run_id: str) -> str | None:
    """The run that a run is compared with: the last in the chain of manifests.

    A run made once more is compared with the same run as the first time.
    """
    from data.record.manifest import run_files, runs_folder

    known = run_files(runs_folder(warehouse))
    for run in reversed(known):
        if run.run_id == run_id:
            before = run.fields.get("before")
            return str(before["run_id"]) if before else None
    return known[-1].run_id if known else None


def _code() -> dict[str, str | None]:
    from data.record.code import code_state

    return code_state()


def make_fields(
    con: "duckdb.DuckDBPyConnection",
    run_id: str,
    overrides: Mapping[str, Mapping[str, float]],
    outputs: Mapping[str, str],
    language: str,
) -> dict[str, Any]:
    """All that a run's manifest says, but for its place in the chain."""
    import json

    from data.cases.memory import last_act, last_entries, read_memory
    from data.record.canonical import digest
    from data.record.known import known_files
    from data.warehouse import suppressions, thresholds
    from data.warehouse.judgement import find_judgement

    [(stored,)] = con.execute("SELECT manifest FROM raw_run WHERE run_id = ?", [run_id]).fetchall()
    manifest = json.loads(stored)
    memory = read_memory(con, datetime.fromisoformat(manifest["as_of"]))
    last_decision, last_case = last_entries(con)
    entries = [entry.plain() for entry in suppressions.entries(con)]
    judged = find_judgement(con, run_id)
    earlier = judged.run.before_run_id if judged else None
    before = find_judgement(con, earlier) if earlier else None
    tiers = con.execute(
        "SELECT tier, count(*) FROM lot_risk GROUP BY tier ORDER BY tier"
    ).fetchall()
    [(void,)] = con.execute("SELECT coalesce(sum(void), 0) FROM source_file").fetchall()
    return {
        "format": 1,
        "run_id": run_id,
        "as_of": manifest["as_of"],
        "code": _code(),
        "packages": manifest["packages"],
        "settings": manifest["settings"],
        "overrides": {name: dict(values) for name, values in overrides.items()},
        "sql": manifest["sql"],
        "files": [file.plain() for file in known_files(con)],
        "decisions": {
            "count": len(memory.decisions),
            "last": last_decision,  # entered by then, whether or not the run took it
            "sha256": memory.decisions_digest(),
        },
        "cases": {
            "count": memory.case_count,
            "last": last_case,
            "sha256": memory.cases_digest(),
        },
        "acts": {
            "count": len(memory.acts),
            "last": last_act(con),
            "sha256": memory.acts_digest(),
        },
        "suppressions": {"count": len(entries), "sha256": digest(entries)},
        "tuning": thresholds.tuning_of(con),
        "before": {"run_id": before.run.run_id, "sha256": before.sha256} if before else None,
        "judgement": judged.sha256 if judged else None,
        "counts": {"tiers": dict(tiers), "void": int(void)},
        "language": language,
        "outputs": dict(sorted(outputs.items())),
    }


def tiers_of(con: "duckdb.DuckDBPyConnection") -> dict[str, str]:
    """The tier of each lot, named ``GTIN/LOT``."""
    rows = con.execute("SELECT gtin, lot, tier FROM lot_risk").fetchall()
    return {f"{gtin}/{lot}": tier for gtin, lot, tier in rows}


def published_tiers(warehouse: Path) -> dict[str, str]:
    """The tiers that readers see now."""
    from data.warehouse.connection import open_read_only
    from data.warehouse.snapshot import newest_snapshot

    newest = newest_snapshot(warehouse)
    if newest is None:
        return {}
    with open_read_only(newest) as con:
        return tiers_of(con)


def reopened_lots(con: "duckdb.DuckDBPyConnection") -> list[dict[str, Any]]:
    """The lots that this run found open again, as rows of ``lot_change``."""
    cursor = con.execute("SELECT * FROM lot_change WHERE is_reopened ORDER BY gtin, lot")
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def output_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder of reports, but for the manifest."""
    from data.record.canonical import file_digest
    from data.record.manifest import NAME

    return {
        path.relative_to(folder).as_posix(): file_digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != NAME
    }


def publish_run(
    con: "duckdb.DuckDBPyConnection",
    job: "Job",
    run_id: str,
    outputs: Mapping[str, str],
    trail: "Trail",
) -> Path:
    """Write the manifest, record the publication, and show reports and copy to readers.

    The record comes first: what readers see is always in it. A crash behind it leaves what was
    published before; the next run publishes again.
    """
    from data.record import acts
    from data.record.canonical import file_digest
    from data.record.disk import settle_folder, swap_folder
    from data.record.entries import Act
    from data.record.manifest import NAME, keep_manifest, run_files, runs_folder
    from data.warehouse.snapshot import prepare, reveal

    known = run_files(runs_folder(job.warehouse))
    before = known[-1].fields if known else None
    fields = make_fields(con, run_id, job.thresholds, outputs, job.language)
    prepared = prepare(con, job.warehouse, f"{job.as_of:%Y%m%d}-{run_id}")
    run = keep_manifest(runs_folder(job.warehouse), fields)
    ready = staging(job.reports)
    shutil.copyfile(run.path, ready / NAME)
    settle_folder(ready)
    tiers = tiers_of(con)
    told = {entry.object for entry in trail.read() if _is_reopening(entry, run_id)}
    reopened = [act for act in acts.reopened(reopened_lots(con), run_id) if act.object not in told]
    trail.append(
        [
            *acts.corrected(before, fields["counts"]["void"], run_id),
            *acts.scored(published_tiers(job.warehouse), tiers, run_id),
            *reopened,
            Act("finish", f"run:{run_id}", run.sha256, new=fields["counts"]["tiers"], run=run_id),
            Act("export", "reports", run.sha256, new={"files": len(run.outputs)}, run=run_id),
            Act(
                "export",
                f"copy:{prepared.target.name}",
                file_digest(prepared.unfinished),
                run=run_id,
            ),
        ]
    )
    snapshot = reveal(prepared, job.warehouse)
    swap_folder(ready, job.reports)
    return snapshot


def _is_reopening(entry: "Entry", run_id: str) -> bool:
    return bool(entry.action == "reopen" and entry.run == run_id)


def record_page(trail: "Trail", page: Path, reports: Path, run: "RunFile | None") -> None:
    """Write down that one report was made again, with the spreadsheet beside it."""
    from data.record.canonical import file_digest
    from data.record.entries import Act
    from reports.write import lot_files

    run_id = run.run_id if run else None
    trail.append(
        [
            Act(
                "export",
                f"page:{path.relative_to(reports).as_posix()}",
                version=file_digest(path),
                run=run_id,
            )
            for path in lot_files(page)
        ]
    )
