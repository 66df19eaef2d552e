"""Attacks that show in what goods cost, how long they are unseen, and how warm they were."""

from collections.abc import Sequence

from data.simulator.attacks.craft import (
    each,
    front,
    has_shops,
    open_at,
    shops,
    tuned,
    wanted,
)
from data.simulator.attacks.traders import (
    buy,
    deal,
    depart,
    hand_out_lawfully,
    noted,
    off_books,
    orders,
    pass_on,
    tell_sold,
    terms,
    told,
    usual_shops,
    witness,
)
from data.simulator.network import Network, Product
from data.simulator.scheme import Attack
from data.simulator.stage import Scene
from data.simulator.working_time import MINUTE_US

_READ_EVERY_US = 20 * MINUTE_US


def price_volume(scene: Scene, size: float, skill: float) -> None:
    """Goods that cost their seller little are sold at prices that lawful goods never have.

    The clumsy ask half; the careful stay near a bold discount.
    """
    trader = front(scene, skill)
    goods = off_books(scene, wanted(30, size, skill), "under the counter", trader)
    share = tuned(0.42, 0.74, skill)
    sold = deal(scene, goods, trader, shops(scene, 6), skill, share=share)
    witness(scene, sold.keys, "shipping", sites={trader})
    tell_sold(scene, "diverted", sold, [trader], f"sold at {share:.0%} of the list price")


def dwell_transit(scene: Scene, size: float, skill: float) -> None:
    """Orders are held on the road, opened, and delivered late with other content.

    The clumsy keep whole orders for weeks; the careful a pack or two, some days longer than a
    parcel that went astray.
    """
    found = orders(scene, wanted(30, size, skill), "held", spare_days=30 + tuned(45, 12, skill))
    keys: list[str] = []
    numbers: list[int] = []
    for turn, order in enumerate(found):
        depart(scene, order)
        own = scene.keys_of(order.packs)
        held_us = scene.hours(24 * tuned(33, 6, skill), 24 * tuned(48, 9, skill), "held", turn)
        buyer = order.leg.buyer
        got_us = open_at(scene, buyer, order.leg.receive_us + held_us)
        number = scene.event(got_us, buyer, "receiving", "in_progress", epcs=own, **noted(order))
        numbers.append(number)
        hand_out_lawfully(scene, own, buyer, got_us)
        keys += own
    scene.evidence[:] = told(scene, numbers)
    if scene.evidence:
        edges = sorted({(order.leg.seller, order.leg.buyer) for order in found})
        scene.tell("tampered", keys, edges=edges, note="held and opened on the road")


def cold_chain(scene: Scene, size: float, skill: float) -> None:
    """A trader keeps goods that need cold in a shed, and sends them on with a logger in the box.

    The clumsy forget what it records. The careful take it out for the warm hours, and put it back.
    """
    trader = front(scene, skill)
    found = orders(scene, wanted(24, size, skill), "bought", spare_days=50)
    buyers = usual_shops(scene, 6, "shops")
    keys: list[str] = []
    numbers: list[int] = []
    edges: list[tuple[int, int]] = []
    for turn, order in enumerate(found):
        own = scene.keys_of(order.packs)
        got_us = buy(scene, order, trader, share=terms(skill))
        got_us += scene.hours(30, 200, "in the shed", turn)
        shop = buyers[turn % len(buyers)]
        came_us = pass_on(scene, own, trader, shop, got_us, share=terms(skill))
        numbers.append(logged(scene, own, shop, _last_shipping(scene), came_us, skill))
        hand_out_lawfully(scene, own, shop, came_us)
        keys += own
        edges += [(order.leg.seller, trader), (trader, shop)]
    scene.evidence[:] = told(scene, numbers)
    if scene.evidence:
        scene.tell(
            "tampered", keys, sites=[trader], edges=sorted(set(edges)), note="kept without cold"
        )


# ---- shared by these


def logged(
    scene: Scene, keys: Sequence[str], site: int, left_us: int, came_us: int, skill: float
) -> int:
    """The logger in the box is read at goods-in; the number of the event."""
    scene.turns += 1
    return scene.event(
        came_us + 5 * MINUTE_US,
        site,
        "sensor_reporting",
        epcs=list(keys),
        temperatures=_log(scene, left_us, came_us, skill, scene.turns),
    )


def _last_shipping(scene: Scene) -> int:
    """When the last sale left: it was told before its receipt."""
    return int(scene.stage.rows[-2]["at_us"])


def _log(
    scene: Scene, left_us: int, came_us: int, skill: float, turn: int
) -> list[dict[str, int | float]]:
    """Readings of a logger: warm for some hours at first, or without those hours."""
    warm_us = scene.hours(tuned(9, 3, skill), tuned(20, 6, skill), "warm", turn)
    top = scene.between(170, 260, "shed", turn)
    log: list[dict[str, int | float]] = []
    warm_from_us = left_us + 4 * _READ_EVERY_US
    for number, at_us in enumerate(range(left_us, came_us, _READ_EVERY_US)):
        tenths = 46 + scene.below(9, "reading", turn, number)
        if warm_from_us <= at_us < warm_from_us + warm_us:
            if skill >= 1 / 2:
                continue
            tenths = top + scene.below(20, "warm reading", turn, number)
        log.append({"observed_us": at_us, "value": tenths / 10})
    return log


def is_cold(product: Product, net: Network) -> bool:
    """Products that need cold."""
    return product.is_cold and has_shops(product, net)


ATTACKS: tuple[Attack, ...] = (
    Attack("P35", "price_volume", each(price_volume), suits=has_shops),
    Attack("P36", "dwell_transit", each(dwell_transit), suits=has_shops),
    Attack("P37", "cold_chain", each(cold_chain), suits=is_cold),
)
