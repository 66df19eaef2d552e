"""What a detector says about one row: numbers and positions, never sentences."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
        The neighbours' positions in what was fitted, nearest first; one per row of ``parts``.
    exact
        True: the parts add up to the score. False: they only share it out roughly.
    """

    score: float
    parts: NDArray[np.float64]
    neighbours: tuple[int, ...]
    exact: bool
