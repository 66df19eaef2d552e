"""How well the detectors rank against their peers: one setting for all tables.

- P1: 70 % of the rows to learn from, odd ones among them, nothing labelled.
- P2: half of the normal rows to learn from.
- P3: as P1, with a few odd rows labelled.
- Medicine samples: real ones, some called counterfeit by a laboratory; split by lot.
"""

import time
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata, wilcoxon
from sklearn.metrics import average_precision_score, roc_auc_score

from tests.bench import detector_data as data
from tests.bench.detector_rivals import (
    Method,
    absent,
    ours,
    ours_with_labels,
    supervised,
    unsupervised,
)

Scores = dict[str, dict[str, list[tuple[float, float, float]]]]  # method, table: (AUC, AP, s)

LABELS = (5, 10, 20)
_CURVE_SIZES = (30, 100, 300, 1000, 3000)
_CURVE_LABELS = (1, 2, 5, 10, 20, 50)
# Along the curves only what takes seconds; the others stand at 100 rows and at 5 to 20 labels.
_CURVE_METHODS = {
    "Touchstone LocalDensity",
    "Touchstone CounterfeitDetector",
    "Touchstone PrototypeClassifier",
    "KNN (PyOD)",
    "LOF (scikit-learn)",
    "IsolationForest (scikit-learn)",
    "AutoEncoder (PyOD)",
    "LogisticRegression (scikit-learn)",
    "XGBoost",
}


def rank(tasks: Iterable[data.Task], methods: dict[str, Method], scores: Scores) -> None:
    """Score every task by every method; add to ``scores``."""
    for task in tasks:
        for name, method in methods.items():
            started = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                suspicion = method(task.train, task.labels, task.test)
            seconds = time.perf_counter() - started
            suspicion = np.asarray(suspicion, dtype=np.float64)
            known = np.nan_to_num(suspicion, nan=0.0, posinf=1e300, neginf=-1e300)
            entry = (
                float(roc_auc_score(task.truth, known)),
                float(average_precision_score(task.truth, known)),
                seconds,
            )
            scores.setdefault(name, {}).setdefault(task.name, []).append(entry)


def summary(scores: Scores) -> list[dict[str, Any]]:
    """Means over the tables, best first, and how the first of ours compares with each."""
    names = list(scores)
    places = list(next(iter(scores.values())))
    mean = np.array([[np.mean(scores[n][t], axis=0) for t in places] for n in names])
    ranks = np.mean([rankdata(-mean[:, t, 0]) for t in range(len(places))], axis=0)
    rows = []
    for i, name in enumerate(names):
        gain = mean[0, :, 0] - mean[i, :, 0]
        is_enough = len(places) > 5 and bool(np.any(gain))
        rows.append(
            {
                "method": name,
                "auc": round(float(mean[i, :, 0].mean()), 4),
                "ap": round(float(mean[i, :, 1].mean()), 4),
                "rank": round(float(ranks[i]), 2),
                "wins": int((gain > 0).sum()),
                "p": round(float(wilcoxon(gain).pvalue), 4) if is_enough else None,
                "seconds": round(float(mean[i, :, 2].mean()), 3),
                "by_table": {
                    t: [round(float(v), 4) for v in mean[i, at, :2]] for at, t in enumerate(places)
                },
            }
        )
    return sorted(rows, key=lambda row: -row["auc"])


def measure(
    tables: data.Tables, seeds: int, *, extras: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Results of the protocols by title; each again, of more splits, after each further split."""
    of_all: dict[str, Scores] = {}
    for seed in range(seeds):
        for title, tasks, reference in (
            ("P2 one class: learned from normal rows only", data.one_class(tables, seed), "clean"),
            (
                "P1 contaminated: odd rows among those learned from",
                data.contaminated(tables, seed),
                "contaminated",
            ),
            ("P2 with 100 rows to learn from", data.small(tables, seed, 100), "clean"),
        ):
            scores = of_all.setdefault(title, {})
            rank(tasks, ours(reference) | unsupervised(seed, extras=extras), scores)
            yield title, _result(scores, seed + 1, needs_labels=False, extras=extras)
        for count in LABELS:
            title = f"P3 with {count} labels"
            scores = of_all.setdefault(title, {})
            methods = ours_with_labels() | supervised(seed, extras=extras)
            rank(data.few_labels(tables, seed, count), methods, scores)
            yield title, _result(scores, seed + 1, needs_labels=True, extras=extras)


def measure_quality(
    path: Path, seeds: int, *, extras: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The real counterfeit labels; the means are over splits, not over tables."""
    for group, count in (("lot", 5), ("lot", 20), ("maker", 20)):
        scores: Scores = {}
        for seed in range(seeds):
            methods = ours_with_labels() | supervised(seed, extras=extras)
            # Those that need no labels are given none.
            methods |= ours("contaminated") | unsupervised(seed, extras=extras)
            for task in data.quality(seed, count, path, group=group):
                rank([task._replace(name=f"split {seed}")], methods, scores)
        words = {"lot": "a lot", "maker": "a maker's substance"}[group]
        title = f"Medicine samples with {count} known counterfeits, {words} on one side"
        yield title, _result(scores, seeds, needs_labels=None, extras=extras)


def measure_curves(tables: data.Tables, *, extras: bool) -> dict[str, Any]:
    """Mean AUC by the number of rows to learn from, and by the number of labels."""
    by_rows: dict[str, dict[str, float]] = {}
    for size in _CURVE_SIZES:
        methods = _of_curves(ours("clean") | unsupervised(0, extras=extras))
        _add_point(by_rows, str(size), data.small(tables, 0, size), methods)
    by_labels: dict[str, dict[str, float]] = {}
    for count in _CURVE_LABELS:
        methods = _of_curves(ours_with_labels() | supervised(0, extras=extras))
        _add_point(by_labels, str(count), data.few_labels(tables, 0, count), methods)
    return {"rows": by_rows, "labels": by_labels}


def _of_curves(methods: dict[str, Method]) -> dict[str, Method]:
    return {name: method for name, method in methods.items() if name in _CURVE_METHODS}


def _add_point(
    curves: dict[str, dict[str, float]],
    at: str,
    tasks: Iterable[data.Task],
    methods: dict[str, Method],
) -> None:
    scores: Scores = {}
    rank(tasks, methods, scores)
    for row in summary(scores):
        curves.setdefault(row["method"], {})[at] = row["auc"]


def _result(
    scores: Scores, seeds: int, *, needs_labels: bool | None, extras: bool
) -> dict[str, Any]:
    return {
        "first": next(iter(scores)),
        "tables": len(next(iter(scores.values()))),
        "seeds": seeds,
        "methods": summary(scores),
        "not_installed": absent(needs_labels=needs_labels) if extras else None,
    }
