"""Walking through a JSON document as a stream: where values begin and end, nothing of meaning.

Only the places between values are looked at here; msgspec parses the values themselves.
"""

import re
from typing import BinaryIO

import msgspec

from data.readers.epcis_source import (
    MAX_RECORD_BYTES,
    MAX_SKIPPED_BYTES,
    OversizeError,
    SourceError,
    read_chunk,
)

CHUNK_BYTES = 1 << 20
MAX_MEMBERS = 1 << 20  # of one event or header, at all depths
TOO_MANY_MEMBERS = (
    f"one event or header has more than {MAX_MEMBERS:,} members",
    "Ask the sender to split it.",
)

_SPACE = re.compile(rb"[ \t\n\r]*")
# A string whole or cut off by the end of the buffer, or one bracket.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("|\\?\Z)|[{}\[\]]', re.DOTALL)
_SCALAR = re.compile(rb"[^\s,\]}\[{\"]+")
_BRACE = re.compile(rb"[{}]")
_TAIL_BYTES = 1 << 16
_OPENING = frozenset(b"{[")
_NOT_JSON = "the document is not well-formed JSON from here"
_SEND_AGAIN = (
    "Ask the sender for a complete, well-formed file; what came before this place is read."
)

# Everything that msgspec raises on bytes that are no JSON value, or one nested too deeply.
MALFORMED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError, ValueError)


def malformed() -> SourceError:
    """Return the error for a document that is no JSON from here on."""
    return SourceError(_NOT_JSON, _SEND_AGAIN)


