"""Graph measures over neighbour lists in one array (CSR), compiled: arrays in, arrays out.

``starts`` (n + 1,) and ``ends`` (m,) are such lists: the neighbours of node ``i`` are
``ends[starts[i]:starts[i + 1]]``, rising. Callers validate, kernels trust.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@njit(cache=True, fastmath=False)
def core_numbers(starts: IntArray, ends: IntArray) -> IntArray:
    """Core number of every node of an undirected graph; both directions are listed.

    Nodes leave in the order of their degree among those left (Batagelj and Zaversnik 2003).
    """
    n = len(starts) - 1
    core = starts[1:] - starts[:-1]
    most = core.max() if n else 0
    bucket = np.zeros(most + 2, dtype=np.int64)  # where the nodes of a degree begin in order
    for node in range(n):
        bucket[core[node] + 1] += 1
    bucket = np.cumsum(bucket)
    place, order, fill = np.empty_like(core), np.empty_like(core), bucket.copy()
    for node in range(n):
        place[node] = fill[core[node]]
        order[place[node]] = node
        fill[core[node]] += 1
    for turn in range(n):
        node = order[turn]
        for other in ends[starts[node] : starts[node + 1]]:
            if core[other] > core[node]:
                # The other goes to the front of its bucket, and the bucket moves on behind it.
                front = bucket[core[other]]
                first = order[front]
                order[front], order[place[other]] = other, first
                place[first], place[other] = place[other], front
                bucket[core[other]] += 1
                core[other] -= 1
    return core


@njit(cache=True, fastmath=False)
def hops_from(starts: IntArray, ends: IntArray, sources: IntArray) -> IntArray:
    """Fewest edges from any of the sources to every node; -1 where none leads there."""
    hops = np.full(len(starts) - 1, -1, dtype=np.int64)
    queue = np.empty_like(hops)
    count = 0
    for source in sources:
        if hops[source] < 0:
            hops[source], queue[count] = 0, source
            count += 1
    turn = 0
    while turn < count:
        node = queue[turn]
        turn += 1
        for other in ends[starts[node] : starts[node + 1]]:
            if hops[other] < 0:
                hops[other], queue[count] = hops[node] + 1, other
                count += 1
    return hops


@njit(cache=True, fastmath=False)
def path_shares(
    starts: IntArray,
    ends: IntArray,
    back_starts: IntArray,
    back_ends: IntArray,
    sources: IntArray,
) -> FloatArray:
    """Share of the shortest paths from the sources that pass through every node, summed.

    ``back_starts`` and ``back_ends`` list who leads to a node. After Brandes (2001), in the order
    in which networkx adds, so that sums are the same to the last bit.
    """
    n = len(starts) - 1
    total = np.zeros(n)
    paths, share = np.empty(n), np.empty(n)
    distance, queue = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    for source in sources:
        paths[:], share[:], distance[:] = 0.0, 0.0, -1
        paths[source], distance[source], queue[0] = 1.0, 0, source
        turn, count = 0, 1
        while turn < count:
            node = queue[turn]
            turn += 1
            for other in ends[starts[node] : starts[node + 1]]:
                if distance[other] < 0:
                    distance[other], queue[count] = distance[node] + 1, other
                    count += 1
                if distance[other] == distance[node] + 1:
                    paths[other] += paths[node]
        for turn in range(count - 1, 0, -1):
            node = queue[turn]
            part = (1 + share[node]) / paths[node]
            for other in back_ends[back_starts[node] : back_starts[node + 1]]:
                if distance[other] >= 0 and distance[other] == distance[node] - 1:
                    share[other] += paths[other] * part
            total[node] += share[node]
    return total
