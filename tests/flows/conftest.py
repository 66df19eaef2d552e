"""One whole run of the sample feed, shared by all tests that look at it."""

import csv
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from data.simulator.sample.demo import make_demo_feed
from flows.steps import Job, Outcome, run_steps


@dataclass(frozen=True)
class SampleRun:
    job: Job
    outcome: Outcome
    truth: list[dict[str, str]]


def job_for(inbox: Path, folder: Path, as_of: datetime) -> Job:
    return Job((inbox,), folder / "touchstone.duckdb", folder / "reports", as_of)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleRun:
    folder = tmp_path_factory.mktemp("sample")
    feed = make_demo_feed(folder)
    job = job_for(feed.inbox, folder, feed.as_of.replace(tzinfo=None))
    outcome = run_steps(job, lambda text: None)
    with feed.truth.open(encoding="utf-8", newline="") as file:
        return SampleRun(job, outcome, list(csv.DictReader(file)))
