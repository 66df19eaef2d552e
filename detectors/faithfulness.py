"""Is an explanation true, steady and useful? Tests of it that need only the detector's answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from detectors.explanation import Explanation

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_GUIDES = 5  # reference rows that a counterfactual may follow
_HALVINGS = 12  # of the way to the guide's value: 1/4096 of it is close enough


@dataclass(frozen=True, eq=False)
class Counterfactual:
    """The smallest change found that clears a row.

    Parameters
    ----------
    row
        (d,), the row as it would have to be.
    changed
        Features that differ from the row, by rising index.
    guide
        Position in the reference of the authentic row whose values it moves towards.
    """

    row: FloatArray
    changed: tuple[int, ...]
    guide: int


def counterfactual(
    detector: Any, row: FloatArray, explanation: Explanation, reference: FloatArray
) -> Counterfactual | None:
    """Find the fewest features whose change clears a row, then the least change of them.

    Features move towards the values of a reference row that is itself clear, those that made the
    row odd first; then each change that is not needed is taken back, and the rest shortened by
    halving. So every value lies between one that was seen and one of an authentic row. Tried for
    the five reference rows that differ in the fewest features, then least; the best is returned.

    Parameters
    ----------
    detector
        Anything with ``decision_function``: negative is odd.
    row
        (d,).
    explanation
        Of the row, by the same detector.
    reference
        (n, d), authentic rows.

    Returns
    -------
    None where the row is clear, or no reference row is.
    """
    if detector.decision_function(row[None])[0] >= 0:
        return None
    clear = np.flatnonzero(detector.decision_function(reference) >= 0)
    if not clear.size:
        return None
    scale = np.nanstd(reference, axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    gap = np.nan_to_num(np.abs(reference[clear] - row) / scale)
    guides = clear[np.argsort(np.minimum(gap, 1.0).sum(axis=1), kind="stable")[:_GUIDES]]
    order = np.argsort(explanation.by_feature(), kind="stable")  # most negative part first

    def is_clear(candidate: FloatArray) -> bool:
        return bool(detector.decision_function(candidate[None])[0] >= 0)

    found: list[tuple[int, float, Counterfactual]] = []
    for guide in guides.tolist():
        target = np.where(np.isnan(reference[guide]), row, reference[guide])
        changed = _shorten(row, target, _needed(row, target, order, is_clear), is_clear)
        moved = np.flatnonzero(~((changed == row) | (np.isnan(changed) & np.isnan(row))))
        size = float(np.nansum(np.abs(changed - row) / scale))
        found.append((len(moved), size, Counterfactual(changed, tuple(moved.tolist()), guide)))
    return min(found, key=lambda one: one[:2])[2]


def _needed(
    row: FloatArray, target: FloatArray, order: IntArray, is_clear: Callable[[FloatArray], bool]
) -> list[int]:
    """Features to take from the target, without those that turn out not to be needed."""
    candidate, taken = row.copy(), []
    for f in order.tolist():
        if candidate[f] != target[f]:
            candidate[f] = target[f]
            taken.append(f)
            if is_clear(candidate):
                break
    for f in taken[:-1]:
        without = candidate.copy()
        without[f] = row[f]
        if is_clear(without):
            candidate = without
    return [f for f in taken if candidate[f] == target[f]]


def _shorten(
    row: FloatArray,
    target: FloatArray,
    needed: list[int],
    is_clear: Callable[[FloatArray], bool],
) -> FloatArray:
    """Go only as far towards the target as it takes."""
    start = np.where(np.isnan(row), target, row)
    near, far = 0.0, 1.0
    best = row.copy()
    best[needed] = target[needed]
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        candidate = row.copy()
        candidate[needed] = (start + middle * (target - start))[needed]
        if is_clear(candidate):
            far, best = middle, candidate
        else:
            near = middle
    return best


def deletion_curve(
    detector: Any, row: FloatArray, order: IntArray, typical: FloatArray
) -> FloatArray:
    """Scores as features are set to a typical value one after the other, (d + 1,).

    A true explanation names first what brings the score up fastest; compare the curve's mean with
    that of other orders. Source: Petsiuk, Das, Saenko (2018).
    """
    steps = np.tile(row, (len(order) + 1, 1))
    for step, f in enumerate(order.tolist(), start=1):
        steps[step:, f] = typical[f]
    scores: FloatArray = detector.score_samples(steps)
    return scores


def stability(
    detector: Any,
    X: FloatArray,
    y: NDArray[Any] | None,
    row: FloatArray,
    *,
    top: int = 3,
    resamples: int = 20,
    seed: int = 0,
) -> FloatArray:
    """How often each feature is among the ``top`` that made a row odd, (d,), over resamples.

    Each resample draws 80 % of the fitted rows without putting them back (with it, copies would be
    neighbours of each other), and all confirmed cases; the detector is fitted anew on it.
    """
    random = np.random.default_rng(seed)
    is_case = np.zeros(len(X), dtype=bool) if y is None else y == -1
    others = np.flatnonzero(~is_case)
    named = np.zeros(X.shape[1])
    for _ in range(resamples):
        drawn = random.choice(others, max(2, int(0.8 * len(others))), replace=False)
        part = np.sort(np.concatenate([drawn, np.flatnonzero(is_case)]))
        fitted = clone(detector).fit(X[part], None if y is None else y[part])
        [explanation] = fitted.explain(row[None])
        named[np.argsort(explanation.by_feature(), kind="stable")[:top]] += 1
    return named / resamples
