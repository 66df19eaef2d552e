"""Slow, obvious twins of the neighbour kernels."""

import math

import numpy as np


def partial_distance2(a, b, relevance):
    known = [f for f in range(len(a)) if not math.isnan(a[f]) and not math.isnan(b[f])]
    weight = sum(relevance[f] for f in known)
    if weight == 0:
        return math.inf
    return sum(relevance[f] * (a[f] - b[f]) ** 2 for f in known) * (sum(relevance) / weight)


def nearest(row, own, reference, weights, relevance, k):
    """The k nearest rows, a row that occurs w times being w neighbours: [(position, distance2)]."""
    copies = []
    for position, (other, weight) in enumerate(zip(reference, weights, strict=True)):
        distance2 = partial_distance2(row, other, relevance)
        count = weight - 1 if position == own else weight
        if math.isfinite(distance2):
            copies += [(distance2, position)] * count
    return [(position, distance2) for distance2, position in sorted(copies)[:k]]


def density_scores(X, k, power, floor_quantile, *, rows=None):
    """Scores of ``rows``, or of every row of X as if it were not in X, without collapsing.

    Ties go to the row that occurs first, then to its copies.
    """
    relevance = np.ones(X.shape[1])
    first = [
        next(j for j, o in enumerate(X) if np.array_equal(o, row, equal_nan=True)) for row in X
    ]

    def neighbours(row, own):
        found = [
            (partial_distance2(row, other, relevance), first[j], j)
            for j, other in enumerate(X)
            if j != own
        ]
        return sorted(entry for entry in found if math.isfinite(entry[0]))[:k]

    own_distance = []
    for i, row in enumerate(X):
        found = neighbours(row, i)
        own_distance.append(np.mean([d for d, _, _ in found]) if found else math.nan)
    positive = [d for d in own_distance if d > 0]
    floor = np.quantile(positive, floor_quantile) if positive else 1.0
    scale = [floor if math.isnan(d) else max(d, floor) for d in own_distance]
    targets = [(row, i) for i, row in enumerate(X)] if rows is None else [(r, -1) for r in rows]
    scores = []
    for row, own in targets:
        terms = [d / scale[j] ** power for d, _, j in neighbours(row, own)]
        scores.append(-sum(terms) / len(terms) if terms else math.nan)
    return np.array(scores)
