"""Honest ways of goods that look like crime: loans, returns, wrong boxes, detours, and waste.

Each function stages one kind all over a chunk. Goods that leave their way are taken from the orders
or shelves of honest life, and come to an end of their own.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from data.simulator.attacks.craft import midnight_us, open_at, short_dated
from data.simulator.life import (
    FROM_SECONDARY,
    NEVER,
    TO_BUYER,
    TO_DEPOT,
    TO_PRIMARY,
    books_out_at_goods_in,
)
from data.simulator.lookalikes.befall import (
    DISPENSERS,
    are,
    are_free,
    befallen,
    customers,
    destroy,
    dispose,
    hand_out,
    hand_out_later,
    honest_lots,
    leave_as_told,
    log_sale,
    on_shelf,
    parties,
    shelve,
    take,
)
from data.simulator.network import Network
from data.simulator.places import distances_km
from data.simulator.scheme import LookAlike
from data.simulator.stage import Scene, Stage
from data.simulator.working_time import DAY_US, HOUR_US, MINUTE_US, from_us

# Shares. One event file in ten has errors (DOMAIN.md section 1, fact 6), most of them in what was
# packed, sent or received; the first six share out most of that among cases and consignments by our
# judgement. The others have no source but their order: things that happen every day somewhere.
CASE_NOT_OPENED = 0.04  # of cases
NOT_SCANNED_IN = 0.025  # of consignments
SHORTAGE = 0.006  # of consignments to dispensers
OVERAGE = 0.005
SPLIT_DELIVERY = 0.006
WRONG_ADDRESS = 0.003
RETURNS = 0.02  # of consignments; trade bodies speak of 1 to 3 % of units (recalled, not found)
RETURNED_SOLD_PCT = 10  # of returns: the pack had been booked out
UNSALEABLE_PCT = 35  # of returns
LOANS = 0.0004  # of packs
OPENED_PACKS = 0.0008  # of packs
UNDONE = 0.001  # of packs
GOODS_IN_HABIT = 0.15  # of deliveries to hospitals that book out at goods-in
DIRECT_DELIVERY = 0.06  # of orders of hospitals
DROP_SHIPMENT = 0.03  # of orders to secondary wholesalers' customers
RECALLED_LOTS = 0.01  # lots
EXPIRED_LOTS = 0.01  # lots that stay until they expire
UNSOLD_THROWN_AWAY = 0.3  # of the packs that nobody buys
DOOR_OPENED = 0.05  # of cold consignments
READ_LATE = 0.03  # of cold consignments
_LOAN_KM = 20  # DOMAIN.md section 6, B08
_RECALL_READ_H = 6  # until a notice is acted upon


# ---- dispensers among themselves


def shared_packs(stage: Stage, rate: float) -> None:
    """A pharmacy lends a pack to a neighbour; a pack is opened and handed out in parts."""
    life, net = stage.life, stage.net
    site = life.legs.place_to[life.last_leg]
    ends_early = life.end_us < stage.until_us - 4 * DAY_US
    fit = ends_early & are(net, "pharmacy")[site]
    for scene, pack in befallen(stage, "B08", LOANS * rate, "pack", fit):
        if are_free(stage, [pack])[0]:
            _lend(scene, pack)
    fit = ends_early & are(net, *DISPENSERS)[site]
    for scene, pack in befallen(stage, "B08", OPENED_PACKS * rate, "pack", fit, kind=1):
        if are_free(stage, [pack])[0]:
            _open(scene, pack)


def _lend(scene: Scene, pack: int) -> None:
    """The lender books the pack out, as the law wants, and the borrower hands it out again."""
    lender, end_us = scene.end(pack)
    near = _neighbours(scene.net, lender)
    if not near:
        return
    borrower = scene.pick(near, "borrower")
    (key,) = take(scene, [pack])
    got_us = open_at(scene, borrower, end_us + scene.hours(0.5, 5, "fetched"))
    way = {"owner_from": lender, "owner_to": borrower}
    places = {"place_from": lender, "place_to": borrower}
    scene.event(
        got_us, borrower, "receiving", "in_progress", epcs=[key], is_evidence=True, **way, **places
    )
    scene.dispense([key], borrower, got_us + scene.hours(0.2, 9, "needed"), is_evidence=True)
    scene.tell("honest", [key], sites=[lender, borrower], edges=[(lender, borrower)], note="loan")


def _neighbours(net: Network, site: int) -> list[int]:
    """Other pharmacies within a short way."""
    pool = np.array(net.of("pharmacy", "", net.sites[site].country))
    near = distances_km()[net.city_no[site], net.city_no[pool]] <= _LOAN_KM
    found: list[int] = pool[near & (pool != site)].tolist()
    return found


def _open(scene: Scene, pack: int) -> None:
    """The pack is handed out in two or three parts, each booked."""
    site, at_us = scene.end(pack)
    (key,) = take(scene, [pack], at_us)
    part = {"disposition": "partially_dispensed"}
    hand_out(scene, key, site, at_us, **part)
    for turn in range(scene.between(1, 2, "parts")):
        at_us = open_at(scene, site, at_us + scene.hours(15, 150, "next part", turn))
        hand_out(scene, key, site, at_us, is_evidence=True, **part)
    scene.tell("honest", [key], sites=[site], note="handed out in parts")


# ---- booked out too early


def undone_sales(stage: Stage, rate: float) -> None:
    """A sale is undone, in time or too late; a hospital books out at goods-in what it then uses."""
    life, net = stage.life, stage.net
    site = life.legs.place_to[life.last_leg]
    fit = are(net, "pharmacy")[site] & (life.end_us < stage.until_us - 40 * DAY_US)
    for scene, pack in befallen(stage, "B13", UNDONE * rate, "pack", fit):
        if are_free(stage, [pack])[0]:
            _undo(scene, pack)
    legs = life.legs
    fit = (legs.level >= TO_BUYER) & (legs.receive_us < stage.until_us - 30 * DAY_US)
    fit &= books_out_at_goods_in(net, legs.place_to)
    for scene, row in befallen(stage, "B13", GOODS_IN_HABIT * rate, "consignment", fit, kind=1):
        _use_in_wards(scene, row)


def _undo(scene: Scene, pack: int) -> None:
    """Nobody fetched it: the pack goes back to the shelf, and is sold once more.

    The system takes a sale back within ten days and from the same place only; else it refuses,
    and the shop books in its own system alone.
    """
    site, end_us = scene.end(pack)
    (key,) = take(scene, [pack])
    net = scene.net
    sisters = [
        s
        for s in net.of("pharmacy", "chain", net.sites[site].country)
        if net.sites[s].partner.no == net.sites[site].partner.no and s != site
    ]
    by_other = bool(sisters) and scene.below(3, "by another") == 0
    place = scene.pick(sisters, "sister") if by_other else site
    is_late = not by_other and scene.below(2, "too late") == 1
    back_us = end_us + (scene.hours(250, 600, "late") if is_late else scene.hours(2, 200, "soon"))
    back_us = open_at(scene, place, back_us)
    if by_other or is_late:
        scene.verify(place, back_us, scene.serial(pack), "A24")
    else:
        scene.verify(place, back_us, scene.serial(pack), "ACTIVE")
    scene.event(back_us + MINUTE_US, place, "stocking", "active", epcs=[key], is_evidence=True)
    scene.dispense([key], place, back_us + scene.hours(3, 200, "sold again"), is_evidence=True)
    note = "undone by another place" if by_other else "undone late" if is_late else "undone in time"
    scene.tell("honest", [key], sites=sorted({site, place}), note=note)


def _use_in_wards(scene: Scene, row: int) -> None:
    """What the hospital booked out on arrival is stored, and booked again on the ward."""
    stage = scene.stage
    life, legs = stage.life, stage.life.legs
    packs = np.arange(int(legs.lo[row]), int(legs.hi[row]))
    packs = packs[are_free(stage, packs) & (life.end_us[packs] < NEVER)]
    chosen = scene.sample(packs.tolist(), scene.between(1, 5, "used"), "used")
    if not chosen:
        return
    site = int(legs.place_to[row])
    keys = take(scene, chosen)
    stored_us = int(legs.receive_us[row]) + scene.between(50, 90, "stored") * MINUTE_US
    scene.event(stored_us, site, "storing", "in_progress", epcs=keys, is_evidence=True)
    for turn, key in enumerate(keys):
        at_us = open_at(scene, site, stored_us + scene.hours(10, 500, "ward", turn))
        hand_out(scene, key, site, at_us, is_evidence=True)
    scene.tell("honest", keys, sites=[site], note="booked out at goods-in")


# ---- returns


def lawful_returns(stage: Stage, rate: float) -> None:
    """A dispenser sends packs back to who sold them; some are sold anew, some are destroyed."""
    legs = stage.life.legs
    fit = (
        (legs.level >= TO_BUYER)
        & are(stage.net, *DISPENSERS)[legs.place_to]
        & (legs.receive_us < stage.until_us - 45 * DAY_US)
    )
    for scene, row in befallen(stage, "B14", RETURNS * rate, "consignment", fit):
        is_sold = scene.below(100, "was sold") < RETURNED_SOLD_PCT
        packs, at_us = _sold_of(scene, row) if is_sold else _unsold_of(scene, row)
        if packs:
            _send_back(scene, row, packs, at_us, is_sold=is_sold)


def _unsold_of(scene: Scene, row: int) -> tuple[list[int], int]:
    """One to three packs of a delivery that lie on the shelf, within the days of a return."""
    at_us = int(scene.stage.life.legs.receive_us[row]) + scene.hours(20, 210, "sent back")
    found = on_shelf(scene, row, at_us)
    return scene.sample(found, scene.between(1, 3, "returned"), "returned"), at_us


def _sold_of(scene: Scene, row: int) -> tuple[list[int], int]:
    """A pack that was booked out, yet is sent back as if it had not been."""
    stage = scene.stage
    life, legs = stage.life, stage.life.legs
    packs = np.arange(int(legs.lo[row]), int(legs.hi[row]))
    early = life.end_us[packs] < stage.until_us - 45 * DAY_US
    free = packs[early & are_free(stage, packs)].tolist()
    if not free:
        return [], 0
    pack = scene.pick(free, "returned")
    return [pack], scene.end(pack)[1] + scene.hours(12, 150, "sent back")


def _send_back(scene: Scene, row: int, packs: list[int], at_us: int, *, is_sold: bool) -> None:
    legs = scene.stage.life.legs
    shop, seller = int(legs.place_to[row]), int(legs.place_from[row])
    keys = take(scene, packs, None if is_sold else at_us)
    got_us = scene.ship(
        keys, shop, seller, at_us, disposition="returned", document_kind="rma", is_evidence=True
    )
    edges = [(shop, seller)]
    checked_us = open_at(scene, seller, got_us + scene.hours(1, 30, "checked"))
    if is_sold:
        scene.verify(seller, checked_us, scene.serial(packs[0]), "A7")
    if is_sold or scene.below(100, "unsaleable") < UNSALEABLE_PCT:
        scene.event(checked_us, seller, "inspecting", "non_sellable_other", epcs=keys)
        edges += dispose(scene, keys, seller, checked_us + 30 * HOUR_US, "damaged")
        note = "returned though booked out" if is_sold else "returned and destroyed"
    else:
        scene.event(checked_us, seller, "inspecting", "sellable_accessible", epcs=keys)
        others = [s for s in customers(scene, seller, 4, "next customer") if s != shop]
        if others:
            sent_us = checked_us + scene.hours(2, 200, "sold again")
            there_us = scene.ship(keys, seller, others[0], sent_us)
            log_sale(scene, seller, others[0], len(keys), sent_us)
            shelve(scene, keys, [others[0]] * len(keys), there_us)
            edges.append((seller, others[0]))
        note = "returned and sold again"
    scene.tell("honest", keys, sites=[shop, seller], edges=edges, note=note)


# ---- wrong boxes


def shipping_errors(stage: Stage, rate: float) -> None:
    """The box does not hold what its advice says, or goes elsewhere; it is put right."""
    legs = stage.life.legs
    fit = (
        (legs.level >= TO_BUYER)
        & are(stage.net, *DISPENSERS)[legs.place_to]
        & (legs.receive_us < stage.until_us - 20 * DAY_US)
    )
    kinds = (
        (SHORTAGE, _too_few),
        (OVERAGE, _too_many),
        (SPLIT_DELIVERY, _in_two_parts),
        (WRONG_ADDRESS, _to_another),
    )
    for kind, (share, play) in enumerate(kinds):
        for scene, row in befallen(stage, "B15", share * rate, "consignment", fit, kind=kind):
            if are_free(stage, range(int(legs.lo[row]), int(legs.hi[row]))).all():
                play(scene, row)


def _some_of(scene: Scene, row: int, most: int) -> list[int]:
    """A few packs of a consignment, by no means all."""
    legs = scene.stage.life.legs
    packs = list(range(int(legs.lo[row]), int(legs.hi[row])))
    return scene.sample(packs[1:], scene.between(1, most, "how many"), "which")


def _too_few(scene: Scene, row: int) -> None:
    """The advice names packs that stayed in the warehouse: a complaint, a void, a second parcel."""
    legs = scene.stage.life.legs
    packs = _some_of(scene, row, 2)
    if not packs:
        return
    seller, buyer = int(legs.place_from[row]), int(legs.place_to[row])
    keys = take(scene, packs, int(legs.ship_us[row]))
    leave_as_told(scene, keys, row, is_evidence=True)
    log_sale(scene, seller, buyer, len(keys), int(legs.ship_us[row]))
    found_us = int(legs.receive_us[row]) + scene.hours(4, 60, "found")
    found_us = open_at(scene, seller, found_us)
    void = parties(scene.stage, row)
    scene.event(found_us, seller, "void_shipping", "in_progress", epcs=keys, **void)
    got_us = scene.ship(keys, seller, buyer, found_us + HOUR_US)
    hand_out_later(scene, packs, got_us)
    scene.tell("honest", keys, sites=[seller, buyer], edges=[(seller, buyer)], note="shortage")


def _too_many(scene: Scene, row: int) -> None:
    """Packs of another order lie in the box: received against no advice, sent back, sold anew."""
    stage = scene.stage
    legs = stage.life.legs
    seller, buyer = int(legs.place_from[row]), int(legs.place_to[row])
    got_us = int(legs.receive_us[row])
    later = np.flatnonzero(
        (legs.parent == legs.parent[row])
        & (legs.ship_us > got_us + DAY_US)
        & (legs.ship_us < stage.until_us - 15 * DAY_US)
    )
    packs: list[int] = []
    for other in later.tolist():
        own = range(int(legs.lo[other]), int(legs.hi[other]))
        if are_free(stage, own).all() and stage.life.last_leg[own[0]] == other:
            packs = list(own[: scene.between(1, 2, "how many")])
            break
    if not packs:
        return
    # They leave the seller's stock with this box, not with their own order.
    keys = take(scene, packs, int(legs.ship_us[row]))
    told = parties(stage, row)
    scene.event(got_us, buyer, "receiving", "in_progress", epcs=keys, is_evidence=True, **told)
    back_us = got_us + scene.hours(3, 60, "sent back")
    home_us = scene.ship(keys, buyer, seller, back_us, disposition="returned", document_kind="rma")
    right, _end_us = scene.end(packs[0])
    there_us = scene.ship(keys, seller, right, home_us + scene.hours(2, 60, "sent anew"))
    log_sale(scene, seller, right, len(keys), home_us + HOUR_US)
    hand_out_later(scene, packs, there_us)
    edges = [(seller, buyer), (buyer, seller), (seller, right)]
    scene.tell("honest", keys, sites=[seller, buyer], edges=edges, note="overage")


def _in_two_parts(scene: Scene, row: int) -> None:
    """One advice, two vans: the second comes a day or two later."""
    legs = scene.stage.life.legs
    packs = _some_of(scene, row, max(2, int(legs.hi[row] - legs.lo[row]) // 2))
    if not packs:
        return
    seller, buyer = int(legs.place_from[row]), int(legs.place_to[row])
    keys = take(scene, packs, int(legs.ship_us[row]))
    leave_as_told(scene, keys, row)
    log_sale(scene, seller, buyer, len(keys), int(legs.ship_us[row]))
    got_us = open_at(scene, buyer, int(legs.receive_us[row]) + scene.hours(20, 60, "second van"))
    told = parties(scene.stage, row)
    scene.event(got_us, buyer, "receiving", "in_progress", epcs=keys, is_evidence=True, **told)
    hand_out_later(scene, packs, got_us)
    scene.tell("honest", keys, sites=[seller, buyer], edges=[(seller, buyer)], note="split")


def _to_another(scene: Scene, row: int) -> None:
    """The box is left at another customer, who scans it, complains, and sends it on or back."""
    legs = scene.stage.life.legs
    seller, buyer = int(legs.place_from[row]), int(legs.place_to[row])
    others = [s for s in customers(scene, seller, 3, "wrong door") if s != buyer]
    packs = list(range(int(legs.lo[row]), int(legs.hi[row])))
    if not others or (scene.stage.life.last_leg[packs] != row).any():
        return
    other = others[0]
    keys = take(scene, packs, int(legs.ship_us[row]))
    leave_as_told(scene, keys, row)
    log_sale(scene, seller, buyer, len(keys), int(legs.ship_us[row]))
    got_us = open_at(scene, other, int(legs.receive_us[row]))
    told = parties(scene.stage, row)
    scene.event(got_us, other, "receiving", "in_progress", epcs=keys, is_evidence=True, **told)
    edges = [(seller, buyer), (seller, other)]
    on_us = got_us + scene.hours(3, 50, "noticed")
    if scene.below(2, "sent back") == 0:
        home_us = scene.ship(
            keys, other, seller, on_us, disposition="returned", document_kind="rma"
        )
        there_us = scene.ship(keys, seller, buyer, home_us + scene.hours(2, 20, "sent anew"))
        edges.append((other, seller))
    else:
        there_us = scene.ship(keys, other, buyer, on_us, owner_from=seller)
        edges.append((other, buyer))
    hand_out_later(scene, packs, there_us)
    scene.tell("honest", keys, sites=[seller, buyer, other], edges=edges, note="wrong address")


# ---- containers


def stale_aggregation(stage: Stage, rate: float) -> None:
    """Cases are opened and consignments booked in without a scan; what is inside goes its way."""
    life = stage.life
    # A case is told by its first pack.
    first = np.zeros(len(life), dtype=bool)
    first[life.case_lo] = True
    for scene, pack in befallen(stage, "B12", CASE_NOT_OPENED * rate, "pack", first):
        case = int(life.case[pack])
        inside = range(int(life.case_lo[case]), int(life.case_hi[case]))
        if not are_free(stage, inside).all():
            continue
        stage.unsaid.opened[case] = True
        scene.tell("honest", take(scene, inside), note="case opened without a scan")
    legs = life.legs
    for scene, row in befallen(
        stage, "B12", NOT_SCANNED_IN * rate, "consignment", legs.level > TO_DEPOT, kind=1
    ):
        inside = range(int(legs.lo[row]), int(legs.hi[row]))
        if not are_free(stage, inside).all():
            continue
        stage.unsaid.received[row] = True
        site = int(legs.place_to[row])
        scene.tell("honest", take(scene, inside), sites=[site], note="booked in without a scan")


# ---- title goes another way than the goods


def drop_shipments(stage: Stage, rate: float) -> None:
    """Goods go straight from a maker's depot, or from another wholesaler, to who ordered them."""
    life, net = stage.life, stage.net
    legs = life.legs
    early = legs.receive_us < stage.until_us - 20 * DAY_US
    direct = early & (legs.level == TO_BUYER) & are(net, "hospital")[legs.place_to]
    drop = early & (legs.level == FROM_SECONDARY)
    for kind, (share, fit) in enumerate(((DIRECT_DELIVERY, direct), (DROP_SHIPMENT, drop))):
        for scene, row in befallen(stage, "B23", share * rate, "consignment", fit, kind=kind):
            packs = range(int(legs.lo[row]), int(legs.hi[row]))
            if are_free(stage, packs).all():
                _skip_a_place(scene, row, packs)


