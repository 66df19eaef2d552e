"""Packs that patients got once, sold anew: bought back, and given an origin on paper."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from data.simulator.attacks.craft import (
    Good,
    Sold,
    first_sold,
    hand_out,
    number_in_lot,
    shops,
    wanted,
)
from data.simulator.attacks.stories.plot import Plot, Story, cast
from data.simulator.attacks.traders import (
    booked_in,
    deal,
    founded,
    pass_on,
    through,
    trade_lawfully,
)
from data.simulator.stage import Scene
from data.simulator.working_time import DAY_US, HOUR_US

_STAY_H = (0.5, 16.0)


@dataclass(frozen=True)
class Ring:
    """How a ring that buys packs back from patients brings them into the trade.

    ``firms`` are tiers of the firms between street and shops, one after the other. ``claims`` is
    what the first of them has on paper: that it bought from the ``maker``, or ``books`` of sales
    only. ``launders``: the last is a wholesaler with mostly genuine trade.
    """

    firms: tuple[str, ...]
    share: float  # of the list price
    claims: str = ""
    launders: bool = False
    comes_back: bool = False  # some packs are sold to the shop that had handed them out
    stay_h: tuple[float, float] = _STAY_H
    note: str = "bought back from patients"


def bought_back(ring: Ring) -> Story:
    """The story of one ring."""

    def story(plots: Sequence[Plot], size: float, skill: float) -> None:
        """Packs bought back from patients pass firms that give them an origin, to shops."""
        lead = plots[0].scene
        firms = cast(lead, ring.firms)
        for firm in firms:
            if lead.net.sites[firm].tier == "flash":
                founded([plot.scene for plot in plots], firm)
        buyers = shops(lead, 8, "ring's shops")
        for plot in plots:
            _ring_at(plot, ring, firms, buyers, size, skill)

    return story


def _ring_at(
    plot: Plot,
    ring: Ring,
    firms: list[int],
    buyers: list[int],
    size: float,
    skill: float,
) -> None:
    scene = plot.scene
    sites, product = scene.net.sites, scene.product
    fresh = [s for s in firms if sites[s].tier == "flash"]
    goods = _from_patients(scene, wanted(36, size, skill))
    if not goods:
        return
    keys = [good.key for good in goods]
    if ring.claims == "maker":
        # Nobody in the ring knows by which depot the maker ships.
        goods = booked_in(scene, goods, product.maker, firms[0], product.maker, 9, rest_h=0.5)
        plot.clue("P40", keys, "receiving", at=firms[:1])
    goods = _brought(scene, goods, firms, ring)
    last = firms[-1]
    if ring.launders:
        trade_lawfully(scene, last, buyers, 3 * len(goods))
    if ring.comes_back:
        goods, back = goods[::2], goods[1::2]
        sold_back = _sold_back(scene, back, last, ring.share)
        plot.clue("P30", sold_back.keys, "receiving", at=[b for _a, b in sold_back.edges])
        plot.edges += sold_back.edges
    sold = deal(scene, goods, last, buyers, skill, share=ring.share)
    plot.linked(firms)
    plot.edges += sold.edges
    ends = ("receiving", "retail_selling", "dispensing")
    plot.clue("P12", keys, *ends)
    plot.clue("P35", keys, "shipping", at=firms)
    if ring.claims != "maker":  # else a way from the maker is on record, if a forged one
        plot.clue("P27", keys, "shipping", at=firms)
    plot.clue("P31", keys, "shipping", at=fresh or firms[:1])
    shells = [s for s in firms if sites[s].tier == "shell"]
    if shells:
        plot.clue("P26", keys, "shipping", "receiving", at=shells)
    # Who books nothing in shows no stay.
    passing = firms[:-1] if ring.claims == "maker" else firms[1:-1]
    if passing:
        plot.clue("P33", keys, "receiving", "shipping", at=passing)
    if len(firms) > 2:
        plot.clue("P29", keys, "receiving", at=[last, *buyers])
    if product.is_high_risk:
        plot.clue("P28", sold.keys, "shipping", at=[last])
    if ring.claims == "books":
        # Every sale is booked like lawful ones: only nothing ever came in.
        plot.clue("P40", keys, "shipping", at=firms[:1])
    if ring.launders:
        plot.clues.setdefault("P38", [])
    plot.tell("laundered", keys, firms, ring.note)


def _from_patients(scene: Scene, count: int) -> list[Good]:
    goods = []
    for pack in first_sold(scene, count, "bought back"):
        site, end_us = scene.end(pack)
        free_us = end_us + scene.hours(48, 240, "cleaned", number_in_lot(scene, pack))
        goods.append(Good(scene.key(pack), free_us, "A7", known_at=site))
    return goods


def _brought(scene: Scene, goods: Sequence[Good], firms: Sequence[int], ring: Ring) -> list[Good]:
    """Goods pass the firms in batches; the last of them can sell them from then on."""
    waiting = sorted(goods, key=lambda good: good.free_us)
    brought: list[Good] = []
    for start in range(0, len(waiting), 6):
        own = waiting[start : start + 6]
        keys, at_us = [good.key for good in own], own[-1].free_us
        if len(firms) > 1:
            at_us = through(scene, keys, firms, at_us, ring.stay_h, share=ring.share * 0.85)
        brought += [replace(good, free_us=at_us + 12 * HOUR_US) for good in own]
    return brought


def _sold_back(scene: Scene, goods: Sequence[Good], seller: int, share: float) -> Sold:
    """Packs are sold to the very shops that handed them out first."""
    sold = Sold()
    for good in goods:
        if good.free_us > scene.stage.until_us - 10 * DAY_US:
            continue
        got_us = pass_on(scene, [good.key], seller, good.known_at, good.free_us, share=share)
        sold.add([good.key], seller, good.known_at)
        scene.turns += 1
        shelf_us = scene.hours(20, 200, "again", scene.turns)
        hand_out(scene, good, good.known_at, got_us + shelf_us, is_evidence=False)
    return sold


def claimed_twice(plots: Sequence[Plot], size: float, skill: float) -> None:
    """A ring of pharmacies books codes of packs that were paid for before, some of them thrice.

    Patients, or hands in clinics, sell packs back; a scan would show it, so nobody scans.
    """
    lead = plots[0].scene
    ring = shops(lead, 4, "ring")
    for plot in plots:
        scene = plot.scene
        packs = first_sold(scene, wanted(20, size, skill), "bought back")
        keys: list[str] = []
        thrice: list[str] = []
        for turn, pack in enumerate(packs):
            first, at_us = scene.end(pack)
            cheats = [s for s in ring[turn % 4 :] + ring if s != first][: 1 + (turn % 4 == 0)]
            for shop in cheats:
                at_us += scene.hours(60, 400, "again", number_in_lot(scene, pack), shop)
                scene.dispense([scene.key(pack)], shop, at_us)
                plot.edges.append((first, shop))
            keys.append(scene.key(pack))
            thrice += keys[-1:] * (len(cheats) > 1)
        plot.clue("P03 P12", keys, "retail_selling")
        plot.clue("P02", thrice, "retail_selling")
        plot.tell("laundered", keys, ring, "codes claimed more than once")
