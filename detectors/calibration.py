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


def weighted_p_values(
    suspicion: FloatArray, reference: FloatArray, weights: FloatArray
) -> FloatArray:
    """Conformal p-values against a reference of which some rows count more than others.

    ``(w + sum of the weights of rows at least as odd) / (w + sum of the weights)``, where w is the
    largest weight, which the row itself is given. With equal weights these are
    ``conformal_p_values``. With ``recency_weights`` they follow a supply chain that changes: what
    they promise is off by no more than the weighted share of the reference that has drifted.

    Source: Barber, Candes, Ramdas, Tibshirani: Conformal prediction beyond exchangeability (2023).
    """
    known = ~np.isnan(reference)
    order = np.argsort(reference[known], kind="stable")
    values = reference[known][order]
    above = np.append(np.cumsum(weights[known][order][::-1])[::-1], 0.0)
    own = float(weights[known].max(initial=0.0)) or 1.0
    at_least = above[np.searchsorted(values, suspicion, side="left")]
    p_values = (own + at_least) / (own + above[0])
    return np.where(np.isnan(suspicion), np.nan, p_values)


def recency_weights(age_days: FloatArray, half_life_days: float) -> FloatArray:
    """Weights in (0, 1] that halve with every half-life of age; unknown age counts as oldest."""
    oldest = float(np.nanmax(age_days)) if (~np.isnan(age_days)).any() else 0.0
    age = np.maximum(np.nan_to_num(age_days, nan=oldest), 0.0)
    return np.asarray(0.5 ** (age / half_life_days), dtype=np.float64)


def false_alarm_bound(p_values: FloatArray, level: float = 0.05) -> FloatArray:
    """Most false alarms, as a share, if the line is drawn at each p-value: true for all at once.

    With probability 1 - ``level`` every one of the returned bounds holds, so a reader may look at
    the batch first and draw the line afterwards. Closed testing with Simes' test of each set of
    rows: h is the largest number of rows that can all be authentic; then among the rows at or
    below a threshold, at least ``max_u (1 - u + #{h p <= u level})`` are truly odd. It needs
    p-values that are independent or positively dependent, as conformal p-values from one reference
    are (Bates et al. 2023).

    Returns
    -------
    (n,), in the order of ``p_values``; NaN stay NaN and do not count.

    References
    ----------
    Goeman and Solari (2011); Goeman, Meijer, Krebs, Solari: Simultaneous control of all false
    discovery proportions (2019), whose shortcut this is.
    """
    bound = np.full(len(p_values), np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    if not known.size:
        return bound
    order = known[np.argsort(p_values[known], kind="stable")]
    p = p_values[order]
    h = _most_authentic(p, level)
    # u_i: the least u that counts row i; a row counts towards every u from there on.
    needed = np.ceil(h * p / level - 1e-12).clip(min=1).astype(np.int64)
    truly = np.zeros(len(p), dtype=np.int64)
    best = 0
    for i in range(len(p)):  # rows come by rising p, so the last one's u is the largest so far
        best = max(best, i + 2 - int(needed[i]))
        truly[i] = best
    size = np.searchsorted(p, p, side="right")  # equal p-values lie on the same side of any line
    bound[order] = 1.0 - np.minimum(truly[size - 1], size) / size
    return bound


def _most_authentic(p: FloatArray, level: float) -> int:
    """Largest i such that Simes' test does not reject the i largest of the sorted p-values.

    Where it does not reject i of them it does not reject fewer, so halving finds it.
    """
    low, high = 0, len(p)
    while low < high:
        i = (low + high + 1) // 2
        is_rejected = bool((i * p[len(p) - i :] <= np.arange(1, i + 1) * level).any())
        low, high = (low, i - 1) if is_rejected else (i, high)
    return low
