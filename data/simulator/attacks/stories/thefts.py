"""Stolen goods, and how they find their way back into the trade."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from data.simulator.attacks.condition import logged
from data.simulator.attacks.craft import (
    Good,
    Sold,
    hand_out,
    moments,
    month_end,
    open_at,
    printed,
    serial_of,
    shops,
    wanted,
)
from data.simulator.attacks.network import other_markets
from data.simulator.attacks.stories.plot import Plot, cast
from data.simulator.attacks.traders import (
    Order,
    bulk,
    deal,
    depart,
    founded,
    pass_on,
    through,
    usual_shops,
)
from data.simulator.life import TO_PRIMARY
from data.simulator.stage import Scene
from data.simulator.working_time import DAY_US, HOUR_US, MINUTE_US, from_us


def hospital_loot(plots: Sequence[Plot], size: float, skill: float) -> None:
    """Packs stolen from hospitals are invoiced by firms on paper until licensed ones export them.

    Others are sold by a hand in the hospital itself. A wholesaler who once delivered the packs buys
    them back unknowingly; some were opened and closed again, with another date on the carton.
    """
    lead = plots[0].scene
    shell, flash = cast(lead, ("shell", "flash"))
    founded([plot.scene for plot in plots], flash)
    traders = lead.net.of("parallel_trader") or lead.net.of("wholesaler", "secondary")
    exporter = lead.pick(traders, "exporter")
    away = lead.sample(
        lead.net.of("pharmacy", "", lead.net.sites[exporter].country), 6, "shops of exporter"
    )
    for plot in plots:
        scene = plot.scene
        goods: list[Good] = []
        stolen: list[str] = []
        inverted: list[str] = []
        for turn, (site, packs, taken_us) in enumerate(_looted(scene, wanted(48, size, skill))):
            # A hand in the hospital sells some by itself, as if it were the firm's to sell.
            aside, loot = packs[: len(packs) // 3], packs[len(packs) // 3 :]
            free_us = taken_us + scene.hours(60, 150, "hidden", turn)
            _noticed(scene, taken_us + scene.hours(10, 50, "noticed", turn), site, packs=loot)
            stolen += scene.keys_of(loot)
            goods += [Good(scene.key(pack), free_us, "A24", known_at=site) for pack in loot]
            if aside:
                keys = scene.keys_of(aside)
                free_us = pass_on(scene, keys, site, shell, taken_us)
                inverted += keys
                goods += [Good(key, free_us, "ACTIVE", known_at=site) for key in keys]
                plot.edges.append((site, shell))
        if not goods:
            continue
        keys = [good.key for good in goods]
        first = scene.journey(scene.packs()[0])[TO_PRIMARY].buyer
        once_there = [
            key
            for pack, key in zip(scene.packs(), scene.keys_of(scene.packs()), strict=True)
            if scene.journey(pack)[TO_PRIMARY].buyer == first
        ]
        came_back = sorted(set(keys) & set(once_there))
        firms = [shell, flash, first, exporter]
        waiting = sorted(goods, key=lambda good: good.free_us)
        onward: list[Good] = []
        for start in range(0, len(waiting), 8):
            own = waiting[start : start + 8]
            names = [good.key for good in own]
            at_us = through(scene, names, firms, own[-1].free_us, (0.2, 20), share=0.8)
            if at_us < scene.stage.until_us:
                _misdated(scene, names[:1], exporter, at_us)
            onward += [replace(good, free_us=at_us + 24 * HOUR_US) for good in own]
        sold = deal(scene, onward, exporter, away, 0.3, share=0.95)
        plot.linked(firms)
        plot.edges += sold.edges
        plot.clue("P16", stolen, "shipping", "receiving", "retail_selling")
        plot.clue("P32", inverted, "shipping", at=sorted({a for a, b in plot.edges if b == shell}))
        plot.clue("P26 P33", keys, "shipping", "receiving", at=[shell])
        plot.clue("P31", keys, "shipping", at=[flash])
        plot.clue("P30", came_back, "receiving", at=[first])
        plot.clues.setdefault("P08", [])
        plot.tell("stolen", keys, [shell, flash], "hospital goods with an origin on paper")


def suitcases(plots: Sequence[Plot], size: float, skill: float) -> None:
    """A pharmacy without a trader's licence sells hospital packs abroad, carried without cold."""
    lead = plots[0].scene
    net, there = lead.net, lead.pick(other_markets(lead.product, lead.net), "country")
    (pharmacy,) = shops(lead, 1, "pharmacy")
    (shell,) = cast(lead, ("shell",))
    importer = lead.pick(net.of("wholesaler", "secondary", there), "importer")
    local = lead.sample(net.of("pharmacy", "", there), 6, "shops abroad")
    for plot in plots:
        scene = plot.scene
        goods: list[Good] = []
        noticed: list[str] = []
        for turn, (site, packs, taken_us) in enumerate(_looted(scene, wanted(40, size, skill))):
            if turn % 2 == 0:
                _noticed(scene, taken_us + scene.hours(20, 90, "noticed", turn), site, packs=packs)
                noticed += scene.keys_of(packs)
            free_us = taken_us + scene.hours(70, 200, "fish market", turn)
            goods += [Good(key, free_us, "A24", known_at=site) for key in scene.keys_of(packs)]
        waiting = sorted(goods, key=lambda good: good.free_us)
        keys = [good.key for good in waiting]
        firms = [pharmacy, shell, importer]
        onward: list[Good] = []
        for start in range(0, len(waiting), 8):
            own = waiting[start : start + 8]
            names = [good.key for good in own]
            left_us = own[-1].free_us
            at_us = through(scene, names, firms, left_us, (10, 40), share=0.75)
            logged(scene, names, importer, left_us, at_us, 0.0)
            onward += [replace(good, free_us=at_us + 24 * HOUR_US) for good in own]
        sold = deal(scene, onward, importer, local, min(skill, 0.5), share=0.9)
        plot.linked(firms)
        plot.edges += sold.edges
        plot.clue("P32", keys, "shipping", at=[pharmacy])
        plot.clue("P26", keys, "shipping", "receiving", at=[shell])
        plot.clue("P16", noticed, "shipping", "receiving", "retail_selling")
        plot.clue("P34", sold.keys, "receiving", "retail_selling", at=local)
        plot.clue("P37", keys, "sensor_reporting", at=[importer])
        plot.tell("stolen", keys, [pharmacy, shell, importer], "hospital goods in suitcases")


