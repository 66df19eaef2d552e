"""What the patterns cost beside reading: ``python -m tests.bench.pattern_cost MILLIONS``.

A simulated year at real noise with that many million unit events, as Parquet, is landed and built
once; every model is timed where it is built. Prints the table of docs/pattern-figures.md.
"""

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from data.record.trail import Trail
from data.simulator.world import simulate
from data.warehouse.connection import open_warehouse
from data.warehouse.models import BuiltModel, build
from flows import record, steps
from flows.job import job_of
from flows.settings import Settings
from tests.bench.parsing import peak_memory_mb
from tests.bench.worlds import world_of

SHOWN = 12
WHOLE_D = 1_000  # one file a partner: what is measured is rows, not opening files
TENTH = 0.1


def measure(millions: int) -> str:
    """Time reading, histories, features and patterns of one world; the result as Markdown."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        world = replace(world_of(millions * 1_000_000, ("parquet",)), delivery_days=WHOLE_D)
        told = simulate(folder, world)
        settings = Settings(warehouse=folder / "w.duckdb", reports=folder / "reports")
        job = job_of(settings, [folder / "feed"], told.as_of.replace(tzinfo=None))
        with record.recorded(job.warehouse, job.recording, job.reports) as trail:
            reading_s = _land(job, trail)
            built = _build(job)
    return _table(told.unit_events, reading_s, built)


def _land(job: steps.Job, trail: Trail) -> float:
    started = time.perf_counter()
    steps.land_files(job, trail, lambda _line: None)
    seconds = time.perf_counter() - started
    steps.begin_run(job, trail)
    return seconds


def _build(job: steps.Job) -> list[BuiltModel]:
    built = []
    for layers in (steps.HISTORIES, steps.FINDINGS):
        with open_warehouse(job.warehouse) as con:
            built += build(con, layers)
        if layers is steps.HISTORIES:
            steps.measure_graph(job)
    return built


def _table(unit_events: int, reading_s: float, built: list[BuiltModel]) -> str:
    by_layer = {
        layer: sum(model.seconds for model in built if model.layer == layer)
        for layer in dict.fromkeys(model.layer for model in built)
    }
    patterns = [model for model in built if model.layer == "patterns"]
    total = by_layer["patterns"]
    helpers = [model for model in built if model.layer == "feat"]
    rows = [
        f"{unit_events:,} unit events from Parquet: reading {reading_s:.1f} s; "
        + ", ".join(f"{layer} {seconds:.1f} s" for layer, seconds in by_layer.items())
        + f"; peak {peak_memory_mb():,.0f} MB.",
        "",
        f"The forty patterns take {total / reading_s:.2f} times the reading, with what they share "
        f"(feat) {(total + by_layer['feat']) / reading_s:.2f}.",
        "",
        "| model | s | share of the patterns | rows |",
        "|---|---|---|---|",
    ]
    slowest = sorted(patterns + helpers, key=lambda model: (-model.seconds, model.name))
    for model in slowest[:SHOWN]:
        share = f"{model.seconds / total:.2f}" if model.layer == "patterns" else "-"
        rows.append(f"| {model.name} | {model.seconds:.2f} | {share} | {model.rows:,} |")
    over = [model.name for model in patterns if model.seconds > TENTH * total]
    rows += ["", f"Over a tenth of the patterns: {', '.join(sorted(over)) or 'none'}."]
    return "\n".join(rows)


if __name__ == "__main__":
    print(measure(int(sys.argv[1])))
