"""Honest trade that is new, foreign or sudden: parallel trade, newcomers, tenders, export.

Goods are taken from what a wholesaler would have sold to its usual customers.
"""

from dataclasses import replace

import numpy as np

from data.readers.gs1 import check_digit
from data.simulator.attacks.craft import open_at
from data.simulator.life import TO_BUYER, TO_DEPOT, TO_PRIMARY
from data.simulator.lookalikes.befall import (
    DISPENSERS,
    are,
    are_free,
    at_home,
    befallen,
    hand_out_later,
    honest_lots,
    log_sale,
    orders,
    shelve,
    supply_shops,
    take,
)
from data.simulator.lookalikes.paper import stale_lists
from data.simulator.network import LOW_PRICE, Product
from data.simulator.scheme import LookAlike
from data.simulator.serials import UPPER_36, SerialScheme, serial_bytes
from data.simulator.stage import Scene, Stage, day_of
from data.simulator.working_time import DAY_US, HOUR_US, MINUTE_US

# Shares of consignments to primary wholesalers, unless said otherwise. Parallel trade is some per
# cent of sales in Germany and less elsewhere (recalled, not found); the rest is our judgement.
PARALLEL_TRADE = 0.06  # of those in countries with low prices
SILENT_REPACK_PCT = 20  # of repackings: old and new packs are told without the link between them
NEWCOMERS = 0.02
TENDERS = 0.015
EXPORTS = 0.01
SHORTAGES = 0.04  # of products and spells of six weeks
SHORTAGE_BUYERS = 0.12  # of orders of pharmacies in a shortage
QUARANTINE = 0.05
SAMPLED_LOTS = 0.2  # lots of which the maker's samples are taken from a packed case
SURVEILLANCE = 0.0001  # packs that an authority takes off a shelf
_SPELL_US = 42 * DAY_US


# ---- parallel trade


def parallel_trade(stage: Stage, rate: float) -> None:
    """A licensed trader buys where prices are low, repacks, and sells where they are high."""
    life, net = stage.life, stage.net
    traders = net.of("parallel_trader")
    cheap = np.array([p.markets[0] in LOW_PRICE for p in net.products])[life.lots.product]
    fit = (life.legs.level == TO_PRIMARY) & cheap[life.legs.lot]
    fit &= life.legs.receive_us < stage.until_us - 60 * DAY_US
    for scene, row in befallen(stage, "B19", PARALLEL_TRADE * rate, "consignment", fit):
        dear = [t for t in traders if _twin(scene, net.sites[t].country) is not None]
        if dear:
            _trade_parallel(scene, row, scene.pick(dear, "trader"))


def _twin(scene: Scene, country: str) -> Product | None:
    """The same medicine as it is sold in another country, at a better price."""
    own = scene.product
    for other in scene.net.products:
        if other.brand == own.brand and country in other.markets:
            return other if other.price_cents > own.price_cents else None
    return None


def _trade_parallel(scene: Scene, row: int, trader: int) -> None:
    net, legs = scene.net, scene.stage.life.legs
    seller = int(legs.place_to[row])
    packs, ready_us = orders(scene, row, 10, 60, spare_days=50)
    if not packs:
        return
    old = scene.keys_of(packs)
    got_us = scene.ship(old, seller, trader, ready_us)
    log_sale(scene, seller, trader, len(old), ready_us)
    made_us = open_at(scene, trader, got_us + scene.hours(20, 120, "on the packing line"))
    gtin = _own_gtin(net.sites[trader].partner.prefix, scene.product)
    new = _own_packs(scene, gtin, trader, len(old))
    printed = {"lot": scene.lot, "expiry": scene.expiry, "made_on": day_of(scene.made_us)}
    is_silent = scene.below(100, "is silent") < SILENT_REPACK_PCT
    if is_silent:
        scene.event(made_us, trader, "decommissioning", "inactive", action="DELETE", epcs=old)
        scene.event(
            made_us + 20 * MINUTE_US,
            trader,
            "commissioning",
            "active",
            action="ADD",
            epcs=new,
            is_evidence=True,
            **printed,
        )
    else:
        scene.event(
            made_us,
            trader,
            "repackaging",
            "active",
            event_type="TransformationEvent",
            action=None,
            epcs=old,
            outputs=new,
            is_evidence=True,
            **printed,
        )
    edges = supply_shops(scene, new, trader, made_us + 20 * HOUR_US)
    note = "repacked by a licensed trader" + (", without a link" if is_silent else "")
    scene.tell("honest", old, sites=[seller, trader], edges=[(seller, trader)], note=note)
    scene.tell("honest", new, sites=[trader], edges=edges, note=note)
    scene.stage.truths[-1] = replace(scene.stage.truths[-1], gtin=gtin)


