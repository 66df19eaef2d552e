"""What a file is, by what it holds: never by its name, and never by more than its beginning."""

import re
import tarfile
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final
from xml.parsers import expat

import msgspec

from data.readers.expansion import ExpansionLimits
from data.readers.layouts import Layout, match_layout, nearest_layout
from data.readers.opening import File, compression, decoded, opened, text_encoding
from data.readers.slices import HEAD_BYTES, MAX_COLUMNS, TABLE_DAMAGE, header, split_header

MAX_MEMBERS: Final = 10_000
LIMITS: Final = ExpansionLimits()

_EVENTS: Final = frozenset(
    {
        "objectevent",
        "aggregationevent",
        "transactionevent",
        "transformationevent",
        "associationevent",
        "quantityevent",
    }
)
_DOCUMENTS: Final = frozenset(
    {"epcisdocument", "epcisquerydocument", "epcismasterdatadocument", "queryresults", "eventlist"}
)


@dataclass(frozen=True)
class Recognised:
    """What a file, or a member of an archive, is.

    kind
        ``epcis``, a kind of table (``events``, ``shipments``, ``verifications``, ...), ``archive``
        or ``unknown``.
    format
        ``xml``, ``json``, ``ndjson``, ``csv``, ``parquet``; empty where unknown.
    compression
        ``none``, ``gzip`` or ``zip``.
    layout
        Of tables: how the columns are read.
    reason, remedy
        Of unknown files: what it seems to be, and what a person can do.
    member, members
        Of archives: the members; of a member: its name inside the archive.
    """

    kind: str
    format: str = ""
    compression: str = "none"
    layout: Layout | None = None
    reason: str = ""
    remedy: str = ""
    member: str | None = None
    members: tuple["Recognised", ...] = ()


def recognise(path: Path, layouts: Sequence[Layout] = ()) -> Recognised:
    """Say what ``path`` is; never raises for what a file holds, only where there is none.

    Parameters
    ----------
    path
        Any file; plain, gzip or zip.
    layouts
        Layouts given by the user, tried before the shipped ones.
    """
    packing = "none"
    try:
        packing = compression(path)
        if packing == "zip":
            return _archive(path, layouts)
        with opened(path) as stream:
            head = stream.read(HEAD_BYTES)
        return replace(_one(path, None, head, layouts), compression=packing)
    except FileNotFoundError:
        raise  # it vanished, which says nothing about what it held
    except TABLE_DAMAGE as error:
        what = "cannot be opened" if isinstance(error, PermissionError) else "is damaged or cut off"
        return Recognised(
            "unknown",
            compression=packing,
            reason=f"the file {what}",
            remedy="Allow reading it or ask for the file again, then run again.",
        )


# --- archives ------------------------------------------------------------------------------------


def _archive(path: Path, layouts: Sequence[Layout]) -> Recognised:
    with zipfile.ZipFile(path) as archive:
        entries = [one for one in archive.infolist() if not _is_aside(one)]
        faults = (
            (
                any(one.filename == "[Content_Types].xml" for one in entries),
                "an office document, such as a spreadsheet",
                "Save each sheet as CSV.",
            ),
            (
                len(entries) > MAX_MEMBERS,
                f"an archive of more than {MAX_MEMBERS} files",
                "Unpack it and name the folder.",
            ),
            (
                # Members may share their packed bytes, so that each alone would seem harmless.
                sum(one.file_size for one in entries) > LIMITS.of(path.stat().st_size),
                "an archive that unpacks to an absurd size, as decompression bombs do",
                "Check where the archive comes from.",
            ),
            (not entries, "an empty archive", "Ask its sender for the files."),
        )
        for is_so, what, remedy in faults:
            if is_so:
                return _unknown(what, remedy, "zip")
        entries.sort(key=lambda one: one.filename)
        hidden = [one.filename == after.filename for one, after in pairwise(entries)] + [False]
        members = tuple(
            replace(
                _member(archive, one, layouts, is_hidden), compression="zip", member=one.filename
            )
            for one, is_hidden in zip(entries, hidden, strict=True)
        )
    return Recognised("archive", "zip", "zip", members=members)


def _is_aside(entry: zipfile.ZipInfo) -> bool:
    """Folders, and what operating systems leave behind."""
    parts = entry.filename.split("/")
    return entry.is_dir() or parts[0] == "__MACOSX" or parts[-1].startswith(".")


def _member(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, layouts: Sequence[Layout], is_hidden: bool
) -> Recognised:
    if is_hidden:  # a name opens the last member that bears it
        return _unknown(
            "a member whose name a later member bears too", "Unpack the archive, name the folder."
        )
    if entry.flag_bits & 1:
        return _unknown("an encrypted member", "Unpack it with its password, then run again.")
    try:
        with opened(archive, entry.filename) as stream:
            head = stream.read(HEAD_BYTES)
        return _one(archive, entry.filename, head, layouts)
    except (*TABLE_DAMAGE, NotImplementedError):
        return _unknown("a damaged member", "Ask for the archive again, then run again.")


