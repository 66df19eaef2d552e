"""Makes the trace matrix, runs the tests it names, and writes down what came of them.

    python -m tests.validation [--no-run] [--quick] [--only WORD]

``docs/validation/trace-matrix.md`` is the same for the same requirements. The results, with the
software, packages and machine they were had on, go to ``var/validation/results.json`` and, to be
read and signed, ``results.md``. Exit code 1 where a test failed or a requirement has none that
ran. ``--quick`` leaves out tests marked slow; ``--no-run`` makes the matrix alone; ``--only`` runs
the files whose name has that word.

A run goes on where it was stopped: what each file of tests came to lies in
``var/validation/cases.json`` for as long as the code is the same.
"""

import argparse
import json
import platform
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from data.record.code import code_state, software_version
from tests.validation.trace import MATRIX, ROOT, Requirement, faults, matrix, read_requirements

RESULTS = ROOT / "var" / "validation"
CASES = RESULTS / "cases.json"
_RANKS = ("failed", "skipped", "passed")  # a phase may only make a case worse


class Recorder:
    """A pytest plugin that keeps the outcome of each case."""

    def __init__(self) -> None:
        self.cases: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst of a case's phases."""
        before = self.cases.get(report.nodeid, "passed")
        self.cases[report.nodeid] = min(before, report.outcome, key=_RANKS.index)


def outcome_of(node: str, cases: dict[str, str]) -> dict[str, Any]:
    """What came of all cases of a test: worst of them, but that one skipped case hides nothing."""
    found = [said for case, said in cases.items() if case == node or case.startswith(f"{node}[")]
    counts = {said: found.count(said) for said in _RANKS if said in found}
    if not found:
        outcome = "not run"
    elif "failed" in counts:
        outcome = "failed"
    else:
        outcome = "passed" if "passed" in counts else "skipped"
    return {"test": node, "outcome": outcome, "cases": counts}


def results(requirements: Iterable[Requirement], cases: dict[str, str]) -> list[dict[str, Any]]:
    """What came of each requirement: met where all its tests passed."""
    told = []
    for one in requirements:
        tests = [outcome_of(node, cases) for node in one.tests]
        outcomes = {test["outcome"] for test in tests}
        if "failed" in outcomes:
            outcome = "not met"
        else:
            outcome = "met" if outcomes == {"passed"} else "not fully shown"
        told.append({"id": one.id, "risk": one.risk, "outcome": outcome, "tests": tests})
    return told


def circumstances() -> dict[str, Any]:
    """The software and machine on which the results were had."""
    names = ("duckdb", "polars", "numba", "scikit-learn", "prefect", "pytest")
    return {
        "software": software_version(),
        "code": code_state(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": {name: version(name) for name in names},
    }


def page(told: list[dict[str, Any]], stood_on: dict[str, Any]) -> str:
    """The results as a page to be read and signed."""
    lines = ["# Results of validation", "", f"Touchstone {stood_on['software']}, Python "
             f"{stood_on['python']}, {stood_on['system']}.", ""]  # fmt: skip
    lines += ["| id | risk | outcome | tests |", "|---|---|---|---|"]
    for one in told:
        tests = "<br>".join(f"{test['outcome']}: `{test['test']}`" for test in one["tests"])
        lines.append(f"| {one['id']} | {one['risk']} | {one['outcome']} | {tests} |")
    lines += ["", "| role | name | date | signature |", "|---|---|---|---|"]
    lines += [f"| {role} | | | |" for role in ("tested by", "reviewed by (QA)")]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Make matrix and results."""
    parser = argparse.ArgumentParser(prog="python -m tests.validation", description=__doc__)
    parser.add_argument("--no-run", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", metavar="WORD")
    asked = parser.parse_args()
    requirements = read_requirements()
    if wrong := list(faults(requirements)):
        sys.exit("\n".join(wrong))
    _write(MATRIX, matrix(requirements))
    if asked.no_run:
        return
    cases = _run(requirements, asked.only, *(["-m", "not slow"] if asked.quick else []))
    told = results(requirements, cases)
    stood_on = circumstances()
    _write(RESULTS / "results.json", _json({"stood_on": stood_on, "requirements": told}))
    _write(RESULTS / "results.md", page(told, stood_on))
    counts = {word: sum(one["outcome"] == word for one in told) for word in ("met", "not met")}
    sys.stdout.write(f"{len(told)} requirements: {counts['met']} met, {counts['not met']} not met, "
                     f"{len(told) - sum(counts.values())} not fully shown\n")  # fmt: skip
    sys.exit(any(one["outcome"] == "not met" for one in told))


def _run(requirements: Iterable[Requirement], only: str, *words: str) -> dict[str, str]:
    """The outcome of each case, file of tests by file; of files that were run before, as kept."""
    by_file: dict[str, list[str]] = {}
    for node in dict.fromkeys(node for one in requirements for node in one.tests):
        by_file.setdefault(node.partition("::")[0], []).append(node)
    state = json.loads(json.dumps([code_state(), *words]))
    kept = json.loads(CASES.read_text()) if CASES.exists() else {}
    done: dict[str, dict[str, str]] = kept.get("files", {}) if kept.get("state") == state else {}
    for file, nodes in by_file.items():
        if only in file and not nodes_run(nodes, done.get(file, {})):
            recorder = Recorder()
            pytest.main([*nodes, "-q", *words, f"--rootdir={ROOT}"], plugins=[recorder])
            done[file] = recorder.cases
            _write(CASES, _json({"state": state, "files": done}))
    return {case: said for cases in done.values() for case, said in cases.items()}


def nodes_run(nodes: Iterable[str], cases: dict[str, str]) -> bool:
    """Whether a file was run to its end, with all these tests and without a failure."""
    return all(outcome_of(node, cases)["outcome"] in ("passed", "skipped") for node in nodes)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
