"""Nearest prototype: which past case a lot resembles most, and in what."""

from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted, validate_data

from detectors.explanation import Explanation

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_BLOCK = 2**22  # numbers held at once: rows x prototypes x features


class NearestPrototype(BaseEstimator):  # type: ignore[misc]
    """Score a row by its likeness to the nearest past attack.

    Values are departures from the ordinary: 0 or 1 for a signal, scaled numbers for a feature, 0
    meaning nothing remarkable. The distance is ``sum_f lam_f |x_f - p_f| / sum_f lam_f m_f`` with
    ``m_f = (|x_f| + |p_f| + |x_f - p_f|) / 2``: 0 for the same traits, 1 for nothing in common.
    What both lack counts for nothing. A feature that the case lacks (NaN) is left out; one that
    the row lacks counts as missed with ``unknown_share`` of its weight, so that a case is not near
    merely because little could be tested.

    It is no scikit-learn outlier detector, though it speaks like one: what it was fitted on is
    what it warns of.

    Parameters
    ----------
    threshold
        Distance up to which a case is near. None: the ``near_quantile`` of the distances from
        each case to its nearest other one.
    near_quantile
        See ``threshold``.
    unknown_share
        From 0 (unknown is left out) to 1 (unknown is a difference).

    Attributes
    ----------
    relevances_
        (d,), weight of each feature; the rarer among the cases, the more it weighs.
    threshold_
        Distance up to which a case is near.
    offset_
        The score of an attack at just that distance.

    References
    ----------
    Steinhaus transform of the weighted city-block distance (Marczewski and Steinhaus 1958), on
    binary signals the weighted Jaccard distance; weights as inverse document frequency (Spaerck
    Jones 1972).
    """

    def __init__(
        self,
        *,
        threshold: float | None = None,
        near_quantile: float = 0.9,
        unknown_share: float = 0.5,
    ) -> None:
        """Keep the settings; ``fit`` checks them."""
        self.threshold = threshold
        self.near_quantile = near_quantile
        self.unknown_share = unknown_share

    def fit(
        self,
        X: ArrayLike,
        y: Any = None,
        *,
        lower: ArrayLike | None = None,
        is_benign: ArrayLike | None = None,
    ) -> Self:
        """Keep the cases.

        Parameters
        ----------
        X
            (n, d), one row a case, NaN where the case says nothing.
        y
            Ignored.
        lower
            (n, d), the least value of each trait that fits the case as well: a benign cause *may*
            show a signal. Everything from ``lower`` to ``X`` is no difference. Default: ``X``.
        is_benign
            (n,), cases that are no attack: cited, but no part of the score. Default: none is.
        """
        cases: FloatArray = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        check_scalar(self.near_quantile, "near_quantile", Real, min_val=0, max_val=1)
        check_scalar(self.unknown_share, "unknown_share", Real, min_val=0, max_val=1)
        self.prototypes_ = cases
        self.lower_ = cases if lower is None else np.asarray(lower, dtype=np.float64)
        benign = np.zeros(len(cases)) if is_benign is None else np.asarray(is_benign)
        self.is_benign_ = benign.astype(bool)
        shown = (np.nan_to_num(cases) != 0).sum(axis=0)
        self.relevances_ = np.log((1.0 + len(cases)) / (1.0 + shown)) + 1.0
        self.threshold_ = self._threshold() if self.threshold is None else float(self.threshold)
        self.offset_ = self.threshold_ - 1.0
        return self

    def distances(self, X: ArrayLike) -> FloatArray:
        """Distance of each row to each case, (rows, cases), from 0 (same) to 1 (nothing shared)."""
        rows = self._check(X)
        step = max(1, _BLOCK // self.prototypes_.size)
        return np.concatenate(
            [self._block(rows[start : start + step]) for start in range(0, len(rows), step)]
        )

    def score_samples(self, X: ArrayLike) -> FloatArray:
        """Minus the likeness (1 - distance) to the nearest attack, (n,): higher is more normal."""
        return self._nearest_attack(X)[1]

    def decision_function(self, X: ArrayLike) -> FloatArray:
        """Distance beyond the threshold: negative means that an attack is near."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> IntArray:
        """Return -1 for rows near to a past attack and 1 for the rest."""
        return np.where(self.decision_function(X) <= 0, -1, 1)

    def explain(self, X: ArrayLike) -> list[Explanation]:
        """Split each score by feature, minus what each has in common; the parts add up to it.

        The neighbour is the position of the nearest attack among the fitted cases.
        """
        rows = self._check(X)
        nearest, scores = self._nearest_attack(rows)
        return [
            self._explanation(x, int(case), float(score))
            for x, case, score in zip(rows, nearest, scores, strict=True)
        ]

    def _explanation(self, x: FloatArray, case: int, score: float) -> Explanation:
        if self.is_benign_[case]:  # there is no attack to compare with
            return Explanation(score, np.empty((0, x.size)), (), exact=True)
        gap, size = self._terms(x[None], slice(case, case + 1))
        total = size.sum()
        parts = (gap[0] - size[0]) / (total if total > 0 else 1.0)
        return Explanation(score, parts, (case,), exact=True)

    def _nearest_attack(self, X: ArrayLike) -> tuple[IntArray, FloatArray]:
        distance = self.distances(X)
        distance[:, self.is_benign_] = np.inf
        nearest = distance.argmin(axis=1)
        score = np.minimum(distance[np.arange(len(distance)), nearest] - 1.0, 0.0)
        return nearest, score

    def _block(self, X: FloatArray) -> FloatArray:
        gap, size = self._terms(X, slice(None))
        gaps, sizes = gap.sum(axis=2), size.sum(axis=2)
        return np.where(sizes > 0, gaps / np.where(sizes > 0, sizes, 1.0), 1.0)

    def _terms(self, X: FloatArray, cases: slice) -> tuple[FloatArray, FloatArray]:
        """Weighted differences and sizes, each (rows, cases, features)."""
        x = X[:, None, :]
        high, low = self.prototypes_[cases][None], self.lower_[cases][None]
        p = np.clip(x, np.minimum(low, high), np.maximum(low, high))
        gap = np.abs(x - p)
        size = (np.abs(x) + np.abs(p) + gap) / 2
        missed = np.isnan(x) & ~np.isnan(high)
        least = np.where(low * high <= 0, 0.0, np.minimum(np.abs(low), np.abs(high)))
        gap = np.where(missed, self.unknown_share * least, gap)
        size = np.where(missed, self.unknown_share * least, size)
        return np.nan_to_num(gap) * self.relevances_, np.nan_to_num(size) * self.relevances_

    def _threshold(self) -> float:
        between = self.distances(self.prototypes_)
        np.fill_diagonal(between, np.inf)
        nearest = between.min(axis=1) if len(between) > 1 else np.array([0.5])
        return float(np.quantile(nearest, self.near_quantile))

    def _check(self, X: ArrayLike) -> FloatArray:
        check_is_fitted(self, "prototypes_")
        checked: FloatArray = validate_data(
            self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False
        )
        return checked

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that missing values are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
