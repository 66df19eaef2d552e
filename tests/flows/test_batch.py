"""The same batch through Prefect, in a process of its own: a private server, no network."""

import os
import subprocess
import sys
from pathlib import Path

from data.simulator.demo import make_demo_feed

ROOT = Path(__file__).parents[2]


def test_the_flow_runs_every_step_as_a_task_and_ends_with_an_index(tmp_path: Path) -> None:
    feed = make_demo_feed(tmp_path)
    for path in sorted(feed.inbox.glob("*.*"))[12:-8]:
        path.unlink()  # a few months of a few partners are enough here
    words = ["run", str(feed.inbox), "--as-of", feed.as_of.isoformat()]
    words += ["--warehouse", str(tmp_path / "w.duckdb"), "--out", str(tmp_path / "reports")]
    keep = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", "from flows.command_line import main; main()", *words],
        check=False,
        cwd=tmp_path,
        env={**keep, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "PREFECT_LOGGING_LEVEL": "INFO"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "in 20 new files" in done.stdout
    assert (tmp_path / "reports" / "index.html").is_file()
    assert (tmp_path / "prefect").is_dir()  # its state stays beside the warehouse
    assert done.stderr.count("prefect.task_runs: Finished in state Completed()") == 10
    assert "leaked" not in done.stderr
