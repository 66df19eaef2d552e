"""Attacks on who trades with whom: firms without licence or past, detours, and invented origins.

The packs are genuine. What is wrong is the way that they take, which only the relations of firms
show; every single sale looks like trade.
"""

from collections.abc import Sequence
from datetime import timedelta

from data.simulator.attacks.craft import (
    LEAST_SHOPS,
    Good,
    Sold,
    collect,
    each,
    front,
    has_shops,
    home,
    shops,
    tuned,
    wanted,
)
from data.simulator.attacks.traders import (
    booked_in,
    brokers,
    bulk,
    buy,
    deal,
    founded,
    hand_out_lawfully,
    named,
    off_books,
    orders,
    paced_h,
    pass_on,
    shelved,
    tell_sold,
    terms,
    through,
    trade_lawfully,
    traders_of,
    usual_shops,
    witness,
)
from data.simulator.network import Network, Product
from data.simulator.scheme import Attack
from data.simulator.stage import Scene, day_of
from data.simulator.working_time import HOUR_US

_FLASH_LOTS, _SHELL_LOTS = 3, 2
_ROUNDS = 6  # consignments of one lot through a shell


def unauthorised_partner(scene: Scene, size: float, skill: float) -> None:
    """A firm that may not trade buys from a wholesaler that does not ask, and sells to shops.

    The clumsy never had a licence; the careful had one, and let it lapse.
    """
    pool = scene.net.of("wholesaler", "shell" if skill < 1 / 2 else "flash", *home(scene))
    trader = scene.pick(pool, "trader")
    found = orders(scene, wanted(30, size, skill), "bought")
    if not found:
        return
    if skill >= 1 / 2:
        last = day_of(found[0].leaves_us) - timedelta(days=scene.between(3, 12, "lapsed"))
        scene.stage.lists.licences.setdefault(trader, {})["valid_to"] = last.isoformat()
    goods = []
    for order in found:
        got_us = buy(scene, order, trader, share=terms(skill))
        goods += [
            Good(key, got_us + 20 * HOUR_US, "ACTIVE", known_at=order.leg.buyer)
            for key in scene.keys_of(order.packs)
        ]
    keys = [good.key for good in goods]
    sold = deal(scene, goods, trader, usual_shops(scene, 8, "shops"), skill, share=terms(skill))
    witness(scene, keys, "shipping", "receiving")
    edges = [(found[0].leg.seller, trader), *sold.edges]
    scene.tell("diverted", keys, sites=[trader], edges=edges, note="traded without a licence")


def provenance_gap(scene: Scene, size: float, skill: float) -> None:
    """A firm sells a lot that no recorded sale ever brought to it.

    The packs come from shelves, under the counter. The clumsy say nothing of where they had them;
    the careful name a supplier, who by his own records never had the lot either.
    """
    known = traders_of(scene)
    trader = front(scene, skill, besides=sorted(known))
    goods = off_books(scene, wanted(24, size, skill), "under the counter", trader)
    if skill >= 1 / 2:
        supplier = brokers(scene, 1, skill, "supplier", besides=[trader, *known])[0]
        goods = booked_in(scene, goods, supplier, trader, supplier, 4)
    sold = deal(scene, goods, trader, shops(scene, 8), skill, share=terms(skill))
    witness(scene, sold.keys, "shipping", "receiving")
    tell_sold(scene, "diverted", sold, [trader], "of no recorded origin")


def new_edge_risk(scene: Scene, size: float, skill: float) -> None:
    """A firm nobody knows offers a dear product to shops that had it from others so far.

    The clumsy offer it to all at once. The careful first sell lawful goods to two or three of them,
    for a while.
    """
    trader = scene.pick(scene.net.of("wholesaler", "flash", *home(scene)), "trader")
    buyers = usual_shops(scene, 10 if skill < 1 / 2 else 3, "shops")
    goods = off_books(scene, wanted(24, size, skill), "under the counter", trader)
    if not buyers or not goods:
        return
    if skill >= 1 / 2:
        trade_lawfully(scene, trader, buyers, len(goods))
    sold = deal(scene, goods, trader, buyers, skill, share=0.95)
    witness(scene, sold.keys, "shipping", "receiving")
    tell_sold(scene, "diverted", sold, [trader], "offered by a firm without a past")


