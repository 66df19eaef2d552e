"""``touchstone serve``: Prefect's page, the schedule and the runs, from one command."""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

from data.errors import OrchestratorError, TouchstoneError
from flows.remote import is_remote
from flows.settings import Settings

HOST = "127.0.0.1"  # the page shows runs to whoever can reach it: this machine only
START_S = 120


def serve(
    inputs: list[str], settings_file: Path | None, settings: Settings, cron: str, port: int
) -> None:
    """Serve until interrupted: a page on this machine, one run at a time, on a schedule.

    Raises TouchstoneError where the page does not come up, OrchestratorError where its server ends
    before this command does. A run in progress ends with it; what it landed stays.
    """
    with _server(settings, port) as server:
        from flows.scheduled import run_scheduled

        try:
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
        except BaseException as error:  # the interruption below may come wrapped in a group
            if server.poll() is None:
                raise
            raise _lost(server) from error
        if server.poll() is not None:
            raise _lost(server)


def _lost(server: "subprocess.Popen[bytes]") -> OrchestratorError:
    return OrchestratorError(
        f"serve: Prefect's server ended (code {server.returncode}), and the schedule with it. "
        f"Look at {_log()}, then start touchstone serve again: a run that was stopped goes on, "
        "since what was landed stays."
    )


def _log() -> Path:
    return Path(os.environ["PREFECT_HOME"]) / "server.log"


@contextmanager
def _server(settings: Settings, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A Prefect server of our own for as long as the block runs, which ends where the server does.

    Without a server no run is started and none can say how it ended. Prefect notices after half a
    minute, with a page of tracebacks; here the block is interrupted at once.
    """
    url = f"http://{HOST}:{port}/api"
    log = _log()
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port"]
    page = {
        "PREFECT_SERVER_UI_API_URL": url,
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    }
    with log.open("ab") as sink:
        process = subprocess.Popen(  # noqa: S603
            [*command, str(port)],
            stdout=sink,
            stderr=sink,
            env={**os.environ, **page},
            process_group=0,  # Ctrl-C is for this command, which then ends the server
        )
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))  # nor is a closed terminal
    is_over = threading.Event()

    def watch() -> None:
        process.wait()
        if not is_over.is_set():
            os.kill(os.getpid(), signal.SIGINT)

    try:
        _wait_for(f"{url}/health", process, log)
        os.environ["PREFECT_API_URL"] = url
        threading.Thread(target=watch, daemon=True).start()
        yield process
    finally:
        is_over.set()
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
