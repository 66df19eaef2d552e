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


def number(rows):
    """Where each unlike row first occurs, which of them each row is, how often each occurs."""
    known, first, which, count = {}, [], [], []
    for i, row in enumerate(rows):
        key = tuple("unknown" if math.isnan(value) else value + 0.0 for value in row)
        if key not in known:
            known[key] = len(first)
            first.append(i)
            count.append(0)
        which.append(known[key])
        count[known[key]] += 1
    return first, which, count


def density_scores(X, k, power, *, rows=None):
    """Scores of ``rows``, or of every row of X as if it were not in X, without collapsing.

    The definition of ``LocalDensity`` with equal neighbour weights, without standardising. Ties go
    to the row that occurs first, then to its copies.
    """
    targets = [(row, i) for i, row in enumerate(X)] if rows is None else [(r, -1) for r in rows]
    score = np.zeros(len(targets))
    for show in (lambda x: x, lambda x: np.sign(x) * np.log1p(np.abs(x))):
        shown = show(X)
        distance = [_distance(shown, show(row), own, k, None) for row, own in targets]
        own_distance = [_distance(shown, row, i, k, None) for i, row in enumerate(shown)]
        positive = [d for d in own_distance if d > 0]
        floor = np.quantile(positive, 0.05) if positive else 1.0
        factor = [(floor if math.isnan(d) else max(d, floor)) ** -power for d in own_distance]
        distance = np.array([_distance(shown, show(row), own, k, factor) for row, own in targets])
        usual = np.array([_distance(shown, row, i, k, factor) for i, row in enumerate(shown)])
        usual = usual[~np.isnan(usual)]
        middle = np.median(usual) if len(usual) else 0.0
        offset = 1e-3 * (middle or (usual.mean() if len(usual) else 0.0) or 1.0)
        spread = (np.log(usual + offset).std() if len(usual) else 0.0) or 1.0
        score -= np.log((distance + offset) / (middle + offset)) / spread / 2
    return score


def _distance(X, row, own, k, factor):
    relevance = np.ones(X.shape[1])
    first = [
        next(j for j, o in enumerate(X) if np.array_equal(o, row, equal_nan=True)) for row in X
    ]
    found = [
        (partial_distance2(row, other, relevance), first[j])
        for j, other in enumerate(X)
        if j != own
    ]
    near = sorted(entry for entry in found if math.isfinite(entry[0]))[:k]
    terms = [d if factor is None else d * factor[j] for d, j in near]
    return sum(terms) / len(terms) if terms else math.nan


def is_kd_partition(rows, size):
    """Whether rows in this order split, again and again, at the median of the widest feature."""
    leaves = -(-len(rows) // size)
    if leaves <= 1:
        return True
    middle = (leaves // 2) * size
    widest = np.argmax(rows.max(axis=0) - rows.min(axis=0))
    left, right = rows[:middle], rows[middle:]
    return (
        left[:, widest].max() <= right[:, widest].min()
        and is_kd_partition(left, size)
        and is_kd_partition(right, size)
    )
