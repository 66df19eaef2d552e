"""Attacks on what a pack has lived through.

Packs that were handed out, burnt, recalled, stolen or have expired trade again; others have a
history that is told in an order that cannot be.
"""

import numpy as np

from data.simulator.attacks.craft import (
    Good,
    Sold,
    collect,
    customers,
    each,
    first_sold,
    front,
    hand_out,
    has_shops,
    home,
    midnight_us,
    month_end,
    number_in_lot,
    open_at,
    printed,
    sell_and_tell,
    sell_on,
    shops,
    short_dated,
    tuned,
    wanted,
)
from data.simulator.chance import I64
from data.simulator.life import TO_BUYER, TO_PRIMARY
from data.simulator.scheme import Attack
from data.simulator.stage import Leg, Scene, day_of
from data.simulator.working_time import DAY_US, HOUR_US, MINUTE_US, from_us

_BURNT_TOGETHER = 6  # packs of one journey to the plant
_STOPPED_AFTER_H = 12  # until a recall has reached every honest party
_BY_SERIAL, _BY_SSCC, _BY_LOT = range(3)  # how a theft is reported


def after_terminal(scene: Scene, size: float, skill: float) -> None:
    """Damaged packs go to the plant, which reports them destroyed; somebody there sells them.

    A clumsy thief empties the van the same week; a careful one waits for months and sells through
    a licensed wholesaler.
    """
    net = scene.net
    returns = scene.pick(net.of("reverse_distributor", "", *home(scene)), "returns firm")
    plant = scene.pick(net.of("destruction", "", *home(scene)), "plant")
    packs = scene.at_dispenser(wanted(16, size, skill), "waste", spare_days=50, hold_h=60)
    fetched = collect(scene, packs, returns, after_h=40, disposition="damaged", document_kind="rma")
    fetched.sort(key=lambda row: row[1])
    goods = []
    for start in range(0, len(fetched), _BURNT_TOGETHER):
        own = fetched[start : start + _BURNT_TOGETHER]
        keys = scene.keys_of([pack for pack, _got in own])
        sent_us = own[-1][1] + scene.hours(20, 90, "sorting", start)
        got_us = scene.ship(keys, returns, plant, sent_us, disposition="damaged")
        burnt_us = open_at(scene, plant, got_us + scene.hours(10, 70, "queue", start))
        scene.event(burnt_us, plant, "destroying", "destroyed", epcs=keys)
        wait_us = int(tuned(20, 300, skill) * HOUR_US)
        goods += [
            Good(key, burnt_us + wait_us, "A24", known_at=scene.end(pack)[0])
            for key, (pack, _got) in zip(keys, own, strict=True)
        ]
    sell_and_tell(scene, goods, skill, "laundered", note=f"sold by a hand at site {plant}")


def dispensed_reentry(scene: Scene, size: float, skill: float) -> None:
    """Packs are bought from patients, cleaned of their labels, and sold as new.

    The clumsy sell what street buyers bring within the week; the careful a few packs a month among
    genuine ones, as a wholesaler who trades the lot anyway.
    """
    most_h = 48 + tuned(72, 300, skill)
    goods = []
    for pack in first_sold(scene, wanted(20, size, skill), "bought back"):
        cleaned_us = scene.hours(48, most_h, "cleaning", number_in_lot(scene, pack))
        shop, end_us = scene.end(pack)
        goods.append(Good(scene.key(pack), end_us + cleaned_us, "A7", known_at=shop))
    sell_and_tell(scene, goods, skill, "laundered", note="bought back from patients")


