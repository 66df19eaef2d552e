"""The features that detectors read from the ``feat_`` tables, and how they are made comparable."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_MAD_TO_SD = 1.4826  # of a normal distribution
_LIMIT = 10.0  # scales: past it, further is not odder, and one feature cannot drown the rest


@dataclass(frozen=True)
class Feature:
    """One numeric column of a ``feat_`` table.

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


def _ratio(name: str, group: str) -> Feature:
    return Feature(name, "ratio", group, is_skewed=True, least_scale=0.05)


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

# Of feat_edge_month those that compare. How much an edge carries, how many partners its ends have
# and whether it is new tell of the trade's season and of how long the data goes back: as features
# they made every month odd beside the ones before, and hid the edges of schemes (docs,
# detector-benchmarks). They stay in the table, for people.
EDGE_FEATURES = (
    _count("hop_no_mean", "route", "hops"),
    _count("km", "route", "km"),
    _count("role_rarity", "route", "bits"),
    _share("is_abroad", "route"),
    _share("share_of_origin", "flow"),
    _share("share_of_target", "flow"),
    _share("return_share", "flow"),
    _ratio("transit_ratio", "time"),
    _ratio("price_ratio", "price"),
    _ratio("price_ratio_min", "price"),
)

SITE_FEATURES = (
    _count("units_in", "size", "packs"),
    _count("units_out", "size", "packs"),
    _count("supplier_count", "spread", "sites"),
    _count("buyer_count", "spread", "sites"),
    _count("products", "spread", "products"),
    _count("lots", "spread", "lots"),
    _count("countries", "spread", "countries"),
    _count("hop_no_mean", "route", "hops"),
    _count("role_rarity_max", "route", "bits"),
    _count("in_growth_ratio", "flow", "ratio"),
    _count("out_growth_ratio", "flow", "ratio"),
    _count("dwell_h_median", "time", "h"),
    _count("requests", "verification", "requests"),
    _share("new_supplier_share", "flow"),
    _share("new_buyer_share", "flow"),
    _share("return_in_share", "flow"),
    _share("return_out_share", "flow"),
    _share("high_risk_share", "flow"),
    _share("top_supplier_share", "flow"),
    _share("top_buyer_share", "flow"),
    _share("refused_share", "verification"),
    _ratio("out_in_ratio", "flow"),
    _ratio("buy_price_ratio", "price"),
    _ratio("sell_price_ratio", "price"),
)

TRAJECTORY_FEATURES = (
    _count("events", "size", "events"),
    _count("moves", "route", "moves"),
    _count("roles", "route", "roles"),
    _count("ends", "life", "ends"),
    _count("after_end", "life", "events"),
    _count("blind_moves", "completeness", "moves"),
    _count("span_class", "time", "class"),
    _count("gap_max", "time", "class"),
    _count("surprise_max", "order", "nats"),
    _count("surprise_mean", "order", "nats"),
    _share("is_born", "completeness"),
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
