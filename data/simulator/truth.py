"""The truth beside a feed: who did what to which packs, and from when it could have been known."""

from collections.abc import Container, Iterable, Iterator, Sequence

import numpy as np
import polars as pl

from data.simulator.feeds import Habits
from data.simulator.lots import Lots
from data.simulator.network import Network
from data.simulator.sales import iso
from data.simulator.spelling import event_names
from data.simulator.stage import Truth

EPC = "https://id.gs1.org/"
SCHEMES = {
    "scheme": pl.String,
    "code": pl.String,
    "label": pl.String,
    "gtin": pl.String,
    "lot": pl.String,
    "units": pl.Int64,
    "events": pl.Int64,  # that bear the evidence
    "knowable_us": pl.Int64,  # null: the evidence never arrived
    "note": pl.String,
}


def tellers(habits: Habits) -> set[int]:
    """Sites that tell what they receive: only there a missing receipt shows anything."""
    return set(np.flatnonzero(habits.tells_receipts & ~habits.is_mute).tolist())


def scheme_rows(
    truths: Sequence[Truth], sent: pl.DataFrame, tellers: Container[int]
) -> pl.DataFrame:
    """One row a scheme and lot.

    ``sent`` holds ``event_no`` and ``recorded_us`` of what arrived. A scheme could be known from
    the first arrival of an event that bears its evidence, with the event that it contradicts, or
    of a scan that failed because of it.
    """
    needed = pl.DataFrame(
        list(_clues(truths, tellers)),
        schema={"row": pl.Int64, "event_no": pl.Int64, "against_no": pl.Int64},
        orient="row",
    )
    # What was sent twice counts from its first arrival.
    got = sent.group_by("event_no").agg(pl.col("recorded_us").min())
    arrived = (
        needed.join(got, on="event_no")
        .join(got, left_on="against_no", right_on="event_no", suffix="_of_other")
        .group_by("row")
        .agg(pl.max_horizontal("recorded_us", "recorded_us_of_other").min())
    )
    first = dict(arrived.iter_rows())
    rows = []
    for number, truth in enumerate(truths):
        times = [t for t in (first.get(number), truth.scanned_us) if t is not None]
        rows.append(
            (
                truth.scheme,
                truth.code,
                truth.label,
                truth.gtin,
                truth.lot,
                len(truth.units),
                len(truth.evidence),
                min(times) if times else None,
                truth.note,
            )
        )
    return pl.DataFrame(rows, schema=SCHEMES, orient="row").sort("scheme", "gtin", "lot", "code")


def _clues(truths: Sequence[Truth], tellers: Container[int]) -> Iterator[tuple[int, int, int]]:
    """Row of the truth, event, and the event that it contradicts (itself where it needs none)."""
    for row, truth in enumerate(truths):
        against, unanswered = dict(truth.against), dict(truth.unanswered)
        for event in truth.evidence:
            if event not in unanswered or unanswered[event] in tellers:
                yield row, event, against.get(event, event)


def scheme_table(rows: pl.DataFrame) -> pl.DataFrame:
    """The same with the time as text."""
    return rows.with_columns(iso("knowable_us").alias("knowable_at")).drop("knowable_us")


def of_unstated_lots(
    truths: Iterable[Truth], schemes: pl.DataFrame, made: pl.Series
) -> pl.DataFrame:
    """Rows like those of schemes, for packs that nobody printed.

    No record tells the lot of such a pack; judges put it into the lot ``(unstated)`` of its GTIN.
    """
    attacks = [t for t in truths if t.code[0] == "P"]
    false = unit_rows(attacks).filter(~pl.col("epc").str.strip_prefix(EPC).is_in(made.implode()))
    told = false.with_columns(gtin=pl.col("epc").str.strip_prefix(EPC).str.slice(3, 14))
    named = told.select("gtin", "lot", "scheme", "code").unique(maintain_order=True)
    known = schemes.select("scheme", "code", "knowable_us", "label").unique(maintain_order=True)
    return named.join(known, on=["scheme", "code"], maintain_order="left").with_columns(
        lot=pl.lit("(unstated)")
    )


