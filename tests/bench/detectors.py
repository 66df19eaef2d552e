"""The detectors against their peers: ``touchstone bench detectors``.

Each section is measured on its own and kept as JSON with the machine it ran on; the page's tables
are made from that JSON, so that measuring one section anew leaves the others as they stand.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from data.errors import InputError
from tests.bench import detector_data as data
from tests.bench import detector_explanations as explanations
from tests.bench import detector_quantised as quantised
from tests.bench import detector_ranking as ranking
from tests.bench import detector_speed as speed
from tests.bench import detector_tables
from tests.bench import detector_worlds as worlds
from tests.bench.machine import describe

SECTIONS = (
    "ranking",
    "curves",
    "quality",
    "search",
    "lof",
    "start",
    "decision",
    "quantised",
    "explanations",
    "worlds",
)
DOCS = Path(__file__).parents[2] / "docs"
RESULTS = DOCS / "benchmarks" / "detectors.json"
PAGE = DOCS / "detector-benchmarks.md"
_BY_TITLE = ("ranking", "quality")  # figures of several protocols, each with its machine
_OF_TABLES = ("ranking", "curves", "quantised", "explanations")
_PACKAGES = ("numpy", "numba", "scikit-learn", "pyod", "xgboost", "xgboost-cpu", "torch", "shap")

Results = dict[str, Any]


def measure(
    sections: Iterable[str] = SECTIONS,
    *,
    adbench: Path = data.ADBENCH,
    quality: Path = data.QUALITY,
    seeds: int = 3,
    rounds: int = 3,
    own: dict[str, tuple[Path, Path]] | None = None,
    extras: bool = True,
    largest: int = 100_000,
    keep: Callable[[str, Results], None] | None = None,
) -> dict[str, Results]:
    """Measure the sections; what has no data here says so under ``skipped``.

    Parameters
    ----------
    adbench
        Folder of the public anomaly-detection tables (``*.npz`` with X and y).
    quality
        The medicine samples (``csv.gz``).
    seeds
        Splits of each table.
    rounds
        Of timing, at 10,000 rows; larger tables are timed once.
    own
        Simulated worlds, by name: built warehouse and folder of the truth.
    extras
        Compare with PyOD, XGBoost and PyTorch where they are installed.
    largest
        Rows of the largest table that is timed.
    keep
        Called with each section as soon as it is measured.
    """
    machine = describe(*_PACKAGES)
    tables = data.read_tables(adbench)
    no_tables = f"no table (*.npz) in {adbench.name}/"
    results: dict[str, Results] = {}

    def done(name: str, figures: Any, skipped: str | None = None) -> None:
        results[name] = {"machine": machine, "skipped": skipped, "figures": figures}
        if keep:
            keep(name, results[name])

    for section in sections:
        if section in _OF_TABLES and not tables:
            done(section, None, no_tables)
        elif section == "quality" and not quality.is_file():
            done(section, None, f"no file {quality.name}")
        elif section in _BY_TITLE:
            figures: Results = {}
            measured = (
                ranking.measure(tables, seeds, extras=extras)
                if section == "ranking"
                else ranking.measure_quality(quality, seeds, extras=extras)
            )
            for title, result in measured:
                figures[title] = result | {"machine": machine}
                done(section, figures)
        elif section == "worlds" and not own:
            done(section, None, "no simulated world named")
        elif section == "worlds":
            for found in worlds.measure(own or {}, extras=extras):
                done(section, found)
        elif section == "quantised":
            done(section, quantised.measure(tables, seeds))
        elif section == "explanations":
            done(section, explanations.measure(tables, extras=extras))
        else:
            done(section, _MEASURES[section](tables, rounds, largest, extras))
    return results


_MEASURES: dict[str, Callable[[data.Tables, int, int, bool], Any]] = {
    "curves": lambda tables, _, __, extras: ranking.measure_curves(tables, extras=extras),
    "search": lambda _, rounds, largest, __: speed.measure_search(rounds, largest=largest),
    "lof": lambda _, rounds, largest, __: speed.measure_lof(rounds, largest=largest),
    "start": lambda *_: speed.measure_start(),
    "decision": lambda *_: speed.measure_decisions(),
}


def read(path: Path = RESULTS) -> dict[str, Results]:
    """Results that were kept before, by section."""
    kept: dict[str, Results] = (
        json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    )
    return kept


def write(results: dict[str, Results], path: Path = RESULTS, page: Path | None = None) -> None:
    """Put sections beside those kept before, and make the page's tables from all of them.

    What a stopped ranking did not reach stands as it was, with the machine it was measured on.
    """
    whole = read(path)
    for section, result in results.items():
        before = whole.get(section)
        whole[section] = dict(result)
        if section in _BY_TITLE and before and before["figures"] and result["figures"]:
            stood = {
                title: {"machine": before["machine"]} | figures
                for title, figures in before["figures"].items()
            }
            whole[section]["figures"] = stood | result["figures"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    if page is not None:
        detector_tables.write(page, whole)


def run(
    only: Sequence[str] | None = None,
    *,
    adbench: Path | None = None,
    quality: Path | None = None,
    seeds: int = 3,
    rounds: int = 3,
    own: Sequence[str] = (),
    results: Path | None = None,
    page: Path | None = None,
) -> list[tuple[str, list[str]]]:
    """Measure, keep each section as soon as it is there, and return its tables.

    A person's mistake, such as an unknown section or a folder that does not exist, raises
    ``InputError``.
    """
    named = worlds.read_worlds(own)
    # A world takes minutes to make: the figures of earlier ones stand where none is named.
    sections = list(only or [s for s in SECTIONS if named or s != "worlds"])
    unknown = sorted(set(sections) - set(SECTIONS))
    if unknown:
        raise InputError(
            f"--only {unknown[0]}: no such section of the benchmark. There are: "
            f"{', '.join(SECTIONS)}."
        )
    if "worlds" in sections and not named:
        raise InputError(
            "--only worlds: needs a simulated world. Name it: --world NAME=WAREHOUSE,TRUTH."
        )
    for name, path in (("--adbench", adbench), ("--quality", quality)):
        if path is not None and not path.exists():
            raise InputError(f"{name} {path}: does not exist. Name an existing one.")
    kept, shown = results or RESULTS, page or PAGE
    if not shown.is_file():
        raise InputError(f"--page {shown}: does not exist. Name a page with the markers.")
    made = measure(
        sections,
        adbench=adbench or data.ADBENCH,
        quality=quality or data.QUALITY,
        seeds=seeds,
        rounds=rounds,
        own=named,
        keep=lambda name, result: write({name: result}, kept, shown),
    )
    return detector_tables.made(made)
