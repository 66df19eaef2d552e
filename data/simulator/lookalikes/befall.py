"""Whom a mishap befalls, and the steps that clerks take again and again.

Chance decides on whole columns; only what is befallen is looked at one by one.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np

from data.simulator.attacks.craft import book, open_at
from data.simulator.chance import I64, Key, Mask
from data.simulator.life import NEVER, consignment_no
from data.simulator.lots import SCHEME_LOTS
from data.simulator.network import Network
from data.simulator.sales import LOG_SHARE, list_price
from data.simulator.stage import Scene, Stage
from data.simulator.verifying import LOGGED_SHARE
from data.simulator.working_time import DAY_US, HOUR_US, SECOND_US

DISPENSERS = ("pharmacy", "hospital")
_SHELF_DAYS, _SHELF_SIGMA = 9, 1.0  # as in honest life

# ---- whom


def befallen(
    stage: Stage,
    code: str,
    share: float,
    of: Literal["lot", "consignment", "pack"],
    where: Mask | None = None,
    *,
    kind: int = 0,
) -> Iterator[tuple[Scene, int]]:
    """Scenes for those lots, consignments or packs that a mishap befalls, each with its row.

    Parameters
    ----------
    share
        How many of them.
    where
        Who comes into question at all; None: everyone.
    kind
        Tells the draws and names of mishaps of one code apart.
    """
    life = stage.life
    lot, number = {
        "lot": (np.arange(len(life.lots)), np.zeros(len(life.lots), dtype=np.int64)),
        "consignment": (life.legs.lot, life.legs.no),
        "pack": (life.pack_lot, life.pack_no),
    }[of]
    rows = np.arange(len(lot)) if where is None else np.flatnonzero(where)
    hit = stage.net.chance.happens(
        min(share, 1.0), f"{code} {kind} happens", life.lots.no[lot[rows]], number[rows]
    )
    for row in rows[hit]:
        yield stage.scene(code, int(lot[row]), kind, int(number[row])), int(row)


def honest_lots(stage: Stage) -> Mask:
    """Lots that no scheme has for its own: a mishap of the whole lot would blur its traces."""
    return stage.life.lots.no < SCHEME_LOTS


def are(net: Network, *roles: str) -> Mask:
    """Which sites have one of these roles."""
    out = np.zeros(len(net), dtype=bool)
    for role in roles:
        out[list(net.of(role))] = True
    return out


def are_free(stage: Stage, packs: Sequence[int] | I64) -> Mask:
    """Which packs no scheme has touched."""
    rows = np.asarray(packs, dtype=np.int64)
    return np.asarray(~stage.taken[rows] & (stage.cut_us[rows] == NEVER))


def take(scene: Scene, packs: Sequence[int], at_us: int | None = None) -> list[str]:
    """Take packs for a mishap, out of their honest life from a time on; their keys."""
    scene.stage.taken[list(packs)] = True
    if at_us is not None:
        scene.cut(packs, at_us)
    return scene.keys_of(packs)


def on_shelf(scene: Scene, row: int, at_us: int) -> list[int]:
    """Packs of a consignment that lie untouched where it went, at a time and some hours more."""
    stage = scene.stage
    legs = stage.life.legs
    packs = np.arange(int(legs.lo[row]), int(legs.hi[row]))
    there = (stage.life.last_leg[packs] == row) & (stage.life.end_us[packs] > at_us + 2 * HOUR_US)
    found: list[int] = packs[there & are_free(stage, packs)].tolist()
    return found


def orders(
    scene: Scene, parent: int, least: int, most: int, *, spare_days: float
) -> tuple[list[int], int]:
    """A stretch of what a wholesaler would have sold to its customers, and when it is together.

    The packs are taken; each is free from when its own order would have left. There are none where
    fewer than ``least`` are left.
    """
    stage = scene.stage
    legs = stage.life.legs
    until_us = stage.until_us - int(spare_days * DAY_US)
    rows = [
        row
        for row in np.flatnonzero((legs.parent == parent) & (legs.ship_us < until_us)).tolist()
        if scene.site(int(legs.place_to[row])).role in DISPENSERS
        and are_free(stage, range(int(legs.lo[row]), int(legs.hi[row]))).all()
    ]
    size = (legs.hi - legs.lo)[rows]
    left = np.cumsum(size[::-1])[::-1]  # packs from each order to the last
    starts = int((left >= least).sum())
    if not starts:
        return [], 0
    first = scene.below(starts, "first order")
    wanted = scene.between(least, most, "orders")
    count = int(np.searchsorted(np.cumsum(size[first:]), wanted)) + 1
    packs: list[int] = []
    for row in rows[first : first + count]:
        own = range(int(legs.lo[row]), int(legs.hi[row]))
        take(scene, own, int(legs.ship_us[row]))
        packs += own
    return packs, int(legs.ship_us[rows[first : first + count]].max())


# ---- where


def customers(scene: Scene, seller: int, count: int, purpose: str) -> list[int]:
    """Some pharmacies that a seller may supply."""
    return scene.sample(scene.net.pharmacies_of.of(seller).tolist(), count, purpose)


def at_home(scene: Scene, role: str, site: int, purpose: str, *, tier: str = "") -> int:
    """A place with a role in the country of a site, else anywhere."""
    net = scene.net
    own = net.of(role, tier, net.sites[site].country)
    return scene.pick(own or net.of(role, tier), purpose)


# ---- steps


def document_of(stage: Stage, row: int) -> str:
    """Number of the despatch advice of an honest consignment, as ``telling`` writes it."""
    legs = stage.life.legs
    return f"D{consignment_no(int(stage.life.lots.no[legs.lot[row]]), int(legs.no[row]))}"


def parties(stage: Stage, row: int, **more: Any) -> dict[str, Any]:
    """Owners, places and document of an honest consignment."""
    legs = stage.life.legs
    names = ("owner_from", "owner_to", "place_from", "place_to")
    own = {name: int(getattr(legs, name)[row]) for name in names}
    return {**own, "document_kind": "desadv", "document": document_of(stage, row), **more}


def log_sale(
    scene: Scene, seller: int, buyer: int, count: int, at_us: int, per_cent: int = 0
) -> None:
    """A line in the sales log of a seller that sends one; 0 per cent: at the usual price."""
    net = scene.net
    if not net.chance.happens(LOG_SHARE, "sends a log", net.sites[seller].partner.no)[0]:
        return
    book(scene, seller, buyer, count, at_us, None)
    per_cent = per_cent or scene.between(96, 103, "terms", scene.turns)
    price = list_price(net, scene.product.no, net.sites[seller].country) * per_cent / 100
    scene.stage.lists.shipments[-1]["unit_price"] = f"{price:.2f}"


def leave_as_told(scene: Scene, keys: Sequence[str], row: int, **more: Any) -> None:
    """The seller's message of an honest consignment names these packs, whatever is in the box."""
    legs = scene.stage.life.legs
    told = parties(scene.stage, row, **more)
    scene.event(
        int(legs.ship_us[row]),
        told["place_from"],
        "shipping",
        "in_transit",
        epcs=list(keys),
        **told,
    )


