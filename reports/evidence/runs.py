"""What runs recorded about themselves: this one, the one before, and the trend of tiers."""

import duckdb

from data.record.canonical import digest
from reports import rows as made
from reports.claims import Run, RunCounts
from reports.evidence.reading import read

MOST_RUNS = 12  # of the trend; a run that is made again needs what they judged


def run_of(con: duckdb.DuckDBPyConnection) -> Run:
    """Read what the run that judged recorded about itself.

    Its input files are counted and hashed together: listed on every page, they would make a page
    grow with all that was ever landed. The run's own manifest lists them.
    """
    rows = read(con, "SELECT * FROM raw_run WHERE run_id = (SELECT max(run_id) FROM lot_risk)")
    if not rows:
        return Run("not recorded", None, ())
    manifest = tuple(
        (name, {"files": len(value), "sha256": digest(value)} if name == "inputs" else value)
        for name, value in made.pairs_of(rows[0]["manifest"])
    )
    return Run(rows[0]["run_id"], rows[0]["as_of"], manifest)


def read_run_before(con: duckdb.DuckDBPyConnection) -> str | None:
    """The run that this one was compared with, where there was one."""
    rows = read(
        con,
        "SELECT before_run_id FROM raw_judged_run "
        "WHERE run_id = (SELECT max(run_id) FROM lot_risk)",
    )
    return rows[0]["before_run_id"] if rows else None


def read_trend(con: duckdb.DuckDBPyConnection) -> tuple[RunCounts, ...]:
    """Lots by tier of this run, the run it was compared with, and so on back."""
    runs = {row["run_id"]: row for row in read(con, "SELECT * FROM raw_judged_run")}
    counts: dict[str, dict[str, int]] = {}
    for row in read(con, "SELECT run_id, tier, count(*) AS n FROM raw_lot_judgement GROUP BY ALL"):
        counts.setdefault(row["run_id"], {})[row["tier"]] = row["n"]
    trend: list[RunCounts] = []
    run = runs.pop(run_of(con).run_id, None)
    while run is not None and len(trend) < MOST_RUNS:
        trend.append(RunCounts(run["run_id"], run["as_of"], counts.get(run["run_id"], {})))
        run = runs.pop(run["before_run_id"], None)
    return tuple(trend)
