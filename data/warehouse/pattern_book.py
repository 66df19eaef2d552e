"""The patterns as a book that a person can look things up in: what each says, and how it does."""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from data.errors import InputError
from data.warehouse import thresholds
from data.warehouse.models import read_models

TRUTH_COLUMNS = ("gtin", "lot", "label", "patterns")
RAISED = ("hold", "investigate")
UNSTATED = "(unstated)"


@dataclass(frozen=True)
class PatternPage:
    """One pattern: its header's entries, and its thresholds with unit and source."""

    code: str
    name: str
    purpose: str
    family: str
    entries: dict[str, str]
    thresholds: dict[str, tuple[float, str, str]]


def pages() -> list[PatternPage]:
    """All patterns, by code."""
    values = thresholds.shipped()
    return [
        PatternPage(
            code=(code := model.header.pattern["pattern"]),
            name=model.file.name.partition("_")[2],
            purpose=model.header.purpose,
            family=model.header.pattern["family"],
            entries={**model.header.pattern, "caveats": model.header.caveats},
            thresholds={
                key.partition(".")[2]: value
                for key, value in values.items()
                if key.startswith(f"{code}.")
            },
        )
        for model in read_models()
        if model.header.pattern
    ]


def counts(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
    """Findings of the warehouse by pattern and status."""
    rows = con.execute(
        "SELECT pattern, status, count(*) FROM find_finding GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    found: dict[str, dict[str, int]] = {}
    for pattern, status, count in rows:
        found.setdefault(pattern, {})[status] = count
    return found


def read_truth(path: Path) -> pl.DataFrame:
    """The truth beside a simulated feed, one row a lot: ``patterns`` is a list of codes.

    Raises InputError where the file is absent or is no truth file.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file. Name the truth file of a simulated feed.")
    truth = pl.read_csv(path, infer_schema=False)
    if absent := [name for name in TRUTH_COLUMNS if name not in truth.columns]:
        raise InputError(
            f"{path}: no truth file: column {', '.join(absent)} is absent. Expected at least "
            f"{', '.join(TRUTH_COLUMNS)}."
        )
    return truth.with_columns(pl.col("patterns").fill_null("").str.split(";"))


def where_judged(
    con: duckdb.DuckDBPyConnection, truth: pl.DataFrame, units: pl.DataFrame
) -> pl.DataFrame:
    """Truth without rows that the warehouse has no lot for.

    A simulated world has a row ``(unstated)`` for serials that nobody printed. Where a request or
    a repackager's record tells their lot, they are judged there, and where no record names them
    nobody can judge them. A row whose evidence never arrived stays: it is nobody's miss.
    ``units`` is the truth of packs: ``epc``, ``scheme``.
    """
    kept = con.sql("SELECT epc, gtin FROM core_unit WHERE lot_basis = 'unstated'").pl()
    own = units.join(kept, on="epc").select("gtin", "scheme").unique()
    rows = truth.filter(pl.col("lot") == UNSTATED).with_columns(
        scheme=pl.col("schemes").str.split(";")
    )
    stays = rows.explode("scheme").join(own, on=["gtin", "scheme"], how="semi")
    is_kept = (
        (pl.col("lot") != UNSTATED)
        | pl.col("gtin").is_in(stays["gtin"].to_list())
        | (pl.col("patterns").list.join(";") == "")
    )
    return truth.filter(is_kept)


def against_truth(con: duckdb.DuckDBPyConnection, truth: pl.DataFrame) -> pl.DataFrame:
    """How each pattern did on a simulated feed, at the grain of lots.

    Columns: ``pattern``; ``planted`` (lots where truth names it), ``found`` of these (it stands),
    ``raised`` of these (the lot is held or to be investigated, by whatever pattern), ``false``
    (lots of no attack where it stands). Recall is found / planted.
    """
    standing = con.sql(
        "SELECT DISTINCT gtin, lot, pattern FROM find_finding WHERE status = 'stands'"
    ).pl()
    tiers = con.sql("SELECT gtin, lot, tier FROM lot_risk").pl()
    planted = truth.explode("patterns").rename({"patterns": "pattern"})
    planted = planted.filter((pl.col("label") == "attack") & (pl.col("pattern") != ""))
    keys = ["gtin", "lot"]
    judged = (
        planted.select(*keys, "pattern")
        .unique()
        .join(standing.with_columns(found=True), on=[*keys, "pattern"], how="left")
        .join(tiers, on=keys, how="left")
        .group_by("pattern")
        .agg(
            planted=pl.len(),
            found=pl.col("found").fill_null(False).sum(),
            raised=pl.col("tier").is_in(RAISED).fill_null(False).sum(),
        )
    )
    attacked = truth.filter(pl.col("label") == "attack").select(keys).unique()
    false = standing.join(attacked, on=keys, how="anti").group_by("pattern").agg(false=pl.len())
    joined = judged.join(false, on="pattern", how="full", coalesce=True)
    return joined.with_columns(pl.exclude("pattern").fill_null(0)).sort("pattern")


def alerts(con: duckdb.DuckDBPyConnection, truth: pl.DataFrame) -> dict[str, int]:
    """Lots raised to hold or investigate: how many, of them attacked, and attacks in all."""
    tiers = con.sql("SELECT gtin, lot, tier FROM lot_risk").pl()
    attacked = truth.filter(pl.col("label") == "attack").select("gtin", "lot").unique()
    raised = tiers.filter(pl.col("tier").is_in(RAISED))
    hit = raised.join(attacked, on=["gtin", "lot"], how="semi")
    return {"raised": len(raised), "attacked_and_raised": len(hit), "attacked": len(attacked)}
