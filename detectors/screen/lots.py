"""What the detectors know of the lots: features, signals, and who is a reference."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from data.cases.library import BENIGN_CODES, PATTERN_CODES
from detectors.features import FEATURES, Feature

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

SIGNALS = PATTERN_CODES + BENIGN_CODES
POSITION = {code: position for position, code in enumerate(SIGNALS)}
CLEARED = "cleared"
_CONFIRMED = ("suspect", "illegitimate")
_EXPLAINED = 0.5  # an explained flag tells of the data's noise: it counts half of a standing one


@dataclass(frozen=True, eq=False)
class Lots:
    """What the detectors know of the lots, in the order of ``lot_id``."""

    lot_id: list[int]
    gtin: list[str | None]
    lot: list[str | None]
    product: list[str | None]
    features: tuple[Feature, ...]
    values: FloatArray  # (lots, features), NaN unknown
    signals: FloatArray  # (lots, SIGNALS): 1 stands, 0.5 explained by, NaN not tested
    ruled_out: (
        BoolArray  # (lots, SIGNALS): of what stands, tests spoke against this cause and none for it
    )
    is_suspect: BoolArray  # tier other than clear
    is_reference: BoolArray  # nothing stands and nobody confirmed it, or an officer cleared it

    def name(self, row: int) -> str:
        """The lot as people and other tables name it."""
        return f"{self.gtin[row]}/{self.lot[row]}"


def read_lots(con: duckdb.DuckDBPyConnection) -> Lots:
    """Every lot with features or a judgement."""
    feat = con.sql("SELECT * FROM feat_lot").pl()
    judged = con.sql(
        "SELECT lot_id, tier, findings_standing, findings_suppressed FROM find_lot"
    ).pl()
    known = con.sql("SELECT lot_id, gtin, lot FROM core_lot").pl()
    products = con.sql("SELECT gtin, name AS product FROM core_product").pl()
    lots = (
        pl.concat([feat.select("lot_id"), judged.select("lot_id")], how="vertical_relaxed")
        .unique()
        .join(feat, on="lot_id", how="left")
        .join(judged, on="lot_id", how="left")
        .join(known, on="lot_id", how="left")
        .join(products.unique("gtin"), on="gtin", how="left")
        .sort("lot_id")
    )
    outcomes = _read_outcomes(con)
    outcome = np.array(
        [outcomes.get(key, "") for key in lots.select("gtin", "lot").iter_rows()], dtype=np.str_
    )
    nothing_stands = (
        lots["findings_standing"].fill_null(0) + lots["findings_suppressed"].fill_null(0) == 0
    ).to_numpy()
    features = tuple(f for f in FEATURES if f.name in feat.columns)
    lot_id: list[int] = lots["lot_id"].to_list()
    signals, ruled_out = read_signals(con, {lot: row for row, lot in enumerate(lot_id)})
    return Lots(
        lot_id=lot_id,
        gtin=lots["gtin"].to_list(),
        lot=lots["lot"].to_list(),
        product=lots["product"].to_list(),
        features=features,
        values=matrix(lots, [feature.name for feature in features]),
        signals=signals,
        ruled_out=ruled_out,
        is_suspect=(lots["tier"].fill_null("clear") != "clear").to_numpy(),
        # What a person set aside is no evidence, and no proof of a clean lot either.
        is_reference=(nothing_stands & ~np.isin(outcome, _CONFIRMED)) | (outcome == CLEARED),
    )


def signal_rarity(signals: FloatArray) -> FloatArray:
    """How much it tells that a lot shows a signal, (SIGNALS,): ``log((2 + tested) / (1 + show))``.

    What many lots of the run show, as a feed's own fault does, hardly sets one apart. Source:
    inverse document frequency (Spaerck Jones 1972).
    """
    tested = (~np.isnan(signals)).sum(axis=0)
    show = (np.nan_to_num(signals) > 0).sum(axis=0)
    rarity: FloatArray = np.log((2.0 + tested) / (1.0 + show))
    return rarity


def lot_traits(con: duckdb.DuckDBPyConnection, gtin: str, lot: str) -> dict[str, float | None]:
    """What a case made of a lot is remembered by: its signals and features, as they are now.

    Signals that the lot does not show are left out, those that could not be tested are None.
    """
    found = con.execute(
        "SELECT lot_id FROM core_lot WHERE gtin = ? AND lot = ?", [gtin, lot]
    ).fetchall()
    lot_id = found[0][0]
    feat = con.sql("SELECT * FROM feat_lot WHERE lot_id = $lot", params={"lot": lot_id}).pl()
    signals, _ = read_signals(con, {lot_id: 0})
    shown = {
        code: None if np.isnan(value) else float(value)
        for code, value in zip(SIGNALS, signals[0], strict=True)
        if value != 0
    }
    names = [f.name for f in FEATURES if f.name in feat.columns]
    values = matrix(feat, names)[:1].ravel()  # a lot may have no features
    known = zip(names, values, strict=False)
    return shown | {name: float(value) for name, value in known if np.isfinite(value)}


def _read_outcomes(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], str]:
    """What was decided last on each lot that was."""
    rows = con.execute("SELECT gtin, lot, outcome FROM find_decision WHERE is_latest").fetchall()
    return {(gtin, lot): outcome for gtin, lot, outcome in rows}


def matrix(frame: pl.DataFrame, names: list[str]) -> FloatArray:
    """Columns of a frame as numbers, (rows, names), NaN where null."""
    if not names:
        return np.empty((frame.height, 0))
    columns = frame.select(pl.col(names).cast(pl.Float64).fill_null(np.nan))
    return np.ascontiguousarray(columns.to_numpy(), dtype=np.float64)


def read_signals(
    con: duckdb.DuckDBPyConnection, row_of: Mapping[int, int]
) -> tuple[FloatArray, BoolArray]:
    """Signals of each lot, and the benign causes ruled out for what stands."""
    tables = con.sql("SELECT table_name FROM information_schema.tables").fetchall()
    tested = {found[1] for (name,) in tables if (found := re.match(r"(P\d\d)_", name))}
    untested = [POSITION[code] for code in PATTERN_CODES if code not in tested]
    signals = np.zeros((len(row_of), len(SIGNALS)))
    signals[:, untested] = np.nan
    supported = np.zeros((len(row_of), len(SIGNALS)), dtype=bool)
    against = np.zeros_like(supported)
    findings = con.sql(
        "SELECT DISTINCT lot_id, pattern, status, benign, CAST(tests AS VARCHAR) AS tests "
        "FROM find_finding WHERE lot_id IN (SELECT unnest($lots)) ORDER BY ALL",
        params={"lots": list(row_of)},
    ).fetchall()
    for lot_id, pattern, status, benign, tests in findings:
        row, code = row_of.get(lot_id), POSITION.get(pattern)
        if row is None or code is None:
            continue
        if status == "stands":
            signals[row, code] = 1.0
        elif status in ("data_gap", "suppressed") and signals[row, code] != 1.0:
            signals[row, code] = np.nan
        elif status == "explained" and benign in POSITION:
            signals[row, POSITION[benign]] = _EXPLAINED
        for test in json.loads(tests or "[]") if status == "stands" else ():
            position = POSITION.get(test.get("code"))
            if position is not None:
                supported[row, position] |= test.get("result") == "supported"
                against[row, position] |= test.get("result") == "ruled_out"
    return signals, against & ~supported
