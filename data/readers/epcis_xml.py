"""EPCIS 1.0 to 2.0 XML into events shaped like those of EPCIS 2.0 JSON, as a stream.

The parser is pyexpat with handlers that are exchanged on the way: one pair looks for events, one
reads an event's own fields, one the long lists of identifiers, one makes plain dicts of everything
else. Names are matched by local name where the namespace is EPCIS's own or none. A document may lie
inside a wrapper, such as a SOAP envelope. Document types are accepted when bare; entity
declarations and external ones are refused, and nothing is fetched.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO
from xml.parsers import expat

from data.readers.batch import Batch
from data.readers.collector import collector_paused
from data.readers.epcis_columns import Columns
from data.readers.epcis_events import gather
from data.readers.epcis_frames import to_batch
from data.readers.epcis_master import document_row, take_element
from data.readers.epcis_parts import MAX_DEPTH, attach
from data.readers.epcis_source import (
    MAX_EPCS,
    MAX_RECORD_BYTES,
    MAX_SKIPPED_BYTES,
    SourceError,
    read_chunk,
)
from data.readers.epcis_tidy import Omitted, UnreadableError
from data.readers.opening import Utf8Text, text_encoding

_CHUNK_BYTES = 1 << 17
_SLICE_EVENTS = 250
_UNIT = "line"
_MAX_NAMES = 10_000
_MAX_EXTENSIONS = 4
_MAX_NESTING = 10_000  # of elements outside events
_NAMESPACES = ("urn:epcglobal:", "https://ref.gs1.org/standards/epcis")
_OTHER_ENCODING = re.compile(
    rb"""\s*<\?xml[^>]*?encoding\s*=\s*["'](?!utf-?8["'])""", re.IGNORECASE
)

_EVENTS = frozenset(
    {
        "ObjectEvent",
        "AggregationEvent",
        "TransactionEvent",
        "TransformationEvent",
        "AssociationEvent",
        "QuantityEvent",
    }
)
_ROOTS = frozenset(
    {"EPCISDocument", "EPCISQueryDocument", "EPCISMasterDataDocument", "QueryResults", "EventList"}
)
_EPC_LISTS = frozenset({"epcList", "childEPCs", "inputEPCList", "outputEPCList"})
_LISTS = frozenset(
    {
        "quantityList",
        "childQuantityList",
        "inputQuantityList",
        "outputQuantityList",
        "bizTransactionList",
        "sourceList",
        "destinationList",
    }
)
_ELEMENTS = frozenset({"quantityElement", "bizTransaction", "source", "destination"})
_TYPED = frozenset({"bizTransaction", "source", "destination"})
_PLACES = frozenset({"readPoint", "bizLocation"})
_TEXTS = frozenset(
    {
        "eventTime",
        "recordTime",
        "eventTimeZoneOffset",
        "eventID",
        "action",
        "bizStep",
        "disposition",
        "parentID",
        "transformationID",
        "id",
        "epcClass",
        "quantity",
        "uom",
    }
)
_HEADERS = frozenset({"StandardBusinessDocumentHeader", "dscsaTransactionStatement"})

_TreeDone = Callable[[str, Any], None]

# What an element means inside an event.
_TEXT, _THROUGH, _EPCS, _LIST, _ELEMENT, _PLACE, _EVENT, _TREE = range(8)


class _RefusedError(Exception):
    """The document as a whole is not read."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


class _Names(dict[str, tuple[str, int]]):
    """Of an element's name as the parser gives it: the local name and what it means in an event."""

    def __missing__(self, name: str) -> tuple[str, int]:
        namespace, _, local = name.rpartition(" ")
        entry = (local, _meaning(local) if _is_standard(namespace) else _TREE)
        if len(self) < _MAX_NAMES:
            self[name] = entry
        return entry


def _is_standard(namespace: str) -> bool:
    return not namespace or namespace.startswith(_NAMESPACES)


