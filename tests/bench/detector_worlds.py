"""The detectors on the project's own tasks: simulated worlds, whose truth is known.

``touchstone bench detectors --world NAME=WAREHOUSE,TRUTH`` ranks what built warehouses hold by ours
and by the same peers as the public tables, on the same features, and keeps the figures as section
``worlds`` of the benchmark.

- Lots: learned from the lots on which nothing stands. Each of those is scored by models that did
  not learn from it.
- Lots with labels: half of the lots to learn from, ten attacked ones among them labelled and all
  others not; the other half is scored. A lot is one row, so none stands on both sides.
- Edges, sites: each month against all earlier ones. Odd are those that a scheme of trade names.
- Trajectories: distinct ways, learned from those of lots on which nothing stands; a way is scored
  by models that learned from none of its lots' ways but those that other lots show too. Odd are
  ways that only attacked lots show.

Average precision (AP) and area under the curve (AUC); chance has AP equal to the share of odd rows.
The peers know no missing values: they are given the median of what was learned.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import KFold, train_test_split
from sklearn.neighbors import NearestNeighbors

from data.errors import InputError
from detectors.density import LocalDensity
from detectors.features import (
    EDGE_FEATURES,
    SITE_FEATURES,
    TRAJECTORY_FEATURES,
    Feature,
    fit_scaling,
)
from detectors.screen.cases import read_cases
from detectors.screen.levels import trajectory_scores
from detectors.screen.lots import Lots, matrix, read_lots, signal_rarity
from detectors.screen.resemblance import made_of
from detectors.screen.scores import prototype_of
from tests.bench.detector_rivals import (
    Method,
    absent,
    ours_with_labels,
    supervised,
    unsupervised,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Judge = Callable[[FloatArray, FloatArray], FloatArray]  # learned, asked -> higher is odder
Fold = tuple[IntArray, IntArray]  # rows learned from, rows scored

LEVELS = ("lot", "labelled", "edge", "site", "trajectory")
OWN = "Touchstone LocalDensity"
RARITY = "Touchstone NearestPrototype, rarity in the run"
_FOLDS = 5
_SPLITS = 5  # of the lots into halves, for what learns from labels
_LABELLED = 10
_MOST = 3000  # rows that a model learns from
_TRADE = ("P26", "P27", "P28", "P29", "P30", "P31", "P32", "P33", "P34", "P35", "P39", "P40")


class Ranked(NamedTuple):
    """Which rows are odd, and how odd each method calls them."""

    odd: BoolArray
    scores: dict[str, FloatArray]


def read_worlds(words: Sequence[str]) -> dict[str, tuple[Path, Path]]:
    """Warehouse and truth by name, from ``NAME=WAREHOUSE,TRUTH``."""
    worlds = {}
    for word in words:
        name, _, paths = word.partition("=")
        warehouse, _, truth = paths.partition(",")
        worlds[name] = (Path(warehouse), Path(truth))
        if not truth or not worlds[name][0].is_file() or not worlds[name][1].is_dir():
            raise InputError(
                f"--world {word}: expected NAME=WAREHOUSE,TRUTH, an existing warehouse and the "
                "truth's folder. Make them with touchstone simulate and touchstone run."
            )
    return worlds


def measure(
    worlds: dict[str, tuple[Path, Path]],
    *,
    extras: bool,
    levels: Sequence[str] = LEVELS,
) -> Iterator[dict[str, Any]]:
    """AP and AUC by level, method and world; again, of more worlds, after each further world."""
    found: dict[str, Any] = {"odd": {}, **{level: {} for level in levels}}
    found["not_installed"] = absent() if extras else None
    for name, (warehouse, truth) in worlds.items():
        with duckdb.connect(str(warehouse), read_only=True) as con:
            con.execute("SET threads = 1")
            for level in levels:
                ranked = _RANKED[level](con, truth, extras)
                parts = ranked if isinstance(ranked, list) else [ranked]
                count = [
                    np.mean([r.odd.sum() for r in parts]),
                    np.mean([len(r.odd) for r in parts]),
                ]
                found["odd"].setdefault(level, {})[name] = [round(float(c)) for c in count]
                for method in parts[0].scores:
                    each = [_judged(r.odd, r.scores[method]) for r in parts]
                    found[level].setdefault(method, {})[name] = [
                        round(float(value), 3) for value in np.mean(each, axis=0)
                    ]
        yield found


def _judged(odd: BoolArray, score: FloatArray) -> tuple[float, float]:
    known = np.nan_to_num(score, nan=float(np.nanmin(score)), posinf=1e300, neginf=-1e300)
    return float(average_precision_score(odd, known)), float(roc_auc_score(odd, known))


def _lots(con: duckdb.DuckDBPyConnection, truth: Path, extras: bool) -> Ranked:
    lots, cases = read_lots(con), read_cases(con)
    z = fit_scaling(lots.values[lots.is_reference], lots.features).apply(lots.values)
    model = LocalDensity(standardize=False).fit(z[lots.is_reference])
    alone = np.empty(len(z))
    alone[lots.is_reference] = -model.score_training_
    alone[~lots.is_reference] = -model.score_samples(z[~lots.is_reference])
    even = -prototype_of(cases).score_samples(lots.signals, excluded=made_of(lots, cases))
    weighed = _by_rarity(con, lots)
    ways = _oddest_way(con, lots.lot_id)
    return Ranked(
        _attacked(lots, truth),
        {
            RARITY: weighed,
            "NearestPrototype, all signals alike": even,
            "the same and trajectory, sum of ranks": rankdata(even) + rankdata(ways),
            "rarity and trajectory, sum of ranks": rankdata(weighed) + rankdata(ways),
            "most unusual trajectory": ways,
            f"{OWN}, each lot left out alone": alone,
            **_by_folds(z, _reference_folds(lots.is_reference), _judges("clean", extras)),
        },
    )


def _lots_by_label(con: duckdb.DuckDBPyConnection, truth: Path, extras: bool) -> list[Ranked]:
    """Halves of the lots, several times; what needs no label of this world is scored too."""
    lots = read_lots(con)
    odd = _attacked(lots, truth)
    z = fit_scaling(lots.values[lots.is_reference], lots.features).apply(lots.values)
    weighed = _by_rarity(con, lots)
    ranked = []
    for seed in range(_SPLITS):
        learned, asked = train_test_split(
            np.arange(len(odd)), test_size=0.5, random_state=seed, stratify=odd
        )
        labels = np.zeros(len(learned), dtype=np.int64)
        known = np.random.default_rng(seed).permutation(np.flatnonzero(odd[learned]))
        labels[known[:_LABELLED]] = 1
        scores = {RARITY: weighed[asked]}
        for name, method in ours_with_labels().items():
            scores[name] = method(z[learned], labels, z[asked])
        filled, asked_z = _without_gaps(z[learned], z[asked])
        for name, method in supervised(seed, extras=extras).items():
            scores[name] = _quietly(method, filled, labels, asked_z)
        ranked.append(Ranked(odd[asked], scores))
    return ranked


def _attacked(lots: Lots, truth: Path) -> BoolArray:
    rows = pl.read_csv(truth / "lots.csv", infer_schema=False)
    attacked = set(rows.filter(pl.col("label") == "attack").select("gtin", "lot").iter_rows())
    return np.array([key in attacked for key in zip(lots.gtin, lots.lot, strict=True)])


def _by_rarity(con: duckdb.DuckDBPyConnection, lots: Lots) -> FloatArray:
    cases = read_cases(con)
    prototype = prototype_of(cases, signal_rarity(lots.signals))
    score: FloatArray = -prototype.score_samples(lots.signals, excluded=made_of(lots, cases))
    return score


def _oddest_way(con: duckdb.DuckDBPyConnection, lot_ids: list[int]) -> FloatArray:
    scored = trajectory_scores(con).select("key_id", "score")
    shown = con.sql("SELECT lot_id, trajectory_id AS key_id FROM feat_lot_trajectory").pl()
    worst = shown.join(scored, on="key_id").group_by("lot_id").agg(pl.col("score").min())
    of_lot = dict(worst.iter_rows())
    return np.array([-(of_lot.get(lot) or 0.0) for lot in lot_ids])


def _edges(con: duckdb.DuckDBPyConnection, truth: Path, extras: bool) -> Ranked:
    edges = con.sql("SELECT * FROM feat_edge_month ORDER BY edge_month_id").pl()
    named = pl.read_csv(truth / "edges.csv", infer_schema=False)
    named = named.filter(pl.col("code").is_in(_TRADE))
    odd = {f"{a}>{b}" for a, b in named.select("from_gln", "to_gln").iter_rows()}
    return _by_month(edges, EDGE_FEATURES, odd, extras)


def _sites(con: duckdb.DuckDBPyConnection, truth: Path, extras: bool) -> Ranked:
    sites = con.sql("SELECT * FROM feat_site_month ORDER BY site_month_id").pl()
    named = pl.read_csv(truth / "sites.csv", infer_schema=False)
    odd = set(named.filter(pl.col("code").is_in(_TRADE))["gln"])
    return _by_month(sites, SITE_FEATURES, odd, extras)


def _by_month(
    frame: pl.DataFrame, features: tuple[Feature, ...], odd: set[str], extras: bool
) -> Ranked:
    is_odd = np.array([subject.partition("/")[0] in odd for subject in frame["subject"]])
    values = matrix(frame, [feature.name for feature in features])
    month = frame["month"].rank("dense").cast(pl.Int64).to_numpy()
    methods = _judges("contaminated", extras)
    scores = {name: np.full(len(is_odd), np.nan) for name in methods}
    for now in np.unique(month)[1:]:
        earlier, rows = month < now, month == now
        if earlier.sum() < 30:
            continue
        scaling = fit_scaling(values[earlier], features)
        for name, judge in methods.items():
            scores[name][rows] = judge(scaling.apply(values[earlier]), scaling.apply(values[rows]))
    judged = ~np.isnan(scores[OWN])
    return Ranked(is_odd[judged], {name: score[judged] for name, score in scores.items()})


def _ways(con: duckdb.DuckDBPyConnection, truth: Path, extras: bool) -> Ranked:
    ways = con.sql("SELECT * FROM feat_trajectory ORDER BY trajectory_id").pl()
    place = {way: row for row, way in enumerate(ways["trajectory_id"])}
    rows = pl.read_csv(truth / "lots.csv", infer_schema=False).select("gtin", "lot", "label")
    lots = con.sql("SELECT lot_id, gtin, lot FROM core_lot").pl().join(rows, on=["gtin", "lot"])
    shown = con.sql(
        "SELECT lot_id, trajectory_id FROM feat_lot_trajectory ORDER BY lot_id, trajectory_id"
    ).pl()
    labelled = shown.join(lots, on="lot_id")
    honest = set(labelled.filter(pl.col("label") != "attack")["trajectory_id"])
    attacked = set(labelled.filter(pl.col("label") == "attack")["trajectory_id"])
    odd = np.array([way in attacked - honest for way in place])
    standing = con.sql(
        "SELECT lot_id FROM find_lot WHERE findings_standing + findings_suppressed > 0"
    ).pl()
    clear = shown.join(standing, on="lot_id", how="anti", maintain_order="left")
    way = np.array([place[one] for one in clear["trajectory_id"]])
    values = matrix(ways, [feature.name for feature in TRAJECTORY_FEATURES])
    z = fit_scaling(values[np.unique(way)], TRAJECTORY_FEATURES).apply(values)
    scored = trajectory_scores(con).sort("key_id")["score"].cast(pl.Float64).to_numpy()
    folds = _lot_folds(clear["lot_id"].to_numpy(), way, len(z))
    return Ranked(
        odd,
        {
            f"{OWN}, as the batch runs it": -scored,
            **_by_folds(z, folds, _judges("clean", extras)),
        },
    )


def _judges(reference: str, extras: bool) -> dict[str, Judge]:
    """Ours and the peers, which learn from the same rows."""

    def own(learned: FloatArray, asked: FloatArray) -> FloatArray:
        model = LocalDensity(standardize=False, reference=reference).fit(_thinned(learned))
        score: FloatArray = -model.score_samples(asked)
        return score

    return {OWN: own, **_peers(extras=extras)}


def _peers(*, extras: bool) -> dict[str, Judge]:
    def nearest(learned: FloatArray, _: NDArray[Any], asked: FloatArray) -> FloatArray:
        model = NearestNeighbors(n_neighbors=min(10, len(learned))).fit(learned)
        distances: FloatArray = model.kneighbors(asked)[0].mean(axis=1)
        return distances

    def judge_of(method: Method) -> Judge:
        def judged(learned: FloatArray, asked: FloatArray) -> FloatArray:
            learned, asked = _without_gaps(_thinned(learned), asked)
            return _quietly(method, learned, np.zeros(len(learned), dtype=np.int64), asked)

        return judged

    methods: dict[str, Method] = {"KNN (scikit-learn)": nearest, **unsupervised(0, extras=extras)}
    return {name: judge_of(method) for name, method in methods.items()}


def _quietly(
    method: Method, learned: FloatArray, labels: NDArray[Any], asked: FloatArray
) -> FloatArray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(method(learned, labels, asked), dtype=np.float64)


def _thinned(rows: FloatArray) -> FloatArray:
    even: FloatArray = rows[np.linspace(0, len(rows) - 1, min(len(rows), _MOST)).astype(int)]
    return even


def _without_gaps(learned: FloatArray, asked: FloatArray) -> tuple[FloatArray, FloatArray]:
    is_known = ~np.isnan(learned)
    middle = np.array(
        [
            np.median(column[known]) if known.any() else 0.0
            for column, known in zip(learned.T, is_known.T, strict=True)
        ]
    )
    return (
        np.where(is_known, learned, middle),
        np.where(np.isnan(asked), middle, asked),
    )


def _reference_folds(is_reference: BoolArray) -> list[Fold]:
    """All references for the others; for each reference, those of the other folds."""
    reference = np.flatnonzero(is_reference)
    folds = [(reference, np.flatnonzero(~is_reference))]
    for learned, asked in KFold(_FOLDS, shuffle=True, random_state=0).split(reference):
        folds.append((reference[learned], reference[asked]))
    return folds


def _lot_folds(lot: IntArray, way: IntArray, count: int) -> list[Fold]:
    """Folds of cleared lots, given as pairs of lot and way; a way is scored in its first lot's."""
    lots, first = np.unique(lot, return_inverse=True)
    fold_of = np.random.default_rng(0).permutation(len(lots)) % _FOLDS
    fold = fold_of[first]
    known, at = np.unique(way, return_index=True)
    folds = [(known, np.setdiff1d(np.arange(count), known))]
    for number in range(_FOLDS):
        folds.append((np.unique(way[fold != number]), known[fold[at] == number]))
    return folds


def _by_folds(
    z: FloatArray, folds: Sequence[Fold], methods: dict[str, Judge]
) -> dict[str, FloatArray]:
    scores = {}
    for name, judge in methods.items():
        score = np.full(len(z), np.nan)
        for learned, asked in folds:
            if asked.size:
                score[asked] = judge(z[learned], z[asked])
        scores[name] = score
    return scores


_RANKED: dict[str, Callable[[duckdb.DuckDBPyConnection, Path, bool], Ranked | list[Ranked]]] = {
    "lot": _lots,
    "labelled": _lots_by_label,
    "edge": _edges,
    "site": _sites,
    "trajectory": _ways,
}