def excess_hops(scene: Scene, size: float, skill: float) -> None:
    """Packs pass a row of brokers until nobody asks where they began.

    The clumsy use five letterbox firms of several countries within days. The careful use three
    licensed firms of the market, where goods lie for a while.
    """
    found = orders(scene, wanted(24, size, skill), "bought", spare_days=55)
    if not found:
        return
    seller = found[0].leg.seller
    chain = brokers(scene, 5 if skill < 1 / 2 else 3, skill, besides=[seller])
    buyers = usual_shops(scene, 6, "shops")
    if not buyers:  # a world so small that no pharmacy had the lot
        return
    stay_h = (tuned(6, 60, skill), tuned(40, 200, skill))
    sold = Sold()
    for turn, order in enumerate(found):
        keys = scene.keys_of(order.packs)
        got_us = buy(scene, order, chain[0], share=terms(skill))
        shop = buyers[turn % len(buyers)]
        at_us = got_us + scene.hours(*stay_h, "first stay", turn)
        got_us = through(scene, keys, [*chain, shop], at_us, stay_h, share=terms(skill))
        hand_out_lawfully(scene, keys, shop, got_us)
        for a, b in zip([seller, *chain], [*chain, shop], strict=True):
            sold.add(keys, a, b)
    witness(scene, sold.keys, "receiving", sites={*buyers, chain[-1]})
    tell_sold(scene, "diverted", sold, chain, f"through {len(chain)} brokers")


def round_trip(scene: Scene, size: float, skill: float) -> None:
    """Packs run in a circle back to who had sold them, for a tax refund or a new origin.

    The clumsy close the circle within days by letterbox firms. The careful let a licensed firm sell
    them back after weeks.
    """
    found = orders(scene, wanted(30, size, skill), "sent round", spare_days=70)
    if not found:
        return
    seller = found[0].leg.seller
    firms = brokers(scene, 2, skill, besides=[seller])
    stay_h = (tuned(6, 300, skill), tuned(40, 600, skill))
    sold = Sold()
    for turn, order in enumerate(found):
        keys = scene.keys_of(order.packs)
        at_us = buy(scene, order, firms[0], share=terms(skill))
        at_us += scene.hours(*stay_h, "first stay", turn)
        at_us = through(scene, keys, [*firms, seller], at_us, stay_h, share=terms(skill))
        for a, b in zip([seller, *firms], [*firms, seller], strict=True):
            sold.add(keys, a, b)
        # Back in stock they go to whom they were promised.
        at_us += scene.hours(20, 90, "stock", turn)
        at_us = pass_on(scene, keys, seller, order.leg.buyer, at_us, share=terms(skill))
        hand_out_lawfully(scene, keys, order.leg.buyer, at_us)
    witness(scene, sold.keys, "receiving", sites={seller})
    tell_sold(scene, "laundered", sold, [seller, *firms], "sold in a circle")


