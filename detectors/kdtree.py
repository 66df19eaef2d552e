"""The leaves of a balanced kd-tree: rows that lie together, stored together (Bentley 1975).

``partition`` halves the rows at the median of the widest feature until ``LEAF`` are left. Only the
leaves are kept, each with its bounding box: a scan over all boxes costs less than walking a tree.
``lay_out`` stores a leaf feature by feature in single precision, so that one pass over it computes
``LEAF`` distances with vector instructions.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

SingleArray = NDArray[np.float32]
PositionArray = NDArray[np.int32]

LEAF = 128  # rows; 8 KB of 16 features, which the first-level cache holds


class Leaves(NamedTuple):
    """Rows in groups, as ``lay_out`` makes them."""

    points: SingleArray  # (leaves, features, LEAF); infinite past the last row of a leaf
    low: SingleArray  # (features, leaves), bounding boxes
    high: SingleArray
    order: PositionArray  # (leaves * LEAF,), which row stands where; -1 past the last


@njit(cache=True, fastmath=False, nogil=True)
def partition(rows: SingleArray, size: int) -> PositionArray:
    """Order of the rows (n, d) in which each ``size`` neighbours in it form one leaf."""
    n, d = rows.shape
    order = np.arange(n).astype(np.int32)
    keys = np.empty(n, dtype=np.float32)
    low, high = np.empty(d, dtype=np.float32), np.empty(d, dtype=np.float32)
    stack = [(0, (n + size - 1) // size)]
    while len(stack) > 0:
        first, end = stack.pop()
        if end - first <= 1:
            continue
        middle = first + (end - first) // 2
        start, stop = first * size, min(end * size, n)
        low[:], high[:] = rows[order[start]], rows[order[start]]
        for i in range(start, stop):
            row = rows[order[i]]
            for f in range(d):
                low[f] = min(low[f], row[f])
                high[f] = max(high[f], row[f])
        widest = np.argmax(high - low)
        for i in range(start, stop):
            keys[i] = rows[order[i], widest]
        _select(keys, order, start, stop - 1, middle * size)
        stack.append((first, middle))
        stack.append((middle, end))
    return order


@njit(cache=True, fastmath=False, nogil=True)
def _select(keys: SingleArray, order: PositionArray, left: int, right: int, middle: int) -> None:
    """Reorder so that keys before ``middle`` are not above those from it on (Hoare 1961)."""
    while left < right:
        pivot = keys[(left + right) // 2]
        i, j = left, right
        while i <= j:
            while keys[i] < pivot:
                i += 1
            while keys[j] > pivot:
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if middle <= j:
            right = j
        elif middle >= i:
            left = i
        else:
            return


@njit(cache=True, fastmath=False, nogil=True)
def aligned(shape: tuple[int, ...]) -> SingleArray:
    """Room that begins with a cache line: vector loads that cross lines take twice as long."""
    size = 1
    for length in shape:
        size *= length
    room = np.empty(size + 16, dtype=np.float32)
    skipped = (-room.ctypes.data // 4) % 16
    return room[skipped : skipped + size].reshape(shape)


@njit(cache=True, fastmath=False, nogil=True)
def lay_out(rows: SingleArray, order: PositionArray, size: int) -> Leaves:
    """Store rows (n, d) leaf by leaf and feature by feature, with the leaves' boxes."""
    n, d = rows.shape
    leaves = (n + size - 1) // size
    points = aligned((leaves, d, size))
    low = np.empty((d, leaves), dtype=np.float32)
    high = np.empty((d, leaves), dtype=np.float32)
    padded = np.full(leaves * size, -1, dtype=np.int32)
    padded[:n] = order
    for leaf in range(leaves):
        first = leaf * size
        filled = min(size, n - first)
        for f in range(d):
            least, most = np.float32(np.inf), np.float32(-np.inf)
            for slot in range(filled):
                value = rows[order[first + slot], f]
                points[leaf, f, slot] = value
                least, most = min(least, value), max(most, value)
            for slot in range(filled, size):
                points[leaf, f, slot] = np.inf
            low[f, leaf], high[f, leaf] = least, most
    return Leaves(points, low, high, padded)


@njit(cache=True, fastmath=False, nogil=True)
def place(
    points: SingleArray, low: SingleArray, high: SingleArray, at: int, row: SingleArray
) -> None:
    """Put a row into place ``at`` of the leaves and widen its leaf's box."""
    leaf, slot = at // points.shape[2], at % points.shape[2]
    for f in range(row.size):
        points[leaf, f, slot] = row[f]
        low[f, leaf] = min(low[f, leaf], row[f])
        high[f, leaf] = max(high[f, leaf], row[f])
