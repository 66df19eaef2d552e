"""The sellers' own sales logs: quantity, price and order of each consignment, as ERP systems know.

Some sellers send such a log beside their events; it has no serials, and it alone has prices.
"""

from typing import Any

import numpy as np
import polars as pl

from data.simulator.chance import I64
from data.simulator.life import TO_DEPOT, Life, consignment_no
from data.simulator.network import Network
from data.simulator.working_time import DAY_US

CURRENCY = {"GB": "GBP", "US": "USD", "CH": "CHF", "PL": "PLN", "TR": "TRY"}
RATE = {"EUR": 1.0, "GBP": 0.85, "USD": 1.1, "CHF": 0.95, "PLN": 4.3, "TRY": 35.0}
LOG_SHARE = 0.6  # of the sellers
SHIPMENTS = (
    "shipment_id",
    "line",
    "from_gln",
    "to_gln",
    "gtin",
    "lot",
    "quantity",
    "shipped_at",
    "received_at",
    "unit_price",
    "currency",
    "mode",
    "order_id",
)


def currency_of(country: str) -> str:
    """What is paid with in a country."""
    return CURRENCY.get(country, "EUR")


def list_price(net: Network, product: int, country: str) -> float:
    """What a pack usually costs in trade, in the country's currency."""
    return net.products[product].price_cents / 100 * RATE[currency_of(country)]


def sales_log(net: Network, life: Life, cut_us: I64, until_us: int) -> pl.DataFrame:
    """Lines of the plain layout ``shipments`` with the time they were written (``recorded_us``)."""
    legs, lots, chance = life.legs, life.lots, net.chance
    seller = legs.place_from
    logs = chance.happens(LOG_SHARE, "sends a log", net.partner_no[seller])
    rows = np.flatnonzero(logs & (legs.level > TO_DEPOT) & (legs.ship_us <= until_us))
    if not len(rows):
        return pl.DataFrame(schema=_SCHEMA)
    key = (lots.no[legs.lot[rows]], legs.no[rows])
    gone = np.zeros(len(legs), dtype=np.int64)  # packs of schemes that did not leave with it
    packs = np.flatnonzero(cut_us < until_us)
    leg = life.last_leg[packs]
    while len(packs):
        late = cut_us[packs] <= legs.ship_us[leg]
        np.add.at(gone, leg[late], 1)
        leg = legs.parent[leg]
        packs, leg = packs[leg >= 0], leg[leg >= 0]
    quantity = (legs.hi - legs.lo - gone)[rows]
    product = lots.product[legs.lot[rows]]
    country = [net.sites[int(s)].country for s in seller[rows]]
    price = np.array([list_price(net, int(p), c) for p, c in zip(product, country, strict=True)])
    # A seller's terms for a product move by a few per cent from month to month.
    month = legs.ship_us[rows] // (30 * DAY_US)
    terms = 960 + chance.below(80, "terms", seller[rows], product, month)
    deal = 985 + chance.below(30, "deal", *key)
    cents = np.round(price * terms * deal / 10_000)
    number = consignment_no(lots.no[legs.lot[rows]], legs.no[rows])
    frame = pl.DataFrame(
        {
            "seller": seller[rows],
            "buyer": legs.place_to[rows],
            "ship_us": legs.ship_us[rows],
            "number": number,
            "quantity": quantity,
            "cents": cents.astype(np.int64),
            "currency": [currency_of(c) for c in country],
            "gtin": [net.products[int(p)].gtin for p in product],
            "lot": [lots.number[int(r)] for r in legs.lot[rows]],
        }
    ).filter(pl.col("quantity") > 0)
    gln = pl.Series([s.gln for s in net.sites])
    return frame.select(
        (pl.lit("S") + pl.col("number").cast(pl.String)).alias("shipment_id"),
        pl.lit("1").alias("line"),
        gln.gather(frame["seller"]).alias("from_gln"),
        gln.gather(frame["buyer"]).alias("to_gln"),
        "gtin",
        "lot",
        pl.col("quantity").cast(pl.String),
        iso("ship_us").alias("shipped_at"),
        pl.lit("").alias("received_at"),
        (
            (pl.col("cents") // 100).cast(pl.String)
            + "."
            + (pl.col("cents") % 100).cast(pl.String).str.zfill(2)
        ).alias("unit_price"),
        "currency",
        pl.lit("road").alias("mode"),
        (pl.lit("O") + pl.col("number").cast(pl.String)).alias("order_id"),
        pl.col("seller").cast(pl.Int32).alias("reporter"),
        _written(pl.col("ship_us")).alias("recorded_us"),
    )


def staged_sales(net: Network, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Lines that schemes and mishaps add, each in the log of its seller."""
    site = {s.gln: s.no for s in net.sites}
    texts = [{name: str(row.get(name, "")) for name in SHIPMENTS} for row in rows]
    lines = pl.DataFrame(texts, schema=dict.fromkeys(SHIPMENTS, pl.String))
    shipped = pl.col("shipped_at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us")
    return lines.with_columns(
        pl.col("from_gln").replace_strict(site, return_dtype=pl.Int32).alias("reporter"),
        _written(shipped.cast(pl.Int64)).alias("recorded_us"),
    )


def _written(ship_us: pl.Expr) -> pl.Expr:
    """Logs are written in the night after."""
    return ship_us // DAY_US * DAY_US + DAY_US + 5 * DAY_US // 24


def iso(column: str) -> pl.Expr:
    """UTC microseconds as ISO 8601 text."""
    return pl.from_epoch(pl.col(column), "us").dt.strftime("%Y-%m-%dT%H:%M:%SZ")


_SCHEMA = {
    **dict.fromkeys(SHIPMENTS, pl.String),
    "reporter": pl.Int32,
    "recorded_us": pl.Int64,
}
