"""Kills the batch at random moments, lets it go on, and compares with a run left in peace.

    python -m tests.faults.campaign --kills 200

Half of the kills are of runs over the sample of ``touchstone demo``, half over a small simulated
month. A trial kills several runs one after another over one warehouse (SIGKILL, at seeded moments:
any time of the run, as the database's journal or file is written, or when reports and copy are
published) until one finishes. Then every table row, every published byte, every manifest
and every kept document must equal those of the undisturbed run, which is made once, and the record
must hold. What a kill cannot show is the loss of power: there the disk itself may forget what it
said was written.

A campaign counts on from where it was stopped: ``var/faults`` has the figures of both feeds and
the undisturbed runs; remove it to begin anew, or after a change of the software. At the end the
figures are written to ``docs/validation/fault-campaign.md``; with ``--page`` those that are there
already, and nothing is killed.

A moment is counted in the run's own processor time, so that what else the machine does changes
neither which moments are met nor how many runs end before theirs.
"""

import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import duckdb

from data.simulator.profiles import Wishes
from data.simulator.sample.demo import make_demo_feed
from data.warehouse.snapshot import newest_snapshot
from data.warehouse.standing import BOOK
from flows.record import staging
from flows.simulate_command import write_world
from flows.verify_command import verify

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "validation" / "fault-campaign.md"
KILLS_A_TRIAL = 8
PUBLISHING_S = 0.8  # of a processor, from the first page on: how long publication takes about
SECONDS = "peaceful.processor_seconds"
# How a moment is chosen, and how often.
_ANY_TIME, _WRITING, _PUBLISHING = "any time", "as the warehouse is written", "at publication"
_WAYS = {_ANY_TIME: 5, _WRITING: 3, _PUBLISHING: 2}
MONTH = Wishes(lots=6, units=30, attacks="P01,P12,P30")
SAMPLE_AS_OF = "2026-08-01T02:00:00+00:00"
MONTH_AS_OF = "2026-06-04T02:00:00+00:00"


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
        """Run to the end; return the processor seconds it took."""
        before = _of_children_s()
        with self.start() as process:
            _ended_well(process)
        return _of_children_s() - before

    def written(self) -> tuple[int, int]:
        """What tells that the database writes: the size of its journal, the time of its file."""
        journal = self.warehouse.with_name("w.duckdb.wal")
        try:
            size = journal.stat().st_size
        except FileNotFoundError:
            size = 0
        return size, self.warehouse.stat().st_mtime_ns if self.warehouse.exists() else 0


def _ended_well(process: "subprocess.Popen[bytes]") -> None:
    _, said = process.communicate()
    if process.returncode:
        raise SystemExit(f"a run after kills failed: {said.decode()}")


def _of_children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _processor_s(process: "subprocess.Popen[bytes]") -> float:
    """What a running process has used so far, or all the time there is once it has ended."""
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return float("inf")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Figures:
    """What a campaign came to."""

    kills: int = 0
    trials: int = 0
    too_late: int = 0  # the run had ended before its moment came
    by_moment: dict[str, int] = field(default_factory=dict)
    by_state: dict[str, int] = field(default_factory=dict)
    torn_lines: int = 0
    half_published: int = 0
    differing: list[str] = field(default_factory=list)
    minutes: float = 0.0


@dataclass(frozen=True)
class Peace:
    """The undisturbed run: the processor seconds it took, and all that must come out."""

    place: Place
    seconds: float
    state: dict[str, str]


def campaign(
    kills: int, seed: int, folder: Path, feed: tuple[Path, str], figures: Figures | None = None
) -> Iterator[Figures]:
    """Kill runs over ``feed``, an inbox and its as-of, until they are ``kills``.

    Yields the figures after each trial. ``figures`` are those of trials before: the moments of a
    trial follow from seed and number.
    """
    figures = figures or Figures()
    peace = _in_peace(folder, *feed)
    while figures.kills < kills:
        started = time.monotonic()
        figures.trials += 1
        rng = random.Random(seed * 1_000_003 + figures.trials)
        trial = Place(folder / f"trial{figures.trials}", *feed)
        shutil.rmtree(trial.folder, ignore_errors=True)
        wanted = min(KILLS_A_TRIAL, kills - figures.kills)
        for number in range(wanted):
            before = _of_children_s()
            # A run over what others left behind is shorter.
            if not _kill_once(trial, rng, figures, peace, peace.seconds / (1 + number / 2)):
                if not number:  # the first of all runs compiled what later ones find compiled
                    peace = _of_seconds(peace, folder, _of_children_s() - before)
                break
        else:
            trial.finish()
        _compare(trial, peace.state, figures)
        shutil.rmtree(trial.folder)
        figures.minutes = round(figures.minutes + (time.monotonic() - started) / 60, 1)
        yield figures


