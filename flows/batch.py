"""The batch as a Prefect flow: the steps of ``flows.steps``, each as a task.

Needs no Prefect server and no network: without ``PREFECT_API_URL`` Prefect starts a private one
for the length of the run. Only landing is retried, since it alone reads what others may be
writing, and landing a file twice changes nothing.
"""

from collections.abc import Callable
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from data.errors import OrchestratorError, TouchstoneError
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
def run_batch(job: Job, say: Progress, watched: Callable[[Step], Step] | None = None) -> Outcome:
    """Land what is new, rebuild, judge, and write the reports."""
    return run_steps(job, say, lambda step: (watched or _unwatched)(_as_task(step)))


def _unwatched(step: Step) -> Step:
    return step


def run_orchestrated(
    job: Job, say: Progress, watched: Callable[[Step], Step] | None = None
) -> Outcome:
    """Run the flow; a server that cannot be reached, or goes away, is told in one line.

    ``watched`` may measure each task. Raises OrchestratorError. The run is repeated like any other:
    what was landed stays.
    """
    try:
        return run_batch(job, say, watched)
    except TouchstoneError:
        raise
    except Exception as error:
        if _is_of_server(error):
            raise OrchestratorError(
                f"Prefect's server cannot be reached, or went away ({type(error).__name__}). Start "
                "it, unset PREFECT_API_URL for a private one, or add --direct; then run again: "
                "what was landed stays."
            ) from error
        raise


def _is_of_server(error: BaseException | None) -> bool:
    """True where the network to the server, not a step, is what failed."""
    while error is not None:
        if type(error).__module__.split(".")[0] in {"httpx", "httpcore"}:
            return True
        said = str(error)  # a private server that does not come up in time counts as well
        if any(words in said for words in ("PREFECT_API_URL", "Failed to reach API", "ephemeral")):
            return True
        error = error.__cause__ or error.__context__
    return False
