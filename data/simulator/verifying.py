"""What scanners ask: honest verifications, before a pack is handed out."""

import numpy as np
import polars as pl

from data.simulator.chance import I64
from data.simulator.life import NEVER, Life
from data.simulator.network import Network
from data.simulator.sales import iso
from data.simulator.telling import Things
from data.simulator.working_time import SECOND_US

LOGGED_SHARE = 0.25  # of packs handed out whose scan is in the logs that we get
MANUAL_SHARE = 0.01
VERIFICATIONS = (
    "request_time_utc",
    "site_gln",
    "gtin",
    "serial",
    "lot",
    "expiry",
    "entry_mode",
    "answer_code",
)
_SCHEMA = {
    "at_us": pl.Int64,
    "site": pl.Int32,
    **dict.fromkeys(VERIFICATIONS[2:], pl.String),
}


def honest_scans(
    net: Network, life: Life, things: Things, cut_us: I64, until_us: int
) -> pl.DataFrame:
    """Scans of genuine packs just before they are handed out: time, site, what was read."""
    lots = life.lots
    logged = net.chance.happens(LOGGED_SHARE, "logged", lots.no[life.pack_lot], life.pack_no)
    packs = np.flatnonzero(logged & (life.end_us < np.minimum(cut_us, NEVER)))
    packs = packs[life.end_us[packs] <= until_us]
    lot = life.pack_lot[packs]
    key = (lots.no[lot], life.pack_no[packs])
    early = (20 + net.chance.below(200, "scan before", *key)) * SECOND_US
    manual = net.chance.happens(MANUAL_SHARE, "manual entry", *key)
    expiry = pl.Series(lots.expiry, dtype=pl.Date).dt.strftime("%y%m%d")
    return pl.DataFrame(
        {
            "at_us": life.end_us[packs] - early,
            "site": life.legs.place_to[life.last_leg[packs]],
            "gtin": things.keys.gather(packs).str.slice(3, 14),
            "serial": things.keys.gather(packs).str.slice(21),
            "lot": pl.Series(lots.number, dtype=pl.String).gather(lot),
            "expiry": expiry.gather(lot),
            "entry_mode": np.where(manual, "manual", "scan"),
            "answer_code": np.full(len(packs), "ACTIVE"),
        },
        schema_overrides=_SCHEMA,
    )


def staged_scans(rows: list[dict[str, object]]) -> pl.DataFrame:
    """Scans that schemes and mishaps add."""
    return pl.DataFrame(rows, schema=_SCHEMA)


def scan_table(scans: pl.DataFrame, net: Network) -> pl.DataFrame:
    """The plain layout ``verifications``."""
    gln = pl.Series([s.gln for s in net.sites])
    return scans.with_columns(
        iso("at_us").alias("request_time_utc"),
        gln.gather(scans["site"]).alias("site_gln"),
    ).select(VERIFICATIONS)
