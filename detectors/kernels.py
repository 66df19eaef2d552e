"""Nearest-neighbour search, exact and compiled: arrays in, arrays out.

How it works:

1. The reference lies in the leaves of a kd-tree (see ``kdtree``), the queries in like groups.
2. ``search`` measures the gap between a group's box and every leaf's box, starts at the nearest
   leaf, and goes on by rising gap until no row of a leaf can come nearer than what is found. Where
   a probe shows that boxes spare little, ``use_boxes`` is off and groups of four queries share
   each pass over a leaf.
3. ``_settle`` measures the candidates again in double precision and orders them by distance,
   then position. It knows how far single precision can be off: where a row left out might still
   belong in, the row is searched again by a fixed radius. So the answer is that of double
   precision over all rows.

``nearest`` does the same in the plain way, row by row, and knows missing values.

Callers validate, kernels trust. Kernels that call each other stay in this one file: numba's cache
does not notice a change in another. Float rules are strict, since missing values are NaN and ties
count. All are ``nogil``: callers share the groups out over threads, and every group writes only its
own rows, so the number of threads changes nothing in the answer.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detectors.kdtree import Leaves

FloatArray = NDArray[np.float64]
SingleArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
PositionArray = NDArray[np.int32]

SLACK = 4  # candidates kept past k, so that single precision rarely leaves the order in doubt
_CHUNK = 8  # features between two looks whether a whole leaf is already too far
_TOGETHER = 4  # queries that share a pass over a leaf where boxes spare little
_LANES = 16  # distances looked at together


class Table(NamedTuple):
    """Rows in double precision and what belongs to them."""

    rows: FloatArray  # (n, features)
    weights: IntArray  # (n,), how often each occurs
    relevance: FloatArray  # (features,), weight of each squared difference
    absolute_error: float  # how far a single-precision distance may be off, and
    relative_error: float


@njit(cache=True, fastmath=False, nogil=True)
def search(
    queries: Leaves,
    leaves: Leaves,
    query_rows: FloatArray,
    table: Table,
    settings: tuple[bool, bool, int, int],
    neighbours: PositionArray,
    distance2: FloatArray,
    counts: PositionArray,
) -> int:
    """Find the nearest rows of the queries in some groups; return how many passes that took.

    Parameters
    ----------
    queries
        The query rows in groups of any size; the leaves themselves for a self-join.
    leaves
        The reference in leaves of ``LEAF``.
    query_rows
        (n, d), the queries in double precision.
    table
        The reference in double precision.
    settings
        ``is_join`` (queries are the reference, and each counts once less for itself),
        ``use_boxes``, first group, group past the last.
    neighbours, distance2, counts
        (n, k), filled as ``nearest`` describes.

    Returns
    -------
    Number of (query, leaf) pairs that were scanned.
    """
    is_join, use_boxes, first, end = settings
    size = queries.points.shape[2]
    wanted = neighbours.shape[1] + 1 + SLACK  # the row itself may be among them
    near2 = np.empty((size, wanted), dtype=np.float32)
    near = np.empty((size, wanted), dtype=np.int32)
    scanned = 0
    for group in range(first, end):
        filled = 0
        while filled < size and queries.order[group * size + filled] >= 0:
            filled += 1
        near2[:] = np.inf
        near[:] = -1
        if use_boxes:
            start = group if is_join else -1
            scanned += _scan_near(queries, group, filled, leaves, start, near2, near)
        else:
            start = group if is_join else 0
            scanned += _scan_all(queries, group, filled, leaves, start, near2, near)
        for slot in range(filled):
            i = queries.order[group * size + slot]
            own = i if is_join else -1
            answer = (neighbours[i], distance2[i], counts[i])
            found = 0
            while found < wanted and near2[slot, found] < np.inf:
                found += 1
            _settle(query_rows[i], own, leaves.order[near[slot, :found]], table, answer)
            if found < wanted:
                continue  # every row of the reference was a candidate
            farthest = _farthest(answer)
            last = np.sqrt(near2[slot, wanted - 1])
            if last * (1.0 - table.relative_error) - table.absolute_error <= farthest:
                query = queries.points[group, :, slot].copy()
                within = _within(query, farthest, leaves, table)
                _settle(query_rows[i], own, within, table, answer)
    return scanned


@njit(cache=True, fastmath=False, nogil=True)
def _scan_near(
    queries: Leaves,
    group: int,
    filled: int,
    leaves: Leaves,
    start: int,
    near2: SingleArray,
    near: PositionArray,
) -> int:
    """Fill the candidates of one group leaf by leaf, by rising gap between the boxes."""
    count, d, size = leaves.points.shape
    together = queries.points.shape[2]
    gap2 = np.zeros(count, dtype=np.float32)
    for f in range(d):
        low, high = queries.low[f, group], queries.high[f, group]
        _add_gap2(gap2, leaves.low[f], leaves.high[f], low, high)
    if start < 0:
        start = int(np.argmin(gap2))
    own_gap2 = np.empty(together, dtype=np.float32)
    away2 = np.empty(size, dtype=np.float32)
    query = np.empty(d, dtype=np.float32)
    reach2 = np.float32(np.inf)  # how far the least lucky query of the group must still look
    scanned = 0
    order = np.array([start])
    for turn in range(2):
        if turn == 1:
            gap2[start] = np.inf
            order = np.flatnonzero(gap2 < reach2)
            order = order[np.argsort(gap2[order], kind="mergesort")]
        for leaf in order:
            if turn == 1 and gap2[leaf] >= reach2:
                break
            own_gap2[:] = 0.0
            for f in range(d):
                low, high = leaves.low[f, leaf], leaves.high[f, leaf]
                points = queries.points[group, f]
                _add_gap2(own_gap2, points, points, low, high)
            reach2 = np.float32(0.0)
            for slot in range(filled):
                if own_gap2[slot] < near2[slot, -1]:
                    scanned += 1
                    for f in range(d):
                        query[f] = queries.points[group, f, slot]
                    if _scan_leaf(leaves.points[leaf], query, near2[slot, -1], away2):
                        _offer(away2, leaf * size, near2[slot], near[slot])
                reach2 = max(reach2, near2[slot, -1])
    return scanned


@njit(cache=True, fastmath=False, nogil=True)
def _add_gap2(
    gap2: SingleArray, low: SingleArray, high: SingleArray, from_low: float, from_high: float
) -> None:
    """Add, for one feature, the squared gap between many boxes and one."""
    for i in range(gap2.size):
        gap = max(low[i] - from_high, from_low - high[i], np.float32(0.0))
        gap2[i] += gap * gap


@njit(cache=True, fastmath=False, nogil=True)
def _scan_leaf(
    points: SingleArray, query: SingleArray, reach2: "np.floating[Any]", away2: SingleArray
) -> bool:
    """Squared distances of one query to a leaf's rows; False where all are out of reach."""
    d, size = points.shape
    away2[:] = 0.0
    for f in range(0, d - 3, 4):  # four features at a time: the sums are read and written less
        x0, x1, x2, x3 = query[f], query[f + 1], query[f + 2], query[f + 3]
        v0, v1, v2, v3 = points[f], points[f + 1], points[f + 2], points[f + 3]
        for j in range(size):
            g0, g1, g2, g3 = v0[j] - x0, v1[j] - x1, v2[j] - x2, v3[j] - x3
            away2[j] += (g0 * g0 + g1 * g1) + (g2 * g2 + g3 * g3)
        if f % _CHUNK == _CHUNK - 4:
            within = 0
            for j in range(size):
                within += away2[j] < reach2
            if within == 0:
                return False
    for f in range(d - d % 4, d):
        x0, v0 = query[f], points[f]
        for j in range(size):
            away2[j] += (v0[j] - x0) * (v0[j] - x0)
    return True


