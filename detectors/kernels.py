"""Nearest-neighbour search, exact and compiled: arrays in, arrays out.

How it works:

1. The reference lies in the leaves of a kd-tree (see ``kdtree``), the queries in like groups.
2. ``search`` measures the gap between a group's box and every leaf's box, starts at the nearest
   leaf, and goes on by rising gap until no row of a leaf can come nearer than what is found.
   Queries that need a leaf are measured together, four in one pass; where boxes spare nothing that
   is brute force in blocks, at the cost of some comparisons per leaf and group. What is found is
   kept as one whole number, distance above place, which is put in its order without a branch.
3. ``_settle`` measures the candidates again in double precision and orders them by distance,
   then position. It knows how far single precision can be off: where a row left out might still
   belong in, ``_within`` searches again by a fixed radius. So the answer is that of double
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

from detectors.kdtree import LEAF, Leaves, aligned

FloatArray = NDArray[np.float64]
SingleArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
PositionArray = NDArray[np.int32]
Whole = int | np.signedinteger[Any]

SLACK = 4  # candidates kept past k, so that single precision rarely leaves the order in doubt
_TOGETHER = 4  # queries that share a pass over a leaf
_BLOCK = 16  # queries measured at once: their distances to a leaf stay in the first-level cache
_SPARE = 8  # candidates more than wanted that are sorted rather than told apart
_NONE = 0x7F80_0000 << 32  # no candidate: an infinite distance
_PLACE = 0xFFFF_FFFF  # the lower half of a candidate


class Table(NamedTuple):
    """Rows in double precision and what belongs to them."""

    rows: FloatArray  # (n, features)
    weights: IntArray  # (n,), how often each occurs; empty where each occurs once
    relevance: FloatArray  # (features,), weight of each squared difference
    absolute_error: float  # how far a single-precision distance may be off, and
    relative_error: float


@njit(cache=True, fastmath=False, nogil=True)
def search(
    queries: Leaves,
    leaves: Leaves,
    query_rows: FloatArray,
    table: Table,
    settings: tuple[bool, int, int],
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
        ``is_join`` (queries are the reference, and each counts once less for itself), first
        group, group past the last.
    neighbours, distance2, counts
        (n, k), filled as ``nearest`` describes.

    Returns
    -------
    Number of (query, leaf) pairs that were scanned.
    """
    is_join, first, end = settings
    answers = (neighbours, distance2, counts)
    size = queries.points.shape[2]
    wanted = neighbours.shape[1] + 1 + SLACK  # the row itself may be among them
    near = np.empty((size, wanted), dtype=np.int64)
    candidates = np.empty(wanted, dtype=np.int32)
    doubtful = np.empty(size, dtype=np.int64)
    reach2 = np.empty(size, dtype=np.float32)
    scanned = 0
    for group in range(first, end):
        filled = 0
        while filled < size and queries.order[group * size + filled] >= 0:
            filled += 1
        start = group if is_join else -1
        scanned += _scan(queries, group, filled, leaves, start, near)
        doubts = 0
        for slot in range(filled):
            i = queries.order[group * size + slot]
            found = 0
            while found < wanted and near[slot, wanted - 1 - found] < _NONE:
                candidates[found] = leaves.order[near[slot, wanted - 1 - found] & _PLACE]
                found += 1
            own = i if is_join else -1
            farthest = _settle(query_rows, i, own, candidates[:found], table, answers)
            if found == wanted:  # else every row of the reference was a candidate
                last = np.sqrt(_distance2(near[slot, 0]))
                if last * (1.0 - table.relative_error) - table.absolute_error <= farthest:
                    radius = (farthest + table.absolute_error) * (1.0 + table.relative_error)
                    doubtful[doubts] = slot
                    reach2[slot] = radius * radius * (1.0 + 1e-5)  # rounding must not lose any
                    doubts += 1
        if doubts > 0:
            within = _within(queries, group, doubtful[:doubts], reach2, leaves)
            begin = 0
            while begin < within.size:
                slot = within[begin] >> 32
                stop = begin
                while stop < within.size and within[stop] >> 32 == slot:
                    stop += 1
                i = queries.order[group * size + slot]
                own = i if is_join else -1
                places = within[begin:stop] & _PLACE
                _settle(query_rows, i, own, leaves.order[places], table, answers)
                begin = stop
    return scanned


