"""Local density: how far a row lies from the rows that are most like it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import check_random_state, check_scalar
from sklearn.utils.validation import check_is_fitted, validate_data

from detectors.calibration import conformal_p_values
from detectors.explanation import Explanation, logarithmic_mean, merge
from detectors.neighbours import NeighbourIndex, Neighbours, collapse
from detectors.views import VIEWS, Views

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_CLEAN_NEIGHBOURS = 10
_CLEAN_POWER = 0.25
_CLEAN_DECAY = 1.5  # the j-th neighbour weighs 1 / j^1.5: the nearest tell most
_LEAST_NEIGHBOURS, _NEIGHBOUR_SHARE = 20, 0.05  # of a contaminated reference: past any clique
_MOST_ROWS = 2048  # of a contaminated reference; more of them change nothing but the time
_TRIM_ROUNDS = 2
_LEAST_TRIMMED, _MOST_TRIMMED = 0.15, 0.25  # of a contaminated reference
_SCALE_FLOOR = 0.05  # quantile of the neighbours' own distances below which none is trusted
_TYPICAL_ROWS = 512  # of the reference, that tell what each feature usually adds
_OFFSET = 1e-3  # of the median distance, so that an equal row has a finite logarithm


@dataclass(frozen=True, eq=False)
class Layer:
    """One view of the reference.

    ``middle`` (d,) is the mean of what is known, NaN where nothing is; ``is_known`` (n, d) tells
    what of ``index.rows`` is known and not completed by it. ``scales`` (n,) are the rows' own mean
    distances; ``typical`` (d,) is what each feature adds to the median distance, ``offset`` what
    keeps the logarithm finite, ``spread`` the standard deviation of the logarithms.
    """

    index: NeighbourIndex
    middle: FloatArray
    is_known: BoolArray
    scales: FloatArray
    typical: FloatArray
    offset: float
    spread: float

    def usual(self, is_known: BoolArray) -> tuple[FloatArray, FloatArray]:
        """What the known features (n, d) add to the median distance, and their offset, (n,)."""
        part = is_known.sum(axis=1) / is_known.shape[1]
        typical = np.where(part == 1.0, self.typical.sum(), is_known @ self.typical)
        return typical, self.offset * part


class LocalDensity(OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """Score a row by its distance to its nearest reference rows, relative to their own.

    In each of two views (see ``views``) of the standardised features, over the k nearest
    reference rows j and features f::

        D(x) = sum_j w_j sum_f (x_f - n_jf)^2 / s_j^a

    where ``s_j`` is the neighbour's own D with a=0, not below the 5 % quantile of the reference.
    The score is minus the mean over the views of ``log(D(x) / m) / spread``, m the median and
    spread taken from the reference rows, each scored without itself. So 0 is a typical row, and -3
    an odd one.

    Equal reference rows are one row that counts several times. What a reference row does not know
    (NaN) is taken as the mean. What ``x`` does not know is left out of D and of m alike: a row is
    held against what is usual for the features it has. Scaling a few known ones up to all would
    make a row odd for what nobody knows of it, and its like the neighbours of everything. A row
    that shares no known feature with the reference, or has no reference, has the score NaN.

    Parameters
    ----------
    n_neighbors
        k; fewer where the reference is smaller. None: 10 with weights ``w_j ~ j^-1.5`` for a clean
        reference; 5 % of the rows, 20 at least, of equal weight for a contaminated one.
    scale_power
        a, from 0 (plain distance) to 1 (fully relative to the neighbourhood). None: 0.25 for a
        clean reference, 0 for a contaminated one, where odd rows would excuse each other.
    reference
        ``clean``: all fitted rows are taken as authentic. ``contaminated``: some are not; the
        oddest are left out twice, at a rate estimated from the scores (15 to 25 %), and up to 2048
        rows drawn by ``random_state`` are kept. A large k sees past clusters of odd rows.
    standardize
        False: features are comparable already.
    alarm_quantile
        Share of the fitted rows that ``predict`` would call odd, each scored without itself.
    random_state
        Draws the rows of a large contaminated reference.

    Attributes
    ----------
    score_training_
        (n,), scores of the fitted rows, each as if it had not been fitted. ``score_samples`` of a
        fitted row would count the row as its own neighbour.
    is_reference_
        (n,), the fitted rows that serve as reference.
    offset_
        Score below which ``predict`` answers -1.

    References
    ----------
    Ramaswamy, Rastogi, Shim (2000) for a=0; Breunig et al. (2000) and Schubert et al. (2014) for
    a=1; Zelnik-Manor and Perona (2004) for the self-tuning scale.
    """

    def __init__(
        self,
        n_neighbors: int | None = None,
        *,
        scale_power: float | None = None,
        reference: str = "clean",
        standardize: bool = True,
        alarm_quantile: float = 0.05,
        random_state: Any = 0,
    ) -> None:
        """Keep the settings; ``fit`` checks them."""
        self.n_neighbors = n_neighbors
        self.scale_power = scale_power
        self.reference = reference
        self.standardize = standardize
        self.alarm_quantile = alarm_quantile
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Keep the reference rows ``X`` (n, d), NaN where unknown; ``y`` is ignored."""
        rows: FloatArray = validate_data(
            self, X, dtype=np.float64, order="C", ensure_all_finite="allow-nan"
        )
        if self.n_neighbors is not None:
            check_scalar(self.n_neighbors, "n_neighbors", Integral, min_val=1)
        if self.scale_power is not None:
            check_scalar(self.scale_power, "scale_power", Real, min_val=0, max_val=1)
        check_scalar(self.alarm_quantile, "alarm_quantile", Real, min_val=0, max_val=1)
        if self.reference not in ("clean", "contaminated"):
            raise ValueError("reference must be 'clean' or 'contaminated'")
        distinct, first, self.inverse_, weights = collapse(rows)
        is_clean = self.reference == "clean"
        kept = np.ones(len(distinct), dtype=bool) if is_clean else self._trim(distinct, weights)
        self.decay_ = _CLEAN_DECAY if is_clean and self.n_neighbors is None else 0.0
        self.power_ = _CLEAN_POWER * is_clean if self.scale_power is None else self.scale_power
        self.k_ = self._neighbours(int(weights[kept].sum()))
        self.first_ = first[kept]
        self.views_ = self._fit_views(distinct[kept], weights[kept])
        self.layers_: list[Layer] = []
        total = np.zeros(len(distinct))
        for view in VIEWS:
            shown = self.views_.apply(distinct, view)
            layer, found = self._fit_layer(shown[kept], weights[kept])
            self.layers_.append(layer)
            total[kept] += self._view_score(layer, layer.index.rows, layer.is_known, found)
            if not kept.all():
                total[~kept] += self._view_score(layer, *self._search(layer, shown[~kept]))
        self.score_training_ = (total / len(VIEWS))[self.inverse_]
        self.is_reference_ = kept[self.inverse_]
        known = self.score_training_[~np.isnan(self.score_training_)]
        self.offset_ = float(np.quantile(known, self.alarm_quantile)) if known.size else -np.inf
        return self

    def score_samples(self, X: ArrayLike) -> FloatArray:
        """Score per row, (n,): higher is more normal; NaN where nothing compares."""
        return self._score(self._check(X))

    def decision_function(self, X: ArrayLike) -> FloatArray:
        """Score above the alarm threshold: negative is odd."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> IntArray:
        """Return -1 for rows to look at and 1 for the rest."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_values(self, X: ArrayLike) -> FloatArray:
        """How often fitted rows look at least as odd, (n,); see ``calibration``.

        Rows that were trimmed away count: without them authentic rows would look odd too often.
        """
        return conformal_p_values(-self.score_samples(X), -self.score_training_)

    def explain(self, X: ArrayLike) -> list[Explanation]:
        """Split each score by neighbour and feature; the parts add up to the score.

        A part says how much more (negative) or less than usual a feature adds to the distance from
        a neighbour. Neighbours are named by their position in the fitted rows, the first of equals.
        """
        rows = self._check(X)
        return self._explain(
            [
                self._search(layer, self.views_.apply(rows, view))
                for view, layer in zip(VIEWS, self.layers_, strict=True)
            ]
        )

    def explain_training(self, rows: ArrayLike | None = None) -> list[Explanation]:
        """Split ``score_training_`` in the same way, one explanation per fitted row.

        ``rows`` are the positions of those to explain; all of them by default.

        Only for a clean reference: rows that were trimmed away are explained as new ones.
        """
        check_is_fitted(self)
        if not self.is_reference_.all():
            raise ValueError("some fitted rows are no reference; explain them as new rows")
        wanted = self.inverse_ if rows is None else self.inverse_[np.asarray(rows, dtype=np.int64)]
        few, place = np.unique(wanted, return_inverse=True)
        asked = []
        for layer in self.layers_:
            every = layer.index.join(self.k_)
            found = Neighbours(every.positions[few], every.distance2[few], every.counts[few])
            asked.append((layer.index.rows[few], layer.is_known[few], found))
        distinct = self._explain(asked)
        return [distinct[row] for row in place]

    def _check(self, X: ArrayLike) -> FloatArray:
        if self._is_ready(X):
            return np.asarray(X)
        check_is_fitted(self)
        checked: FloatArray = validate_data(
            self, X, dtype=np.float64, order="C", ensure_all_finite="allow-nan", reset=False
        )
        return checked

    def _is_ready(self, X: ArrayLike) -> bool:
        """Whether ``X`` is what scikit-learn's checks, dear for a single row, would let through."""
        return (
            type(X) is np.ndarray
            and X.dtype == np.float64
            and X.ndim == 2
            and X.shape[0] > 0
            and X.shape[1] == getattr(self, "n_features_in_", None)
            and X.flags.c_contiguous
            and not hasattr(self, "feature_names_in_")
            and not np.isinf(X).any()
        )

    def _score(self, rows: FloatArray) -> FloatArray:
        total = np.zeros(len(rows))
        for view, layer in zip(VIEWS, self.layers_, strict=True):
            total += self._view_score(layer, *self._search(layer, self.views_.apply(rows, view)))
        return total / len(VIEWS)

    def _search(self, layer: Layer, shown: FloatArray) -> tuple[FloatArray, BoolArray, Neighbours]:
        """New rows, completed; what of them is known; and their neighbours."""
        is_known = ~np.isnan(shown) & ~np.isnan(layer.middle)
        completed = _completed(shown, is_known, layer.middle)
        return completed, is_known, layer.index.query(completed, self.k_)

    def _neighbours(self, n: int) -> int:
        if self.n_neighbors is not None:
            return int(self.n_neighbors)
        if self.reference == "clean":
            return _CLEAN_NEIGHBOURS
        return max(_LEAST_NEIGHBOURS, int(_NEIGHBOUR_SHARE * n))

    def _fit_views(self, rows: FloatArray, weights: IntArray) -> Views:
        return Views.fit(rows, weights) if self.standardize else Views.none(rows.shape[1])

    def _trim(self, rows: FloatArray, weights: IntArray) -> BoolArray:
        """Rows that are kept as reference after the oddest were left out twice."""
        count = len(rows)
        drawn = np.arange(count)
        if count > _MOST_ROWS:
            random = check_random_state(self.random_state)
            drawn = np.sort(random.choice(count, _MOST_ROWS, replace=False))
        rows, weights = rows[drawn], weights[drawn]
        kept = np.ones(len(rows), dtype=bool)
        for _ in range(_TRIM_ROUNDS):
            views = self._fit_views(rows[kept], weights[kept])
            k = self._neighbours(int(weights[kept].sum()))
            oddness = np.zeros(len(rows))
            for view in VIEWS:
                shown = views.apply(rows, view)
                shown = _completed(shown, ~np.isnan(shown), _middle(shown[kept], weights[kept]))
                index = NeighbourIndex(shown[kept], weights[kept])
                distance = np.empty(len(rows))
                distance[kept] = _mean_distance(index.join(k), 0.0)
                if not kept.all():
                    distance[~kept] = _mean_distance(index.query(shown[~kept], k), 0.0)
                oddness += _standardized_log(distance)
            oddness = np.where(np.isnan(oddness), -np.inf, oddness)  # nothing to compare with
            each = np.repeat(oddness, weights)
            kept = oddness <= np.quantile(each, 1.0 - estimate_trimming(each), method="lower")
        is_kept = np.zeros(count, dtype=bool)
        is_kept[drawn[kept]] = True
        return is_kept

    def _fit_layer(self, shown: FloatArray, weights: IntArray) -> tuple[Layer, Neighbours]:
        middle, is_known = _middle(shown, weights), ~np.isnan(shown)
        index = NeighbourIndex(_completed(shown, is_known, middle), weights)
        found = index.join(self.k_)
        scales = _floored(_mean_distance(found, self.decay_), weights)
        distance = _mean_distance(
            _of_known(index, index.rows, is_known, found), self.decay_, scales, self.power_
        )
        part = np.linspace(0, len(shown) - 1, min(len(shown), _TYPICAL_ROWS)).astype(int)
        some = Neighbours(*(whole[part] for whole in found))
        terms = np.einsum(
            "nkd,nk->nd",
            index.terms(index.rows[part], some),
            _shares(some.counts, self.decay_) * _factor(scales, self.power_, some),
        )
        sure = is_known[part] * weights[part, None]
        by_feature = (terms * sure).sum(axis=0) / np.maximum(sure.sum(axis=0), 1)
        total, width = float(by_feature.sum()), shown.shape[1]
        # As far as a row would lie if it knew all its features.
        share = is_known @ by_feature / total if total > 0 else is_known.mean(axis=1)
        share[is_known.all(axis=1)] = 1.0
        can_tell = ~np.isnan(distance) & (share > 0)
        each = np.repeat(distance[can_tell] / share[can_tell], weights[can_tell])
        median = float(np.median(each)) if each.size else 0.0
        offset = _OFFSET * (median or float(each.mean() if each.size else 0.0) or 1.0)
        typical = by_feature * (median / total) if total > 0 else np.full(width, median / width)
        layer = Layer(index, middle, is_known, scales, typical, offset, 1.0)
        logs = np.repeat(self._view_score(layer, index.rows, is_known, found), weights)
        logs = logs[~np.isnan(logs)]
        spread = float(logs.std()) if logs.size else 0.0
        return replace(layer, spread=spread if spread > 0 else 1.0), found

    def _view_score(
        self, layer: Layer, rows: FloatArray, is_known: BoolArray, found: Neighbours
    ) -> FloatArray:
        """Score of completed rows in one view; NaN where nothing is known."""
        known = _of_known(layer.index, rows, is_known, found)
        distance = _mean_distance(known, self.decay_, layer.scales, self.power_)
        usual, offset = layer.usual(is_known)
        is_any = is_known.any(axis=1)
        ratio = (distance + offset) / np.where(is_any, usual + offset, 1.0)
        score: FloatArray = -np.log(np.where(is_any, ratio, np.nan)) / layer.spread
        return score

    def _explain(
        self, asked: Sequence[tuple[FloatArray, BoolArray, Neighbours]]
    ) -> list[Explanation]:
        """Explanations of rows; of each view the completed rows, what is known, the neighbours."""
        parts, scores = [], np.zeros(len(asked[0][0]))
        for layer, (rows, is_known, found) in zip(self.layers_, asked, strict=True):
            share = _shares(found.counts, self.decay_)[:, :, None]
            factor = share * _factor(layer.scales, self.power_, found)[:, :, None]
            terms = np.where(is_known[:, None, :], layer.index.terms(rows, found) * factor, 0.0)
            usual, offset = layer.usual(is_known)
            none = ~is_known.any(axis=1)
            mean = logarithmic_mean(
                terms.sum(axis=(1, 2)) + offset + none, usual + offset + none
            )  # any number where nothing is known: there are no parts
            above = terms - np.where(is_known[:, None, :], share * layer.typical, 0.0)
            parts.append(-above / (mean * layer.spread * len(VIEWS))[:, None, None])
            scores += self._view_score(layer, rows, is_known, found) / len(VIEWS)
        return [
            merge(
                [
                    (1.0, self._one_view(part[i], found, i, is_scored=not np.isnan(scores[i])))
                    for part, (_, _, found) in zip(parts, asked, strict=True)
                ],
                width=asked[0][0].shape[1],
                score=float(scores[i]),
            )
            for i in range(len(scores))
        ]

    def _one_view(
        self, parts: FloatArray, found: Neighbours, row: int, *, is_scored: bool
    ) -> Explanation:
        is_there = (found.counts[row] > 0) & is_scored
        positions = self.first_[found.positions[row, is_there]].tolist()
        return Explanation(0.0, parts[is_there], tuple(positions), exact=True)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that missing values are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def estimate_trimming(oddness: FloatArray) -> float:
    """Share of a contaminated reference to leave out, 15 to 25 %.

    Authentic rows are taken to lie evenly about the mode of the scores, so what lies farther above
    it than nine in ten lie below it is odd, but for the tenth that belongs there. The mode is the
    half-sample mode of Robertson and Cryer (1974): the densest half, again and again.
    """
    rest = np.sort(oddness)
    while len(rest) > 4:
        half = len(rest) // 2 + 1
        width = rest[half - 1 :] - rest[: len(rest) - half + 1]
        rest = rest[width.argmin() : width.argmin() + half]
    mode = float(rest.mean())
    below = mode - oddness[oddness < mode]
    if not below.size:
        return _MOST_TRIMMED
    reach = np.quantile(below, 0.9)
    beyond = float((oddness > mode + reach).mean()) - 0.1 * below.size / oddness.size
    return float(np.clip(beyond, _LEAST_TRIMMED, _MOST_TRIMMED))


