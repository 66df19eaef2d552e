"""The screen: reads features and findings, runs the detectors, writes scores and cited cases.

The only module of ``detectors`` that touches the warehouse. Lots without a standing finding are
the reference, and so are lots that an officer cleared; each of them is scored as if it had not been
fitted, so what is fitted and what is scored never overlap.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from data.cases.coarse import BINNED, bin_of
from data.cases.library import BENIGN_CODES, PATTERN_CODES
from detectors.calibration import conformal_p_values, training_p_values
from detectors.density import LocalDensity
from detectors.explanation import Explanation
from detectors.features import (
    EDGE_FEATURES,
    FEATURES,
    SITE_FEATURES,
    TRAJECTORY_FEATURES,
    Feature,
    fit_scaling,
)
from detectors.graph import site_measures
from detectors.levels import Judged, score_by_month, score_by_witness
from detectors.prototype import NearestPrototype

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

SIGNALS = PATTERN_CODES + BENIGN_CODES
LEAST_REFERENCE = 8  # lots; with fewer no p-value is given, and suspicion is a rank
OTHER_FEATURES = "other_features"  # the part row that holds what the listed features leave over

_NEAR = 0.63  # nine of ten shipped cases have another one within it; own cases must not shift it
_TOP_PARTS = 12
_SPLIT_PARTS = 2
_NAMED = 5  # neighbours named for a feature, those with the largest parts; the rest is one part
_MOST_CITED = 5
_LEAST_CITED = 3
_MOST_OWN = 3  # of the cited: what was decided here must not crowd out what happened elsewhere
_MOST_BENIGN = 2  # of the cited: one cause that explains much must not crowd out past cases
_EXPLAINED = 0.5  # an explained flag tells of the data's noise: it counts half of a standing one
_KIND_ORDER = {"own": 0, "public": 1, "imported": 2, "simulated": 3, "benign": 4}
CLEARED = "cleared"
_CONFIRMED = ("suspect", "illegitimate")
_POSITION = {code: position for position, code in enumerate(SIGNALS)}

_SCORE_SCHEMA: dict[str, Any] = {
    "lot_id": pl.Int32,
    "detector": pl.String,
    "score": pl.Float64,
    "suspicion_pct": pl.Float64,
    "p_value": pl.Float64,
}
_PART_SCHEMA: dict[str, Any] = {
    "lot_id": pl.Int32,
    "detector": pl.String,
    "feature": pl.String,
    "value": pl.Float64,
    "contribution": pl.Float64,
    "is_exact": pl.Boolean,
    "neighbour": pl.String,
}
_CITED_SCHEMA: dict[str, Any] = {
    "lot_id": pl.Int32,
    "rank": pl.Int32,
    "case_id": pl.String,
    "kind": pl.String,
    "distance": pl.Float64,
    "is_near": pl.Boolean,
    "shared": pl.List(pl.String),
    "unshared": pl.List(pl.String),
}
_LEVEL_SCORE_SCHEMA: dict[str, Any] = {
    "level": pl.String,
    "key_id": pl.Int64,
    "subject": pl.String,
    "score": pl.Float64,
    "suspicion_pct": pl.Float64,
    "p_value": pl.Float64,
    "q_value": pl.Float64,
}
_LEVEL_PART_SCHEMA: dict[str, Any] = {
    "level": pl.String,
    "key_id": pl.Int64,
    "feature": pl.String,
    "value": pl.Float64,
    "contribution": pl.Float64,
    "is_exact": pl.Boolean,
    "neighbour": pl.String,
}


@dataclass(frozen=True, eq=False)
class Lots:
    """What the detectors know of the lots, in the order of ``lot_id``."""

    lot_id: list[int]
    gtin: list[str | None]
    lot: list[str | None]
    product: list[str | None]
    features: tuple[Feature, ...]
    values: FloatArray  # (lots, features), NaN unknown
    signals: FloatArray  # (lots, SIGNALS): 1 stands, 0.5 explained by, NaN not tested
    ruled_out: (
        BoolArray  # (lots, SIGNALS): of what stands, tests spoke against this cause and none for it
    )
    is_suspect: BoolArray  # tier other than clear
    is_reference: BoolArray  # nothing stands and nobody confirmed it, or an officer cleared it

    def name(self, row: int) -> str:
        """The lot as people and other tables name it."""
        return f"{self.gtin[row]}/{self.lot[row]}"


@dataclass(frozen=True, eq=False)
class Cases:
    """The cases that may be cited, in the order of ``case_id``."""

    case_id: list[str]
    kind: list[str]
    product: list[str | None]
    lots: list[list[str]]
    decided: list[tuple[str, str] | None]  # GTIN and lot of a case that was decided here
    is_benign: BoolArray
    is_own: BoolArray
    is_told: BoolArray  # by another company
    signals: FloatArray  # (cases, SIGNALS), NaN where the case says nothing
    required: FloatArray  # (cases, SIGNALS): a benign cause need not show each pattern it may raise


def measure_graph(con: duckdb.DuckDBPyConnection) -> int:
    """Fill ``graph_site_measure`` from ``graph_edge``; return the number of rows."""
    edges = con.sql("SELECT * FROM graph_edge").pl()
    makers = con.sql("SELECT site_id FROM core_site WHERE role = 'maker'").pl()
    frame = site_measures(edges, makers["site_id"].to_list())
    _replace(con, "graph_site_measure", frame)
    return frame.height


def score_lots(con: duckdb.DuckDBPyConnection) -> int:
    """Fill ``find_score``, ``find_score_part``, ``find_cited_case``; return the number of lots."""
    lots = _read_lots(con)
    cases = _read_cases(con)
    scores, parts = _density(lots)
    cited = pl.DataFrame(schema=_CITED_SCHEMA)
    if cases.case_id and lots.lot_id:
        prototype = _fit(cases)
        more_scores, more_parts = _resemblance(lots, cases, prototype)
        scores, parts = pl.concat([scores, more_scores]), pl.concat([parts, more_parts])
        cited = _cite(lots, cases, prototype)
    _replace(con, "find_score", scores.sort("lot_id", "detector"))
    _replace(con, "find_score_part", parts.sort("lot_id", "detector", "feature", "neighbour"))
    _replace(con, "find_cited_case", cited)
    return len(lots.lot_id)


def score_levels(con: duckdb.DuckDBPyConnection) -> int:
    """Fill ``find_level_score`` and ``find_level_part``; return the number of rows judged."""
    edges = con.sql("SELECT *, edge_month_id AS key_id FROM feat_edge_month ORDER BY key_id").pl()
    sites = con.sql("SELECT *, site_month_id AS key_id FROM feat_site_month ORDER BY key_id").pl()
    frames = [
        _month_frames("edge", edges, EDGE_FEATURES),
        _month_frames("site", sites, SITE_FEATURES),
        _trajectory_frames(con),
    ]
    scores = pl.concat([scores for scores, _ in frames])
    _replace(con, "find_level_score", scores)
    _replace(con, "find_level_part", pl.concat([parts for _, parts in frames]))
    return scores.height


def _month_frames(
    level: str, frame: pl.DataFrame, features: tuple[Feature, ...]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of ``find_level_score`` and ``find_level_part`` for what is scored by month."""
    values = _matrix(frame, [feature.name for feature in features])
    month = frame["month"].rank("dense").cast(pl.Int64).to_numpy()
    judged = score_by_month(values, month, features)
    return _judged_frames(level, frame, features, values, judged)


