"""An index of rows that answers which of them lie nearest: exact, weighted, growing."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors import distinct, kdtree, kernels
from detectors.kdtree import LEAF, Leaves
from detectors.kernels import Table

FloatArray = NDArray[np.float64]
SingleArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
PositionArray = NDArray[np.int32]
BoolArray = NDArray[np.bool_]

_NO_ROW = -1
_STEP = float(np.finfo(np.float32).eps) / 2  # how far rounding to single precision can be off
_LARGEST = 1e15  # single precision would overflow on the square of more
_PARALLEL_WORK = 2**21  # squared differences; below it starting threads costs more than it saves
_PARTS = 4  # for each thread: more would even out the load, yet each call costs something
_LOOSE_SHARE = 0.25  # of the rows added since the last ordering, above which it is made anew
_THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Neighbours(NamedTuple):
    """Nearest rows of n queries, nearest first, ties by position."""

    positions: PositionArray  # (n, k), -1 past the last
    distance2: FloatArray  # (n, k), infinite past the last
    counts: PositionArray  # (n, k), how many of the k neighbours each stands for; 0 past the last

    def shares(self) -> FloatArray:
        """Share (n, k) of each neighbour in a mean over the neighbours."""
        share: FloatArray = self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1)
        return share


class _Room(NamedTuple):
    """Where rows and weights stand, with space for more."""

    rows: FloatArray
    weights: IntArray


class NeighbourIndex:
    """Exact nearest neighbours under ``sum_f relevance_f (x_f - n_f)^2``.

    A missing value (NaN) leaves its feature out and scales the others up; tables with missing
    values are searched row by row, all others by leaves of a kd-tree (see ``kernels``).

    Parameters
    ----------
    rows
        (n, d), distinct rows, kept and not copied.
    weights
        (n,), how often each row occurs: a row that occurs twice is two neighbours. Default: once.
    relevance
        (d,), weight of each feature. Default: one.
    """

    def __init__(
        self,
        rows: FloatArray,
        weights: IntArray | None = None,
        relevance: FloatArray | None = None,
    ) -> None:
        """Order the rows, unless some value is missing."""
        self.rows = np.ascontiguousarray(rows, dtype=np.float64)
        n, d = self.rows.shape
        self.weights = np.ones(n, dtype=np.int64) if weights is None else weights.astype(np.int64)
        self.relevance = np.ones(d) if relevance is None else relevance.astype(np.float64)
        self._room = _Room(self.rows, self.weights)
        self._total = int(self.weights.sum())
        self._build()

    def __len__(self) -> int:
        """Return the number of distinct rows."""
        return len(self.rows)

    def query(self, rows: FloatArray, k: int) -> Neighbours:
        """Nearest ``k`` of the index for each of ``rows`` (m, d)."""
        rows = np.ascontiguousarray(rows, dtype=np.float64)
        found = room(len(rows), max(1, min(k, self._total)))
        if self._leaves is None:
            self._plain(rows, np.full(len(rows), _NO_ROW), found)
            return found
        single = self._single(rows)
        is_fast = np.abs(single) < _LARGEST  # NaN are not below
        if is_fast.all():
            self._fast(rows, single, np.arange(len(rows), dtype=np.int32), found)
            return found
        is_plain: BoolArray = np.logical_not(is_fast.all(axis=1))
        some = room(int(is_plain.sum()), found.positions.shape[1])
        self._plain(rows[is_plain], np.full(int(is_plain.sum()), _NO_ROW), some)
        put(found, is_plain, some)
        if not is_plain.all():
            kept = np.flatnonzero(~is_plain).astype(np.int32)
            self._fast(rows, single[kept], kept, found)
        return found

    def join(self, k: int) -> Neighbours:
        """Nearest ``k`` for each row of the index itself, which does not count as its own."""
        found = room(len(self.rows), max(1, min(k, self._total)))
        if self._leaves is None:
            self._plain(self.rows, np.arange(len(self.rows)), found)
        else:
            self._run(self._leaves, self.rows, found, is_join=True)
        return found

    def terms(self, rows: FloatArray, found: Neighbours) -> FloatArray:
        """What each feature of each neighbour adds to the squared distance, (m, k, d).

        Zero where unknown and past the last neighbour; the sum over features is ``distance2``.
        """
        gap2 = self.relevance * (rows[:, None, :] - self.rows[found.positions]) ** 2
        is_known = ~np.isnan(gap2)
        if not is_known.all():
            known = (is_known * self.relevance).sum(axis=2, keepdims=True)
            gap2 = np.where(is_known, gap2, 0.0)
            gap2 *= self.relevance.sum() / np.where(known > 0, known, 1.0)
        gap2[found.counts == 0] = 0.0
        return gap2

    def add(self, row: FloatArray, weight: int = 1) -> int:
        """Add one row, or weight to an equal one; return its position."""
        row = np.ascontiguousarray(row, dtype=np.float64)
        at = self._find(row)
        if at != _NO_ROW:
            self.weights[at] += weight
            self._total += weight
            return at
        position = len(self.rows)
        if position == len(self._room.rows):  # doubled, so that copying costs little in the end
            self._room = _Room(
                np.concatenate([self.rows, np.empty((position + 1, row.size))]),
                np.concatenate([self.weights, np.empty(position + 1, dtype=np.int64)]),
            )
        self._total += weight
        self._room.rows[position], self._room.weights[position] = row, weight
        self.rows = self._room.rows[: position + 1]
        self.weights = self._room.weights[: position + 1]
        loose = position + 1 - self._ordered
        if self._leaves is None or loose > max(LEAF, _LOOSE_SHARE * self._ordered):
            self._build()
        else:
            self._append(position)
        return position

    def _find(self, row: FloatArray) -> int:
        """Position of an equal row."""
        if self._leaves is None:  # with missing values, unlike rows may lie at distance 0
            is_equal = (self.rows == row) | (np.isnan(self.rows) & np.isnan(row))
            return int(np.append(np.flatnonzero(is_equal.all(axis=1)), _NO_ROW)[0])
        nearest = int(self.query(row[None], 1).positions[0, 0])
        return nearest if np.array_equal(self.rows[nearest], row) else _NO_ROW

    def _build(self) -> None:
        n = len(self.rows)
        self._ordered = n
        self._leaves: Leaves | None = None
        if not n or not (np.abs(self.rows) < _LARGEST).all():  # NaN are not below either
            return
        centre, scale = self.rows.mean(axis=0), np.sqrt(self.relevance)
        spread = self.rows.var(axis=0) * self.relevance
        self._features = np.argsort(-spread, kind="stable")  # wide ones first end a scan sooner
        self._centre, self._scale = centre[self._features], scale[self._features]
        lost = np.abs(centre) * scale * np.finfo(np.float64).eps
        self._lost = 4 * float(np.sqrt((lost**2).sum()))
        single = self._single(self.rows)
        self._leaves = kdtree.lay_out(single, kdtree.partition(single, LEAF), LEAF)
        self._radius = _radius(self._leaves)

    def _append(self, position: int) -> None:
        """Put a new row into the last leaf, or a new one; boxes keep the search exact."""
        assert self._leaves is not None  # noqa: S101 - the caller has looked
        points, low, high, order = self._leaves
        single = self._single(self.rows[position:])
        if not (np.abs(single) < _LARGEST).all():
            self._build()
            return
        if position == order.size:
            new = np.full((1, *points.shape[1:]), np.inf, dtype=np.float32)
            edge = np.full((low.shape[0], 1), np.inf, dtype=np.float32)
            points = np.concatenate([points, new])
            low, high = np.hstack([low, edge]), np.hstack([high, -edge])
            order = np.append(order, np.full(LEAF, _NO_ROW, dtype=np.int32))
        kdtree.place(points, low, high, position, single[0])
        order[position] = position
        self._radius = max(self._radius, float(np.sqrt((single.astype(np.float64) ** 2).sum())))
        self._leaves = Leaves(points, low, high, order)

    def _single(self, rows: FloatArray) -> SingleArray:
        """Rows as the leaves hold them: centred, weighed, widest feature first."""
        with np.errstate(over="ignore"):
            scaled = (rows[:, self._features] - self._centre) * self._scale
            return np.ascontiguousarray(scaled, dtype=np.float32)

    def _table(self, radius: float) -> Table:
        """The reference, with bounds on how far single precision may be off (see ``kernels``)."""
        absolute = 2 * _STEP * (radius + self._radius) + self._lost
        relative = (self.rows.shape[1] + 4) * _STEP
        return Table(self.rows, self._weights(), self.relevance, absolute, relative)

    def _weights(self) -> IntArray:
        """Weights for the kernels: none where each row occurs once, which saves reading them."""
        return self.weights[:0] if self._total == len(self.rows) else self.weights

    def _fast(
        self, rows: FloatArray, single: SingleArray, kept: PositionArray, found: Neighbours
    ) -> None:
        """Search for the rows ``kept``; ``single`` holds only those."""
        if len(kept) == 1:  # a row alone needs no tree
            edge = single.reshape(-1, 1)
            self._run(Leaves(single.reshape(1, -1, 1), edge, edge, kept), rows, found)
            return
        size = min(LEAF, 1 << max(0, int(len(kept) - 1).bit_length()))
        groups = kdtree.lay_out(single, kdtree.partition(single, size), size)
        order = groups.order
        order[order >= 0] = kept[order[order >= 0]]
        self._run(groups, rows, found)

    def _run(
        self, queries: Leaves, rows: FloatArray, found: Neighbours, *, is_join: bool = False
    ) -> None:
        assert self._leaves is not None  # noqa: S101
        leaves = self._leaves
        table = self._table(_radius(queries))

        def run(first: int, end: int) -> None:
            part = (is_join, first, end)
            kernels.search(queries, leaves, rows, table, part, *found)

        _share_out(run, len(queries.points), len(rows) * self.rows.size)

    def _plain(self, rows: FloatArray, own: IntArray, found: Neighbours) -> None:
        table = Table(self.rows, self._weights(), self.relevance, 0.0, 0.0)

        def run(first: int, end: int) -> None:
            part = slice(first, end)
            answer = (found.positions[part], found.distance2[part], found.counts[part])
            kernels.nearest(rows[part], own[part], table, *answer)

        _share_out(run, len(rows), len(rows) * self.rows.size)


def put(whole: Neighbours, chosen: BoolArray, part: Neighbours) -> None:
    """Write the answers of the chosen queries into those of all."""
    whole.positions[chosen] = part.positions
    whole.distance2[chosen] = part.distance2
    whole.counts[chosen] = part.counts


def room(n: int, k: int) -> Neighbours:
    """Unfilled answers for n queries."""
    return Neighbours(
        np.empty((n, k), dtype=np.int32), np.empty((n, k)), np.empty((n, k), dtype=np.int32)
    )


def _radius(leaves: Leaves) -> float:
    """No row lies farther from the centre than this."""
    farthest = np.maximum(-leaves.low, leaves.high).max(axis=1).astype(np.float64)
    return float(np.sqrt((farthest**2).sum()))


def _share_out(run: Callable[[int, int], None], count: int, work: int) -> None:
    """Call ``run(first, end)`` over all of ``count``, by several threads where it pays."""
    if _THREADS == 1 or work < _PARALLEL_WORK or count < 2:
        run(0, count)
        return
    step = max(1, count // (_PARTS * _THREADS))
    starts = range(0, count, step)
    with ThreadPoolExecutor(_THREADS) as pool:
        for done in [pool.submit(run, a, min(a + step, count)) for a in starts]:
            done.result()


def collapse(rows: FloatArray) -> tuple[FloatArray, IntArray, IntArray, IntArray]:
    """Distinct rows in the order they first occur, where that is, which each row is, how often."""
    values = np.ascontiguousarray(rows, dtype=np.float64) + 0.0  # -0.0 is 0.0
    values[np.isnan(values)] = np.nan  # of the many bit patterns that are none, one
    first, which, count = distinct.number(values.view(np.uint64))
    return np.ascontiguousarray(rows[first]), first, which, count