def _own_gtin(prefix: str, product: Product) -> str:
    """The trader numbers what it repacks under a prefix of its own."""
    body = f"0{prefix}{product.ref:05d}"
    return f"{body}{check_digit(body)}"


def _own_packs(scene: Scene, gtin: str, trader: int, count: int) -> list[str]:
    """Keys of new packs with serials by the trader's own scheme."""
    scheme = SerialScheme("random", UPPER_36, 14, "", trader * 7919 + 17)
    # Distinct in a lot: the number of the consignment's first pack counts on.
    first = scene.keys[-1] & ((1 << 17) - 1)
    number = (first * 512 + np.arange(count)) & ((1 << 17) - 1)
    signs = serial_bytes(scheme, np.full(count, scene.lot_no), number)
    return [f"01/{gtin}/21/{bytes(row).decode()}" for row in signs]


# ---- who is new, or buys more than ever


def strangers(stage: Stage, rate: float) -> None:
    """Partners whom a list, or their buyers, do not know yet; and thefts listed too widely."""
    newcomers(stage, rate)
    stale_lists(stage, rate)


def newcomers(stage: Stage, rate: float) -> None:
    """A wholesaler with a fresh licence buys a stock and wins customers."""
    legs = stage.life.legs
    fit = (legs.level == TO_PRIMARY) & (legs.receive_us < stage.until_us - 45 * DAY_US)
    for scene, row in befallen(stage, "B22", NEWCOMERS * rate, "consignment", fit):
        seller = int(legs.place_to[row])
        buyer = at_home(scene, "wholesaler", seller, "newcomer", tier="newcomer")
        packs, ready_us = orders(scene, row, 12, 60, spare_days=35)
        if not packs:
            continue
        keys = scene.keys_of(packs)
        got_us = scene.ship(keys, seller, buyer, ready_us, is_evidence=True)
        log_sale(scene, seller, buyer, len(keys), ready_us)
        edges = [(seller, buyer), *_supply_as(scene, keys, seller, buyer, got_us)]
        scene.tell("honest", keys, sites=[buyer], edges=edges, note="newcomer with a licence")


def _supply_as(
    scene: Scene, keys: list[str], known: int, trader: int, got_us: int
) -> list[tuple[int, int]]:
    """A trader without customers of its own visits those of a wholesaler nearby."""
    shops = scene.sample(scene.net.pharmacies_of.of(trader).tolist(), 8, "visited")
    shops = shops or scene.sample(scene.net.pharmacies_of.of(known).tolist(), 8, "visited")
    edges, places, got = [], [], []
    for turn, start in enumerate(range(0, len(keys) if shops else 0, 6)):
        own, shop = keys[start : start + 6], shops[turn % len(shops)]
        at_us = got_us + scene.hours(5, 400, "order", turn)
        got += [scene.ship(own, trader, shop, at_us)] * len(own)
        places += [shop] * len(own)
        edges.append((trader, shop))
        log_sale(scene, trader, shop, len(own), at_us)
    if got:
        shelve(scene, keys, places, got)
    return list(dict.fromkeys(edges))