@njit(cache=True, fastmath=False, nogil=True)
def _offer(away2: SingleArray, at: int, near2: SingleArray, near: PositionArray) -> None:
    """Put what is nearer than the last candidate among the sorted candidates."""
    last = near2.size - 1
    for begin in range(0, away2.size, _LANES):
        within = 0
        for j in range(begin, begin + _LANES):
            within += away2[j] < near2[last]
        if within == 0:
            continue
        for j in range(begin, begin + _LANES):
            d2 = away2[j]
            if d2 < near2[last]:
                p = last
                while p > 0 and near2[p - 1] > d2:
                    near2[p] = near2[p - 1]
                    near[p] = near[p - 1]
                    p -= 1
                near2[p] = d2
                near[p] = at + j


@njit(cache=True, fastmath=False, nogil=True)
def _scan_all(
    queries: Leaves,
    group: int,
    filled: int,
    leaves: Leaves,
    start: int,
    near2: SingleArray,
    near: PositionArray,
) -> int:
    """Fill the candidates of one group from every leaf; a pass serves four queries."""
    count, d, size = leaves.points.shape
    away2 = np.empty((_TOGETHER, size), dtype=np.float32)
    a, b, c, e = away2[0], away2[1], away2[2], away2[3]
    x = np.empty((d, _TOGETHER), dtype=np.float32)
    for first in range(0, filled, _TOGETHER):
        several = min(_TOGETHER, filled - first)
        for q in range(_TOGETHER):
            slot = first + min(q, several - 1)
            for f in range(d):
                x[f, q] = queries.points[group, f, slot]
        for turn in range(count):
            leaf = (start + turn) % count  # leaves that follow each other lie near each other
            away2[:] = 0.0
            for f in range(0, d - 1, 2):
                v, w = leaves.points[leaf, f], leaves.points[leaf, f + 1]
                x0, x1, x2, x3 = x[f, 0], x[f, 1], x[f, 2], x[f, 3]
                y0, y1, y2, y3 = x[f + 1, 0], x[f + 1, 1], x[f + 1, 2], x[f + 1, 3]
                for j in range(size):
                    vj, wj = v[j], w[j]
                    a[j] += (vj - x0) * (vj - x0) + (wj - y0) * (wj - y0)
                    b[j] += (vj - x1) * (vj - x1) + (wj - y1) * (wj - y1)
                    c[j] += (vj - x2) * (vj - x2) + (wj - y2) * (wj - y2)
                    e[j] += (vj - x3) * (vj - x3) + (wj - y3) * (wj - y3)
            if d % 2:
                v = leaves.points[leaf, d - 1]
                x0, x1, x2, x3 = x[d - 1, 0], x[d - 1, 1], x[d - 1, 2], x[d - 1, 3]
                for j in range(size):
                    a[j] += (v[j] - x0) * (v[j] - x0)
                    b[j] += (v[j] - x1) * (v[j] - x1)
                    c[j] += (v[j] - x2) * (v[j] - x2)
                    e[j] += (v[j] - x3) * (v[j] - x3)
            for q in range(several):
                _offer(away2[q], leaf * size, near2[first + q], near[first + q])
    return int(count * filled)


