"""The reference lists that come with a feed: sites, licences, products, lots, recalls, thefts."""

from pathlib import Path
from typing import Any

import polars as pl

from data.simulator.lots import Lots
from data.simulator.network import Network
from data.simulator.stage import day_of

LOT_MASTER = ("gtin", "lot", "expiry", "manufactured", "quantity", "markets")
RECALLS = ("gtin", "lot", "class", "from")
EXEMPTIONS = ("gtin", "gln", "from", "until", "source")
THEFT_NOTICES = ("reported_at", "gtin", "lot", "serial", "sscc", "place")


def write_standing_lists(folder: Path, net: Network, licences: dict[int, dict[str, Any]]) -> None:
    """Sites, licences and products, which no lot changes.

    ``licences`` holds, by site, cells that differ from the truth in every row of the site; a row
    whose ``licence_no`` is None is not listed.
    """
    sites = net.frame()
    _table(folder / "sites.csv", sites.drop("site", "sgln_urn"))
    rows = [
        {
            "gln": net.sites[spell.site].gln,
            "role": net.sites[spell.site].role,
            "licence_no": spell.number,
            "valid_from": spell.valid_from.isoformat(),
            "valid_to": spell.valid_to.isoformat(),
            "country": net.sites[spell.site].country,
            **licences.get(spell.site, {}),
        }
        for spell in net.licences
    ]
    listed = pl.DataFrame([row for row in rows if row["licence_no"] is not None])
    _table(folder / "licences.csv", listed)
    _table(
        folder / "product_master.csv",
        pl.DataFrame(
            [
                {
                    "gtin": p.gtin,
                    "name": p.brand,
                    "shelf_life_days": str(p.shelf_life_days),
                    "markets": ";".join(p.markets),
                    "storage": p.storage,
                    "high_risk": "true" if p.is_high_risk else "false",
                }
                for p in net.products
            ]
        ),
    )


def lot_rows(
    net: Network, lots: Lots, changed: dict[tuple[str, str], dict[str, Any]]
) -> pl.DataFrame:
    """Rows of the lot master; a changed cell replaces ours, a ``lot`` of None drops the row."""
    rows = []
    for row in range(len(lots)):
        product = net.products[int(lots.product[row])]
        own: dict[str, Any] = {
            "gtin": product.gtin,
            "lot": lots.number[row],
            "expiry": lots.expiry[row].isoformat(),
            "manufactured": day_of(int(lots.made_us[row])).isoformat(),
            "quantity": str(int(lots.size[row])),
            "markets": ";".join(product.markets),
        }
        own |= changed.get((own["gtin"], own["lot"]), {})
        if own["lot"] is not None:
            rows.append({name: _text(own[name]) for name in LOT_MASTER})
    return pl.DataFrame(rows, schema=dict.fromkeys(LOT_MASTER, pl.String))


def notice_rows(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pl.DataFrame:
    """Notices as staged, every cell a text."""
    texts = [{name: _text(row.get(name)) for name in columns} for row in rows]
    return pl.DataFrame(texts, schema=dict.fromkeys(columns, pl.String))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _table(path: Path, frame: pl.DataFrame) -> None:
    frame.write_csv(path)