def _skip_a_place(scene: Scene, row: int, packs: Sequence[int]) -> None:
    """The seller never touches the goods: his supplier sends them to his customer for him."""
    legs = scene.stage.life.legs
    before = int(legs.parent[row])
    seller, buyer = int(legs.owner_from[row]), int(legs.owner_to[row])
    source = int(legs.place_from[before])
    at_us = int(legs.ship_us[before])
    keys = take(scene, packs, at_us)
    got_us = scene.ship(
        keys, seller, buyer, at_us, place_from=source, place_to=buyer, is_evidence=True
    )
    log_sale(scene, source, buyer, len(keys), at_us)
    hand_out_later(scene, packs, got_us)
    edges = [(int(legs.owner_from[before]), seller), (seller, buyer), (source, buyer)]
    scene.tell("honest", keys, sites=[source, seller, buyer], edges=edges, note="drop shipment")


# ---- waste


def on_the_way_out(stage: Stage, rate: float) -> None:
    """Recalled lots, expired lots and packs that nobody bought go to the plant."""
    fit = honest_lots(stage)
    for scene, _row in befallen(stage, "B24", RECALLED_LOTS * rate, "lot", fit):
        _recall(scene)
    for scene, _row in befallen(stage, "B24", EXPIRED_LOTS * rate, "lot", fit, kind=1):
        _expire(scene)
    life = stage.life
    unsold = (life.end_us == NEVER) & (
        life.legs.receive_us[life.last_leg] < stage.until_us - 75 * DAY_US
    )
    for scene, pack in befallen(stage, "B24", UNSOLD_THROWN_AWAY * rate, "pack", unsold, kind=2):
        if are_free(stage, [pack])[0]:
            _throw_away(scene, pack)