def order_violation(scene: Scene, size: float, skill: float) -> None:
    """Copies live before, or are made again after, the packs whose serials they carry.

    A leaked list of serials is printed on fakes that are sold before the maker's own line starts;
    or, with more care, the plant's night shift prints the lot's serials once more, which the line's
    computer reports as it reports everything.
    """
    stage = scene.stage
    free = [pack for pack in scene.packs() if not stage.taken[pack]]
    packs = scene.sample(free, wanted(14, size, skill), "serials")
    stage.taken[packs] = True
    keys = scene.keys_of(packs)
    if skill < 1 / 2:
        first_us = scene.made_us - scene.between(6, 9, "leaked before") * DAY_US
        note = "sold before the genuine packs were printed"
    else:
        night_us = scene.made_us // DAY_US * DAY_US + scene.between(24, 70, "night") * HOUR_US
        night_us = max(night_us, int(stage.life.printed_us[scene.packs()[-1]]) + HOUR_US)
        if night_us >= stage.until_us - 20 * DAY_US:  # too late to sell any
            return
        scene.event(
            night_us,
            scene.product.packer,
            "commissioning",
            "active",
            action="ADD",
            epcs=keys,
            lot=scene.lot,
            expiry=scene.expiry,
            made_on=day_of(scene.made_us),
            is_evidence=True,
        )
        first_us = night_us + 12 * DAY_US
        note = f"printed twice at site {scene.product.packer}"
    goods = [
        Good(key, first_us, copy_of=pack, known_at=scene.end(pack)[0])
        for key, pack in zip(keys, packs, strict=True)
    ]
    sell_and_tell(scene, goods, skill, "falsified", first_us=first_us, note=note)


def expired_moving(scene: Scene, size: float, skill: float) -> None:
    """Expired packs are sold instead of destroyed.

    Clumsy: shops sell on what stands on their shelves. With more care a trader fetches it as waste
    and sells it elsewhere; most carefully under a later date.
    """
    if short_dated(scene, 0.75) is None:
        return
    over_us = midnight_us(scene.expiry)
    packs = _on_shelves(scene, over_us, wanted(20, size, skill))
    if not packs:
        return
    if skill < 1 / 3:
        sites = sorted({scene.end(pack)[0] for pack in packs})
        for pack in packs:
            at_us = over_us + scene.hours(50, 500, "sold late", number_in_lot(scene, pack))
            hand_out(scene, Good(scene.key(pack), at_us, "A24"), scene.end(pack)[0], at_us)
        scene.tell("diverted", scene.keys_of(packs), sites=sites, note="sold after its expiry")
        return
    seller = front(scene, skill)
    fetched = collect(
        scene,
        packs,
        seller,
        at_us=over_us + 30 * HOUR_US,
        disposition="expired",
        document_kind="rma",
    )
    later = month_end(day_of(over_us + 300 * DAY_US))
    is_redated = skill >= 2 / 3
    goods = [
        Good(
            scene.key(pack),
            got_us + 20 * HOUR_US,
            "A52" if is_redated else "A24",
            {"expiry": printed(later)} if is_redated else {},
            known_at=scene.end(pack)[0],
        )
        for pack, got_us in fetched
    ]
    label = "tampered" if is_redated else "diverted"
    sell_and_tell(scene, goods, skill, label, seller=seller, note="sold after its expiry")


