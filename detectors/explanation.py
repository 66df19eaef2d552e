"""What a detector says about one row: numbers and positions, never sentences."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

REFERENCE = "reference"  # a row taken as authentic
CASE = "case"  # a row of a confirmed case
PROTOTYPE = "prototype"  # a learned place, named by the real row nearest to it
KINDS = (REFERENCE, CASE, PROTOTYPE)
_CODES = {kind: code for code, kind in enumerate(KINDS)}


@dataclass(frozen=True, eq=False)
class Explanation:
    """A score, split by neighbour (or prototype) and feature.

    Parameters
    ----------
    score
        The score that is explained, as ``score_samples`` gives it: higher is more normal.
    parts
        Shape (neighbours, features): what each feature of each neighbour adds to the score.
    neighbours
        The neighbours' positions in what was fitted; one per row of ``parts``.
    exact
        True: ``base`` and the parts add up to the score. False: they only share it out roughly.
    kinds
        What each neighbour is: ``reference``, ``case`` or ``prototype``; empty where all are alike.
    base
        What the score starts from, the same for every row of a detector.
    is_near_case
        False: none of the known cases is near. None: the detector knows no cases.
    """

    score: float
    parts: FloatArray
    neighbours: tuple[int, ...]
    exact: bool
    kinds: tuple[str, ...] = ()
    base: float = 0.0
    is_near_case: bool | None = None

    def by_feature(self) -> FloatArray:
        """What each feature adds to the score, (features,)."""
        by_feature: FloatArray = self.parts.sum(axis=0)
        return by_feature


def merge(
    weighted: Sequence[tuple[float, Explanation]],
    *,
    width: int,
    score: float,
    base: float = 0.0,
    is_near_case: bool | None = None,
) -> Explanation:
    """Weighted sum of explanations of one row: parts of the same neighbour are added up.

    The neighbour with the largest parts comes first. ``width`` is the number of features.
    """
    codes = [
        _CODES[kind]
        for _, one in weighted
        for kind in (one.kinds or (REFERENCE,) * len(one.neighbours))
    ]
    places = [position for _, one in weighted for position in one.neighbours]
    each = [weight * one.parts for weight, one in weighted]
    keys = np.array(codes, dtype=np.int64) + len(KINDS) * np.array(places, dtype=np.int64)
    known, which = np.unique(keys, return_inverse=True)
    parts = np.zeros((len(known), width))
    np.add.at(parts, which, np.concatenate([np.empty((0, width)), *each]))
    order = np.argsort(-np.abs(parts).sum(axis=1), kind="stable")
    return Explanation(
        score=score,
        parts=parts[order],
        neighbours=tuple((known[order] // len(KINDS)).tolist()),
        exact=all(one.exact for _, one in weighted),
        kinds=tuple(KINDS[code] for code in (known[order] % len(KINDS)).tolist()),
        base=base,
        is_near_case=is_near_case,
    )


def logarithmic_mean(p: FloatArray, q: FloatArray) -> FloatArray:
    """``(p - q) / log(p / q)``, and p where both are equal; both must be positive.

    It turns a ratio into a sum without a remainder: ``log(p / q) = (p - q) / L(p, q)``, and what p
    and q consist of adds up. Source: Ang, Decomposition analysis (2004), there called LMDI.
    """
    ratio = (p - q) / q
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(np.abs(ratio) < 1e-9, q * (1.0 + ratio / 2), (p - q) / np.log1p(ratio))
    return np.asarray(mean, dtype=np.float64)