def flash_hub(scenes: Sequence[Scene], size: float, skill: float) -> None:
    """A firm founded for it sells much of a dear product to many shops, and falls silent.

    The clumsy do it within weeks by one firm, with a few lawful goods for a face. The careful split
    it over two, sell less, and trade more lawful goods beside.
    """
    lead = scenes[0]
    firms = list(lead.net.of("wholesaler", "flash", *home(lead)))
    firms = lead.sample(firms, 1 if skill < 1 / 2 else 2, "firms")
    everyone = len(lead.net.of("pharmacy", "", *home(lead)))
    buyers = shops(lead, min(60, everyone * 2 // 3) if skill < 1 / 2 else 6)
    for firm in firms:
        founded(scenes, firm)
    for turn, scene in enumerate(scenes):
        trader = firms[turn % len(firms)]
        first = turn * len(buyers) // len(scenes)
        own = [*buyers[first:], *buyers[:first]]
        count = wanted(110, size, skill)
        trade_lawfully(scene, trader, own, count // 4 if skill >= 1 / 2 else max(2, count // 12))
        goods = off_books(scene, count, "under the counter", trader)
        # Many small sales: to have many customers is what the firm is for.
        sold = deal(scene, goods, trader, own, max(skill, 0.35), share=0.94)
        witness(scene, sold.keys, "shipping", "receiving")
        tell_sold(scene, "diverted", sold, [trader], "through a firm founded for it")


def role_inversion(scene: Scene, size: float, skill: float) -> None:
    """A hospital or pharmacy sells what it bought cheaply to a wholesaler that never supplied it.

    The clumsy empty their shelves into an unlicensed firm. The careful send some packs now and then
    to a licensed one, which sells them among its own.
    """
    held = _sold_up(scene, wanted(24, size, skill), skill)
    suppliers = {leg.seller for own in held.values() for p in own for leg in scene.journey(p)}
    taker = front(scene, skill, besides=sorted(suppliers))
    goods: list[Good] = []
    edges: list[tuple[int, int]] = []
    for site, packs in held.items():
        fetched = collect(scene, packs, taker, after_h=30)
        goods += [
            Good(scene.key(pack), got_us + 30 * HOUR_US, "ACTIVE", known_at=site)
            for pack, got_us in fetched
        ]
        edges.append((site, taker))
    sold = deal(scene, goods, taker, shops(scene, 6, besides=list(held)), skill, share=terms(skill))
    keys = [good.key for good in goods]
    scene.evidence[:] = [
        *named(scene, keys, "shipping", sites=held),
        *named(scene, keys, "receiving", sites={taker}),
    ]
    if scene.evidence:
        sites, note = [*held, taker], "sold up the chain by a dispenser"
        scene.tell("diverted", keys, sites=sites, edges=[*edges, *sold.edges], note=note)


def pass_through(scenes: Sequence[Scene], size: float, skill: float) -> None:
    """A firm exists on paper only: whatever one supplier sends goes on to one buyer at once.

    It hides where the supplier had the goods. The clumsy hand on the same day. The careful keep
    goods for a day or three, and do some lawful trade beside.
    """
    lead, net = scenes[0], scenes[0].net
    supplier = lead.pick(net.of("wholesaler", "flash", *home(lead)), "supplier")
    shell = lead.pick(
        [
            s
            for s in net.of("wholesaler", "shell" if skill < 2 / 3 else "flash", *home(lead))
            if s != supplier
        ],
        "shell",
    )
    buyer = lead.pick(net.of("wholesaler", "secondary", *home(lead)), "buyer")
    for scene in scenes:
        goods = off_books(scene, wanted(36, size, skill), "under the counter", supplier)
        goods.sort(key=lambda good: good.free_us)
        each_time = -(-len(goods) // _ROUNDS)
        rounds = [goods[n : n + each_time] for n in range(0, len(goods), max(1, each_time))]
        onward: list[Good] = []
        passed, at_us = Sold(), 0
        for turn, own in enumerate(rounds):
            keys = [good.key for good in own]
            at_us = max(at_us, own[-1].free_us)
            got_us = pass_on(scene, keys, supplier, shell, at_us, share=terms(skill))
            kept_us = scene.hours(tuned(0.2, 24, skill), tuned(1, 60, skill), "kept", turn)
            got_us = pass_on(scene, keys, shell, buyer, got_us + kept_us, share=terms(skill))
            onward += [Good(key, got_us + 24 * HOUR_US, "ACTIVE") for key in keys]
            passed.add(keys, supplier, shell)
            passed.add(keys, shell, buyer)
            at_us += int(paced_h(min(skill, 0.6)) * HOUR_US)
        if skill >= 2 / 3:
            trade_lawfully(scene, shell, usual_shops(scene, 3, "shops"), len(goods) // 4)
        # The buyer sells like everybody; it may not even know.
        sold = deal(scene, onward, buyer, usual_shops(scene, 6, "end shops"), 0.3, share=0.98)
        scene.evidence[:] = [
            *named(scene, passed.keys, "shipping", "receiving", sites={shell}),
            *named(scene, passed.keys, "receiving", sites={buyer}),
        ]
        sites = [supplier, shell]
        tell_sold(scene, "laundered", passed, sites, "handed on by a shell", sold.edges)


def market_diversion(scene: Scene, size: float, skill: float) -> None:
    """Packs made for one market are sold in another, where the price is higher.

    The clumsy carry them over the border and sell from hand to hand. The careful book everything:
    a licensed firm here sells to a licensed firm there, at plausible prices, against delivery notes
    and orders, a few packs a month; only the packs are of another market.
    """
    net = scene.net
    there = scene.pick(other_markets(scene.product, net), "country")
    local = scene.sample(net.of("pharmacy", "", there), 8, "shops abroad")
    found = orders(scene, wanted(36, size, skill), "bought", spare_days=60)
    if not found:
        return
    seller = found[0].leg.seller
    importer = scene.pick(
        net.of("wholesaler", "shell" if skill < 1 / 2 else "secondary", there), "importer"
    )
    firms = [importer]
    if skill >= 1 / 2:
        exporters = [s for s in net.of("wholesaler", "secondary", *home(scene)) if s != seller]
        firms = [scene.pick(exporters, "exporter"), importer]
    goods: list[Good] = []
    edges: list[tuple[int, int]] = []
    for turn, order in enumerate(found):
        keys = scene.keys_of(order.packs)
        got_us = buy(scene, order, firms[0], share=terms(skill))
        got_us += scene.hours(20, 70, "stock", turn)
        got_us = through(scene, keys, firms, got_us, (20, 70), share=_abroad(skill))
        goods += [Good(key, got_us + 20 * HOUR_US, "ACTIVE") for key in keys]
        edges += zip([seller, *firms], firms, strict=False)
    # The pace of sales tells less than the paper: it is as slow as the author is careful.
    sold = deal(scene, goods, importer, local, min(skill, 0.8), share=_abroad(skill))
    witness(scene, sold.keys, "receiving", "retail_selling", "dispensing", sites={*local, importer})
    tell_sold(scene, "diverted", sold, firms, f"sold in {there}", sorted(set(edges)))


def forged_ti(scene: Scene, size: float, skill: float) -> None:
    """Papers state an origin that the goods never had.

    The clumsy claim to have bought from the maker, who knows nothing of it. Others use the delivery
    note of a lawful purchase again and again. The careful book every sale as the trade does, as a
    licensed firm, at plausible prices; only that it never bought the lot.
    """
    product = scene.product
    trader = _claimant(scene, skill)
    goods = off_books(scene, wanted(26, size, skill), "under the counter", trader)
    buyers = usual_shops(scene, 6, "shops")
    if not goods or not buyers:
        return
    if skill < 1 / 3:
        # Who does not know the trade names the maker's own address: in truth a depot ships.
        goods = booked_in(scene, goods, product.maker, trader, product.maker, 10)
        sold = deal(scene, goods, trader, buyers, skill)
        witness(scene, sold.keys, "receiving", sites={trader})
        note = "a first sale that the maker never made"
    elif skill < 2 / 3:
        document = f"D{scene.stage.paper_no(scene.row, scene.code)}"
        sold = deal(scene, goods, trader, buyers, 0.6, document=document)
        witness(scene, sold.keys, "shipping", sites={trader})
        note = "one delivery note for many sales"
    else:
        sold = deal(scene, goods, trader, buyers, skill, share=0.97)
        witness(scene, sold.keys, "shipping", sites={trader})
        note = "sold by the book by who never bought it"
    tell_sold(scene, "laundered", sold, [trader], note)


# ---- shared by these


def _sold_up(scene: Scene, count: int, skill: float) -> dict[int, list[int]]:
    """Packs on shelves, by dispenser: where most of the lot lies, or some here and there."""
    if skill < 1 / 2:
        return bulk(scene, count, "sold up")
    held: dict[int, list[int]] = {}
    for pack in shelved(scene, count, "sold up"):
        held.setdefault(scene.end(pack)[0], []).append(pack)
    return held


def _claimant(scene: Scene, skill: float) -> int:
    """A firm with a licence: fresh, or, of the careful, old, that never dealt with the lot."""
    tier = "flash" if skill < 2 / 3 else "secondary"
    pool = scene.net.of("wholesaler", tier, *home(scene))
    known = traders_of(scene)
    return scene.pick([s for s in pool if s not in known] or pool, "claimant")


def _abroad(skill: float) -> float | None:
    """Sold abroad, goods of a cheaper market cost a little less than there."""
    return None if skill < 1 / 2 else 0.9


def other_markets(product: Product, net: Network) -> tuple[str, ...]:
    """Countries that the packs are not made for, with enough pharmacies."""
    return tuple(
        c
        for c in net.countries
        if c not in product.markets and len(net.of("pharmacy", "", c)) >= LEAST_SHOPS
    )


def has_abroad(product: Product, net: Network) -> bool:
    """Whether there is a market besides the product's own."""
    return has_shops(product, net) and bool(other_markets(product, net))


def is_dear(product: Product, net: Network) -> bool:
    """Products worth the trouble."""
    return product.is_high_risk and has_shops(product, net)


ATTACKS: tuple[Attack, ...] = (
    Attack("P26", "unauthorised_partner", each(unauthorised_partner), suits=has_shops),
    Attack("P27", "provenance_gap", each(provenance_gap), suits=has_shops),
    Attack("P28", "new_edge_risk", each(new_edge_risk), suits=is_dear),
    Attack("P29", "excess_hops", each(excess_hops), suits=has_shops),
    Attack("P30", "round_trip", each(round_trip), suits=has_shops),
    Attack("P31", "flash_hub", flash_hub, lots=_FLASH_LOTS, suits=is_dear),
    Attack("P32", "role_inversion", each(role_inversion), suits=has_shops),
    Attack("P33", "pass_through", pass_through, lots=_SHELL_LOTS, suits=has_shops),
    Attack("P34", "market_diversion", each(market_diversion), suits=has_abroad),
    Attack("P40", "forged_ti", each(forged_ti), suits=has_shops),
)
