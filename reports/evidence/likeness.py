"""Whom lots resemble: the past cases nearest to each, and other lots by the weightiest features."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import duckdb

from reports import rows as made
from reports.claims import CitedCase, FeaturePoint, FeatureSpace, Score
from reports.evidence.reading import OF_LOTS, read, read_by_lot

MOST_POINTS = 60
DENSITY = "local_density"
POINT_KINDS = ("lot", "neighbour", "same_product")


def read_cases(
    con: duckdb.DuckDBPyConnection, lot_ids: Collection[int]
) -> dict[int, tuple[CitedCase, ...]]:
    """The past cases cited for some lots."""
    cited = read_by_lot(
        con,
        f"SELECT * FROM find_cited_case WHERE {OF_LOTS} ORDER BY lot_id, rank",  # noqa: S608
        lot_ids,
    )
    ids = sorted({row["case_id"] for rows in cited.values() for row in rows})
    known = read(con, "SELECT * FROM raw_case WHERE case_id IN (SELECT unnest(?))", [ids])
    decided = read(
        con,
        "SELECT origin.case_id, find_decision.* FROM raw_case_origin AS origin "
        "JOIN find_decision USING (decision_id) WHERE case_id IN (SELECT unnest(?))",
        [ids],
    )
    cases = {row["case_id"]: row for row in known}
    decisions = {row["case_id"]: row for row in decided}
    return {
        lot_id: tuple(
            made.cited_case(row, cases.get(row["case_id"], {}), decisions.get(row["case_id"]))
            for row in cited[lot_id]
        )
        for lot_id in lot_ids
    }


@dataclass
class _Around:
    """The lot itself, the names of its neighbours, and the two features that weigh most."""

    lot_id: int
    gtin: str
    near: set[str]
    axes: list[str]
    points: list[made.Row] = field(default_factory=list)

    def kind(self, row: made.Row) -> str:
        """Whose lot a point is."""
        if row["lot_id"] == self.lot_id:
            return "lot"
        return "neighbour" if _name(row) in self.near else "same_product"


def read_spaces(
    con: duckdb.DuckDBPyConnection,
    lots: Mapping[int, tuple[str, str]],
    scores: Mapping[int, tuple[Score, ...]],
) -> dict[int, FeatureSpace | None]:
    """Lots, their neighbours and other lots of the product, by the two weightiest features."""
    around = [
        one
        for lot_id, (gtin, _) in lots.items()
        if len((one := _around(lot_id, gtin, scores[lot_id])).axes) == 2
    ]
    _find_points(con, around)
    ids = sorted({row["lot_id"] for one in around for row in one.points})
    found = read(con, "SELECT * FROM feat_lot WHERE lot_id IN (SELECT unnest(?))", [ids])
    features = {row["lot_id"]: row for row in found}
    made_of = {one.lot_id: _space(one, features) for one in around}
    return {lot_id: made_of.get(lot_id) for lot_id in lots}


def _around(lot_id: int, gtin: str, scores: tuple[Score, ...]) -> _Around:
    parts = [part for score in scores if score.detector == DENSITY for part in score.parts]
    weight: dict[str, float] = {}
    for part in parts:
        if part.value is not None:
            weight[part.feature] = weight.get(part.feature, 0.0) - part.contribution
    axes = sorted(weight, key=lambda name: (-weight[name], name))[:2]
    return _Around(lot_id, gtin, {part.neighbour for part in parts if part.neighbour}, axes)


def _find_points(con: duckdb.DuckDBPyConnection, around: list[_Around]) -> None:
    """Choose the lots to show beside each: itself, its neighbours, then lots of the product."""
    known = read(
        con,
        "SELECT lot_id, gtin, lot FROM core_lot WHERE gtin IN (SELECT unnest(?::VARCHAR[])) "
        "OR gtin || '/' || lot IN (SELECT unnest(?::VARCHAR[])) ORDER BY gtin, lot",
        [sorted({one.gtin for one in around}), sorted({n for one in around for n in one.near})],
    )
    by_gtin: defaultdict[str, list[made.Row]] = defaultdict(list)
    by_name = {}
    for row in known:
        by_gtin[row["gtin"]].append(row)
        by_name[_name(row)] = row
    for one in around:
        others = [by_name[name] for name in one.near if name in by_name]
        others = [row for row in others if row["gtin"] != one.gtin]
        one.points = [*by_gtin[one.gtin], *others]
        one.points.sort(key=lambda row: (POINT_KINDS.index(one.kind(row)), row["gtin"], row["lot"]))
        del one.points[MOST_POINTS:]


def _space(one: _Around, features: Mapping[int, made.Row]) -> FeatureSpace | None:
    shown = [row for row in one.points if row["lot_id"] in features]
    x, y = one.axes
    if not all(axis in features[row["lot_id"]] for axis in one.axes for row in shown):
        return None  # a signal, and no measure of the lot
    return FeatureSpace(
        x,
        y,
        tuple(
            FeaturePoint(
                gtin=row["gtin"],
                lot=row["lot"],
                kind=one.kind(row),
                x=features[row["lot_id"]][x],
                y=features[row["lot_id"]][y],
            )
            for row in shown
        ),
    )


def _name(row: made.Row) -> str:
    return f"{row['gtin']}/{row['lot']}"
