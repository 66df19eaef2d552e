"""From chunks of lots to deliveries: a spool on disk, then one delivery after the other.

Lots are lived in chunks, but partners send by the calendar. Chunks are spooled as Parquet, sorted
by delivery; each delivery is then read back from all of them. Memory holds one chunk, or a slice of
one delivery.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from data.simulator import documents
from data.simulator.network import Network
from data.simulator.sales import SHIPMENTS
from data.simulator.spelling import Style
from data.simulator.stage import EPOCH
from data.simulator.verifying import scan_table
from data.simulator.working_time import DAY_US

AT_ONCE = 400_000  # events of a delivery held in memory
FORMATS = ("xml", "json", "csv", "parquet")
_HUBS = 4  # software houses of a country that upload for pharmacies and hospitals


@dataclass
class Spool:
    """Events, scans and sales that wait for their delivery."""

    folder: Path
    first_day: int  # days since 1970
    every_days: int
    chunks: int = 0
    counts: dict[int, int] = field(default_factory=dict)  # events of each delivery

    def delivery(self, column: str) -> pl.Expr:
        """Number of the delivery that brings what is recorded at a time."""
        day = pl.col(column) // DAY_US - self.first_day
        return day.clip(0) // self.every_days

    def add(self, events: pl.DataFrame, scans: pl.DataFrame, sales: pl.DataFrame) -> None:
        """Put a chunk down."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.chunks += 1
        for name, frame, column in (
            ("events", events, "recorded_us"),
            ("scans", scans, "at_us"),
            ("sales", sales, "recorded_us"),
        ):
            if frame.is_empty():
                continue
            due = frame.with_columns(self.delivery(column).alias("delivery")).sort(
                "delivery", maintain_order=True
            )
            if name == "events":
                for number, count in due["delivery"].value_counts().iter_rows():
                    self.counts[number] = self.counts.get(number, 0) + count
            due.write_parquet(
                self.folder / f"{name}-{self.chunks:06d}.parquet",
                compression="lz4",
                row_group_size=max(2_000, len(due) // 50),
            )

    def read(self, name: str, number: int, where: pl.Expr | None = None) -> pl.DataFrame:
        """One delivery of events, scans or sales, or a part of it."""
        files = sorted(self.folder.glob(f"{name}-*.parquet"))
        if not files:
            return pl.DataFrame()
        due = pl.scan_parquet(files).filter(pl.col("delivery") == number)
        return (due if where is None else due.filter(where)).drop("delivery").collect()

    def close(self) -> None:
        """Take the spool away."""
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True)
class Senders:
    """Whose upload each site's events travel with, and in which format."""

    of_site: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
    formats: dict[int, str]

    @classmethod
    def of(cls, net: Network, formats: tuple[str, ...]) -> "Senders":
        """Companies send for themselves; independent dispensers by a software house."""
        chance = net.chance
        countries = {c: n for n, c in enumerate(sorted({s.country for s in net.sites}))}
        own = []
        for site in net.sites:
            alone = site.role == "hospital" or site.tier == "independent"
            hub = int(chance.below(_HUBS, "software house", site.no)[0])
            own.append(9_000 + countries[site.country] * _HUBS + hub if alone else site.partner.no)
        weights = {"xml": 5, "json": 4, "csv": 1, "parquet": 1}
        options = [f for f in FORMATS if f in formats]
        total = sum(weights[f] for f in options)
        chosen: dict[int, str] = {}
        for sender in sorted(set(own)):
            target = int(chance.below(total, "format", sender)[0])
            for name in options:
                target -= weights[name]
                if target < 0:
                    chosen[sender] = name
                    break
        return cls(np.array(own, dtype=np.int64), chosen)


def deliver(folder: Path, spool: Spool, net: Network, senders: Senders) -> Iterator[Path]:
    """Write every delivery as a folder of documents, one a sender; yields their paths."""
    sites = net.frame()
    for number in sorted(spool.counts):
        day = EPOCH + timedelta(days=spool.first_day + (number + 1) * spool.every_days)
        target = folder / day.isoformat()
        target.mkdir(parents=True, exist_ok=True)
        parts = -(-spool.counts[number] // AT_ONCE)
        sender = pl.lit(pl.Series(senders.of_site)).gather(pl.col("reporter"))
        for part in range(parts):
            where = None if parts == 1 else sender % parts == part
            events = spool.read("events", number, where)
            events = events.with_columns(
                sender=pl.Series(senders.of_site).gather(events["reporter"])
            ).sort("sender", "recorded_us", "event_no")
            for (name,), own in events.partition_by(
                "sender", as_dict=True, maintain_order=True
            ).items():
                yield from _document(target, int(name), own.drop("sender"), sites, senders)
        scans = spool.read("scans", number)
        if not scans.is_empty():
            path = target / "verifications.csv"
            scans = scans.sort("at_us", "site", "serial", "answer_code")
            scan_table(scans, net).write_csv(path)
            yield path
        sales = spool.read("sales", number)
        if not sales.is_empty():
            sales = sales.with_columns(
                sender=pl.Series(senders.of_site).gather(sales["reporter"])
            ).sort("sender", "shipped_at", "shipment_id", "line")
            for (name,), own in sales.partition_by(
                "sender", as_dict=True, maintain_order=True
            ).items():
                path = target / f"{_name(int(name))}_sales.csv"
                own.select(SHIPMENTS).write_csv(path)
                yield path


def _name(sender: int) -> str:
    return f"952{sender:04d}"


def _document(
    folder: Path, sender: int, events: pl.DataFrame, sites: pl.DataFrame, senders: Senders
) -> Iterator[Path]:
    form = senders.formats[sender]
    stem = folder / _name(sender)
    style: Style = "urn" if sender % 2 else "digital_link"
    if form != "json":
        # Only EPCIS 2.0 can carry sensor values: they come in a document of their own.
        has_values = pl.col("temperatures").is_not_null()
        values = events.filter(has_values)
        if not values.is_empty():
            path = stem.with_name(f"{stem.name}_sensors.json")
            documents.write_json20(path, values, sites, style)
            yield path
        events = events.filter(~has_values)
        if events.is_empty():
            return
    if form == "xml":
        path = stem.with_suffix(".xml")
        documents.write_xml12(path, events, sites)
    elif form == "json" and sender % 3 == 0:
        path = stem.with_suffix(".ndjson")
        documents.write_lines(path, events, sites, style)
    elif form == "json":
        path = stem.with_suffix(".json")
        documents.write_json20(path, events, sites, style)
    else:
        path = stem.with_suffix(f".{form}")
        documents.write_events_table(path, events, sites)
    yield path
