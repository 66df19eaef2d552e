"""Compiled loops: arrays in, arrays out. Callers validate, kernels trust.

Kernels that call each other stay in this one file: numba's cache does not notice a change in
another. Float rules are strict (``fastmath=False``), since missing values are NaN and ties count.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@njit(cache=True, fastmath=False, nogil=True)
def partial_distance2(
    a: FloatArray, b: FloatArray, relevance: FloatArray, total: float, bound: float
) -> float:
    """Squared distance over the features both rows know, scaled up to all of them.

    ``relevance`` (d,) weighs the features, ``total`` is its sum. Infinite where no feature is
    known to both, or where the distance reaches ``bound``: scaling up only adds to it, so the
    loop may stop there. Source: Dixon, Pattern recognition with partly missing data (1979).
    """
    known = 0.0
    distance2 = 0.0
    for f in range(a.size):
        gap = a[f] - b[f]
        if not np.isnan(gap):
            known += relevance[f]
            distance2 += relevance[f] * gap * gap
            if distance2 >= bound:
                return np.inf
    if known == 0.0:
        return np.inf
    return distance2 * (total / known)


@njit(cache=True, fastmath=False, nogil=True)
def nearest(
    rows: FloatArray,
    own: IntArray,
    reference: FloatArray,
    weights: IntArray,
    relevance: FloatArray,
    k: int,
) -> tuple[IntArray, FloatArray, IntArray]:
    """Find the ``k`` nearest reference rows of every row by trying all of them.

    Parameters
    ----------
    rows
        (n, d), NaN where unknown.
    own
        (n,), the position in ``reference`` of the row itself, which then counts once less;
        -1 where the row is none of the reference.
    reference
        (m, d), distinct rows.
    weights
        (m,), how often each reference row occurs; a row that occurs twice is two neighbours.
    relevance
        (d,), weight of each feature.
    k
        Neighbours wanted, at least 1.

    Returns
    -------
    neighbours
        (n, k), positions in ``reference``, nearest first, ties by position; -1 past the last.
    distance2
        (n, k), squared partial distances; infinite past the last.
    counts
        (n, k), how many of the k neighbours each one stands for: a row's sum is k, or less where
        the reference is smaller.
    """
    n = rows.shape[0]
    neighbours = np.full((n, k), -1, dtype=np.int64)
    distance2 = np.full((n, k), np.inf)
    counts = np.zeros((n, k), dtype=np.int64)
    total = relevance.sum()
    for i in range(n):
        found = 0
        for j in range(reference.shape[0]):
            if own[i] == j and weights[j] <= 1:
                continue
            bound = distance2[i, k - 1]  # infinite until k are found
            d2 = partial_distance2(rows[i], reference[j], relevance, total, bound)
            if d2 >= bound:
                continue
            place = found if found < k else k - 1
            while place > 0 and distance2[i, place - 1] > d2:
                distance2[i, place] = distance2[i, place - 1]
                neighbours[i, place] = neighbours[i, place - 1]
                place -= 1
            distance2[i, place] = d2
            neighbours[i, place] = j
            found = min(found + 1, k)
        left = k
        for place in range(found):
            j = neighbours[i, place]
            available = weights[j] - 1 if own[i] == j else weights[j]
            counts[i, place] = min(available, left)
            left -= counts[i, place]
        for place in range(found):
            if counts[i, place] == 0:
                neighbours[i, place] = -1
                distance2[i, place] = np.inf
    return neighbours, distance2, counts