class JsonScanner:
    """A place in a JSON document; the methods look at or take what comes next.

    All raise ``SourceError`` where the document ends too early, is no JSON at this place, or holds
    a single value of more than ``MAX_RECORD_BYTES``.
    """

    def __init__(self, stream: BinaryIO) -> None:
        """Start at the document's first byte, or after its byte-order mark."""
        self._stream = stream
        self._buffer = b""
        self._at = 0
        self._is_complete = False  # all of the stream is in the buffer
        self._fill(CHUNK_BYTES)
        if self._buffer.startswith(b"\xef\xbb\xbf"):
            self._at = 3

    def peek(self) -> bytes:
        """Return the next byte that is not white space; empty at the end of the document."""
        while True:
            self._at = _SPACE.match(self._buffer, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._buffer):
                return self._buffer[self._at : self._at + 1]
            if self._is_complete:
                return b""
            self._fill(CHUNK_BYTES)

    def take(self, expected: bytes) -> None:
        """Step over one expected punctuation byte."""
        found = self.peek()
        if found != expected:
            raise malformed() if found else _too_short()
        self._at += 1

    def take_key(self) -> str:
        """Step over an object's next key and its colon; return the key."""
        if self.peek() != b'"':
            raise malformed()
        key = parse(self.take_value())
        self.take(b":")
        return str(key)

    def take_value(self) -> bytes:
        """Step over the next value, of whatever kind; return its bytes unparsed."""
        first = self.peek()
        if not first:
            raise _too_short()
        start = self._at
        length = self._bracketed(start) if first in b'"{[' else self._scalar(start)
        start = self._at  # filling the buffer drops what lies before
        if length > MAX_RECORD_BYTES:
            raise _too_large()
        value = self._buffer[start : start + length]
        self._at = start + length
        return value

    def take_objects(self) -> bytes:
        """Step over as many of a list's next objects as one chunk holds; return their bytes.

        The bytes are objects separated by commas, if no text in them has unbalanced braces: the
        caller finds out by parsing, and gives them ``back`` where that fails. Empty where the next
        value is no object, or none ends within the chunk.
        """
        if self.peek() != b"{":
            return b""
        if len(self._buffer) - self._at < CHUNK_BYTES and not self._is_complete:
            self._fill(CHUNK_BYTES)
        buffer, start = self._buffer, self._at
        # Behind a large value the buffer holds more than a chunk, and a chunk may be many objects.
        end = min(len(buffer), start + CHUNK_BYTES)
        depth = buffer.count(b"{", start, end) - buffer.count(b"}", start, end)
        tail = max(start, end - _TAIL_BYTES)
        for brace in reversed(list(_BRACE.finditer(buffer, tail, end))):
            if brace[0] == b"{":
                depth -= 1
            elif depth == 0:
                self._at = brace.end()
                return buffer[start : brace.end()]
            else:
                depth += 1
        return b""

    def back(self, count: int) -> None:
        """Step back over ``count`` bytes just taken."""
        self._at -= count

    def skip_value(self) -> None:
        """Step over the next list or object of at most ``MAX_SKIPPED_BYTES``; none of it is kept.

        Raises ``OversizeError`` where it is larger, or a single text in it is too large.
        """
        depth = skipped = 0
        while True:
            end = len(self._buffer)
            for token in _TOKEN.finditer(self._buffer, self._at):
                if token[0][0] == 0x22:
                    if token[1] != b'"':
                        end = token.start()
                        break
                    continue
                depth += 1 if token[0][0] in _OPENING else -1
                if depth <= 0:
                    self._at = token.end()
                    return
            if self._is_complete:
                raise _too_short()
            skipped += end - self._at
            if len(self._buffer) - end > MAX_RECORD_BYTES or skipped > MAX_SKIPPED_BYTES:
                raise _too_large()
            self._at = end
            self._fill(max(CHUNK_BYTES, len(self._buffer) - end))

    def _bracketed(self, start: int) -> int:
        """Return the length of the string, object or list at ``start``."""
        depth = 0
        offset = 0  # from the value's start; the buffer may move under it
        while True:
            for token in _TOKEN.finditer(self._buffer, start + offset):
                if token[0][0] == 0x22:
                    if token[1] != b'"':
                        offset = token.start() - start
                        break
                elif token[0][0] in _OPENING:
                    depth += 1
                else:
                    depth -= 1
                offset = token.end() - start
                if depth <= 0:
                    return offset
            if self._is_complete:
                raise _too_short()
            if len(self._buffer) - start > MAX_RECORD_BYTES:
                raise _too_large()
            # Doubling, so that a long value is not copied once a chunk.
            self._fill(max(CHUNK_BYTES, len(self._buffer) - start))
            start = self._at

    def _scalar(self, start: int) -> int:
        while True:
            match = _SCALAR.match(self._buffer, start)
            if match is None:
                raise malformed()
            if match.end() < len(self._buffer) or self._is_complete:
                return match.end() - start
            if len(self._buffer) - start > CHUNK_BYTES:
                raise malformed()
            self._fill(CHUNK_BYTES)
            start = self._at

    def _fill(self, size: int) -> None:
        """Drop what has been taken from the buffer and read some ``size`` bytes more."""
        parts = [self._buffer[self._at :]]
        self._at = 0
        while size > 0:
            chunk = read_chunk(self._stream, size)
            if not chunk:
                self._is_complete = True
                break
            parts.append(chunk)
            size -= len(chunk)
        self._buffer = b"".join(parts)


def parse(value: bytes) -> object:
    """Return a JSON value; raise ``SourceError`` where it is none."""
    if has_too_many_members(value):
        raise SourceError(*TOO_MANY_MEMBERS)
    try:
        return msgspec.json.decode(value)
    except MALFORMED as error:
        raise malformed() from error


def has_too_many_members(value: bytes) -> bool:
    """Tell whether parsing would make so many objects that they would not fit the memory.

    Two bytes such as ``{},`` become sixty and more. Commas in texts count as well: nobody writes a
    million of those into one event either.
    """
    return len(value) > MAX_MEMBERS and value.count(b",") > MAX_MEMBERS


def _too_large() -> OversizeError:
    return OversizeError(
        f"one value is larger than {MAX_RECORD_BYTES >> 20} MiB",
        "Ask the sender to split the event or the header.",
    )


def _too_short() -> SourceError:
    return SourceError("the document ends before its last value is complete", _SEND_AGAIN)
