"""What schemes of trade share: where goods come from, who stands between, and what is on paper.

Most of these schemes move genuine packs. They leave a wholesaler's shelf as an order that goes to
somebody else, or are lifted from it, or a dispenser sells them under the counter; then they pass
firms that exist for this, and reach shops that buy in good faith.
"""

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from data.simulator.attacks.craft import (
    Good,
    Sold,
    collect,
    hand_out,
    home,
    moments,
    number_in_lot,
    tuned,
)
from data.simulator.life import TO_BUYER, consignment_no
from data.simulator.lots import sscc_keys
from data.simulator.network import DISPENSERS
from data.simulator.sales import currency_of, list_price
from data.simulator.stage import Leg, Scene, day_of
from data.simulator.telling import EVENT_BITS
from data.simulator.working_time import DAY_US, HOUR_US, MINUTE_US, from_us

LEAST_DAYS = 45  # between a scheme's first step and the telling's end
_LETTERBOXES, _LICENSED = ("shell", "flash"), ("secondary", "flash")
_OWN_EXTENSION = 9  # first digit of SSCCs that schemes make; honest ones begin with 1, 4 and 7


@dataclass(frozen=True)
class Order:
    """What a wholesaler's customer has ordered, or a part of it: it can still go elsewhere."""

    leg: Leg
    packs: list[int]
    document: str  # number of the wholesaler's delivery note

    @property
    def leaves_us(self) -> int:
        """When it leaves the wholesaler."""
        return self.leg.ship_us


@dataclass(frozen=True)
class Sealed:
    """A case that stays closed for a while."""

    key: str
    packs: list[int]
    site: int  # the depot in which it lies first
    from_us: int
    parted_us: int  # the first part of it leaves a wholesaler

    @property
    def opened_us(self) -> int:
        """Before this it is closed: it is opened up to 90 minutes before a part leaves."""
        return self.parted_us - 2 * HOUR_US


# ---- where goods come from


def orders(
    scene: Scene,
    count: int,
    purpose: str,
    *,
    spare_days: float = LEAST_DAYS,
    seller: int | None = None,
    roles: Sequence[str] = DISPENSERS,
) -> list[Order]:
    """Orders at one wholesaler, so many packs in all where there are; in the order of leaving.

    Their packs are taken; what becomes of them the scheme says. ``roles`` narrows who ordered.
    Where a lot is so young that no order is delivered ``spare_days`` before the telling ends, later
    ones will do.
    """
    stage, net = scene.stage, scene.net
    legs = stage.life.legs
    of_lot = [
        int(row)
        for row in np.flatnonzero((legs.lot == scene.row) & (legs.level == TO_BUYER))
        if not stage.taken[legs.lo[row] : legs.hi[row]].any()
        and net.sites[int(legs.place_to[row])].role in roles
    ]
    rows: list[int] = []
    for days in _relaxed(spare_days):
        until_us = stage.until_us - int(days * DAY_US)
        rows = rows or [row for row in of_lot if legs.receive_us[row] < until_us]
    held: Counter[int] = Counter()
    for row in rows:
        held[int(legs.place_from[row])] += int(legs.hi[row] - legs.lo[row])
    if seller is None and held:
        seller = max(sorted(held), key=held.__getitem__)
    own = np.array([row for row in rows if legs.place_from[row] == seller], dtype=np.int64)
    draws = net.chance.bits(f"{scene.code} {purpose}", scene.lot_no, *scene.keys, legs.no[own])
    found = []
    for row in own[np.argsort(draws, kind="stable")].tolist():
        packs = list(range(int(legs.lo[row]), int(legs.hi[row])))[: max(count, 0)]
        if packs:
            stage.taken[packs] = True
            number = consignment_no(scene.lot_no, int(legs.no[row]))
            found.append(Order(scene.journey(packs[0])[TO_BUYER], packs, f"D{number}"))
        count -= len(packs)
    return sorted(found, key=lambda order: (order.leaves_us, order.packs[0]))


