"""What becomes of events on their way: sent late, in part, twice, or by a wrong clock.

A partner's habits follow from its number; each fault from the event it befalls. Evidence of a
scheme is lost like everything else: whether an analyst could have known is then told by the truth.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from data.simulator.chance import I64, Chance, Mask
from data.simulator.network import Network
from data.simulator.records import EVENTS
from data.simulator.working_time import DAY_US, HOUR_US, MINUTE_US, SECOND_US

AGAIN = 1 << 57  # numbers of second sendings
REPLAYED = 1 << 56  # numbers of replays
CORRECTED = 1 << 58  # numbers of corrected events
DECLARED = 1 << 59  # numbers of error declarations


@dataclass(frozen=True)
class Noise:
    """How imperfect feeds and people are; rates are shares of events, sites or lots.

    Rates of ``real`` follow DOMAIN.md section 1: one received event file in ten has errors;
    pharmacy chains got complete data for 25 to 50 % of products.
    """

    name: str
    look_alikes: float  # times the rates of DOMAIN.md
    partial_partners: float  # partners that lose a part of their events
    silent_dispensers: float  # dispensers that report no receipt, only what they hand out
    mute_dispensers: float  # dispensers that report nothing
    outages: float  # sites that lose some days
    late_days: float  # days of a site whose events wait in a queue
    late_lots: float  # lots whose commissioning is uploaded late (B06)
    lost_batches: float  # lots of which a part of the commissioning is never uploaded (B06)
    clock_faults: float  # sites (B10)
    wrong_offsets: float  # sites that state UTC whatever their zone
    twice: float  # events sent a second time
    replays: float  # events sent again weeks later (B09)
    corrections: float  # shipments declared wrong and sent anew


NOISE = {
    n.name: n
    for n in (
        Noise("none", *[0.0] * 13),
        Noise("low", 0.2, 0.02, 0.2, 0.0, 0.01, 0.001, 0.0, 0.0, 0.01, 0.02, 0.001, 0.0001, 0.001),
        Noise(
            "real", 1.0, 0.1, 0.45, 0.1, 0.04, 0.005, 0.02, 0.01, 0.03, 0.06, 0.004, 0.0005, 0.003
        ),
        Noise("high", 3.0, 0.3, 0.5, 0.25, 0.12, 0.02, 0.06, 0.03, 0.08, 0.12, 0.02, 0.002, 0.01),
    )
}


@dataclass(frozen=True)
class Habits:
    """One row a site: how its system reports."""

    keep: Any  # share of events that get through
    tells_receipts: Any
    is_mute: Any
    clock_us: I64  # added to event times
    states_utc: Any
    lag_kind: I64  # 0 at once, 1 hourly, 2 nightly
    outage_from_us: I64
    outage_to_us: I64


def habits(net: Network, noise: Noise, until_us: int) -> Habits:
    """Draw every site's habits."""
    chance: Chance = net.chance
    site = np.arange(len(net))
    partner = net.partner_no
    is_dispenser = np.array([s.role in ("pharmacy", "hospital") for s in net.sites])
    is_us = np.array([s.country == "US" for s in net.sites])
    is_source = np.array(
        [s.role in ("maker", "contract_packer", "third_party_logistics") for s in net.sites]
    )
    partial = chance.happens(noise.partial_partners, "partial", partner) & ~is_source
    keep = np.where(partial, (25 + chance.below(74, "kept share", partner)) / 100, 1.0)
    draw = chance.choose((noise.mute_dispensers, noise.silent_dispensers), "telling", site)
    # In the United States dispensers send no events upstream, unless data is asked of all.
    mute = is_dispenser & ((draw == 0) | (is_us & (noise.mute_dispensers > 0)))
    silent = is_dispenser & (draw == 1)
    faulty = chance.happens(noise.clock_faults, "clock", site) & ~is_source
    shifts = np.array([-60, 60, 120, -330, 7, -4, -60, 60])[chance.below(8, "clock shift", site)]
    first_us = (net.first_day - type(net.first_day)(1970, 1, 1)).days * DAY_US
    start = (
        first_us + chance.below(max((until_us - first_us) // HOUR_US, 1), "outage", site) * HOUR_US
    )
    lasts = (2 + chance.below(8, "outage days", site)) * DAY_US
    broken = chance.happens(noise.outages, "has outage", site)
    return Habits(
        keep,
        ~silent,
        mute,
        np.where(faulty, shifts * MINUTE_US, 0),
        chance.happens(noise.wrong_offsets, "offset", site),
        np.where(is_dispenser, 2, chance.below(3, "lag kind", partner)),
        np.where(broken, start, 0),
        np.where(broken, start + lasts, 0),
    )


def send(
    events: pl.DataFrame, net: Network, noise: Noise, own: Habits, until_us: int
) -> pl.DataFrame:
    """What arrives of some events, with the time of its record.

    Parameters
    ----------
    events
        In the columns of ``EVENTS``. A time of record other than the event's stays as it is.
    until_us
        What is recorded later has not arrived yet.
    """
    chance = net.chance
    no = events["event_no"].to_numpy()
    site = events["site"].to_numpy().astype(np.int64)
    reporter = events["reporter"].to_numpy().astype(np.int64)
    at = events["at_us"].to_numpy()
    step = events["step"].to_numpy()
    lot_no = no >> 22
    is_in = np.isin(step, ("receiving", "unpacking", "packing", "sensor_reporting"))
    lost = own.is_mute[reporter] | (is_in & ~own.tells_receipts[reporter])
    lost |= ~chance.happens(own.keep[reporter], "kept", no)
    lost |= (at >= own.outage_from_us[reporter]) & (at < own.outage_to_us[reporter])
    is_printing = step == "commissioning"
    hit = has_lost_batches(chance, noise, lot_no) & is_printing
    lost |= hit & chance.happens(0.08, "lost batch", no)

    recorded = events["recorded_us"].to_numpy()
    lag = _lag_us(chance, own, no, reporter, at)
    slow = chance.happens(noise.late_days, "late day", reporter, at // DAY_US)
    days = 3 + chance.below(18, "late by", reporter, at // DAY_US)
    lag = np.where(slow, lag + days * DAY_US, lag)
    late_lot = is_uploaded_late(chance, noise, lot_no) & is_printing
    upload = (8 + chance.below(25, "late upload", lot_no)) * DAY_US
    recorded = np.where(recorded == at, at + np.where(late_lot, upload, lag), recorded)

    offset = np.where(own.states_utc[site], 0, events["offset_min"].to_numpy())
    sent = events.with_columns(
        at_us=pl.Series(at + own.clock_us[site]),
        recorded_us=pl.Series(recorded),
        offset_min=pl.Series(offset, dtype=pl.Int32),
    )
    sent = _with_corrections(sent.filter(pl.Series(~lost)), chance, noise)
    sent = pl.concat([sent, *_repeats(sent, chance, noise)])
    # A clock that is ahead may state a record before its event; systems then state the same time.
    return sent.filter(pl.col("recorded_us") <= until_us).select(list(EVENTS))


def has_lost_batches(chance: Chance, noise: Noise, lot_no: I64) -> Mask:
    """Lots of which a part of the commissioning is never uploaded."""
    return chance.happens(noise.lost_batches, "lost lot", lot_no)


def is_uploaded_late(chance: Chance, noise: Noise, lot_no: I64) -> Mask:
    """Lots whose commissioning is uploaded weeks late."""
    return chance.happens(noise.late_lots, "late lot", lot_no)


def habit_rows(net: Network, own: Habits) -> pl.DataFrame:
    """The habits for people: one row a site."""
    silent = pl.col("outage_to_us") == 0
    return (
        pl.DataFrame(
            {
                "gln": [s.gln for s in net.sites],
                "kept_share": own.keep,
                "tells_receipts": own.tells_receipts,
                "tells_nothing": own.is_mute,
                "clock_min": own.clock_us // MINUTE_US,
                "states_utc": own.states_utc,
                "lag": np.array(["at once", "hourly", "nightly"])[own.lag_kind],
                "outage_from_us": own.outage_from_us,
                "outage_to_us": own.outage_to_us,
            }
        )
        .with_columns(
            pl.when(~silent).then(pl.from_epoch(pl.col(name), "us").dt.date()).alias(name[:-3])
            for name in ("outage_from_us", "outage_to_us")
        )
        .drop("outage_from_us", "outage_to_us")
    )


def _lag_us(chance: Chance, own: Habits, no: I64, reporter: I64, at: I64) -> I64:
    online = chance.spread_s(420, 0.9, "lag", no) * SECOND_US
    hourly = HOUR_US - at % HOUR_US + 4 * MINUTE_US
    nightly = DAY_US - (at - 2 * HOUR_US) % DAY_US + chance.below(1800, "night", no) * SECOND_US
    return np.choose(own.lag_kind[reporter], [online, hourly, nightly])


def _with_corrections(sent: pl.DataFrame, chance: Chance, noise: Noise) -> pl.DataFrame:
    """Shipments with a wrong document: declared wrong hours or days later, and sent anew."""
    no = sent["event_no"].to_numpy()
    wrong = (
        chance.happens(noise.corrections, "wrong", no)
        & ((sent["step"] == "shipping") & sent["document"].is_not_null()).to_numpy()
    )
    if not wrong.any():
        return sent
    later = (2 + chance.below(90, "declared after", no[wrong])) * HOUR_US
    right = sent.filter(pl.Series(wrong))
    false = right.with_columns(document=pl.col("document") + "-0")
    declared = false.with_columns(
        event_no=pl.col("event_no") + DECLARED,
        declared_us=pl.col("recorded_us") + pl.Series(later),
        recorded_us=pl.col("recorded_us") + pl.Series(later),
    )
    anew = right.with_columns(
        event_no=pl.col("event_no") + CORRECTED,
        event_id=pl.col("event_id") + CORRECTED,
        recorded_us=pl.col("recorded_us") + pl.Series(later) + 10 * MINUTE_US,
    )
    return pl.concat([sent.filter(pl.Series(~wrong)), false, declared, anew])


def _repeats(sent: pl.DataFrame, chance: Chance, noise: Noise) -> list[pl.DataFrame]:
    """Events that a retry sends again within the hour, and queues replayed weeks later."""
    no = sent["event_no"].to_numpy()
    twice = sent.filter(pl.Series(chance.happens(noise.twice, "twice", no)))
    twice = twice.with_columns(
        event_no=pl.col("event_no") | AGAIN, recorded_us=pl.col("recorded_us") + 30 * MINUTE_US
    )
    old = chance.happens(noise.replays, "replayed", no)
    weeks = (2 + chance.below(5, "weeks", no[old])) * 7 * DAY_US
    replayed = sent.filter(pl.Series(old)).with_columns(
        event_no=pl.col("event_no") | REPLAYED,
        recorded_us=pl.col("recorded_us") + pl.Series(weeks),
    )
    return [twice, replayed]
