"""Fakes under borrowed numbers, and packs that are of another market than their buyers."""

from collections.abc import Sequence

from data.simulator.attacks.craft import (
    Good,
    crude_serials,
    first_sold,
    guessed_serials,
    hand_out,
    keyed,
    misprinted,
    moments,
    open_at,
    printed,
    serial_of,
    set_aside,
    shops,
    wanted,
)
from data.simulator.attacks.network import other_markets
from data.simulator.attacks.stories.plot import Plot, cast
from data.simulator.attacks.traders import (
    buy,
    deal,
    founded,
    named,
    orders,
    own_sscc,
    pass_on,
    through,
    usual_shops,
)
from data.simulator.telling import EVENT_BITS
from data.simulator.working_time import DAY_US, HOUR_US, MINUTE_US


def one_serial(plots: Sequence[Plot], size: float, skill: float) -> None:
    """One serial and one lot number, of two genuine lots, stand on all cartons.

    They go by the box, counted, through a front into shops; whoever scans one finds that others
    have scanned it, far away and the same day.
    """
    # The number printed is that of the older lot: it is in the trade already.
    sister, own = sorted(plots, key=lambda plot: plot.scene.made_us)[:2]
    scene, other = own.scene, sister.scene
    packs = first_sold(scene, 1, "copied")
    if not packs:
        return
    pack, key = packs[0], scene.key(packs[0])
    (front,) = cast(scene, ("flash",))
    founded([plot.scene for plot in plots], front)
    buyers = shops(scene, 10, besides=[scene.end(pack)[0]])
    cells = {"lot": other.lot, "expiry": printed(other.expiry)}
    printed_lot = f"01/{other.product.gtin}/10/{other.lot}"
    first_us = scene.end(pack)[1] + scene.hours(48, 120, "printing")
    times = moments(scene, first_us, min(skill, 0.3))
    for turn, (shop, at_us) in enumerate(zip(buyers, times, strict=False)):
        count = other.between(6, 14, "box", turn)
        classes = [{"key": printed_lot, "quantity": float(count)}]
        got_us = pass_on(other, [], front, shop, at_us, share=0.85, count=count, classes=classes)
        # Of a box a shop scans the first few; the rest it sells by hand.
        for sale in range(2):
            sold_us = got_us + scene.hours(2, 60, "sold", turn, sale)
            hand_out(scene, Good(key, got_us, "A68", cells), shop, sold_us, is_evidence=False)
    ends = ("retail_selling", "holding")
    own.clue("P01 P02 P07", [key], *ends)
    own.edges = [(front, shop) for shop in buyers]
    own.tell("falsified", [key], [front], f"one serial on all, printed with lot {other.lot}")
    counted = [
        int(row["event_no"])
        for row in other.stage.rows
        if row.get("classes")
        and row["at_us"] <= other.stage.until_us
        and int(row["event_no"]) >> EVENT_BITS == other.lot_no
    ]
    sister.clues = {"P21": counted, "P27": counted}
    sister.edges = own.edges
    sister.tell("falsified", (), [front], "cartons of the lot, counted, not scanned")


