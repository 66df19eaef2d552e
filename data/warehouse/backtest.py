"""Two settings on one warehouse, compared lot by lot."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from data.warehouse import thresholds
from data.warehouse.connection import open_read_only, open_warehouse
from data.warehouse.models import build

# What depends on thresholds. Histories do not, and detectors keep the scores they gave.
JUDGED = ("feat", "patterns", "find", "published")
_TIERS = "SELECT gtin, lot, tier, top_pattern, findings_standing FROM lot_risk"


def backtest(
    warehouse: Path,
    overrides: Mapping[str, Mapping[str, float]],
    *,
    memory_limit: str | None = None,
    threads: int | None = None,
) -> pl.DataFrame:
    """Judge a warehouse again under other thresholds, and leave it as it is.

    Parameters
    ----------
    warehouse
        A published copy; it is copied beside the system's temporary files and deleted after.
    overrides
        ``{"P01": {"distance_km": 80}}``, over the shipped thresholds.

    Returns one row a lot: tier, top pattern and number of standing findings before and after.

    Raises
    ------
    SettingsError
        A named threshold does not exist.
    WarehouseError
        There is no warehouse, or no space for the copy.
    """
    values = thresholds.chosen(overrides)
    with open_read_only(warehouse) as con:
        before = con.sql(_TIERS).pl()
    with tempfile.TemporaryDirectory(prefix="touchstone-") as folder:
        copy = Path(folder) / "backtest.duckdb"
        shutil.copyfile(warehouse, copy)
        with open_warehouse(copy, memory_limit=memory_limit, threads=threads) as con:
            thresholds.store(con, values)
            build(con, JUDGED)
            after = con.sql(_TIERS).pl()
    compared: pl.DataFrame = before.join(after, on=["gtin", "lot"], suffix="_after")
    return compared.sort("gtin", "lot")
