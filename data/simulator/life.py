"""The honest life of lots, for all packs of a chunk at once.

A lot is a row of packs. Whoever passes it on cuts his stretch of the row into smaller stretches, so
that every consignment is an interval, and everything about it is arithmetic on columns. What is
decided here is who holds which pack from when until when; ``telling`` turns it into events.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from data.simulator.chance import I64, Mask
from data.simulator.lots import Lots
from data.simulator.network import Network
from data.simulator.places import distances_km
from data.simulator.working_time import DAY_US, HOUR_US, MINUTE_US, SECOND_US, Clocks

NEVER = 1 << 62
SHIFT_OPENS_US, SHIFT_US, NIGHT_US = 6 * HOUR_US, 16 * HOUR_US, 8 * HOUR_US
TO_DEPOT, TO_PRIMARY, TO_BUYER, FROM_SECONDARY = range(4)
PHARMACY, HOSPITAL, SECONDARY = range(3)
_KMH, _FLIGHT_KMH, _FLIES_FROM_KM = 62, 750, 2_500


def consignment_no(lot_no: Any, leg_no: Any) -> Any:
    """The number on the papers of an honest consignment: even, those of staged papers are odd."""
    return 2 * (lot_no * (1 << 23) + leg_no)


@dataclass(frozen=True)
class Legs:
    """Consignments, one row each: an interval of packs that goes from one place to another.

    ``parent`` is the row of the consignment by which the sender got them (-1: its maker). Owners
    and places differ where a maker's goods lie with a logistics company.
    """

    level: I64
    lot: I64  # row of the lot
    parent: I64
    lo: I64
    hi: I64
    owner_from: I64
    owner_to: I64
    place_from: I64
    place_to: I64
    ship_us: I64
    receive_us: I64
    no: I64  # number within its lot

    def __len__(self) -> int:
        """Count of consignments."""
        return len(self.level)

    def take(self, rows: Any) -> "Legs":
        """Some of the consignments."""
        return Legs(**{name: value[rows] for name, value in vars(self).items()})


@dataclass(frozen=True)
class Life:
    """What befalls the packs of some lots.

    Packs, cases and pallets are numbered through the chunk. ``last_leg`` is the consignment by
    which a pack reached the place where it ends; ``end_us`` is when it was dispensed (``NEVER``:
    it stayed on the shelf).
    """

    lots: Lots
    pack_lot: I64
    pack_no: I64  # within its lot
    case: I64  # of each pack
    printed_us: I64
    case_lo: I64
    case_hi: I64
    case_lot: I64
    case_no: I64  # within its lot
    pallet: I64  # of each case
    pallet_lo: I64
    pallet_hi: I64
    pallet_lot: I64
    pallet_no: I64
    legs: Legs
    last_leg: I64
    end_us: I64

    def __len__(self) -> int:
        """Count of packs."""
        return len(self.pack_lot)


def spread(starts: I64, counts: I64) -> I64:
    """Whole numbers from each start on, as many as its count, one stretch after the other."""
    total = int(counts.sum())
    ends = np.cumsum(counts)
    return np.arange(total, dtype=np.int64) + np.repeat(starts - ends + counts, counts)


def _rank(groups: I64) -> I64:
    """Place of each row within its group; groups lie together."""
    if not len(groups):
        return groups
    first = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    return np.arange(len(groups)) - np.repeat(first, np.diff(np.r_[first, len(groups)]))


def live(net: Network, clocks: Clocks, lots: Lots) -> Life:
    """Let lots be made, sold on and dispensed.

    Parameters
    ----------
    net
        Who trades.
    clocks
        Working time of every zone.
    lots
        The lots of this chunk. Each lives by its own draws, so chunks of any size agree.
    """
    products = net.products
    per_case = np.array([p.per_case for p in products], dtype=np.int64)[lots.product]
    per_pallet = np.array([p.cases_per_pallet for p in products], dtype=np.int64)[lots.product]
    packs_before = np.cumsum(lots.size) - lots.size
    pack_lot = np.repeat(np.arange(len(lots)), lots.size)
    pack_no = spread(np.zeros(len(lots), dtype=np.int64), lots.size)

    cases = -(-lots.size // per_case)
    cases_before = np.cumsum(cases) - cases
    case_lot = np.repeat(np.arange(len(lots)), cases)
    case_no = spread(np.zeros(len(lots), dtype=np.int64), cases)
    case_lo = packs_before[case_lot] + case_no * per_case[case_lot]
    case_hi = np.minimum(case_lo + per_case[case_lot], (packs_before + lots.size)[case_lot])

    pallets = -(-cases // per_pallet)
    pallets_before = np.cumsum(pallets) - pallets
    pallet_lot = np.repeat(np.arange(len(lots)), pallets)
    pallet_no = spread(np.zeros(len(lots), dtype=np.int64), pallets)
    pallet = pallets_before[case_lot] + case_no // per_pallet[case_lot]
    pallet_lo = case_lo[cases_before[pallet_lot] + pallet_no * per_pallet[pallet_lot]]
    pallet_hi = np.r_[pallet_lo[1:], len(pack_lot)]

    takt_us = net.chance.below(900, "line takt", lots.no) * 1000 + 300_000
    printed_us = _on_line(lots.made_us[pack_lot], pack_no * takt_us[pack_lot])
    made_us = printed_us[packs_before + lots.size - 1] + 30 * MINUTE_US

    legs = _sell(net, clocks, lots, made_us, packs_before, per_case, per_pallet)
    last_leg = np.full(len(pack_lot), -1, dtype=np.int64)
    for level in range(FROM_SECONDARY + 1):
        rows = np.flatnonzero(legs.level == level)
        count = legs.hi[rows] - legs.lo[rows]
        last_leg[spread(legs.lo[rows], count)] = np.repeat(rows, count)
    end_us = _dispense(net, clocks, lots, legs, pack_lot, pack_no, last_leg)
    return Life(
        lots,
        pack_lot,
        pack_no,
        cases_before[pack_lot] + pack_no // per_case[pack_lot],
        printed_us,
        case_lo,
        case_hi,
        case_lot,
        case_no,
        pallet,
        pallet_lo,
        pallet_hi,
        pallet_lot,
        pallet_no,
        legs,
        last_leg,
        end_us,
    )


def _on_line(start_us: I64, worked_us: I64) -> I64:
    """Time on the clock after some time of work: two shifts a day, the line rests at night."""
    since = start_us % DAY_US - SHIFT_OPENS_US + worked_us
    # A start before the shift opens (another zone's morning) counts as its opening.
    since = np.maximum(since, worked_us)
    clock = start_us // DAY_US * DAY_US + SHIFT_OPENS_US + since + since // SHIFT_US * NIGHT_US
    whole: I64 = clock // SECOND_US * SECOND_US
    return whole


def _sell(
    net: Network,
    clocks: Clocks,
    lots: Lots,
    made_us: I64,
    packs_before: I64,
    per_case: I64,
    per_pallet: I64,
) -> Legs:
    product = lots.product
    maker, packer, depot = (
        np.array([getattr(p, name) for p in net.products], dtype=np.int64)[product]
        for name in ("maker", "packer", "depot")
    )
    rows = np.arange(len(lots))
    # A batch record is reviewed before release: days, with a long tail.
    released = made_us + net.chance.spread_s(4 * 86_400, 0.5, "release", lots.no) * SECOND_US
    first = _carry(
        net,
        clocks,
        lots,
        {
            "level": np.full(len(lots), TO_DEPOT),
            "lot": rows,
            "parent": np.full(len(lots), -1),
            "lo": packs_before,
            "hi": packs_before + lots.size,
            "owner_from": maker,
            "owner_to": maker,
            "place_from": packer,
            "place_to": depot,
        },
        released,
        0,
    )
    # From the depot whole cases, some of them as whole pallets, go to primary wholesalers.
    start, stop = packs_before, packs_before + lots.size
    parent, lo, hi = _cut(
        start,
        stop,
        lambda p, k: per_case[p] * _consignment_cases(net, lots, per_pallet, p, k),
        per_case,
    )
    rank = _rank(parent)
    key = (lots.no[parent], rank)
    market = np.array([p.market for p in net.products], dtype=np.int64)[product]
    buyer = net.primaries_of.pick(net.chance, "primary", market[parent], *key)
    span_us = net.chance.spread_s(25 * 86_400, 0.5, "selling span", lots.no) * SECOND_US
    share = (hi - start[parent]) / (stop - start)[parent]
    wait = (share * span_us[parent]).astype(np.int64) // SECOND_US * SECOND_US
    wait += net.chance.below(40 * 3600, "primary order", *key) * SECOND_US
    second = _carry(
        net,
        clocks,
        lots,
        {
            "level": np.full(len(parent), TO_PRIMARY),
            "lot": parent,
            "parent": parent,
            "lo": lo,
            "hi": hi,
            "owner_from": maker[parent],
            "owner_to": buyer,
            "place_from": depot[parent],
            "place_to": buyer,
        },
        first.receive_us[parent] + 3 * HOUR_US + wait,
        1,
    )
    third, kind = _orders(net, clocks, lots, second, TO_BUYER, len(first), len(first))
    onward = np.flatnonzero(kind == SECONDARY)
    offset = len(first) + len(second)
    fourth, _ = _orders(
        net, clocks, lots, third.take(onward), FROM_SECONDARY, 0, len(first) + len(second)
    )
    fourth = Legs(**{**vars(fourth), "parent": onward[fourth.parent] + offset})
    return Legs(
        **{
            name: np.concatenate([getattr(x, name) for x in (first, second, third, fourth)])
            for name in vars(first)
        }
    )


def _consignment_cases(net: Network, lots: Lots, per_pallet: I64, parent: I64, k: I64) -> I64:
    """Cases of one consignment to a primary wholesaler: some take pallets, most a few cases."""
    key = (lots.no[parent], k)
    few = 1 + net.chance.below(12, "few cases", *key)
    pallets = per_pallet[parent] * (1 + net.chance.below(2, "pallets", *key))
    return np.where(net.chance.happens(0.3, "by pallet", *key), pallets, few)


def _cut(start: I64, stop: I64, sizes: Any, least: I64) -> tuple[I64, I64, I64]:
    """Cut each interval into pieces; ``sizes(parent, k)`` gives the length of piece k."""
    count = -(-(stop - start) // least)
    parent = np.repeat(np.arange(len(start)), count)
    k = spread(np.zeros(len(start), dtype=np.int64), count)
    size = np.maximum(sizes(parent, k), 1)
    total = np.cumsum(size)
    before = np.cumsum(count) - count
    base = np.where(before > 0, total[before - 1], 0)
    lo = start[parent] + total - size - base[parent]
    keep = lo < stop[parent]
    parent, lo, size = parent[keep], lo[keep], size[keep]
    return parent, lo, np.minimum(lo + size, stop[parent])


def _orders(
    net: Network, clocks: Clocks, lots: Lots, held: Legs, level: int, offset: int, base_no: int
) -> tuple[Legs, I64]:
    """Cut what wholesalers hold into their customers' orders."""
    chance = net.chance
    price = np.array([p.price_cents for p in net.products], dtype=np.int64)[lots.product]
    per_case = np.array([p.per_case for p in net.products], dtype=np.int64)[lots.product]
    has_secondary = level == TO_BUYER

    def key_of(parent: I64, k: I64) -> tuple[I64, I64, I64, int]:
        return lots.no[held.lot[parent]], held.no[parent], k, level

    def kinds(parent: I64, k: I64) -> I64:
        shares = (0.924, 0.07, 0.006) if has_secondary else (0.92, 0.08)
        return chance.choose(shares, "order kind", *key_of(parent, k))

    def sizes(parent: I64, k: I64) -> I64:
        key = key_of(parent, k)
        lot = held.lot[parent]
        dear = price[lot] > 20_000
        pharmacy = chance.spread_s(np.where(dear, 2, 6), 0.7, "pharmacy packs", *key)
        hospital = chance.spread_s(np.where(dear, 8, 30), 0.6, "hospital packs", *key)
        secondary = per_case[lot] * (1 + chance.below(5, "secondary cases", *key))
        return np.choose(kinds(parent, k), [np.maximum(1, pharmacy), hospital, secondary])

    parent, lo, hi = _cut(held.lo, held.hi, sizes, np.ones_like(held.lo))
    k = _rank(parent)
    key = key_of(parent, k)
    kind = kinds(parent, k)
    seller = held.place_to[parent]
    buyer = np.select(
        [kind == PHARMACY, kind == HOSPITAL],
        [
            net.pharmacies_of.pick(chance, "pharmacy", seller, *key),
            net.hospitals_of.pick(chance, "hospital", seller, *key),
        ],
        net.secondaries_of.pick(chance, "secondary", seller, *key),
    )
    # First in, first out: a stretch sells off over some weeks, the first packs first.
    span_us = (
        chance.spread_s(18 * 86_400, 0.6, "stock span", lots.no[held.lot], held.no) * SECOND_US
    )
    share = (hi - held.lo[parent]) / (held.hi - held.lo)[parent]
    wait = (share * span_us[parent]).astype(np.int64) // SECOND_US * SECOND_US
    wait += chance.below(20 * 3600, "order hour", *key) * SECOND_US
    legs = _carry(
        net,
        clocks,
        lots,
        {
            "level": np.full(len(parent), level),
            "lot": held.lot[parent],
            "parent": parent + offset,
            "lo": lo,
            "hi": hi,
            "owner_from": seller,
            "owner_to": buyer,
            "place_from": seller,
            "place_to": buyer,
        },
        held.receive_us[parent] + 4 * HOUR_US + wait,
        base_no,
    )
    return legs, kind


