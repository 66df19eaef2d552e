"""Fuzzes every reader of documents.

    python -m tests.fuzz --inputs 1000000 --seed 1 [--seconds 900] [--keep DIR]

Mutations of ``tests/fuzz/corpus`` go to the readers of EPCIS XML, JSON and newline-delimited JSON,
of files of any kind (CSV, Parquet and JSON layouts, gzip, zip), of identifiers, and into an empty
warehouse. An input that reaches new lines of ``data/readers`` becomes part of the corpus of the
run. A crash is anything raised other than the documented refusal, a record lost or counted twice,
something set aside without a reason, or more than 30 s. Crashes are made small and kept in
``var/fuzz/crashes``; so is the input on which the process itself dies. Exit code 1 where there is
any.
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

from tests.fuzz.campaign import Findings, campaign, is_crash, minimised, name_of

CRASHES = Path("var/fuzz/crashes")
_WORKER = "--in-this-process"


def main() -> None:
    """Run a campaign in a process of its own, since a reader may take the process down."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--keep", type=Path, help="write inputs that reached new lines here")
    parser.add_argument(_WORKER, type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.in_this_process:
        sys.exit(_work(asked, asked.in_this_process))
    with tempfile.TemporaryDirectory(prefix="touchstone-fuzz-") as folder:
        words = [sys.executable, "-m", "tests.fuzz", *sys.argv[1:], _WORKER, folder]
        code = subprocess.run(words, check=False).returncode
        if code not in (0, 1):
            CRASHES.mkdir(parents=True, exist_ok=True)
            target = CRASHES / f"died-{asked.seed}"
            target.write_bytes((Path(folder) / "current").read_bytes())
            sys.stderr.write(f"the process died (code {code}) on {target}\n")
        sys.exit(code != 0)


def _work(asked: argparse.Namespace, place: Path) -> int:
    started = time.monotonic()
    findings = campaign(asked.inputs, asked.seed, place, _say, asked.seconds)
    minutes = (time.monotonic() - started) / 60
    crashes = {where: str(_kept(where, *found, place)) for where, found in findings.crashes.items()}
    if asked.keep:
        asked.keep.mkdir(parents=True, exist_ok=True)
        for target, data in findings.kept:
            (asked.keep / name_of(target, data)).write_bytes(data)
    figures = {
        "inputs": findings.inputs,
        "seed": asked.seed,
        "minutes": round(minutes, 1),
        "lines_reached": findings.lines,
        "inputs_that_reached_new_lines": len(findings.kept),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "targets": {name: _rounded(asdict(one)) for name, one in findings.tallies.items()},
        "crashes": crashes,
    }
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return bool(crashes)


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in figures.items()}


def _kept(where: str, target: str, data: bytes, place: Path) -> Path:
    """Make a crash small, and keep it."""
    if "Endless" not in where:
        data = minimised(data, lambda shorter: is_crash(target, shorter, where, place))
    CRASHES.mkdir(parents=True, exist_ok=True)
    path = CRASHES / name_of(target, data)
    path.write_bytes(data)
    return path


def _say(findings: Findings) -> None:
    if findings.inputs % 10_000 == 0:
        sys.stderr.write(
            f"{findings.inputs:,} inputs, {findings.lines:,} lines, {len(findings.kept)} kept, "
            f"{len(findings.crashes)} crashes {sorted(findings.crashes)}\n"
        )


if __name__ == "__main__":
    main()
