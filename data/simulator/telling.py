"""What every site would report of the packs' life, as event records; still free of faults."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from data.simulator.chance import I64, Mask
from data.simulator.life import (
    NEVER,
    TO_BUYER,
    TO_PRIMARY,
    Legs,
    Life,
    books_out_at_goods_in,
    consignment_no,
    spread,
)
from data.simulator.lots import pack_keys, sscc_keys
from data.simulator.network import Network
from data.simulator.records import EVENTS
from data.simulator.working_time import HOUR_US, MINUTE_US, SECOND_US, Clocks

EVENT_BITS = 22  # events of a lot are numbered below 2 ** 22
_PER_COMMISSIONING = 200


@dataclass(frozen=True)
class Things:
    """Keys of packs, cases, pallets and totes, one after the other, and where each kind starts."""

    keys: pl.Series
    cases: int
    pallets: int
    totes: int


def name_things(net: Network, life: Life) -> Things:
    """Give every pack its serial, every logistic unit its SSCC under its packer's prefix."""
    lots = life.lots
    legs = life.legs
    prefix = [net.sites[net.products[int(p)].packer].partner.prefix for p in lots.product]
    cases = _sscc(prefix, life.case_lot, 1, lots.no[life.case_lot] * 4096 + life.case_no)
    pallets = _sscc(prefix, life.pallet_lot, 4, lots.no[life.pallet_lot] * 4096 + life.pallet_no)
    # Totes carry their sender's prefix; what a lot sends beyond 4,096 totes goes without one.
    own = [site.partner.prefix for site in net.sites]
    tote = lots.no[legs.lot] * 4096 + (legs.no & 4095)
    totes = _sscc(own, legs.place_from, 7, tote)
    packs = pack_keys(net, lots)
    return Things(
        pl.concat([packs, cases, pallets, totes]),
        len(packs),
        len(packs) + len(cases),
        len(packs) + len(cases) + len(pallets),
    )


def _sscc(prefixes: list[str], owner: I64, extension: int, numbers: I64) -> pl.Series:
    """SSCC under the prefix of each row's owner, in the rows' order."""
    if not len(owner):
        return pl.Series("key", [], dtype=pl.String)
    order = np.argsort(owner, kind="stable")
    starts = np.flatnonzero(np.r_[True, owner[order][1:] != owner[order][:-1]])
    parts = [
        sscc_keys(prefixes[int(owner[rows[0]])], extension, numbers[rows])
        for rows in np.split(order, starts[1:])
    ]
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    return pl.concat(parts).gather(back)


@dataclass(frozen=True)
class Unsaid:
    """What happens in honest life and nobody reports."""

    opened: Mask  # cases whose opening is not told
    received: Mask  # consignments whose receipt is not told


def tell(
    net: Network,
    clocks: Clocks,
    life: Life,
    things: Things,
    until_us: int,
    cut_us: I64,
    unsaid: Unsaid | None = None,
) -> pl.DataFrame:
    """Events of the honest life, in the columns of ``EVENTS``.

    Parameters
    ----------
    until_us
        What happens later is not told.
    cut_us
        For each pack the time from which it no longer lives its honest life (``NEVER``).
    unsaid
        What is left out; None: nothing.
    """
    teller = _Teller(net, life, things, until_us, cut_us, unsaid)
    frames = [
        *teller.making(),
        *teller.opening(),
        *teller.moving(),
        *teller.dispensing(),
    ]
    told = pl.concat(frames)
    told = told.sort("lot_row", "at_us", "order", maintain_order=True)
    rank = pl.int_range(pl.len()).over("lot_row").cast(pl.Int64)
    no = pl.Series(life.lots.no).gather(told["lot_row"])
    told = told.with_columns(event_no=no * (1 << EVENT_BITS) + rank)
    return finished(told, net, clocks)


def finished(told: pl.DataFrame, net: Network, clocks: Clocks) -> pl.DataFrame:
    """Fill what follows from the rest: name, zone offset, reporter, time of record."""
    site = told["site"].to_numpy().astype(np.int64)
    at = told["at_us"].to_numpy()
    offset = clocks.offset_us(at, net.zone_no[site]) // MINUTE_US
    full = told.with_columns(
        offset_min=pl.Series(offset, dtype=pl.Int32),
        **{
            name: pl.lit(None, dtype)
            for name, dtype in EVENTS.items()
            if name not in told.columns and name not in ("event_id", "recorded_us", "offset_min")
        },
    )
    return full.with_columns(
        event_id="event_no",
        recorded_us="at_us",
        reporter=pl.coalesce("reporter", "site"),
    ).select([pl.col(name).cast(dtype) for name, dtype in EVENTS.items()])