def hold_recall_moving(scene: Scene, size: float, skill: float) -> None:
    """The lot is recalled; a wholesaler who still has some sells it all the same.

    Clumsy: he ships to his customers as if nothing had been; careful: he passes the stock to a
    trader, who sells single packs over months. Everybody else stops.
    """
    stage, legs = scene.stage, scene.stage.life.legs
    orders = np.flatnonzero((legs.lot == scene.row) & (legs.level == TO_BUYER))
    recall_us = int(np.sort(legs.ship_us[orders])[len(orders) // 2])
    stock = _stock_of(scene, orders, recall_us)
    if recall_us >= stage.until_us - 25 * DAY_US or not stock:
        return
    culprit = max(stock, key=lambda site: (len(stock[site]), -site))
    chosen = stock[culprit][: wanted(30, size, skill)]
    packs = [pack for pack, _ready in chosen]
    stage.taken[packs] = True
    scene.cut(scene.packs(), recall_us + _STOPPED_AFTER_H * HOUR_US)
    stage.lists.recalls.append(
        {
            "gtin": scene.product.gtin,
            "lot": scene.lot,
            "class": scene.pick(("I", "II"), "class"),
            "from": from_us(recall_us).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    )
    keys = scene.keys_of(packs)
    first_us = recall_us + 40 * HOUR_US
    edges: list[tuple[int, int]] = []
    if skill < 1 / 3:
        goods = [
            Good(key, max(first_us, ready_us), "A24")
            for key, (_pack, ready_us) in zip(keys, chosen, strict=True)
        ]
        sold = sell_on(scene, goods, culprit, customers(scene, culprit, 8), skill, paper=1.0)
        sites = [culprit]
    else:
        trader = front(scene, skill)
        got_us = scene.ship(
            keys,
            culprit,
            trader,
            max(first_us, chosen[-1][1]),
            is_shipped=skill >= 2 / 3,
            is_received=skill >= 2 / 3,
            is_evidence=True,
        )
        goods = [Good(key, got_us + 20 * HOUR_US, "A24") for key in keys]
        sold = sell_on(scene, goods, trader, customers(scene, trader, 8), skill)
        sites, edges = [culprit, trader], [(culprit, trader)]
    if sold.keys:
        edges += sold.edges
        scene.tell("diverted", keys, sites=sites, edges=edges, note="sold though recalled")


def stolen_reentry(scene: Scene, size: float, skill: float) -> None:
    """A consignment is stolen on the road, and its packs turn up in shops.

    The victim reports serials, the containers, or just the lot. Clumsy thieves sell within days,
    careful ones wait and sell through the trade.
    """
    level = scene.pick((TO_PRIMARY, TO_BUYER, TO_BUYER), "level")
    found = None
    for wish in (level, TO_BUYER, TO_PRIMARY):
        for least in (8, 1):
            found = found or scene.consignment("stolen", level=wish, least=least, spare_days=35)
    if found is None:
        return
    leg, packs = found
    scene.cut(packs, leg.ship_us)
    containers = _lose(scene, leg, packs, in_cases=leg.seller == scene.product.maker)
    how = scene.pick((_BY_SERIAL, _BY_SSCC, _BY_LOT), "how reported")
    if how == _BY_SSCC and not containers:
        how = _BY_SERIAL
    reported_us = leg.receive_us + scene.hours(10, 70, "reported")
    _report(scene, leg, packs, containers, how, reported_us)
    answer = "A24" if how == _BY_SERIAL else "ACTIVE"
    free_us = reported_us + int(tuned(30, 700, skill) * HOUR_US)
    for_sale = scene.keys_of(packs)[: wanted(40, size, skill)]
    goods = [Good(key, free_us, answer, known_at=leg.buyer) for key in for_sale]
    seller = front(scene, skill, besides=(leg.seller, leg.buyer))
    buyers = customers(scene, seller, round(tuned(3, 8, skill)))
    sold = sell_on(scene, goods, seller, buyers, skill)
    scene.tell(
        "stolen", scene.keys_of(packs), sites=[seller], edges=sold.edges, note="stolen on the road"
    )


def return_laundering(scene: Scene, size: float, skill: float) -> None:
    """Packs enter a wholesaler's good stock as returns by who never bought them from him.

    A clumsy pharmacy returns, without paper, what it bought back from patients. A careful one
    returns packs bought elsewhere at another price, a few at a time, with return papers, among
    lawful returns; the wholesaler sells them on in good faith.
    """
    if skill < 1 / 2:
        returned = _bought_back(scene, wanted(16, size, skill))
    else:
        returned = _bought_elsewhere(scene, wanted(24, size, skill), skill)
    if not returned.keys:
        return
    scene.tell(
        "laundered",
        returned.keys,
        sites=sorted({a for a, _b in returned.edges}),
        edges=returned.edges,
        note="returned to who never sold them",
    )


# ---- shared by these


def _stock_of(scene: Scene, orders: I64, at_us: int) -> dict[int, list[tuple[int, int]]]:
    """Packs that wholesalers hold at a time, each with when it is to leave, the next first.

    Their cases are opened just before they leave, so nothing can be done with them sooner.
    """
    legs, taken = scene.stage.life.legs, scene.stage.taken
    held = orders[(legs.ship_us[orders] > at_us) & (legs.receive_us[legs.parent[orders]] < at_us)]
    stock: dict[int, list[tuple[int, int]]] = {}
    for row in held[np.argsort(legs.ship_us[held], kind="stable")]:
        free = [pack for pack in range(int(legs.lo[row]), int(legs.hi[row])) if not taken[pack]]
        if free:
            own = stock.setdefault(int(legs.place_from[row]), [])
            own += [(pack, int(legs.ship_us[row])) for pack in free]
    return stock


def _on_shelves(scene: Scene, at_us: int, count: int) -> list[int]:
    """Packs that lie at dispensers when the lot expires, those of the fullest shelves first."""
    stage, life = scene.stage, scene.stage.life
    span = np.array(scene.packs())
    came_us = life.legs.receive_us[life.last_leg[span]]
    there = span[
        (came_us < at_us - 24 * HOUR_US) & (life.end_us[span] >= at_us) & ~stage.taken[span]
    ]
    sites = life.legs.place_to[life.last_leg[there]]
    held = np.bincount(sites, minlength=len(scene.net))
    order = np.lexsort((there, sites, -held[sites]))
    packs: list[int] = there[order][:count].tolist()
    stage.taken[packs] = True
    return packs


def _lose(scene: Scene, leg: Leg, packs: list[int], *, in_cases: bool) -> list[str]:
    """The consignment leaves and never arrives; keys of the cases in which it is stolen, if any."""
    keys = scene.keys_of(packs)
    containers: list[str] = []
    if in_cases:
        cases: dict[str, list[str]] = {}
        for pack, key in zip(packs, keys, strict=True):
            cases.setdefault(scene.case_key(pack), []).append(key)
        # What a scheme takes leaves its case before; the depot packs it again for the road.
        for case, own in cases.items():
            scene.pack(case, own, leg.place_from, leg.ship_us - 20 * MINUTE_US)
        containers = list(cases)
    scene.event(
        leg.ship_us,
        leg.place_from,
        "shipping",
        "in_transit",
        owner_from=leg.seller,
        owner_to=leg.buyer,
        place_from=leg.place_from,
        place_to=leg.place_to,
        document_kind="desadv",
        document=f"D{scene.stage.paper_no(scene.row, scene.code)}",
        epcs=containers or keys,
    )
    return containers


def _report(
    scene: Scene, leg: Leg, packs: list[int], containers: list[str], how: int, at_us: int
) -> None:
    """The victim's notice of a theft: packs one by one, containers, or the lot as a whole."""
    row = {
        "reported_at": from_us(at_us).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "gtin": scene.product.gtin,
        "lot": scene.lot,
        "place": scene.site(leg.place_from).gln,
    }
    if how == _BY_SERIAL:
        rows = [{**row, "serial": scene.serial(pack)} for pack in packs]
    elif how == _BY_SSCC:
        rows = [{**row, "sscc": case.removeprefix("00/")} for case in containers]
    else:
        rows = [row]
    scene.stage.lists.theft_notices.extend(rows)


def _send_back(
    scene: Scene,
    keys: list[str],
    shop: int,
    wholesaler: int,
    at_us: int,
    skill: float,
    *,
    is_evidence: bool = True,
) -> int:
    """A shop returns packs; when the wholesaler has them."""
    paper = (
        {"document_kind": "rma"} if skill >= 1 / 3 else {"document_kind": None, "document": None}
    )
    return scene.ship(
        keys, shop, wholesaler, at_us, disposition="returned", is_evidence=is_evidence, **paper
    )


def _resell(scene: Scene, goods: list[Good], wholesaler: int, skill: float) -> None:
    """The wholesaler puts returned packs into stock and sells them like any other."""
    sell_on(scene, goods, wholesaler, customers(scene, wholesaler, 6), skill, paper=1.0)


def _bought_back(scene: Scene, count: int) -> Sold:
    """One pharmacy returns what patients sold it to a wholesaler from whom none of it came."""
    returned = Sold()
    packs = first_sold(scene, count, "bought back")
    cheats = shops(scene, 1, "cheat")
    if not packs or not cheats:
        return returned
    cheat = cheats[0]
    sellers = {leg.seller for pack in packs for leg in scene.journey(pack)}
    wholesaler = _another(scene, cheat, sellers)
    goods: list[Good] = []
    for start in range(0, len(packs), 8):
        own = packs[start : start + 8]
        keys = scene.keys_of(own)
        sent_us = scene.end(own[-1])[1] + scene.hours(40, 90, "sent back", start)
        got_us = _send_back(scene, keys, cheat, wholesaler, sent_us, 0.0)
        returned.add(keys, cheat, wholesaler)
        goods += [Good(key, got_us + 20 * HOUR_US, "A7", known_at=cheat) for key in keys]
    _resell(scene, goods, wholesaler, 0.2)
    return returned


def _bought_elsewhere(scene: Scene, count: int, skill: float) -> Sold:
    """Shops return packs of one wholesaler to another, among lawful returns to that other."""
    returned = Sold()
    net = scene.net
    goods: list[Good] = []
    for shop, own in _fullest(scene, count):
        sellers = {pack: scene.journey(pack)[-1].seller for pack in own}
        partners = {net.sites[s].partner.no for s in sellers.values()}
        # Where a shop buys from two, the last of them takes all; the others' packs are the foreign.
        wholesaler = (
            max(sellers.values())
            if len(partners) > 1
            else _another(scene, shop, set(sellers.values()))
        )
        taker = net.sites[wholesaler].partner.no
        for leg, batch in _by_leg(scene, own):
            at_us = int(scene.stage.life.legs.receive_us[leg]) + 40 * HOUR_US
            scene.cut(batch, at_us)
            keys = scene.keys_of(batch)
            is_foreign = net.sites[sellers[batch[0]]].partner.no != taker
            got_us = _send_back(scene, keys, shop, wholesaler, at_us, skill, is_evidence=is_foreign)
            if is_foreign:
                returned.add(keys, shop, wholesaler)
            goods += [Good(key, got_us + 30 * HOUR_US, "ACTIVE", known_at=shop) for key in keys]
        _resell(scene, goods, wholesaler, skill)
        goods = []
    return returned


def _fullest(scene: Scene, count: int) -> list[tuple[int, list[int]]]:
    """Some packs that lie at the dispensers which hold most of the lot; shop by shop."""
    by_shop: dict[int, list[int]] = {}
    for pack in scene.at_dispenser(12 * count, "overstock", spare_days=40, hold_h=72):
        by_shop.setdefault(scene.end(pack)[0], []).append(pack)
    chosen = []
    for shop, packs in sorted(by_shop.items(), key=lambda row: (-len(row[1]), row[0])):
        own, left = packs[: max(count, 0)], packs[max(count, 0) :]
        scene.stage.taken[left] = False
        count -= len(own)
        if own:
            chosen.append((shop, own))
    return chosen


def _by_leg(scene: Scene, packs: list[int]) -> list[tuple[int, list[int]]]:
    """Packs by the consignment with which they came."""
    rows: dict[int, list[int]] = {}
    for pack in packs:
        rows.setdefault(int(scene.stage.life.last_leg[pack]), []).append(pack)
    return sorted(rows.items())


def _another(scene: Scene, shop: int, sellers: set[int]) -> int:
    """A wholesaler of the shop's country to whom none of the packs ever belonged."""
    net = scene.net
    partners = {net.sites[s].partner.no for s in sellers}
    pool = net.of("wholesaler", "primary", net.sites[shop].country)
    others = [w for w in pool if net.sites[w].partner.no not in partners]
    return scene.pick(others or net.of("wholesaler", "secondary", net.sites[shop].country), "other")


ATTACKS: tuple[Attack, ...] = (
    Attack("P11", "after_terminal", each(after_terminal), suits=has_shops),
    Attack("P12", "dispensed_reentry", each(dispensed_reentry), suits=has_shops),
    Attack("P13", "order_violation", each(order_violation), suits=has_shops),
    Attack("P14", "expired_moving", each(expired_moving), suits=has_shops),
    Attack("P15", "hold_recall_moving", each(hold_recall_moving), suits=has_shops),
    Attack("P16", "stolen_reentry", each(stolen_reentry), suits=has_shops),
    Attack("P39", "return_laundering", each(return_laundering), suits=has_shops),
)
