"""``touchstone verify``: the record of a warehouse checked, every fault named."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data.errors import RecordError
from data.record import checks, manifest
from data.record.checks import Remark, TrailSummary
from data.record.code import code_state
from data.record.known import known_acts, known_decisions
from data.record.manifest import RunFile
from data.record.originals import Originals
from data.record.signing import load_public
from data.record.trail import trail_path
from data.warehouse.archive import archive_folder
from data.warehouse.connection import open_read_only
from data.warehouse.ledger import sql_hashes
from data.warehouse.snapshot import snapshots


@dataclass(frozen=True)
class Verdict:
    """What a verification found; it holds where no remark is a fault."""

    summary: TrailSummary
    runs: int
    documents: int
    remarks: tuple[Remark, ...]

    @property
    def faults(self) -> tuple[Remark, ...]:
        """What is not as it was."""
        return tuple(remark for remark in self.remarks if remark.is_fault)

    def lines(self) -> Iterator[str]:
        """For the terminal."""
        trail = self.summary
        signed = f", {trail.signed:,} signed" if trail.signed else ""
        yield (
            f"Trail: {trail.entries:,} entries{signed}, {trail.first_at} to {trail.last_at}, "
            f"head {trail.head[:16]}"
        )
        yield f"Runs: {self.runs:,}. Documents of the run: {self.documents:,}."
        for remark in self.remarks:
            yield f"{'FAULT' if remark.is_fault else 'note'} {remark.about}: {remark.text}"
        if not self.faults:
            yield "The record holds."


def verify(
    warehouse: Path,
    reports: Path,
    run_name: str | None = None,
    public_key: Path | None = None,
    anchor: Path | None = None,
) -> Verdict:
    """Check trail, manifests, and everything a run stood on and published.

    Parameters
    ----------
    warehouse, reports
        Whose record.
    run_name
        A run's id or number; the latest by default.
    public_key
        Every signature must be of this key.
    anchor
        The file outside that was told the trail's heads.
    """
    public = load_public(public_key) if public_key else None
    remarks, summary = checks.check_trail(trail_path(warehouse), public, anchor)
    folder = manifest.runs_folder(warehouse)
    more, runs = checks.check_manifests(folder, summary)
    remarks += more
    run = manifest.find_run(folder, run_name) if run_name else (runs[-1] if runs else None)
    remarks += _published(warehouse, reports, runs, summary)
    remarks += checks.check_archive(archive_folder(warehouse), summary)
    hashes = _documents(run)
    if run is not None:
        remarks += checks.check_documents(hashes, Originals.of(warehouse))
        remarks += checks.check_drift(run.fields["sql"], sql_hashes(), "rules")
        remarks += checks.check_drift(run.fields["code"], dict(code_state()), "code")
    return Verdict(summary, len(runs), len(hashes), tuple(remarks))


def _documents(run: RunFile | None) -> list[str]:
    if run is None:
        return []
    # A document with a message was perhaps never kept: it changed while it was read.
    return sorted(
        {one["sha256"] for one in run.fields["files"] if one["sha256"] and not one["message"]}
    )


def _published(
    warehouse: Path, reports: Path, runs: list[RunFile], summary: TrailSummary
) -> Iterator[Remark]:
    yield from checks.check_reports(reports, runs, summary)
    copies = snapshots(warehouse)
    faults = list(checks.check_copies(copies, summary))
    yield from faults
    for run in runs[-1:]:
        of_run = [path for path in copies if path.stem.endswith(run.run_id)]
        if of_run and not faults:
            with open_read_only(of_run[-1]) as con:
                stored = dict(con.execute("SELECT name, value FROM raw_setting").fetchall())
                decisions, acts = known_decisions(con), known_acts(con)
            yield from checks.check_settings(run, stored)
            last = run.fields["decisions"].get("last", len(decisions))
            yield from checks.check_decisions(decisions, last, summary)
            last_act = run.fields.get("acts", {}).get("last", 0)
            yield from checks.check_acts(acts, decisions, last_act, summary)


def require(verdict: Verdict) -> None:
    """Raise RecordError where the record does not hold."""
    if verdict.faults:
        first = verdict.faults[0]
        raise RecordError(
            f"the record does not hold: {len(verdict.faults)} faults, the first: {first.about}, "
            f"{first.text}. Keep everything as it is and find out why before the next run."
        )
