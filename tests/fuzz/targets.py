"""The readers under test: each is given bytes, and its counts must add up."""

import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from data.readers import gs1
from data.readers.batch import Batch, TableBatch
from data.readers.epcis import _READERS, Format
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
    texts = data.decode("utf-8", errors="replace").split("\n")[:_MOST_TEXTS]
    plain = [asdict(gs1.parse(text)) for text in texts]
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


WEIGHTS: Mapping[str, int] = {
    "xml": 24, "json": 24, "ndjson": 10, "file": 24, "identifiers": 17, "landing": 1,
}  # fmt: skip


def read_as(target: str, data: bytes, place: Path) -> Counts:
    """Give the bytes to the target of this name."""
    if target in ("xml", "json", "ndjson"):
        return read_document(data, target)  # type: ignore[arg-type]
    if target == "identifiers":
        return read_identifiers(data)
    return land_file(data, place) if target == "landing" else read_file(data, place)
