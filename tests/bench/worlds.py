"""Time and memory of writing simulated worlds: ``python -m tests.bench.worlds 1 10 100``.

Sizes are millions of unit events. Each world is written in a process of its own.
"""

import json
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from data.simulator.feeds import NOISE
from data.simulator.world import World, simulate
from tests.bench.parsing import peak_memory_mb

PACKS_PER_LOT = 2_000
_UNIT_EVENTS_PER_LOT = 20_000  # ten a pack: printed, packed twice, three times sent and received


def world_of(unit_events: int, formats: tuple[str, ...]) -> World:
    """A world of about so many unit events."""
    lots = max(1, unit_events // _UNIT_EVENTS_PER_LOT)
    start = date(2026, 1, 5)
    return World(
        lots,
        PACKS_PER_LOT,
        7,
        start,
        365,
        noise=NOISE["real"],
        formats=formats,
        delivery_days=30,
    )


def measure(millions: list[int]) -> list[dict[str, float]]:
    """Seconds, peak memory and size on disk of each world, with the growth from the one before."""
    rows: list[dict[str, float]] = []
    for number in millions:
        command = [sys.executable, "-m", "tests.bench.worlds", "--one", str(number)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        row: dict[str, float] = json.loads(done.stdout)
        if rows:
            before = rows[-1]
            row["growth"] = (row["seconds"] / before["seconds"]) / (
                row["unit_events"] / before["unit_events"]
            )
        rows.append(row)
    return rows


def _one(millions: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        started = time.perf_counter()
        told = simulate(Path(name), world_of(millions * 1_000_000, ("parquet",)))
        seconds = time.perf_counter() - started
        size = sum(path.stat().st_size for path in Path(name).rglob("*") if path.is_file())
    return {
        "unit_events": told.unit_events,
        "events": told.events,
        "seconds": seconds,
        "peak_mb": peak_memory_mb(),
        "disk_mb": size / 1e6,
    }


if __name__ == "__main__":
    if sys.argv[1] == "--one":
        print(json.dumps(_one(int(sys.argv[2]))))
    else:
        for row in measure([int(word) for word in sys.argv[1:]]):
            print(json.dumps(row))
