"""Two nights of a small feed, recorded: what later tests look at, break and make again."""

import shutil
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest

from data.simulator.sample.demo import make_demo_feed
from flows.record import Recording
from flows.steps import Job, Outcome, run_steps

FIRST_NIGHT, SECOND_NIGHT = datetime(2026, 4, 1, 2), datetime(2026, 6, 1, 2)


@dataclass(frozen=True)
class Nights:
    """Two runs over one warehouse; ``first_reports`` keeps what the first one published."""

    folder: Path
    job: Job  # of the second night
    first: Outcome
    second: Outcome
    first_reports: Path


def small_feed(folder: Path) -> list[Path]:
    """The sample feed's first months and its lists, in the order of their names."""
    inbox = make_demo_feed(folder).inbox
    names = sorted(path.name for path in inbox.iterdir())
    kept = [name for name in names if not name.startswith("2026") or name < "2026-05"]
    for name in set(names) - set(kept):
        (inbox / name).unlink()
    return [inbox / name for name in kept]


def run_nights(folder: Path) -> Nights:
    """The first night knows the feed up to March, the second one all of it."""
    files = small_feed(folder)
    late = [path for path in files if path.name.startswith("2026-04")]
    early = tuple(path for path in files if path not in late)
    assert late and early
    job = Job(
        early,
        folder / "w.duckdb",
        folder / "reports",
        FIRST_NIGHT,
        recording=Recording(actor="night"),
    )
    first = run_steps(job, lambda text: None)
    shutil.copytree(job.reports, folder / "first")
    job = replace(job, inputs=(*early, *late), as_of=SECOND_NIGHT)
    second = run_steps(job, lambda text: None)
    return Nights(folder, job, first, second, folder / "first")


@pytest.fixture(scope="session")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    return run_nights(tmp_path_factory.mktemp("nights"))


@pytest.fixture
def copied(nights: Nights, tmp_path: Path) -> Nights:
    """A copy that a test may change."""
    folder = tmp_path / "nights"
    shutil.copytree(nights.folder, folder, symlinks=True)
    job = replace(nights.job, warehouse=folder / "w.duckdb", reports=folder / "reports")
    return replace(nights, folder=folder, job=job, first_reports=folder / "first")
