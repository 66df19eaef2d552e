"""Fuzzes every reader of documents.

    python -m tests.fuzz --inputs 1000000 --seed 1 [--seconds 900]

Mutations of ``tests/fuzz/corpus`` go to the readers of EPCIS XML, JSON and newline-delimited JSON,
of files of any kind (CSV, Parquet and JSON layouts, gzip, zip), of identifiers, and into an empty
warehouse. An input that reaches new lines of ``data/readers`` becomes part of the corpus of the
run. A crash is anything raised other than the documented refusal, a record lost or counted twice,
something set aside without a reason, or more than 30 s. Crashes are made small and kept in
``var/fuzz/crashes``; so are the inputs on which the process itself dies. Exit code 1 where there
is any.

A campaign goes in rounds of 25,000 inputs, each in a process of its own, and counts on from where
it was stopped: ``var/fuzz/SEED.json`` has the figures, ``var/fuzz/kept`` the inputs that reached
new lines. Remove them to begin anew.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.fuzz.campaign import campaign, is_crash, minimised, name_of

FOLDER = Path("var/fuzz")
ROUND = 25_000
_WORKER = "--in-this-process"
_LARGEST = ("slowest_s", "slowest_s_mb", "peak_memory_mb", "lines_reached")


def main() -> None:
    """Run rounds, each in a process of its own, since a reader may take the process down."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="in total")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument(_WORKER, type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.in_this_process:
        _work(asked, asked.in_this_process)
        return
    for name in ("crashes", "kept"):
        (asked.folder / name).mkdir(parents=True, exist_ok=True)
    file = asked.folder / f"{asked.seed}.json"
    figures = json.loads(file.read_text()) if file.exists() else {"inputs": 0, "rounds": 0}
    until = time.monotonic() + asked.seconds
    while figures["inputs"] < asked.inputs and time.monotonic() < until:
        found = _round(asked, figures, until - time.monotonic())
        figures = added(figures, found)
        file.write_text(json.dumps(figures, indent=2) + "\n")
        sys.stderr.write(
            f"{figures['inputs']:,} inputs, {figures['minutes']:.1f} min, "
            f"{len(figures['crashes'])} crashes\n"
        )
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    sys.exit(bool(figures.get("crashes")))


def _round(asked: argparse.Namespace, so_far: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The figures of one more round."""
    inputs = min(ROUND, asked.inputs - so_far["inputs"])
    seed = asked.seed * 1_000_000 + so_far["rounds"]
    with tempfile.TemporaryDirectory(prefix="touchstone-fuzz-") as folder:
        words = [sys.executable, "-m", "tests.fuzz", "--inputs", str(inputs), "--seed", str(seed)]
        words += ["--seconds", str(seconds), "--folder", str(asked.folder), _WORKER, folder]
        done = subprocess.run(words, check=False, stdout=subprocess.PIPE)
        if done.returncode == 0:
            return {"rounds": 1, **json.loads(done.stdout)}
        target = asked.folder / "crashes" / f"died-{seed}"
        target.write_bytes((Path(folder) / "current").read_bytes())
        sys.stderr.write(f"the process died (code {done.returncode}) on one of {target}\n")
        return {"rounds": 1, "inputs": 0, "crashes": {f"died-{seed}": str(target)}}


def added(figures: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Figures of two campaigns as one: the largest of times and memory, else the sum."""
    summed = {**figures, **more}
    for name in figures.keys() & more.keys():
        one, other = figures[name], more[name]
        if isinstance(one, dict):
            summed[name] = added(one, other)
        elif isinstance(one, str):
            summed[name] = one
        else:
            summed[name] = max(one, other) if name in _LARGEST else round(one + other, 3)
    return summed


def _work(asked: argparse.Namespace, place: Path) -> None:
    started = time.monotonic()
    found = campaign(
        asked.inputs, asked.seed, place, seconds=asked.seconds, kept=asked.folder / "kept"
    )
    minutes = (time.monotonic() - started) / 60
    for target, data in found.kept:
        (asked.folder / "kept" / name_of(target, data)).write_bytes(data)
    figures = {
        "inputs": found.inputs,
        "minutes": round(minutes, 3),
        "cpu_minutes": round(time.process_time() / 60, 3),
        "lines_reached": found.lines,
        "inputs_that_reached_new_lines": len(found.kept),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "targets": {name: _rounded(asdict(one)) for name, one in found.tallies.items()},
        "crashes": {
            where: str(_kept(where, *crash, place, asked.folder))
            for where, crash in found.crashes.items()
        },
    }
    sys.stdout.write(json.dumps(figures) + "\n")


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in figures.items()}


def _kept(where: str, target: str, data: bytes, place: Path, folder: Path) -> Path:
    """Make a crash small, and keep it."""
    if "Endless" not in where:
        data = minimised(data, lambda shorter: is_crash(target, shorter, where, place))
    path = folder / "crashes" / name_of(target, data)
    path.write_bytes(data)
    return path


if __name__ == "__main__":
    main()