def _recall(scene: Scene) -> None:
    """A maker recalls a lot: whoever holds some stops, and sends the rest to be destroyed."""
    stage, legs = scene.stage, scene.stage.life.legs
    sold = np.flatnonzero((legs.lot == scene.row) & (legs.level == TO_BUYER))
    place = scene.between(len(sold) // 3, 2 * len(sold) // 3, "when") if len(sold) else 0
    if not len(sold):
        return
    recall_us = int(np.sort(legs.ship_us[sold])[place])
    if recall_us > stage.until_us - 50 * DAY_US:
        return
    stage.lists.recalls.append(
        {
            "gtin": scene.product.gtin,
            "lot": scene.lot,
            "class": scene.pick(("I", "II", "II", "III"), "class"),
            "from": from_us(recall_us).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    )
    stop_us = recall_us + _RECALL_READ_H * HOUR_US
    _clear(scene, stop_us, "recalled", "recall, returns of the rest")


def _expire(scene: Scene) -> None:
    """A lot with little time left: what is not sold by its last day goes to be destroyed."""
    if len({t.lot_no for t in scene.stage.truths} & {scene.lot_no}):
        return  # another mishap has told its dates already
    if short_dated(scene, 0.9, spare_days=40) is not None:
        _clear(scene, midnight_us(scene.expiry), "expired", "expired on the shelf")


def _clear(scene: Scene, stop_us: int, disposition: str, note: str) -> None:
    """From a time on nobody sells what is left: every holder sends it to be destroyed."""
    life = scene.stage.life
    packs = np.array(scene.packs())
    left = packs[(life.end_us[packs] >= stop_us) & ~scene.stage.taken[packs]].tolist()
    # No other mishap keeps a pack of the lot until it may not be sold any more.
    scene.stage.taken[packs] = True
    if not left:
        return
    keys, edges = [], []
    got: dict[int, tuple[list[str], int]] = {}
    for turn, (holder, (own, there_us)) in enumerate(_holders(scene, left, stop_us).items()):
        mine = take(scene, own, stop_us)
        keys += mine
        aside_us = open_at(
            scene, holder, max(there_us, stop_us) + scene.hours(1, 30, "found", turn)
        )
        scene.event(aside_us, holder, "holding", disposition, epcs=mine)
        firm = _returns_firm(scene, holder)
        got_us = scene.ship(
            mine,
            holder,
            firm,
            aside_us + scene.hours(20, 250, "fetched", turn),
            disposition=disposition,
            document_kind="rma",
            is_evidence=True,
        )
        edges.append((holder, firm))
        gathered, last_us = got.get(firm, ([], 0))
        got[firm] = gathered + mine, max(last_us, got_us)
    for firm, (gathered, last_us) in got.items():
        edges.append(destroy(scene, gathered, firm, last_us, disposition))
    scene.tell("honest", keys, sites=sorted(got), edges=edges, note=note)


def _returns_firm(scene: Scene, holder: int) -> int:
    """All of a country's returns of a lot go to one firm."""
    net = scene.net
    own = net.of("reverse_distributor", "", net.sites[holder].country)
    return scene.pick(own or net.of("reverse_distributor"), "returns firm")


def _holders(scene: Scene, packs: Sequence[int], at_us: int) -> dict[int, tuple[list[int], int]]:
    """Who holds packs at a time, or gets them soon after, and from when."""
    stage, legs = scene.stage, scene.stage.life.legs
    out: dict[int, tuple[list[int], int]] = {}
    for pack in packs:
        row = int(stage.life.last_leg[pack])
        while row >= 0 and legs.ship_us[row] >= at_us:
            row = int(legs.parent[row])
        site = int(legs.place_to[row]) if row >= 0 else scene.product.packer
        there_us = int(legs.receive_us[row]) if row >= 0 else scene.made_us
        own, since_us = out.get(site, ([], 0))
        out[site] = [*own, pack], max(since_us, there_us)
    return out


def _throw_away(scene: Scene, pack: int) -> None:
    """A pack that nobody bought, and that was dropped or forgotten, is collected as waste."""
    site, _never = scene.end(pack)
    got_us = int(scene.stage.life.legs.receive_us[scene.stage.life.last_leg[pack]])
    at_us = got_us + scene.hours(200, 1000, "collected")
    keys = take(scene, [pack], at_us)
    edges = dispose(scene, keys, site, at_us, "damaged")
    scene.tell("honest", keys, sites=[site], edges=edges, note="collected as waste")


# ---- loggers


def logger_artefacts(stage: Stage, rate: float) -> None:
    """A door stands open for minutes, or a logger lies in a warm office before it is read."""
    life = stage.life
    legs = life.legs
    is_cold = np.array([p.is_cold for p in stage.net.products])[life.lots.product]
    fit = is_cold[legs.lot] & (legs.level <= TO_PRIMARY)
    fit &= legs.receive_us < stage.until_us - DAY_US
    for kind, (share, told) in enumerate(((DOOR_OPENED, _door), (READ_LATE, _office))):
        for scene, row in befallen(stage, "B26", share * rate, "consignment", fit, kind=kind):
            first = int(legs.lo[row])
            case = int(life.case[first])
            inside = range(int(life.case_lo[case]), int(life.case_hi[case]))
            if not are_free(stage, inside).all():
                continue
            site = int(legs.place_to[row])
            came_us = int(legs.receive_us[row])
            onward = legs.ship_us[legs.parent == row]
            # The logger is read before anything leaves with it.
            gone_us = int(onward.min()) if len(onward) else came_us + DAY_US
            if gone_us < came_us + 3 * HOUR_US:
                continue
            times, at_us, note = told(scene, int(legs.ship_us[row]), came_us, gone_us)
            scene.event(
                at_us,
                site,
                "sensor_reporting",
                epcs=[scene.case_key(first)],
                temperatures=[{"observed_us": t, "value": v} for t, v in times],
                is_evidence=True,
            )
            scene.tell("honest", take(scene, inside), sites=[site], note=note)


Readings = list[tuple[int, float]]


def _steady(scene: Scene, first_us: int, last_us: int, step_us: int) -> Iterator[tuple[int, float]]:
    """A box at 5 degrees, give or take."""
    for turn, at_us in enumerate(range(first_us, last_us, step_us)):
        yield at_us, (46 + (turn * 7 + scene.lot_no) % 9) / 10


def _door(scene: Scene, ship_us: int, receive_us: int, _gone_us: int) -> tuple[Readings, int, str]:
    """A logger of five minutes sees two or three warm readings while a door is open."""
    step_us = 5 * MINUTE_US
    span_us = min(receive_us - ship_us, 10 * HOUR_US)
    times = list(_steady(scene, ship_us, ship_us + span_us, step_us))
    first = scene.below(max(1, len(times) - 4), "door")
    for turn in range(min(scene.between(1, 2, "minutes"), len(times) - first)):
        at_us, _value = times[first + turn]
        times[first + turn] = at_us, scene.between(88, 135, "warm", turn) / 10
    return times, receive_us + 6 * MINUTE_US, "door stood open for minutes"


def _office(scene: Scene, ship_us: int, receive_us: int, gone_us: int) -> tuple[Readings, int, str]:
    """The logger goes on after the goods are in the cold store, until somebody reads it."""
    step_us = 30 * MINUTE_US
    lasts_us = min(scene.hours(2.5, 9, "read late"), gone_us - receive_us - 20 * MINUTE_US)
    start_us = max(ship_us, receive_us - 60 * HOUR_US)
    times = list(_steady(scene, start_us, receive_us, step_us))
    for turn, at_us in enumerate(range(receive_us + step_us, receive_us + lasts_us, step_us)):
        times.append((at_us, min(21.5, 5.0 + 4.0 * (turn + 1))))
    return times, receive_us + lasts_us, "logger read after receipt"


LOOK_ALIKES: tuple[LookAlike, ...] = (
    LookAlike("B24", "on_the_way_out", on_the_way_out),
    LookAlike("B23", "drop_shipments", drop_shipments),
    LookAlike("B15", "shipping_errors", shipping_errors),
    LookAlike("B14", "lawful_returns", lawful_returns),
    LookAlike("B13", "undone_sales", undone_sales),
    LookAlike("B08", "shared_packs", shared_packs),
    LookAlike("B26", "logger_artefacts", logger_artefacts),
    LookAlike("B12", "stale_aggregation", stale_aggregation),
)