def _trajectory_frames(con: duckdb.DuckDBPyConnection) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The same for trajectories, held against those of lots on which nothing stands."""
    frame = con.sql(
        "SELECT *, trajectory_id AS key_id, trajectory_id::VARCHAR AS subject "
        "FROM feat_trajectory ORDER BY key_id"
    ).pl()
    pairs = con.sql("SELECT lot_id, trajectory_id AS key_id FROM feat_lot_trajectory").pl()
    stands = con.sql(
        "SELECT lot_id FROM find_lot WHERE findings_standing + findings_suppressed > 0"
    ).pl()
    cleared = pairs.join(stands, on="lot_id", how="anti").group_by("key_id").len("witnesses")
    counted = frame.join(cleared, on="key_id", how="left", maintain_order="left")
    witnesses = counted["witnesses"].fill_null(0).cast(pl.Int64).to_numpy()
    values = _matrix(frame, [feature.name for feature in TRAJECTORY_FEATURES])
    judged = score_by_witness(values, witnesses, TRAJECTORY_FEATURES)
    return _judged_frames("trajectory", frame, TRAJECTORY_FEATURES, values, judged)


def _judged_frames(
    level: str,
    frame: pl.DataFrame,
    features: tuple[Feature, ...],
    values: FloatArray,
    judged: Judged,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    keys: list[int] = frame["key_id"].to_list()
    subjects: list[str] = frame["subject"].to_list()
    suspicion_pct = np.full(len(keys), np.nan)
    for batch in np.unique(judged.batch):
        rows = np.flatnonzero((judged.batch == batch) & ~np.isnan(judged.score))
        spread = _within_steps(judged.p_value[rows], -judged.score[rows])
        suspicion_pct[rows] = 100.0 * (1.0 - spread)
    columns = {
        "level": [level] * len(keys),
        "key_id": keys,
        "subject": subjects,
        "score": judged.score,
        "suspicion_pct": suspicion_pct,
        "p_value": judged.p_value,
        "q_value": judged.q_value,
    }
    names = [feature.name for feature in features]
    rows_of_parts = [
        (level, keys[row], *part)
        for row in sorted(judged.explanations)
        for part in _parts(names, values[row], judged.explanations[row], subjects)
    ]
    parts = pl.DataFrame(rows_of_parts, schema=_LEVEL_PART_SCHEMA, orient="row")
    scores = pl.DataFrame(columns, schema=_LEVEL_SCORE_SCHEMA)
    return scores.fill_nan(None), parts.fill_nan(None)


def _density(lots: Lots) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores and parts of the local density over the lot features."""
    if not lots.lot_id or not lots.features:
        return pl.DataFrame(schema=_SCORE_SCHEMA), pl.DataFrame(schema=_PART_SCHEMA)
    is_fitted = lots.is_reference
    if is_fitted.sum() < LEAST_REFERENCE:
        is_fitted = np.ones_like(is_fitted)
    z = fit_scaling(lots.values[is_fitted], lots.features).apply(lots.values)
    detector = LocalDensity(standardize=False).fit(z[is_fitted])
    explanations = np.empty(len(z), dtype=object)
    explanations[is_fitted] = detector.explain_training()
    if not is_fitted.all():
        explanations[~is_fitted] = detector.explain(z[~is_fitted])
    names = [feature.name for feature in lots.features]
    fitted = [lots.name(int(row)) for row in np.flatnonzero(is_fitted)]
    return _frames("local_density", lots, names, lots.values, list(explanations), fitted)


