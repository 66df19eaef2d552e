"""A whole run in a process of its own that stops itself at fixed moments; who started it goes on.

Arguments: the inbox, the folder of the warehouse and the reports, and the time to look back from.
It stops (SIGSTOP) at the end of every step, after every tenth model, and while it publishes: with
the copy written and not on the disk yet, shown to nobody yet, and shown.
"""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any

from data.warehouse import snapshot
from flows.steps import Step, run_steps
from tests.flows.conftest import job_for

EVERY = 10


def stop() -> None:
    """Stand still until told to go on."""
    os.kill(os.getpid(), signal.SIGSTOP)


def stopping(step: Step) -> Step:
    """The same step, with a stop behind it."""

    @wraps(step)
    def stepped(*words: Any, **named: Any) -> Any:
        made = step(*words, **named)
        stop()
        return made

    return stepped


def before(act: Callable[..., Any]) -> Callable[..., Any]:
    """The same act, with a stop before it."""

    @wraps(act)
    def acted(*words: Any, **named: Any) -> Any:
        stop()
        return act(*words, **named)

    return acted


def main() -> None:
    """Run, with stops."""
    told = 0

    def say(_: object) -> None:
        nonlocal told
        told += 1
        if told % EVERY == 0:
            stop()

    inbox, folder, as_of = sys.argv[1:]
    job = job_for(Path(inbox), Path(folder), datetime.fromisoformat(as_of))
    snapshot.settle, snapshot.reveal = before(snapshot.settle), before(snapshot.reveal)
    run_steps(replace(job, full=True), say, stopping)


if __name__ == "__main__":
    main()
