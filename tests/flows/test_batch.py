"""The same batch through Prefect, in a process of its own: a private server, no network."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from data.simulator.sample.demo import DemoFeed, make_demo_feed

ROOT = Path(__file__).parents[2]


def small_feed(folder: Path) -> DemoFeed:
    feed = make_demo_feed(folder)
    for path in sorted(feed.inbox.glob("*.*"))[12:-8]:
        path.unlink()  # a few months of a few partners are enough here
    return feed


def in_own_process(folder: Path, code: str, *words: str) -> "subprocess.CompletedProcess[str]":
    keep = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        check=False,
        cwd=folder,
        env={**keep, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "PREFECT_LOGGING_LEVEL": "INFO"},
        capture_output=True,
        text=True,
    )


def test_the_flow_runs_every_step_as_a_task_and_ends_with_an_index(tmp_path: Path) -> None:
    feed = small_feed(tmp_path)
    words = ["run", str(feed.inbox), "--as-of", feed.as_of.isoformat()]
    # Into a folder that is not there yet, as on a first run.
    words += ["--warehouse", str(tmp_path / "new" / "w.duckdb")]
    words += ["--out", str(tmp_path / "reports")]
    done = in_own_process(tmp_path, "from flows.command_line import main; main()", *words)
    assert done.returncode == 0, done.stderr
    assert "in 20 new files" in done.stdout
    assert (tmp_path / "reports" / "index.html").is_file()
    assert (tmp_path / "new" / "prefect").is_dir()  # its state stays beside the warehouse
    assert done.stderr.count("prefect.task_runs: Finished in state Completed()") == 12
    assert "leaked" not in done.stderr


@pytest.mark.slow
def test_a_scheduled_run_leaves_its_digest_on_the_run_page(tmp_path: Path) -> None:
    feed = small_feed(tmp_path)
    (feed.inbox / "odd.xml").write_text("<not-epcis/>")
    code = (
        "import sys; from flows.command_line import _quiet_prefect; "
        "from flows.settings import load_settings; _quiet_prefect(load_settings(), 'INFO'); "
        "from flows.scheduled import run_scheduled; run_scheduled([sys.argv[1]]); "
        "from prefect.client.orchestration import get_client; "
        "[print(a.key, a.data) for a in get_client(sync_client=True).read_artifacts()]"
    )
    done = in_own_process(tmp_path, code, str(feed.inbox))
    assert done.returncode == 0, done.stderr
    assert "touchstone-digest Lots: " in done.stdout
    assert "| 1 | XML that is not EPCIS" in done.stdout
    assert (tmp_path / "var" / "reports" / "index.html").as_uri() in done.stdout
