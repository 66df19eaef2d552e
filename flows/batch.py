"""The batch as a Prefect flow: the steps of ``flows.steps``, each as a task.

Needs no Prefect server and no network: without ``PREFECT_API_URL`` Prefect starts a private one
for the length of the run. Only landing is retried, since it alone reads what others may be
writing, and landing a file twice changes nothing.
"""

from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.steps import Job, Outcome, Progress, Step, land_files, run_steps


def _may_pass(_task: Any, _run: Any, state: Any) -> bool:
    """A person's mistake does not mend itself; a busy disk or share may."""
    return isinstance(state.result(raise_on_failure=False), OSError)


def _as_task(step: Step) -> Step:
    if step is land_files:
        landing = task(
            cache_policy=NO_CACHE,
            retries=2,
            retry_delay_seconds=20,
            retry_condition_fn=_may_pass,
        )
        return landing(step)
    return task(cache_policy=NO_CACHE)(step)


@flow(name="touchstone", validate_parameters=False)
def run_batch(job: Job, say: Progress) -> Outcome:
    """Land what is new, rebuild, judge, and write the reports."""
    return run_steps(job, say, _as_task)