def _resemblance(
    lots: Lots, cases: Cases, prototype: NearestPrototype
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores and parts of the resemblance to the nearest past attack."""
    explanations = prototype.explain(lots.signals, excluded=_made_of(lots, cases))
    return _frames(
        "nearest_prototype", lots, list(SIGNALS), lots.signals, explanations, cases.case_id
    )


def _frames(
    detector: str,
    lots: Lots,
    names: list[str],
    values: FloatArray,
    explanations: list[Explanation],
    neighbours: list[str],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of ``find_score`` and ``find_score_part`` for every lot."""
    scores = _score_frame(detector, lots, np.array([e.score for e in explanations]))
    rows = [
        (lot_id, detector, *part)
        for lot_id, of_lot, explanation in zip(lots.lot_id, values, explanations, strict=True)
        for part in _parts(names, of_lot, explanation, neighbours)
    ]
    return scores, pl.DataFrame(rows, schema=_PART_SCHEMA, orient="row").fill_nan(None)


def _parts(
    names: list[str], values: FloatArray, explanation: Explanation, neighbours: list[str]
) -> Iterator[tuple[str, float | None, float, bool, str | None]]:
    """The largest parts by feature, the very largest also by neighbour, and one for the rest.

    Together they add up to the score as the explanation's own parts do.
    """
    near = [neighbours[position] for position in explanation.neighbours]
    by_feature = explanation.parts.sum(axis=0)
    order = np.argsort(-np.abs(by_feature), kind="stable")
    listed = [f for f in order[:_TOP_PARTS] if by_feature[f] != 0.0]
    for place, f in enumerate(listed):
        name, value = names[f], float(values[f])
        if len(near) == 1 or place < _SPLIT_PARTS:
            parts = explanation.parts[:, f]
            for neighbour, part in zip(near[:_NAMED], parts[:_NAMED], strict=True):
                yield name, value, float(part), explanation.exact, neighbour
            if len(near) > _NAMED:
                yield name, value, float(parts[_NAMED:].sum()), explanation.exact, None
        else:
            yield name, value, float(by_feature[f]), explanation.exact, None
    rest = np.setdiff1d(np.flatnonzero(by_feature), listed)
    if rest.size:
        yield OTHER_FEATURES, None, float(by_feature[rest].sum()), explanation.exact, None


def _score_frame(detector: str, lots: Lots, score: FloatArray) -> pl.DataFrame:
    suspicion = -score
    is_reference = lots.is_reference
    if is_reference.sum() >= LEAST_REFERENCE:
        p_value = conformal_p_values(suspicion, suspicion[is_reference])
        p_value[is_reference] = training_p_values(suspicion[is_reference])
        suspicion_pct = 100.0 * (1.0 - _within_steps(p_value, suspicion))
    else:
        p_value = np.full(len(score), np.nan)
        suspicion_pct = _rank_pct(suspicion)
    columns = {
        "lot_id": lots.lot_id,
        "detector": [detector] * len(score),
        "score": score,
        "suspicion_pct": suspicion_pct,
        "p_value": p_value,
    }
    return pl.DataFrame(columns, schema=_SCORE_SCHEMA).fill_nan(None)


def _within_steps(p_value: FloatArray, suspicion: FloatArray) -> FloatArray:
    """Spread equal p-values down to the next smaller one, the oddest lot lowest.

    A p-value has as many steps as there are reference lots; all lots that are odder than every
    one of them share the last. Their scores still tell which to look at first.
    """
    spread = p_value.copy()
    order = np.lexsort((suspicion, p_value))
    order = order[~np.isnan(p_value[order])]
    below = 0.0
    for step in np.split(order, np.flatnonzero(np.diff(p_value[order])) + 1):
        odd = suspicion[step]
        at_least_as_odd = len(odd) - np.searchsorted(odd, odd, side="left")
        spread[step] = below + (p_value[step] - below) * at_least_as_odd / max(len(odd), 1)
        below = float(p_value[step].max(initial=below))
    return spread


def _rank_pct(suspicion: FloatArray) -> FloatArray:
    """Mid-rank among the lots, 0 to 100; all the same where nothing tells them apart."""
    known = np.sort(suspicion[~np.isnan(suspicion)])
    below = np.searchsorted(known, suspicion, side="left")
    not_above = np.searchsorted(known, suspicion, side="right")
    pct = 50.0 * (below + not_above) / max(len(known), 1)
    return np.where(np.isnan(suspicion), np.nan, pct)


def _cite(lots: Lots, cases: Cases, prototype: NearestPrototype) -> pl.DataFrame:
    """The nearest cases of each suspect lot, with what they share."""
    suspects = np.flatnonzero(lots.is_suspect)
    if not suspects.size:
        return pl.DataFrame(schema=_CITED_SCHEMA)
    distance = prototype.distances(lots.signals[suspects])
    has = cases.signals > 0
    rows = []
    for row, of_case in zip(suspects, distance, strict=True):
        shows = np.nan_to_num(lots.signals[row]) > 0
        chosen = _choose(lots, int(row), cases, of_case, prototype.threshold_)
        for rank, case in enumerate(chosen, start=1):
            lacking = (cases.required[case] > 0) & ~shows
            rows.append(
                (
                    lots.lot_id[row],
                    rank,
                    cases.case_id[case],
                    cases.kind[case],
                    float(of_case[case]),
                    bool(of_case[case] <= prototype.threshold_),
                    [SIGNALS[s] for s in np.flatnonzero(has[case] & shows)],
                    [SIGNALS[s] for s in np.flatnonzero(lacking)],
                )
            )
    return pl.DataFrame(rows, schema=_CITED_SCHEMA, orient="row")


def _choose(
    lots: Lots, row: int, cases: Cases, distance: FloatArray, threshold: float
) -> list[int]:
    """Positions of the cases to cite: one's own that are near, then nearest first.

    Five at most, three of them one's own; fewer, though three, where the rest has nothing in
    common. Two benign ones at most; one at least, where one is near. A cause that the tests ruled
    out is not cited, and no lot cites itself.
    """

    def place(case: int) -> tuple[bool, float, int, str]:
        kind = _KIND_ORDER.get(cases.kind[case], len(_KIND_ORDER))
        is_led = not (cases.is_own[case] and distance[case] <= threshold)
        return is_led, round(float(distance[case]), 9), kind, cases.case_id[case]

    order = sorted(range(len(cases.case_id)), key=place)
    order = [c for c in order if not _is_out(lots, row, cases, c)]
    own = [c for c in order if cases.is_own[c] and distance[c] < 1.0][:_MOST_OWN]
    order = [c for c in order if c in own or not cases.is_own[c]]
    benign = [c for c in order if cases.is_benign[c]][:_MOST_BENIGN]
    past = [c for c in order if not cases.is_benign[c]][:_MOST_CITED]
    chosen = [c for c in order if c in {*past, *benign}][:_MOST_CITED]
    if benign and benign[0] not in chosen and distance[benign[0]] <= threshold:
        chosen[-1] = benign[0]
    return [c for r, c in enumerate(chosen) if r < _LEAST_CITED or distance[c] < 1.0]


def _is_out(lots: Lots, row: int, cases: Cases, case: int) -> bool:
    if cases.is_own[case]:
        return _is_made_of(lots, row, cases, case)
    if cases.kind[case] == "benign":
        return bool((lots.ruled_out[row] & (cases.required[case] > 0)).any())
    return False


def _is_made_of(lots: Lots, row: int, cases: Cases, case: int) -> bool:
    """Whether an own case is of this very lot."""
    decided = cases.decided[case]
    if decided is not None:
        return decided == (lots.gtin[row], lots.lot[row])
    is_same_product = cases.product[case] in (lots.gtin[row], lots.product[row])
    return is_same_product and lots.lot[row] in cases.lots[case]


def _made_of(lots: Lots, cases: Cases) -> BoolArray:
    """(lots, cases): pairs of a lot and the own case that was made of it."""
    rows_of: dict[str | None, list[int]] = {}
    for row, lot in enumerate(lots.lot):
        rows_of.setdefault(lot, []).append(row)
    pairs = np.zeros((len(lots.lot_id), len(cases.case_id)), dtype=bool)
    for case in np.flatnonzero(cases.is_own):
        for lot in cases.lots[case]:
            for row in rows_of.get(lot, ()):
                pairs[row, case] = _is_made_of(lots, row, cases, int(case))
    return pairs


def _read_lots(con: duckdb.DuckDBPyConnection) -> Lots:
    feat = con.sql("SELECT * FROM feat_lot").pl()
    judged = con.sql(
        "SELECT lot_id, tier, findings_standing, findings_suppressed FROM find_lot"
    ).pl()
    known = con.sql("SELECT lot_id, gtin, lot FROM core_lot").pl()
    products = con.sql("SELECT gtin, name AS product FROM core_product").pl()
    lots = (
        pl.concat([feat.select("lot_id"), judged.select("lot_id")], how="vertical_relaxed")
        .unique()
        .join(feat, on="lot_id", how="left")
        .join(judged, on="lot_id", how="left")
        .join(known, on="lot_id", how="left")
        .join(products.unique("gtin"), on="gtin", how="left")
        .sort("lot_id")
    )
    outcomes = _read_outcomes(con)
    outcome = np.array(
        [outcomes.get(key, "") for key in lots.select("gtin", "lot").iter_rows()], dtype=np.str_
    )
    nothing_stands = (
        lots["findings_standing"].fill_null(0) + lots["findings_suppressed"].fill_null(0) == 0
    ).to_numpy()
    features = tuple(f for f in FEATURES if f.name in feat.columns)
    lot_id: list[int] = lots["lot_id"].to_list()
    signals, ruled_out = _read_signals(con, {lot: row for row, lot in enumerate(lot_id)})
    return Lots(
        lot_id=lot_id,
        gtin=lots["gtin"].to_list(),
        lot=lots["lot"].to_list(),
        product=lots["product"].to_list(),
        features=features,
        values=_matrix(lots, [feature.name for feature in features]),
        signals=signals,
        ruled_out=ruled_out,
        is_suspect=(lots["tier"].fill_null("clear") != "clear").to_numpy(),
        # What a person set aside is no evidence, and no proof of a clean lot either.
        is_reference=(nothing_stands & ~np.isin(outcome, _CONFIRMED)) | (outcome == CLEARED),
    )


@dataclass(frozen=True)
class Similar:
    """A case beside a lot or another case; features where both are known, by whether they agree.

    ``unlike`` has each feature's value of the case and of what it is compared with.
    """

    case_id: str
    kind: str
    distance: float
    is_near: bool
    shared: tuple[str, ...]
    only_case: tuple[str, ...]
    only_here: tuple[str, ...]
    alike: tuple[str, ...]
    unlike: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True, eq=False)
