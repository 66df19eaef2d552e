"""Mutates the corpus, reads the results, keeps what reaches new lines, tells every crash."""

import gzip
import hashlib
import io
import signal
import time
import traceback
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType

import polars as pl
from polars.exceptions import PanicException

from tests.fuzz.lines import Lines
from tests.fuzz.mutations import mutated
from tests.fuzz.targets import GROUPED, WEIGHTS, Counts, Group, read_as

CORPUS = Path(__file__).parent / "corpus"
KEPT = CORPUS / "kept"  # by campaigns: each reached lines that none before it reached
LONGEST_S = 30.0
_LARGE = 100_000  # below, the fixed costs of a reader hide what a byte costs
_GROUP_INPUTS = 128
_GROUP_BYTES = 1 << 19
_ALONE_ONE_IN = 50  # of the inputs that are grouped: the whole reader, frames included
_OF_FORM = {".xml": ("xml",), ".json": ("json",), ".ndjson": ("ndjson",), ".txt": ("identifiers",)}


class Endless(BaseException):
    """Reading took too long; no reader's own handler may catch this."""


@dataclass
class Tally:
    """What a target came to."""

    inputs: int = 0
    read: int = 0
    accepted: int = 0
    set_aside: int = 0
    slowest_s: float = 0.0
    slowest_s_mb: float = 0.0  # of inputs of 100 kB and more

    def add(self, seconds: float, size: int) -> None:
        """Count one input."""
        self.inputs += 1
        self.slowest_s = max(self.slowest_s, seconds)
        if size >= _LARGE:
            self.slowest_s_mb = max(self.slowest_s_mb, seconds * 1e6 / size)

    def count(self, counts: Counts) -> None:
        """Count the records of inputs."""
        self.read += counts.read
        self.accepted += counts.accepted
        self.set_aside += counts.set_aside


@dataclass
class Findings:
    """What a campaign came to."""

    tallies: dict[str, Tally] = field(default_factory=lambda: {name: Tally() for name in WEIGHTS})
    crashes: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # where: target, input
    kept: list[tuple[str, bytes]] = field(default_factory=list)
    lines: int = 0

    @property
    def inputs(self) -> int:
        """All inputs read."""
        return sum(tally.inputs for tally in self.tallies.values())


def seeds(*folders: Path) -> dict[str, list[bytes]]:
    """The corpus by target; packed and columnar forms are made from the plain files.

    ``folders`` hold inputs that campaigns kept, named after their target.
    """
    found: dict[str, list[bytes]] = {name: [] for name in WEIGHTS}
    for path in sorted(path for path in CORPUS.iterdir() if path.is_file()):
        data = path.read_bytes()
        for target in _OF_FORM.get(path.suffix, ()):
            found[target] += data.split(b"\n") if target == "identifiers" else [data]
        if path.suffix != ".txt":
            found["file"].append(data)
    found["file"] += [*_packed(found["file"][:3]), *_columnar(CORPUS)]
    found["landing"] = list(found["file"])
    for folder in folders:
        for path in sorted(folder.iterdir()):
            if (target := path.name.partition("-")[0]) in found:
                found[target].append(path.read_bytes())
    return found


def _packed(files: list[bytes]) -> Iterator[bytes]:
    for data in files:
        yield gzip.compress(data, mtime=0)
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            for number, data in enumerate(files):
                archive.writestr(zipfile.ZipInfo(f"{number}"), data)
        yield stream.getvalue()


def _columnar(folder: Path) -> Iterator[bytes]:
    for name in ("events", "scms", "sites", "verifications"):
        stream = io.BytesIO()
        frame = pl.read_csv(folder / f"{name}.csv", infer_schema=False)
        frame.write_parquet(stream, compression="uncompressed")
        yield stream.getvalue()


def campaign(
    inputs: int,
    seed: int,
    place: Path,
    say: Callable[[Findings], None] = lambda _: None,
    seconds: float = float("inf"),
    kept: Path | None = None,
) -> Findings:
    """Read ``inputs`` mutations, or as many as ``seconds`` allow.

    ``place`` is a folder for the inputs of the moment: ``current`` has those being read, should
    the process itself die of one. ``kept`` has inputs of earlier campaigns to start from besides
    the corpus. The same seed gives the same inputs, but for those that follow an input that was
    too slow.
    """
    rng = Random(seed)
    pools = seeds(KEPT, *(folder for folder in (kept,) if folder))
    trial = _Trial(place)
    names, weights = list(WEIGHTS), list(WEIGHTS.values())
    for target, pool in pools.items():
        for data in pool:
            trial.read(target, data, alone=True)
    until = time.monotonic() + seconds
    findings, reached = trial.findings, trial.lines.reached
    while findings.inputs < inputs and time.monotonic() < until:
        [target] = rng.choices(names, weights)
        pool = pools[target]
        data = mutated(rng.choice(pool), rng.choice(pool), rng)
        trial.read(target, data, alone=rng.randrange(_ALONE_ONE_IN) == 0)
        if trial.lines.reached > reached:
            reached = trial.lines.reached
            pool.append(data)
            findings.kept.append((target, data))
        if findings.inputs % 1_000 == 0:
            say(findings)
    trial.close()
    return findings


