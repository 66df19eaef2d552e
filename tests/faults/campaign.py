"""Kills the batch at random moments, lets it go on, and compares with a run left in peace.

    python -m tests.faults.campaign --kills 200

A trial kills several runs one after another over one warehouse (SIGKILL, at seeded moments: any
time of the run, or just when reports and copy are published) and lets the next one finish. Then
every table row, every published byte and every manifest must equal those of the undisturbed run,
and the record must hold. What a kill cannot show is the loss of power: there the disk itself may
forget what it said was written.
"""

import argparse
import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from data.simulator.sample.demo import make_demo_feed
from data.warehouse.snapshot import newest_snapshot
from flows.record import staging
from flows.verify_command import verify

ROOT = Path(__file__).parents[2]
KILLS_A_TRIAL = 4
PUBLISHING_S = 0.8  # from the first page on, how long publication takes about


@dataclass(frozen=True)
class Place:
    """One warehouse with its reports."""

    folder: Path
    inbox: Path
    as_of: str

    @property
    def warehouse(self) -> Path:
        return self.folder / "w.duckdb"

    @property
    def reports(self) -> Path:
        return self.folder / "reports"

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the batch in a process of its own."""
        words = ["run", str(self.inbox), "--direct", "--as-of", self.as_of]
        words += ["--warehouse", str(self.warehouse), "--out", str(self.reports)]
        return subprocess.Popen(
            [sys.executable, "-c", "from flows.command_line import main; main()", *words],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def finish(self) -> float:
        """Run to the end; return the seconds it took."""
        started = time.monotonic()
        with self.start() as process:
            _, said = process.communicate()
            if process.returncode:
                raise SystemExit(f"a run after kills failed: {said.decode()}")
        return time.monotonic() - started


@dataclass
class Figures:
    """What a campaign came to."""

    kills: int = 0
    trials: int = 0
    too_late: int = 0  # the run had ended before its moment came
    by_phase: dict[str, int] = field(default_factory=dict)
    torn_lines: int = 0
    half_published: int = 0
    differing: list[str] = field(default_factory=list)


def campaign(kills: int, seed: int, place: Path, feed: tuple[Path, str] | None = None) -> Figures:
    """Kill ``kills`` runs in ``place``; ``feed`` is an inbox and its as-of, else the sample."""
    rng = random.Random(seed)
    inbox, as_of = feed or _sample(place)
    peaceful = Place(place / "peaceful", inbox, as_of)
    seconds = peaceful.finish()
    expected = state(peaceful)
    figures = Figures()
    while figures.kills < kills:
        figures.trials += 1
        trial = Place(place / f"trial{figures.trials}", inbox, as_of)
        wanted = min(figures.kills + KILLS_A_TRIAL, kills)
        while figures.kills < wanted:
            _kill_once(trial, rng, seconds, figures, peaceful)
        trial.finish()
        _compare(trial, expected, figures)
        shutil.rmtree(trial.folder)
        _say(f"{figures.kills} kills, {figures.trials} trials, {len(figures.differing)} differ")
    return figures


def _sample(place: Path) -> tuple[Path, str]:
    feed = make_demo_feed(place / "feed")
    return feed.inbox, feed.as_of.isoformat()


def _kill_once(
    trial: Place, rng: random.Random, seconds: float, figures: Figures, peaceful: Place
) -> None:
    at_publication = rng.random() < 0.3
    moment = rng.uniform(0, PUBLISHING_S if at_publication else seconds)
    with trial.start() as process:
        if at_publication:
            while process.poll() is None and not staging(trial.reports).exists():
                time.sleep(0.002)
        try:
            process.wait(moment)
            figures.too_late += 1
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            figures.kills += 1
            phase = _phase(trial)
            figures.by_phase[phase] = figures.by_phase.get(phase, 0) + 1
    figures.half_published += not _whole_or_absent(trial, peaceful)


def _phase(trial: Place) -> str:
    """Where the killed run stood, by what it left."""
    if staging(trial.reports).exists():
        return "publishing"
    if not trial.warehouse.exists():
        return "starting"
    return "working"


def _whole_or_absent(trial: Place, peaceful: Place) -> bool:
    """Readers see all that a run publishes, or nothing."""
    if trial.reports.exists() and _files(trial.reports) != _files(peaceful.reports):
        return False
    newest = newest_snapshot(trial.warehouse)
    return newest is None or _tables(newest) == _tables(newest_snapshot(peaceful.warehouse))


def state(place: Place) -> dict[str, str]:
    """Hash of everything that must be the same: tables of file and copy, reports, manifests."""
    newest = newest_snapshot(place.warehouse)
    return {
        **{f"warehouse {name}": value for name, value in _tables(place.warehouse).items()},
        **{f"copy {name}": value for name, value in _tables(newest).items()},
        **{f"reports/{name}": value for name, value in _files(place.reports).items()},
        **{f"runs/{name}": value for name, value in _files(place.folder / "w.runs").items()},
        **{f"kept/{name}": value for name, value in _files(place.folder / "w.originals").items()},
    }


def _tables(path: Path | None) -> dict[str, str]:
    if path is None:
        return {"": "no copy"}
    with duckdb.connect(str(path), read_only=True) as con:
        names = con.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()
        return {name: _hash(con, name) for (name,) in names}


def _hash(con: duckdb.DuckDBPyConnection, table: str) -> str:
    """Hash of all rows, in an order of their own: how rows lie in a table means nothing."""
    rows = sorted(repr(row) for row in con.execute(f"FROM {table}").fetchall())
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def _files(folder: Path) -> dict[str, str]:
    return dict(_hashes(folder))


def _hashes(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()


def _compare(trial: Place, expected: dict[str, str], figures: Figures) -> None:
    found = state(trial)
    names = [name for name in {*found, *expected} if found.get(name) != expected.get(name)]
    figures.differing += [f"trial {figures.trials}: {name}" for name in sorted(names)]
    verdict = verify(trial.warehouse, trial.reports)
    figures.differing += [f"trial {figures.trials}: {fault.text}" for fault in verdict.faults]
    figures.torn_lines += sum("unfinished" in remark.text for remark in verdict.remarks)
    left = [p.name for p in trial.folder.iterdir() if "unfinished" in p.name or "again" in p.name]
    figures.differing += [f"trial {figures.trials}: {name} was left" for name in left]


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def main() -> None:
    """Run a campaign and print its figures as JSON; exit 1 where anything differs."""
    parser = argparse.ArgumentParser(description="Kill the batch at random and compare.")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--inbox", type=Path, help="another feed than the sample")
    parser.add_argument("--as-of", default="2026-08-01T02:00:00+00:00")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="touchstone-faults-") as place:
        feed = (asked.inbox.resolve(), asked.as_of) if asked.inbox else None
        started = time.monotonic()
        figures = campaign(asked.kills, asked.seed, Path(place), feed)
    minutes = round((time.monotonic() - started) / 60, 1)
    sys.stdout.write(json.dumps({**vars(figures), "minutes": minutes}, indent=2) + "\n")
    sys.exit(bool(figures.differing or figures.half_published))


if __name__ == "__main__":
    main()