def demand_shifts(stage: Stage, rate: float) -> None:
    """A hospital wins a tender and buys at once; a product runs short and all look elsewhere."""
    life, net = stage.life, stage.net
    legs = life.legs
    fit = (legs.level == TO_PRIMARY) & (legs.receive_us < stage.until_us - 30 * DAY_US)
    for scene, row in befallen(stage, "B25", TENDERS * rate, "consignment", fit):
        _tender(scene, row)
    product = life.lots.product[legs.lot]
    short = net.chance.happens(
        min(SHORTAGES * rate, 1.0), "B25 shortage", product, legs.ship_us // _SPELL_US
    )
    fit = (
        short
        & (legs.level == TO_BUYER)
        & are(net, *DISPENSERS)[legs.place_to]
        & (legs.receive_us < stage.until_us - 25 * DAY_US)
    )
    for scene, row in befallen(stage, "B25", SHORTAGE_BUYERS, "consignment", fit, kind=1):
        if are_free(stage, range(int(legs.lo[row]), int(legs.hi[row]))).all():
            _buy_elsewhere(scene, row)


def _tender(scene: Scene, row: int) -> None:
    """One hospital takes a large part of the stock at a price much below the usual."""
    legs = scene.stage.life.legs
    seller = int(legs.place_to[row])
    hospitals = scene.net.hospitals_of.of(seller).tolist()
    packs, ready_us = orders(scene, row, 40, 150, spare_days=20) if hospitals else ([], 0)
    if not packs:
        return
    buyer = scene.pick(hospitals, "hospital")
    keys = scene.keys_of(packs)
    got_us = scene.ship(keys, seller, buyer, ready_us, is_evidence=True)
    log_sale(scene, seller, buyer, len(keys), ready_us, scene.between(55, 72, "tender price"))
    shelve(scene, keys, [buyer] * len(keys), got_us)
    scene.tell("honest", keys, sites=[buyer], edges=[(seller, buyer)], note="tender")


def _buy_elsewhere(scene: Scene, row: int) -> None:
    """The usual seller has none left; another wholesaler gets some and sells it dear."""
    legs = scene.stage.life.legs
    usual, buyer = int(legs.place_from[row]), int(legs.place_to[row])
    other = at_home(scene, "wholesaler", usual, "other seller", tier="secondary")
    if other == usual:
        return
    packs = range(int(legs.lo[row]), int(legs.hi[row]))
    keys = take(scene, packs, int(legs.ship_us[row]))
    there_us = scene.ship(keys, usual, other, int(legs.ship_us[row]))
    at_us = there_us + scene.hours(2, 60, "sold on")
    got_us = scene.ship(keys, other, buyer, at_us, is_evidence=True)
    log_sale(scene, usual, other, len(keys), int(legs.ship_us[row]))
    log_sale(scene, other, buyer, len(keys), at_us, scene.between(120, 190, "shortage price"))
    hand_out_later(scene, packs, got_us)
    edges = [(usual, other), (other, buyer)]
    scene.tell("honest", keys, sites=[other, buyer], edges=edges, note="shortage of the product")


# ---- what happens every day and looks like nothing


def daily_life(stage: Stage, rate: float) -> None:
    """Samples for control, quarantine and release, export: told under B00, since no code is theirs.

    Packs that end without a patient, stand still, or leave for good are no riddle by themselves;
    without them a simulated trade would be too smooth.
    """
    life, net = stage.life, stage.net
    legs = life.legs
    for scene, _row in befallen(stage, "B00", SAMPLED_LOTS * rate, "lot", honest_lots(stage)):
        _keep_samples(scene)
    site = legs.place_to[life.last_leg]
    fit = are(net, "pharmacy")[site] & (life.end_us < stage.until_us - DAY_US)
    for scene, pack in befallen(stage, "B00", SURVEILLANCE * rate, "pack", fit, kind=1):
        if are_free(stage, [pack])[0]:
            _take_sample(scene, pack)
    fit = (legs.level == TO_PRIMARY) & (legs.receive_us < stage.until_us - 20 * DAY_US)
    for scene, row in befallen(stage, "B00", QUARANTINE * rate, "consignment", fit, kind=2):
        _quarantine(scene, row)
    for scene, row in befallen(stage, "B00", EXPORTS * rate, "consignment", fit, kind=3):
        _export(scene, row)


