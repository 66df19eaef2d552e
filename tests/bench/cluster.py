"""What a cluster of two processes on this machine costs against one process, step by step.

    python -m tests.bench.cluster WORLD AS_OF

WORLD is a folder with a ``feed``, as ``tests.bench.scale --world`` makes it. It is landed once; the
rest of the run is made twice, by one process and with ``--cluster local``, and both must give the
same tables. Processor seconds are told, since other work stretches them less than the clock, and
the bytes that lie in the shared folder when a step ends: what was sent and what came back.
"""

import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any

from data.warehouse.connection import open_read_only
from data.warehouse.standing import table_print
from flows import record, steps
from flows.job import job_of
from flows.settings import Settings


@dataclass(frozen=True)
class Cost:
    """Processor seconds of one step here and in other processes, and bytes in the shared folder."""

    step: str
    here_s: float
    others_s: float
    shared_mb: float


def measure(job: steps.Job) -> list[Cost]:
    """Make all that comes after landing; return what each step cost."""
    costs: list[Cost] = []

    def watched(step: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(step)
        def run(*given: Any) -> Any:
            here, others = time.process_time(), _others()
            try:
                return step(*given)
            finally:
                shared = job.warehouse.with_suffix(".elsewhere")
                costs.append(
                    Cost(
                        step.__name__ + (f" {given[1][0]}" if step is steps.build_layers else ""),
                        time.process_time() - here,
                        _others() - others,
                        sum(one.stat().st_size for one in shared.rglob("*.parquet")) / 1e6,
                    )
                )

        return run

    with record.recorded(job.warehouse, job.recording, job.reports) as trail:
        steps.begin_run(job, trail)
        steps.judge(job, lambda _: None, watched)
    return costs


def _others() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _tables(warehouse: Path) -> dict[str, str]:
    with open_read_only(warehouse) as con:
        names = con.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()
        return {name: table_print(con, name) for (name,) in names}


def main(world: Path, as_of: datetime) -> None:
    """Print both ways side by side; fail where they differ in a table."""
    with tempfile.TemporaryDirectory(dir=world) as name:
        one, two = Path(name) / "one", Path(name) / "two"
        settings = Settings(warehouse=one / "w.duckdb", reports=one / "reports")
        job = job_of(settings, [world / "feed"], as_of)
        with record.recorded(job.warehouse, job.recording, job.reports) as trail:
            steps.land_files(job, trail, lambda _: None)
        shutil.copytree(one, two)
        alone = measure(job)
        shared = measure(
            replace(job, warehouse=two / "w.duckdb", reports=two / "reports", cluster="local")
        )
        made = {where: _tables(where / "w.duckdb") for where in (one, two)}
    print("| step | one process, CPU s | here | in others | shared MB |")
    print("|---|---|---|---|---|")
    for a, b in zip(alone, shared, strict=True):
        print(
            f"| {a.step} | {a.here_s:.1f} | {b.here_s:.1f} | {b.others_s:.1f} | {b.shared_mb:.1f} |"
        )
    differing = [table for table, told in made[one].items() if made[two][table] != told]
    print("tables that differ:", ", ".join(differing) or "none")
    sys.exit(bool(differing))


if __name__ == "__main__":
    main(Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2]))
