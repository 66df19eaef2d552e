"""Lands a folder in a process of its own, which a test may kill: it waits at every step.

Arguments: warehouse, folder. At each step one line goes to standard output; it goes on when a line
comes in.
"""

import sys
from pathlib import Path

from data.warehouse import load
from data.warehouse.connection import open_warehouse
from data.warehouse.landing import LandingProgress, land
from tests.data.batches import AT, feed_from_name

BYTES_AT_ONCE = 1  # each batch by itself: several steps a file


def main() -> None:
    """Land, pausing at each step."""
    load.BYTES_AT_ONCE = BYTES_AT_ONCE

    def pause(progress: LandingProgress) -> None:
        sys.stdout.write(f"{progress.number} {progress.records}\n")
        sys.stdout.flush()
        sys.stdin.readline()

    with open_warehouse(Path(sys.argv[1])) as con:
        land(con, [Path(sys.argv[2])], AT, on_progress=pause, read=feed_from_name)


if __name__ == "__main__":
    main()
