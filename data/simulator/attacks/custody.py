"""Attacks on who holds what: goods that come from nowhere, go nowhere, or are more than there were.

The packs are mostly genuine. They are lifted from stores, cases and vans, signed for by somebody
else, or joined by fakes where only quantities are counted.
"""

from dataclasses import replace

from data.simulator.attacks.craft import (
    Good,
    Sold,
    customers,
    each,
    front,
    hand_out,
    has_shops,
    home,
    moments,
    number_in_lot,
    open_at,
    sell_on,
    shops,
    tuned,
    wanted,
)
from data.simulator.attacks.traders import (
    Order,
    buy,
    deal,
    depart,
    lift,
    orders,
    own_sscc,
    paced_h,
    pass_on,
    sealed,
    spaced,
    tell_sold,
    terms,
    told,
    witness,
)
from data.simulator.life import TO_PRIMARY
from data.simulator.network import Network, Product
from data.simulator.scheme import Attack
from data.simulator.stage import Scene, day_of
from data.simulator.working_time import DAY_US, HOUR_US, MINUTE_US

_MARKET_AGE_DAYS = 25  # fakes appear when the genuine lot is known in the trade
_MOST_BOXES = 40


def receive_no_ship(scene: Scene, size: float, skill: float) -> None:
    """A hand in a wholesaler's store carries packs out; shops book in what nobody sent.

    The clumsy sell at the door, without a name, within days. The careful bring one pack a month
    under a forged delivery note of that wholesaler, from whom the shop buys anyway.
    """
    lifted = orders(scene, wanted(20, size, skill), "lifted")
    if not lifted:
        return
    seller = lifted[0].leg.seller
    goods = lift(scene, lifted, tuned(30, 240, skill))
    buyers = customers(scene, seller, round(tuned(3, 8, skill)))
    if skill < 1 / 3:
        sold = sell_on(scene, goods, seller, buyers, skill)
    else:
        sold = deal(scene, goods, seller, buyers, skill, is_shipped=False)
    witness(scene, sold.keys, "receiving")
    tell_sold(scene, "stolen", sold, [seller], "carried out of a wholesaler's store")


def ship_no_receive(scene: Scene, size: float, skill: float) -> None:
    """Goods leave and never arrive; nobody finds words for it.

    A lorry from the depot vanishes with all it carries; or parcels do; most carefully a driver
    takes one pack of an order now and then, which reads like a miscount.
    """
    if skill < 1 / 3:
        lost = _lorry(scene)
    elif skill < 2 / 3:
        lost = orders(scene, wanted(36, size, skill), "parcels", spare_days=25)
    else:
        found = orders(scene, wanted(400, size, skill), "short deliveries", spare_days=25)
        lost = [
            _first_pack(scene, order)
            for order in spaced(scene, found, paced_h(skill) / 3, wanted(24, size, skill))
        ]
    if not lost:
        return
    keys: list[str] = []
    for order in lost:
        keys += scene.keys_of(order.packs)
        number, _ = depart(scene, order)
        scene.evidence.append(number)
        scene.unanswered[number] = order.leg.place_to
    edges = sorted({(order.leg.seller, order.leg.buyer) for order in lost})
    scene.tell("stolen", keys, edges=edges, note="stolen on the road, and not reported")


def ship_by_nonholder(scene: Scene, size: float, skill: float) -> None:
    """A firm sells packs that lie on others' shelves: it has copies of them, and sends these.

    The clumsy send many at once. The careful send one a month, to a shop of the same town as the
    original's if they can.
    """
    seller = front(scene, skill)
    count = wanted(12, size, skill)
    packs = scene.at_dispenser(40 * count, "copied", spare_days=25, hold_h=110)
    packs.sort(key=lambda pack: (scene.journey(pack)[-1].receive_us, pack))
    sold, next_us = Sold(), 0
    for pack in packs:
        site, _end_us = scene.end(pack)
        no = number_in_lot(scene, pack)
        at_us = scene.journey(pack)[-1].receive_us + scene.hours(2, 20, "read", no)
        if len(sold.keys) >= count or at_us < next_us:
            scene.stage.taken[pack] = False
            continue
        near = shops(scene, 1, f"shop {no}", besides=[site])
        if skill >= 1 / 2:
            pool = scene.net.of("pharmacy", "", scene.net.sites[site].country)
            town = scene.net.sites[site].city_no
            near = [s for s in pool if scene.net.sites[s].city_no == town and s != site] or near
        if not near:
            continue
        shop, key = scene.pick(near, "near", no), scene.key(pack)
        got_us = pass_on(scene, [key], seller, shop, at_us, share=terms(skill))
        sold.add([key], seller, shop)
        good = Good(key, got_us, copy_of=pack, known_at=site)
        hand_out(
            scene, good, shop, got_us + scene.hours(4, 60, "on the shelf", no), is_evidence=False
        )
        next_us = at_us + int(tuned(1, 620, skill) * HOUR_US)
    witness(scene, sold.keys, "shipping", "receiving")
    tell_sold(scene, "falsified", sold, [seller], "copies of packs on others' shelves")