class _Teller:
    def __init__(
        self,
        net: Network,
        life: Life,
        things: Things,
        until_us: int,
        cut_us: I64,
        unsaid: Unsaid | None,
    ) -> None:
        self.net, self.life, self.things = net, life, things
        self.until_us, self.cut_us, self.unsaid = until_us, cut_us, unsaid
        self.lot_no = life.lots.no
        self.case_cut_us = np.minimum.reduceat(cut_us, life.case_lo)
        self.pallet_cut_us = np.minimum.reduceat(cut_us, life.pallet_lo)
        self.legs = life.legs
        self._pair()

    def _pair(self) -> None:
        """Which cases and pallets travel whole with which consignment."""
        life, legs = self.life, self.legs
        first, last = life.case[legs.lo], life.case[legs.hi - 1]
        self.pair_leg = np.repeat(np.arange(len(legs)), last - first + 1)
        self.pair_case = spread(first, last - first + 1)
        self.pair_lo = np.maximum(legs.lo[self.pair_leg], life.case_lo[self.pair_case])
        self.pair_hi = np.minimum(legs.hi[self.pair_leg], life.case_hi[self.pair_case])
        covers = (self.pair_lo == life.case_lo[self.pair_case]) & (
            self.pair_hi == life.case_hi[self.pair_case]
        )
        ship = legs.ship_us[self.pair_leg]
        self.pair_whole = covers & (self.case_cut_us[self.pair_case] > ship)
        # A consignment of which every pack is gone by then does not leave, and opens nothing.
        self.pair_leaves = np.ones(len(ship), dtype=bool)
        for pair in np.flatnonzero(self.case_cut_us[self.pair_case] <= ship):  # few
            packs = slice(int(self.pair_lo[pair]), int(self.pair_hi[pair]))
            self.pair_leaves[pair] = bool((self.cut_us[packs] > ship[pair]).any())
        pallet = life.pallet[self.pair_case]
        self.pair_on_pallet = (
            (legs.level[self.pair_leg] <= TO_PRIMARY)
            & (life.pallet_lo[pallet] >= legs.lo[self.pair_leg])
            & (life.pallet_hi[pallet] <= legs.hi[self.pair_leg])
            & (self.pallet_cut_us[pallet] > ship)
        )

    def making(self) -> list[pl.DataFrame]:
        """Serials are printed in batches, packs go into cases, cases onto pallets."""
        net, life, things = self.net, self.life, self.things
        products = net.products
        packer = np.array([p.packer for p in products], dtype=np.int64)[life.lots.product]
        per_case = np.array([p.per_case for p in products], dtype=np.int64)[life.lots.product]
        batch = per_case * np.maximum(1, _PER_COMMISSIONING // per_case)
        starts = life.pack_no % batch[life.pack_lot] == 0
        first = np.flatnonzero(starts)
        lot = life.pack_lot[first]
        epoch = np.datetime64("1970-01-01", "D")
        made_on = epoch + (life.lots.made_us // (24 * HOUR_US)).astype("timedelta64[D]")
        printing = self._frame(
            lot,
            life.printed_us[first],
            packer[lot],
            "ObjectEvent",
            "ADD",
            "commissioning",
            "active",
            0,
            epcs=(np.cumsum(starts) - 1, np.arange(len(life))),
        )
        row = printing["lot_row"]
        printing = printing.with_columns(
            lot=pl.Series(life.lots.number, dtype=pl.String).gather(row),
            expiry=pl.Series(life.lots.expiry, dtype=pl.Date).gather(row),
            made_on=pl.Series(made_on).cast(pl.Date).gather(row),
        )
        packed_us = life.printed_us[life.case_hi - 1] + 45 * SECOND_US
        cases = self._frame(
            life.case_lot,
            packed_us,
            packer[life.case_lot],
            "AggregationEvent",
            "ADD",
            "packing",
            "in_progress",
            1,
            parent=things.cases + np.arange(len(life.case_lo)),
            children=(life.case, np.arange(len(life))),
        )
        last_case = np.r_[np.flatnonzero(np.diff(life.pallet)), len(life.pallet) - 1]
        pallets = self._frame(
            life.pallet_lot,
            packed_us[last_case] + 5 * MINUTE_US,
            packer[life.pallet_lot],
            "AggregationEvent",
            "ADD",
            "packing",
            "in_progress",
            2,
            parent=things.pallets + np.arange(len(life.pallet_lo)),
            children=(life.pallet, things.cases + np.arange(len(life.pallet))),
        )
        return [printing, cases, pallets]

    def opening(self) -> list[pl.DataFrame]:
        """Pallets are taken apart before a part of them leaves, or where they end; so are cases."""
        life, legs, things = self.life, self.legs, self.things
        site, at = self._opened(
            life.pallet[self.pair_case],
            self.pair_on_pallet,
            legs.level[self.pair_leg] <= TO_PRIMARY,
            self.pallet_cut_us,
            "pallet",
        )
        rows = np.flatnonzero(at < NEVER)
        inside = np.flatnonzero(at[life.pallet] < NEVER)
        back = np.cumsum(at < NEVER) - 1
        pallets = self._frame(
            life.pallet_lot[rows],
            at[rows],
            site[rows],
            "AggregationEvent",
            "DELETE",
            "unpacking",
            "in_progress",
            3,
            parent=things.pallets + rows,
            children=(back[life.pallet[inside]], things.cases + inside),
        )
        site, at = self._opened(
            self.pair_case,
            self.pair_whole,
            np.ones(len(self.pair_case), dtype=bool),
            self.case_cut_us,
            "case",
        )
        if self.unsaid is not None:
            at = np.where(self.unsaid.opened, NEVER, at)
        rows = np.flatnonzero(at < NEVER)
        inside = np.flatnonzero(at[life.case] < NEVER)
        back = np.cumsum(at < NEVER) - 1
        cases = self._frame(
            life.case_lot[rows],
            at[rows],
            site[rows],
            "AggregationEvent",
            "DELETE",
            "unpacking",
            "in_progress",
            4,
            parent=things.cases + rows,
            children=(back[life.case[inside]], inside),
        )
        return [pallets, cases]

    def _opened(
        self, unit: I64, whole: Mask, counted: Mask, cut_us: I64, kind: str
    ) -> tuple[I64, I64]:
        """Where and when each unit is taken apart; ``cut_us`` is the earliest of its packs."""
        legs, count = self.legs, len(cut_us)
        site = np.full(count, -1, dtype=np.int64)
        at = np.full(count, NEVER, dtype=np.int64)
        # Where it travelled whole for the last time, soon after it arrived.
        kept = counted & whole
        order = np.argsort(legs.ship_us[self.pair_leg[kept]], kind="stable")
        units, rows = unit[kept][order], self.pair_leg[kept][order]
        wait = self._minutes(15, 20, f"{kind} opened", self.lot_no[legs.lot[rows]], legs.no[rows])
        site[units] = legs.place_to[rows]
        at[units] = legs.receive_us[rows] + wait
        # Before the first part of it leaves alone; the last written wins, so the earliest is last.
        # A pack that leaves its honest life is taken out then, if that comes first.
        parted = counted & ~whole
        units, rows = unit[parted], self.pair_leg[parted]
        came_us = np.where(legs.parent < 0, NEVER, legs.receive_us[legs.parent] + 2 * HOUR_US)
        leave_us = np.minimum(legs.ship_us[rows], np.maximum(cut_us[units], came_us[rows]))
        order = np.argsort(-leave_us, kind="stable")
        units, rows, leave_us = units[order], rows[order], leave_us[order]
        wait = self._minutes(30, 60, f"{kind} parted", self.lot_no[legs.lot[rows]], legs.no[rows])
        site[units] = legs.place_from[rows]
        at[units] = leave_us - wait
        return site, at

    def _minutes(self, least: int, more: int, purpose: str, *key: I64) -> I64:
        draw = self.net.chance.below(more * 60, purpose, *key) * SECOND_US
        return least * MINUTE_US + draw

    def moving(self) -> list[pl.DataFrame]:
        """Consignments leave and arrive; small ones of some wholesalers travel in totes."""
        life, legs, things, net = self.life, self.legs, self.things, self.net
        pallet_first = (
            np.r_[True, np.diff(life.pallet) > 0][self.pair_case]
            | np.r_[True, self.pair_leg[1:] != self.pair_leg[:-1]]
        )
        by_pallet = self.pair_on_pallet & pallet_first
        by_case = self.pair_whole & ~self.pair_on_pallet
        loose = ~self.pair_whole & ~self.pair_on_pallet
        count = self.pair_hi[loose] - self.pair_lo[loose]
        pack = spread(self.pair_lo[loose], count)
        pack_leg = np.repeat(self.pair_leg[loose], count)
        here = self.cut_us[pack] > legs.ship_us[pack_leg]
        pack, pack_leg = pack[here], pack_leg[here]
        has_tote = (
            (legs.level >= TO_BUYER)
            & (legs.no & ((1 << 20) - 1) < 4096)
            & net.chance.happens(0.5, "totes", net.partner_no[legs.place_from])
        )
        in_tote = has_tote[pack_leg]
        tote_legs = np.unique(pack_leg[in_tote])
        leg = np.concatenate(
            [self.pair_leg[by_pallet], self.pair_leg[by_case], pack_leg[~in_tote], tote_legs]
        )
        thing = np.concatenate(
            [
                things.pallets + life.pallet[self.pair_case[by_pallet]],
                things.cases + self.pair_case[by_case],
                pack[~in_tote],
                things.totes + tote_legs,
            ]
        )
        order = np.lexsort((thing, leg))
        content = (leg[order], thing[order])
        shared: dict[str, Any] = {"epcs": content, "legs": legs}
        shipped = self._frame(
            legs.lot,
            legs.ship_us,
            legs.place_from,
            "ObjectEvent",
            "OBSERVE",
            "shipping",
            "in_transit",
            6,
            **shared,
        )
        # Nothing is received of what has not left yet when the telling ends.
        receive_us = legs.receive_us
        if self.unsaid is not None:
            receive_us = np.where(self.unsaid.received, NEVER, receive_us)
        received = self._frame(
            legs.lot,
            receive_us,
            legs.place_to,
            "ObjectEvent",
            "OBSERVE",
            "receiving",
            "in_progress",
            7,
            **shared,
        )
        back = np.full(len(legs), -1)
        back[tote_legs] = np.arange(len(tote_legs))
        inside = (back[pack_leg[in_tote]], pack[in_tote])
        packed, emptied = (
            self._frame(
                legs.lot[tote_legs],
                at,
                site[tote_legs],
                "AggregationEvent",
                action,
                step,
                "in_progress",
                rank,
                parent=things.totes + tote_legs,
                children=inside,
            )
            for at, site, action, step, rank in (
                (legs.ship_us[tote_legs] - 15 * MINUTE_US, legs.place_from, "ADD", "packing", 5),
                (
                    receive_us[tote_legs] + 10 * MINUTE_US,
                    legs.place_to,
                    "DELETE",
                    "unpacking",
                    8,
                ),
            )
        )
        return [shipped, received, packed, emptied, *self._cooling(content)]

    def _cooling(self, content: tuple[I64, I64]) -> list[pl.DataFrame]:
        """Loggers of cold consignments to wholesalers are read at goods-in: a value an hour."""
        legs, chance = self.legs, self.net.chance
        is_cold = np.array([p.is_cold for p in self.net.products])[self.life.lots.product]
        rows = np.flatnonzero(is_cold[legs.lot] & (legs.level <= TO_PRIMARY))
        if not len(rows):
            return []
        lasts = legs.receive_us[rows] - legs.ship_us[rows]
        count = np.maximum(1, lasts // HOUR_US)
        hour = spread(np.zeros(len(rows), dtype=np.int64), count)
        row = np.repeat(rows, count)
        key = (self.lot_no[legs.lot[row]], legs.no[row])
        # A box drifts by tenths of a degree around 5; doors and sun do not show in it.
        tenths = 50 + chance.below(13, "box", *key) - 6 + chance.below(9, "hour", *key, hour) - 4
        keep = np.isin(content[0], rows)
        back = np.full(len(legs), -1)
        back[rows] = np.arange(len(rows))
        frame = self._frame(
            legs.lot[rows],
            legs.receive_us[rows] + 5 * MINUTE_US,
            legs.place_to[rows],
            "ObjectEvent",
            "OBSERVE",
            "sensor_reporting",
            None,
            9,
            epcs=(back[content[0][keep]], content[1][keep]),
        )
        read = (
            pl.DataFrame(
                {
                    "row": back[row],
                    "observed_us": legs.ship_us[row] + hour * HOUR_US,
                    "value": tenths / 10,
                }
            )
            .group_by("row", maintain_order=True)
            .agg(temperatures=pl.struct("observed_us", "value"))
        )
        return [frame.drop("temperatures").join(read, on="row", how="left").select(frame.columns)]

    def dispensing(self) -> list[pl.DataFrame]:
        """Packs are handed out one by one; some hospitals book a delivery out at goods-in."""
        life, legs, net = self.life, self.legs, self.net
        pack = np.flatnonzero((life.end_us < NEVER) & (self.cut_us > life.end_us))
        leg = life.last_leg[pack]
        site = legs.place_to[leg]
        at_once = books_out_at_goods_in(net, site)
        first = np.r_[True, (leg[1:] != leg[:-1])] if len(leg) else np.zeros(0, dtype=bool)
        starts = ~at_once | first
        rows = np.flatnonzero(starts)
        is_hospital = np.array([s.role == "hospital" for s in net.sites])
        frames = []
        for step, disposition, chosen in (
            ("dispensing", "dispensed", is_hospital[site]),
            ("retail_selling", "retail_sold", ~is_hospital[site]),
        ):
            mine = rows[chosen[rows]]
            back = np.cumsum(starts & chosen) - 1
            inside = np.flatnonzero(chosen)
            frames.append(
                self._frame(
                    life.pack_lot[pack[mine]],
                    life.end_us[pack[mine]],
                    site[mine],
                    "ObjectEvent",
                    "OBSERVE",
                    step,
                    disposition,
                    10,
                    epcs=(back[inside], pack[inside]),
                )
            )
        return frames

    def _frame(
        self,
        lot: I64,
        at_us: I64,
        site: I64,
        event_type: str,
        action: str,
        step: str,
        disposition: str | None,
        order: int,
        *,
        epcs: tuple[I64, I64] | None = None,
        parent: I64 | None = None,
        children: tuple[I64, I64] | None = None,
        legs: Legs | None = None,
    ) -> pl.DataFrame:
        """Events of one kind; those with nothing in them, or too late, fall away."""
        keys = self.things.keys
        null = pl.lit(None)
        frame = pl.DataFrame(
            {
                "row": np.arange(len(lot), dtype=np.int64),
                "lot_row": lot,
                "at_us": at_us,
                "site": site,
            }
        ).with_columns(
            order=pl.lit(order),
            event_type=pl.lit(event_type),
            action=pl.lit(action),
            step=pl.lit(step),
            disposition=pl.lit(disposition, pl.String),
            reporter=null.cast(pl.Int32),
            lot=null.cast(pl.String),
            expiry=null.cast(pl.Date),
            made_on=null.cast(pl.Date),
            temperatures=null.cast(EVENTS["temperatures"]),
            parent=null.cast(pl.String) if parent is None else keys.gather(parent),
        )
        if legs is None:
            frame = frame.with_columns(
                **{
                    name: null.cast(EVENTS[name])
                    for name in ("owner_from", "owner_to", "place_from", "place_to")
                },
                document_kind=null.cast(pl.String),
                document=null.cast(pl.String),
            )
        else:
            number = consignment_no(self.lot_no[legs.lot], legs.no)
            frame = frame.with_columns(
                **{
                    name: pl.Series(getattr(legs, name), dtype=pl.Int32)
                    for name in ("owner_from", "owner_to", "place_from", "place_to")
                },
                document_kind=pl.lit("desadv"),
                document="D" + pl.Series(number).cast(pl.String),
            )
        frame = frame.filter(pl.col("at_us") <= self.until_us)
        for name, content in (("epcs", epcs), ("children", children)):
            if content is None:
                frame = frame.with_columns(pl.lit(None, pl.List(pl.String)).alias(name))
                continue
            row, thing = content
            kept = np.zeros(len(lot), dtype=bool)
            kept[frame["row"].to_numpy()] = True
            inside = kept[row]
            lists = (
                pl.DataFrame({"row": row[inside], name: keys.gather(thing[inside])})
                .group_by("row", maintain_order=True)
                .agg(name)
            )
            frame = frame.join(lists, on="row", how="inner", maintain_order="left")
        return frame.select(sorted(frame.columns))
