"""What people decided and set aside, and what is otherwise than in the run before."""

from collections.abc import Collection

import duckdb

from reports import rows as made
from reports.claims import Decision, LotChange, Suppression
from reports.evidence.judgement import TIERS
from reports.evidence.reading import OF_NAMED_LOTS, read, read_by_name

Name = tuple[str, str]  # GTIN and lot


def read_decisions(
    con: duckdb.DuckDBPyConnection, lots: Collection[Name]
) -> dict[Name, tuple[Decision, ...]]:
    """The decisions on some lots, in the order of their entry."""
    query = f"SELECT * FROM find_decision WHERE {OF_NAMED_LOTS} ORDER BY decision_id"  # noqa: S608
    rows = read_by_name(con, query, lots)
    return {name: tuple(map(made.decision, rows[name])) for name in lots}


def read_suppressions(con: duckdb.DuckDBPyConnection) -> tuple[Suppression, ...]:
    """What is set aside at the moment judged from."""
    query = "SELECT * FROM suppression WHERE state = 'valid' ORDER BY suppression_id"
    return tuple(map(made.suppression, read(con, query)))


def read_changes(
    con: duckdb.DuckDBPyConnection, lots: Collection[Name] | None = None
) -> list[LotChange]:
    """What is otherwise than in the run before, the gravest first; of some lots, or of all."""
    if lots is None:
        rows = read(con, "SELECT * FROM lot_change")
    else:
        query = f"SELECT * FROM lot_change WHERE {OF_NAMED_LOTS}"  # noqa: S608 - a condition of ours
        rows = [row for found in read_by_name(con, query, lots).values() for row in found]
    ids = [row["decision_id"] for row in rows if row["decision_id"] is not None]
    decided = read(con, "FROM find_decision WHERE decision_id IN (SELECT unnest(?::INT[]))", [ids])
    known = {row["decision_id"]: row for row in decided}
    rows.sort(key=_gravity)
    return [made.lot_change(row, known.get(row["decision_id"])) for row in rows]


def _gravity(row: made.Row) -> tuple[int, str, str]:
    tiers = [TIERS.index(tier) for tier in (row["tier"], row["tier_before"]) if tier]
    return min(tiers), row["gtin"], row["lot"]
