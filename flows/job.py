"""From settings to a job: what a run reads, where it works, and how it is recorded."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from flows.inbox import Inbox
from flows.record import Recording, system_actor
from flows.settings import Settings
from flows.steps import Job


def recording_of(settings: Settings) -> Recording:
    """Who acts, and how the record is kept."""
    return Recording(
        actor=settings.actor or system_actor(),
        reason=settings.change_reason,
        needs_reason=settings.require_reason,
        keep_originals=settings.keep_originals,
        signing_key=settings.signing_key,
        anchor=settings.anchor,
    )


def job_of(settings: Settings, inputs: Iterable[Path], as_of: datetime) -> Job:
    """The job of some inputs; ``as_of`` is UTC, without an offset."""
    return Job(
        inputs=tuple(inputs),
        warehouse=settings.warehouse,
        reports=settings.reports,
        as_of=as_of,
        memory_limit=settings.memory_limit,
        threads=settings.threads,
        cluster=settings.cluster,
        max_epcs=settings.max_epcs_per_event,
        thresholds=settings.patterns,
        tuning={
            pattern: {str(name): text for name, text in said.items()}
            for pattern, said in settings.tuning.items()
        },
        mappings=settings.mappings,
        pdf=settings.pdf,
        language=settings.language,
        recording=recording_of(settings),
        inbox=Inbox(
            settings.settle_s, settings.move_done, settings.move_set_aside, settings.arrived_by
        ),
        archives=settings.archive,
        quiet_days=settings.archive_quiet_days,
        expired_days=settings.archive_expired_days,
    )