def buy(scene: Scene, order: Order, buyer: int, **more: Any) -> int:
    """An order is delivered to somebody else than who placed it; when he has it."""
    scene.cut(order.packs, order.leaves_us)
    keys = scene.keys_of(order.packs)
    return pass_on(scene, keys, order.leg.seller, buyer, order.leaves_us, **more)


def lift(scene: Scene, lifted: Sequence[Order], wait_h: float) -> list[Good]:
    """Packs picked for customers leave by the back door; no system says so."""
    goods = []
    for order in lifted:
        scene.cut(order.packs, order.leaves_us)
        for pack in order.packs:
            no = number_in_lot(scene, pack)
            free_us = order.leaves_us + scene.hours(wait_h, 1.5 * wait_h, "fence", no)
            goods.append(Good(scene.key(pack), free_us, "ACTIVE", known_at=scene.end(pack)[0]))
    return goods


def off_books(
    scene: Scene, count: int, purpose: str, taker: int, *, spare_days: float = LEAST_DAYS
) -> list[Good]:
    """Dispensers sell packs from their shelves under the counter; no system says so."""
    packs = shelved(scene, count, purpose, spare_days=spare_days)
    return [
        Good(scene.key(pack), got_us + 12 * HOUR_US, "ACTIVE", known_at=scene.end(pack)[0])
        for pack, got_us in collect(scene, packs, taker, after_h=36, is_told=False)
    ]


def shelved(scene: Scene, count: int, purpose: str, *, spare_days: float = LEAST_DAYS) -> list[int]:
    """Packs that lie at dispensers for some days; of a young lot later ones, as with orders."""
    packs: list[int] = []
    for days in _relaxed(spare_days):
        packs = packs or scene.at_dispenser(count, purpose, spare_days=days, hold_h=60)
    return packs


def _relaxed(spare_days: float) -> tuple[float, ...]:
    return spare_days, spare_days * 0.65, spare_days * 0.4


def bulk(scene: Scene, count: int, purpose: str) -> dict[int, list[int]]:
    """Packs on the shelves of the dispensers that hold most of the lot, by dispenser."""
    by_site: dict[int, list[int]] = {}
    for pack in shelved(scene, len(scene.packs()), purpose):
        by_site.setdefault(scene.end(pack)[0], []).append(pack)
    chosen: dict[int, list[int]] = {}
    for site, packs in sorted(by_site.items(), key=lambda row: (-len(row[1]), row[0])):
        own, left = packs[: max(count, 0)], packs[max(count, 0) :]
        scene.stage.taken[left] = False
        count -= len(own)
        if own:
            chosen[site] = own
    return chosen


def sealed(scene: Scene, least_days: float) -> list[Sealed]:
    """Cases that stay closed so long from when they came to the depot; the longest first."""
    stage, life = scene.stage, scene.stage.life
    legs = life.legs
    selling = np.flatnonzero((legs.lot == scene.row) & (legs.level == TO_BUYER))
    cases = []
    for number in np.flatnonzero(life.case_lot == scene.row):
        low, high = int(life.case_lo[number]), int(life.case_hi[number])
        parts = selling[(legs.lo[selling] < high) & (legs.hi[selling] > low)]
        is_full = 2 * (high - low) >= scene.product.per_case
        if stage.taken[low:high].any() or not len(parts) or not is_full:
            continue
        parted_us = int(legs.ship_us[parts].min())
        first = scene.journey(low)[0]
        case = Sealed(
            scene.case_key(low),
            list(range(low, high)),
            first.place_to,
            first.receive_us,
            parted_us,
        )
        if case.opened_us - case.from_us >= least_days * DAY_US and parted_us < stage.until_us:
            cases.append(case)
    return sorted(cases, key=lambda case: (case.from_us - case.parted_us, case.packs[0]))