def lot_rows(net: Network, lots: Lots, schemes: pl.DataFrame) -> pl.DataFrame:
    """One row a lot: ``label`` is attack, look_alike or honest; codes are lists with ``;``.

    ``schemes`` are rows of ``scheme_rows`` and ``of_unstated_lots``. ``patterns`` are those whose
    evidence arrived; ``unseen`` those whose evidence did not.
    """
    is_attack = pl.col("code").str.starts_with("P")
    is_seen = pl.col("knowable_us").is_not_null()

    def codes(mask: pl.Expr) -> pl.Expr:
        return pl.col("code").filter(mask).unique().sort().str.join(";")

    told = schemes.group_by("gtin", "lot").agg(
        patterns=codes(is_attack & is_seen),
        unseen=codes(is_attack & ~is_seen),
        benign=codes(~is_attack),
        schemes=pl.col("scheme").filter(is_attack).unique().sort().str.join(";"),
        kinds=pl.col("label").filter(is_attack).unique().sort().str.join(";"),
        knowable_us=pl.col("knowable_us").filter(is_attack).min(),
    )
    own = pl.DataFrame(
        {
            "gtin": [net.products[int(p)].gtin for p in lots.product],
            "lot": list(lots.number),
            "quantity": lots.size,
        }
    )
    # Lots that nobody made, of which a scheme sells packs, come last; so do packs without a lot.
    keys = ["gtin", "lot"]
    made_up = told.join(own, on=keys, how="anti").select(keys).sort(keys)
    own = pl.concat([own, made_up.with_columns(quantity=pl.lit(0, pl.Int64))])
    joined = own.join(told, on=keys, how="left", maintain_order="left")
    texts = ("patterns", "unseen", "benign", "schemes", "kinds")
    joined = joined.with_columns(pl.col(texts).fill_null(""))
    label = (
        pl.when(pl.col("patterns") + pl.col("unseen") != "")
        .then(pl.lit("attack"))
        .when(pl.col("benign") != "")
        .then(pl.lit("look_alike"))
        .otherwise(pl.lit("honest"))
    )
    return joined.select(
        "gtin",
        "lot",
        label.alias("label"),
        "patterns",
        "benign",
        pl.lit("").alias("note"),
        "unseen",
        "schemes",
        "kinds",
        "quantity",
        iso("knowable_us").alias("knowable_at"),
    )


def unit_rows(truths: Iterable[Truth]) -> pl.DataFrame:
    """One row a pack that a scheme or mishap touched."""
    rows = [(key, t.gtin, t.lot, t.scheme, t.code, t.label) for t in truths for key in t.units]
    names = ("key", "gtin", "lot", "scheme", "code", "label")
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    epc = pl.lit(EPC) + pl.col("key")
    return frame.select(epc.alias("epc"), pl.exclude("key"))


def event_rows(truths: Sequence[Truth]) -> pl.DataFrame:
    """One row an event that bears the evidence of a scheme."""
    rows = [(e, t.scheme, t.code, t.label) for t in truths for e in t.evidence]
    frame = pl.DataFrame(
        rows,
        schema={"n": pl.Int64, "scheme": pl.String, "code": pl.String, "label": pl.String},
        orient="row",
    )
    return frame.select(event_names(frame["n"]).alias("event_id"), pl.exclude("n"))


def site_rows(net: Network, truths: Iterable[Truth]) -> pl.DataFrame:
    """One row a site and scheme in which it had a part."""
    rows = [
        (net.sites[s].gln, net.sites[s].role, t.scheme, t.code, t.label)
        for t in truths
        for s in t.sites
    ]
    names = ("gln", "role", "scheme", "code", "label")
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row").unique(
        maintain_order=True
    )


def edge_rows(net: Network, truths: Iterable[Truth]) -> pl.DataFrame:
    """One row a trade relation and scheme."""
    rows = [
        (net.sites[a].gln, net.sites[b].gln, t.scheme, t.code, t.label)
        for t in truths
        for a, b in t.edges
    ]
    names = ("from_gln", "to_gln", "scheme", "code", "label")
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row").unique(
        maintain_order=True
    )