# --- one file ------------------------------------------------------------------------------------

_MAGIC: Final = (
    (b"%PDF", "a PDF document", "Ask for the data behind it."),
    (b"PK\x03\x04", "an archive inside an archive", "Unpack it, then run again."),
    (b"\x1f\x8b", "a compressed file inside an archive", "Unpack it, then run again."),
    (b"BZh", "a file packed with bzip2", "Unpack it, then run again."),
    (b"\xfd7zXZ", "a file packed with xz", "Unpack it, then run again."),
    (b"7z\xbc\xaf", "a 7z archive", "Unpack it, then run again."),
    (b"\x28\xb5\x2f\xfd", "a file packed with zstd", "Unpack it, then run again."),
    (b"\xd0\xcf\x11\xe0", "an old office document", "Save each sheet as CSV."),
    (b"SQLite format 3", "a SQLite database", "Export its tables as CSV."),
)
_TAR_MARK: Final = slice(257, 262)


def _one(file: File, member: str | None, head: bytes, layouts: Sequence[Layout]) -> Recognised:
    if not head.strip():
        return _unknown("an empty file", "Ask its sender for the data.")
    if head[:4] == b"PAR1":
        return _table(file, member, "parquet", layouts)
    text = decoded(head).lstrip("\ufeff \t\r\n")
    binary = _binary(head, text)
    if binary is not None:
        return binary
    if text.startswith("<"):
        return _xml(head, text)
    if text.startswith(("{", "[")):
        return _json(file, member, text, layouts)
    return _text(file, member, text, layouts)


def _binary(head: bytes, text: str) -> Recognised | None:
    for magic, what, remedy in _MAGIC:
        if head.startswith(magic):
            return _unknown(what, remedy)
    if head[_TAR_MARK] == tarfile.GNU_MAGIC[:5]:
        return _unknown("a tar archive", "Unpack it and name the folder.")
    if "\x00" in text:
        return _unknown("a binary file", "Give EPCIS documents, logs or lists.")
    return None


def _unknown(what: str, remedy: str, packing: str = "none") -> Recognised:
    return Recognised("unknown", compression=packing, reason=what, remedy=remedy)


def _table(file: File, member: str | None, form: str, layouts: Sequence[Layout]) -> Recognised:
    """A table whose header a layout knows, or why not."""
    columns = header(file, member)
    if len(columns) > MAX_COLUMNS:
        return _unknown(
            f"a table of more than {MAX_COLUMNS:,} columns", "Give the columns that matter alone."
        )
    layout = match_layout(columns, layouts)
    if layout is not None:
        return Recognised(layout.kind, form, layout=layout)
    near = nearest_layout(columns)
    hint = ""
    if near is not None:
        hint = f"; nearest is `{near[0].name}`, which lacks {', '.join(near[1])}"
    return _unknown(
        f"a table whose columns no layout knows{hint}",
        "Name its columns as in the plain layouts, or give a mapping file for it.",
    )


# --- XML -----------------------------------------------------------------------------------------

_ROOT: Final = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")
_ROOTS: Final = {
    "envelope": (
        "a SOAP envelope with no EPCIS document inside it",
        "Take the document out of its Body, where it lies as text, and give that.",
    ),
    "epciscapturejob": (
        "the status of an EPCIS capture job, which holds no events",
        "Give the document that was captured.",
    ),
    "schema": ("an XML schema (XSD), which holds no events", "Leave it out."),
    "rdf": ("an RDF ontology, which holds no events", "Leave it out."),
    "html": ("a web page", "Give the file behind it."),
}


def _xml(head: bytes, text: str) -> Recognised:
    root, has_document = _first_elements(head)
    root = root or next(iter(_ROOT.findall(text)), "")
    name = root.casefold()
    # A comment may fill the whole beginning: the reader will see.
    is_unseen = not root and len(head) == HEAD_BYTES
    if name in _DOCUMENTS | _EVENTS or has_document or is_unseen:
        return Recognised("epcis", "xml")
    what, remedy = _ROOTS.get(
        name,
        (
            f"XML that is not EPCIS (its root is `{root[:60]}`)",
            "Give EPCIS documents, events or event lists.",
        ),
    )
    return _unknown(what, remedy)


