"""What a run costs: seconds, rows and peak memory of each step and each part of it.

Parts are the models of a building step and the kinds of document of a landing step. A part's time
runs from the end of the part before it, so parts are disjoint and never more than their step.
"""

import csv
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any

from data.warehouse.landing import LandingProgress
from data.warehouse.models import BuiltModel
from flows.profile_picture import picture

Step = Callable[..., Any]

_STATUS = Path("/proc/self/status")
_FORGET_PEAK = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Span:
    """One stretch of a run.

    ``level`` is ``run``, ``step`` or ``part``; ``step`` and ``part`` name it. ``started_s`` counts
    from the run's start. ``cpu_s`` is what all threads worked, which other work on the machine
    stretches less than ``seconds``. ``rows`` are a model's rows, or the records of a
    kind of document. ``peak_mb`` is the most memory that the process held meanwhile; null where the
    system does not tell.
    """

    level: str
    step: str
    part: str
    started_s: float
    seconds: float
    cpu_s: float
    rows: int | None
    peak_mb: float | None


@dataclass(frozen=True)
class _Moment:
    wall_s: float
    cpu_s: float


class Watch:
    """Measures a run's steps from outside: give ``say`` and ``step`` to ``run_steps``."""

    def __init__(self, say: Callable[[object], None]) -> None:
        """Start the clock; what is said is passed on to ``say``."""
        self._say = say
        self._started = self._mark = _now()
        self._step = ""
        self._spans: list[Span] = []
        self._records = 0
        self._highest: float | None = _take_peak()
        self._peak_of_step: float | None = None

    def say(self, said: object) -> None:
        """Take note of what ended, and pass it on."""
        if isinstance(said, BuiltModel):
            self._end_part(said.name, said.rows, said.seconds)
        elif isinstance(said, LandingProgress) and said.receipt is not None:
            self._end_part(said.receipt.kind, said.receipt.read_count)
        self._say(said)

    def step(self, step: Step) -> Step:
        """Measure a step whenever it is called."""

        @wraps(step)
        def watched(*given: Any) -> Any:
            started = self._mark = _now()
            self._note_peak()
            self._step, self._peak_of_step = getattr(step, "__name__", "step"), None
            first = len(self._spans)
            try:
                return step(*given)
            finally:
                self._note_peak()
                parts = self._spans[first:]
                name = _numbered(self._step, [s.step for s in self._spans if s.level == "step"])
                self._spans[first:] = [
                    self._span("step", name, "", started, None, self._peak_of_step),
                    *_summed(name, parts),
                ]

        return watched

    def spans(self) -> list[Span]:
        """The run so far and all below it, in the order in which they started."""
        self._note_peak()
        return [self._span("run", "run", "", self._started, None, self._highest), *self._spans]

    def _end_part(self, part: str, rows: int, seconds: float | None = None) -> None:
        """Note a part that ended now; it took ``seconds``, or all since the one before."""
        peak, now = self._note_peak(), _now()
        passed = now.wall_s - self._mark.wall_s
        share = 1 if seconds is None or passed <= 0 else min(seconds / passed, 1)
        began = _Moment(
            now.wall_s - share * passed, now.cpu_s - share * (now.cpu_s - self._mark.cpu_s)
        )
        self._spans.append(self._span("part", self._step, part, began, rows, peak))
        self._mark = now

    def _note_peak(self) -> float | None:
        peak = _take_peak()
        self._peak_of_step = _higher(self._peak_of_step, peak)
        self._highest = _higher(self._highest, peak)
        return peak

    def _span(
        self,
        level: str,
        step: str,
        part: str,
        started: _Moment,
        rows: int | None,
        peak: float | None,
    ) -> Span:
        now = _now()
        return Span(
            level,
            step,
            part,
            started.wall_s - self._started.wall_s,
            now.wall_s - started.wall_s,
            now.cpu_s - started.cpu_s,
            rows,
            peak,
        )


def write_profile(folder: Path, spans: Sequence[Span]) -> None:
    """Write ``profile.json``, ``profile.csv`` and the picture ``profile.html`` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [asdict(span) for span in spans]
    (folder / "profile.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    with (folder / "profile.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Span)])
        writer.writeheader()
        writer.writerows(rows)
    (folder / "profile.html").write_text(picture(rows), encoding="utf-8")


def _numbered(name: str, before: Sequence[str]) -> str:
    """A step that runs again, such as building layers, is told by its turn."""
    turns = sum(other.split(" ")[0] == name for other in before)
    return f"{name} {turns + 1}" if turns else name


def _summed(step: str, parts: Sequence[Span]) -> list[Span]:
    """The parts of a step, those of one name as one: a night has thousands of documents."""
    by_name: dict[str, Span] = {}
    for part in parts:
        one = by_name.get(part.part)
        by_name[part.part] = Span(
            "part",
            step,
            part.part,
            one.started_s if one else part.started_s,
            part.seconds + (one.seconds if one else 0),
            part.cpu_s + (one.cpu_s if one else 0),
            (part.rows or 0) + ((one.rows or 0) if one else 0),
            _higher(part.peak_mb, one.peak_mb if one else None),
        )
    return list(by_name.values())


def _higher(one: float | None, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return max(known, default=None)


def _now() -> _Moment:
    return _Moment(time.perf_counter(), time.process_time())


def _take_peak() -> float | None:
    """The process's peak memory in MB since this was last asked; None where nobody tells."""
    try:
        lines = _STATUS.read_text(encoding="utf-8").splitlines()
        peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
        _FORGET_PEAK.write_text("5", encoding="ascii")  # the kernel's word for: start over
    except (OSError, StopIteration, ValueError):
        return None
    return peak * 1024 / 1e6
