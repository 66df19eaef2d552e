"""Files as streams of plain bytes, whatever they are packed in."""

import codecs
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

GZIP: Final = b"\x1f\x8b"
ZIP: Final = b"PK\x03\x04"
EMPTY_ZIP: Final = b"PK\x05\x06"

# What a stream raises when the file is cut off or damaged inside its packing.
DAMAGE: Final = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError)


def compression(path: Path) -> str:
    """``gzip``, ``zip`` or ``none``, by the first bytes. Raises OSError."""
    with path.open("rb") as stream:
        magic = stream.read(4)
    if magic[:2] == GZIP:
        return "gzip"
    return "zip" if magic in (ZIP, EMPTY_ZIP) else "none"


@contextmanager
def opened(path: Path, member: str | None = None) -> Iterator[BinaryIO]:
    """The unpacked bytes of a file, or of one member of a zip archive.

    Nothing is unpacked beyond what is read. Raises one of ``DAMAGE`` here or while reading.
    """
    with ExitStack() as stack:
        if member is not None:
            archive = stack.enter_context(zipfile.ZipFile(path))
            yield cast(BinaryIO, stack.enter_context(archive.open(member)))
        elif compression(path) == "gzip":
            yield cast(BinaryIO, stack.enter_context(gzip.open(path, "rb")))
        else:
            yield stack.enter_context(path.open("rb"))


def text_encoding(head: bytes) -> str:
    """``utf-16`` where a byte order mark says so, else ``utf-8-sig``."""
    return "utf-16" if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def decoded(head: bytes) -> str:
    """A file's first bytes as text; a character cut off at the end is left out."""
    decoder = codecs.getincrementaldecoder(text_encoding(head))(errors=_ONE_BYTE)
    return decoder.decode(head)


class Utf8Stream(io.RawIOBase):
    """A text file as UTF-8 without byte order mark, for readers that know nothing else.

    Bytes that are not UTF-8 are taken as Windows-1252, byte by byte: spreadsheets write it, and
    nothing of the file is lost.
    """

    def __init__(self, stream: BinaryIO, chunk: int = 1 << 20) -> None:
        """Read ``stream`` in chunks of ``chunk`` bytes."""
        super().__init__()
        self._stream = stream
        self._chunk = chunk
        self._decoder: codecs.IncrementalDecoder | None = None
        self._ready = b""
        self._is_over = False

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill ``buffer``; 0 at the end."""
        while not self._ready and not self._is_over:
            data = self._stream.read(self._chunk)
            if self._decoder is None:
                self._decoder = codecs.getincrementaldecoder(text_encoding(data))(errors=_ONE_BYTE)
            self._is_over = not data
            self._ready = self._decoder.decode(data, final=not data).encode()
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count


def _one_byte(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    odd = error.object[error.start : error.start + 1]
    return odd.decode("cp1252", errors="replace"), error.start + 1


_ONE_BYTE: Final = "touchstone_one_byte"
codecs.register_error(_ONE_BYTE, _one_byte)
