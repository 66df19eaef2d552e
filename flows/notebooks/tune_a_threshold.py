"""Tune one threshold without fooling yourself.

A threshold tried on the lots that chose it always looks good. Here half of the judged lots choose,
the other half judge the choice, once. Open it with
``marimo edit flows/notebooks/tune_a_threshold.py -- --warehouse W --truth truth.csv``; without a
truth file the lots that people decided are taken. The warehouse itself is not changed.
"""

import marimo

app = marimo.App(width="medium", app_title="Tune a threshold without fooling yourself")


@app.cell
def _():
    import hashlib
    from pathlib import Path

    import marimo as mo
    import polars as pl

    from data.errors import TouchstoneError
    from data.warehouse.backtest import backtest
    from data.warehouse.connection import open_read_only
    from data.warehouse.pattern_book import RAISED, pages, read_truth
    from data.warehouse.snapshot import newest_snapshot

    return (
        Path,
        RAISED,
        TouchstoneError,
        backtest,
        hashlib,
        mo,
        newest_snapshot,
        open_read_only,
        pages,
        pl,
        read_truth,
    )


@app.cell
def _(Path, mo):
    _said = mo.cli_args()
    warehouse = Path(_said.get("warehouse") or "var/demo/touchstone.duckdb")
    truth_file = Path(_said.get("truth") or "var/demo/truth.csv")
    pattern, threshold = str(_said.get("threshold") or "P30.return_days").split(".", 1)
    return pattern, threshold, truth_file, warehouse


@app.cell
def _(mo, pages, pattern, threshold):
    _known = {page.code: page.thresholds for page in pages()}
    mo.stop(
        threshold not in _known.get(pattern, {}),
        mo.md(f"**{pattern} has no threshold {threshold}.** `touchstone patterns {pattern}`."),
    )
    shipped, unit, source = _known[pattern][threshold]
    candidates = [shipped / 2, shipped, shipped * 2]
    mo.md(
        f"# Tune {pattern}.{threshold} without fooling yourself\n\n"
        f"Shipped: {shipped:g} {unit} ({source}). Tried: "
        f"{', '.join(f'{value:g}' for value in candidates)}. Name your candidates before you look "
        "at their results, and few: the best of twenty is luck."
    )
    return candidates, shipped, unit


@app.cell
def _(TouchstoneError, mo, newest_snapshot, open_read_only, pl, read_truth, truth_file, warehouse):
    try:
        copy = newest_snapshot(warehouse) or warehouse
        if truth_file.is_file():
            labels = read_truth(truth_file).select(
                "gtin", "lot", is_attack=pl.col("label") == "attack"
            )
        else:
            with open_read_only(copy) as _con:
                labels = _con.sql(
                    "SELECT gtin, lot, outcome <> 'cleared' AS is_attack FROM decision"
                ).pl()
    except TouchstoneError as _error:
        mo.stop(True, mo.md(f"**Nothing to tune on.** {_error}"))
    labels = labels.unique(["gtin", "lot"], keep="any", maintain_order=True)
    mo.stop(labels.is_empty(), mo.md("**No lot is decided yet**, so nothing says what is false."))
    return copy, labels


@app.cell
def _(hashlib, labels, mo, pl):
    # Halves by a hash of product and lot: the same lot falls in the same half on every day, so
    # that yesterday's look at the second half cannot leak into today's choice.
    def _half(lot):
        text = f"{lot['gtin']} {lot['lot']}".encode()
        return "choose" if hashlib.sha256(text).digest()[0] % 2 else "prove"

    halves = labels.with_columns(
        half=pl.struct("gtin", "lot").map_elements(_half, return_dtype=pl.String)
    )
    _sizes = halves.group_by("half").agg(lots=pl.len(), attacks=pl.sum("is_attack")).sort("half")
    mo.vstack(
        [
            mo.md("## Two halves of the lots whose truth is known"),
            mo.ui.table(_sizes, selection=None),
        ]
    )
    return (halves,)


@app.cell
def _(RAISED, backtest, candidates, copy, halves, pattern, pl, threshold):
    def _judged(value):
        lots = backtest(copy, {pattern: {threshold: value}}).with_columns(
            is_raised=pl.col("tier_after").is_in(RAISED)
        )
        return (
            halves.join(lots.select("gtin", "lot", "is_raised"), on=["gtin", "lot"], how="left")
            .with_columns(pl.col("is_raised").fill_null(False))
            .group_by("half")
            .agg(
                raised=pl.sum("is_raised"),
                false=(pl.col("is_raised") & ~pl.col("is_attack")).sum(),
                missed=(~pl.col("is_raised") & pl.col("is_attack")).sum(),
            )
            .with_columns(value=pl.lit(value))
        )

    results = pl.concat([_judged(value) for value in candidates]).sort("value", "half")
    return (results,)


@app.cell
def _(mo, pl, results, shipped):
    # A missed counterfeit weighs more than a false alarm; of equals, the shipped value stays.
    chosen = (
        results.filter(pl.col("half") == "choose")
        .with_columns(is_other=pl.col("value") != shipped)
        .sort("missed", "false", "is_other", "value")["value"][0]
    )
    mo.vstack(
        [
            mo.md(
                "## The first half chooses\n\nFewest missed, then fewest false alarms, then the "
                f"shipped value: **{chosen:g}**."
            ),
            mo.ui.table(results.filter(pl.col("half") == "choose").drop("half"), selection=None),
        ]
    )
    return (chosen,)


@app.cell
def _(chosen, mo, pl, results, shipped):
    proof = results.filter((pl.col("half") == "prove") & pl.col("value").is_in([chosen, shipped]))
    mo.vstack(
        [
            mo.md(
                "## The second half judges, once\n\nThese are the figures to write down. No "
                "difference here means no reason to change. Looking again after another choice "
                "spends this half: wait for new decided lots."
            ),
            mo.ui.table(proof.drop("half"), selection=None),
        ]
    )
    return (proof,)


@app.cell
def _(chosen, mo, pattern, shipped, threshold):
    mo.md(
        "## If you change it\n\nIn `touchstone.toml`, with the reason, which every report then "
        f"shows:\n\n```toml\n[patterns.{pattern}]\n{threshold} = {chosen:g}\n"
        'reason = "…"\nby = "…"\n```'
        if chosen != shipped
        else "## Leave it\n\nNothing tried did better on the half that chose."
    )


if __name__ == "__main__":
    app.run()