class _Compared:
    """What cases are held against: a lot, or one of the cases."""

    signals: FloatArray
    features: Mapping[str, float]
    is_left_out: Callable[[int], bool]


def similar_to_lot(
    con: duckdb.DuckDBPyConnection, gtin: str, lot: str, count: int
) -> list[Similar]:
    """The cases nearest to a lot, suspect or not, as the run of this warehouse knew both.

    A case made of the lot itself is left out, and so are benign causes that tests ruled out.
    Raises LookupError where the run judged no such lot.
    """
    lots, cases = _read_lots(con), _read_cases(con)
    keys = list(zip(lots.gtin, lots.lot, strict=True))
    if (gtin, lot) not in keys:
        raise LookupError(gtin, lot)
    row = keys.index((gtin, lot))
    names = [feature.name for feature in lots.features]
    known = dict(zip(names, lots.values[row].tolist(), strict=True))
    compared = _Compared(lots.signals[row], known, lambda case: _is_out(lots, row, cases, case))
    return _similar(con, cases, compared, count)


def similar_to_case(con: duckdb.DuckDBPyConnection, case_id: str, count: int) -> list[Similar]:
    """The cases nearest to a case. Raises LookupError where the run of this warehouse had none."""
    cases = _read_cases(con)
    if case_id not in cases.case_id:
        raise LookupError(case_id)
    row = cases.case_id.index(case_id)
    compared = _Compared(
        cases.signals[row], _remembered(con).get(case_id, {}), lambda case: case == row
    )
    return _similar(con, cases, compared, count)