def _first_elements(head: bytes) -> tuple[str, bool]:
    """The root's local name, empty where there is none, and whether an EPCIS document begins.

    The document may lie inside a wrapper, such as a SOAP envelope.
    """
    names: list[str] = []
    documents: list[str] = []
    parser = expat.ParserCreate(namespace_separator=" ")

    def start(name: str, _attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        if not names:
            names.append(local)
        is_ours = not namespace or namespace.startswith("urn:epcglobal:")
        if is_ours and local.casefold() in _DOCUMENTS and (namespace or local.startswith("EPCIS")):
            documents.append(local)

    parser.StartElementHandler = start
    with suppress(expat.ExpatError, LookupError, ValueError):
        parser.Parse(head.lstrip() if text_encoding(head) == "utf-8-sig" else head, False)
    return (names[0] if names else ""), bool(documents)


# --- JSON ----------------------------------------------------------------------------------------

_TOKEN: Final = re.compile(
    # A string whole or cut off by the end of the text, punctuation, or a plain value.
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[{}\[\],:]|[^\s{}\[\],:"]++',
    re.DOTALL,
)
_TYPES: Final = ("type", "isA", "@type")


def _json(file: File, member: str | None, text: str, layouts: Sequence[Layout]) -> Recognised:
    is_lines = _is_lines(text)
    members = _members(text)
    form = "ndjson" if is_lines else "json"
    type_ = next((members[key] for key in _TYPES if key in members), "")
    if type_.rpartition(":")[2].casefold() in _DOCUMENTS | _EVENTS:
        return Recognised("epcis", form)
    if members.keys() & {"epcisBody", "epcisbody", "epcisHeader", "eventList", "eventTime"}:
        return Recognised("epcis", form)
    return _other_json(file, member, text, members, layouts, is_lines=is_lines)


def _other_json(
    file: File,
    member: str | None,
    text: str,
    members: dict[str, str],
    layouts: Sequence[Layout],
    *,
    is_lines: bool,
) -> Recognised:
    """JSON that does not open as EPCIS does."""
    for signs, what, remedy in _JSON_SIGNS:
        if signs <= members.keys():
            return _unknown(what, remedy)
    if not is_lines and text.startswith("{") and _WRAPPED.search(text):
        return Recognised("epcis", "json")
    if is_lines or (text.startswith("{") and "\n" not in text.strip()):
        return _table(file, member, "ndjson", layouts)
    if text.startswith("[") and match_layout(list(members), layouts) is not None:
        return _table(file, member, "json", layouts)
    return _unknown(
        "JSON that is not EPCIS", "Give EPCIS documents, or tables as lists or lines of objects."
    )


# Fields that only EPCIS has, inside an object of another name.
_WRAPPED: Final = re.compile(r'"(?:epcisBody|eventList|eventTime|(?:[\w-]+:)?EPCISBody)"\s*:')
_LEAVE_OUT: Final = "Leave it out."
_JSON_SIGNS: Final = (
    (
        frozenset({"exception_case_uuid"}),
        "a DSCSA exception message, which holds no events",
        "Give the EPCIS document that it is about.",
    ),
    (
        frozenset({"captureID"}),
        "the status of an EPCIS capture job, which holds no events",
        "Give the document that was captured.",
    ),
    (frozenset({"$schema"}), "a JSON schema, which holds no events", _LEAVE_OUT),
    (frozenset({"$defs"}), "a JSON schema, which holds no events", _LEAVE_OUT),
    (frozenset({"definitions"}), "a JSON schema, which holds no events", _LEAVE_OUT),
    (frozenset({"@graph"}), "an RDF ontology, which holds no events", _LEAVE_OUT),
    (frozenset({"@context"}), "a JSON-LD context, which holds no events", _LEAVE_OUT),
)


def _is_lines(text: str) -> bool:
    """Whether the first line is a whole JSON object and another follows."""
    first, _, rest = text.partition("\n")
    if not rest.lstrip().startswith("{"):
        return False
    try:
        return isinstance(msgspec.json.decode(first.strip().encode()), dict)
    except (msgspec.DecodeError, RecursionError):
        return False


def _members(text: str) -> dict[str, str]:
    """Names and plain values at the top of the first object, from a text that may be cut off."""
    members: dict[str, str] = {}
    depth = 0
    top = 2 if text.startswith("[") else 1
    name: str | None = None
    is_value = False
    for match in _TOKEN.finditer(text):
        part = match[0]
        if part in "{[":
            depth += 1
        elif part in "}]":
            depth -= 1
            if depth < top:
                break
        elif depth == top:
            if part == ":":
                is_value = True
            elif part == ",":
                name, is_value = None, False
            elif is_value and name is not None:
                members[name] = part.strip('"')
            elif part.startswith('"'):
                name = part[1:-1]
                members[name] = ""
    return members


# --- other text ----------------------------------------------------------------------------------

_HASH: Final = re.compile(r"ni:///sha-?[0-9]+;")
_TURTLE: Final = re.compile(r"(@prefix|@base|PREFIX)\s")
_MARKDOWN: Final = re.compile(r"^#{1,6} |^```|\]\(|`\w|^(=|-){3,}$", re.MULTILINE)


def _text(file: File, member: str | None, text: str, layouts: Sequence[Layout]) -> Recognised:
    if _HASH.match(text) or text.startswith("eventType="):
        return _unknown(
            "a list of event hashes, which holds no events", "Give the documents they were made of."
        )
    if _TURTLE.match(text):
        return _unknown("an RDF ontology (Turtle), which holds no events", _LEAVE_OUT)
    _, columns = split_header(text)
    if match_layout(columns, layouts) is None and _MARKDOWN.search(text):
        return _unknown("a Markdown text", _LEAVE_OUT)
    if len(columns) > 1:
        return _table(file, member, "csv", layouts)
    return _unknown("a text that is no table", "Give EPCIS documents, logs or lists.")
