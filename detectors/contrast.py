"""Case contrast: is a row nearer to the confirmed cases than to the authentic rows?"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from detectors.calibration import conformal_p_values
from detectors.explanation import CASE, REFERENCE, Explanation, logarithmic_mean, merge
from detectors.neighbours import NeighbourIndex, Neighbours, collapse, put, room
from detectors.views import VIEWS, Views

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

CASE_LABEL = -1  # in y, as ``predict`` answers

_REFERENCES = 20  # neighbours among the reference,
_CASES = (1, 3)  # and among the cases: the nearest, and the nearest three
_PAIRS = 5  # reference neighbours whose differences say how much a feature varies anyway
_SMOOTHING = 0.1  # of the mean difference, added to both sides of a relevance
_TRIMMED = 0.1  # of the reference: most alike to the cases, so perhaps undetected ones
_OFFSET = 1e-3  # of the median distance, so that an equal row has a finite logarithm
_NEAR_QUANTILE = 0.05  # of the reference rows' own distances to the cases


@dataclass(frozen=True, eq=False)
class Metric:
    """One view under one set of relevances."""

    view: int
    references: NeighbourIndex
    cases: NeighbourIndex
    offset: float


class CaseContrast(BaseEstimator):  # type: ignore[misc]
    """Score a row by its distance to known cases, against its distance to authentic rows.

    With D_k(x; S) the mean squared distance to the k nearest rows of S::

        C(x) = log[(D_20(x; R) + e) / (D_c(x; A) + e)]

    R are the reference rows but for the tenth most alike to the cases, which may be cases that
    nobody found; A are the confirmed cases, and e is 1e-3 of the median D_20. The score is minus
    the mean of C over c in {1, 3}, two views of the features (see ``views``) and two metrics: all
    features alike, and features weighed by relevance. The relevance of f is ``lam_f = w_f^2``,
    scaled to a mean of 1, with w_f how much cases differ from their 20 nearest references in f,
    over how much neighbouring references differ from each other. One case is enough.

    Equal rows count as often as they occur. A missing value (NaN) leaves its feature out. It speaks
    like an outlier detector of scikit-learn but is none: it needs to be shown what to warn of.

    Parameters
    ----------
    alarm_quantile
        Share of the rows that are no case which ``predict`` would call odd, each scored without
        itself.

    Attributes
    ----------
    score_training_
        (n,), scores of the fitted rows, each as if it had not been fitted.
    is_reference_
        (n,), the fitted rows that serve as R.
    relevances_
        (views, d).
    near_distance2_
        Distance up to which a case is near; see ``is_near_case``.

    References
    ----------
    Aha, Kibler, Albert (1991) for learning from stored cases; Kononenko (1994) for relevances of
    the ReliefF kind.
    """

    def __init__(self, *, alarm_quantile: float = 0.05) -> None:
        """Keep the settings."""
        self.alarm_quantile = alarm_quantile

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Keep rows ``X`` (n, d); ``y`` is -1 where a row is a confirmed case.

        All other rows are the reference, whether cleared or never examined. Without ``y``, or
        without a case in it, every score is 0.
        """
        rows: FloatArray = validate_data(
            self, X, dtype=np.float64, order="C", ensure_all_finite="allow-nan"
        )
        self.is_case_ = label_cases(y, len(rows))
        own = np.flatnonzero(~self.is_case_)
        distinct, first, inverse, weights = collapse(rows[own])
        self.reference_first_ = own[first]
        self.case_first_ = np.flatnonzero(self.is_case_)
        self.views_ = Views.fit(distinct, weights)
        self.metrics_: list[Metric] = []
        self.relevances_ = np.ones((len(VIEWS), rows.shape[1]))
        self.near_distance2_ = 0.0
        self.score_training_ = np.zeros(len(rows))
        self.is_reference_ = ~self.is_case_
        self.offset_ = 0.0
        if not self.is_case_.any() or len(own) < 2:
            return self
        cases = rows[self.is_case_]
        for view in VIEWS:
            self.relevances_[view] = self._fit_metrics(distinct, weights, cases, view)
        contrast = self._contrast(distinct, [m.references.join(_REFERENCES) for m in self.metrics_])
        kept = contrast <= np.quantile(np.repeat(contrast, weights), 1.0 - _TRIMMED)
        self._keep(kept)
        found = [_of_all(metric, kept, self._show(distinct, metric)) for metric in self.metrics_]
        self.score_training_[own] = -self._contrast(distinct, found)[inverse]
        alone = [m.references.query(self._show(cases, m), _REFERENCES) for m in self.metrics_]
        self.score_training_[self.is_case_] = -self._contrast(cases, alone, is_fitted=True)
        self.is_reference_[own] = kept[inverse]
        self.reference_first_ = self.reference_first_[kept]
        known = self.score_training_[~self.is_case_]
        self.offset_ = float(np.quantile(known, self.alarm_quantile))
        nearest = self._case_distance2(distinct[kept])
        self.near_distance2_ = float(np.quantile(nearest, _NEAR_QUANTILE))
        return self

    def score_samples(self, X: ArrayLike) -> FloatArray:
        """Minus the contrast, (n,): higher is more normal."""
        return self._score(self._check(X))

    def decision_function(self, X: ArrayLike) -> FloatArray:
        """Score above the alarm threshold: negative is odd."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> IntArray:
        """Return -1 for rows to look at and 1 for the rest."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_values(self, X: ArrayLike) -> FloatArray:
        """How often rows that are no case look at least as much like one, (n,).

        Rows that were trimmed away count: without them authentic rows would look odd too often.
        """
        known = self.score_training_[~self.is_case_]
        return conformal_p_values(-self.score_samples(X), -known)

    def is_near_case(self, X: ArrayLike) -> BoolArray:
        """Whether a known case is near: nearer than it is to 95 % of the reference, (n,)."""
        rows = self._check(X)
        if not self.metrics_:
            return np.zeros(len(rows), dtype=bool)
        return self._case_distance2(rows) <= self.near_distance2_

    def explain(self, X: ArrayLike) -> list[Explanation]:
        """Split each score by neighbour and feature; the parts add up to the score.

        Distance from a reference row speaks for a case (negative), distance from a case against it.
        """
        rows = self._check(X)
        scores = self._score(rows)
        if not self.metrics_:
            none = np.empty((0, rows.shape[1]))
            return [Explanation(float(score), none, (), exact=True) for score in scores]
        pieces: list[list[tuple[float, Explanation]]] = [[] for _ in rows]
        for metric in self.metrics_:
            for piece, answer in zip(pieces, self._explain_metric(rows, metric), strict=True):
                if answer is not None:
                    piece.append((1.0, answer))
        near = self.is_near_case(rows)
        return [
            merge(piece, width=rows.shape[1], score=float(score), is_near_case=bool(is_near))
            for piece, score, is_near in zip(pieces, scores, near, strict=True)
        ]

    def add_case(self, row: ArrayLike) -> int:
        """Add one confirmed case; it counts from now on. Return its position.

        Relevances and thresholds stay what they are until the next ``fit``.
        """
        [case] = self._check(np.reshape(np.asarray(row, dtype=np.float64), (1, -1)))
        if not self.metrics_:
            raise ValueError("no case was fitted, so no relevances are known; fit with this case")
        position = len(self.score_training_) + len(self.case_first_) - int(self.is_case_.sum())
        for metric in self.metrics_:
            metric.cases.add(self._show(case[None], metric)[0])
        self.case_first_ = np.append(self.case_first_, position)
        return position

    def _check(self, X: ArrayLike) -> FloatArray:
        check_is_fitted(self)
        checked: FloatArray = validate_data(
            self, X, dtype=np.float64, order="C", ensure_all_finite="allow-nan", reset=False
        )
        return checked

    def _show(self, rows: FloatArray, metric: Metric) -> FloatArray:
        return self.views_.apply(rows, metric.view)

    def _fit_metrics(
        self, rows: FloatArray, weights: IntArray, cases: FloatArray, view: int
    ) -> FloatArray:
        shown, shown_cases = self.views_.apply(rows, view), self.views_.apply(cases, view)
        plain = NeighbourIndex(shown, weights)
        relevance = relevances(plain, shown_cases)
        for lam in (np.ones_like(relevance), relevance):
            references = NeighbourIndex(shown, weights, lam)
            middle = float(np.nanmedian(_mean(references.join(_REFERENCES), _REFERENCES)))
            index = NeighbourIndex(shown_cases, None, lam)
            self.metrics_.append(Metric(view, references, index, _OFFSET * (middle or 1.0)))
        return relevance

    def _keep(self, kept: BoolArray) -> None:
        self.metrics_ = [
            Metric(
                m.view,
                NeighbourIndex(
                    m.references.rows[kept], m.references.weights[kept], m.references.relevance
                ),
                m.cases,
                m.offset,
            )
            for m in self.metrics_
        ]

    def _score(self, rows: FloatArray) -> FloatArray:
        found = [m.references.query(self._show(rows, m), _REFERENCES) for m in self.metrics_]
        return -self._contrast(rows, found)

    def _contrast(
        self, rows: FloatArray, found: list[Neighbours], *, is_fitted: bool = False
    ) -> FloatArray:
        """Mean of C; ``is_fitted`` where ``rows`` are the cases, each left out for itself."""
        total = np.zeros(len(rows))
        for metric, near in zip(self.metrics_, found, strict=True):
            if is_fitted and len(metric.cases) > 1:
                cases = metric.cases.join(max(_CASES))
            else:
                cases = metric.cases.query(self._show(rows, metric), max(_CASES))
            authentic = _mean(near, _REFERENCES) + metric.offset
            for c in _CASES:
                ratio = authentic / (_mean(cases, c) + metric.offset)
                total += np.nan_to_num(np.log(ratio))  # nothing to compare with: neither nor
        return total / max(1, len(self.metrics_) * len(_CASES))

    def _case_distance2(self, rows: FloatArray) -> FloatArray:
        total = np.zeros(len(rows))
        for m in self.metrics_:
            total += np.log(m.cases.query(self._show(rows, m), 1).distance2[:, 0] + m.offset)
        return np.exp(total / len(self.metrics_))

    def _explain_metric(self, rows: FloatArray, metric: Metric) -> list[Explanation | None]:
        """This metric's part of the score of each row; None where nothing compares."""
        shown = self._show(rows, metric)
        near = metric.references.query(shown, _REFERENCES)
        cases = metric.cases.query(shown, max(_CASES))
        p = _mean(near, _REFERENCES) + metric.offset
        toward, away = np.zeros(len(rows)), np.zeros(cases.counts.shape)
        for c in _CASES:
            mean = logarithmic_mean(p, _mean(cases, c) + metric.offset)
            scale = 1.0 / (mean * len(self.metrics_) * len(_CASES))
            toward += scale
            away += scale[:, None] * _shares(cases, c)
        near_parts = -metric.references.terms(shown, near)
        near_parts *= (near.shares() * toward[:, None])[:, :, None]
        case_parts = metric.cases.terms(shown, cases) * away[:, :, None]
        answers: list[Explanation | None] = []
        for row in range(len(rows)):
            if np.isnan(toward[row]):
                answers.append(None)
                continue
            is_near, is_case = near.counts[row] > 0, away[row] > 0
            fitted = self.reference_first_[near.positions[row, is_near]].tolist()
            known = self.case_first_[cases.positions[row, is_case]].tolist()
            answers.append(
                Explanation(
                    score=0.0,
                    parts=np.concatenate([near_parts[row, is_near], case_parts[row, is_case]]),
                    neighbours=(*fitted, *known),
                    exact=True,
                    kinds=(REFERENCE,) * len(fitted) + (CASE,) * len(known),
                )
            )
        return answers

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that missing values are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def label_cases(y: ArrayLike | None, n: int) -> BoolArray:
    """Which rows are confirmed cases: those whose label is -1."""
    if y is None:
        return np.zeros(n, dtype=bool)
    labels = np.asarray(y).reshape(-1)
    if len(labels) != n:
        raise ValueError(f"y has {len(labels)} labels for {n} rows")
    return np.asarray(labels == CASE_LABEL, dtype=bool)