def _similar(
    con: duckdb.DuckDBPyConnection, cases: Cases, compared: _Compared, count: int
) -> list[Similar]:
    prototype = _fit(cases)
    distance = prototype.distances(compared.signals[None])[0]
    features = _remembered(con)
    order = [case for case in range(len(cases.case_id)) if not compared.is_left_out(case)]
    order.sort(key=lambda case: (round(float(distance[case]), 9), cases.case_id[case]))
    shows = np.nan_to_num(compared.signals) > 0
    found = []
    for case in order[:count]:
        has = np.nan_to_num(cases.signals[case]) > 0
        lacking = (cases.required[case] > 0) & ~shows
        theirs = features.get(cases.case_id[case], {})
        both = [
            (name, value, compared.features[name])
            for name, value in sorted(theirs.items())
            if np.isfinite(compared.features.get(name, np.nan))
        ]
        is_alike = [bin_of(name, value) == bin_of(name, ours) for name, value, ours in both]
        found.append(
            Similar(
                case_id=cases.case_id[case],
                kind=cases.kind[case],
                distance=float(distance[case]),
                is_near=bool(distance[case] <= prototype.threshold_),
                shared=_codes(has & shows),
                only_case=_codes(lacking),
                only_here=_codes(shows & ~has),
                alike=tuple(b[0] for b, same in zip(both, is_alike, strict=True) if same),
                unlike=tuple(b for b, same in zip(both, is_alike, strict=True) if not same),
            )
        )
    return found