def _carry(
    net: Network,
    clocks: Clocks,
    lots: Lots,
    columns: dict[str, npt.NDArray[Any]],
    ready_us: I64,
    base_no: int,
) -> Legs:
    """Add when goods leave and arrive, and the number of each consignment within its lot."""
    lot = columns["lot"]
    order = _rank_in_lot(lot)
    # Numbers are unique within a lot: levels start where the largest of the former may end.
    no = order + (int(columns["level"][0]) << 20) if len(lot) else order
    key = (lots.no[lot], no)
    chance = net.chance
    sender, target = columns["place_from"], columns["place_to"]
    ship = clocks.next_departure(
        ready_us,
        net.zone_no[sender],
        net.hours.of(sender),
        chance.below(110 * 60, "departure", *key) * SECOND_US,
    )
    arrive = ship + transit_us(net, sender, target, *key)
    receive = clocks.open_hours(
        arrive,
        net.zone_no[target],
        net.hours.of(target),
        chance.below(150 * 60, "morning receipt", *key) * SECOND_US,
    )
    return Legs(**columns, ship_us=ship, receive_us=receive, no=no)


def _rank_in_lot(lot: I64) -> I64:
    order = np.argsort(lot, kind="stable")
    out = np.empty(len(lot), dtype=np.int64)
    out[order] = _rank(lot[order])
    return out


