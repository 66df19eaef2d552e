"""What the detectors know of past cases."""

from dataclasses import dataclass

import duckdb
import numpy as np
from numpy.typing import NDArray

from data.cases.library import PATTERN_CODES
from detectors.screen.lots import POSITION, SIGNALS

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Cases:
    """The cases that may be cited, in the order of ``case_id``."""

    case_id: list[str]
    kind: list[str]
    product: list[str | None]
    lots: list[list[str]]
    decided: list[tuple[str, str] | None]  # GTIN and lot of a case that was decided here
    is_benign: BoolArray
    is_own: BoolArray
    is_told: BoolArray  # by another company
    signals: FloatArray  # (cases, SIGNALS), NaN where the case says nothing
    required: FloatArray  # (cases, SIGNALS): a benign cause need not show each pattern it may raise


def read_cases(con: duckdb.DuckDBPyConnection) -> Cases:
    """Cases with signals, but for those whose traits event data cannot show."""
    frame = con.sql("SELECT * FROM find_known_case ORDER BY case_id").pl()
    codes = con.sql("SELECT DISTINCT case_id, signal FROM raw_case_signal ORDER BY ALL").fetchall()
    traits = con.sql("SELECT case_id, trait, value FROM raw_case_trait ORDER BY ALL").fetchall()
    of_case: dict[str, dict[str, float | None]] = {}
    for case_id, code in codes:
        if code in POSITION:
            of_case.setdefault(case_id, {})[code] = 1.0
    for case_id, trait, value in traits:
        if trait in POSITION and case_id in of_case:
            of_case[case_id][trait] = value
    kept = [
        case
        for case in frame.iter_rows(named=True)
        if case["case_id"] in of_case and case["visible_in_event_data"] != "none"
    ]
    signals = np.zeros((len(kept), len(SIGNALS)))
    required = np.zeros_like(signals)
    for row, case in enumerate(kept):
        for code, value in of_case[case["case_id"]].items():
            place = row, POSITION[code]
            signals[place] = np.nan if value is None else value
            is_possible_only = case["kind"] == "benign" and code in PATTERN_CODES
            required[place] = 0.0 if is_possible_only else signals[place]
    return Cases(
        case_id=[case["case_id"] for case in kept],
        kind=[case["kind"] for case in kept],
        product=[case["product"] for case in kept],
        lots=[case["lots"] or [] for case in kept],
        decided=[(case["gtin"], case["lot"]) if case["gtin"] else None for case in kept],
        is_benign=np.array([case["mechanism_class"] == "benign" for case in kept], dtype=bool),
        is_own=np.array([case["kind"] == "own" for case in kept], dtype=bool),
        is_told=np.array([case["kind"] == "imported" for case in kept], dtype=bool),
        signals=signals,
        required=required,
    )
