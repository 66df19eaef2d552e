"""EPCIS 2.0 JSON documents, lists of events and newline-delimited events, as a stream.

Contexts are never fetched: fields are known by their names. The document around the event list is
walked value by value; the list itself is cut into slices of about a megabyte at places where an
event seems to end, and msgspec parses each slice whole. A cut at the wrong place does not parse,
so that a slice which parses was cut rightly; one that does not is read event by event.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO, cast

import msgspec

from data.readers import vocabulary
from data.readers.batch import Batch
from data.readers.collector import collector_paused
from data.readers.epcis_columns import Columns
from data.readers.epcis_events import gather
from data.readers.epcis_frames import to_batch
from data.readers.epcis_master import document_row, take_element
from data.readers.epcis_parts import each, text_of
from data.readers.epcis_source import (
    MAX_EPCS,
    MAX_RECORD_BYTES,
    MAX_SKIPPED_BYTES,
    OversizeError,
    SourceError,
    read_chunk,
)
from data.readers.epcis_tidy import Unparsed, UnreadableError
from data.readers.json_scan import (
    CHUNK_BYTES,
    MALFORMED,
    TOO_MANY_MEMBERS,
    JsonScanner,
    has_too_many_members,
    malformed,
    parse,
)
from data.readers.opening import Utf8Stream

# Names of the document's own members, in small letters: some senders write ``epcisbody``.
_BODY, _HEADER, _EVENT_LIST, _EVENT = "epcisbody", "epcisheader", "eventlist", "event"
_RESULTS = frozenset({"queryresults", "resultsbody"})
_VOCABULARIES = "vocabularylist"
_OWN_FIELDS = frozenset({"schemaVersion", "creationDate", "sender", "receiver"})
_MAX_WRAPPING = 8
_BLANK = re.compile(rb"\s*")
_LINES_BYTES = 1 << 18
_MOST_AT_ONCE = 20_000  # values read one by one
_EVENT_MALFORMED = Unparsed(
    "the event is not well-formed JSON, or nested too deeply",
    "Ask the sender to correct and resend the event.",
)
_EVENT_TOO_LARGE = Unparsed(
    f"one event or header is larger than {MAX_RECORD_BYTES >> 20} MiB",
    "Ask the sender to split it.",
)
_NO_DOCUMENT = (
    "the file is JSON but neither an EPCIS document nor an EPCIS event",
    "Check that the right file was delivered.",
)


def read_json(stream: BinaryIO, max_epcs: int = MAX_EPCS) -> Iterator[Batch]:
    """Yield the batches of an EPCIS JSON document, of one event, or of a list of either.

    ``max_epcs`` is the most members that the lists of one event may have.
    """
    reader = _Reader("event", max_epcs)
    try:
        scanner = JsonScanner(cast(BinaryIO, Utf8Stream(stream)))
        if scanner.peek() == b"[":
            yield from reader.read_list(scanner)
        elif scanner.peek() not in (b"{", b""):
            raise SourceError(*_NO_DOCUMENT)
        while scanner.peek() == b"{":  # exporters write documents one after another
            yield from reader.read_object(scanner)
        if scanner.peek():
            raise malformed()
    except SourceError as error:
        reader.set_rest_aside(error)
    yield reader.take_batch()


def read_ndjson(stream: BinaryIO, max_epcs: int = MAX_EPCS) -> Iterator[Batch]:
    """Yield the batches of a file with one event, or one document, on each line."""
    reader = _Reader("line", max_epcs)
    parts: list[bytes] = []  # of the line that is open
    size = skipped = 0
    try:
        text = cast(BinaryIO, Utf8Stream(stream))
        while chunk := read_chunk(text, _LINES_BYTES):
            if skipped:  # of a line that is too large
                skipped += len(chunk)
                _, newline, chunk = chunk.partition(b"\n")
                if skipped > MAX_SKIPPED_BYTES:
                    raise SourceError(*_EVENT_TOO_LARGE)
                if not newline:
                    continue
                skipped = 0
            whole, newline, after = chunk.rpartition(b"\n")
            if newline:
                with collector_paused():
                    reader.take_lines(b"".join([*parts, whole]))
                parts, size = [], 0
            parts.append(after)
            size += len(after)
            if size > MAX_RECORD_BYTES:
                reader.take_long_line()
                parts, size, skipped = [], 0, size
            if reader.columns.is_full():
                yield reader.take_batch()
        if size:
            reader.take_lines(b"".join(parts))
    except SourceError as error:
        reader.set_rest_aside(error)
    yield reader.take_batch()


class _Reader:
    """What has been read of one file and not yet handed over."""

    def __init__(self, unit: str, max_epcs: int) -> None:
        self.max_epcs = max_epcs
        self.unit = unit  # what a place counts: events, or lines
        self.columns = Columns()
        self.position = 0  # of the last record met
        self.place = 0  # of the last event or line
        self.root: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.is_document = False

    def take_batch(self) -> Batch:
        batch = to_batch(self.columns, self.unit)
        self.columns = Columns()
        return batch

    def set_rest_aside(self, error: SourceError) -> None:
        """Note that the rest cannot be read; what was read stays."""
        if self.is_document:
            self._end_document()
        where = f"after {self.unit} {self.place}" if self.place else "start of the file"
        self.columns.set_aside(None, where, error.reason, error.remedy)

    # A document as a stream.

    def read_object(self, scanner: JsonScanner) -> Iterator[Batch]:
        """Read the root object: a document, or else one bare event."""
        others: dict[str, Any] = {}
        size = 0
        is_too_large = False
        for key in _keys(scanner):
            name = key.lower()
            if name in {_BODY, _EVENT_LIST} or name in _RESULTS:
                self.is_document = True
                yield from self._read_member(name, scanner, 0)
            else:
                value = _next_value(scanner)
                if not value:
                    is_too_large = True
                    continue
                size += len(value)
                if size > MAX_RECORD_BYTES:
                    raise SourceError(
                        f"one object is larger than {MAX_RECORD_BYTES >> 20} MiB",
                        "Ask the sender to split it.",
                    )
                others[key] = parse(value)
        if is_too_large:
            self._take_events([_EVENT_TOO_LARGE])
        if self.is_document or not is_too_large:
            self._take_root(others)

    def _take_root(self, others: dict[str, Any]) -> None:
        """Read the members of a root object but its body."""
        for key, value in others.items():
            if key in _OWN_FIELDS:
                self.root[key] = value
            elif key.lower() == _HEADER:
                self.is_document = True
                self._take_header(value)
        stated = text_of(others.get("type", others.get("isA"))) or ""
        if self.is_document or (stated.startswith("EPCIS") and "schemaVersion" in others):
            self._end_document()
        elif stated.endswith("Event") or "eventTime" in others:
            self._take_events([others])
        elif wrapped := list(_wrapped(others, 0)):
            self._take_events(wrapped)
        else:
            raise SourceError(*_NO_DOCUMENT)

    def _end_document(self) -> None:
        row = document_row(
            self.root,
            {key: self.header[key] for key in self.header if "businessdocument" in key.lower()}
            or self.header,
            self.header,
        )
        self.columns.documents.append(row)
        self.root, self.header, self.is_document = {}, {}, False

    def _read_member(self, name: str, scanner: JsonScanner, depth: int) -> Iterator[Batch]:
        """Read a member of the document that holds, or wraps what holds, events."""
        first = scanner.peek()
        if name in {_BODY, *_RESULTS} and first == b"{" and depth < _MAX_WRAPPING:
            for key in _keys(scanner):
                yield from self._read_member(key.lower(), scanner, depth + 1)
        elif name == _EVENT_LIST and first == b"[":
            yield from self.read_list(scanner)
        elif name in {_EVENT_LIST, _EVENT}:
            self._take_events(each(parse(scanner.take_value())))
        elif name == _VOCABULARIES:
            self._take_vocabularies(parse(scanner.take_value()))
        else:
            scanner.take_value()

    def read_list(self, scanner: JsonScanner) -> Iterator[Batch]:
        """Read a list of events, or of documents, slice by slice."""
        scanner.take(b"[")
        if scanner.peek() == b"]":
            scanner.take(b"]")
            return
        while True:
            with collector_paused():
                self._read_slice(scanner)
            if self.columns.is_full():
                yield self.take_batch()
            if scanner.peek() != b",":
                break
            scanner.take(b",")
        scanner.take(b"]")

    def _read_slice(self, scanner: JsonScanner) -> None:
        objects = scanner.take_objects()
        if objects:
            try:
                events = msgspec.json.decode(b"[%b]" % objects)
            except MALFORMED:
                scanner.back(len(objects))
            else:
                self._take_events(events)
                return
        size = 0
        values: list[Any] = []
        try:
            while True:
                value = _next_value(scanner)
                values.append(_event(value))
                size += len(value)
                # A megabyte was cut wrongly; beyond it the quick way is tried again.
                if size >= CHUNK_BYTES or len(values) >= _MOST_AT_ONCE or scanner.peek() != b",":
                    break
                scanner.take(b",")
        finally:
            self._take_events(values)

    # Events and header of any origin.

    def take_lines(self, lines: bytes) -> None:
        """Read whole lines of newline-delimited JSON; blank ones are counted and left out."""
        numbered = [
            (number, line)
            for number, line in enumerate(lines.split(b"\n"), start=self.place + 1)
            if _BLANK.fullmatch(line) is None
        ]
        last = self.place + lines.count(b"\n") + 1
        places = [number for number, _ in numbered]
        events = None
        if not has_too_many_members(lines):
            with suppress(*MALFORMED):
                events = msgspec.json.decode(b"[%b]" % b",".join(line for _, line in numbered))
        if events is not None and len(events) == len(numbered):
            self._take_events(events, places)
        else:
            self._take_events([_event(line) for _, line in numbered], places)
        self.place = last

    def take_long_line(self) -> None:
        """Set aside a line that is too large to be held."""
        self._take_events([_EVENT_TOO_LARGE], [self.place + 1])

    def _take_events(self, events: list[Any], places: list[int] | None = None) -> None:
        if any(map(_is_document, events)):
            for index, event in enumerate(events):
                self._take_document_or_event(event, places[index] if places else None)
            return
        if places is None:
            places = list(range(self.place + 1, self.place + 1 + len(events)))
        gather(events, self.position + 1, places, self.unit, self.columns, self.max_epcs)
        self.position += len(events)
        if places:
            self.place = places[-1]

    def _take_document_or_event(self, value: Any, place: int | None) -> None:
        if not _is_document(value):
            self._take_events([value], None if place is None else [place])
            return
        outer = self.root, self.header, self.is_document
        self.root, self.header, self.is_document = {}, {}, True
        for name, body in value.items():
            if name.lower() == _BODY:
                for kind, member in _inner(body, 0):
                    if kind == _VOCABULARIES:
                        self._take_vocabularies(member)
                    else:
                        events = [each_ for each_ in each(member) if not _is_document(each_)]
                        self._take_events(events, [place] * len(events) if place else None)
        self._take_root({key: each_ for key, each_ in value.items() if key.lower() != _BODY})
        self.root, self.header, self.is_document = outer

    def _take_header(self, value: Any) -> None:
        if not isinstance(value, dict):
            return
        for name, member in value.items():
            if name.lower() in {"epcismasterdata", "extension"} and isinstance(member, dict):
                self._take_header(member)
            elif name.lower() == _VOCABULARIES:
                self._take_vocabularies(member)
            else:
                self.header[name] = member

    def _take_vocabularies(self, value: Any) -> None:
        for listed in each(value):
            if not isinstance(listed, dict):
                self._take_element(None, listed)
                continue
            stated = text_of(listed.get("type"))
            for element in each(listed.get("vocabularyElementList")):
                self._take_element(stated, element)

    def _take_element(self, vocabulary_type: str | None, element: Any) -> None:
        self.position += 1
        try:
            take_element(self.position, vocabulary_type, element, self.columns)
        except UnreadableError as error:
            self.columns.set_aside(self.position, "master data", error.reason, error.remedy)


def _next_value(scanner: JsonScanner) -> bytes:
    """Step over the next value; empty where it is too large to be held."""
    try:
        return scanner.take_value()
    except OversizeError:
        scanner.skip_value()
        return b""


def _event(value: bytes) -> Any:
    """An event that lies by itself; ``Unparsed`` where it is no JSON."""
    if not value:
        return _EVENT_TOO_LARGE
    if has_too_many_members(value):
        return Unparsed(*TOO_MANY_MEMBERS)
    try:
        return msgspec.json.decode(value)
    except MALFORMED:
        return _EVENT_MALFORMED


def _keys(scanner: JsonScanner) -> Iterator[str]:
    """Yield an object's keys; the caller takes each key's value before the next."""
    scanner.take(b"{")
    if scanner.peek() == b"}":
        scanner.take(b"}")
        return
    while True:
        yield scanner.take_key()
        if scanner.peek() != b",":
            break
        scanner.take(b",")
    scanner.take(b"}")


def _is_document(value: Any) -> bool:
    return type(value) is dict and ("epcisBody" in value or "epcisbody" in value)


def _wrapped(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    """Yield the documents and events inside an object that is neither.

    Services answer ``{"events": [...]}`` or ``{"data": {...}}``; XML made into JSON by the book
    names the elements of a list: ``{"EventList": {"ObjectEvent": [...]}}``.
    """
    if depth > _MAX_WRAPPING:
        return
    if isinstance(value, list):
        for member in value:
            yield from _wrapped(member, depth + 1)
    elif _is_document(value) or (isinstance(value, dict) and "eventTime" in value):
        yield value
    elif isinstance(value, dict):
        for key, member in value.items():
            name = vocabulary.local_name(key)
            if name in vocabulary.EVENT_TYPES:
                yield from (_from_element(name, one) for one in each(member))
            else:
                yield from _wrapped(member, depth + 1)


def _from_element(event_type: str, element: Any) -> Any:
    """Return an event that was an XML element: what its extensions hold is its own."""
    if not isinstance(element, dict):
        return element
    event = {"type": event_type, **element}
    for _ in range(_MAX_WRAPPING):
        around = [event.pop(name, None) for name in ("baseExtension", "extension")]
        event |= {
            key: one for part in around if isinstance(part, dict) for key, one in part.items()
        }
    return event


def _inner(value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """Yield the event lists and vocabulary lists inside a parsed document body."""
    if not isinstance(value, dict) or depth > _MAX_WRAPPING:
        return
    for key, member in value.items():
        name = key.lower()
        if name in _RESULTS:
            yield from _inner(member, depth + 1)
        elif name in {_EVENT_LIST, _EVENT, _VOCABULARIES}:
            yield name, member