def relevances(references: NeighbourIndex, cases: FloatArray) -> FloatArray:
    """Weight (d,) of each feature, mean 1: how cases differ, over how references differ anyway."""
    near = references.query(cases, _REFERENCES)
    between = _mean_gap(references, cases, near)
    within = _mean_gap(references, references.rows, references.join(_PAIRS))
    smoothing = _SMOOTHING * float(within.mean()) or 1.0
    weight2 = ((between + smoothing) / (within + smoothing)) ** 2
    return np.asarray(weight2 / weight2.mean(), dtype=np.float64)


def _mean_gap(references: NeighbourIndex, rows: FloatArray, found: Neighbours) -> FloatArray:
    """Mean difference (d,) in each feature between rows and their neighbours."""
    total, count = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    for p in range(found.positions.shape[1]):
        is_there = found.counts[:, p] > 0
        gap = np.abs(rows[is_there] - references.rows[found.positions[is_there, p]])
        total += np.nansum(gap, axis=0)
        count += (~np.isnan(gap)).sum(axis=0)
    return total / np.maximum(count, 1)


def _shares(found: Neighbours, k: int) -> FloatArray:
    """Share (n, found) of each neighbour among the first k."""
    end = np.minimum(np.cumsum(found.counts, axis=1), k)
    count = np.diff(end, axis=1, prepend=0)
    return np.asarray(count / np.maximum(count.sum(axis=1, keepdims=True), 1), dtype=np.float64)


def _mean(found: Neighbours, k: int) -> FloatArray:
    """Mean squared distance to the k nearest, (n,); NaN where there is none."""
    is_there = found.counts > 0
    total = (np.where(is_there, found.distance2, 0.0) * _shares(found, k)).sum(axis=1)
    return np.where(is_there.any(axis=1), total, np.nan)


def _of_all(metric: Metric, kept: BoolArray, shown: FloatArray) -> Neighbours:
    """Reference neighbours of all rows, of which ``kept`` are the reference themselves."""
    k = min(_REFERENCES, int(metric.references.weights.sum()))
    whole = room(len(kept), k)
    put(whole, kept, metric.references.join(_REFERENCES))
    if not kept.all():
        put(whole, ~kept, metric.references.query(shown[~kept], _REFERENCES))
    return whole
