"""From scores to p-values, and from many p-values to alarms that are mostly true."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def conformal_p_values(suspicion: FloatArray, reference: FloatArray) -> FloatArray:
    """How often authentic rows look at least as odd: ``(1 + #{s_i >= s}) / (n + 1)``.

    Parameters
    ----------
    suspicion
        (m,), higher is worse; NaN gives NaN.
    reference
        (n,), the same measure of rows taken as authentic, each scored without itself; NaN are
        left out.

    References
    ----------
    Bates, Candes, Lei, Romano, Sesia: Testing for outliers with conformal p-values (2023).
    """
    known = np.sort(reference[~np.isnan(reference)])
    at_least = len(known) - np.searchsorted(known, suspicion, side="left")
    p_values = (1.0 + at_least) / (len(known) + 1.0)
    return np.where(np.isnan(suspicion), np.nan, p_values)


def training_p_values(suspicion: FloatArray) -> FloatArray:
    """Conformal p-values of the reference rows themselves, each against the others.

    A row must not stand in its own reference: it would always be at least as odd as itself.
    """
    known = np.sort(suspicion[~np.isnan(suspicion)])
    at_least = len(known) - np.searchsorted(known, suspicion, side="left")  # counts the row itself
    p_values = at_least / max(len(known), 1)
    return np.where(np.isnan(suspicion), np.nan, p_values)


def benjamini_hochberg(p_values: FloatArray) -> FloatArray:
    """Adjusted p-values of a batch: alarms at adjusted <= q are false at a rate of at most q.

    NaN stay NaN and do not count. Source: Benjamini and Hochberg (1995).
    """
    adjusted = np.full(len(p_values), np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    if order.size:
        steps = p_values[order] * order.size / np.arange(1, order.size + 1)
        adjusted[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return adjusted
