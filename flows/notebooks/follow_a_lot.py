"""Follow one suspect lot, from the judgement back to the documents.

Open it with ``marimo edit flows/notebooks/follow_a_lot.py``; another warehouse with
``-- --warehouse var/touchstone.duckdb``. The warehouse is only read.
"""

import marimo

app = marimo.App(width="medium", app_title="Follow one suspect lot")


@app.cell
def _():
    from pathlib import Path

    import marimo as mo

    from data.errors import TouchstoneError
    from data.warehouse.connection import open_read_only
    from data.warehouse.cookbook import ready_query
    from data.warehouse.snapshot import newest_snapshot

    return Path, TouchstoneError, mo, newest_snapshot, open_read_only, ready_query


@app.cell
def _(Path, mo):
    warehouse = Path(mo.cli_args().get("warehouse") or "var/demo/touchstone.duckdb")
    return (warehouse,)


@app.cell
def _(TouchstoneError, mo, newest_snapshot, open_read_only, warehouse):
    try:
        con = open_read_only(newest_snapshot(warehouse) or warehouse)
    except TouchstoneError as _error:
        mo.stop(True, mo.md(f"**No warehouse to read.** {_error}"))
    return (con,)


@app.cell
def _(con, mo):
    suspects = con.sql(
        "SELECT gtin, lot, product, tier, top_pattern, suspicion_pct, findings_standing, units "
        "FROM lot_risk WHERE tier <> 'clear' ORDER BY suspicion_pct DESC, gtin, lot"
    ).pl()
    mo.stop(suspects.is_empty(), mo.md("**No lot stands out in this warehouse.**"))
    choice = mo.ui.dropdown(
        options={f"{row[0]} {row[1]} ({row[3]})": f"{row[0]} {row[1]}" for row in suspects.rows()},
        value=f"{suspects['gtin'][0]} {suspects['lot'][0]} ({suspects['tier'][0]})",
        label="Lot",
    )
    mo.vstack(
        [
            mo.md("# Follow one suspect lot\n\nChoose one; all below follows the choice."),
            mo.ui.table(suspects, selection=None),
            choice,
        ]
    )
    return choice, suspects


@app.cell
def _(choice):
    wanted = dict(zip(("gtin", "lot"), choice.value.split(" ", 1), strict=True))
    return (wanted,)


@app.cell
def _(con, mo, wanted):
    standing = con.sql(
        "SELECT severity, pattern, status, benign, units, site_gln, observed, threshold, tests "
        "FROM finding WHERE gtin = $gtin AND lot = $lot "
        "ORDER BY status DESC, severity, pattern, finding_id",
        params=wanted,
    ).pl()
    _stands = standing.filter(standing["status"] == "stands")
    mo.vstack(
        [
            mo.md(
                f"## What was found\n\n{len(standing)} findings, {len(_stands)} stand. The others "
                "have an honest explanation, or data gaps: `benign` names it, `tests` holds the "
                "numbers that decided."
            ),
            mo.ui.table(standing, selection=None),
        ]
    )
    return (standing,)


@app.cell
def _(con, mo, wanted):
    history = con.sql("FROM lot_history($gtin, $lot)", params=wanted).pl()
    mo.vstack(
        [
            mo.md(
                "## What happened\n\nEvery step of the lot with the number of its packs. "
                "`is_inferred` means the packs were not read themselves; their case was."
            ),
            mo.ui.table(history, selection=None),
        ]
    )
    return (history,)


@app.cell
def _(con, mo, ready_query, wanted):
    reasons = con.sql(ready_query("why_this_score").text, params=wanted).pl()
    cases = con.sql(
        "SELECT rank, title, outcome, distance, is_near, shared, unshared FROM cited_case "
        "WHERE gtin = $gtin AND lot = $lot ORDER BY rank",
        params=wanted,
    ).pl()
    like = con.sql("FROM similar_lots($gtin, $lot, 5)", params=wanted).pl()
    mo.vstack(
        [
            mo.md(
                "## Whom it resembles\n\nThe parts of its score, the past cases nearest to it, and "
                "the lots of this warehouse most like it. A case that is not `is_near` is no "
                "precedent."
            ),
            mo.ui.table(reasons, selection=None),
            mo.ui.table(cases, selection=None),
            mo.ui.table(like, selection=None),
        ]
    )
    return cases, like, reasons


@app.cell
def _(con, mo, ready_query, wanted):
    calls = con.sql(ready_query("whom_to_call").text, params=wanted).pl()
    documents = con.sql(ready_query("documents_of_lot").text, params=wanted).pl()
    mo.vstack(
        [
            mo.md("## Where the packs are now, and whom to call"),
            mo.ui.table(calls, selection=None),
            mo.md("## The documents that say so"),
            mo.ui.table(documents, selection=None),
        ]
    )
    return calls, documents


if __name__ == "__main__":
    app.run()
