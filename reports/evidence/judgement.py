"""How lots were judged: tier, scores and their parts, and where each stands among the others."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from reports import rows as made
from reports.claims import Peers, Risk, Score, ScorePart
from reports.evidence.reading import (
    OF_LOTS,
    OF_NAMED_LOTS,
    ByLot,
    read,
    read_by_lot,
    read_by_name,
)

TIERS = ("hold", "investigate", "watch", "clear")


@dataclass(frozen=True)
class Ranks:
    """The suspicion of every scored lot, in per cent from the least: of all, and by product."""

    every: list[float]
    by_gtin: Mapping[str, list[float]]


def read_ranks(con: duckdb.DuckDBPyConnection) -> Ranks:
    """Read the suspicion of every scored lot."""
    rows = read(
        con,
        "SELECT gtin, suspicion_pct FROM lot_risk WHERE suspicion_pct IS NOT NULL "
        "ORDER BY suspicion_pct",
    )
    by_gtin: defaultdict[str, list[float]] = defaultdict(list)
    for row in rows:
        by_gtin[row["gtin"]].append(row["suspicion_pct"])
    return Ranks([row["suspicion_pct"] for row in rows], by_gtin)


def peers(ranks: Ranks, gtin: str, suspicion_pct: float | None) -> tuple[Peers, ...]:
    """Where a scored lot stands by suspicion: among the lots of its product, and among all."""
    if suspicion_pct is None:
        return ()
    return tuple(
        Peers(among, len(of), len(of) - bisect_right(of, suspicion_pct))
        for among, of in (("product", ranks.by_gtin[gtin]), ("all", ranks.every))
    )


def read_risks(
    con: duckdb.DuckDBPyConnection, lots: Mapping[int, tuple[str, str]]
) -> dict[int, Risk]:
    """What was judged of some lots, named by GTIN and lot."""
    risks = read_by_name(con, f"SELECT * FROM lot_risk WHERE {OF_NAMED_LOTS}", lots.values())  # noqa: S608
    families = read_by_lot(
        con,
        f"SELECT lot_id, families_standing FROM find_lot WHERE {OF_LOTS}",  # noqa: S608
        lots,
    )
    return {lot_id: _risk(risks[name], families[lot_id]) for lot_id, name in lots.items()}


def _risk(found: list[made.Row], families: list[made.Row]) -> Risk:
    row = found[0] if found else {}
    return Risk(
        tier=row.get("tier") or "clear",
        suspicion_pct=row.get("suspicion_pct"),
        p_value=row.get("p_value"),
        standing=row.get("findings_standing") or 0,
        explained=row.get("findings_explained") or 0,
        gaps=row.get("data_gaps") or 0,
        units_affected=made.number_of(row.get("units_affected")),
        families_standing=_count(families[0]["families_standing"]) if families else 0,
        report=row.get("report"),
        suppressed=row.get("findings_suppressed") or 0,
    )


def _count(value: Any) -> int:
    """Return a count given as a number or as the list it counts."""
    return len(value) if isinstance(value, list | tuple) else int(value or 0)


def read_scores(
    con: duckdb.DuckDBPyConnection, lot_ids: Collection[int]
) -> dict[int, tuple[Score, ...]]:
    """The scores of some lots with their parts."""
    parts = read_by_lot(
        con,
        f"SELECT * FROM find_score_part WHERE {OF_LOTS} "  # noqa: S608 - a condition of ours
        "ORDER BY lot_id, detector, abs(contribution) DESC, feature, neighbour",
        lot_ids,
    )
    scores = read_by_lot(
        con,
        f"SELECT * FROM find_score WHERE {OF_LOTS} ORDER BY lot_id, detector",  # noqa: S608
        lot_ids,
    )
    return {
        lot_id: tuple(_score(row, parts, lot_id) for row in scores[lot_id]) for lot_id in lot_ids
    }


def _score(row: made.Row, parts: ByLot, lot_id: int) -> Score:
    own = [part for part in parts[lot_id] if part["detector"] == row["detector"]]
    return Score(
        detector=row["detector"],
        score=row["score"],
        suspicion_pct=row["suspicion_pct"],
        p_value=row["p_value"],
        is_exact=all(part["is_exact"] for part in own),
        parts=tuple(
            ScorePart(
                part["feature"],
                part["value"],
                made.number_of(part["contribution"]),
                part["neighbour"],
            )
            for part in own
        ),
    )