def lost_lorry(plots: Sequence[Plot], size: float, skill: float) -> None:
    """A lorry with several lots vanishes; months later a trader sells them, never cooled.

    He books them in at once as if he had bought them somewhere, and lets them lie.
    """
    lead = plots[0].scene
    (trader,) = cast(lead, ("flash",))
    for plot in plots:
        scene = plot.scene
        found = scene.consignment("lorry", level=TO_PRIMARY, spare_days=75)
        found = found or scene.consignment("late lorry", level=TO_PRIMARY, spare_days=50)
        if found is None:
            continue
        leg, packs = found
        keys = scene.keys_of(packs)
        note = f"D{scene.stage.number(scene.row, scene.code)}"
        _, cases = depart(scene, Order(leg, packs, note))
        lost = int(scene.stage.rows[-1]["event_no"])
        known_us = leg.receive_us + scene.hours(8, 40, "noticed")
        _noticed(scene, known_us, leg.place_from, cases=cases)
        for_sale = keys[: wanted(60, size, skill)]
        got_us = open_at(scene, trader, leg.receive_us + scene.hours(90, 200, "hidden"))
        scene.event(
            got_us,
            trader,
            "receiving",
            "in_progress",
            epcs=for_sale,
            owner_to=trader,
            place_to=trader,
        )
        left = scene.stage.until_us - got_us
        wait_us = min(scene.hours(50 * 24, 62 * 24, "lies"), left - 25 * DAY_US)
        buyers = usual_shops(scene, 6, "shops") or shops(scene, 6)
        sold = Sold()
        at_us = got_us + wait_us
        for turn in range(0, len(for_sale), 10):
            own, shop = for_sale[turn : turn + 10], buyers[turn // 10 % len(buyers)]
            came_us = pass_on(scene, own, trader, shop, at_us, share=0.8)
            logged(scene, own, shop, int(scene.stage.rows[-2]["at_us"]), came_us, 1.0)
            for number, key in enumerate(own):
                shelf_us = scene.hours(5, 120, "on the shelf", turn, number)
                good = Good(key, came_us, "ACTIVE")
                hand_out(scene, good, shop, came_us + shelf_us, is_evidence=False)
            sold.add(own, trader, shop)
            at_us += scene.hours(4, 30, "next", turn)
        plot.edges += [(leg.seller, leg.buyer), *sold.edges]
        plot.clues["P18"] = [lost]
        plot.clue("P16", for_sale, "receiving", "shipping", "retail_selling")
        plot.clue("P36", for_sale, "shipping", at=[trader])
        plot.clue("P22", for_sale, "receiving", at=[trader])
        plot.clue("P37", for_sale, "sensor_reporting")
        plot.tell("stolen", keys, [trader], "a lorry with three lots, sold months later")


def whole_lots(plots: Sequence[Plot], size: float, skill: float) -> None:
    """Whole lots are taken out of a depot before any of it was sold, and come up in shops later.

    The depot writes the packs off; by its records they no longer exist.
    """
    lead = plots[0].scene
    buyers = shops(lead, 8)
    for plot in plots:
        scene = plot.scene
        packs = [p for p in scene.packs() if not scene.stage.taken[p]]
        first = scene.journey(packs[0])[0]
        depot, taken_us = first.place_to, first.receive_us + 2 * HOUR_US
        keys = scene.keys_of(packs)
        scene.stage.taken[packs] = True
        scene.cut(packs, taken_us)
        known_us = open_at(scene, depot, taken_us + scene.hours(30, 60, "noticed"))
        scene.event(known_us, depot, "decommissioning", "inactive", epcs=keys)
        _noticed(scene, known_us + 3 * HOUR_US, depot)
        scene.turns += 1
        first_us = known_us + scene.hours(40 * 24, 60 * 24, "hidden")
        for_sale = keys[: wanted(60, size, skill)]
        times = moments(scene, first_us, min(skill, 0.4))
        for turn, at_us in zip(range(0, len(for_sale), 5), times, strict=False):
            own, shop = for_sale[turn : turn + 5], buyers[turn // 5 % len(buyers)]
            got_us = open_at(scene, shop, at_us)
            scene.event(
                got_us, shop, "receiving", "in_progress", epcs=own, owner_to=shop, place_to=shop
            )
            for number, key in enumerate(own):
                shelf_us = scene.hours(5, 120, "on the shelf", turn, number)
                good = Good(key, got_us, "A24")
                hand_out(scene, good, shop, got_us + shelf_us, is_evidence=False)
        ends = ("receiving", "retail_selling", "holding")
        plot.clue("P11 P16", for_sale, *ends)
        plot.clue("P17 P27", for_sale, "receiving")
        plot.tell("stolen", keys, (), "whole lots out of a depot")


def _looted(scene: Scene, count: int) -> Iterator[tuple[int, list[int], int]]:
    """Dispensers that hold much of the lot, what is stolen from each, and when."""
    for site, packs in bulk(scene, count, "loot").items():
        taken_us = max(scene.journey(p)[-1].receive_us for p in packs) + 30 * HOUR_US
        there = [p for p in packs if scene.end(p)[1] > taken_us]
        scene.cut(there, taken_us)
        if there:
            yield site, there, taken_us


def _noticed(
    scene: Scene,
    at_us: int,
    site: int,
    *,
    packs: Sequence[int] = (),
    cases: Sequence[str] = (),
) -> None:
    """A theft is reported: pack by pack, case by case, or the lot as a whole."""
    row = {
        "reported_at": from_us(at_us).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "gtin": scene.product.gtin,
        "lot": scene.lot,
        "place": scene.site(site).gln,
    }
    rows = [{**row, "serial": scene.serial(pack)} for pack in packs]
    rows += [{**row, "sscc": case.removeprefix("00/")} for case in cases]
    rows = rows or [row]
    scene.stage.lists.theft_notices.extend(rows)


def _misdated(scene: Scene, keys: Sequence[str], site: int, at_us: int) -> None:
    """A buyer checks a pack that was opened: the carton states a later date than the vial."""
    later = printed(month_end(scene.expiry + timedelta(days=400)))
    for key in keys:
        scene.verify(site, at_us + 30 * MINUTE_US, serial_of(key), "A52", expiry=later)
