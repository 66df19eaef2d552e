"""Nights in a row over a feed of dated folders: what landing and building cost, night by night.

    python -m tests.bench.nights FEED WORK [NIGHTS]

FEED holds a folder a delivery, as ``touchstone simulate`` writes it; each night the next one is
added and the batch runs. At the end one run over all of them must have judged every lot alike.
Seconds are of the processor, all threads together: a busy machine does not change them.
"""

import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from data.warehouse.connection import open_read_only
from flows.steps import Built, Job, Outcome, Step, land_files, run_steps

JUDGED = """
SELECT gtin, lot, tier, findings_standing, findings_explained, data_gaps, units_affected
FROM lot_risk ORDER BY gtin, lot
"""


@dataclass(frozen=True)
class Night:
    """What a night brought, and what it cost; models that still stood were not built."""

    files: int
    records: int
    landing_s: float
    building_s: float
    built: Built


def measure(feed: Path, work: Path, nights: int) -> tuple[list[Night], bool]:
    """Run the nights, then all at once; return them, and whether both judged alike."""
    folders = sorted(path for path in feed.iterdir() if path.is_dir())[:nights]
    lists = [path for path in feed.iterdir() if path.is_file()]
    inbox = work / "inbox"
    inbox.mkdir(parents=True)
    for path in lists:
        shutil.copy(path, inbox)
    first = datetime(2026, 6, 1) - timedelta(days=len(folders))
    done = []
    for number, folder in enumerate(folders, 1):
        shutil.copytree(folder, inbox / folder.name)
        night, outcome = _timed(_job(inbox, work / "nights", first + timedelta(days=number)))
        done.append(night)
    _, whole = _timed(_job(inbox, work / "whole", first + timedelta(days=len(folders))))
    return done, _judged(outcome) == _judged(whole)


def _job(inbox: Path, folder: Path, as_of: datetime) -> Job:
    return Job((inbox,), folder / "touchstone.duckdb", folder / "reports", as_of)


def _timed(job: Job) -> tuple[Night, Outcome]:
    landing = [0.0]

    def clocked(step: Step) -> Callable[..., Any]:
        if step is not land_files:
            return step

        def run(*given: Any) -> Any:
            started = time.process_time()
            try:
                return step(*given)
            finally:
                landing[0] = time.process_time() - started

        return run

    started = time.process_time()
    outcome = run_steps(job, lambda _: None, clocked)
    took = time.process_time() - started
    landed = outcome.landed
    night = Night(landed.files, landed.read, landing[0], took - landing[0], outcome.built)
    return night, outcome


def _judged(outcome: Outcome) -> list[tuple[Any, ...]]:
    with open_read_only(outcome.snapshot) as con:
        return con.execute(JUDGED).fetchall()


def main() -> None:
    """Print a line a night."""
    feed, work = Path(sys.argv[1]), Path(sys.argv[2])
    nights, is_same = measure(feed, work, int(sys.argv[3]) if len(sys.argv) > 3 else 7)
    for number, night in enumerate(nights, 1):
        sys.stdout.write(
            f"night {number}: {night.files} files, {night.records:,} records, "
            f"landing {night.landing_s:.1f} s, building {night.building_s:.1f} s, "
            f"{night.built.anew} models of {night.built.anew + night.built.kept}\n"
        )
    sys.stdout.write(f"judged as one run over all: {'yes' if is_same else 'NO'}\n")


if __name__ == "__main__":
    main()