def _codes(chosen: BoolArray) -> tuple[str, ...]:
    return tuple(SIGNALS[place] for place in np.flatnonzero(chosen))


def _remembered(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, float]]:
    """The features that cases are remembered by."""
    rows = con.execute(
        "SELECT case_id, trait, value FROM raw_case_trait WHERE value IS NOT NULL ORDER BY ALL"
    ).fetchall()
    known: dict[str, dict[str, float]] = {}
    for case_id, trait, value in rows:
        if trait in BINNED:
            known.setdefault(case_id, {})[trait] = value
    return known


def _fit(cases: Cases) -> NearestPrototype:
    return NearestPrototype(threshold=_NEAR).fit(
        cases.signals,
        lower=cases.required,
        is_benign=cases.is_benign,
        is_own=cases.is_own,
        is_told=cases.is_told,
    )


def lot_traits(con: duckdb.DuckDBPyConnection, gtin: str, lot: str) -> dict[str, float | None]:
    """What a case made of a lot is remembered by: its signals and features, as they are now.

    Signals that the lot does not show are left out, those that could not be tested are None.
    """
    found = con.execute(
        "SELECT lot_id FROM core_lot WHERE gtin = ? AND lot = ?", [gtin, lot]
    ).fetchall()
    lot_id = found[0][0]
    feat = con.sql("SELECT * FROM feat_lot WHERE lot_id = $lot", params={"lot": lot_id}).pl()
    signals, _ = _read_signals(con, {lot_id: 0})
    shown = {
        code: None if np.isnan(value) else float(value)
        for code, value in zip(SIGNALS, signals[0], strict=True)
        if value != 0
    }
    names = [f.name for f in FEATURES if f.name in feat.columns]
    values = _matrix(feat, names)[:1].ravel()  # a lot may have no features
    known = zip(names, values, strict=False)
    return shown | {name: float(value) for name, value in known if np.isfinite(value)}