# ---- who stands between


def brokers(
    scene: Scene, count: int, skill: float, purpose: str = "brokers", *, besides: Sequence[int] = ()
) -> list[int]:
    """Traders who sell to each other: letterbox firms of any country, or licensed ones at home."""
    net = scene.net
    tiers, near = (_LETTERBOXES, ()) if skill < 1 / 2 else (_LICENSED, home(scene))
    pools = [
        [s for tier in tiers for s in net.of("wholesaler", tier, *where) if s not in besides]
        for where in (near, ())
    ]
    return scene.sample(pools[0] if len(pools[0]) >= count else pools[1], count, purpose)


def traders_of(scene: Scene) -> set[int]:
    """Wholesalers that deal with the lot anyway."""
    legs = scene.stage.life.legs
    mine = legs.lot == scene.row
    return {int(s) for s in legs.owner_from[mine]} | {
        int(s) for s in legs.owner_to[mine] if scene.net.sites[int(s)].role not in DISPENSERS
    }


def founded(scenes: Sequence[Scene], firm: int) -> None:
    """The firm got its licence some weeks before the scheme, whenever that is."""
    scene = min(scenes, key=lambda scene: scene.made_us)
    day = day_of(scene.made_us) - timedelta(days=scene.between(10, 50, "founded"))
    if day > scene.net.sites[firm].opened:
        scene.stage.lists.licences.setdefault(firm, {})["valid_from"] = day.isoformat()


def usual_shops(scene: Scene, count: int, purpose: str) -> list[int]:
    """Pharmacies that buy the lot from wholesalers anyway."""
    legs = scene.stage.life.legs
    mine = (legs.lot == scene.row) & (legs.level >= TO_BUYER)
    sites = sorted({int(s) for s in legs.owner_to[mine]})
    return scene.sample([s for s in sites if scene.net.sites[s].role == "pharmacy"], count, purpose)


# ---- how goods move, and what is on paper


def terms(skill: float) -> float | None:
    """At which share of the list price a sale is booked; None: the clumsy keep no books."""
    return None if skill < 1 / 2 else 0.96


def pass_on(
    scene: Scene,
    keys: Sequence[str],
    seller: int,
    buyer: int,
    at_us: int,
    *,
    share: float | None = None,
    count: int | None = None,
    **more: Any,
) -> int:
    """A sale as the trade does it: delivery note and receipt, and a line in the seller's log.

    The line is written where a ``share`` of the list price is named, for ``count`` packs or keys.
    """
    got_us = scene.ship(keys, seller, buyer, at_us, **more)
    if share is not None:
        # The leaving was told just before the receipt, if it was.
        is_told = more.get("is_shipped", True)
        left_us = int(scene.stage.rows[-2]["at_us"]) if is_told else at_us
        book_at(scene, seller, buyer, len(keys) if count is None else count, left_us, share)
    return got_us


def book_at(
    scene: Scene, seller: int, buyer: int, count: int, at_us: int, share: float, **cells: str
) -> None:
    """A line in the seller's sales log at about a share of the list price."""
    net = scene.net
    scene.turns += 1
    country = net.sites[seller].country
    price = list_price(net, scene.product.no, country) * share
    price *= scene.between(985, 1015, "deal", scene.turns) / 1000
    number = scene.stage.paper_no(scene.row, scene.code)
    scene.stage.lists.shipments.append(
        {
            "shipment_id": f"S{number}",
            "line": "1",
            "from_gln": net.sites[seller].gln,
            "to_gln": net.sites[buyer].gln,
            "gtin": scene.product.gtin,
            "lot": scene.lot,
            "quantity": str(count),
            "shipped_at": from_us(at_us).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "received_at": "",
            "unit_price": f"{price:.2f}",
            "currency": currency_of(country),
            "mode": "road",
            "order_id": f"O{number}",
            **cells,
        }
    )