@njit(cache=True, fastmath=False, nogil=True)
def _scan(
    queries: Leaves,
    group: int,
    filled: int,
    leaves: Leaves,
    start: int,
    near: IntArray,
) -> int:
    """Fill the candidates of one group leaf by leaf, by rising gap between the boxes.

    A candidate is one number: the bits of its squared distance, which order as distances do, above
    its place in the leaves. A query's candidates stand farthest first.
    """
    gap2 = np.zeros(leaves.points.shape[0], dtype=np.float32)
    _group_gap2(queries, group, leaves, gap2)
    if start < 0:
        start = int(np.argmin(gap2))
    own_gap2 = np.zeros(queries.points.shape[2], dtype=np.float32)
    chosen = np.empty(filled + 1, dtype=np.int64)
    away2 = aligned((_BLOCK, LEAF))
    bits = away2.view(np.int32)
    held = np.empty(LEAF + 1, dtype=np.int64)
    near[:] = _NONE
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
            _own_gap2(queries, group, leaves, leaf, own_gap2)
            count = 0
            for slot in range(filled):
                chosen[count] = slot
                count += own_gap2[slot] < _distance2(near[slot, 0])
            for first in range(0, count, _BLOCK):
                slots = chosen[first : min(first + _BLOCK, count)]
                _measure(leaves.points, leaf, queries.points, group, slots, away2)
                _offer(bits, leaf, slots, near, held)
            worst = np.int64(0)
            for slot in range(filled):
                worst = max(worst, near[slot, 0])
            reach2 = _distance2(worst)
            scanned += count
    return scanned


@njit(cache=True, fastmath=False, nogil=True)
def _group_gap2(queries: Leaves, group: int, leaves: Leaves, gap2: SingleArray) -> None:
    """Squared gaps between the box of a group and the boxes of all leaves, added to ``gap2``."""
    low, high = leaves.low, leaves.high
    for f in range(low.shape[0]):
        from_low, from_high = queries.low[f, group], queries.high[f, group]
        for leaf in range(gap2.size):
            gap = max(low[f, leaf] - from_high, from_low - high[f, leaf], np.float32(0.0))
            gap2[leaf] += gap * gap


@njit(cache=True, fastmath=False, nogil=True)
def _own_gap2(
    queries: Leaves, group: int, leaves: Leaves, leaf: Whole, own_gap2: SingleArray
) -> None:
    """Squared gaps between the queries of a group and the box of a leaf."""
    points = queries.points
    own_gap2[:] = 0.0
    for f in range(points.shape[1]):
        low, high = leaves.low[f, leaf], leaves.high[f, leaf]
        for slot in range(own_gap2.size):
            point = points[group, f, slot]
            gap = max(low - point, point - high, np.float32(0.0))
            own_gap2[slot] += gap * gap


@njit(cache=True, fastmath=False, nogil=True)
def _distance2(candidate: Whole) -> "np.floating[Any]":
    """Squared distance of a candidate."""
    return np.int32(candidate >> 32).view(np.float32)


