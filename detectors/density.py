"""Local density: how far a lot lies from the lots that are most like it."""

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted, validate_data

from detectors.explanation import Explanation
from detectors.kernels import nearest

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_SCALE_FLOOR = 0.05  # quantile of the neighbours' own distances below which none is trusted
_NO_ROW = -1

Found = tuple[IntArray, FloatArray, FloatArray]


class LocalDensity(OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """Score a row by its mean squared distance to its k nearest reference rows.

    The score is minus ``D(x) = (1/k) sum_j sum_f (x_f - n_jf)^2 / s_j^a`` over the neighbours j,
    where ``s_j`` is the neighbour's own mean squared distance to its neighbours, not below the
    5 % quantile of the reference. Equal reference rows are one row that counts several times. A
    missing value (NaN) leaves its feature out and the others are scaled up. A row that shares no
    known feature with the reference, or has no reference, has the score NaN.

    Parameters
    ----------
    n_neighbors
        k; fewer where the reference is smaller.
    scale_power
        a, from 0 (plain distance) to 1 (fully relative to the neighbourhood).
    alarm_quantile
        Share of the reference that ``predict`` would call odd, scored without itself.

    Attributes
    ----------
    score_training_
        (n,), scores of the fitted rows, each as if it had not been fitted. ``score_samples`` of a
        fitted row would count the row as its own neighbour.
    offset_
        Score below which ``predict`` answers -1.

    References
    ----------
    Ramaswamy, Rastogi, Shim (2000) for a=0; Breunig et al. (2000) and Schubert et al. (2014) for
    a=1; Zelnik-Manor and Perona (2004) for the self-tuning scale.
    """

    def __init__(
        self, n_neighbors: int = 5, *, scale_power: float = 0.5, alarm_quantile: float = 0.05
    ) -> None:
        """Keep the settings; ``fit`` checks them."""
        self.n_neighbors = n_neighbors
        self.scale_power = scale_power
        self.alarm_quantile = alarm_quantile

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Keep the reference rows ``X`` (n, d), NaN where unknown; ``y`` is ignored."""
        rows: FloatArray = validate_data(
            self, X, dtype=np.float64, order="C", ensure_all_finite="allow-nan"
        )
        check_scalar(self.n_neighbors, "n_neighbors", Integral, min_val=1)
        check_scalar(self.scale_power, "scale_power", Real, min_val=0, max_val=1)
        check_scalar(self.alarm_quantile, "alarm_quantile", Real, min_val=0, max_val=1)
        self.reference_, self.first_, self.inverse_, self.weights_ = _collapse(rows)
        self.scales_ = np.ones(len(self.reference_))
        self.found_ = self._search(self.reference_, np.arange(len(self.reference_)))
        self.scales_ = _floored(-self._score(self.found_), self.weights_)
        self.score_training_ = self._score(self.found_)[self.inverse_]
        known = self.score_training_[~np.isnan(self.score_training_)]
        self.offset_ = float(np.quantile(known, self.alarm_quantile)) if known.size else -np.inf
        return self

    def score_samples(self, X: ArrayLike) -> FloatArray:
        """Minus the scaled distance, (n,): higher is more normal; NaN where nothing compares."""
        return self._score(self._search_new(self._check(X)))

    def decision_function(self, X: ArrayLike) -> FloatArray:
        """Score above the alarm threshold: negative is odd."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> IntArray:
        """Return -1 for rows to look at and 1 for the rest."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def explain(self, X: ArrayLike) -> list[Explanation]:
        """Split each score by neighbour and feature; the parts add up to the score.

        Neighbours are named by their position in the fitted rows, the first of equal ones.
        """
        rows = self._check(X)
        return self._explain(rows, self._search_new(rows))

    def explain_training(self) -> list[Explanation]:
        """Split ``score_training_`` in the same way, one explanation per fitted row."""
        check_is_fitted(self)
        distinct = self._explain(self.reference_, self.found_)
        return [distinct[row] for row in self.inverse_]

    def _check(self, X: ArrayLike) -> FloatArray:
        check_is_fitted(self)
        checked: FloatArray = validate_data(
            self, X, dtype=np.float64, order="C", ensure_all_finite="allow-nan", reset=False
        )
        return checked

    def _search_new(self, rows: FloatArray) -> Found:
        return self._search(rows, np.full(len(rows), _NO_ROW))

    def _search(self, rows: FloatArray, own: IntArray) -> Found:
        """Neighbours (n, k), their squared distances, and the share of each in the mean."""
        k = min(self.n_neighbors, int(self.weights_.sum()))
        relevance = np.ones(rows.shape[1])
        neighbours, distance2, counts = nearest(
            rows, own.astype(np.int64), self.reference_, self.weights_, relevance, k
        )
        return neighbours, distance2, counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    def _factor(self, neighbours: IntArray, share: FloatArray) -> FloatArray:
        """What a squared distance is multiplied with; 0 past the last neighbour."""
        factor: FloatArray = share / self.scales_[neighbours] ** self.scale_power
        return factor

    def _score(self, found: Found) -> FloatArray:
        neighbours, distance2, share = found
        is_there = neighbours != _NO_ROW
        terms = np.where(is_there, distance2, 0.0) * self._factor(neighbours, share)
        return np.where(is_there.any(axis=1), -terms.sum(axis=1), np.nan)

    def _explain(self, rows: FloatArray, found: Found) -> list[Explanation]:
        neighbours, _, share = found
        scores = self._score(found)
        gap2 = (rows[:, None, :] - self.reference_[neighbours]) ** 2
        known = np.maximum((~np.isnan(gap2)).sum(axis=2, keepdims=True), 1)
        factor = self._factor(neighbours, share)[:, :, None]
        parts = -np.nan_to_num(gap2, nan=0.0) * (rows.shape[1] / known) * factor
        is_there = neighbours != _NO_ROW
        return [
            Explanation(
                score=float(scores[i]),
                parts=parts[i][is_there[i]],
                neighbours=tuple(self.first_[neighbours[i][is_there[i]]].tolist()),
                exact=True,
            )
            for i in range(len(rows))
        ]

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that missing values are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _collapse(X: FloatArray) -> tuple[FloatArray, IntArray, IntArray, IntArray]:
    """Distinct rows in the order they first occur, where that is, which each row is, how often."""
    unknown = np.isnan(X)
    keys = np.hstack([np.where(unknown, 0.0, X), unknown])  # NaN never equals NaN, so name it
    _, first, inverse, count = np.unique(
        keys, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return (
        np.ascontiguousarray(X[first[order]]),
        first[order],
        rank[inverse.reshape(-1)],
        count[order].astype(np.int64),
    )


def _floored(distance: FloatArray, weights: IntArray) -> FloatArray:
    """Per-row scales: the row's own distance, not below the low quantile of the positive ones."""
    positive = np.repeat(distance, weights)
    positive = positive[positive > 0]
    floor = float(np.quantile(positive, _SCALE_FLOOR)) if positive.size else 1.0
    return np.maximum(np.nan_to_num(distance, nan=floor), floor)