def true_batch(plots: Sequence[Plot], size: float, skill: float) -> None:
    """Perfect cartons under a true batch: some serials are copied, the others made up.

    A supplier new to the shops offers them. The copies are sold while the originals are, elsewhere.
    """
    lead = plots[0].scene
    (front,) = cast(lead, ("flash",))
    founded([plot.scene for plot in plots], front)
    for plot in plots:
        scene = plot.scene
        count = wanted(16, size, skill)
        packs = first_sold(scene, count, "copied")
        if not packs:
            continue
        buyers = usual_shops(scene, 6, "shops") or shops(scene, 6)
        goods: list[Good] = []
        for pack in packs:
            site, end_us = scene.end(pack)
            ready_us = max(end_us - 60 * HOUR_US, scene.made_us)
            goods.append(Good(scene.key(pack), ready_us, copy_of=pack, known_at=site))
        first_us = goods[0].free_us
        made_up = keyed(scene, guessed_serials(scene, count // 2))
        goods += [Good(key, first_us, "A3") for key in made_up]
        sold = deal(scene, goods, front, buyers, min(skill, 0.4), share=0.9)
        plot.edges += sold.edges
        ends = ("receiving", "retail_selling", "holding")
        plot.clue("P01", scene.keys_of(packs), *ends)
        plot.clue("P21 P04", made_up, *ends)
        plot.clue("P28", sold.keys, "shipping", at=[front])
        plot.tell("falsified", sold.keys, [front], "perfect cartons under a true batch")


def dressed_up(plots: Sequence[Plot], size: float, skill: float) -> None:
    """Other pens in copied cartons, several under one serial, are traded through three countries.

    The papers speak of export. Shops of the last country find serials used up, and block the packs.
    """
    lead = plots[0].scene
    net, there = lead.net, lead.pick(other_markets(lead.product, lead.net), "country")
    first, second = cast(lead, ("flash", "secondary"))
    founded([plot.scene for plot in plots], first)
    third = lead.pick(net.of("wholesaler", "secondary", there), "dealer")
    local = lead.sample(net.of("pharmacy", "", there), 6, "shops abroad")
    for plot in plots:
        scene = plot.scene
        packs = first_sold(scene, wanted(8, size, skill), "copied")
        if not packs:
            continue
        keys = scene.keys_of(packs)
        at_us = scene.end(packs[-1])[1] + scene.hours(30, 100, "printing")
        firms = [first, second, third]
        for turn, shop in enumerate(local):
            own = keys[turn % 3 :]  # most serials go to several shops
            got_us = through(scene, own, [*firms, shop], at_us, (20, 60), share=0.92)
            for number, key in enumerate(own):
                scan_us = got_us + (5 + 3 * number) * MINUTE_US
                if scan_us < scene.stage.until_us:
                    scene.verify(shop, scan_us, serial_of(key), "A7")
            sold, kept = own[: len(own) // 3], own[len(own) // 3 :]
            if got_us < scene.stage.until_us - 2 * DAY_US:
                set_aside(scene, kept, shop, got_us + HOUR_US, is_evidence=False)
            scene.dispense(sold, shop, got_us + scene.hours(20, 90, "sold", turn))
            at_us += scene.hours(20, 70, "next", turn)
        plot.linked(firms)
        plot.edges += [(third, shop) for shop in local]
        plot.clue("P02", keys, "receiving", "holding", "retail_selling", at=local)
        plot.clue("P03", keys, "retail_selling", at=local)
        plot.clue("P34", keys, "receiving", "retail_selling", at=[third, *local])
        plot.clue("P28", keys, "shipping", at=[first])
        plot.clue("P29", keys, "receiving", at=[third, *local])
        plot.clues.setdefault("P38", [])
        plot.tell("falsified", keys, [first], "other pens in copied cartons")


def foreign_vials(plots: Sequence[Plot], size: float, skill: float) -> None:
    """Brokers bring packs labelled for other countries to practices, among them empty ones.

    The fakes carry a lot number that only looks like one. Neither importer nor brokers may trade.
    """
    lead = plots[0].scene
    net, there = lead.net, lead.pick(other_markets(lead.product, lead.net), "country")
    pool = [s for s in net.of("wholesaler", "flash") if net.sites[s].country != there]
    chain = [
        *lead.sample(pool, 3, "brokers"),
        lead.pick(net.of("wholesaler", "shell", there), "importer"),
    ]
    clients = lead.sample(
        net.of("hospital", "", there) + net.of("pharmacy", "", there), 8, "clients"
    )
    for plot in plots:
        scene = plot.scene
        lot = misprinted(scene, scene.lot)
        fakes = keyed(scene, crude_serials(scene, wanted(14, size, skill)))
        genuine: list[str] = []
        bought = orders(scene, wanted(30, size, skill), "bought", spare_days=60)
        goods: list[Good] = []
        for order in bought:
            keys = scene.keys_of(order.packs)
            at_us = buy(scene, order, chain[0], share=0.9)
            at_us = through(scene, keys, chain, at_us + 30 * HOUR_US, (20, 60), share=0.9)
            goods += [Good(key, at_us + 12 * HOUR_US, "ACTIVE") for key in keys]
            genuine += keys
            plot.edges.append((order.leg.seller, chain[0]))
        if not goods:
            continue
        first_us = goods[0].free_us
        for start in range(0, len(fakes), 5):
            keys = fakes[start : start + 5]
            at_us = through(scene, keys, chain[1:], first_us, (20, 60), share=0.8)
            cells = {"lot": lot}
            goods += [Good(key, at_us + 12 * HOUR_US, "A2", cells) for key in keys]
        sold = deal(scene, goods, chain[-1], clients, min(skill, 0.4), share=0.7)
        plot.linked(chain)
        plot.edges += sold.edges
        ends = ("receiving", "retail_selling", "dispensing")
        plot.clue("P34", genuine, *ends, at=clients)
        plot.clue("P29", genuine, "receiving", at=clients)
        plot.clue("P26", genuine, "shipping", "receiving", at=chain[-1:])
        plot.tell("diverted", genuine, chain, "packs labelled for another country")
        empty = Plot(scene, edges=plot.edges)
        empty.clue("P09", fakes, "holding")
        empty.tell("falsified", fakes, chain, "empty packs of a lot never made", lot=lot)


def turned_round(plots: Sequence[Plot], size: float, skill: float) -> None:
    """Goods sold cheaply for export never leave: labels change at the airport, and they come back.

    The consignee abroad records no arrival, or one that is too short to be real.
    """
    lead = plots[0].scene
    net = lead.net
    abroad = net.of("wholesaler", "abroad")
    consignee = lead.pick(abroad or net.of("wholesaler", "secondary"), "consignee")
    there = lead.pick(other_markets(lead.product, net), "country")
    forwarder = lead.pick(net.of("wholesaler", "flash"), "forwarder")
    dealer = lead.pick(net.of("wholesaler", "secondary", there), "dealer")
    local = lead.sample(net.of("pharmacy", "", there), 6, "shops abroad")
    for plot in plots:
        scene = plot.scene
        found = orders(scene, wanted(44, size, skill), "for export", spare_days=60)
        goods: list[Good] = []
        keys: list[str] = []
        boxes: list[str] = []
        for turn, order in enumerate(found):
            own = scene.keys_of(order.packs)
            seller = order.leg.seller
            scene.cut(order.packs, order.leaves_us)
            scene.ship(own, seller, consignee, order.leaves_us, is_received=False)
            left_us = int(scene.stage.rows[-1]["at_us"])
            box = own_sscc(scene, forwarder, turn)
            packed_us = open_at(scene, forwarder, left_us + scene.hours(20, 40, "airport", turn))
            boxes.append(box)
            scene.pack(box, own, forwarder, packed_us)
            at_us = pass_on(scene, [box], forwarder, dealer, packed_us, share=0.7, count=len(own))
            scene.pack(box, own, dealer, at_us + 20 * MINUTE_US, action="DELETE")
            if turn % 2:
                at_us = pass_on(scene, own, dealer, seller, at_us + 20 * HOUR_US, share=0.85)
                at_us = pass_on(scene, own, seller, dealer, at_us + 20 * HOUR_US, share=0.9)
            goods += [Good(key, at_us + 20 * HOUR_US, "ACTIVE") for key in own]
            keys += own
            plot.edges += [(seller, consignee), (forwarder, dealer)]
        if not goods:
            continue
        sold = deal(scene, goods, dealer, local, min(skill, 0.5), share=0.9)
        plot.edges += sold.edges
        plot.clues["P18"] = named(scene, keys, "shipping", sites={found[0].leg.seller})
        plot.clue("P34", sold.keys, "receiving", "retail_selling", at=local)
        plot.clue("P30", keys, "receiving", at=[found[0].leg.seller])
        plot.clue("P19", boxes, "shipping", at=[forwarder])
        plot.tell("diverted", keys, [forwarder, dealer], "sold for export, and turned round")