@njit(cache=True, fastmath={"contract"}, nogil=True)
def _measure(
    points: SingleArray,
    leaf: Whole,
    queries: SingleArray,
    group: int,
    slots: IntArray,
    away2: SingleArray,
) -> None:
    """Squared distances of a few queries to a leaf's rows, a row of ``away2`` for each.

    Four queries share a pass over four features. A product may be added without being rounded
    first: this is the search in single precision, whose errors are bounded and settled later.
    """
    d = points.shape[1]
    last = slots.size - 1
    for a in range(0, slots.size, _TOGETHER):
        s0, s1 = slots[a], slots[min(a + 1, last)]
        s2, s3 = slots[min(a + 2, last)], slots[min(a + 3, last)]
        for j in range(LEAF):
            away2[a, j] = 0.0
            away2[a + 1, j] = 0.0
            away2[a + 2, j] = 0.0
            away2[a + 3, j] = 0.0
        for f in range(0, d - 3, 4):
            w0, w1 = queries[group, f, s0], queries[group, f + 1, s0]
            w2, w3 = queries[group, f + 2, s0], queries[group, f + 3, s0]
            x0, x1 = queries[group, f, s1], queries[group, f + 1, s1]
            x2, x3 = queries[group, f + 2, s1], queries[group, f + 3, s1]
            y0, y1 = queries[group, f, s2], queries[group, f + 1, s2]
            y2, y3 = queries[group, f + 2, s2], queries[group, f + 3, s2]
            z0, z1 = queries[group, f, s3], queries[group, f + 1, s3]
            z2, z3 = queries[group, f + 2, s3], queries[group, f + 3, s3]
            for j in range(LEAF):
                p0, p1 = points[leaf, f, j], points[leaf, f + 1, j]
                p2, p3 = points[leaf, f + 2, j], points[leaf, f + 3, j]
                away2[a, j] += ((p0 - w0) * (p0 - w0) + (p1 - w1) * (p1 - w1)) + (
                    (p2 - w2) * (p2 - w2) + (p3 - w3) * (p3 - w3)
                )
                away2[a + 1, j] += ((p0 - x0) * (p0 - x0) + (p1 - x1) * (p1 - x1)) + (
                    (p2 - x2) * (p2 - x2) + (p3 - x3) * (p3 - x3)
                )
                away2[a + 2, j] += ((p0 - y0) * (p0 - y0) + (p1 - y1) * (p1 - y1)) + (
                    (p2 - y2) * (p2 - y2) + (p3 - y3) * (p3 - y3)
                )
                away2[a + 3, j] += ((p0 - z0) * (p0 - z0) + (p1 - z1) * (p1 - z1)) + (
                    (p2 - z2) * (p2 - z2) + (p3 - z3) * (p3 - z3)
                )
        for f in range(d - d % 4, d):
            w0, x0 = queries[group, f, s0], queries[group, f, s1]
            y0, z0 = queries[group, f, s2], queries[group, f, s3]
            for j in range(LEAF):
                p0 = points[leaf, f, j]
                away2[a, j] += (p0 - w0) * (p0 - w0)
                away2[a + 1, j] += (p0 - x0) * (p0 - x0)
                away2[a + 2, j] += (p0 - y0) * (p0 - y0)
                away2[a + 3, j] += (p0 - z0) * (p0 - z0)


@njit(cache=True, fastmath=False, nogil=True)
def _offer(bits: PositionArray, leaf: int, slots: IntArray, near: IntArray, held: IntArray) -> None:
    """Put what is nearer than a query's last candidate among its candidates."""
    wanted = near.shape[1]
    last = wanted - 1
    at = np.int64(leaf) * LEAF
    for q in range(slots.size):
        slot = slots[q]
        is_first = near[slot, last] == _NONE
        reach = _cut(bits, q, wanted) if is_first else np.int32(near[slot, 0] >> 32)
        least = reach
        for j in range(LEAF):
            least = min(least, bits[q, j])
        if least >= reach:
            continue
        count = 0
        for j in range(LEAF):  # without a branch, since nobody could foresee it
            held[count] = np.int64(bits[q, j]) << 32 | (at + j)
            count += bits[q, j] < reach
        if is_first:
            for n in range(count):
                rank = 0
                for m in range(count):
                    rank += held[m] < held[n]
                if rank < wanted:
                    near[slot, last - rank] = held[n]
            continue
        for n in range(count):
            candidate = held[n]
            if candidate < near[slot, 0]:
                for p in range(last):
                    near[slot, p] = max(min(near[slot, p], candidate), near[slot, p + 1])
                near[slot, last] = min(near[slot, last], candidate)


@njit(cache=True, fastmath=False, nogil=True)
def _cut(bits: PositionArray, q: int, wanted: int) -> "np.signedinteger[Any]":
    """A bound below which the ``wanted`` nearest of a leaf lie, and few more."""
    low, high = bits[q, 0], bits[q, 0]
    for j in range(LEAF):
        low = min(low, bits[q, j])
        high = max(high, bits[q, j])
    high = min(high + 1, 0x7F80_0000)
    while high - low > 1:
        middle = low + (high - low) // 2
        below = 0
        for j in range(LEAF):
            below += bits[q, j] < middle
        if below < wanted:
            low = middle
        else:
            high = middle
            if below <= wanted + _SPARE:
                break
    return np.int32(high)