@njit(cache=True, fastmath=False, nogil=True)
def _settle(
    row: FloatArray,
    own: int,
    candidates: PositionArray,
    table: Table,
    answer: tuple[PositionArray, FloatArray, PositionArray],
) -> None:
    """Choose the k nearest among the candidates in double precision, ties by position."""
    neighbours, distance2, counts = answer
    last = neighbours.size - 1
    neighbours[:] = -1
    distance2[:] = np.inf
    counts[:] = 0
    for j in candidates:
        if j == own and table.weights[j] <= 1:
            continue
        d2 = 0.0
        for f in range(row.size):
            gap = row[f] - table.rows[j, f]
            d2 += table.relevance[f] * gap * gap
        if d2 > distance2[last] or (d2 == distance2[last] and j > neighbours[last]):
            continue
        p = last
        while p > 0 and (
            distance2[p - 1] > d2 or (distance2[p - 1] == d2 and neighbours[p - 1] > j)
        ):
            distance2[p], neighbours[p] = distance2[p - 1], neighbours[p - 1]
            p -= 1
        distance2[p], neighbours[p] = d2, j
    _count(own, table.weights, neighbours, distance2, counts)


@njit(cache=True, fastmath=False, nogil=True)
def _farthest(answer: tuple[PositionArray, FloatArray, PositionArray]) -> float:
    """Distance of the last neighbour that counts."""
    _, distance2, counts = answer
    farthest2 = 0.0
    for p in range(counts.size):
        if counts[p] > 0:
            farthest2 = distance2[p]
    return float(np.sqrt(farthest2))


