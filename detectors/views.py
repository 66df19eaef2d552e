"""Two ways of looking at the same features: as they are, and on a logarithmic scale."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


LINEAR, LOGARITHMIC = 0, 1
VIEWS = (LINEAR, LOGARITHMIC)  # one keeps what is far, the other what is near, apart


@dataclass(frozen=True, eq=False)
class Views:
    """Centre and scale (d,) of each feature, taken from a reference.

    A view is ``z = (x - centre) / scale`` or ``sign(z) log(1 + |z|)``. The second keeps a feature
    with a long tail from drowning the others, and separates finer where the reference is dense.
    """

    centre: FloatArray
    scale: FloatArray

    @classmethod
    def fit(cls, rows: FloatArray, weights: NDArray[Any]) -> Self:
        """Mean and standard deviation of what is known; 1 where a feature never varies."""
        is_known = ~np.isnan(rows)
        count = (is_known * weights[:, None]).sum(axis=0)
        count = np.where(count > 0, count, 1)
        values = np.where(is_known, rows, 0.0)
        centre = (values * weights[:, None]).sum(axis=0) / count
        gap = np.where(is_known, rows - centre, 0.0)
        spread = np.sqrt((gap**2 * weights[:, None]).sum(axis=0) / count)
        # Rounding leaves a constant feature with a spread that is not quite zero.
        is_constant = spread <= 1e-12 * np.abs(centre)
        return cls(centre, np.where(is_constant, 1.0, spread))

    @classmethod
    def none(cls, width: int) -> Self:
        """Values that are comparable already."""
        return cls(np.zeros(width), np.ones(width))

    def apply(self, rows: FloatArray, view: int) -> FloatArray:
        """Rows (n, d) as the view shows them; NaN stay."""
        z = (rows - self.centre) / self.scale
        shown: FloatArray = np.sign(z) * np.log1p(np.abs(z)) if view == LOGARITHMIC else z
        return shown
