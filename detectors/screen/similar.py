"""The cases nearest to a lot or to another case, with what they share, for a person who asks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import duckdb
import numpy as np
from numpy.typing import NDArray

from data.cases.coarse import BINNED, bin_of
from detectors.screen.cases import Cases, read_cases
from detectors.screen.lots import SIGNALS, read_lots
from detectors.screen.resemblance import is_out
from detectors.screen.scores import prototype_of

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Similar:
    """A case beside a lot or another case; features where both are known, by whether they agree.

    ``unlike`` has each feature's value of the case and of what it is compared with.
    """

    case_id: str
    kind: str
    distance: float
    is_near: bool
    shared: tuple[str, ...]
    only_case: tuple[str, ...]
    only_here: tuple[str, ...]
    alike: tuple[str, ...]
    unlike: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True, eq=False)
class _Compared:
    """What cases are held against: a lot, or one of the cases."""

    signals: FloatArray
    features: Mapping[str, float]
    is_left_out: Callable[[int], bool]


def similar_to_lot(
    con: duckdb.DuckDBPyConnection, gtin: str, lot: str, count: int
) -> list[Similar]:
    """The cases nearest to a lot, suspect or not, as the run of this warehouse knew both.

    A case made of the lot itself is left out, and so are benign causes that tests ruled out.
    Raises LookupError where the run judged no such lot.
    """
    lots, cases = read_lots(con), read_cases(con)
    keys = list(zip(lots.gtin, lots.lot, strict=True))
    if (gtin, lot) not in keys:
        raise LookupError(gtin, lot)
    row = keys.index((gtin, lot))
    names = [feature.name for feature in lots.features]
    known = dict(zip(names, lots.values[row].tolist(), strict=True))
    compared = _Compared(lots.signals[row], known, lambda case: is_out(lots, row, cases, case))
    return _similar(con, cases, compared, count)


def similar_to_case(con: duckdb.DuckDBPyConnection, case_id: str, count: int) -> list[Similar]:
    """The cases nearest to a case. Raises LookupError where the run of this warehouse had none."""
    cases = read_cases(con)
    if case_id not in cases.case_id:
        raise LookupError(case_id)
    row = cases.case_id.index(case_id)
    compared = _Compared(
        cases.signals[row], _remembered(con).get(case_id, {}), lambda case: case == row
    )
    return _similar(con, cases, compared, count)


def _similar(
    con: duckdb.DuckDBPyConnection, cases: Cases, compared: _Compared, count: int
) -> list[Similar]:
    prototype = prototype_of(cases)
    distance = prototype.distances(compared.signals[None])[0]
    features = _remembered(con)
    order = [case for case in range(len(cases.case_id)) if not compared.is_left_out(case)]
    order.sort(key=lambda case: (round(float(distance[case]), 9), cases.case_id[case]))
    shows = np.nan_to_num(compared.signals) > 0
    found = []
    for case in order[:count]:
        has = np.nan_to_num(cases.signals[case]) > 0
        lacking = (cases.required[case] > 0) & ~shows
        theirs = features.get(cases.case_id[case], {})
        both = [
            (name, value, compared.features[name])
            for name, value in sorted(theirs.items())
            if np.isfinite(compared.features.get(name, np.nan))
        ]
        is_alike = [bin_of(name, value) == bin_of(name, ours) for name, value, ours in both]
        found.append(
            Similar(
                case_id=cases.case_id[case],
                kind=cases.kind[case],
                distance=float(distance[case]),
                is_near=bool(distance[case] <= prototype.threshold_),
                shared=_codes(has & shows),
                only_case=_codes(lacking),
                only_here=_codes(shows & ~has),
                alike=tuple(b[0] for b, same in zip(both, is_alike, strict=True) if same),
                unlike=tuple(b for b, same in zip(both, is_alike, strict=True) if not same),
            )
        )
    return found


def _codes(chosen: BoolArray) -> tuple[str, ...]:
    return tuple(SIGNALS[place] for place in np.flatnonzero(chosen))


def _remembered(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, float]]:
    """The features that cases are remembered by."""
    rows = con.execute(
        "SELECT case_id, trait, value FROM raw_case_trait WHERE value IS NOT NULL ORDER BY ALL"
    ).fetchall()
    known: dict[str, dict[str, float]] = {}
    for case_id, trait, value in rows:
        if trait in BINNED:
            known.setdefault(case_id, {})[trait] = value
    return known