@njit(cache=True, fastmath=False, nogil=True)
def _count(
    own: int,
    weights: IntArray,
    neighbours: PositionArray,
    distance2: FloatArray,
    counts: PositionArray,
) -> None:
    """Let rows that occur several times count as several neighbours, k in all."""
    left = neighbours.size
    for p in range(neighbours.size):
        j = neighbours[p]
        if j < 0 or left == 0:
            neighbours[p] = -1
            distance2[p] = np.inf
            continue
        available = weights[j] - 1 if own == j else weights[j]
        counts[p] = min(available, left)
        left -= counts[p]


@njit(cache=True, fastmath=False, nogil=True)
def _within(query: SingleArray, farthest: float, leaves: Leaves, table: Table) -> PositionArray:
    """All rows that may be as near as the farthest neighbour found so far."""
    radius = (farthest + table.absolute_error) * (1.0 + table.relative_error)
    reach2 = np.float32(radius * radius * (1.0 + 1e-6))  # rounding must not lose the border
    count, d, size = leaves.points.shape
    gap2 = np.zeros(count, dtype=np.float32)
    for f in range(d):
        _add_gap2(gap2, leaves.low[f], leaves.high[f], query[f], query[f])
    away2 = np.empty(size, dtype=np.float32)
    found = np.empty(4 * size, dtype=np.int32)
    filled = 0
    beyond2 = reach2 * np.float32(1.0 + 1e-5)
    for leaf in np.flatnonzero(gap2 <= beyond2):
        if not _scan_leaf(leaves.points[leaf], query, beyond2, away2):
            continue
        if filled + size > found.size:
            grown = np.empty(2 * found.size, dtype=np.int32)
            grown[:filled] = found[:filled]
            found = grown
        for j in range(size):
            if away2[j] <= reach2:
                found[filled] = leaves.order[leaf * size + j]
                filled += 1
    return found[:filled]


@njit(cache=True, fastmath=False, nogil=True)
def partial_distance2(
    a: FloatArray, b: FloatArray, relevance: FloatArray, total: float, bound: float
) -> float:
    """Squared distance over the features both rows know, scaled up to all of them.

    ``relevance`` (d,) weighs the features, ``total`` is its sum. Infinite where no feature is
    known to both, or where the distance goes past ``bound``: scaling up only adds to it, so the
    loop may stop there. Source: Dixon, Pattern recognition with partly missing data (1979).
    """
    known = 0.0
    distance2 = 0.0
    for f in range(a.size):
        gap = a[f] - b[f]
        if not np.isnan(gap):
            known += relevance[f]
            distance2 += relevance[f] * gap * gap
            if distance2 > bound:
                return np.inf
    if known == 0.0:
        return np.inf
    return distance2 * (total / known)


@njit(cache=True, fastmath=False, nogil=True)
def nearest(
    rows: FloatArray,
    own: IntArray,
    table: Table,
    neighbours: PositionArray,
    distance2: FloatArray,
    counts: PositionArray,
) -> None:
    """Find the nearest reference rows of every row by trying all of them; values may be missing.

    Parameters
    ----------
    rows
        (n, d), NaN where unknown.
    own
        (n,), the position in the reference of the row itself, which then counts once less;
        -1 where the row is none of the reference.
    table
        The reference: distinct rows.
    neighbours
        (n, k), filled with positions, nearest first, ties by position; -1 past the last.
    distance2
        (n, k), filled with squared partial distances; infinite past the last.
    counts
        (n, k), filled with how many of the k neighbours each one stands for: a row's sum is k, or
        less where the reference is smaller.
    """
    k = neighbours.shape[1]
    neighbours[:] = -1
    distance2[:] = np.inf
    counts[:] = 0
    total = table.relevance.sum()
    for i in range(rows.shape[0]):
        found = 0
        for j in range(table.rows.shape[0]):
            if own[i] == j and table.weights[j] <= 1:
                continue
            bound = distance2[i, k - 1]  # infinite until k are found
            d2 = partial_distance2(rows[i], table.rows[j], table.relevance, total, bound)
            if d2 >= bound:
                continue
            p = found if found < k else k - 1
            while p > 0 and distance2[i, p - 1] > d2:
                distance2[i, p] = distance2[i, p - 1]
                neighbours[i, p] = neighbours[i, p - 1]
                p -= 1
            distance2[i, p] = d2
            neighbours[i, p] = j
            found = min(found + 1, k)
        _count(own[i], table.weights, neighbours[i], distance2[i], counts[i])
