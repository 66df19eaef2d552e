"""Lots held against past cases: which are cited, and which of them a lot was made of."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from detectors.prototype import NearestPrototype
from detectors.screen.cases import Cases
from detectors.screen.lots import SIGNALS, Lots
from detectors.screen.tables import CITED

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_MOST_CITED = 5
_LEAST_CITED = 3
_MOST_OWN = 3  # of the cited: what was decided here must not crowd out what happened elsewhere
_MOST_BENIGN = 2  # of the cited: one cause that explains much must not crowd out past cases
_KIND_ORDER = {"own": 0, "public": 1, "imported": 2, "simulated": 3, "benign": 4}


def cite(lots: Lots, cases: Cases, prototype: NearestPrototype) -> pl.DataFrame:
    """The nearest cases of each suspect lot, with what they share."""
    suspects = np.flatnonzero(lots.is_suspect)
    if not suspects.size:
        return pl.DataFrame(schema=CITED)
    distance = prototype.distances(lots.signals[suspects])
    has = cases.signals > 0
    rows = []
    for row, of_case in zip(suspects, distance, strict=True):
        shows = np.nan_to_num(lots.signals[row]) > 0
        chosen = _choose(lots, int(row), cases, of_case, prototype.threshold_)
        for rank, case in enumerate(chosen, start=1):
            lacking = (cases.required[case] > 0) & ~shows
            rows.append(
                (
                    lots.lot_id[row],
                    rank,
                    cases.case_id[case],
                    cases.kind[case],
                    float(of_case[case]),
                    bool(of_case[case] <= prototype.threshold_),
                    [SIGNALS[s] for s in np.flatnonzero(has[case] & shows)],
                    [SIGNALS[s] for s in np.flatnonzero(lacking)],
                )
            )
    return pl.DataFrame(rows, schema=CITED, orient="row")


def _choose(
    lots: Lots, row: int, cases: Cases, distance: FloatArray, threshold: float
) -> list[int]:
    """Positions of the cases to cite: one's own that are near, then nearest first.

    Five at most, three of them one's own; fewer, though three, where the rest has nothing in
    common. Two benign ones at most; one at least, where one is near. A cause that the tests ruled
    out is not cited, and no lot cites itself.
    """

    def place(case: int) -> tuple[bool, float, int, str]:
        kind = _KIND_ORDER.get(cases.kind[case], len(_KIND_ORDER))
        is_led = not (cases.is_own[case] and distance[case] <= threshold)
        return is_led, round(float(distance[case]), 9), kind, cases.case_id[case]

    order = sorted(range(len(cases.case_id)), key=place)
    order = [c for c in order if not is_out(lots, row, cases, c)]
    own = [c for c in order if cases.is_own[c] and distance[c] < 1.0][:_MOST_OWN]
    order = [c for c in order if c in own or not cases.is_own[c]]
    benign = [c for c in order if cases.is_benign[c]][:_MOST_BENIGN]
    past = [c for c in order if not cases.is_benign[c]][:_MOST_CITED]
    chosen = [c for c in order if c in {*past, *benign}][:_MOST_CITED]
    if benign and benign[0] not in chosen and distance[benign[0]] <= threshold:
        chosen[-1] = benign[0]
    return [c for r, c in enumerate(chosen) if r < _LEAST_CITED or distance[c] < 1.0]


def is_out(lots: Lots, row: int, cases: Cases, case: int) -> bool:
    """Whether a lot is not held against a case: made of it, or a cause that tests ruled out."""
    if cases.is_own[case]:
        return is_made_of(lots, row, cases, case)
    if cases.kind[case] == "benign":
        return bool((lots.ruled_out[row] & (cases.required[case] > 0)).any())
    return False


def is_made_of(lots: Lots, row: int, cases: Cases, case: int) -> bool:
    """Whether an own case is of this very lot."""
    decided = cases.decided[case]
    if decided is not None:
        return decided == (lots.gtin[row], lots.lot[row])
    is_same_product = cases.product[case] in (lots.gtin[row], lots.product[row])
    return is_same_product and lots.lot[row] in cases.lots[case]


def made_of(lots: Lots, cases: Cases) -> BoolArray:
    """(lots, cases): pairs of a lot and the own case that was made of it."""
    rows_of: dict[str | None, list[int]] = {}
    for row, lot in enumerate(lots.lot):
        rows_of.setdefault(lot, []).append(row)
    pairs = np.zeros((len(lots.lot_id), len(cases.case_id)), dtype=bool)
    for case in np.flatnonzero(cases.is_own):
        for lot in cases.lots[case]:
            for row in rows_of.get(lot, ()):
                pairs[row, case] = is_made_of(lots, row, cases, int(case))
    return pairs
