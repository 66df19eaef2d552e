"""A bound on what a compressed file may expand to."""

import io
from dataclasses import dataclass
from typing import IO

_LARGEST_READ = 16 << 20


@dataclass(frozen=True)
class ExpansionLimits:
    """How much a compressed file may expand to before it is taken for a decompression bomb.

    Event documents shrink 10 to 60 times. ``max_ratio`` counts from ``free_bytes`` on, so that a
    small file of much white space is no bomb; ``max_bytes`` holds whatever the ratio.
    """

    max_bytes: int = 64 << 30
    max_ratio: int = 250
    free_bytes: int = 64 << 20

    def of(self, size: int) -> int:
        """Return how many bytes a compressed file of ``size`` bytes may expand to."""
        return min(self.max_bytes, max(self.free_bytes, size * self.max_ratio))


class ExpansionError(OSError):
    """The compressed file expands as decompression bombs do."""


class Bounded(io.RawIOBase):
    """A decompressing stream that gives at most ``limit`` bytes, then raises ExpansionError."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        """Read from ``stream``."""
        super().__init__()
        self._stream = stream
        self._left = limit

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes, or the rest where it is negative."""
        if size < 0:
            return self.readall()
        data = self._stream.read(min(size, _LARGEST_READ))
        self._left -= len(data)
        if self._left < 0:
            raise ExpansionError("the file expands as decompression bombs do")
        return data

    def readall(self) -> bytes:
        """Return the rest, within the limit."""
        return b"".join(iter(lambda: self.read(_LARGEST_READ), b""))

    def readinto(self, buffer: object) -> int:
        """Fill ``buffer``; 0 at the end."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)
