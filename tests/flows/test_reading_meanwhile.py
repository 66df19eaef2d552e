"""Who asks in SQL while a batch runs gets an answer at once, of one published run or the next.

Nothing here depends on how fast the machine is. The batch stands still again and again, in the
middle of publishing too: a reader that waited for it in any way would wait for ever. What the
reader itself counts as waiting is time in which it neither computed nor stood in line for a
processor, so other work on the machine does not show in it.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.flows.conftest import SampleRun

ROOT = Path(__file__).parents[2]
WAIT_S = 0.1
PATIENCE_S = 300  # with a machine that has other things to do; never with the batch
ASKED_ANEW = 6  # answers, of both copies in turn: two are of questions asked before


@contextmanager
def reader(folder: Path, warehouse: Path, still: Path) -> Iterator[Callable[[], list[Any]]]:
    """A process that asks; gives what it was answered so far. An error of it fails the test."""
    command = [sys.executable, "-m", "tests.flows.reading_process", str(warehouse), str(still)]
    answers = folder / "answers.jsonl"
    with (
        answers.open("w") as sink,
        subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):

        def so_far() -> list[Any]:
            assert process.poll() is None, process.communicate()[1]
            *whole, _ = answers.read_text(encoding="utf-8").split("\n")
            return [json.loads(line) for line in whole]

        try:
            yield so_far
            _, error = process.communicate("\n", timeout=PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == 0, error


def wait_for(what: str, is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, f"{what}: none within {PATIENCE_S} s"
        time.sleep(0.01)


def run_with_stops(words: list[str], while_stopped: Callable[[], None]) -> tuple[int, int]:
    """Run a batch that stops itself; return how often it did, and its exit code."""
    stops = 0
    command = [sys.executable, "-m", "tests.flows.batch_process", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as batch:
        while True:
            _, status = os.waitpid(batch.pid, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                batch.returncode = os.waitstatus_to_exitcode(status)
                return stops, batch.returncode
            stops += 1
            try:
                while_stopped()
            finally:
                batch.send_signal(signal.SIGCONT)


def test_a_reader_is_never_refused_held_up_or_shown_half_a_run(
    sample: SampleRun, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    home = tmp_path / "home"
    shutil.copytree(sample.job.warehouse.parent, home)
    warehouse = home / sample.job.warehouse.name
    still = tmp_path / "still" / "s.duckdb"
    still.parent.mkdir()
    shutil.copyfile(sample.outcome.snapshot, still.with_name("s.0001-still.duckdb"))
    as_of = (sample.job.as_of + timedelta(days=1)).isoformat()
    with reader(tmp_path, warehouse, still) as answers:

        def asked_anew() -> None:
            before = len(answers())
            wait_for("answers", lambda: len(answers()) >= before + ASKED_ANEW)

        stops, exit_code = run_with_stops([str(home / "inbox"), str(home), as_of], asked_anew)
        assert exit_code == 0
        asked_anew()
        given = answers()
    assert stops > 20
    assert all(answer["is_consistent"] for answer in given)
    live = [answer for answer in given if answer["of"] == "live"]
    shown = list(dict.fromkeys(answer["run_id"] for answer in live))
    assert len(shown) == 2
    assert shown[0] == sample.outcome.run_id
    # Opening costs more than asking: it is done once for each published state.
    assert sum(answer["is_opening"] for answer in live) == 2
    record_property("answers", len(live))
    for of in ("live", "still"):
        took = sorted(answer["s"] for answer in given if answer["of"] == of)
        record_property(f"{of}_median_s", took[len(took) // 2])
        record_property(f"{of}_longest_s", took[-1])
    waits = sorted(answer["waited_s"] for answer in live if answer["waited_s"] is not None)
    if not waits:
        pytest.skip("this system does not count how long a process stands in line")
    record_property("longest_wait_s", waits[-1])
    # A disk that stalls may hold up an answer now and then, whoever asks; the batch holds up none.
    assert waits[len(waits) * 95 // 100] < WAIT_S
