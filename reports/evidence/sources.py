"""The places that lots passed, whose data covers them, and the documents they were read from."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import duckdb

from reports import rows as made
from reports.claims import Bounded, Feed, LotFile, Place, SiteVisit, Untestable
from reports.evidence.reading import OF_LOTS, cut, read, read_by_lot

MOST_SITES = 200
MOST_FILES = 40


@dataclass(frozen=True)
class Told:
    """Where the data on one lot comes from."""

    sites: Bounded[SiteVisit]
    feeds: tuple[Feed, ...]
    files: Bounded[LotFile]
    untestable: tuple[Untestable, ...]


def read_sources(con: duckdb.DuckDBPyConnection, lot_ids: Collection[int]) -> dict[int, Told]:
    """Where the data on some lots comes from."""
    sites = read_by_lot(con, f"SELECT * FROM evid_lot_site WHERE {OF_LOTS}", lot_ids)  # noqa: S608
    feeds = read_by_lot(
        con,
        f"SELECT * FROM evid_lot_coverage WHERE {OF_LOTS} ORDER BY lot_id, site_id",  # noqa: S608
        lot_ids,
    )
    files = read_by_lot(
        con,
        f"SELECT * FROM evid_lot_file WHERE {OF_LOTS} "  # noqa: S608 - a condition of ours
        "ORDER BY lot_id, record_count DESC, file_id",
        lot_ids,
    )
    untestable = read_by_lot(
        con,
        f"SELECT * FROM evid_lot_untestable WHERE {OF_LOTS} ORDER BY lot_id, pattern",  # noqa: S608
        lot_ids,
    )
    return {
        lot_id: Told(
            sites=_visits(sites[lot_id]),
            feeds=tuple(map(made.feed, feeds[lot_id])),
            files=cut([_file(row) for row in files[lot_id]], MOST_FILES),
            untestable=tuple(
                Untestable(row["pattern"], row["missing"]) for row in untestable[lot_id]
            ),
        )
        for lot_id in lot_ids
    }


def read_places(con: duckdb.DuckDBPyConnection, wanted: Iterable[int | None]) -> dict[int, Place]:
    """The sites of these numbers, in their order."""
    ids = sorted({site_id for site_id in wanted if site_id is not None})
    query = "SELECT * FROM core_site WHERE site_id IN (SELECT unnest(?)) ORDER BY site_id"
    return {row["site_id"]: made.place(row) for row in read(con, query, [ids])}


def _visits(rows: list[made.Row]) -> Bounded[SiteVisit]:
    visits = sorted(
        map(made.visit, rows),
        key=lambda visit: (-(visit.came_in + visit.made), visit.place.site_id),
    )
    return cut(visits, MOST_SITES, lambda visit: visit.came_in + visit.made)


def _file(row: made.Row) -> LotFile:
    return LotFile(
        path=row["path"],
        sha256=row["sha256"],
        kind=row["kind"],
        record_count=row["record_count"],
        set_aside_count=row["set_aside_count"] or 0,
    )