def _meaning(local: str) -> int:
    for names, meaning in (
        (_TEXTS, _TEXT),
        (("extension", "baseExtension"), _THROUGH),
        (_EPC_LISTS, _EPCS),
        (_LISTS, _LIST),
        (_ELEMENTS, _ELEMENT),
        (_PLACES, _PLACE),
        (_EVENTS, _EVENT),
    ):
        if local in names:
            return meaning
    return _TREE


def read_xml(stream: BinaryIO, max_epcs: int = MAX_EPCS) -> Iterator[Batch]:
    """Yield the batches of an EPCIS XML document.

    Whatever is wrong with the bytes becomes a rejected row: of one event where only that event is
    odd, of the rest of the document where it is not well-formed. ``max_epcs`` is the most members
    that the lists of one event may have.
    """
    reader = _Reader(max_epcs)
    try:
        for chunk in _chunks(stream):
            with collector_paused():
                reader.feed(chunk)
            if reader.columns.is_full():
                yield reader.take_batch()
        reader.close()
    except _RefusedError as error:
        reader.set_rest_aside(error.reason, error.remedy)
    except SourceError as error:
        reader.set_rest_aside(error.reason, error.remedy)
    except expat.ExpatError as error:
        reader.set_rest_aside(
            f"not well-formed XML: {expat.ErrorString(error.code)}",
            "Ask the sender for a complete, well-formed file; what came before this place is read.",
        )
    yield reader.take_batch()


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the document in pieces, mended where it is not what it declares to be.

    Blank lines before the XML declaration, and Windows-1252 in what is said to be UTF-8, are
    common faults of exporters that leave no doubt about the content.
    """
    head = read_chunk(stream, _CHUNK_BYTES)
    if text_encoding(head) != "utf-8-sig" or _OTHER_ENCODING.match(head):
        yield head
        while chunk := read_chunk(stream, _CHUNK_BYTES):
            yield chunk
        return
    text = Utf8Text(head)
    yield text.utf8(head).lstrip()
    while chunk := read_chunk(stream, _CHUNK_BYTES):
        yield text.utf8(chunk)
    yield text.utf8(b"")


class _Reader:
    """The state between two calls of the parser; the handlers below are its methods."""

    def __init__(self, max_epcs: int) -> None:
        self.max_epcs = max_epcs
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.buffer_size = 1 << 20
        parser.StartDoctypeDeclHandler = _refuse_external
        parser.EntityDeclHandler = _refuse_entity
        self.parser = parser
        self.columns = Columns()
        self.position = 0  # of the last record met
        self.names = _Names()
        self.texts: list[str] = []
        # Of the slice: events read and not yet gathered.
        self.events: list[dict[str, Any]] = []
        self.lines: list[int] = []
        # Of the document.
        self.path: list[str] = []
        self.outermost = ""  # the file's first element: a document, an event or a wrapper
        self.root: dict[str, Any] = {}  # of the open document
        self.root_depth = 0  # how many wrappers are around it
        self.has_document = False
        self.headers: dict[str, Any] = {}
        self.vocabulary: str | None = None
        self.members: list[Any] = []  # the list of an event that was opened last
        self.fed = 0  # bytes given to the parser
        self.record_start: int | None = None  # where in them the open event or tree begins
        self.left_out = 0  # bytes of the open event that were stepped over
        # Of a tree: open elements from the outside in, and how many are below the depth kept.
        self.tree: list[tuple[str, dict[str, Any]]] = []
        self.below = 0
        self.tree_done: _TreeDone = self._take_outside
        self.begin_event = self._event_handlers()
        self._look_for_events()

    def feed(self, chunk: bytes) -> None:
        """Parse a chunk and gather the events that it completed."""
        self._parse(chunk, is_last=False)
        self.fed += len(chunk)
        if len(self.events) >= _SLICE_EVENTS:
            self._gather()
        if len(self.members) > self.max_epcs:
            self._leave_out()
        start = self.record_start
        if start is None:
            self.texts.clear()
            start = self.parser.CurrentByteIndex
        if self.fed - start > MAX_RECORD_BYTES or self.left_out > MAX_SKIPPED_BYTES:
            raise _RefusedError(
                f"one event or header is larger than {MAX_RECORD_BYTES >> 20} MiB",
                "Ask the sender to split it.",
            )

    def _leave_out(self) -> None:
        """Forget the members of a list that is too long; at its end the event is set aside."""
        members = self.members
        before = members[0] - 1 if type(members[0]) is Omitted else 0
        count = Omitted(before + len(members))
        members.clear()
        members.append(count)
        if self.record_start is not None:  # what was forgotten takes no memory
            self.left_out += self.parser.CurrentByteIndex - self.record_start
            self.record_start = self.parser.CurrentByteIndex

    def close(self) -> None:
        """Tell the parser that the file ends here."""
        self._parse(b"", is_last=True)
        if not self.has_document:
            raise _RefusedError(*_why_no_document(self.outermost, is_name_known=False))

    def _parse(self, chunk: bytes, *, is_last: bool) -> None:
        try:
            self.parser.Parse(chunk, is_last)
        except (LookupError, ValueError) as error:
            raise _RefusedError(
                "the document names a character encoding that cannot be read",
                "Ask the sender for the file in UTF-8.",
            ) from error

    def take_batch(self) -> Batch:
        """Return what has gathered as a batch, and begin anew."""
        self._gather()
        batch = to_batch(self.columns, _UNIT)
        self.columns = Columns()
        return batch

    def set_rest_aside(self, reason: str, remedy: str) -> None:
        """Keep what was read and note the rest as one thing set aside."""
        self._gather()
        self._end_document()
        self.columns.set_aside(None, f"line {self.parser.CurrentLineNumber}", reason, remedy)

    def _gather(self) -> None:
        if self.events:
            gather(self.events, self.position + 1, self.lines, _UNIT, self.columns, self.max_epcs)
            self.position += len(self.events)
            self.events.clear()
            self.lines.clear()

    def _end_document(self) -> None:
        if self.root.get("name") in _ROOTS:
            row = document_row(self.root, *(self.headers.get(name) for name in sorted(_HEADERS)))
            self.columns.documents.append(row)
        self.root, self.headers = {}, {}

    # Outside events: find them, the header and the master data.

    def _look_for_events(self) -> None:
        self.texts.clear()
        self.parser.StartElementHandler = self._start_outside
        self.parser.EndElementHandler = self._end_outside
        self.parser.CharacterDataHandler = None

    def _start_outside(self, name: str, attributes: dict[str, str]) -> None:
        local, meaning = self.names[name]
        if not self.root:
            self._start_root(name, local, meaning, attributes)
        if meaning == _EVENT and self.root:
            self.begin_event(local, self.parser.CurrentLineNumber)
            return
        is_member = self._is_in_event_list() and meaning != _THROUGH
        is_error = local.endswith("Exception") and self.path[-1:] == ["EPCISBody"]
        is_told = is_member or local == "VocabularyElement" or is_error
        if (is_told and self.root) or local in _HEADERS:
            self.record_start = self.parser.CurrentByteIndex
            self._start_tree(name, attributes, self._take_outside)
            return
        if local == "Vocabulary":
            self.vocabulary = attributes.get("type")
        if len(self.path) >= _MAX_NESTING:
            raise _RefusedError(
                f"elements are nested more than {_MAX_NESTING} deep",
                "Check where the file comes from.",
            )
        self.path.append(local)

    def _is_in_event_list(self) -> bool:
        """Tell whether what comes next lies in the event list, or in an extension of it."""
        around = [local for local in self.path[-_MAX_EXTENSIONS:] if local != "extension"]
        return bool(around) and around[-1] == "EventList"

    def _start_root(self, name: str, local: str, meaning: int, attributes: dict[str, str]) -> None:
        """Open a document, or pass over an element that may be a wrapper around one."""
        namespace = name.rpartition(" ")[0]
        is_name_known = local in _ROOTS or meaning == _EVENT
        if not self.path:
            self.outermost = local
            if is_name_known and not _is_standard(namespace):
                raise _RefusedError(*_why_no_document(local, is_name_known=True))
        # Inside a wrapper, an element that only looks like a part of EPCIS may be anything.
        elif not (local in _ROOTS and (namespace or local.startswith("EPCIS"))):
            return
        if is_name_known and _is_standard(namespace):
            self.root = {**attributes, "name": local}
            self.root_depth = len(self.path)
            self.has_document = True

    def _end_outside(self, name: str) -> None:
        if self.path:
            self.path.pop()
        if self.root and len(self.path) == self.root_depth:
            self._end_document()

    # Inside an event. These handlers run some twenty times an event, and a Python function's own
    # variables are twice as fast as an object's.

    def _event_handlers(self) -> Callable[[str, int], None]:  # noqa: PLR0915
        """Make the handlers for an event's fields; return the function that begins an event."""
        parser, names, texts = self.parser, self.names, self.texts
        events, lines = self.events, self.lines
        clear, joined, is_text = texts.clear, "".join, dict[str, str]()
        event: dict[str, Any] = {}
        target: dict[str, Any] = {}  # where texts go: the event, a place, a list's element
        elements: list[Any] = []  # the list that is open
        line = 0

        def begin(event_type: str, at_line: int) -> None:
            nonlocal event, target, line
            event = target = {"type": event_type}
            line = at_line
            self.record_start = parser.CurrentByteIndex
            parser.StartElementHandler = start
            parser.EndElementHandler = end
            parser.CharacterDataHandler = texts.append

        def start_next(name: str, attributes: dict[str, str]) -> None:
            local, meaning = names[name]
            if meaning == _EVENT:
                begin(local, parser.CurrentLineNumber)
            else:
                self._look_for_events()
                self._start_outside(name, attributes)

        def start(name: str, attributes: dict[str, str]) -> None:
            nonlocal target, elements
            clear()
            if name in is_text:
                return
            local, meaning = names[name]
            if meaning == _EPCS:
                elements = self.members = event.setdefault(local, [])
                # Without a start handler the white space before an identifier is part of its
                # text, and is stripped with the whole batch.
                parser.StartElementHandler = None
                parser.EndElementHandler = end_identifier
            elif meaning == _LIST:
                elements = self.members = event.setdefault(local, [])
            elif meaning == _ELEMENT:
                target = {"type": attributes.get("type")} if local in _TYPED else {}
                elements.append(target)
            elif meaning == _PLACE:
                target = event.setdefault(local, {})
            elif meaning == _TEXT:
                is_text[name] = local
            elif meaning != _THROUGH:
                self._start_tree(name, attributes, tree_done)

        def end(name: str) -> None:
            nonlocal target
            local = is_text.get(name)
            if local is not None:
                target[local] = joined(texts)
                return
            local, meaning = names[name]
            if meaning == _EVENT:
                events.append(event)
                lines.append(line)
                self.record_start = None
                self.left_out = 0
                parser.StartElementHandler = start_next
                parser.EndElementHandler = self._end_outside
                if not self.path:
                    self._end_document()
            elif meaning == _ELEMENT:
                if local in _TYPED:
                    target[local] = joined(texts)
                target = event
            elif meaning == _PLACE:
                if not target:
                    target["id"] = joined(texts)
                target = event

        def end_identifier(name: str) -> None:
            if name == "epc" or names[name][0] == "epc":
                elements.append(joined(texts))
                clear()
            elif names[name][1] == _EPCS:
                parser.StartElementHandler = start
                parser.EndElementHandler = end

        def tree_done(local: str, value: Any) -> None:
            attach(target, local, value)
            parser.StartElementHandler = start
            parser.EndElementHandler = end

        return begin

    # Everything else becomes plain dicts, as JSON would have it.

    def _start_tree(self, name: str, attributes: dict[str, str], done: _TreeDone) -> None:
        self.tree_done = done
        self.parser.StartElementHandler = self._start_branch
        self.parser.EndElementHandler = self._end_branch
        self.parser.CharacterDataHandler = self.texts.append
        self._start_branch(name, attributes)

    def _start_branch(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.tree) >= MAX_DEPTH:
            self.below += 1
            return
        texts = self.texts
        if texts:
            if self.tree:
                _add_text(self.tree[-1][1], texts)
            texts.clear()
        value = {}
        if attributes:
            value = {
                key.rpartition(" ")[2]: text
                for key, text in attributes.items()
                if not key.startswith("http://www.w3.org/")
            }
        self.tree.append((self.names[name][0], value))

    def _end_branch(self, _name: str) -> None:
        if self.below:
            self.below -= 1
            return
        local, value = self.tree.pop()
        texts = self.texts
        whole: Any = value
        if value:
            _add_text(value, texts)
            if "#text" in value:
                value["#text"] = " ".join(value["#text"])
            if value.keys() == {"#text"}:
                whole = value["#text"]
        else:
            whole = "".join(texts).strip()
        texts.clear()
        if self.tree:
            attach(self.tree[-1][1], local, whole)
        else:
            self.tree_done(local, whole)

    def _take_outside(self, local: str, value: Any) -> None:
        self._look_for_events()
        self.record_start = None
        if local in _HEADERS:
            self.headers[local] = value
            return
        self._gather()
        self.position += 1
        place = f"line {self.parser.CurrentLineNumber}"
        if local == "VocabularyElement":
            try:
                take_element(self.position, self.vocabulary, value, self.columns)
            except UnreadableError as error:
                self.columns.set_aside(self.position, place, error.reason, error.remedy)
        elif local.endswith("Exception"):
            self.columns.set_aside(
                self.position,
                place,
                "the document is a repository's error answer to a query, not its events",
                "Ask the repository again, for instance in smaller portions.",
            )
        else:
            self.columns.set_aside(
                self.position,
                place,
                "an element of the event list is none of the five event types of EPCIS",
                "Nothing, if it is the vendor's own; else ask the sender for a standard event.",
            )


