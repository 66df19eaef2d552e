"""Scores of edges and sites by month, and of trajectories, with their parts."""

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from detectors.features import EDGE_FEATURES, SITE_FEATURES, TRAJECTORY_FEATURES, Feature
from detectors.levels import Judged, score_by_month, score_by_witness
from detectors.screen.lots import matrix
from detectors.screen.parts import split_parts
from detectors.screen.scores import within_steps
from detectors.screen.tables import LEVEL_PART, LEVEL_SCORE, replace

FloatArray = NDArray[np.float64]

# What the step fills, and every table that it reads: where those are the same, so is the result.
LEVEL_FILLS = ("find_level_score", "find_level_part")
LEVEL_READS = (
    "feat_edge_month",
    "feat_lot_trajectory",
    "feat_site_month",
    "feat_trajectory",
    "find_lot",
)


def score_levels(con: duckdb.DuckDBPyConnection) -> int:
    """Fill ``find_level_score`` and ``find_level_part``; return the number of rows judged."""
    edges = con.sql("SELECT *, edge_month_id AS key_id FROM feat_edge_month ORDER BY key_id").pl()
    sites = con.sql("SELECT *, site_month_id AS key_id FROM feat_site_month ORDER BY key_id").pl()
    frames = [
        _month_frames("edge", edges, EDGE_FEATURES),
        _month_frames("site", sites, SITE_FEATURES),
        _trajectory_frames(con),
    ]
    scores = pl.concat([scores for scores, _ in frames])
    replace(con, "find_level_score", scores)
    replace(con, "find_level_part", pl.concat([parts for _, parts in frames]))
    return scores.height


def _month_frames(
    level: str, frame: pl.DataFrame, features: tuple[Feature, ...]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of ``find_level_score`` and ``find_level_part`` for what is scored by month."""
    values = matrix(frame, [feature.name for feature in features])
    month = frame["month"].rank("dense").cast(pl.Int64).to_numpy()
    judged = score_by_month(values, month, features)
    return _judged_frames(level, frame, features, values, judged)


def _trajectory_frames(con: duckdb.DuckDBPyConnection) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The same for trajectories, held against those of lots on which nothing stands."""
    frame = con.sql(
        "SELECT *, trajectory_id AS key_id, trajectory_id::VARCHAR AS subject "
        "FROM feat_trajectory ORDER BY key_id"
    ).pl()
    pairs = con.sql("SELECT lot_id, trajectory_id AS key_id FROM feat_lot_trajectory").pl()
    stands = con.sql(
        "SELECT lot_id FROM find_lot WHERE findings_standing + findings_suppressed > 0"
    ).pl()
    cleared = pairs.join(stands, on="lot_id", how="anti").group_by("key_id").len("witnesses")
    counted = frame.join(cleared, on="key_id", how="left", maintain_order="left")
    witnesses = counted["witnesses"].fill_null(0).cast(pl.Int64).to_numpy()
    values = matrix(frame, [feature.name for feature in TRAJECTORY_FEATURES])
    judged = score_by_witness(values, witnesses, TRAJECTORY_FEATURES)
    return _judged_frames("trajectory", frame, TRAJECTORY_FEATURES, values, judged)


def trajectory_scores(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Scores of the trajectories, as ``find_level_score`` holds them."""
    return _trajectory_frames(con)[0]


def _judged_frames(
    level: str,
    frame: pl.DataFrame,
    features: tuple[Feature, ...],
    values: FloatArray,
    judged: Judged,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    keys: list[int] = frame["key_id"].to_list()
    subjects: list[str] = frame["subject"].to_list()
    suspicion_pct = np.full(len(keys), np.nan)
    for batch in np.unique(judged.batch):
        rows = np.flatnonzero((judged.batch == batch) & ~np.isnan(judged.score))
        spread = within_steps(judged.p_value[rows], -judged.score[rows])
        suspicion_pct[rows] = 100.0 * (1.0 - spread)
    columns = {
        "level": [level] * len(keys),
        "key_id": keys,
        "subject": subjects,
        "score": judged.score,
        "suspicion_pct": suspicion_pct,
        "p_value": judged.p_value,
        "q_value": judged.q_value,
    }
    names = [feature.name for feature in features]
    rows_of_parts = [
        (level, keys[row], *part)
        for row in sorted(judged.explanations)
        for part in split_parts(names, values[row], judged.explanations[row], subjects)
    ]
    parts = pl.DataFrame(rows_of_parts, schema=LEVEL_PART, orient="row")
    scores = pl.DataFrame(columns, schema=LEVEL_SCORE)
    return scores.fill_nan(None), parts.fill_nan(None)
