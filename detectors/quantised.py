"""Prototypes of a few bits a feature, compared by table look-up, as a content-addressable memory.

What a small device at a counter, or a memory that compares by itself, would hold of
``PrototypeClassifier``. Nothing is multiplied when a row is judged:

1. Comparators turn each feature of the row into a code of ``bits`` bits (``encode``).
2. Each code picks a line of the feature's table; the line holds, for every prototype, what this
   feature would add to the distance, as a whole number. The lines are added up (``look_up``).
3. The nearest prototype of each class gives ``mu``, as there.

The numbers are whole, so the parts of an explanation add up without any rounding but the last
division. An unknown value picks a line of zeros: a memory's "don't care".
"""

from numbers import Integral
from typing import Any, Self

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted, validate_data

from detectors.explanation import PROTOTYPE, Explanation
from detectors.prototype_classifier import PrototypeClassifier
from detectors.views import LINEAR

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
CodeArray = NDArray[np.uint16]

_TAIL = 0.02  # of the rows, shared by the levels, beyond the first and last: where levels are few,
# one stray value must not take them all
_ROUNDS = 10  # of moving levels to the mean of what they stand for
_LARGEST = 2**16 - 1  # of a table's entries


class QuantisedPrototypeClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """``PrototypeClassifier`` whose prototypes and rows are codes of a few bits.

    Each feature has ``2 ** bits`` levels, placed where the rows are, both classes counting the
    same. Prototypes are stored as codes; relevances and squares are in the tables.

    Parameters
    ----------
    bits
        Of each feature of a row and of a prototype: 1 (binary) to 8.
    n_prototypes, random_state
        As of ``PrototypeClassifier``.

    Attributes
    ----------
    levels_, edges_
        (d, 2 ** bits) in standardised features, and the comparators between them.
    prototype_codes_
        (p, d).
    table_
        (d, 2 ** bits + 1, p): what a code adds to the distance from each prototype; the last line
        is that of an unknown value.

    References
    ----------
    Lloyd (1982) and Max (1960) for the levels; Jegou, Douze, Schmid (2011) for distances as sums
    of look-ups; Li et al. (2020) for multi-bit content-addressable memories.
    """

    def __init__(
        self, bits: int = 8, *, n_prototypes: tuple[int, int] = (3, 5), random_state: Any = 0
    ) -> None:
        """Keep the settings; ``fit`` checks them."""
        self.bits = bits
        self.n_prototypes = n_prototypes
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn prototypes in full precision, then what is kept of them."""
        check_scalar(self.bits, "bits", Integral, min_val=1, max_val=8)
        rows, labels = validate_data(
            self, X, y, dtype=np.float64, order="C", ensure_all_finite="allow-nan"
        )
        whole = PrototypeClassifier(self.n_prototypes, random_state=self.random_state)
        whole.fit(rows, labels)
        self.classes_ = whole.classes_
        self.views_ = whole.views_
        self.prototype_classes_ = whole.prototype_classes_
        self.prototype_rows_ = whole.prototype_rows_
        target = np.searchsorted(self.classes_, labels)
        weights = 1.0 / np.bincount(target)[target]
        shown = self.views_.apply(rows, LINEAR)
        self.levels_ = np.array(
            [_levels(column, weights, 2**self.bits) for column in shown.T]
        ).reshape(shown.shape[1], 2**self.bits)
        self.edges_ = (self.levels_[:, 1:] + self.levels_[:, :-1]) / 2
        self.prototype_codes_ = encode(whole.prototypes_, self.edges_)
        at = np.take_along_axis(self.levels_, self.prototype_codes_.T.astype(np.int64), axis=1)
        gap2 = whole.relevances_[:, None, None] * (self.levels_[:, :, None] - at[:, None, :]) ** 2
        unit = gap2.max() / _LARGEST or 1.0
        self.table_ = np.zeros((len(gap2), 2**self.bits + 1, len(whole.prototypes_)), np.uint16)
        self.table_[:, :-1] = np.rint(gap2 / unit)
        return self

    def score_samples(self, X: ArrayLike) -> FloatArray:
        """``mu``, (n,): from -1 (at a prototype of the first class) to 1 (of the second)."""
        return self._nearest(self._encode(X))[2]

    def decision_function(self, X: ArrayLike) -> FloatArray:
        """The same as ``score_samples``: positive speaks for the second class."""
        return self.score_samples(X)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Class of the nearest prototype."""
        is_second = self.decision_function(X) > 0
        return np.asarray(self.classes_[is_second.astype(int)])

    def explain(self, X: ArrayLike) -> list[Explanation]:
        """Split each score by feature between the two prototypes; the parts add up to it."""
        codes = self._encode(X)
        positions, distances, scores = self._nearest(codes)
        features = np.arange(codes.shape[1])
        signs = np.array([[1.0], [-1.0]])  # far from the first class is normal
        explanations = []
        for code, pair, of_pair, score in zip(codes, positions, distances, scores, strict=True):
            terms = self.table_[features, code][:, pair].T.astype(np.float64)
            parts = signs * terms / max(int(of_pair.sum()), 1)
            shown = tuple(self.prototype_rows_[pair].tolist())
            explanations.append(
                Explanation(float(score), parts, shown, exact=True, kinds=(PROTOTYPE,) * 2)
            )
        return explanations

    def cost(self) -> dict[str, int]:
        """What is held, and what one decision takes of it.

        Returns
        -------
        Bytes of the prototypes as codes and of the tables, comparisons (each feature by halving),
        and per decision look-ups (one a feature), additions (one a feature and prototype) and bytes
        read from the tables.
        """
        check_is_fitted(self)
        d, lines, p = self.table_.shape
        return {
            "prototype_bytes": -(-p * d * int(self.bits) // 8),
            "table_bytes": d * lines * p * self.table_.itemsize,
            "comparisons": d * int(self.bits),
            "look_ups": d,
            "additions": d * p,
            "bytes_read": d * p * self.table_.itemsize,
        }

    def _encode(self, X: ArrayLike) -> CodeArray:
        check_is_fitted(self)
        rows = validate_data(
            self, X, dtype=np.float64, order="C", ensure_all_finite="allow-nan", reset=False
        )
        codes: CodeArray = encode(self.views_.apply(rows, LINEAR), self.edges_)
        return codes

    def _nearest(self, codes: CodeArray) -> tuple[IntArray, IntArray, FloatArray]:
        """Nearest prototype of each class (n, 2), its distance (n, 2), and mu (n,)."""
        distance = look_up(codes, self.table_)
        positions = np.empty((len(codes), 2), dtype=np.int64)
        for k in (0, 1):
            of_class = np.flatnonzero(self.prototype_classes_ == k)
            positions[:, k] = of_class[distance[:, of_class].argmin(axis=1)]
        pair = np.take_along_axis(distance, positions, axis=1)
        total = pair.sum(axis=1)
        return positions, pair, (pair[:, 0] - pair[:, 1]) / np.where(total > 0, total, 1)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that missing values are welcome and that classes are two."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_class = False
        return tags


@njit(cache=True, fastmath=False, nogil=True)
def encode(rows: FloatArray, edges: FloatArray) -> CodeArray:
    """Code of each value: how many edges of its feature lie below it; one more where unknown.

    Parameters
    ----------
    rows
        (n, d), NaN where unknown.
    edges
        (d, levels - 1), rising.

    Returns
    -------
    (n, d), from 0 to ``levels``.
    """
    n, d = rows.shape
    count = edges.shape[1]
    codes = np.empty((n, d), dtype=np.uint16)
    for i in range(n):
        for f in range(d):
            value = rows[i, f]
            if np.isnan(value):
                codes[i, f] = count + 1
                continue
            low, high = 0, count
            while low < high:
                middle = (low + high) // 2
                if edges[f, middle] < value:
                    low = middle + 1
                else:
                    high = middle
            codes[i, f] = low
    return codes


@njit(cache=True, fastmath=False, nogil=True)
def look_up(codes: CodeArray, table: CodeArray) -> IntArray:
    """Distance of each row from each prototype, (n, p): a line of the table per feature, added up.

    Parameters
    ----------
    codes
        (n, d).
    table
        (d, lines, p).
    """
    n, d = codes.shape
    p = table.shape[2]
    distance = np.zeros((n, p), dtype=np.int64)
    for i in range(n):
        for f in range(d):
            line = table[f, codes[i, f]]
            for j in range(p):
                distance[i, j] += line[j]
    return distance


def _levels(column: FloatArray, weights: FloatArray, count: int) -> FloatArray:
    """Rising values that stand for those of a column with little squared error.

    Evenly spread at first, then moved to the mean of what they stand for; a level that stands for
    nothing stays.
    """
    is_known = ~np.isnan(column)
    known, weight = column[is_known], weights[is_known]
    if not known.size:
        return np.zeros(count)
    low, high = np.quantile(known, (_TAIL / count, 1.0 - _TAIL / count))
    step = (high - low) / count
    levels: FloatArray = low + step * (np.arange(count) + 0.5)
    for _ in range(_ROUNDS):
        edges = (levels[1:] + levels[:-1]) / 2
        at = np.searchsorted(edges, known, side="left")
        mass = np.bincount(at, weight, minlength=count)
        total = np.bincount(at, weight * known, minlength=count)
        moved = np.where(mass > 0, total / np.where(mass > 0, mass, 1.0), levels)
        levels = np.maximum.accumulate(moved)  # rounding must not let two of them cross
    return levels