def _read_outcomes(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], str]:
    """What was decided last on each lot that was."""
    rows = con.execute("SELECT gtin, lot, outcome FROM find_decision WHERE is_latest").fetchall()
    return {(gtin, lot): outcome for gtin, lot, outcome in rows}


def _matrix(frame: pl.DataFrame, names: list[str]) -> FloatArray:
    if not names:
        return np.empty((frame.height, 0))
    columns = frame.select(pl.col(names).cast(pl.Float64).fill_null(np.nan))
    return np.ascontiguousarray(columns.to_numpy(), dtype=np.float64)


def _read_signals(
    con: duckdb.DuckDBPyConnection, row_of: Mapping[int, int]
) -> tuple[FloatArray, BoolArray]:
    """Signals of each lot, and the benign causes ruled out for what stands."""
    tables = con.sql("SELECT table_name FROM information_schema.tables").fetchall()
    tested = {found[1] for (name,) in tables if (found := re.match(r"(P\d\d)_", name))}
    untested = [_POSITION[code] for code in PATTERN_CODES if code not in tested]
    signals = np.zeros((len(row_of), len(SIGNALS)))
    signals[:, untested] = np.nan
    supported = np.zeros((len(row_of), len(SIGNALS)), dtype=bool)
    against = np.zeros_like(supported)
    findings = con.sql(
        "SELECT DISTINCT lot_id, pattern, status, benign, CAST(tests AS VARCHAR) AS tests "
        "FROM find_finding WHERE lot_id IN (SELECT unnest($lots)) ORDER BY ALL",
        params={"lots": list(row_of)},
    ).fetchall()
    for lot_id, pattern, status, benign, tests in findings:
        row, code = row_of.get(lot_id), _POSITION.get(pattern)
        if row is None or code is None:
            continue
        if status == "stands":
            signals[row, code] = 1.0
        elif status in ("data_gap", "suppressed") and signals[row, code] != 1.0:
            signals[row, code] = np.nan
        elif status == "explained" and benign in _POSITION:
            signals[row, _POSITION[benign]] = _EXPLAINED
        for test in json.loads(tests or "[]") if status == "stands" else ():
            position = _POSITION.get(test.get("code"))
            if position is not None:
                supported[row, position] |= test.get("result") == "supported"
                against[row, position] |= test.get("result") == "ruled_out"
    return signals, against & ~supported