class _Trial:
    """Reads inputs, alone or in groups, and writes down what came of them."""

    def __init__(self, place: Path) -> None:
        self.findings = Findings()
        self.lines = Lines()
        self._place = place
        self._groups = {target: Group(target) for target in GROUPED}
        # What the process was reading, should it die of it; unbuffered, so that it is there then.
        self._current = (place / "current").open("wb", buffering=0)

    def read(self, target: str, data: bytes, *, alone: bool) -> None:
        """Read one input."""
        self._current.write(b"%s %d\n%s\n" % (target.encode(), len(data), data))
        if alone or target not in GROUPED or len(data) >= _LARGE:
            self._read_alone(target, data)
        else:
            group = self._groups[target]
            with self._watched(target, data):
                group.read(data)
            if len(group.inputs) >= _GROUP_INPUTS or group.byte_count >= _GROUP_BYTES:
                self._close(group)
        self.findings.lines = self.lines.reached

    def close(self) -> None:
        """End all groups."""
        for group in list(self._groups.values()):
            self._close(group)
        self._current.close()

    def _read_alone(self, target: str, data: bytes) -> None:
        with self._watched(target, data):
            self.findings.tallies[target].count(read_as(target, data, self._place))

    def _close(self, group: Group) -> None:
        """Make the frames of a group; where they do not hold, find the input that did it."""
        self._groups[group.target] = Group(group.target)
        self._current.truncate(0)
        self._current.seek(0)
        try:
            with _bounded(LONGEST_S):
                counts = group.close()
        except (Exception, PanicException, Endless) as error:
            before = len(self.findings.crashes)
            for data in group.inputs:
                with self._noted(group.target, data):
                    self.findings.tallies[group.target].count(
                        read_as(group.target, data, self._place)
                    )
            if len(self.findings.crashes) == before:  # together only
                data = b"\n".join(group.inputs)
                self.findings.crashes.setdefault(place_of(error), (group.target, data))
        else:
            self.findings.tallies[group.target].count(counts)

    @contextmanager
    def _watched(self, target: str, data: bytes) -> Iterator[None]:
        started = time.process_time()  # what others run on the machine does not count
        with self._noted(target, data), self.lines.watching():
            yield
        self.findings.tallies[target].add(time.process_time() - started, len(data))

    @contextmanager
    def _noted(self, target: str, data: bytes) -> Iterator[None]:
        try:
            with _bounded(LONGEST_S):
                yield
        except (Exception, PanicException, Endless) as error:
            self.findings.crashes.setdefault(place_of(error), (target, data))


def place_of(error: BaseException) -> str:
    """Where an error arose, in our own code; errors of one place are one crash."""
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "/data/" in frame.filename and "site-packages" not in frame.filename
    ]
    at = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "the checks"
    said = str(error) if isinstance(error, AssertionError) else ""
    return f"{type(error).__name__} at {at} {said}".strip()


def is_crash(target: str, data: bytes, where: str, place: Path) -> bool:
    """Whether the input still fails in the same place."""
    try:
        with _bounded(LONGEST_S):
            read_as(target, data, place)
    except (Exception, PanicException, Endless) as error:
        return place_of(error) == where
    return False


def minimised(data: bytes, still: Callable[[bytes], bool], tries: int = 2_000) -> bytes:
    """The input with every part taken out that it does not need."""
    size = max(1, len(data) // 2)
    while size and tries > 0:
        start = 0
        while start < len(data) and tries > 0:
            shorter = data[:start] + data[start + size :]
            tries -= 1
            if still(shorter):
                data = shorter
            else:
                start += size
        size //= 2
    return data


def name_of(target: str, data: bytes) -> str:
    """A file name for an input."""
    return f"{target}-{hashlib.sha256(data).hexdigest()[:12]}"


@contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    def end(_: int, __: FrameType | None) -> None:
        raise Endless(f"more than {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
