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
BoolArray = NDArray[np.bool_]

_BLOCK = 2**22  # numbers held at once: rows x prototypes x features


class NearestPrototype(BaseEstimator):  # type: ignore[misc]
    """Score a row by its likeness to the nearest past attack.

    Values are departures from the ordinary: 0 or 1 for a signal, scaled numbers for a feature, 0
    meaning nothing remarkable. The distance is ``sum_f lam_f |x_f - p_f| / sum_f lam_f m_f`` with
    ``m_f = (|x_f| + |p_f| + |x_f - p_f|) / 2``: 0 for the same traits, 1 for nothing in common.
    What both lack counts for nothing. A feature that the case lacks (NaN) is left out; one that
    the row lacks counts as missed with ``unknown_share`` of its weight, so that a case is not near
    merely because little could be tested.

    Cases may be one's own: decided on lots of the same trade. The score is then::

        -(L_past + own_weight L_confirmed) (1 - L_cleared)

    with L the likeness (1 - distance) to the nearest past attack, own confirmed case and own
    cleared case; a lot like one that was cleared is less suspect, whatever attack it is like. Own
    cases change no weight, so that a decision shifts no other distance.

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
    own_weight
        What an own confirmed case adds, beside the past attack that the row is like anyway.

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
        own_weight: float = 0.5,
    ) -> None:
        """Keep the settings; ``fit`` checks them."""
        self.threshold = threshold
        self.near_quantile = near_quantile
        self.unknown_share = unknown_share
        self.own_weight = own_weight

    def fit(
        self,
        X: ArrayLike,
        y: Any = None,
        *,
        lower: ArrayLike | None = None,
        is_benign: ArrayLike | None = None,
        is_own: ArrayLike | None = None,
        is_told: ArrayLike | None = None,
        rarity: ArrayLike | None = None,
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
            (n,), cases that are no attack: cited, but no part of the score unless they are one's
            own. Default: none is.
        is_own
            (n,), cases decided on lots of the same trade. Default: none is.
        is_told
            (n,), cases that another company told. An attack counts as one's own does; what they
            cleared is cited and counts for nothing, since nobody else may whitewash. Default: none.
        rarity
            (d,), how much it tells that a row shows a feature, where more is known of that than
            the cases tell: multiplies the relevances. Default: 1.
        """
        cases: FloatArray = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        check_scalar(self.near_quantile, "near_quantile", Real, min_val=0, max_val=1)
        check_scalar(self.unknown_share, "unknown_share", Real, min_val=0, max_val=1)
        check_scalar(self.own_weight, "own_weight", Real, min_val=0)
        self.prototypes_ = cases
        self.lower_ = cases if lower is None else np.asarray(lower, dtype=np.float64)
        self.is_benign_ = _flags(is_benign, len(cases))
        self.is_own_ = _flags(is_own, len(cases))
        self.is_told_ = _flags(is_told, len(cases))
        is_learned = self.is_own_ | self.is_told_
        weighing = cases if is_learned.all() else cases[~is_learned]
        shown = (np.nan_to_num(weighing) != 0).sum(axis=0)
        self.relevances_ = np.log((1.0 + len(weighing)) / (1.0 + shown)) + 1.0
        if rarity is not None:
            self.relevances_ = self.relevances_ * np.asarray(rarity, dtype=np.float64)
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

    def score_samples(self, X: ArrayLike, *, excluded: ArrayLike | None = None) -> FloatArray:
        """Minus the likeness to the nearest attack, (n,): higher is more normal.

        ``excluded`` (n, cases) are pairs that do not count: a row and the case made of it.
        """
        return self._judge(self._check(X), excluded)[2]

    def decision_function(self, X: ArrayLike) -> FloatArray:
        """Score above that of an attack at the threshold: negative means that one is near."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> IntArray:
        """Return -1 for rows near to a past attack and 1 for the rest."""
        return np.where(self.decision_function(X) <= 0, -1, 1)

    def explain(self, X: ArrayLike, *, excluded: ArrayLike | None = None) -> list[Explanation]:
        """Split each score by case and feature, minus what each has in common; parts add up to it.

        The neighbours are positions among the fitted cases: the nearest past attack, and of one's
        own the nearest confirmed and the nearest cleared one, where there are such.
        """
        rows = self._check(X)
        nearest, likeness, scores = self._judge(rows, excluded)
        return [
            self._explanation(x, cases, likenesses, float(score))
            for x, cases, likenesses, score in zip(rows, nearest, likeness, scores, strict=True)
        ]

    def _explanation(
        self, x: FloatArray, cases: IntArray, likeness: FloatArray, score: float
    ) -> Explanation:
        past, confirmed, _ = likeness
        weights = (-1.0, -self.own_weight, past + self.own_weight * confirmed)
        parts, neighbours = [], []
        for case, alike, weight in zip(cases, likeness, weights, strict=True):
            if case >= 0 and (alike > 0 or case == cases[0]):
                gap, size = self._terms(x[None], slice(case, case + 1))
                total = size.sum()
                parts.append(weight * (size[0] - gap[0]) / (total if total > 0 else 1.0))
                neighbours.append(int(case))
        whole = np.array(parts).reshape(len(parts), x.size)
        return Explanation(score, whole, tuple(neighbours), exact=True)

    def _judge(
        self, rows: FloatArray, excluded: ArrayLike | None
    ) -> tuple[IntArray, FloatArray, FloatArray]:
        """Nearest case and likeness to it, each (rows, 3), and the score.

        The three are past attacks, confirmed cases (one's own, or told) and own cleared ones; the
        case is -1 where there is none.
        """
        distance = self.distances(rows)
        if excluded is not None:
            distance = np.where(np.asarray(excluded, dtype=bool), np.inf, distance)
        nearest = np.full((len(rows), 3), -1)
        likeness = np.zeros((len(rows), 3))
        is_learned = self.is_own_ | self.is_told_
        groups = (
            ~self.is_benign_ & ~is_learned,
            ~self.is_benign_ & is_learned,
            self.is_benign_ & self.is_own_,
        )
        for column, group in enumerate(groups):
            positions = np.flatnonzero(group)
            if positions.size:
                of_group = distance[:, positions]
                least = of_group.min(axis=1)
                found = positions[of_group.argmin(axis=1)]
                nearest[:, column] = np.where(np.isfinite(least), found, -1)
                likeness[:, column] = np.maximum(1.0 - least, 0.0)
        past, confirmed, cleared = likeness.T
        score = -(past + self.own_weight * confirmed) * (1.0 - cleared)
        return nearest, likeness, score + 0.0  # never minus nothing

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


def _flags(given: ArrayLike | None, count: int) -> BoolArray:
    return np.zeros(count, dtype=bool) if given is None else np.asarray(given).astype(bool)
