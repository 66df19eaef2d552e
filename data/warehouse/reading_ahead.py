"""Small files read as a whole, also ahead of their turn by other processes.

Reading is what landing spends its time on, and any process can do it; what is read is landed by one
alone, in the order of the files.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from polars.exceptions import PanicException

from data.record.originals import Originals
from data.warehouse.input_files import InputFile
from data.warehouse.load import Contents, read_whole
from data.warehouse.sources import Source, Unreadable, read_source
from data.warehouse.verdicts import CHANGED, VANISHED, refused, verdict_on

# What other processes read ahead of the file that is being landed; it waits in memory.
AHEAD_FILES = 16


@dataclass(frozen=True)
class SmallRead:
    """What reading a small file came to; without contents and verdict it was not small at all."""

    kind: str
    contents: Contents | None = None
    verdict: Unreadable | None = None


@dataclass(frozen=True)
class Reader:
    """How files are read: the kept copies, where they are kept, and other processes, where any."""

    read: Callable[[Path], Source] = read_source
    originals: Originals | None = None
    others: Executor | None = None

    @contextmanager
    def opened(self, file: InputFile) -> Iterator[Source]:
        """The file as documents, for as long as it is open.

        Raises Unreadable where it is not, or at the end was not, what was hashed.
        """
        if file.sha256 is None or file.verdict is not None:
            raise file.verdict or Unreadable(*CHANGED)
        self._keep(file)
        with self._stable(file) as path:
            yield self.read(path)
            self._check(file)

    def whole(self, file: InputFile, ahead: "Future[SmallRead] | None" = None) -> SmallRead:
        """A small file as a whole, or why it is set aside; ``ahead`` where others were asked.

        Without contents where it is not small.
        """
        if file.sha256 is None or file.state is None:
            return _refused("unknown", file.verdict or Unreadable(*CHANGED))
        if not file.is_small:
            return SmallRead("unknown")
        kind = "unknown"
        try:
            found = None if ahead is None else _result(ahead)
            if found is None:
                self._keep(file)
                with self._stable(file) as path:
                    found = read_whole_file(self.read, path)
            kind = found.kind
            if found.verdict is not None:
                raise found.verdict
            if found.contents is not None:
                file.report(found.contents.read_count)
                self._check(file)
        except (Exception, PanicException) as error:  # a panic is not an Exception
            return _refused(kind, verdict_on(error))
        return found

    def ahead(
        self, files: Iterable[InputFile], is_known: Callable[[InputFile], bool]
    ) -> "Iterator[tuple[InputFile, Future[SmallRead] | None]]":
        """The files in order; where there are other processes, they read those that come next.

        A file that ``is_known`` is not read.
        """
        waiting: deque[tuple[InputFile, Future[SmallRead] | None, ExitStack]] = deque()
        coming = iter(files)
        try:
            while True:
                while len(waiting) <= (AHEAD_FILES if self.others else 0):
                    if (file := next(coming, None)) is None:
                        break
                    waiting.append((file, *self._begin(file, is_known)))
                if not waiting:
                    return
                file, reading, kept = waiting.popleft()
                with kept:
                    yield file, reading
        finally:
            for _, _, kept in waiting:
                kept.close()

    def _begin(
        self, file: InputFile, is_known: Callable[[InputFile], bool]
    ) -> "tuple[Future[SmallRead] | None, ExitStack]":
        """Have the file read elsewhere, and keep its copy where it is until that is over."""
        kept = ExitStack()
        if self.others is None or not file.is_small or is_known(file):
            return None, kept
        try:
            self._keep(file)
            path = kept.enter_context(self._stable(file))
            return self.others.submit(read_whole_file, self.read, path), kept
        except (OSError, Unreadable, BrokenExecutor):
            return None, kept  # it is told when the file's turn comes

    def _keep(self, file: InputFile) -> None:
        try:
            if self.originals is not None and self.originals.keep(file.path) != file.sha256:
                raise Unreadable(*CHANGED)
        except FileNotFoundError:
            raise Unreadable(*VANISHED) from None

    @contextmanager
    def _stable(self, file: InputFile) -> Iterator[Path]:
        """Where to read the file: its kept copy, or itself where none is kept."""
        if self.originals is None:
            yield file.path
        else:
            with self.originals.reading(str(file.sha256), file.name) as kept:
                yield kept

    def _check(self, file: InputFile) -> None:
        """Raise where the file itself was read, no kept copy, and is not what was hashed."""
        if self.originals is None:
            file.check_unchanged()


def read_whole_file(read: Callable[[Path], Source], path: Path) -> SmallRead:
    """Read a file as a whole, here or in another process."""
    kind = "unknown"
    try:
        source = read(path)
        kind = source.kind
        return SmallRead(kind, read_whole(source.members))
    except (Exception, PanicException) as error:
        return SmallRead(kind, verdict=verdict_on(error))


def _result(reading: "Future[SmallRead]") -> SmallRead | None:
    """What another process made of the file; None where that process was lost."""
    try:
        return reading.result()
    except (BrokenExecutor, CancelledError):
        return None


def _refused(kind: str, verdict: Unreadable) -> SmallRead:
    return SmallRead(kind, refused(verdict), verdict)
