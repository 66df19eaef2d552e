"""The whole job on worlds of growing size: time, memory, growth: ``touchstone bench scale``.

Each world is simulated, and each is run, in a process of its own. Seconds depend on the machine and
on what else it does, so what is compared are ratios: processor seconds over those of one lag-window
pass over the same item events (a *pass*), measured in the same process right after the run.
"""

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from datetime import datetime
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[2]
STORED = ROOT / "docs" / "benchmarks" / "scale.json"
PAGE = ROOT / "docs" / "scale.md"
BEGIN, END = "<!-- figures: touchstone bench scale -->", "<!-- end of figures -->"

YEAR_MILLIONS = 100  # of the profile's nominal events: some 111 million in the end
WHOLE_D = 1_000  # one file a partner: what is measured is rows, not opening files
WORSE = 1.10  # a ratio over this many times the stored one is a regression
SMALL_PASSES = 0.5  # parts under this are not compared one by one: their noise is larger
SIZE_FOR_PARTS = 5_000_000  # unit events; in smaller worlds fixed costs outweigh the rows
PASSES = 3

# What a reader must at least do to see each pack's event beside the one before.
LAG_WINDOW = """
SELECT count(*) FILTER (WHERE site_id <> prev_site_id AND event_at - prev_at < INTERVAL 1 HOUR)
FROM (
    SELECT
        site_id, event_at,
        lag(site_id) OVER life AS prev_site_id,
        lag(event_at) OVER life AS prev_at
    FROM core_item_event
    WINDOW life AS (PARTITION BY unit_id ORDER BY ord)
)
"""

Results = dict[str, Any]
_PATTERN = re.compile(r"P\d\d_")


def measure(
    millions: list[float], memory_limit: str = "4GB", folder: Path | None = None
) -> Results:
    """Run the job on worlds of so many million unit events; return all figures.

    ``folder`` holds the worlds and warehouses while they last; the system's by default.
    """
    load = os.getloadavg()[0]
    worlds = [_in_own_process(number, memory_limit, folder) for number in millions]
    return {
        "machine": _machine() | {"load_before": round(load, 1)},
        "memory_limit": memory_limit,
        "worlds": worlds,
    }


def _in_own_process(millions: float, memory_limit: str, folder: Path | None) -> Results:
    with tempfile.TemporaryDirectory(dir=folder) as work:
        told = _child("--world", str(millions), work)
        return told | _child("--run", work, told["as_of"], memory_limit)


def _child(*words: str) -> Results:
    command = [sys.executable, "-m", "tests.bench.scale", *words]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    answer: Results = json.loads(done.stdout.splitlines()[-1])
    return answer


def _write_world(millions: float, work: Path) -> Results:
    from data.simulator.world import simulate
    from tests.bench.worlds import world_of

    world = replace(world_of(int(millions * 1e6), ("parquet",)), delivery_days=WHOLE_D)
    told = simulate(work, world)
    size = sum(path.stat().st_size for path in (work / "feed").rglob("*") if path.is_file())
    return {
        "unit_events": told.unit_events,
        "events": told.events,
        "feed_mb": round(size / 1e6, 1),
        "as_of": told.as_of.replace(tzinfo=None).isoformat(),
    }


def _run_world(work: Path, as_of: datetime, memory_limit: str) -> Results:
    from data.warehouse.connection import open_read_only
    from flows.job import job_of
    from flows.profile import Watch
    from flows.settings import Settings
    from flows.steps import run_steps

    settings = Settings(
        warehouse=work / "w.duckdb", reports=work / "reports", memory_limit=memory_limit
    )
    watch = Watch(lambda _said: None)
    run_steps(job_of(settings, [work / "feed"], as_of), watch.say, watch.step)
    run, *rest = (asdict(span) for span in watch.spans())
    passes = []
    with open_read_only(settings.warehouse, memory_limit=memory_limit, threads=2) as con:
        for _ in range(PASSES):
            wall, cpu = time.perf_counter(), time.process_time()
            con.execute(LAG_WINDOW).fetchall()
            passes.append((time.process_time() - cpu, time.perf_counter() - wall))
    return {
        "seconds": round(run["seconds"], 2),
        "cpu_s": round(run["cpu_s"], 2),
        "peak_mb": run["peak_mb"] and round(run["peak_mb"]),
        "warehouse_mb": round(settings.warehouse.stat().st_size / 1e6),
        "pass_cpu_s": round(median(cpu for cpu, _ in passes), 3),
        "pass_s": round(median(wall for _, wall in passes), 3),
        "patterns_cpu_s": round(sum(r["cpu_s"] for r in rest if _PATTERN.match(r["part"])), 3),
        "spans": [_rounded(row) for row in rest],
    }


def _rounded(row: Results) -> Results:
    return {key: round(v, 3) if isinstance(v, float) else v for key, v in row.items()}


def _machine() -> dict[str, Any]:
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text(encoding="utf-8").splitlines() if cpu.exists() else []
    model = next((line.split(":", 1)[1].strip() for line in lines if "model name" in line), None)
    page, pages = (os.sysconf(name) for name in ("SC_PAGE_SIZE", "SC_PHYS_PAGES"))
    return {
        "processor": model or platform.processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(page * pages / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: version(name) for name in ("duckdb", "polars", "numba", "scikit-learn")},
    }


# --- ratios --------------------------------------------------------------------------------------


