"""The columns of what the screen writes, and the one way of writing it."""

from typing import Any

import duckdb
import polars as pl

SCORE: dict[str, Any] = {
    "lot_id": pl.Int32,
    "detector": pl.String,
    "score": pl.Float64,
    "suspicion_pct": pl.Float64,
    "p_value": pl.Float64,
}
PART: dict[str, Any] = {
    "lot_id": pl.Int32,
    "detector": pl.String,
    "feature": pl.String,
    "value": pl.Float64,
    "contribution": pl.Float64,
    "is_exact": pl.Boolean,
    "neighbour": pl.String,
}
CITED: dict[str, Any] = {
    "lot_id": pl.Int32,
    "rank": pl.Int32,
    "case_id": pl.String,
    "kind": pl.String,
    "distance": pl.Float64,
    "is_near": pl.Boolean,
    "shared": pl.List(pl.String),
    "unshared": pl.List(pl.String),
}
LEVEL_SCORE: dict[str, Any] = {
    "level": pl.String,
    "key_id": pl.Int64,
    "subject": pl.String,
    "score": pl.Float64,
    "suspicion_pct": pl.Float64,
    "p_value": pl.Float64,
    "q_value": pl.Float64,
}
LEVEL_PART: dict[str, Any] = {
    "level": pl.String,
    "key_id": pl.Int64,
    "feature": pl.String,
    "value": pl.Float64,
    "contribution": pl.Float64,
    "is_exact": pl.Boolean,
    "neighbour": pl.String,
}


def replace(con: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    """Put the rows of a frame in place of a table's."""
    con.register("new_rows", frame)
    con.execute(f"DELETE FROM {table}")  # noqa: S608 - the name is one of ours
    con.execute(f"INSERT INTO {table} BY NAME SELECT * FROM new_rows")  # noqa: S608
    con.unregister("new_rows")