@njit(cache=True, fastmath=False, nogil=True)
def _within(
    queries: Leaves, group: int, slots: IntArray, reach2: SingleArray, leaves: Leaves
) -> IntArray:
    """All rows within reach of some queries: slot above place in the leaves, in order."""
    gap2 = np.zeros(leaves.points.shape[0], dtype=np.float32)
    _group_gap2(queries, group, leaves, gap2)
    own_gap2 = np.zeros(queries.points.shape[2], dtype=np.float32)
    away2 = aligned((_BLOCK, LEAF))
    chosen = np.empty(slots.size, dtype=np.int64)
    found = np.empty(4 * _BLOCK * LEAF, dtype=np.int64)
    filled = 0
    for leaf in np.flatnonzero(gap2 <= reach2[slots].max()):
        _own_gap2(queries, group, leaves, leaf, own_gap2)
        count = 0
        for slot in slots:
            if own_gap2[slot] <= reach2[slot]:
                chosen[count] = slot
                count += 1
        for first in range(0, count, _BLOCK):
            some = chosen[first : min(first + _BLOCK, count)]
            _measure(leaves.points, leaf, queries.points, group, some, away2)
            if filled + _BLOCK * LEAF > found.size:
                grown = np.empty(2 * found.size, dtype=np.int64)
                grown[:filled] = found[:filled]
                found = grown
            for q in range(some.size):
                at = some[q] << 32 | np.int64(leaf) * LEAF
                for j in range(LEAF):
                    found[filled] = at + j
                    filled += away2[q, j] <= reach2[some[q]]
    return np.sort(found[:filled])


@njit(cache=True, fastmath=False, nogil=True)
def _settle(
    query_rows: FloatArray,
    i: int,
    own: int,
    candidates: PositionArray,
    table: Table,
    answers: tuple[PositionArray, FloatArray, PositionArray],
) -> float:
    """Choose the k nearest among the candidates in double precision, ties by position.

    Returns the distance of the last neighbour that counts.
    """
    neighbours, distance2, _ = answers
    k = neighbours.shape[1]
    filled = 0
    for j in candidates:
        if j == own and (table.weights.size == 0 or table.weights[j] <= 1):
            continue
        d2 = 0.0
        for f in range(query_rows.shape[1]):
            gap = query_rows[i, f] - table.rows[j, f]
            d2 += table.relevance[f] * gap * gap
        p = filled
        if filled == k:
            p = k - 1
            if d2 > distance2[i, p] or (d2 == distance2[i, p] and j > neighbours[i, p]):
                continue
        else:
            filled += 1
        while p > 0 and (
            distance2[i, p - 1] > d2 or (distance2[i, p - 1] == d2 and neighbours[i, p - 1] > j)
        ):
            distance2[i, p], neighbours[i, p] = distance2[i, p - 1], neighbours[i, p - 1]
            p -= 1
        distance2[i, p], neighbours[i, p] = d2, j
    return _count(i, own, filled, table.weights, answers)


@njit(cache=True, fastmath=False, nogil=True)
def _count(
    i: int,
    own: int,
    filled: int,
    weights: IntArray,
    answers: tuple[PositionArray, FloatArray, PositionArray],
) -> float:
    """Let rows that occur several times count as several neighbours, k in all.

    Returns the distance of the last neighbour that counts.
    """
    neighbours, distance2, counts = answers
    k = neighbours.shape[1]
    left, farthest2 = k, 0.0
    for p in range(k):
        if p >= filled or left == 0:
            neighbours[i, p], distance2[i, p], counts[i, p] = -1, np.inf, 0
            continue
        count = 1
        if weights.size > 0:
            j = neighbours[i, p]
            count = min(weights[j] - 1 if own == j else weights[j], left)
        counts[i, p] = count
        farthest2 = distance2[i, p]
        left -= count
    return float(np.sqrt(farthest2))


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
    distance2[:] = np.inf
    answers = (neighbours, distance2, counts)
    total = table.relevance.sum()
    for i in range(rows.shape[0]):
        found = 0
        for j in range(table.rows.shape[0]):
            if own[i] == j and (table.weights.size == 0 or table.weights[j] <= 1):
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
        _count(i, own[i], found, table.weights, answers)