def ratios(results: Results) -> dict[str, float]:
    """The figures that another machine should reproduce, by name.

    Passes a step took, and each model or kind of document that took long, in the largest world;
    what the patterns took together; and how cost per unit event grew from world to world.
    """
    found = {}
    worlds = results["worlds"]
    largest = worlds[-1]
    found["the whole run, passes"] = largest["cpu_s"] / largest["pass_cpu_s"]
    found["forty patterns, passes"] = largest["patterns_cpu_s"] / largest["pass_cpu_s"]
    if largest["unit_events"] >= SIZE_FOR_PARTS:
        for row in largest["spans"]:
            passes = row["cpu_s"] / largest["pass_cpu_s"]
            if row["level"] == "step" or passes > SMALL_PASSES:
                found[f"{row['step']} {row['part']}".strip() + ", passes"] = passes
    for before, after in pairwise(worlds):
        name = f"cost of a unit event, {_millions(before)} to {_millions(after)}"
        found[name] = growth(before, after)
    return found


def growth(before: Results, after: Results, measure_: str = "cpu_s") -> float:
    """How many times what it was the cost of a unit event became; 1 is linear."""
    return float(
        (after[measure_] / after["unit_events"]) / (before[measure_] / before["unit_events"])
    )


def regressions(results: Results, stored: Results) -> list[str]:
    """What is over a tenth worse than stored, one line each; both of the same sizes.

    A part that was too small to be compared then, and is not now, is held against that smallness.
    """
    before, now = ratios(stored), ratios(results)
    lines = []
    for name, value in now.items():
        was = before.get(name, SMALL_PASSES)
        if value > WORSE * was:
            lines.append(f"{name}: {value:.2f}, stored {was:.2f} ({value / was:.2f} times)")
    return lines


def same_sizes(results: Results, stored: Results) -> bool:
    """True where both ran worlds of the same unit events."""
    return [w["unit_events"] for w in results["worlds"]] == [
        w["unit_events"] for w in stored["worlds"]
    ]


# --- the page ------------------------------------------------------------------------------------


def table(results: Results, longest: int = 15) -> str:
    """The figures as Markdown, for docs/scale.md."""
    machine = results["machine"]
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, "
        f"{machine['system']}, Python {machine['python']}, "
        + ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
        + f"; `memory_limit` {results['memory_limit']}; load before the start "
        f"{machine['load_before']}.",
        "",
        "| unit events | wall s | CPU s | CPU s a million | growth | peak MB | warehouse MB | "
        "pass CPU s | patterns / pass |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    before = None
    for world in results["worlds"]:
        grown = "" if before is None else f"{growth(before, world):.2f}"
        lines.append(
            f"| {_millions(world)} | {world['seconds']:,.0f} | {world['cpu_s']:,.0f} "
            f"| {world['cpu_s'] / world['unit_events'] * 1e6:.1f} | {grown} "
            f"| {world['peak_mb'] or 0:,} | {world['warehouse_mb']:,} | {world['pass_cpu_s']:.2f} "
            f"| {world['patterns_cpu_s'] / world['pass_cpu_s']:.1f} |"
        )
        before = world
    lines += ["", *_longest(results["worlds"], longest)]
    return "\n".join(lines)


def _longest(worlds: list[Results], longest: int) -> list[str]:
    """The steps and parts that take most of the largest world, with their growth."""
    largest, smaller = worlds[-1], worlds[-2] if len(worlds) > 1 else None
    lines = [
        f"| step, part ({_millions(largest)}) | wall s | CPU s | share | rows | peak MB | growth |",
        "|---|---|---|---|---|---|---|",
    ]
    spans = sorted(largest["spans"], key=lambda r: (r["level"] != "step", -r["cpu_s"], r["part"]))
    shown = [row for row in spans if row["level"] == "step"]
    shown += [row for row in spans if row["level"] == "part"][:longest]
    for row in shown:
        old = _same(row, smaller["spans"]) if smaller else None
        grown = ""
        if old and old["cpu_s"] > 0 and smaller:
            factor = largest["unit_events"] / smaller["unit_events"]
            grown = f"{row['cpu_s'] / old['cpu_s'] / factor:.2f}"
        lines.append(
            f"| {row['part'] or '**' + row['step'] + '**'} | {row['seconds']:,.1f} "
            f"| {row['cpu_s']:,.1f} | {row['cpu_s'] / largest['cpu_s']:.1%} "
            f"| {'' if row['rows'] is None else format(row['rows'], ',')} "
            f"| {row['peak_mb'] or 0:,.0f} | {grown} |"
        )
    return lines


def _same(row: Results, spans: list[Results]) -> Results | None:
    key = (row["level"], row["step"], row["part"])
    return next((r for r in spans if (r["level"], r["step"], r["part"]) == key), None)


def _millions(world: Results) -> str:
    return f"{world['unit_events'] / 1e6:.1f} million"


def store(results: Results) -> None:
    """Keep the results in the repository, and write their table into docs/scale.md."""
    STORED.parent.mkdir(parents=True, exist_ok=True)
    STORED.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")


def stored_results() -> Results:
    """The results kept in the repository."""
    found: Results = json.loads(STORED.read_text(encoding="utf-8"))
    return found


def with_table(page: str, results: Results) -> str:
    """The page with the table of the results between its two marks."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{table(results)}\n\n{END}{tail}"


if __name__ == "__main__":
    if sys.argv[1] == "--world":
        print(json.dumps(_write_world(float(sys.argv[2]), Path(sys.argv[3]))))
    else:
        work, as_of, limit = Path(sys.argv[2]), datetime.fromisoformat(sys.argv[3]), sys.argv[4]
        print(json.dumps(_run_world(work, as_of, limit)))
