"""Plain, gzip and zip files as streams of bytes, with a bound on what they may expand to."""

import io
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import GzipFile
from pathlib import Path
from typing import IO, BinaryIO, cast

from data.errors import InputError

_GZIP = b"\x1f\x8b"
_LARGEST_READ = 16 << 20
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")


@dataclass(frozen=True)
class ExpansionLimits:
    """How much a compressed file may expand to before it is taken for a decompression bomb.

    Event documents shrink 10 to 60 times. ``max_ratio`` counts from ``free_bytes`` on, so that a
    small file of much white space is no bomb; ``max_bytes`` holds whatever the ratio.
    """

    max_bytes: int = 64 << 30
    max_ratio: int = 250
    free_bytes: int = 64 << 20


def open_streams(
    path: Path, limits: ExpansionLimits | None = None
) -> Iterator[tuple[str, BinaryIO]]:
    """Yield the name and the uncompressed bytes of each document that a file holds.

    A plain or gzip file holds one, named after the file; a zip archive one a member, in the order
    of its directory, named ``archive.zip/member``; a gzip member is unpacked too. What a file is
    is told by its first bytes. Each stream must be read before the next is asked for.

    Raises ``InputError`` where the file cannot be opened. A stream raises it on reading where the
    file expands beyond ``limits``, and ``OSError`` or ``EOFError`` where it is damaged.
    """
    bounds = limits or ExpansionLimits()
    try:
        file = path.open("rb")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be opened ({error.strerror}); check the path and its permissions"
        ) from error
    with file:
        budget = _Budget(path.stat().st_size, bounds)
        first = file.read(4)
        file.seek(0)
        if first.startswith(_ZIP):
            yield from _members(path.name, file, budget)
        elif first.startswith(_GZIP):
            yield path.name, _bounded(cast(IO[bytes], GzipFile(fileobj=file, mode="rb")), budget)
        else:
            yield path.name, file


@contextmanager
def open_member(
    path: Path, member: str | None = None, limits: ExpansionLimits | None = None
) -> Iterator[BinaryIO]:
    """Give the uncompressed bytes of one document: the file's own, or a zip member's by its name.

    Errors are those of ``open_streams``; a member that is not there raises ``InputError``.
    """
    streams = open_streams(path, limits)
    wanted = path.name if member is None else f"{path.name}/{member}"
    try:
        for name, stream in streams:
            if name == wanted or member is None:
                yield stream
                return
        raise InputError(f"{path}: holds no document {member or ''}; list the archive's members")
    finally:
        cast(Generator[object], streams).close()


class _Budget:
    """What all streams of one file may still expand to: overlapping members share it."""

    def __init__(self, size: int, limits: ExpansionLimits) -> None:
        self._limits = limits
        self._left = min(limits.max_bytes, max(limits.free_bytes, size * limits.max_ratio))

    def spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise InputError(
                f"the compressed file expands to more than {self._limits.max_ratio} times its size"
                f" or {self._limits.max_bytes >> 30} GiB, as decompression bombs do"
            )


class _Bounded(io.RawIOBase):
    """A decompressing stream that spends from a budget what it gives."""

    def __init__(self, stream: IO[bytes], budget: _Budget) -> None:
        super().__init__()
        self._stream = stream
        self._budget = budget

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes, or the rest where it is negative."""
        if size < 0:
            return self.readall()
        data = self._stream.read(min(size, _LARGEST_READ))
        self._budget.spend(len(data))
        return data

    def readall(self) -> bytes:
        """Return the rest, within the budget."""
        return b"".join(iter(lambda: self.read(_LARGEST_READ), b""))

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)


class _Unopened(io.RawIOBase):
    """A member that cannot be opened: reading it says so."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self._reason = reason

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        raise InputError(self._reason)

    def readinto(self, buffer: object) -> int:
        raise InputError(self._reason)


def _members(name: str, file: IO[bytes], budget: _Budget) -> Iterator[tuple[str, BinaryIO]]:
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        yield name, _unopened("the zip archive is damaged; transfer it again")
        return
    with archive:
        for member in archive.infolist():
            if member.is_dir() or member.filename.startswith("__MACOSX/"):
                continue
            title = f"{name}/{member.filename}"
            try:
                stream = archive.open(member)
            except RuntimeError:
                yield title, _unopened("the archive's member is encrypted; unpack it first")
            except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
                yield title, _unopened("the archive's member is damaged; transfer it again")
            else:
                with stream:
                    yield title, _unpacked(stream, budget)


def _unpacked(stream: IO[bytes], budget: _Budget) -> BinaryIO:
    bounded = _bounded(stream, budget)
    try:
        is_gzip = isinstance(stream, zipfile.ZipExtFile) and stream.peek(2)[:2] == _GZIP
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile):
        is_gzip = False  # the damage shows again on reading, where it is set aside
    if is_gzip:
        return _bounded(cast(IO[bytes], GzipFile(fileobj=bounded, mode="rb")), budget)
    return bounded


def _bounded(stream: IO[bytes], budget: _Budget) -> BinaryIO:
    return cast(BinaryIO, _Bounded(stream, budget))


def _unopened(reason: str) -> BinaryIO:
    return cast(BinaryIO, _Unopened(reason))