def hand_out_later(scene: Scene, packs: Sequence[int], got_us: int) -> None:
    """Packs that came late or by another way are handed out where they would have been."""
    life, last_us = scene.stage.life, scene.stage.until_us
    logged = scene.net.chance.happens(
        LOGGED_SHARE, "logged", scene.lot_no, life.pack_no[list(packs)]
    )
    soon: list[int] = []
    for pack, key, is_logged in zip(packs, scene.keys_of(packs), logged, strict=True):
        if int(life.end_us[pack]) == NEVER:
            continue
        site, at_us = scene.end(pack)
        if at_us < got_us + HOUR_US:
            soon.append(pack)
        elif at_us <= last_us:
            hand_out(scene, key, site, at_us)
            if is_logged:
                _scan(scene, key, site, at_us)
    if soon:
        site = scene.end(soon[0])[0]
        shelve(scene, scene.keys_of(soon), [site] * len(soon), got_us)


def hand_out(scene: Scene, key: str, site: int, at_us: int, **more: Any) -> int:
    """One pack is handed out at a time at which the place is known to be open."""
    is_hospital = scene.net.sites[site].role == "hospital"
    step = "dispensing" if is_hospital else "retail_selling"
    disposition = "dispensed" if is_hospital else "retail_sold"
    return scene.event(at_us, site, step, **{"disposition": disposition, "epcs": [key], **more})


