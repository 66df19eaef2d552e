"""Closed lots to the archive and back: in a run, and by ``touchstone archive``."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import WarehouseError
from data.record import acts
from data.warehouse import archive
from data.warehouse.archive import ArchivedFile, Plan, Rules
from data.warehouse.connection import open_warehouse
from data.warehouse.snapshot import compact
from flows.record import Recording, recorded

if TYPE_CHECKING:
    import duckdb

    from data.record.trail import Trail


@dataclass(frozen=True)
class Archived:
    """What came of archiving, or would come of it."""

    plan: Plan
    files: tuple[ArchivedFile, ...]
    past_retention: int  # archived lots whose last record is older than the retention
    retention_years: int


def archive_lots(
    con: "duckdb.DuckDBPyConnection",
    warehouse: Path,
    rules: Rules,
    trail: "Trail",
    takes_new: bool = True,
) -> tuple[Plan, list[ArchivedFile]]:
    """Move closed lots out and lots with news back, and record both."""
    planned = archive.plan(con, warehouse, rules, takes_new)
    made = archive.carry_out(
        con, warehouse, planned, rules, lambda lots: trail.append(list(acts.restored(lots)))
    )
    _record_files(con, trail)
    return planned, made


def _record_files(con: "duckdb.DuckDBPyConnection", trail: "Trail") -> None:
    """Record every file that the trail does not know, those of a run that was killed too."""
    known = {entry.object for entry in trail.read() if entry.action == "archive"}
    trail.append(list(acts.archived(archive.archived_files(con), known)))


def run_archive(
    warehouse: Path,
    rules: Rules,
    recording: Recording,
    retention_years: int,
    dry: bool = False,
    limits: tuple[str, int] = ("4GB", 2),
) -> Archived:
    """Archive the lots that are over at a moment, of a warehouse at rest.

    The copies that readers have stay as they are; the next run publishes a smaller one.

    Raises
    ------
    WarehouseError
        There is no judged warehouse, or a batch holds it.
    """
    if not warehouse.is_file():
        raise WarehouseError(
            f"{warehouse}: there is no warehouse here yet. Make one: touchstone run."
        )
    memory_limit, threads = limits
    with (
        recorded(warehouse, recording) as trail,
        open_warehouse(warehouse, memory_limit=memory_limit, threads=threads) as con,
    ):
        _need_histories(con, warehouse)
        planned, made = archive.plan(con, warehouse, rules), list[ArchivedFile]()
        if not dry and not planned.is_nothing:
            archive.bring_back(con, warehouse)
            planned, made = archive_lots(con, warehouse, rules, trail)
        older = archive.count_older(con, _years_before(rules.as_of, retention_years))
        if not dry:
            _record_files(con, trail)
            compact(con, warehouse)
    return Archived(planned, tuple(made), older, retention_years)


def lines(done: Archived, dry: bool) -> Iterator[str]:
    """What came of it, for the terminal."""
    planned = done.plan
    yield (
        f"{planned.closed_lots:,} lots {'would be' if dry else 'are'} archived: "
        f"{planned.closed_packs:,} packs, {planned.closed_events:,} unit events"
        + (f", in {sum(file.byte_count for file in done.files):,} bytes." if done.files else ".")
    )
    if planned.restored:
        count = len(planned.restored)
        yield f"{count:,} archived lots {'would be' if dry else 'are'} read anew or live again:"
        for reason in sorted({lot.reason for lot in planned.restored}):
            yield f"  {sum(lot.reason == reason for lot in planned.restored):,}: {reason}"
    yield (
        f"{done.past_retention:,} archived lots are past the {done.retention_years} years of "
        "retention_years; nothing is deleted."
    )


def _need_histories(con: "duckdb.DuckDBPyConnection", warehouse: Path) -> None:
    """Raise WarehouseError where no run has judged, or archived histories have to be made again."""
    query = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'lot_risk'"
    if not con.execute(query).fetchall()[0][0]:
        raise WarehouseError(f"{warehouse}: no run has judged it yet. Make one: touchstone run.")
    if archive.is_incomplete(con, warehouse):
        raise WarehouseError(
            f"{archive.archive_folder(warehouse)}: files of the archive are gone or damaged "
            "(touchstone verify names them). Put them back, or make a run first: touchstone run "
            "makes their lots' histories again from what is landed."
        )


def _years_before(moment: datetime, years: int) -> datetime:
    """The same day some years before; the 28th for a leap day."""
    day = min(moment.day, 28) if moment.month == 2 else moment.day
    return moment.replace(year=moment.year - years, day=day)
