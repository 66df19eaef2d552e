"""The batch on a schedule: plain parameters in, a run page that a person reads.

A scheduled run looks back from the time it was scheduled for, not from when a machine got round to
it, so that a run made again gives the same bytes.
"""

from datetime import UTC, datetime
from pathlib import Path

from prefect import flow
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.runtime import flow_run

from data.errors import InputError
from flows.batch import run_orchestrated
from flows.digest import digest_lines, set_aside_table
from flows.job import job_of
from flows.notify import notify
from flows.quiet_exit import hush_exit
from flows.remote import local_inputs
from flows.settings import load_settings

hush_exit()  # a schedule starts each run in a process of its own, which imports this module


@flow(name="touchstone-scheduled", log_prints=True)
def run_scheduled(inputs: list[str], settings: str | None = None) -> str:
    """Run the batch over an inbox and leave its digest on the run's page.

    Parameters
    ----------
    inputs : list of str
        Files, folders and addresses that partners deliver to.
    settings : str, optional
        TOML settings file.

    Returns the path of the index. Raises InputError where an input is absent.
    """
    chosen = load_settings(Path(settings) if settings else None)
    paths = local_inputs(inputs, chosen.warehouse)
    if absent := [str(path) for path in paths if not path.exists()]:
        raise InputError(f"{', '.join(absent)}: no such file or folder. Name what partners sent.")
    job = job_of(chosen, paths, _scheduled_for())
    outcome = run_orchestrated(job, lambda text: None)
    lines = digest_lines(outcome)
    print(lines[0])
    notify(chosen, outcome)
    create_markdown_artifact(
        key="touchstone-digest",
        markdown="\n\n".join([*lines, set_aside_table(outcome.snapshot)]),
        description="What came in, what was set aside and why, and where lots stand.",
    )
    create_link_artifact(
        key="touchstone-index",
        link=outcome.index.resolve().as_uri(),
        link_text="Index of the reports",
    )
    return str(outcome.index)


def _scheduled_for() -> datetime:
    at = flow_run.scheduled_start_time or datetime.now(UTC)
    return at.astimezone(UTC).replace(microsecond=0, tzinfo=None)
