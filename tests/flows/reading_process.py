"""Asks the newest published copy again and again, in a process of its own, until told to stop.

Argument: the warehouse. Each answer is one line of JSON: seconds it took, the run shown, and
whether what was shown belongs together; an error ends the process.
"""

import json
import select
import sys
import time
from pathlib import Path

from data.warehouse.connection import open_read_only
from data.warehouse.snapshot import newest_snapshot

QUERY = """
SELECT
    (SELECT max(run_id) FROM lot_risk) AS run_id,
    (SELECT count(DISTINCT run_id) FROM lot_risk) = 1
    AND (SELECT count(*) FROM finding AS f ANTI JOIN lot_risk AS l ON l.run_id = f.run_id) = 0
    AND (SELECT count(*) FROM check_source_file_sum) = 0 AS is_consistent
"""


def main() -> None:
    """Ask until told to stop."""
    warehouse = Path(sys.argv[1])
    while not select.select([sys.stdin], [], [], 0.02)[0]:
        started = time.perf_counter()
        with open_read_only(newest_snapshot(warehouse) or warehouse) as con:
            opened = time.perf_counter() - started
            run_id, is_consistent = con.execute(QUERY).fetchall()[0]
        taken = time.perf_counter() - started
        line = {"open_s": opened, "s": taken, "run_id": run_id, "is_consistent": is_consistent}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
