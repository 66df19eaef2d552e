"""What happened to lots, by which ways they went, who has them, what standing findings expose."""

from collections.abc import Collection
from dataclasses import dataclass

import duckdb

from reports import rows as made
from reports.claims import Bounded, Exposure, Holding, Lane, Reach, TimelineRow
from reports.evidence.reading import OF_LOTS, read_bounded, read_by_lot

MOST_TIMELINE_ROWS = 300
MOST_LANES = 120
MOST_HOLDERS = 60
MOST_EXPOSED = 20_000  # of the spreadsheet; the page lists far fewer


@dataclass(frozen=True)
class Moved:
    """The movements of one lot."""

    timeline: Bounded[TimelineRow]
    lanes: Bounded[Lane]
    holdings: Bounded[Holding]
    reach: tuple[Reach, ...]
    exposure: Bounded[Exposure]


def read_movements(con: duckdb.DuckDBPyConnection, lot_ids: Collection[int]) -> dict[int, Moved]:
    """The movements of some lots."""
    timeline = read_bounded(
        con, "evid_lot_timeline", lot_ids, MOST_TIMELINE_ROWS, made.timeline_row
    )
    lanes = read_bounded(con, "evid_lot_custody", lot_ids, MOST_LANES, made.lane)
    holdings = read_bounded(con, "evid_lot_holder", lot_ids, MOST_HOLDERS, made.holding)
    # Packs of several relations overlap, so that there is no sum of them.
    exposure = read_bounded(con, "evid_lot_exposure", lot_ids, MOST_EXPOSED, made.exposure, "0")
    reach = read_by_lot(
        con,
        f"SELECT * FROM evid_lot_reach WHERE {OF_LOTS} ORDER BY lot_id, fate",  # noqa: S608
        lot_ids,
    )
    return {
        lot_id: Moved(
            timeline=timeline[lot_id],
            lanes=lanes[lot_id],
            holdings=holdings[lot_id],
            reach=tuple(map(made.reach, reach[lot_id])),
            exposure=exposure[lot_id],
        )
        for lot_id in lot_ids
    }