def through(
    scene: Scene,
    keys: Sequence[str],
    firms: Sequence[int],
    at_us: int,
    stay_h: tuple[float, float],
    **more: Any,
) -> int:
    """Goods pass from firm to firm; when the last of them has them."""
    for turn, (seller, buyer) in enumerate(pairwise(firms)):
        if turn:
            scene.turns += 1
            at_us += scene.hours(*stay_h, "stay", scene.turns)
        at_us = pass_on(scene, keys, seller, buyer, at_us, **more)
    return at_us


def booked_in(
    scene: Scene,
    goods: Sequence[Good],
    supplier: int,
    trader: int,
    place: int,
    each_time: int,
    *,
    rest_h: float = 12,
) -> list[Good]:
    """The trader books packs in as if that supplier had sent them; they are for sale from then."""
    waiting = sorted(goods, key=lambda good: good.free_us)
    booked: list[Good] = []
    for start in range(0, len(waiting), each_time):
        own = waiting[start : start + each_time]
        keys, at_us = [good.key for good in own], own[-1].free_us
        got_us = scene.ship(keys, supplier, trader, at_us, is_shipped=False, place_from=place)
        booked += [replace(good, free_us=got_us + int(rest_h * HOUR_US)) for good in own]
    return booked


def depart(scene: Scene, order: Order) -> tuple[int, list[str]]:
    """An order leaves as ever, under its own delivery note; what comes of it is told elsewhere.

    Returns the number of the event and what left: packs, or cases where a maker's depot sends.
    """
    leg, left = order.leg, scene.keys_of(order.packs)
    scene.cut(order.packs, leg.ship_us)
    if leg.seller == scene.product.maker:
        cases: dict[str, list[str]] = {}
        for pack, key in zip(order.packs, left, strict=True):
            cases.setdefault(scene.case_key(pack), []).append(key)
        # What a scheme takes leaves its case before: it is packed again.
        for case, own in cases.items():
            scene.pack(case, own, leg.place_from, leg.ship_us - 20 * MINUTE_US)
        left = list(cases)
    number = scene.event(
        leg.ship_us, leg.place_from, "shipping", "in_transit", epcs=left, **noted(order)
    )
    return number, left


def noted(order: Order) -> dict[str, Any]:
    """What a delivery note says."""
    leg = order.leg
    return {
        "owner_from": leg.seller,
        "owner_to": leg.buyer,
        "place_from": leg.place_from,
        "place_to": leg.place_to,
        "document_kind": "desadv",
        "document": order.document,
    }


def hand_out_lawfully(scene: Scene, keys: Sequence[str], shop: int, got_us: int) -> None:
    """A dispenser sells packs over days, as it does with all."""
    for key in keys:
        scene.turns += 1
        scene.dispense([key], shop, got_us + scene.hours(3, 220, "shelf", scene.turns))


def trade_lawfully(
    scene: Scene,
    trader: int,
    buyers: Sequence[int],
    count: int,
    *,
    purpose: str = "lawful",
    spare_days: float = LEAST_DAYS,
) -> int:
    """Genuine trade beside a scheme: a firm buys packs and sells them on, with paper.

    Returns how many. Nothing of it is evidence of anything.
    """
    sold = 0
    for turn, order in enumerate(orders(scene, count, purpose, spare_days=spare_days)):
        keys = scene.keys_of(order.packs)
        got_us = buy(scene, order, trader, share=0.97)
        at_us = got_us + scene.hours(20, 150, f"{purpose} stock", turn)
        shop = buyers[turn % len(buyers)]
        hand_out_lawfully(scene, keys, shop, pass_on(scene, keys, trader, shop, at_us, share=1.0))
        sold += len(keys)
    return sold


def own_sscc(scene: Scene, site: int, turn: int) -> str:
    """Key of a box that a firm labels under its own prefix."""
    prefix = scene.net.sites[site].partner.prefix
    number = np.array([scene.lot_no * 8 + turn % 8], dtype=np.int64)
    return str(sscc_keys(prefix, _OWN_EXTENSION, number)[0])


