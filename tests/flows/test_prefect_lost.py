"""Prefect's server really dies in the middle of a run: a plain end, nothing half-done, no ghost."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from data.simulator.sample.demo import make_demo_feed
from flows.verify_command import verify
from tests.flows.test_batch import small_feed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc to see processes"),
]
ROOT = Path(__file__).parents[2]
PATIENCE_S = 900  # a crowded machine starts Prefect slowly


@contextmanager
def started(folder: Path, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """A command in a session of its own, which is ended whole."""
    keep = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-c", "from flows.command_line import main; main()", *words],
        cwd=folder,
        env={**keep, "HOME": str(folder), "PYTHONPATH": str(ROOT), "COLUMNS": "400"},
        stdout=subprocess.PIPE,
        stderr=(folder / "stderr").open("w"),
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        for pid in _processes_of(folder):
            os.kill(pid, signal.SIGKILL)
        process.wait()


def _processes_of(folder: Path) -> list[int]:
    """The processes that work in the folder, whoever started them."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                if (place / "cwd").readlink() == folder and (place / "cmdline").read_bytes():
                    found.append(int(place.name))
            except OSError:
                continue
    return found


def _servers(folder: Path) -> list[int]:
    found = []
    for pid in _processes_of(folder):
        try:
            words = (Path("/proc") / str(pid) / "cmdline").read_bytes()
        except OSError:
            continue
        if b"uvicorn" in words or b"server\0start" in words:
            found.append(pid)
    return found


def _wait(until: Callable[[], object], process: "subprocess.Popen[str]") -> None:
    ends = time.monotonic() + PATIENCE_S
    while not until():
        assert process.poll() is None, "it ended too early"
        assert time.monotonic() < ends, "nothing came of it"
        time.sleep(0.02)


def _kill_server(folder: Path) -> None:
    servers = _servers(folder)
    assert servers
    for pid in servers:
        os.kill(pid, signal.SIGKILL)


def _published_whole_or_not_at_all(folder: Path) -> None:
    reports = folder / "var" / "reports"
    if reports.exists():
        assert (reports / "index.html").is_file()
    assert verify(folder / "var" / "touchstone.duckdb", reports).faults == ()


def test_a_run_whose_private_server_is_killed_says_so_and_the_next_run_goes_on(
    tmp_path: Path,
) -> None:
    feed = small_feed(tmp_path)
    words = ["run", str(feed.inbox), "--as-of", feed.as_of.isoformat()]
    with started(tmp_path, *words) as run:
        _wait((tmp_path / "var" / "touchstone.duckdb").exists, run)
        _kill_server(tmp_path)
        assert run.wait(PATIENCE_S) == 18
        said = (tmp_path / "stderr").read_text()
        assert "Prefect's server" in said
        assert "what was landed stays" in " ".join(said.split())
        _published_whole_or_not_at_all(tmp_path)
    with started(tmp_path, *words, "--direct") as again:
        assert again.wait(PATIENCE_S) == 0
    assert (tmp_path / "var" / "reports" / "index.html").is_file()
    _published_whole_or_not_at_all(tmp_path)


def test_serve_ends_with_its_server_and_leaves_no_run_behind(tmp_path: Path) -> None:
    feed = make_demo_feed(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["serve", str(feed.inbox), "--cron", "* * * * *", "--port", str(port)]
    with started(tmp_path, *words) as serve:
        _wait((tmp_path / "var" / "touchstone.duckdb").exists, serve)
        _kill_server(tmp_path)
        assert serve.wait(PATIENCE_S) == 18
        said = " ".join((tmp_path / "stderr").read_text().split())
        assert "Prefect's server ended (code -9)" in said
        assert "Traceback" not in said
        assert _processes_of(tmp_path) == [], "the run that was in progress goes on without it"
        _published_whole_or_not_at_all(tmp_path)
    with started(tmp_path, *words) as again:
        _wait((tmp_path / "var" / "reports" / "index.html").exists, again)
        url = f"http://127.0.0.1:{port}/api/flow_runs/filter"
        runs = httpx.post(url, json={}, timeout=60).json()
        # The run that the server did not survive is over; the one that goes on may still be there.
        states = sorted(
            (run["expected_start_time"], run["state_type"])
            for run in runs
            if run["state_type"] not in ("SCHEDULED", "PENDING")
        )
        assert states[0][1] == "CRASHED"
        again.send_signal(signal.SIGINT)
        assert again.wait(PATIENCE_S) in (0, 130)
    _published_whole_or_not_at_all(tmp_path)
