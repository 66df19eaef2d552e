"""Rows of the warehouse: one query for a batch of lots, its rows apart by lot.

A query costs some milliseconds however few rows it finds, and a page needs some thirty.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import duckdb

from reports import rows as made
from reports.claims import Bounded

T = TypeVar("T")

OF_LOTS = "lot_id IN (SELECT unnest(?))"
OF_NAMED_LOTS = "gtin || '/' || lot IN (SELECT unnest(?))"  # a GTIN has no stroke

ByLot = Mapping[int, list[made.Row]]
ByName = Mapping[tuple[str, str], list[made.Row]]


def read(
    con: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[Any] = ()
) -> list[made.Row]:
    """The rows of a query, each by the names of its columns."""
    cursor = con.execute(query, list(parameters))
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]


def read_by_lot(
    con: duckdb.DuckDBPyConnection, query: str, lot_ids: Collection[int], *more: object
) -> ByLot:
    """The rows of a query, apart by ``lot_id``; of each lot in the order of the query.

    Its first parameter is the list of lots (``OF_LOTS``), the others are ``more``.
    """
    found: defaultdict[int, list[made.Row]] = defaultdict(list)
    for row in read(con, query, [list(lot_ids), *more]):
        found[row["lot_id"]].append(row)
    return found


def read_by_name(
    con: duckdb.DuckDBPyConnection, query: str, lots: Collection[tuple[str, str]]
) -> ByName:
    """The rows of a query, apart by GTIN and lot; its parameter is the list ``OF_NAMED_LOTS``."""
    found: defaultdict[tuple[str, str], list[made.Row]] = defaultdict(list)
    for row in read(con, query, [[f"{gtin}/{lot}" for gtin, lot in lots]]):
        found[row["gtin"], row["lot"]].append(row)
    return found


def cut(rows: Sequence[T], most: int, units: Callable[[T], float] = lambda _: 0) -> Bounded[T]:
    """The first rows, and how many and how much the others are."""
    rest = rows[most:]
    return Bounded(tuple(rows[:most]), len(rest), float(sum(units(row) for row in rest)))


def read_bounded(
    con: duckdb.DuckDBPyConnection,
    model: str,
    lot_ids: Collection[int],
    most: int,
    build: Callable[[made.Row], T],
    units: str = "sum(units)",
) -> dict[int, Bounded[T]]:
    """The first rows of an evidence list by ``row_no``, and a count of what lies beyond."""
    rows = read_by_lot(
        con,
        f"SELECT * FROM {model} WHERE {OF_LOTS} AND row_no <= ? "  # noqa: S608 - names of ours
        "ORDER BY lot_id, row_no",
        lot_ids,
        most,
    )
    rest = read_by_lot(
        con,
        f"SELECT lot_id, count(*) AS n, {units} AS units FROM {model} "  # noqa: S608
        f"WHERE {OF_LOTS} AND row_no > ? GROUP BY lot_id",
        lot_ids,
        most,
    )
    return {
        lot_id: Bounded(
            tuple(map(build, rows[lot_id])),
            sum(one["n"] for one in rest[lot_id]),
            sum((made.number_of(one["units"]) for one in rest[lot_id]), 0.0),
        )
        for lot_id in lot_ids
    }