def _read_cases(con: duckdb.DuckDBPyConnection) -> Cases:
    """Cases with signals, but for those whose traits event data cannot show."""
    frame = con.sql("SELECT * FROM find_known_case ORDER BY case_id").pl()
    codes = con.sql("SELECT DISTINCT case_id, signal FROM raw_case_signal ORDER BY ALL").fetchall()
    traits = con.sql("SELECT case_id, trait, value FROM raw_case_trait ORDER BY ALL").fetchall()
    of_case: dict[str, dict[str, float | None]] = {}
    for case_id, code in codes:
        if code in _POSITION:
            of_case.setdefault(case_id, {})[code] = 1.0
    for case_id, trait, value in traits:
        if trait in _POSITION and case_id in of_case:
            of_case[case_id][trait] = value
    kept = [
        case
        for case in frame.iter_rows(named=True)
        if case["case_id"] in of_case and case["visible_in_event_data"] != "none"
    ]
    signals = np.zeros((len(kept), len(SIGNALS)))
    required = np.zeros_like(signals)
    for row, case in enumerate(kept):
        for code, value in of_case[case["case_id"]].items():
            place = row, _POSITION[code]
            signals[place] = np.nan if value is None else value
            is_possible_only = case["kind"] == "benign" and code in PATTERN_CODES
            required[place] = 0.0 if is_possible_only else signals[place]
    return Cases(
        case_id=[case["case_id"] for case in kept],
        kind=[case["kind"] for case in kept],
        product=[case["product"] for case in kept],
        lots=[case["lots"] or [] for case in kept],
        decided=[(case["gtin"], case["lot"]) if case["gtin"] else None for case in kept],
        is_benign=np.array([case["mechanism_class"] == "benign" for case in kept], dtype=bool),
        is_own=np.array([case["kind"] == "own" for case in kept], dtype=bool),
        is_told=np.array([case["kind"] == "imported" for case in kept], dtype=bool),
        signals=signals,
        required=required,
    )


def _replace(con: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    con.register("new_rows", frame)
    con.execute(f"DELETE FROM {table}")  # noqa: S608 - the name is one of ours
    con.execute(f"INSERT INTO {table} BY NAME SELECT * FROM new_rows")  # noqa: S608
    con.unregister("new_rows")