def _in_peace(folder: Path, inbox: Path, as_of: str) -> Peace:
    place = Place(folder / "peaceful", inbox, as_of)
    told = folder / SECONDS
    if not told.exists():
        shutil.rmtree(place.folder, ignore_errors=True)
        told.write_text(str(place.finish()))
    return Peace(place, float(told.read_text()), state(place))


def _of_seconds(peace: Peace, folder: Path, seconds: float) -> Peace:
    shortest = min(peace.seconds, seconds)
    (folder / SECONDS).write_text(str(shortest))
    return replace(peace, seconds=shortest)


def _kill_once(
    trial: Place, rng: random.Random, figures: Figures, peace: Peace, most_s: float
) -> bool:
    """Start a run and kill it; False where it had ended, and well, before its moment came."""
    [way] = rng.choices(list(_WAYS), list(_WAYS.values()))
    moment = rng.uniform(0, PUBLISHING_S if way == _PUBLISHING else most_s)
    with trial.start() as process:
        while way == _PUBLISHING and process.poll() is None and not staging(trial.reports).exists():
            time.sleep(0.002)
        moment += _processor_s(process) if way == _PUBLISHING else 0
        while process.poll() is None and _processor_s(process) < moment:
            time.sleep(0.005)
        before = trial.written()
        while way == _WRITING and process.poll() is None and trial.written() == before:
            time.sleep(0.0003)
        if process.poll() is not None:
            _ended_well(process)
            figures.too_late += 1
            return False
        process.send_signal(signal.SIGKILL)
    figures.kills += 1
    for counts, name in ((figures.by_moment, way), (figures.by_state, _left(trial))):
        counts[name] = counts.get(name, 0) + 1
    figures.half_published += not _whole_or_absent(trial, peace)
    return True


def _left(trial: Place) -> str:
    """Where the killed run stood, by what it left."""
    if staging(trial.reports).exists():
        return "publishing"
    if not trial.warehouse.exists():
        return "starting"
    return "working, journal open" if trial.written()[0] else "working"


def _whole_or_absent(trial: Place, peace: Peace) -> bool:
    """Readers see all that a run publishes, or nothing."""
    expected = peace.state
    if trial.reports.exists() and _named("reports/", _files(trial.reports)) != {
        name: value for name, value in expected.items() if name.startswith("reports/")
    }:
        return False
    newest = newest_snapshot(trial.warehouse)
    return newest is None or _named("copy ", _tables(newest)) == {
        name: value for name, value in expected.items() if name.startswith("copy ")
    }


def state(place: Place) -> dict[str, str]:
    """Hash of everything that must be the same: tables of file and copy, reports, manifests."""
    return {
        **_named("warehouse ", _tables(place.warehouse)),
        **_named("copy ", _tables(newest_snapshot(place.warehouse))),
        **_named("reports/", _files(place.reports)),
        **_named("runs/", _files(place.folder / "w.runs")),
        **_named("kept/", _files(place.folder / "w.originals")),
    }


def _named(prefix: str, values: dict[str, str]) -> dict[str, str]:
    return {f"{prefix}{name}": value for name, value in values.items()}


def _tables(path: Path | None) -> dict[str, str]:
    if path is None:
        return {"": "no copy"}
    with duckdb.connect(str(path), read_only=True) as con:
        names = con.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()
        # On what a table was built depends on how far the run before came; what it holds does not.
        return {name: _hash(con, name) for (name,) in names if name != BOOK}


