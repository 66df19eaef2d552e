"""A file as landing sees it: a kind, and the documents inside it as batches."""

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import polars as pl

from data.readers.batch import REJECTED, Batch, TableBatch
from data.readers.epcis import Format, read_epcis
from data.readers.epcis_source import MAX_EPCS
from data.readers.event_table import read_event_table
from data.readers.layouts import Layout
from data.readers.opening import File, opened
from data.readers.recognise import Recognised, recognise
from data.readers.tables import read_table


@dataclass(frozen=True)
class Member:
    """One document of a file: its name inside a container, else empty, and its batches."""

    name: str
    batches: Iterable[Batch | TableBatch]


@dataclass(frozen=True)
class Source:
    """An opened file: its documents and what it is.

    ``epcis``, a kind of table (``events``, ``shipments``, ...) or ``archive``.
    """

    kind: str
    members: Iterable[Member]


class Unreadable(Exception):
    """Nothing of the file can be read: the reason, and what a person can do."""

    def __init__(self, reason: str, remedy: str) -> None:  # noqa: D107 - above
        super().__init__(reason, remedy)  # both, so that it can travel between processes
        self.reason = reason
        self.remedy = remedy


def read_source(path: Path, layouts: Sequence[Layout] = (), max_epcs: int = MAX_EPCS) -> Source:
    """Recognise a file by what it holds and open it.

    ``layouts`` are the user's own mappings, tried before the shipped ones; ``max_epcs`` is the most
    members that the lists of one event may have. An archive of one kind
    of document has that kind, a mixed one is an ``archive``; a member that is not known is one
    record set aside. Raises Unreadable where nothing in the file is known.
    """
    found = recognise(path, layouts)
    if found.kind == "unknown":
        raise Unreadable(found.reason, found.remedy)
    documents = found.members or (found,)
    kinds = sorted({one.kind for one in documents} - {"unknown"})
    if not kinds:
        first = documents[0]
        raise Unreadable(
            f"an archive of {len(documents)} files, none of them known; the first is "
            f"{first.reason}",
            first.remedy,
        )
    return Source(kinds[0] if len(kinds) == 1 else "archive", _members(path, documents, max_epcs))


def _members(path: Path, documents: Iterable[Recognised], max_epcs: int) -> Iterator[Member]:
    with ExitStack() as stack:
        file: File = path
        for one in documents:
            if one.member is not None and isinstance(file, Path):
                file = stack.enter_context(zipfile.ZipFile(path))
            yield Member(one.member or "", _batches(file, one, max_epcs))


def _batches(file: File, document: Recognised, max_epcs: int) -> Iterator[Batch | TableBatch]:
    if document.kind == "unknown":
        said = {"position": None, "place": None}
        refused = said | {"reason": document.reason, "remedy": document.remedy}
        yield Batch(1, rejected=pl.DataFrame([refused], schema=REJECTED))
    elif document.kind == "events":
        yield from read_event_table(file, document.member, max_epcs=max_epcs)
    elif document.layout is not None:
        yield from read_table(file, document.layout, document.member)
    else:
        with opened(file, document.member) as stream:
            yield from read_epcis(stream, format=cast(Format, document.format), max_epcs=max_epcs)
