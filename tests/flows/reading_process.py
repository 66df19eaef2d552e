"""Asks the newest published copy again and again, in a process of its own, until told to stop.

Arguments: the warehouse, and a copy that nobody writes, asked in turn with it. Each answer is one
line of JSON; an error ends the process.

    of           ``live`` or ``still``
    s            seconds from the question to the answer
    waited_s     of these, seconds in which this process neither computed nor stood in line for a
                 processor: what it waited for others; null where the system does not count them
    is_opening   whether the copy was opened for this question
    run_id       the run shown
    is_consistent  whether what was shown belongs together
"""

import json
import select
import sys
import time
from pathlib import Path

import duckdb

from data.warehouse import published
from data.warehouse.published import Published

QUERY = """
SELECT
    (SELECT max(run_id) FROM lot_risk) AS run_id,
    (SELECT count(DISTINCT run_id) FROM lot_risk) = 1
    AND (SELECT count(*) FROM finding AS f ANTI JOIN lot_risk AS l ON l.run_id = f.run_id) = 0
    AND (SELECT count(*) FROM check_source_file_sum) = 0 AS is_consistent
"""
# Linux counts for a thread the nanoseconds on a processor and in line for one.
COUNTS = Path("/proc/thread-self/schedstat")


def main() -> None:
    """Ask until told to stop."""
    opened: list[Path] = []

    def noted(path: Path, *, threads: int | None = None) -> duckdb.DuckDBPyConnection:
        opened.append(path)
        return open_read_only(path, threads=threads)

    open_read_only, published.open_read_only = published.open_read_only, noted
    live, still = (Published(Path(path), threads=1) for path in sys.argv[1:])
    while not select.select([sys.stdin], [], [], 0.02)[0]:
        for of, copy in (("live", live), ("still", still)):
            before = len(opened)
            started, busy = time.perf_counter(), _busy_s()
            with copy.connection() as con:
                run_id, is_consistent = con.execute(QUERY).fetchall()[0]
            taken = time.perf_counter() - started
            line = {
                "of": of,
                "s": taken,
                "waited_s": None if busy is None else taken - ((_busy_s() or 0.0) - busy),
                "is_opening": len(opened) > before,
                "run_id": run_id,
                "is_consistent": is_consistent,
            }
            sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def _busy_s() -> float | None:
    if not COUNTS.exists():
        return None
    # The second number is the standing in line; the time on a processor is exact elsewhere.
    return time.thread_time() + int(COUNTS.read_text().split()[1]) / 1e9


if __name__ == "__main__":
    main()