def _shares(counts: NDArray[Any], decay: float) -> FloatArray:
    """Weight of each neighbour in the mean, (n, k): the j-th weighs j^-decay, all of them 1."""
    weight = _cumulated(counts.shape[1], float(decay))
    end = np.cumsum(counts, axis=1)
    share = weight[end] - weight[end - counts]  # a row that counts thrice is three neighbours
    total = share.sum(axis=1, keepdims=True)
    return np.asarray(share / np.where(total > 0, total, 1.0), dtype=np.float64)


@lru_cache(maxsize=64)
def _cumulated(k: int, decay: float) -> FloatArray:
    """What the first 0 to k neighbours weigh together; kept, since every row asks for it."""
    return np.concatenate([[0.0], np.cumsum(np.arange(1, k + 1) ** -decay)])


def _factor(scales: FloatArray, power: float, found: Neighbours) -> FloatArray:
    """``s_j^-power`` of the neighbours; of no use past the last."""
    near: FloatArray = scales[found.positions] ** -power
    return near


def _mean_distance(
    found: Neighbours, decay: float, scales: FloatArray | None = None, power: float = 0.0
) -> FloatArray:
    """Weighted mean of the squared distances, each by its neighbour's scale; NaN if none."""
    is_there = found.counts > 0
    terms = np.where(is_there, found.distance2, 0.0) * _shares(found.counts, decay)
    if scales is not None and power != 0:
        terms *= _factor(scales, power, found)
    return np.where(is_there.any(axis=1), terms.sum(axis=1), np.nan)


