"""How a simulated world compares with real trade: ``python -m tests.bench.fidelity``.

Prints the tables of docs/simulator.md. Real figures come from SCMS deliveries (2006 to 2012, US aid
programme) and ARCOS sales (methadone, Massachusetts, 2006 to 2011), where they are present.
"""

import gzip
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from data.simulator.profiles import Wishes, world_of
from data.simulator.world import chunks
from tests.shared_data import SHARED

_HOUR_US = 3_600_000_000
_AT = (5, 25, 50, 75, 95)

Numbers = npt.NDArray[np.float64]


def _row(name: str, values: Numbers, form: str = "{:,.0f}") -> str:
    cells = " | ".join(form.format(x) for x in np.percentile(values, _AT))
    return f"| {name} | {len(values):,} | {cells} |"


def _head(what: str) -> list[str]:
    marks = " | ".join(f"p{p}" for p in _AT)
    return [f"\n| {what} | n | {marks} |", "|---|---|" + "---|" * len(_AT)]


def gini(values: Numbers) -> float:
    """Inequality of sizes: 0 all alike, 1 one has all."""
    ordered = np.sort(values)
    share = np.cumsum(ordered) / ordered.sum()
    return float(1 + 1 / len(ordered) - 2 * share.sum() / len(ordered))


def simulated() -> dict[str, Numbers]:
    """Distributions of the month profile without attacks."""
    world = world_of("month", Wishes(attacks="none"))
    found: dict[str, list[Numbers]] = {}
    sales: list[pl.DataFrame] = []
    for sent, stage in chunks(world):
        legs, life = stage.life.legs, stage.life
        for level, name in enumerate(("depot", "primary", "dispenser", "secondary")):
            mine = legs.level == level
            hours = (legs.receive_us - legs.ship_us)[mine] / _HOUR_US
            found.setdefault(f"transit {name}", []).append(hours)
            found.setdefault(f"packs {name}", []).append((legs.hi - legs.lo)[mine].astype(float))
        found.setdefault("lot size", []).append(life.lots.size.astype(float))
        sold = life.end_us < stage.until_us
        age = (life.end_us - life.printed_us)[sold] / (24 * _HOUR_US)
        found.setdefault("days to patient", []).append(age)
        hops = np.zeros(len(life))
        row = life.last_leg.copy()
        while (row >= 0).any():
            hops += row >= 0
            row = np.where(row >= 0, legs.parent[row], -1)
        found.setdefault("hops", []).append(hops)
        lag = sent.filter(pl.col("recorded_us") > pl.col("at_us"))
        found.setdefault("lag", []).append(
            ((lag["recorded_us"] - lag["at_us"]) / _HOUR_US).to_numpy()
        )
        sales.append(
            pl.DataFrame(
                {
                    "seller": legs.place_from[legs.level > 1],
                    "buyer": legs.place_to[legs.level > 1],
                    "units": (legs.hi - legs.lo)[legs.level > 1],
                }
            )
        )
    out = {name: np.concatenate(parts) for name, parts in found.items()}
    return out | _trade(pl.concat(sales))


def _trade(sales: pl.DataFrame) -> dict[str, Numbers]:
    bought = sales.group_by("buyer").agg(pl.col("units").sum(), pl.col("seller").n_unique())
    return {
        "packs a sale": sales["units"].to_numpy().astype(float),
        "bought by a buyer": bought["units"].to_numpy().astype(float),
        "sellers of a buyer": bought["seller"].to_numpy().astype(float),
    }


def arcos(path: Path) -> dict[str, Numbers]:
    """Sales of distributors to pharmacies and hospitals."""
    with gzip.open(path) as file:
        rows = pl.read_csv(file.read(), infer_schema=False)
    sales = rows.filter(pl.col("TRANSACTION_CODE") == "S").select(
        seller="REPORTER_DEA_NO",
        buyer="BUYER_DEA_NO",
        units=pl.col("QUANTITY").cast(pl.Float64),
    )
    return _trade(sales.filter(pl.col("units") > 0))


def scms(path: Path) -> dict[str, Numbers]:
    """Days from order to delivery, packs a line, days late."""
    rows = pl.read_csv(path, infer_schema=False, encoding="utf8-lossy")

    def day(name: str) -> pl.Expr:
        text = pl.col(name)  # two ways of writing in one file
        american = text.str.to_date("%m/%d/%y", strict=False)
        return pl.coalesce(text.str.to_date("%d-%b-%y", strict=False), american)

    rows = rows.select(
        late=(day("Delivered to Client Date") - day("Scheduled Delivery Date")).dt.total_days(),
        order=(day("Delivered to Client Date") - day("PO Sent to Vendor Date")).dt.total_days(),
        packs=pl.col("Line Item Quantity").cast(pl.Float64),
    )
    return {name: rows[name].drop_nulls().to_numpy().astype(float) for name in rows.columns}


def tables() -> list[str]:
    """The tables, as lines of Markdown."""
    ours = simulated()
    lines = _head("Hours on the way (simulated)")
    for level in ("depot", "primary", "dispenser", "secondary"):
        lines.append(_row(f"to {level}", ours[f"transit {level}"], "{:,.1f}"))
    lines += _head("Hours from event to record (simulated)")
    lines.append(_row("all events", ours["lag"], "{:,.2f}"))
    lines += _head("A lot and its packs (simulated)")
    lines.append(_row("packs of a lot", ours["lot size"]))
    lines.append(_row("consignments of a pack", ours["hops"]))
    lines.append(_row("days from line to patient", ours["days to patient"]))
    lines += _head("Sales to dispensers")
    real = SHARED / "shipments" / "arcos_methadone_ma_2006_2011.csv.gz"
    peers = [("simulated month", ours)]
    if real.is_file():
        peers.append(("ARCOS, six years, one drug", arcos(real)))
    for who, figures in peers:
        lines += [
            _row(f"{name} ({who})", figures[name])
            for name in ("packs a sale", "bought by a buyer", "sellers of a buyer")
        ]
    lines += ["\n| Inequality of buyers (Gini) | |", "|---|---|"]
    lines += [f"| {who} | {gini(f['bought by a buyer']):.2f} |" for who, f in peers]
    real = SHARED / "shipments" / "scms_2006_2012.csv"
    if real.is_file():
        deliveries = scms(real)
        lines += _head("SCMS deliveries between continents")
        lines.append(_row("packs of a line", deliveries["packs"]))
        lines.append(_row("days from order to delivery", deliveries["order"]))
        lines.append(_row("days late", deliveries["late"]))
    return lines


if __name__ == "__main__":
    print("\n".join(tables()))
