"""Files as streams of plain bytes, whatever they are packed in."""

import codecs
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Final, cast

from data.readers.expansion import Bounded, ExpansionLimits

GZIP: Final = b"\x1f\x8b"
ZIP: Final = b"PK\x03\x04"
EMPTY_ZIP: Final = b"PK\x05\x06"

_SAMPLE: Final = 64  # bytes that tell UTF-16 without a byte order mark

# What a stream raises when the file is cut off or damaged inside its packing.
DAMAGE: Final = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError)


File = Path | zipfile.ZipFile


def compression(path: Path) -> str:
    """``gzip``, ``zip`` or ``none``, by the first bytes. Raises OSError."""
    with path.open("rb") as stream:
        magic = stream.read(4)
    if magic[:2] == GZIP:
        return "gzip"
    return "zip" if magic in (ZIP, EMPTY_ZIP) else "none"


@contextmanager
def opened(
    file: File, member: str | None = None, limits: ExpansionLimits | None = None
) -> Iterator[BinaryIO]:
    """The unpacked bytes of a file, or of one member of a zip archive; a gzip member's as well.

    ``file`` may be an archive that is open already: opening one reads the list of all its members.

    Nothing is unpacked beyond what is read. Raises one of ``DAMAGE`` here or while reading, among
    them ExpansionError where more comes out than ``limits`` allow.
    """
    path = file if isinstance(file, Path) else Path(str(file.filename))
    limit = (limits or ExpansionLimits()).of(path.stat().st_size)
    with ExitStack() as stack:
        if member is not None:
            archive = (
                file
                if isinstance(file, zipfile.ZipFile)
                else stack.enter_context(zipfile.ZipFile(file))
            )
            inner = stack.enter_context(archive.open(member))
            is_gzip = isinstance(inner, zipfile.ZipExtFile) and inner.peek(2)[:2] == GZIP
            yield _bounded(gzip.GzipFile(fileobj=inner) if is_gzip else inner, limit)
        elif compression(path) == "gzip":
            yield _bounded(stack.enter_context(gzip.GzipFile(path, "rb")), limit)
        else:
            yield stack.enter_context(path.open("rb"))


def _bounded(stream: IO[bytes] | gzip.GzipFile, limit: int) -> BinaryIO:
    return cast(BinaryIO, Bounded(cast(IO[bytes], stream), limit))


def text_encoding(head: bytes) -> str:
    """UTF-16 where a byte order mark, or a zero in every other byte, says so; else UTF-8."""
    if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    even, odd = head[:_SAMPLE:2], head[1:_SAMPLE:2]
    if odd and not any(odd) and all(even):
        return "utf-16-le"
    return "utf-16-be" if even and not any(even) and all(odd) else "utf-8-sig"


def decoded(head: bytes) -> str:
    """A file's first bytes as text; a character cut off at the end is left out."""
    decoder = codecs.getincrementaldecoder(text_encoding(head))(errors=ONE_BYTE)
    return decoder.decode(head)


class Utf8Text:
    """Turns the bytes of a text, given piece by piece, into UTF-8 without byte order mark.

    Bytes that are not UTF-8 are taken as Windows-1252, byte by byte: spreadsheets and older
    systems write it, whatever they declare, and nothing of the file is lost.
    """

    def __init__(self, head: bytes) -> None:
        """Tell the encoding by the text's first bytes."""
        encoding = text_encoding(head)
        self._is_utf8 = encoding == "utf-8-sig"
        self._decoder = codecs.getincrementaldecoder(encoding)(errors=ONE_BYTE)

    def utf8(self, data: bytes) -> bytes:
        """The next bytes; of the last ones, give ``b""`` once more at the end."""
        if self._is_utf8 and data and data.isascii() and not self._decoder.getstate()[0]:
            return data  # nearly all of nearly every document
        return self._decoder.decode(data, final=not data).encode()


class Utf8Stream(io.RawIOBase):
    """A text file as UTF-8 without byte order mark, for readers that know nothing else."""

    def __init__(self, stream: BinaryIO, chunk: int = 1 << 20) -> None:
        """Read ``stream`` in chunks of ``chunk`` bytes."""
        super().__init__()
        self._stream = stream
        self._chunk = chunk
        self._text: Utf8Text | None = None
        self._ready = b""
        self._is_over = False

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes, or the rest where it is negative; empty at the end."""
        if size < 0:
            return self.readall()
        while not self._ready and not self._is_over:
            data = self._stream.read(self._chunk)
            self._text = self._text or Utf8Text(data)
            self._is_over = not data
            self._ready = self._text.utf8(data)
        part, self._ready = self._ready[:size], self._ready[size:]
        return part

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill ``buffer``; 0 at the end."""
        part = self.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)


class WholeLines(io.RawIOBase):
    """A text that, where reading on fails, ends with its last whole line; ``failure`` says why.

    For readers that read ahead: they would meet the failure before they hand out what came first.
    """

    def __init__(self, stream: io.RawIOBase, longest: int, chunk: int = 1 << 20) -> None:
        """Read ``stream`` in chunks; lines over ``longest`` bytes are not waited for."""
        super().__init__()
        self.failure: Exception | None = None
        self._stream, self._longest, self._chunk = stream, longest, chunk
        self._ready = self._begun = b""
        self._is_over = False

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill ``buffer``; 0 at the end."""
        while not self._ready and not self._is_over:
            self._read_on()
        part = self._ready[: len(buffer)]
        self._ready = self._ready[len(part) :]
        buffer[: len(part)] = part
        return len(part)

    def _read_on(self) -> None:
        try:
            data = self._stream.read(self._chunk)
        except Exception as error:  # whatever it is, it is told once all before it is handed out
            self.failure, self._is_over = error, True
            return
        text = self._begun + (data or b"")
        self._is_over = not data
        end = len(text) if self._is_over or len(text) > self._longest else text.rfind(b"\n") + 1
        self._ready, self._begun = text[:end], text[end:]


def _one_byte(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    if error.encoding.startswith("utf-16"):  # a lone surrogate: one byte off, all would be lost
        return "\ufffd", error.end
    odd = error.object[error.start : error.start + 1]
    return odd.decode("cp1252", errors="replace"), error.start + 1


ONE_BYTE: Final = "touchstone_one_byte"
codecs.register_error(ONE_BYTE, _one_byte)