def _middle(shown: FloatArray, weights: IntArray) -> FloatArray:
    """Mean of what is known of each feature, (d,); NaN where nothing is."""
    sure = ~np.isnan(shown) * weights[:, None]
    count = sure.sum(axis=0)
    total = (np.nan_to_num(shown, nan=0.0) * sure).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _completed(shown: FloatArray, is_known: BoolArray, middle: FloatArray) -> FloatArray:
    """Rows with the middle where they know nothing."""
    return shown if is_known.all() else np.where(is_known, shown, np.nan_to_num(middle))


def _of_known(
    index: NeighbourIndex, rows: FloatArray, is_known: BoolArray, found: Neighbours
) -> Neighbours:
    """The neighbours of completed rows, with the distances that their known features make."""
    partial = np.flatnonzero(~is_known.all(axis=1))
    if not partial.size:
        return found
    positions = found.positions[partial]
    distance2 = np.zeros(positions.shape)
    for feature in np.flatnonzero(is_known[partial].any(axis=0)):  # by feature, for the memory
        gap = rows[partial, feature, None] - index.rows[positions, feature]
        distance2 += np.where(is_known[partial, feature, None], gap * gap, 0.0)
    every = found.distance2.copy()
    every[partial] = np.where(found.counts[partial] > 0, distance2, np.inf)
    return found._replace(distance2=every)


def _standardized_log(distance: FloatArray) -> FloatArray:
    middle = float(np.nanmedian(distance)) if (~np.isnan(distance)).any() else 0.0
    logs = np.log(distance + _OFFSET * (middle or 1.0))
    return np.asarray((logs - np.nanmedian(logs)) / (np.nanstd(logs) or 1.0), dtype=np.float64)


def _floored(distance: FloatArray, weights: IntArray) -> FloatArray:
    """Per-row scales: the row's own distance, not below the low quantile of the positive ones."""
    positive = np.repeat(distance, weights)
    positive = positive[positive > 0]
    floor = float(np.quantile(positive, _SCALE_FLOOR)) if positive.size else 1.0
    return np.maximum(np.nan_to_num(distance, nan=floor), floor)