def mass_balance(scene: Scene, size: float, skill: float) -> None:
    """A trader sells more of a lot than it bought: the rest comes out of another's store.

    The clumsy buy a few packs as a cover. The careful buy as many as they had sold, weeks later, so
    that in the end the books agree.
    """
    count = wanted(26, size, skill)
    lifted = orders(scene, count, "lifted")
    if not lifted:
        return
    source = lifted[0].leg.seller
    trader = front(scene, skill, besides=(source,))
    goods = lift(scene, lifted, tuned(24, 48, skill))
    buyers = customers(scene, trader, round(tuned(4, 8, skill)))
    cover = orders(scene, max(1, count // 6) if skill < 1 / 2 else count, "cover", seller=source)
    if skill < 1 / 2:
        for order in cover:
            buy(scene, order, trader, share=0.97)
    sold = deal(scene, goods, trader, buyers, skill, share=0.96)
    if skill >= 1 / 2:
        first_us = min((good.free_us for good in goods), default=0)
        late = [order for order in cover if order.leaves_us > first_us + 5 * DAY_US]
        for order in late:
            buy(scene, order, trader, share=0.97)
    witness(scene, sold.keys, "shipping", sites={trader})
    tell_sold(scene, "stolen", sold, [trader], f"lifted at site {source}, sold with its own goods")


def lot_overpopulation(scene: Scene, size: float, skill: float) -> None:
    """Fakes of a genuine lot go to hospitals by the box: there packs are counted, not scanned.

    The clumsy sell boxes as full as the maker's within days. The careful add a few packs a month to
    what the hospital needs.
    """
    net = scene.net
    seller = front(scene, skill)
    hospitals = scene.sample(net.of("hospital", "", *home(scene)), 4, "hospitals")
    most = scene.product.per_case if skill < 1 / 2 else round(tuned(20, 5, skill))
    boxes = min(_MOST_BOXES, wanted(8, size, skill))
    key = f"01/{scene.product.gtin}/10/{scene.lot}"
    first_us = scene.made_us + _MARKET_AGE_DAYS * DAY_US + scene.hours(0, 200, "first sale")
    edges: list[tuple[int, int]] = []
    for turn, at_us in zip(range(boxes), moments(scene, first_us, skill), strict=False):
        ward = hospitals[turn % len(hospitals)]
        count = scene.between(max(2, most * 2 // 3), most, "box", turn)
        classes = [{"key": key, "quantity": float(count)}]
        got_us = pass_on(
            scene,
            (),
            seller,
            ward,
            at_us,
            share=terms(skill),
            count=count,
            classes=classes,
            is_shipped=skill >= 1 / 3,
            is_evidence=True,
        )
        used_us = open_at(scene, ward, got_us + scene.hours(24, 300, "used", turn))
        scene.event(used_us, ward, "dispensing", "dispensed", classes=classes)
        edges.append((seller, ward))
    scene.evidence[:] = told(scene, scene.evidence)
    if scene.evidence:
        # Nobody told their serials, if they have any.
        note = "fakes counted as packs of the lot"
        scene.tell("falsified", (), sites=[seller], edges=sorted(set(edges)), note=note)


def destination_mismatch(scene: Scene, size: float, skill: float) -> None:
    """Goods priced for a hospital are signed for by a trader who was not to have them.

    The clumsy take whole deliveries into an unlicensed firm. The careful take one a month into a
    licensed one, and sell from there with paper.
    """
    count = wanted(40, size, skill)
    found = orders(scene, 4 * count, "rerouted", roles=("hospital",))
    found = found or orders(scene, 4 * count, "rerouted too")
    most = 6 if skill < 1 / 2 else 3
    found = spaced(scene, found, 0 if skill < 1 / 2 else paced_h(skill) / 2, most)
    if not found:
        return
    taker = front(scene, skill, besides=[order.leg.seller for order in found])
    goods: list[Good] = []
    edges: list[tuple[int, int]] = []
    for turn, order in enumerate(found):
        number, _ = depart(scene, order)
        keys = scene.keys_of(order.packs)
        # It leaves with the order's van, and is taken off it in the trader's town.
        got_us = scene.ship(
            keys,
            order.leg.seller,
            taker,
            order.leaves_us - 3 * HOUR_US,
            is_shipped=False,
            is_evidence=True,
            document=order.document,
        )
        scene.against[scene.evidence[-1]] = number
        edges.append((order.leg.seller, taker))
        free_us = got_us + scene.hours(16, 60, "sorting", turn)
        goods += [Good(key, free_us, "ACTIVE", known_at=order.leg.buyer) for key in keys]
    sold = deal(scene, goods, taker, shops(scene, 6), skill, share=terms(skill))
    scene.evidence[:] = told(scene, scene.evidence)
    keys = [good.key for good in goods]
    scene.tell(
        "diverted", keys, sites=[taker], edges=[*edges, *sold.edges], note="signed for by another"
    )


def child_without_parent(scene: Scene, size: float, skill: float) -> None:
    """A hand in the depot opens cases, takes packs out and closes them again: they travel as whole.

    The packs turn up in shops while by all records they lie in their case. The clumsy take a few of
    each case at once; the careful one.
    """
    cases = sealed(scene, 6)
    if not cases:
        return
    cases = cases[: wanted(12, size, skill)]
    each_case = max(2, len(cases[0].packs) // 6) if skill < 1 / 2 else 1
    seller = front(scene, skill)
    buyers = customers(scene, seller, max(2, len(cases)))
    sold = Sold()
    for turn, case in enumerate(cases):
        scene.stage.taken[case.packs] = True
        packs = case.packs[2 : 2 + each_case]
        # It travels and is opened as ever; only then is it short.
        scene.cut(packs, case.parted_us)
        free_us = case.from_us + scene.hours(20, 60, "taken out", turn)
        goods = [Good(scene.key(p), free_us, "ACTIVE", known_at=case.site) for p in packs]
        turned = [*buyers[turn:], *buyers[:turn]]
        part = deal(
            scene, goods, seller, turned, skill, share=terms(skill), is_shipped=skill > 2 / 3
        )
        for a, b in part.edges:
            sold.add(part.keys, a, b)
    witness(scene, sold.keys, "receiving", "retail_selling")
    tell_sold(scene, "stolen", sold, [cases[0].site, seller], "taken out of closed cases")


def parent_content_conflict(scene: Scene, size: float, skill: float) -> None:
    """The serials of a closed case are printed once more and packed into another box.

    Both travel, each with the same content on record. The clumsy copy most of a case; the
    careful only a few of its packs, into one small box after the other.
    """
    cases = sealed(scene, 5)
    if not cases:
        return
    if skill < 1 / 2:
        boxes = [
            (case, case.packs[: max(2, len(case.packs) * 2 // 3)])
            for case in cases[: max(1, round(size))]
        ]
    else:
        boxes = [(case, case.packs[1:4]) for case in cases[: wanted(8, size, skill)]]
    seller = front(scene, skill)
    buyers = customers(scene, seller, max(2, len(boxes)))
    sold = Sold()
    packing: list[int] = []
    for turn, (case, packs) in enumerate(boxes):
        scene.stage.taken[case.packs] = True
        keys = scene.keys_of(packs)
        box, shop = own_sscc(scene, seller, turn), buyers[turn % len(buyers)]
        packed_us = open_at(scene, seller, case.from_us + scene.hours(10, 50, "printed", turn))
        packing.append(scene.pack(box, keys, seller, packed_us))
        got_us = pass_on(
            scene,
            [box],
            seller,
            shop,
            packed_us + 20 * MINUTE_US,
            share=terms(skill),
            count=len(keys),
        )
        scene.pack(box, keys, shop, got_us + 25 * MINUTE_US, action="DELETE")
        sold.add(keys, seller, shop)
        for pack, key in zip(packs, keys, strict=True):
            good = Good(key, got_us, copy_of=pack, known_at=scene.end(pack)[0])
            at_us = got_us + scene.hours(5, 150, "on the shelf", number_in_lot(scene, pack))
            hand_out(scene, good, shop, at_us, is_evidence=False)
    scene.evidence[:] = told(scene, packing)
    tell_sold(scene, "falsified", sold, [seller], "content of closed cases, packed a second time")


def repack_imbalance(scene: Scene, size: float, skill: float) -> None:
    """A repackager puts fakes under the packs that it repacks: more come out than went in.

    The clumsy double what they bought; the careful add one in ten.
    """
    net = scene.net
    pool = net.of("parallel_trader")
    abroad = [s for s in pool if net.sites[s].country not in scene.product.markets]
    trader = scene.pick(abroad or pool, "repackager")
    bought = orders(scene, wanted(30, size, 0), "bought", spare_days=55)
    if not bought:
        return
    got_us = max(buy(scene, order, trader, share=0.95) for order in bought)
    inputs = [key for order in bought for key in scene.keys_of(order.packs)]
    excess = max(2, round(len(inputs) * tuned(1.0, 0.1, skill)))
    first = scene.below(10**8, "repacked serial") * 10
    outputs = [
        f"01/{scene.product.gtin}/21/RP{trader:04d}{first + n:09d}"
        for n in range(len(inputs) + excess)
    ]
    packed_us = open_at(scene, trader, got_us + scene.hours(30, 140, "queue"))
    scene.event(
        packed_us,
        trader,
        "repackaging",
        "active",
        event_type="TransformationEvent",
        action=None,
        epcs=inputs,
        outputs=outputs,
        lot=scene.lot,
        expiry=scene.expiry,
        made_on=day_of(scene.made_us),
        is_evidence=True,
    )
    free_us = packed_us + 30 * HOUR_US
    goods = [Good(key, free_us, "ACTIVE") for key in outputs]
    pool = net.of("pharmacy", "", net.sites[trader].country)
    # An honest business by its pace, whatever is in its boxes.
    sold = deal(scene, goods, trader, scene.sample(pool, 8, "shops"), 0.0, share=0.93)
    fakes = scene.sample(outputs, excess, "fakes")
    note = f"{excess} fakes put under {len(inputs)} repacked packs"
    scene.tell("falsified", fakes, sites=[trader], edges=sold.edges, note=note)


# ---- shared by these


def _lorry(scene: Scene) -> list[Order]:
    """What one lorry carries from the depot to a wholesaler."""
    found = scene.consignment("lorry", level=TO_PRIMARY, spare_days=25)
    if found is None:
        return []
    leg, packs = found
    return [Order(leg, packs, f"D{scene.stage.paper_no(scene.row, scene.code)}")]


def _first_pack(scene: Scene, order: Order) -> Order:
    scene.stage.taken[order.packs[1:]] = False
    return replace(order, packs=order.packs[:1])


def has_repackager(product: Product, net: Network) -> bool:
    """Whether there is anybody who repacks."""
    return has_shops(product, net) and bool(net.of("parallel_trader"))


ATTACKS: tuple[Attack, ...] = (
    Attack("P17", "receive_no_ship", each(receive_no_ship), suits=has_shops),
    Attack("P18", "ship_no_receive", each(ship_no_receive), suits=has_shops),
    Attack("P19", "ship_by_nonholder", each(ship_by_nonholder), suits=has_shops),
    Attack("P20", "mass_balance", each(mass_balance), suits=has_shops),
    Attack("P21", "lot_overpopulation", each(lot_overpopulation), suits=has_shops),
    Attack("P22", "destination_mismatch", each(destination_mismatch), suits=has_shops),
    Attack("P23", "child_without_parent", each(child_without_parent), suits=has_shops),
    Attack("P24", "parent_content_conflict", each(parent_content_conflict), suits=has_shops),
    Attack("P25", "repack_imbalance", each(repack_imbalance), suits=has_repackager),
)
