"""The audit trail as a file: appended under a lock, never cut, checked before it is continued.

A file of lines, not a table of the warehouse: the warehouse may be rebuilt, replaced or damaged,
and its writer is one process at a time, while the trail must outlive all that, take the failure of
the warehouse itself, and be readable by people and programs that have no database. An operating
system can also make such a file append-only (``chattr +a``); nothing here ever shortens it.

A crash may leave the last line unfinished. The next writer ends that line with ``#torn`` and adds
a ``repair`` entry that holds the line's hash: what was written stays, and the chain goes on from
the last whole entry. A whole line that does not hold is never repaired: the writer refuses.
"""

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from data.errors import RecordError, ResourceError
from data.record.disk import sync_folder
from data.record.entries import (
    FIRST,
    TORN,
    Act,
    Broken,
    Entry,
    Torn,
    line_of,
    make_fields,
    walk,
)
from data.record.signing import Signer

_MODE = 0o640  # owner writes, group reads


def trail_path(warehouse: Path) -> Path:
    """Where the trail of a warehouse lies: beside it."""
    return warehouse.with_name(f"{warehouse.stem}.trail.jsonl")


def walk_trail(path: Path) -> Iterator[Entry | Torn | Broken]:
    """Read a trail from its beginning, checking as it goes; an absent file is an empty trail."""
    if path.exists():
        with path.open("rb") as stream:
            yield from walk(enumerate(stream, 1), 0, FIRST)


@dataclass(frozen=True)
class _Seen:
    """How far this writer has read the file."""

    offset: int = 0
    lines: int = 0
    sequence: int = 0
    head: str = FIRST
    at: str = ""
    torn: tuple[Torn, ...] = ()


class Trail:
    """Writes entries for one actor.

    Parameters
    ----------
    path
        The file; made where absent.
    actor
        The person or service account that acts.
    software
        Name and version of what acts for them.
    now
        The clock: UTC of the system.
    signer
        Signs every entry, where given.
    anchor
        A file elsewhere that is told the head after each writing; it shows a trail cut short.
    """

    def __init__(
        self,
        path: Path,
        actor: str,
        software: str,
        now: Callable[[], datetime],
        signer: Signer | None = None,
        anchor: Path | None = None,
    ) -> None:
        """Nothing is opened yet."""
        self.path = path
        self._actor = actor
        self._software = software
        self._now = now
        self._signer = signer
        self._anchor = anchor
        self._seen = _Seen()

    def read(self) -> list[Entry]:
        """All entries, checked. Raises RecordError naming the first that does not hold."""
        found = []
        for item in walk_trail(self.path):
            if isinstance(item, Broken):
                raise _refusal(self.path, item)
            if isinstance(item, Entry):
                found.append(item)
        return found

    def check(self) -> bool:
        """Check the whole trail; return whether it holds any entry. Raises RecordError."""
        if self.path.exists():
            self._catch_up()
        return self._seen.sequence > 0

    def append(self, acts: Sequence[Act]) -> None:
        """Add entries, all in one writing, and wait until the disk has them.

        Raises
        ------
        RecordError
            The trail does not hold; nothing was added.
        ResourceError
            The file cannot be written.
        """
        if not acts:
            return
        with self._locked() as handle:
            self._catch_up()
            acts = [*self._first_acts(), *acts]
            text = b"".join(self._lines(acts))
            if self._seen.torn and not self._seen.torn[-1].is_closed:
                text = TORN + b"\n" + text
            _write(handle, text, self.path)
            self._catch_up()
            self._tell_anchor()

    @contextmanager
    def _locked(self) -> Iterator[int]:
        try:
            is_new = not self.path.exists()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _MODE)
            if is_new:
                sync_folder(self.path.parent)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle
        finally:
            os.close(handle)

    def _catch_up(self) -> None:
        """Check what was added since this writer last looked, by whomever."""
        # A torn line is looked at again: its repair is checked together with it.
        seen = replace(self._seen, torn=())
        with self.path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size < seen.offset:
                cut = Broken(seen.lines, seen.sequence, "the trail was cut while it was in use")
                raise _refusal(self.path, cut)
            stream.seek(seen.offset)
            for item in walk(enumerate(stream, seen.lines + 1), seen.sequence, seen.head):
                if isinstance(item, Broken):
                    raise _refusal(self.path, item)
                if isinstance(item, Torn):
                    seen = replace(seen, torn=(*seen.torn, item))
                else:
                    seen = _Seen(0, item.line, item.sequence, item.hash, item.at)
        self._seen = replace(seen, offset=self._end_of(seen.lines) if seen.torn else size)

    def _end_of(self, lines: int) -> int:
        with self.path.open("rb") as stream:
            return sum(len(stream.readline()) for _ in range(lines))

    def _first_acts(self) -> list[Act]:
        """What must stand before anything else: a repair, or a clock that went back."""
        acts = []
        if self._seen.torn:
            torn = {"lines": [torn.sha256 for torn in self._seen.torn]}
            reason = "a crash left the line before unfinished; it stays in the file, closed off"
            acts.append(Act("repair", "trail", old=torn, reason=reason))
        if self._seen.at > self._time():
            acts.append(Act("clock", "system clock", old=self._seen.at, new=self._time()))
        return acts

    def _lines(self, acts: Iterable[Act]) -> Iterator[bytes]:
        sequence, previous = self._seen.sequence, self._seen.head
        for act in acts:
            sequence += 1
            fields = make_fields(
                act,
                sequence=sequence,
                at=self._time(),
                actor=self._actor,
                software=self._software,
                previous=previous,
                key=self._signer.public if self._signer else None,
            )
            previous = fields["hash"]
            if self._signer:
                fields["signature"] = self._signer.sign(bytes.fromhex(previous))
            yield line_of(fields)

    def _time(self) -> str:
        return f"{self._now().astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"

    def _tell_anchor(self) -> None:
        if self._anchor is None:
            return
        line = f"{self._seen.sequence} {self._seen.head} {self._seen.at}\n".encode()
        try:
            self._anchor.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._anchor, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _MODE)
        except OSError as error:
            raise _unwritable(self._anchor, error) from error
        try:
            _write(handle, line, self._anchor)
        finally:
            os.close(handle)


def _write(handle: int, text: bytes, path: Path) -> None:
    try:
        while text:
            text = text[os.write(handle, text) :]
        os.fsync(handle)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> ResourceError:
    return ResourceError(
        f"{path}: the record cannot be written ({error.strerror}). Nothing goes on without it: "
        "free the disk or open the folder for writing, then run again."
    )


def _refusal(path: Path, broken: Broken) -> RecordError:
    return RecordError(
        f"{path}, line {broken.line}: the audit trail does not hold at entry {broken.sequence}: "
        f"{broken.reason}. Keep the file as evidence under another name and find out why; the next "
        "run then begins a new trail, which says that it is new."
    )