def deal(
    scene: Scene,
    goods: Sequence[Good],
    seller: int,
    buyers: Sequence[int],
    skill: float,
    *,
    share: float | None = None,
    first_us: int = 0,
    **more: Any,
) -> Sold:
    """Sell packs to shops as the trade does, batch by batch; the shops sell them in good faith.

    Nothing is marked as evidence: the scheme says by ``witness`` what gives it away.
    """
    sold = Sold()
    waiting = sorted(goods, key=lambda good: good.free_us)
    size = max(1, round(tuned(8, 1, skill)))
    first_us = max(first_us, waiting[0].free_us if waiting else 0)
    times = moments(scene, first_us, skill)
    for turn, start in enumerate(range(0, len(waiting), size)):
        batch = waiting[start : start + size]
        at_us = next(times, None)
        if at_us is None or not buyers:
            break
        at_us = max(at_us, batch[-1].free_us)
        turned = [*buyers[turn % len(buyers) :], *buyers[: turn % len(buyers)]]
        known_at = {good.known_at for good in batch}
        shop = next((s for s in turned if s not in known_at), turned[0])
        keys = [good.key for good in batch]
        got_us = pass_on(scene, keys, seller, shop, at_us, share=share, **more)
        if got_us >= scene.stage.until_us:
            break
        sold.add(keys, seller, shop)
        for number, good in enumerate(batch):
            shelf_us = scene.hours(3, 96, "on the shelf", turn, number)
            hand_out(scene, good, shop, got_us + shelf_us, is_evidence=False)
    return sold


def spaced(scene: Scene, found: Sequence[Order], gap_h: float, most: int) -> list[Order]:
    """Some of the orders: no two within some hours of each other. The others go their way."""
    chosen: list[Order] = []
    for order in found:
        is_due = not chosen or order.leaves_us >= chosen[-1].leaves_us + int(gap_h * HOUR_US)
        if is_due and len(chosen) < most:
            chosen.append(order)
        else:
            scene.stage.taken[order.packs] = False
    return chosen


# ---- what gives a scheme away, and the truth


def paced_h(skill: float) -> float:
    """Hours from one theft or trip to the next: half a day, or weeks."""
    return tuned(12, 500, skill)


def named(
    scene: Scene, keys: Iterable[str], *steps: str, sites: Container[int] | None = None
) -> list[int]:
    """Staged events of some steps (at some sites) that name one of the keys."""
    own = set(keys)
    return [
        int(row["event_no"])
        for row in scene.stage.rows
        if row["step"] in steps
        and row["at_us"] <= scene.stage.until_us
        and int(row["event_no"]) >> EVENT_BITS == scene.lot_no
        and (sites is None or row["site"] in sites)
        and not own.isdisjoint([*(row.get("epcs") or ()), *(row.get("children") or ())])
    ]


def witness(
    scene: Scene, keys: Iterable[str], *steps: str, sites: Container[int] | None = None
) -> None:
    """These events, and no others, give the scheme away."""
    scene.evidence[:] = named(scene, keys, *steps, sites=sites)


def told(scene: Scene, numbers: Iterable[int]) -> list[int]:
    """Those of the events that happen before the telling ends."""
    late = {int(row["event_no"]) for row in scene.stage.rows if row["at_us"] > scene.stage.until_us}
    return [number for number in numbers if number not in late]


def tell_sold(
    scene: Scene,
    label: str,
    sold: Sold,
    sites: Sequence[int],
    note: str,
    edges: Sequence[tuple[int, int]] = (),
) -> None:
    """Write the truth about packs that were sold, if any were."""
    if sold.keys and scene.evidence:
        scene.tell(label, sold.keys, sites=sites, edges=[*edges, *sold.edges], note=note)
