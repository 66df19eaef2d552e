"""``touchstone serve``: Prefect's page, the schedule and the runs, from one command."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

from data.errors import TouchstoneError
from flows.remote import is_remote
from flows.settings import Settings

HOST = "127.0.0.1"  # the page shows runs to whoever can reach it: this machine only
START_S = 120


def serve(
    inputs: list[str], settings_file: Path | None, settings: Settings, cron: str, port: int
) -> None:
    """Serve until interrupted: a page on this machine, one run at a time, on a schedule.

    Raises TouchstoneError where the page does not come up.
    """
    with _server(settings, port):
        from flows.scheduled import run_scheduled

        _end_orphans()
        run_scheduled.serve(
            name="nightly",
            cron=cron,
            parameters={
                "inputs": [
                    text if is_remote(text) else str(Path(text).resolve()) for text in inputs
                ],
                "settings": str(settings_file.resolve()) if settings_file else None,
            },
            limit=1,
            pause_on_shutdown=False,
            print_starting_message=False,
        )


@contextmanager
def _server(settings: Settings, port: int) -> Iterator[None]:
    """A Prefect server of our own for as long as the block runs."""
    url = f"http://{HOST}:{port}/api"
    log = Path(os.environ["PREFECT_HOME"]) / "server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port"]
    page = {
        "PREFECT_SERVER_UI_API_URL": url,
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    }
    with log.open("ab") as sink:
        process = subprocess.Popen(  # noqa: S603
            [*command, str(port)], stdout=sink, stderr=sink, env={**os.environ, **page}
        )
    try:
        _wait_for(f"{url}/health", process, log)
        os.environ["PREFECT_API_URL"] = url
        yield
    finally:
        process.terminate()
        process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(START_S * 4):
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own server
                return
        except (URLError, OSError):
            time.sleep(0.25)
    raise TouchstoneError(
        f"serve: Prefect's page did not come up. Is the port free? Its log is {log}; name another "
        "port with --port."
    )


def _end_orphans() -> None:
    """Runs that a killed machine left as running are over: this process alone may run."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import (
        FlowFilter,
        FlowFilterName,
        FlowRunFilter,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType
    from prefect.states import Crashed

    with get_client(sync_client=True) as client:
        left = client.read_flow_runs(
            flow_filter=FlowFilter(
                name=FlowFilterName(any_=["touchstone-scheduled", "touchstone"])
            ),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(
                    type=FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING])
                )
            ),
        )
        for run in left:
            client.set_flow_run_state(
                run.id, Crashed(message="The machine or process stopped."), force=True
            )
