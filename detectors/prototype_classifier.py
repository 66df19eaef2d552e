"""Learned prototypes: a few typical places of authentic rows and of cases, and what matters."""

from numbers import Integral
from typing import Any, Self

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import KMeans
from sklearn.utils import check_scalar
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from detectors.explanation import PROTOTYPE, Explanation
from detectors.views import LINEAR, Views

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_STEPS = 200
_STEP_SIZE = 0.05  # in standard deviations, falling to zero
_STEEPNESS = 4.0  # of the sigmoid: rows on the wrong side, and near the border, count most
_MOST_ROWS = 4096  # of each class, evenly drawn; prototypes are few


class PrototypeClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Generalized relevance learning vector quantization (GRLVQ) of two classes.

    A class is a few prototypes, the distance is ``d(x, p) = sum_f lam_f (x_f - p_f)^2`` over the
    standardised features. With d0 and d1 the distances to the nearest prototype of either class::

        mu(x) = (d0 - d1) / (d0 + d1)

    is between -1 and 1. Prototypes and relevances lam minimise the sum of ``sigmoid(4 mu)``, signed
    by the class and weighed so that both classes count the same. The gradient is exact, the descent
    has a fixed number of steps, so that the same rows give the same prototypes.

    The first class is the odd one, as -1 is in ``predict`` of outlier detectors: higher scores
    speak for the second.

    Parameters
    ----------
    n_prototypes
        Of the first class and of the second; fewer where a class has fewer rows.
    random_state
        Seeds the clustering that the descent starts from.

    Attributes
    ----------
    prototypes_, prototype_classes_
        (p, d) in standardised features, and (p,), 0 or 1.
    prototype_rows_
        (p,), position of the fitted row of the same class that is nearest to each prototype:
        prototypes are shown as real rows.
    relevances_
        (d,), lam; their mean is 1.

    References
    ----------
    Sato and Yamada (1996) for mu; Hammer and Villmann (2002) for the relevances; the steps are
    those of Kingma and Ba (2015).
    """

    def __init__(self, n_prototypes: tuple[int, int] = (3, 5), *, random_state: Any = 0) -> None:
        """Keep the settings; ``fit`` checks them."""
        self.n_prototypes = n_prototypes
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn from rows ``X`` (n, d), NaN where unknown, and two classes ``y``."""
        rows, labels = validate_data(
            self, X, y, dtype=np.float64, order="C", ensure_all_finite="allow-nan"
        )
        check_classification_targets(labels)
        for wanted in self.n_prototypes:
            check_scalar(wanted, "n_prototypes", Integral, min_val=1)
        self.classes_, target = np.unique(labels, return_inverse=True)
        if len(self.classes_) > 2:
            raise ValueError(
                f"Only binary classification is supported. The type of the target is "
                f"multiclass: {len(self.classes_)} classes"
            )
        if len(self.classes_) < 2:
            raise ValueError("Two classes are needed; the data contains only one class")
        self.views_ = Views.fit(rows, _balance(target))
        shown = self.views_.apply(rows, LINEAR)
        kept = np.concatenate([_thin(np.flatnonzero(target == c)) for c in (0, 1)])
        x, c = np.ascontiguousarray(shown[kept]), target[kept]
        starts = [self._start(x[c == k], self.n_prototypes[k]) for k in (0, 1)]
        self.prototype_classes_ = np.repeat([0, 1], [len(start) for start in starts])
        self.prototypes_, self.relevances_ = descend(
            x, c, 1.0 / np.bincount(c)[c] / 2, np.vstack(starts), self.prototype_classes_, _STEPS
        )
        self.prototype_rows_ = np.array(
            [
                kept[c == k][_distances(x[c == k], p[None], self.relevances_)[:, 0].argmin()]
                for p, k in zip(self.prototypes_, self.prototype_classes_, strict=True)
            ]
        )
        return self

    def score_samples(self, X: ArrayLike) -> FloatArray:
        """``mu``, (n,): from -1 (at a prototype of the first class) to 1 (of the second)."""
        return self._nearest(self._check(X))[2]

    def decision_function(self, X: ArrayLike) -> FloatArray:
        """The same as ``score_samples``: positive speaks for the second class."""
        return self.score_samples(X)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Class of the nearest prototype."""
        is_second = self.decision_function(X) > 0
        return np.asarray(self.classes_[is_second.astype(int)])

    def explain(self, X: ArrayLike) -> list[Explanation]:
        """Split each score by feature between the two prototypes; the parts add up to it."""
        rows = self._check(X)
        positions, distances, scores = self._nearest(rows)
        total = distances.sum(axis=1)
        signs = np.array([[1.0], [-1.0]])  # far from the first class is normal
        explanations = []
        for row, pair, size, score in zip(rows, positions, total, scores, strict=True):
            gap2 = np.nan_to_num(self.relevances_ * (row - self.prototypes_[pair]) ** 2)
            parts = signs * gap2 / (size if size > 0 else 1.0)
            shown = tuple(self.prototype_rows_[pair].tolist())
            explanations.append(
                Explanation(float(score), parts, shown, exact=True, kinds=(PROTOTYPE,) * 2)
            )
        return explanations

    def _check(self, X: ArrayLike) -> FloatArray:
        check_is_fitted(self)
        rows = validate_data(
            self, X, dtype=np.float64, order="C", ensure_all_finite="allow-nan", reset=False
        )
        return self.views_.apply(rows, LINEAR)

    def _nearest(self, rows: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
        """Nearest prototype of each class (n, 2), its distance (n, 2), and mu (n,)."""
        distance = _distances(rows, self.prototypes_, self.relevances_)
        positions = np.empty((len(rows), 2), dtype=np.int64)
        for k in (0, 1):
            of_class = np.flatnonzero(self.prototype_classes_ == k)
            positions[:, k] = of_class[distance[:, of_class].argmin(axis=1)]
        pair = np.take_along_axis(distance, positions, axis=1)
        total = pair.sum(axis=1)
        return positions, pair, (pair[:, 0] - pair[:, 1]) / np.where(total > 0, total, 1.0)

    def _start(self, rows: FloatArray, wanted: int) -> FloatArray:
        """Cluster centres of one class."""
        known = np.nan_to_num(rows)  # 0 is the mean of a standardised feature
        count = min(wanted, len(np.unique(known, axis=0)))
        centres: FloatArray = (
            KMeans(count, n_init=1, random_state=self.random_state).fit(known).cluster_centers_
        )
        return centres

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that missing values are welcome and that classes are two."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_class = False
        return tags


@njit(cache=True, fastmath=False, nogil=True)
def descend(
    rows: FloatArray,
    classes: IntArray,
    weights: FloatArray,
    prototypes: FloatArray,
    prototype_classes: IntArray,
    steps: int,
) -> tuple[FloatArray, FloatArray]:
    """Move prototypes (p, d) and relevances down the gradient of the cost.

    Parameters
    ----------
    rows, classes, weights
        (n, d), (n,) and (n,).
    prototypes, prototype_classes
        Where to start, (p, d), and (p,).
    steps
        How many, each over all rows.

    Returns
    -------
    prototypes
        (p, d).
    relevances
        (d,), with mean 1: squares of free parameters, so that they stay positive.
    """
    p, d = prototypes.shape
    place = np.vstack((prototypes.copy(), np.ones((1, d))))  # the last row: roots of relevances
    first, second = np.zeros((p + 1, d)), np.zeros((p + 1, d))
    for step in range(steps):
        slope = gradient(rows, classes, weights, place, prototype_classes)
        size = _STEP_SIZE * (1.0 - step / steps)
        for i in range(p + 1):
            for f in range(d):
                first[i, f] = 0.9 * first[i, f] + 0.1 * slope[i, f]
                second[i, f] = 0.99 * second[i, f] + 0.01 * slope[i, f] ** 2
                mean = first[i, f] / (1.0 - 0.9 ** (step + 1))
                square = second[i, f] / (1.0 - 0.99 ** (step + 1))
                place[i, f] -= size * mean / (np.sqrt(square) + 1e-12)
        place[p] /= np.sqrt((place[p] ** 2).mean())
    return place[:p].copy(), place[p] ** 2


@njit(cache=True, fastmath=False, nogil=True)
def gradient(
    rows: FloatArray,
    classes: IntArray,
    weights: FloatArray,
    place: FloatArray,
    prototype_classes: IntArray,
) -> FloatArray:
    """Gradient of ``sum_i weight_i sigmoid(4 mu_i)`` with mu = (own - other) / (own + other).

    ``place`` is (p + 1, d): the prototypes, and last the roots of the relevances.
    """
    p = len(prototype_classes)
    slope = np.zeros_like(place)
    for i in range(rows.shape[0]):
        own, other, own2, other2 = -1, -1, np.inf, np.inf
        for j in range(p):
            d2 = 0.0
            for f in range(rows.shape[1]):
                gap = rows[i, f] - place[j, f]
                if not np.isnan(gap):
                    d2 += place[p, f] ** 2 * gap * gap
            if prototype_classes[j] == classes[i]:
                if d2 < own2:
                    own, own2 = j, d2
            elif d2 < other2:
                other, other2 = j, d2
        total = own2 + other2
        if not (0.0 < total < np.inf):
            continue
        sigmoid = 1.0 / (1.0 + np.exp(-_STEEPNESS * (own2 - other2) / total))
        outer = weights[i] * _STEEPNESS * sigmoid * (1.0 - sigmoid)
        by_own = outer * 2.0 * other2 / total**2
        by_other = -outer * 2.0 * own2 / total**2
        for f in range(rows.shape[1]):
            gap, other_gap = rows[i, f] - place[own, f], rows[i, f] - place[other, f]
            if np.isnan(gap):
                continue
            root = place[p, f]
            slope[own, f] -= by_own * 2.0 * root**2 * gap
            slope[other, f] -= by_other * 2.0 * root**2 * other_gap
            slope[p, f] += 2.0 * root * (by_own * gap**2 + by_other * other_gap**2)
    return slope


def _distances(rows: FloatArray, prototypes: FloatArray, relevances: FloatArray) -> FloatArray:
    distance = np.empty((len(rows), len(prototypes)))
    for j, prototype in enumerate(prototypes):
        distance[:, j] = np.nansum(relevances * (rows - prototype) ** 2, axis=1)
    return distance


def _balance(target: IntArray) -> FloatArray:
    """Weights that let each class count the same in mean and spread."""
    return np.asarray(1.0 / np.bincount(target)[target] / 2)


def _thin(positions: IntArray) -> IntArray:
    if len(positions) <= _MOST_ROWS:
        return positions
    drawn: IntArray = positions[np.linspace(0, len(positions) - 1, _MOST_ROWS).astype(int)]
    return drawn
