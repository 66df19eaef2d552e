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
        score += _view_scores(show(X), [(show(row), own) for row, own in targets], k, power)
    return score / 2


def _view_scores(X, targets, k, power):
    n, d = X.shape
    first = [
        next(j for j, o in enumerate(X) if np.array_equal(o, row, equal_nan=True)) for row in X
    ]
    known_anywhere = [f for f in range(d) if not all(math.isnan(row[f]) for row in X)]
    middle = [
        np.mean([row[f] for row in X if not math.isnan(row[f])]) if f in known_anywhere else 0.0
        for f in range(d)
    ]
    whole = [[middle[f] if math.isnan(row[f]) else row[f] for f in range(d)] for row in X]

    def adds(row, own, factor):
        """What each feature adds to the distance, NaN where the row does not know it."""
        knows = [f for f in known_anywhere if not math.isnan(row[f])]
        full = [row[f] if f in knows else middle[f] for f in range(d)]
        near = sorted(
            (sum((full[f] - other[f]) ** 2 for f in range(d)), first[j])
            for j, other in enumerate(whole)
            if j != own
        )[:k]
        if not near or not knows:
            return [math.nan] * d
        return [
            np.mean([factor[j] * (full[f] - whole[j][f]) ** 2 for _, j in near])
            if f in knows
            else math.nan
            for f in range(d)
        ]

    def distance(j):
        near = sorted(
            (sum((whole[j][f] - other[f]) ** 2 for f in range(d)), first[i])
            for i, other in enumerate(whole)
            if i != j
        )[:k]
        return np.mean([distance2 for distance2, _ in near]) if near else math.nan

    own_distance = [distance(j) for j in range(n)]
    positive = [value for value in own_distance if value > 0]
    floor = np.quantile(positive, 0.05) if positive else 1.0
    factor = [(floor if math.isnan(v) else max(v, floor)) ** -power for v in own_distance]

    of_reference = np.array([adds(row, i, factor) for i, row in enumerate(X)])
    is_known = ~np.isnan(of_reference)
    usual = np.nan_to_num(of_reference).sum(axis=0) / np.maximum(is_known.sum(axis=0), 1)
    completed = []
    for added, knows in zip(of_reference, is_known, strict=True):
        share = usual[knows].sum() / usual.sum() if usual.sum() > 0 else knows.mean()
        if share > 0:
            completed.append(added[knows].sum() / share)
    median = np.median(completed) if completed else 0.0
    offset = 1e-3 * (median or (np.mean(completed) if completed else 0.0) or 1.0)
    typical = usual * median / usual.sum() if usual.sum() > 0 else np.full(d, median / d)

    def oddness(added):
        knows = ~np.isnan(added)
        if not knows.any():
            return math.nan
        part = offset * knows.sum() / d
        return math.log((added[knows].sum() + part) / (typical[knows].sum() + part))

    logs = np.array([oddness(added) for added in of_reference])
    logs = logs[~np.isnan(logs)]
    spread = (logs.std() if len(logs) else 0.0) or 1.0
    return np.array([-oddness(np.array(adds(row, own, factor))) / spread for row, own in targets])


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