def _hash(con: duckdb.DuckDBPyConnection, table: str) -> str:
    """Hash of all rows, in an order of their own: how rows lie in a table means nothing."""
    [(count, said)] = con.execute(
        "SELECT count(*), md5(string_agg(row_hash, '' ORDER BY row_hash)) "  # noqa: S608
        f"FROM (SELECT md5(one::VARCHAR) AS row_hash FROM {table} AS one)"
    ).fetchall()
    return f"{count} {said}"


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


# --- the two feeds, and the page -------------------------------------------------------------


def feeds(folder: Path) -> dict[str, tuple[Path, str]]:
    """The sample and the month: inbox and as-of of each, made where they are not there yet."""
    month = folder / "month"
    if not (month / "feed").exists():
        write_world(month, "month", MONTH, lambda _: None)
    demo = folder / "demo"
    if not demo.exists():
        make_demo_feed(demo)
    return {
        "the sample": (demo / "inbox", SAMPLE_AS_OF),
        "a month": (month / "feed", MONTH_AS_OF),
    }


def page(told: dict[str, Figures]) -> str:
    """The figures for people."""
    lines = [
        "# Fault campaign",
        "",
        "Made by `python -m tests.faults.campaign`; do not edit. Runs are killed (SIGKILL) and "
        "started again over the same warehouse, up to eight times, until one ends. Then "
        "all rows, reports, manifests and kept documents are compared with those of a run that "
        "nobody disturbed, and `touchstone verify` must find nothing.",
        "",
        "| of | " + " | ".join(told) + " |",
        "|---|" + "---|" * len(told),
    ]
    rows: dict[str, list[object]] = {
        "kills": [one.kills for one in told.values()],
        "trials": [one.trials for one in told.values()],
        "results that differ, faults of the record": [len(one.differing) for one in told.values()],
        "times that readers saw half of a run": [one.half_published for one in told.values()],
        "lines of the trail cut off, told and kept": [one.torn_lines for one in told.values()],
        "runs that ended before their moment came": [one.too_late for one in told.values()],
    }
    for title, named in (("killed", "by_moment"), ("left", "by_state")):
        for name in sorted({name for one in told.values() for name in getattr(one, named)}):
            counts = [getattr(one, named).get(name, 0) for one in told.values()]
            rows[f"{title}: {name}"] = list(counts)
    rows["minutes"] = [round(one.minutes) for one in told.values()]
    lines += [f"| {name} | " + " | ".join(map(str, row)) + " |" for name, row in rows.items()]
    lines += [
        "",
        "*As the warehouse is written*: within a millisecond of a change of the database's journal "
        "or file, that is inside a COMMIT or a checkpoint, or just behind it. *At publication*: up "
        "to 0.8 s of processor time after the first page. *Journal open*: the database had to "
        "replay or drop what its journal held.",
        "",
        "Not shown: the loss of power, where a disk may forget what it said was written.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run campaigns over both feeds, write the page; exit 1 where anything differs."""
    parser = argparse.ArgumentParser(description="Kill the batch at random and compare.")
    parser.add_argument("--kills", type=int, default=200, help="over both feeds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "faults")
    parser.add_argument("--only", help="one feed: 'the sample' or 'a month'; writes no page")
    parser.add_argument("--page", action="store_true", help="write the page of what there is")
    asked = parser.parse_args()
    folder = asked.folder.resolve()
    told: dict[str, Figures] = {}
    chosen = feeds(folder)
    for name, feed in chosen.items():
        if asked.only not in (None, name):
            continue
        place = folder / name.replace(" ", "_")
        file = place / "figures.json"
        place.mkdir(parents=True, exist_ok=True)
        told[name] = Figures(**json.loads(file.read_text())) if file.exists() else Figures()
        wanted = -(-asked.kills // len(chosen))
        if asked.page:
            continue
        for figures in campaign(wanted, asked.seed, place, feed, told[name]):
            file.write_text(json.dumps(asdict(figures), indent=2) + "\n")
            sys.stderr.write(
                f"{name}: {figures.kills} kills, {figures.trials} trials, "
                f"{len(figures.differing)} differ, {figures.half_published} half published\n"
            )
    if asked.only is None:
        PAGE.write_text(page(told), encoding="utf-8")
    sys.exit(any(one.differing or one.half_published for one in told.values()))


if __name__ == "__main__":
    main()