def _add_text(value: dict[str, Any], texts: list[str]) -> None:
    text = "".join(texts).strip()
    if text:
        value.setdefault("#text", []).append(text)


def _refuse_external(
    _name: str, system_id: str | None, public_id: str | None, _has_internal_subset: int
) -> None:
    if system_id or public_id:
        raise _RefusedError(
            "the document type refers to an external definition, which is never fetched",
            "Ask the sender for the file without a DOCTYPE.",
        )


def _refuse_entity(*_declaration: Any) -> None:
    raise _RefusedError(
        "the document declares entities of its own, which can hide or multiply content",
        "Ask the sender for the file without a DOCTYPE.",
    )


def _why_no_document(local: str, is_name_known: bool) -> tuple[str, str]:
    if is_name_known:
        return (
            f"the root element {local} is not in an EPCIS namespace",
            "Ask the sender for a document in urn:epcglobal:epcis:xsd:1 or xsd:2.",
        )
    if local == "Envelope":
        return (
            "the file is a SOAP message with no EPCIS document inside it",
            "Check that the right file was delivered.",
        )
    if local == "EPCISCaptureJob":
        return (
            "the file is the status report of a capture job and holds no events",
            "Nothing: there is nothing in it to read.",
        )
    return (
        "the file is XML but neither an EPCIS document nor an EPCIS event",
        "Check that the right file was delivered.",
    )
