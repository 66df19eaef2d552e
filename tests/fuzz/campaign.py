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
from tests.fuzz.targets import WEIGHTS, Counts, read_as

CORPUS = Path(__file__).parent / "corpus"
LONGEST_S = 30.0
_LARGE = 100_000  # below, the fixed costs of a reader hide what a byte costs
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

    def add(self, counts: Counts, seconds: float, size: int) -> None:
        """Count one input."""
        self.inputs += 1
        self.read += counts.read
        self.accepted += counts.accepted
        self.set_aside += counts.set_aside
        self.slowest_s = max(self.slowest_s, seconds)
        if size >= _LARGE:
            self.slowest_s_mb = max(self.slowest_s_mb, seconds * 1e6 / size)


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


def seeds(folder: Path = CORPUS) -> dict[str, list[bytes]]:
    """The corpus by target; packed and columnar forms are made from the plain files."""
    found: dict[str, list[bytes]] = {name: [] for name in WEIGHTS}
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        for target in _OF_FORM.get(path.suffix, ()):
            found[target].append(data)
        if path.suffix != ".txt":
            found["file"].append(data)
    found["file"] += [*_packed(found["file"][:3]), *_columnar(folder)]
    found["landing"] = list(found["file"])
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
) -> Findings:
    """Read ``inputs`` mutations, or as many as ``seconds`` allow.

    ``place`` is a folder for the inputs of the moment: ``current`` is the one being read, should
    the process itself die of it. The same seed gives the same inputs, but for those that follow an
    input that was too slow.
    """
    rng = Random(seed)
    pools, lines, findings = seeds(), Lines(), Findings()
    names, weights = list(WEIGHTS), list(WEIGHTS.values())
    for target, pool in pools.items():
        for data in pool:
            _try(target, data, place, lines, findings)
    until = time.monotonic() + seconds
    while findings.inputs < inputs and time.monotonic() < until:
        [target] = rng.choices(names, weights)
        pool = pools[target]
        data = mutated(rng.choice(pool), rng.choice(pool), rng)
        before = lines.reached
        _try(target, data, place, lines, findings)
        if lines.reached > before:
            pool.append(data)
            findings.kept.append((target, data))
        if findings.inputs % 1_000 == 0:
            say(findings)
    findings.lines = lines.reached
    return findings


def _try(target: str, data: bytes, place: Path, lines: Lines, findings: Findings) -> None:
    (place / "current").write_bytes(target.encode() + b"\n" + data)
    counts = Counts()
    started = time.perf_counter()
    try:
        with _bounded(LONGEST_S), lines.watching():
            counts = read_as(target, data, place)
    except (Exception, PanicException, Endless) as error:
        findings.crashes.setdefault(place_of(error), (target, data))
    findings.tallies[target].add(counts, time.perf_counter() - started, len(data))
    findings.lines = lines.reached


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