def _keep_samples(scene: Scene) -> None:
    """When a lot is released, the maker keeps some packs of its last case, and retires them."""
    stage, life = scene.stage, scene.stage.life
    last = scene.packs()[-1]
    free = [p for p in scene.packs()[-6:] if life.case[p] == life.case[last]]
    if not are_free(stage, free).all():
        return
    packs = scene.sample(free, scene.between(2, 5, "samples"), "samples")
    (first_leg,) = np.flatnonzero((life.legs.lot == scene.row) & (life.legs.level == TO_DEPOT))
    at_us = int(life.legs.ship_us[first_leg]) - 20 * MINUTE_US  # the case has been opened
    if at_us > stage.until_us:
        return
    keys = take(scene, packs, at_us)
    _retire(scene, keys, scene.product.packer, at_us)
    scene.tell("honest", keys, sites=[scene.product.packer], note="samples kept by the maker")


def _take_sample(scene: Scene, pack: int) -> None:
    """An inspector takes a pack from the shelf."""
    site, end_us = scene.end(pack)
    keys = take(scene, [pack], end_us)
    _retire(scene, keys, site, end_us)
    scene.tell("honest", keys, sites=[site], note="sample of an authority")


def _retire(scene: Scene, keys: list[str], site: int, at_us: int) -> None:
    scene.event(at_us, site, "sampling", "non_sellable_other", epcs=keys)
    scene.event(
        at_us + 5 * MINUTE_US,
        site,
        "decommissioning",
        "inactive",
        action="DELETE",
        epcs=keys,
        is_evidence=True,
    )


def _quarantine(scene: Scene, row: int) -> None:
    """Goods wait for a temperature record or a paper, and are released."""
    stage, life = scene.stage, scene.stage.life
    legs = life.legs
    inside = range(int(legs.lo[row]), int(legs.hi[row]))
    onward = legs.ship_us[legs.parent == row]
    cases = np.unique(life.case[inside.start : inside.stop])
    if not are_free(stage, inside).all() or not len(onward):
        return
    came_us, next_us = int(legs.receive_us[row]), int(onward.min())
    if next_us - came_us < 5 * HOUR_US:
        return
    site = int(legs.place_to[row])
    keys = stage.things.keys.gather((stage.things.cases + cases).tolist()).to_list()
    stop_us = came_us + 50 * MINUTE_US
    free_us = stop_us + (next_us - came_us) * scene.between(20, 60, "released") // 100
    scene.event(stop_us, site, "holding", "non_sellable_other", epcs=keys, is_evidence=True)
    scene.event(free_us, site, "inspecting", "sellable_accessible", epcs=keys)
    scene.tell("honest", take(scene, inside), sites=[site], note="quarantined and released")


def _export(scene: Scene, row: int) -> None:
    """A wholesaler books packs out for export and sends them to a buyer outside the union."""
    legs = scene.stage.life.legs
    seller = int(legs.place_to[row])
    buyers = scene.net.of("wholesaler", "abroad")
    packs, ready_us = orders(scene, row, 10, 80, spare_days=15) if buyers else ([], 0)
    if not packs:
        return
    buyer = scene.pick(buyers, "buyer abroad")
    keys = scene.keys_of(packs)
    scene.event(ready_us, seller, "decommissioning", "inactive", action="DELETE", epcs=keys)
    is_told = scene.below(2, "receipt is told") == 1
    scene.ship(keys, seller, buyer, ready_us + HOUR_US, is_received=is_told, is_evidence=True)
    log_sale(scene, seller, buyer, len(keys), ready_us + HOUR_US)
    scene.tell("honest", keys, sites=[seller, buyer], edges=[(seller, buyer)], note="exported")


LOOK_ALIKES: tuple[LookAlike, ...] = (
    LookAlike("B19", "parallel_trade", parallel_trade),
    LookAlike("B25", "demand_shifts", demand_shifts),
    LookAlike("B22", "strangers", strangers),
    LookAlike("B00", "daily_life", daily_life),
)
