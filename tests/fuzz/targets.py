"""The readers under test: each is given bytes, and its counts must add up."""

import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from data.readers import epcis_frames, epcis_json, epcis_xml, gs1
from data.readers.batch import Batch, TableBatch
from data.readers.epcis import _READERS, Format
from data.readers.epcis_columns import Columns
from data.readers.identifiers import COLUMNS, parse_many
from data.warehouse.connection import open_memory
from data.warehouse.landing import land
from data.warehouse.sources import Unreadable, read_source
from tests.data.batches import AT
from tests.data.epcis_samples import UNEXPECTED

_MOST_TEXTS = 3_000  # each is read on its own: more of them show nothing more


@dataclass(frozen=True)
class Counts:
    """Records met, and what became of them."""

    read: int = 0
    accepted: int = 0
    set_aside: int = 0


class Broken(AssertionError):
    """A reader gave back what it must not."""


def read_document(data: bytes, form: Format) -> Counts:
    """An EPCIS document; the reader itself, so that what it raises is seen."""
    return _counted(_READERS[form](io.BytesIO(data)))


def read_file(data: bytes, place: Path) -> Counts:
    """A file of any kind, recognised by what it holds; ``Unreadable`` is the documented refusal."""
    path = place / "input"
    path.write_bytes(data)
    try:
        source = read_source(path)
    except Unreadable as refusal:
        _told(refusal.reason, refusal.remedy)
        return Counts(1, 0, 1)
    parts = [_counted(member.batches) for member in source.members]
    return Counts(
        sum(part.read for part in parts),
        sum(part.accepted for part in parts),
        sum(part.set_aside for part in parts),
    )


def read_identifiers(data: bytes) -> Counts:
    """Texts, one a line: both readers of identifiers must say the same."""
    texts = _texts(data)
    return _agreed(texts, [asdict(gs1.parse(text)) for text in texts])


def _texts(data: bytes) -> list[str]:
    return data.decode("utf-8", errors="replace").split("\n")[:_MOST_TEXTS]


def _agreed(texts: list[str], plain: list[dict[str, Any]]) -> Counts:
    many = parse_many(pl.Series(texts, dtype=pl.String)).to_dicts()
    if many != [{name: one[name] for name in COLUMNS} for one in plain]:
        raise Broken("the two readers of identifiers differ")
    known = sum(one["canonical"] is not None for one in plain)
    return Counts(len(texts), known, len(texts) - known)


def land_file(data: bytes, place: Path) -> Counts:
    """A file into an empty warehouse: nothing is lost between reader and tables."""
    path = place / "input"
    path.write_bytes(data)
    with open_memory() as con:
        [receipt] = land(con, [path], AT)
        if str(receipt.message).startswith("could not be read"):
            raise Broken(f"landing: {receipt.message}")
        [(events, refused)] = con.execute(
            "SELECT (SELECT count(*) FROM raw_event), (SELECT count(*) FROM raw_rejected)"
        ).fetchall()
    if refused != receipt.set_aside_count or events > receipt.read_count - refused:
        raise Broken("landing: the tables do not hold what the receipt says")
    return Counts(
        receipt.read_count, receipt.read_count - receipt.set_aside_count, receipt.set_aside_count
    )


def _counted(batches: Iterable[Batch | TableBatch]) -> Counts:
    read = accepted = set_aside = 0
    positions: list[int] = []
    for batch in batches:
        good = _positions(batch)
        refused = batch.rejected
        if batch.read_count != len(good) + refused.height:
            raise Broken("the counts do not add up")
        for row in refused.unique(("reason", "remedy")).iter_rows(named=True):
            _told(row["reason"], row["remedy"])
        positions += [*good, *refused["position"].drop_nulls()]
        read += batch.read_count
        accepted += len(good)
        set_aside += refused.height
    if len(set(positions)) != len(positions):
        raise Broken("two records have one position")
    if positions and not 0 < min(positions) <= max(positions) <= read:
        raise Broken("a position is none of the records read")
    return Counts(read, accepted, set_aside)


