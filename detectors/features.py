"""The lot features that detectors read from ``feat_lot``, and how they are made comparable."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_MAD_TO_SD = 1.4826  # of a normal distribution
_LIMIT = 10.0  # scales: past it, further is not odder, and one feature cannot drown the rest


@dataclass(frozen=True)
class Feature:
    """One numeric column of ``feat_lot``.

    ``least_scale`` is the smallest difference that matters, in the feature's unit (of its
    logarithm ``log(1 + x)`` where ``is_skewed``): below it nothing is called odd, even where the
    reference never varies.
    """

    name: str
    unit: str
    group: str
    is_skewed: bool
    least_scale: float


def _count(name: str, group: str, unit: str = "count") -> Feature:
    return Feature(name, unit, group, is_skewed=True, least_scale=0.1)


def _share(name: str, group: str) -> Feature:
    return Feature(name, "share", group, is_skewed=False, least_scale=0.05)


FEATURES = (
    _count("units", "size", "packs"),
    _count("sites", "spread", "sites"),
    _count("countries", "spread", "countries"),
    _count("partners", "spread", "partners"),
    _count("hops_max", "route", "hops"),
    _count("hops_mean", "route", "hops"),
    _count("hops_from_maker_max", "route", "hops"),
    _count("km_total", "route", "km"),
    _count("km_per_day_max", "route", "km/d"),
    _share("new_edge_share", "route"),
    _count("span_days", "time", "d"),
    _count("transit_h_median", "time", "h"),
    _count("dwell_h_median", "time", "h"),
    _count("dwell_h_max", "time", "h"),
    _count("expiry_days_left", "time", "d"),  # negative past expiry
    _count("lag_h_p95", "time", "h"),
    _share("inferred_share", "completeness"),
    _share("broken_hop_share", "completeness"),
    _share("commissioned_share", "completeness"),
    _share("terminal_share", "flow"),
    _share("return_share", "flow"),
    Feature("out_in_ratio", "ratio", "flow", is_skewed=True, least_scale=0.05),
    Feature("price_ratio_min", "ratio", "price", is_skewed=False, least_scale=0.05),
)


@dataclass(frozen=True, eq=False)
class Scaling:
    """Centre and scale of each feature, (d,), taken from a reference."""

    features: tuple[Feature, ...]
    centres: FloatArray
    scales: FloatArray

    def apply(self, values: FloatArray) -> FloatArray:
        """Scale raw values (n, d) to robust z, cut at 10; NaN stay."""
        z = (_unskewed(values, self.features) - self.centres) / self.scales
        return np.clip(z, -_LIMIT, _LIMIT)


def fit_scaling(reference: FloatArray, features: Sequence[Feature]) -> Scaling:
    """Learn centre (median) and scale (median absolute deviation) from raw values (n, d).

    A feature never known in the reference keeps centre 0 and its least scale.
    """
    values = _unskewed(reference, features)
    centres = np.zeros(len(features))
    scales = np.array([feature.least_scale for feature in features])
    for column in range(len(features)):
        known = values[~np.isnan(values[:, column]), column]
        if known.size:
            centres[column] = np.median(known)
            spread = _MAD_TO_SD * np.median(np.abs(known - centres[column]))
            scales[column] = max(spread, scales[column])
    return Scaling(tuple(features), centres, scales)


def _unskewed(values: FloatArray, features: Sequence[Feature]) -> FloatArray:
    """Infinities become unknown; a skewed feature becomes ``sign(x) log(1 + |x|)``."""
    finite = np.where(np.isfinite(values), values, np.nan)
    is_skewed = np.array([feature.is_skewed for feature in features], dtype=bool)
    return np.where(is_skewed, np.sign(finite) * np.log1p(np.abs(finite)), finite)