def transit_us(net: Network, sender: I64, target: I64, *key: I64 | int) -> I64:
    """Time on the road or in the air: by distance, by lane, and by luck."""
    km = distances_km()[net.city_no[sender], net.city_no[target]]
    drive_s = km * 3600 // _KMH + np.maximum(km // 700, 0) * 11 * 3600  # drivers rest
    flight_s = km * 3600 // _FLIGHT_KMH + 40 * 3600  # and customs
    base_s = np.where(km > _FLIES_FROM_KM, flight_s, drive_s) + 3 * 3600
    by_lane = net.chance.spread_s(base_s, 0.2, "lane", sender, target)
    return net.chance.spread_s(by_lane, 0.18, "transit", sender, target, *key) * SECOND_US


def _dispense(
    net: Network,
    clocks: Clocks,
    lots: Lots,
    legs: Legs,
    pack_lot: I64,
    pack_no: I64,
    last_leg: I64,
) -> I64:
    """When each pack is handed out; hospitals that book out at goods-in do so at once."""
    chance = net.chance
    site = legs.place_to[last_leg]
    received = legs.receive_us[last_leg]
    key = (lots.no[pack_lot], pack_no)
    days_us = chance.spread_s(9 * 86_400, 1.0, "shelf", *key) * SECOND_US
    end = clocks.open_hours(
        received + 2 * HOUR_US + days_us,
        net.zone_no[site],
        net.hours.of(site),
        chance.below(8 * 3600, "sale minute", *key) * SECOND_US,
    )
    at_once = books_out_at_goods_in(net, site)
    end = np.where(at_once, received + 40 * MINUTE_US, end)
    never = chance.happens(0.004, "never sold", *key)
    return np.where(never, NEVER, end)


def books_out_at_goods_in(net: Network, site: I64) -> Mask:
    """Hospitals with that habit: a third of them."""
    is_hospital = np.array([s.role == "hospital" for s in net.sites])[site]
    return np.asarray(is_hospital & net.chance.happens(0.33, "goods-in habit", site))
