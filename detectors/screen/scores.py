"""Scores of lots by either detector, with their parts."""

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from detectors.calibration import conformal_p_values, training_p_values
from detectors.density import LocalDensity
from detectors.explanation import Explanation
from detectors.features import fit_scaling
from detectors.prototype import NearestPrototype
from detectors.screen.cases import Cases, read_cases
from detectors.screen.lots import SIGNALS, Lots, read_lots, signal_rarity
from detectors.screen.parts import split_parts
from detectors.screen.resemblance import cite, made_of
from detectors.screen.tables import CITED, PART, SCORE, replace

FloatArray = NDArray[np.float64]

# What the step fills, and every table that it reads: where those are the same, so is the result.
LOT_FILLS = ("find_score", "find_score_part", "find_cited_case")
LOT_READS = (
    "core_lot",
    "core_product",
    "feat_lot",
    "find_decision",
    "find_finding",
    "find_known_case",
    "find_lot",
    "raw_case_signal",
    "raw_case_trait",
)
LEAST_REFERENCE = 8  # lots; with fewer no p-value is given, and suspicion is a rank

_NEAR = 0.63  # nine of ten shipped cases have another one within it; own cases must not shift it


def score_lots(con: duckdb.DuckDBPyConnection) -> int:
    """Fill ``find_score``, ``find_score_part``, ``find_cited_case``; return the number of lots."""
    lots = read_lots(con)
    cases = read_cases(con)
    scores, parts = _density(lots)
    cited = pl.DataFrame(schema=CITED)
    if cases.case_id and lots.lot_id:
        # What is common in this run tells lots apart less; which cases are alike stays as it is.
        weighed = prototype_of(cases, rarity=signal_rarity(lots.signals))
        more_scores, more_parts = _resemblance(lots, cases, weighed)
        scores, parts = pl.concat([scores, more_scores]), pl.concat([parts, more_parts])
        cited = cite(lots, cases, prototype_of(cases))
    replace(con, "find_score", scores.sort("lot_id", "detector"))
    replace(con, "find_score_part", parts.sort("lot_id", "detector", "feature", "neighbour"))
    replace(con, "find_cited_case", cited)
    return len(lots.lot_id)


def _density(lots: Lots) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores and parts of the local density over the lot features."""
    if not lots.lot_id or not lots.features:
        return pl.DataFrame(schema=SCORE), pl.DataFrame(schema=PART)
    is_fitted = lots.is_reference
    if is_fitted.sum() < LEAST_REFERENCE:
        is_fitted = np.ones_like(is_fitted)
    z = fit_scaling(lots.values[is_fitted], lots.features).apply(lots.values)
    detector = LocalDensity(standardize=False).fit(z[is_fitted])
    explanations = np.empty(len(z), dtype=object)
    explanations[is_fitted] = detector.explain_training()
    if not is_fitted.all():
        explanations[~is_fitted] = detector.explain(z[~is_fitted])
    names = [feature.name for feature in lots.features]
    fitted = [lots.name(int(row)) for row in np.flatnonzero(is_fitted)]
    return _frames("local_density", lots, names, lots.values, list(explanations), fitted)


def prototype_of(cases: Cases, rarity: FloatArray | None = None) -> NearestPrototype:
    """The cases, ready to be compared; ``rarity`` as of ``NearestPrototype.fit``."""
    return NearestPrototype(threshold=_NEAR).fit(
        cases.signals,
        lower=cases.required,
        is_benign=cases.is_benign,
        is_own=cases.is_own,
        is_told=cases.is_told,
        rarity=rarity,
    )


def _resemblance(
    lots: Lots, cases: Cases, prototype: NearestPrototype
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores and parts of the resemblance to the nearest past attack."""
    explanations = prototype.explain(lots.signals, excluded=made_of(lots, cases))
    return _frames(
        "nearest_prototype", lots, list(SIGNALS), lots.signals, explanations, cases.case_id
    )


def _frames(
    detector: str,
    lots: Lots,
    names: list[str],
    values: FloatArray,
    explanations: list[Explanation],
    neighbours: list[str],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of ``find_score`` and ``find_score_part`` for every lot."""
    scores = _score_frame(detector, lots, np.array([e.score for e in explanations]))
    rows = [
        (lot_id, detector, *part)
        for lot_id, of_lot, explanation in zip(lots.lot_id, values, explanations, strict=True)
        for part in split_parts(names, of_lot, explanation, neighbours)
    ]
    return scores, pl.DataFrame(rows, schema=PART, orient="row").fill_nan(None)


def _score_frame(detector: str, lots: Lots, score: FloatArray) -> pl.DataFrame:
    suspicion = -score
    is_reference = lots.is_reference
    if is_reference.sum() >= LEAST_REFERENCE:
        p_value = conformal_p_values(suspicion, suspicion[is_reference])
        p_value[is_reference] = training_p_values(suspicion[is_reference])
        suspicion_pct = 100.0 * (1.0 - within_steps(p_value, suspicion))
    else:
        p_value = np.full(len(score), np.nan)
        suspicion_pct = _rank_pct(suspicion)
    columns = {
        "lot_id": lots.lot_id,
        "detector": [detector] * len(score),
        "score": score,
        "suspicion_pct": suspicion_pct,
        "p_value": p_value,
    }
    return pl.DataFrame(columns, schema=SCORE).fill_nan(None)


def within_steps(p_value: FloatArray, suspicion: FloatArray) -> FloatArray:
    """Spread equal p-values down to the next smaller one, the oddest lot lowest.

    A p-value has as many steps as there are reference lots; all lots that are odder than every
    one of them share the last. Their scores still tell which to look at first.
    """
    spread = p_value.copy()
    order = np.lexsort((suspicion, p_value))
    order = order[~np.isnan(p_value[order])]
    below = 0.0
    for step in np.split(order, np.flatnonzero(np.diff(p_value[order])) + 1):
        odd = suspicion[step]
        at_least_as_odd = len(odd) - np.searchsorted(odd, odd, side="left")
        spread[step] = below + (p_value[step] - below) * at_least_as_odd / max(len(odd), 1)
        below = float(p_value[step].max(initial=below))
    return spread


def _rank_pct(suspicion: FloatArray) -> FloatArray:
    """Mid-rank among the lots, 0 to 100; all the same where nothing tells them apart."""
    known = np.sort(suspicion[~np.isnan(suspicion)])
    below = np.searchsorted(known, suspicion, side="left")
    not_above = np.searchsorted(known, suspicion, side="right")
    pct = 50.0 * (below + not_above) / max(len(known), 1)
    return np.where(np.isnan(suspicion), np.nan, pct)
