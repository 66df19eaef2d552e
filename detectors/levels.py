"""What is scored beside lots: months of edges and of sites, and the ways of packs.

What is fitted and what is scored never overlap: a month is held against earlier ones, and a way
that is a reference is scored as if its own lot had not shown it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.calibration import benjamini_hochberg, conformal_p_values, training_p_values
from detectors.density import LocalDensity
from detectors.explanation import Explanation
from detectors.features import Feature, fit_scaling

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

LEAST_EARLIER = 30  # rows; with fewer a month is not scored
MOST_EARLIER = 20_000  # rows; of more an even draw stands for all, or history would cost its square
_EXPLAINED = 200  # of a batch, the oddest: nobody reads why an ordinary edge is ordinary


@dataclass(frozen=True, eq=False)
class Judged:
    """Rows and what a detector says of them, all (n,); NaN: not judged.

    ``explanations`` are those of the oddest rows, by row; their neighbours are rows too.
    """

    score: FloatArray
    p_value: FloatArray
    q_value: FloatArray
    explanations: dict[int, Explanation]
    batch: IntArray


def score_by_month(values: FloatArray, month: IntArray, features: Sequence[Feature]) -> Judged:
    """Score each month's rows of raw ``values`` (n, d) against those of all earlier months.

    Of more than ``MOST_EARLIER`` earlier rows an even draw stands for all. Nobody cleared them, so
    they count as a contaminated reference.

    ``month`` (n,) numbers the months in order. The p-values are conformal, the q-values
    Benjamini-Hochberg over the month.
    """
    judged = _unjudged(len(values), month)
    for now in np.unique(month)[1:]:
        earlier, rows = _drawn(np.flatnonzero(month < now)), np.flatnonzero(month == now)
        if len(earlier) < LEAST_EARLIER:
            continue
        scaling = fit_scaling(values[earlier], features)
        detector = LocalDensity(standardize=False, reference="contaminated")
        detector.fit(scaling.apply(values[earlier]))
        z = scaling.apply(values[rows])
        score = detector.score_samples(z)
        judged.score[rows] = score
        judged.p_value[rows] = conformal_p_values(-score, -detector.score_training_)
        judged.q_value[rows] = benjamini_hochberg(judged.p_value[rows])
        odd = np.argsort(score, kind="stable")[:_EXPLAINED]
        odd = odd[~np.isnan(score[odd])]
        for row, one in zip(rows[odd], detector.explain(z[odd]), strict=True):
            judged.explanations[int(row)] = _renamed(one, earlier)
    return judged


def score_by_witness(
    values: FloatArray, witnesses: IntArray, features: Sequence[Feature]
) -> Judged:
    """Score rows of raw ``values`` (n, d) against those that cleared witnesses showed.

    ``witnesses`` (n,) is how many showed the row: it counts so often as a reference, and a row that
    only one showed is not excused by itself. Rows of none are scored too.
    """
    judged = _unjudged(len(values), np.zeros(len(values), dtype=np.int64))
    shown = np.flatnonzero(witnesses > 0)
    each = np.repeat(shown, witnesses[shown])
    if len(each) < LEAST_EARLIER:
        return judged
    scaling = fit_scaling(values[each], features)
    z = scaling.apply(values)
    detector = LocalDensity(standardize=False).fit(z[each])
    # Equal rows have equal scores, so any copy speaks for the row.
    judged.score[each] = detector.score_training_
    judged.p_value[each] = training_p_values(-detector.score_training_)
    others = np.flatnonzero(witnesses == 0)
    if others.size:
        score = detector.score_samples(z[others])
        judged.score[others] = score
        judged.p_value[others] = conformal_p_values(-score, -detector.score_training_)
    judged.q_value[:] = benjamini_hochberg(judged.p_value)
    odd = np.argsort(judged.score, kind="stable")[:_EXPLAINED]
    odd = odd[~np.isnan(judged.score[odd])]
    new, known = odd[witnesses[odd] == 0], odd[witnesses[odd] > 0]
    if new.size:
        for row, one in zip(new, detector.explain(z[new]), strict=True):
            judged.explanations[int(row)] = _renamed(one, each)
    place = {int(row): copy for copy, row in enumerate(each)}
    explained = detector.explain_training([place[int(row)] for row in known])
    for row, one in zip(known, explained, strict=True):
        judged.explanations[int(row)] = _renamed(one, each)
    return judged


def _drawn(rows: IntArray) -> IntArray:
    """At most ``MOST_EARLIER`` of the rows, evenly spaced."""
    if len(rows) <= MOST_EARLIER:
        return rows
    places = np.linspace(0, len(rows) - 1, MOST_EARLIER).astype(np.int64)
    drawn: IntArray = rows[places]
    return drawn


def _unjudged(count: int, batch: IntArray) -> Judged:
    unknown = np.full(count, np.nan)
    return Judged(unknown, unknown.copy(), unknown.copy(), {}, batch)


def _renamed(one: Explanation, rows: IntArray) -> Explanation:
    """The explanation with its neighbours named by row instead of by place in what was fitted."""
    places = tuple(int(rows[place]) for place in one.neighbours)
    return Explanation(one.score, one.parts, places, one.exact, one.kinds, one.base)
