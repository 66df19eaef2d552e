"""Reading bytes of a document that may be damaged, truncated or a decompression bomb."""

import zlib
from typing import BinaryIO
from zipfile import BadZipFile

from data.readers.expansion import ExpansionError

# The most that one event, or one member outside the event list, may take in memory.
MAX_RECORD_BYTES = 64 << 20
# The most that is stepped over of a record that is too large, to come to the next.
MAX_SKIPPED_BYTES = 1 << 30
# The most members that the lists of one event may have. The largest lots are commissioned some
# hundred thousand packs at once; each million takes two gigabytes until it has landed.
MAX_EPCS = 250_000


class SourceError(Exception):
    """The bytes end here: why, and what to do."""

    def __init__(self, reason: str, remedy: str) -> None:
        """Say why and what to do, in words for people."""
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


class OversizeError(SourceError):
    """One value is too large to be held; what comes behind it can be read."""


def read_chunk(stream: BinaryIO, size: int) -> bytes:
    """Return the next bytes, at most ``size``, empty at the end.

    Raises ``SourceError`` where the compressed file is damaged or expands beyond the limits.
    """
    try:
        return stream.read(size)
    except EOFError as error:
        reason = "the compressed file ends too early"
        raise SourceError(reason, "Transfer the file again.") from error
    except ExpansionError as error:
        reason = "the compressed file expands beyond any sensible size, as decompression bombs do"
        raise SourceError(reason, "Check where the file comes from.") from error
    except (OSError, zlib.error, BadZipFile, NotImplementedError, RuntimeError) as error:
        reason = "the file is damaged and cannot be read on from here"
        raise SourceError(reason, "Transfer the file again.") from error
