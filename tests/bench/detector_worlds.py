"""The detectors on the project's own tasks: simulated worlds, whose truth is known.

``python -m tests.bench.detector_worlds NAME=WAREHOUSE,TRUTH ...`` ranks the lots, the trade
relations by month and the trajectories of built warehouses, by ours and by the usual detectors on
the same features, and keeps the figures as section ``worlds`` of the benchmark.

- Lots: all detectors learn from the lots on which nothing stands. Each of those is scored by models
  that did not learn from it (ours without the lot, the others by three folds).
- Edges: each month against all earlier ones. Odd are those that a scheme of trade names.
- Trajectories: learned from those of lots on which nothing stands, likewise. Odd are those that
  only attacked lots show.

Average precision (AP) and area under the curve (AUC); chance has AP equal to the share of odd rows.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import KFold
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.svm import OneClassSVM

from detectors.density import LocalDensity
from detectors.features import EDGE_FEATURES, TRAJECTORY_FEATURES, Feature, fit_scaling
from detectors.screen.cases import read_cases
from detectors.screen.levels import trajectory_scores
from detectors.screen.lots import matrix, read_lots, signal_rarity
from detectors.screen.resemblance import made_of
from detectors.screen.scores import prototype_of
from tests.bench.detectors import PAGE, write
from tests.bench.machine import describe

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Judge = Callable[[FloatArray, FloatArray], FloatArray]  # learned, asked -> higher is odder

_FOLDS = 3
_MOST = 2000  # rows that a baseline learns from
_TRADE = ("P26", "P27", "P28", "P29", "P30", "P31", "P32", "P33", "P34", "P35", "P39", "P40")


def measure(
    worlds: dict[str, tuple[Path, Path]], levels: Sequence[str] = ("lot", "edge", "trajectory")
) -> dict[str, Any]:
    """AP and AUC by level, method and world."""
    found: dict[str, Any] = {"odd": {}, **{level: {} for level in levels}}
    measured = {"lot": _lots, "edge": _edges, "trajectory": _ways}
    for name, (warehouse, truth) in worlds.items():
        with duckdb.connect(str(warehouse), read_only=True) as con:
            con.execute("SET threads = 1")
            for level in levels:
                odd, scores = measured[level](con, truth)
                found["odd"].setdefault(level, {})[name] = [int(odd.sum()), len(odd)]
                for method, score in scores.items():
                    known = np.nan_to_num(score, nan=float(np.nanmin(score)))
                    found[level].setdefault(method, {})[name] = [
                        round(float(average_precision_score(odd, known)), 3),
                        round(float(roc_auc_score(odd, known)), 3),
                    ]
    return found


def _lots(con: duckdb.DuckDBPyConnection, truth: Path) -> tuple[BoolArray, dict[str, FloatArray]]:
    lots, cases = read_lots(con), read_cases(con)
    rows = pl.read_csv(truth / "lots.csv", infer_schema=False)
    attacked = set(rows.filter(pl.col("label") == "attack").select("gtin", "lot").iter_rows())
    odd = np.array([key in attacked for key in zip(lots.gtin, lots.lot, strict=True)])
    z = fit_scaling(lots.values[lots.is_reference], lots.features).apply(lots.values)
    scores = _by_folds(z, lots.is_reference, _baselines())
    model = LocalDensity(standardize=False).fit(z[lots.is_reference])
    own = np.empty(len(z))
    own[lots.is_reference] = -model.score_training_
    own[~lots.is_reference] = -model.score_samples(z[~lots.is_reference])
    excluded = made_of(lots, cases)
    even = -prototype_of(cases).score_samples(lots.signals, excluded=excluded)
    rare = prototype_of(cases, signal_rarity(lots.signals))
    weighed = -rare.score_samples(lots.signals, excluded=excluded)
    ways = _oddest_way(con, lots.lot_id)
    return odd, {
        "Touchstone NearestPrototype, rarity in the run": weighed,
        "NearestPrototype, all signals alike": even,
        "the same and trajectory, sum of ranks": rankdata(even) + rankdata(ways),
        "rarity and trajectory, sum of ranks": rankdata(weighed) + rankdata(ways),
        "most unusual trajectory": ways,
        "Touchstone LocalDensity": own,
        **scores,
    }


def _oddest_way(con: duckdb.DuckDBPyConnection, lot_ids: list[int]) -> FloatArray:
    scored = trajectory_scores(con).select("key_id", "score")
    shown = con.sql("SELECT lot_id, trajectory_id AS key_id FROM feat_lot_trajectory").pl()
    worst = shown.join(scored, on="key_id").group_by("lot_id").agg(pl.col("score").min())
    of_lot = dict(worst.iter_rows())
    return np.array([-(of_lot.get(lot) or 0.0) for lot in lot_ids])


def _edges(con: duckdb.DuckDBPyConnection, truth: Path) -> tuple[BoolArray, dict[str, FloatArray]]:
    edges = con.sql("SELECT * FROM feat_edge_month ORDER BY edge_month_id").pl()
    named = pl.read_csv(truth / "edges.csv", infer_schema=False)
    named = named.filter(pl.col("code").is_in(_TRADE))
    odd_pairs = {f"{a}>{b}" for a, b in named.select("from_gln", "to_gln").iter_rows()}
    odd = np.array([s.partition("/")[0] in odd_pairs for s in edges["subject"]])
    values = matrix(edges, [feature.name for feature in EDGE_FEATURES])
    month = edges["month"].rank("dense").cast(pl.Int64).to_numpy()
    methods = {"Touchstone LocalDensity": _contaminated, **_baselines()}
    scores = {name: np.full(len(odd), np.nan) for name in methods}
    for now in np.unique(month)[1:]:
        earlier, rows = month < now, month == now
        if earlier.sum() < 30:
            continue
        scaling = fit_scaling(values[earlier], EDGE_FEATURES)
        for name, judge in methods.items():
            scores[name][rows] = judge(scaling.apply(values[earlier]), scaling.apply(values[rows]))
    judged = ~np.isnan(scores["Touchstone LocalDensity"])
    return odd[judged], {name: score[judged] for name, score in scores.items()}


def _ways(con: duckdb.DuckDBPyConnection, truth: Path) -> tuple[BoolArray, dict[str, FloatArray]]:
    scored = trajectory_scores(con)
    ways = con.sql("SELECT * FROM feat_trajectory ORDER BY trajectory_id").pl()
    rows = pl.read_csv(truth / "lots.csv", infer_schema=False).select("gtin", "lot", "label")
    lots = con.sql("SELECT lot_id, gtin, lot FROM core_lot").pl().join(rows, on=["gtin", "lot"])
    shown = con.sql("SELECT lot_id, trajectory_id FROM feat_lot_trajectory").pl()
    labelled = shown.join(lots, on="lot_id")
    honest = set(labelled.filter(pl.col("label") != "attack")["trajectory_id"])
    attacked = set(labelled.filter(pl.col("label") == "attack")["trajectory_id"])
    odd = np.array([way in attacked - honest for way in ways["trajectory_id"]])
    standing = con.sql(
        "SELECT lot_id FROM find_lot WHERE findings_standing + findings_suppressed > 0"
    ).pl()
    clear = set(shown.join(standing, on="lot_id", how="anti")["trajectory_id"])
    is_reference = np.array([way in clear for way in ways["trajectory_id"]])
    features: tuple[Feature, ...] = TRAJECTORY_FEATURES
    values = matrix(ways, [feature.name for feature in features])
    z = fit_scaling(values[is_reference], features).apply(values)
    own = -scored.sort("key_id")["score"].cast(pl.Float64).to_numpy()
    return odd, {
        "Touchstone LocalDensity": own,
        **_by_folds(z, is_reference, _baselines()),
    }


def _baselines() -> dict[str, Judge]:
    def of(make: Callable[[], Any]) -> Judge:
        return lambda learned, asked: -make().fit(learned).score_samples(asked)

    def nearest(learned: FloatArray, asked: FloatArray) -> FloatArray:
        model = NearestNeighbors(n_neighbors=min(10, len(learned))).fit(learned)
        distances: FloatArray = model.kneighbors(asked)[0].mean(axis=1)
        return distances

    methods: dict[str, Judge] = {
        "KNN (scikit-learn)": nearest,
        "LOF (scikit-learn)": of(lambda: LocalOutlierFactor(20, novelty=True)),
        "IsolationForest (scikit-learn)": of(lambda: IsolationForest(random_state=0)),
        "OneClassSVM (scikit-learn)": of(OneClassSVM),
    }
    return {name: _filled(judge) for name, judge in methods.items()}


def _filled(judge: Judge) -> Judge:
    """They know no missing values: the median of what was learned; and thin what is too much."""

    def judged(learned: FloatArray, asked: FloatArray) -> FloatArray:
        middle = np.nan_to_num(np.nanmedian(learned, axis=0))
        kept = learned[np.linspace(0, len(learned) - 1, min(len(learned), _MOST)).astype(int)]
        return judge(
            np.where(np.isnan(kept), middle, kept), np.where(np.isnan(asked), middle, asked)
        )

    return judged


def _contaminated(learned: FloatArray, asked: FloatArray) -> FloatArray:
    model = LocalDensity(standardize=False, reference="contaminated").fit(learned)
    return -model.score_samples(asked)


def _by_folds(
    z: FloatArray, is_reference: BoolArray, methods: dict[str, Judge]
) -> dict[str, FloatArray]:
    reference = np.flatnonzero(is_reference)
    scores = {}
    for name, judge in methods.items():
        score = np.empty(len(z))
        score[~is_reference] = judge(z[is_reference], z[~is_reference])
        for learned, asked in KFold(_FOLDS, shuffle=True, random_state=0).split(reference):
            score[reference[asked]] = judge(z[reference[learned]], z[reference[asked]])
        scores[name] = score
    return scores


def main() -> None:
    worlds = {}
    for word in sys.argv[1:]:
        name, _, paths = word.partition("=")
        warehouse, _, truth = paths.partition(",")
        worlds[name] = (Path(warehouse), Path(truth))
    result = {
        "machine": describe("numpy", "numba", "scikit-learn"),
        "skipped": None,
        "figures": measure(worlds),
    }
    write({"worlds": result}, page=PAGE)


if __name__ == "__main__":
    main()