def shelve(
    scene: Scene, keys: Sequence[str], sites: Sequence[int], got_us: int | Sequence[int]
) -> None:
    """Packs lie on shelves as long as packs do, and are handed out one by one."""
    net, scene.turns = scene.net, scene.turns + 1
    place = np.array(sites)
    key: tuple[Key, ...] = (scene.lot_no, *scene.keys, scene.turns, np.arange(len(keys)))
    shelf_us = (
        net.chance.spread_s(_SHELF_DAYS * 86_400, _SHELF_SIGMA, f"{scene.code} shelf", *key)
        * SECOND_US
    )
    at = scene.stage.clocks.open_hours(
        np.asarray(got_us) + 2 * HOUR_US + shelf_us,
        net.zone_no[place],
        net.hours.of(place),
        net.chance.below(8 * 3600, f"{scene.code} sale minute", *key) * SECOND_US,
    )
    logged = net.chance.happens(LOGGED_SHARE, f"{scene.code} logged", *key)
    for one, site, at_us, is_logged in zip(keys, sites, at.tolist(), logged, strict=True):
        if at_us > scene.stage.until_us:
            continue
        hand_out(scene, one, site, at_us)
        if is_logged:
            _scan(scene, one, site, at_us)


def _scan(scene: Scene, key: str, site: int, at_us: int) -> None:
    """A pack is scanned before it is handed out, like any other."""
    _ai, gtin, _serial_ai, serial = key.split("/")
    before_us = scene.between(20, 219, "scan before", at_us // SECOND_US) * SECOND_US
    scene.verify(site, at_us - before_us, serial, "ACTIVE", gtin=gtin)


def supply_shops(
    scene: Scene, keys: Sequence[str], seller: int, first_us: int, *, batch: int = 6, **more: Any
) -> list[tuple[int, int]]:
    """Sell packs on to pharmacies in small orders over some days; the trade relations."""
    count = -(-len(keys) // batch)
    shops = customers(scene, seller, count, "customers")
    edges, got, places = [], [], []
    for turn in range(count if shops else 0):
        own = keys[turn * batch : (turn + 1) * batch]
        shop = shops[turn % len(shops)]
        at_us = first_us + scene.hours(0, 200, "order", turn)
        got_us = scene.ship(own, seller, shop, at_us, **more)
        edges.append((seller, shop))
        got += [got_us] * len(own)
        places += [shop] * len(own)
    if got:
        shelve(scene, keys, places, got)
    return edges


def dispose(
    scene: Scene, keys: Sequence[str], holder: int, at_us: int, disposition: str
) -> list[tuple[int, int]]:
    """Goods go by a returns firm to a plant, which destroys them; the trade relations."""
    firm = at_home(scene, "reverse_distributor", holder, "returns firm")
    got_us = scene.ship(
        keys, holder, firm, at_us, disposition=disposition, document_kind="rma", is_evidence=True
    )
    return [(holder, firm), destroy(scene, keys, firm, got_us, disposition)]


def destroy(
    scene: Scene, keys: Sequence[str], firm: int, got_us: int, disposition: str
) -> tuple[int, int]:
    """A returns firm sends what it gathered to a plant."""
    plant = at_home(scene, "destruction", firm, "plant")
    sent_us = got_us + scene.hours(20, 150, "gathered", scene.turns)
    there_us = scene.ship(keys, firm, plant, sent_us, disposition=disposition)
    burnt_us = open_at(scene, plant, there_us + scene.hours(4, 60, "queue", scene.turns))
    scene.event(burnt_us, plant, "destroying", "destroyed", action="DELETE", epcs=list(keys))
    return firm, plant