def _positions(batch: Batch | TableBatch) -> list[int]:
    if isinstance(batch, TableBatch):
        return batch.rows["position"].to_list()
    return [*batch.events["position"], *batch.master["position"].unique(maintain_order=True)]


def _told(reason: str | None, remedy: str | None) -> None:
    if not reason or not remedy:
        raise Broken("something is set aside without reason or remedy")
    if UNEXPECTED in reason or reason.startswith("could not be read:"):
        raise Broken(reason)


_NOTHING = Batch(0)


class Group:
    """Inputs of one target of which frames are made once, at the end.

    Frames cost some milliseconds however few rows they have, twenty times what reading a small
    document costs. Every input is read on its own, by the reader itself.
    """

    def __init__(self, target: str) -> None:
        """Begin with no inputs."""
        self.target = target
        self.inputs: list[bytes] = []
        self.byte_count = 0
        self._columns = Columns()
        self._texts: list[str] = []
        self._parsed: list[dict[str, Any]] = []
        self._count = 0

    def read(self, data: bytes) -> None:
        """Read one input; raise what the reader raises."""
        if self.target == "identifiers":
            texts = _texts(data)
            self._parsed += [asdict(gs1.parse(text)) for text in texts]
            self._texts += texts
        else:
            with _no_frames() as gathered:
                for _ in _READERS[self.target](io.BytesIO(data)):  # type: ignore[index]
                    pass
            self._append(gathered)
        self.inputs.append(data)
        self.byte_count += len(data)

    def _append(self, gathered: list[Columns]) -> None:
        before, mine = self._count, self._columns
        for part in gathered:
            mine.add(_shifted(part, before))
            mine.master.extend((row[0] + before, *row[1:]) for row in part.master)
            mine.documents.extend(part.documents)
            mine.rejected.extend((row[0] and row[0] + before, *row[1:]) for row in part.rejected)
            self._count += len(part.events["position"]) + len(part.rejected)
            self._count += len({row[0] for row in part.master})

    def close(self) -> Counts:
        """Make the frames; raise Broken where they do not hold what was read."""
        if self.target == "identifiers":
            return _agreed(self._texts, self._parsed)
        batch = epcis_frames.to_batch(self._columns, "line")
        if batch.read_count != self._count:
            raise Broken("the frames do not hold all that was read")
        return _counted([batch])


@contextmanager
def _no_frames() -> Iterator[list[Columns]]:
    """Inside, readers give what they gathered to the list, and make no frames of it."""
    gathered: list[Columns] = []
    modules: tuple[Any, ...] = (epcis_json, epcis_xml)

    def keep(columns: Columns, _: str) -> Batch:
        gathered.append(columns)
        return _NOTHING

    for module in modules:
        module.to_batch = keep
    try:
        yield gathered
    finally:
        for module in modules:
            module.to_batch = epcis_frames.to_batch


def _shifted(part: Columns, before: int) -> Columns:
    def on(fields: dict[str, list[Any]]) -> dict[str, list[Any]]:
        return {**fields, "position": [position + before for position in fields["position"]]}

    return replace(
        part,
        events=on(part.events),
        quantities=on(part.quantities),
        parties=on(part.parties),
        transactions=on(part.transactions),
        sensors=[(row[0] + before, *row[1:]) for row in part.sensors],
        run_positions=[position + before for position in part.run_positions],
    )


GROUPED = frozenset({"xml", "json", "ndjson", "identifiers"})
# What makes frames or a warehouse of each input costs ten to a hundred times the others.
WEIGHTS: Mapping[str, int] = {
    "xml": 280, "json": 280, "ndjson": 120, "file": 70, "identifiers": 249, "landing": 1,
}  # fmt: skip


def read_as(target: str, data: bytes, place: Path) -> Counts:
    """Give the bytes to the target of this name."""
    if target in ("xml", "json", "ndjson"):
        return read_document(data, target)  # type: ignore[arg-type]
    if target == "identifiers":
        return read_identifiers(data)
    return land_file(data, place) if target == "landing" else read_file(data, place)
