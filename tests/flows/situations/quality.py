"""Honest exchanges: quality, recalls, theft."""

from tests.flows.exchanges import Cases, Exchange, at, flow, network, stock
from tests.flows.situations.telling import (
    at_the_hub,
    days,
    hand_out,
    handed_out,
    honest,
    hours,
    inside,
    packed,
    stolen_from,
)


@honest()
def recall_with_returns(x: Exchange) -> None:
    n, lot, cases = handed_out(x)
    reverse = x.place("reverse distributor", "Hamburg")
    x.row("recalls", {"gtin": lot.gtin, "lot": lot.number, "class": "2", "from": "2026-03-01"})
    for packs, shop in zip(cases.values(), n.dispensers, strict=True):
        x.move(packs[5:], shop, n.hub, at(58), disposition="recalled")
    left = [pack for packs in cases.values() for pack in packs[5:]]
    x.move(left, n.hub, reverse, at(65), disposition="recalled")
    x.destroy(left, reverse, at(70))
    # Patients bring back two that were sold.
    sold = inside(cases, 0)[:2]
    x.move(sold, n.shop, reverse, at(66), disposition="recalled")
    x.destroy(sold, reverse, at(72))


@honest()
def quarantine_and_release(x: Exchange) -> None:
    n, _, cases, there = at_the_hub(x)
    x.event(there + hours(1), n.hub, "holding", epcs=list(cases), disposition="quarantined")
    x.event(
        there + days(6), n.hub, "storing", epcs=list(cases), disposition="sellable_not_accessible"
    )
    hand_out(x, n.hub, n.dispensers, cases, there + days(7))


@honest()
def damaged_labels_replaced_at_the_maker(x: Exchange) -> None:
    n = network(x)
    lot = x.lot(n.gtin, 33, quantity=30)
    x.commission(lot, n.maker, at(30), lot.packs[:30])
    x.retire(lot.packs[27:30], n.maker, at(30, 9))
    x.commission(lot, n.maker, at(30, 10), lot.packs[30:])
    good = [*lot.packs[:27], *lot.packs[30:]]
    cases: Cases = {x.sscc(): good[k : k + 10] for k in (0, 10, 20)}
    for case, packs in cases.items():
        x.pack(case, packs, n.maker, at(30, 11))
    flow(x, n, cases, at(31))


@honest()
def serials_put_back_into_use_at_the_maker(x: Exchange) -> None:
    n = network(x)
    lot = x.lot(n.gtin, 30)
    x.commission(lot, n.maker, at(30))
    x.retire(lot.packs[27:30], n.maker, at(30, 9))
    x.commission(lot, n.maker, at(30, 10), lot.packs[27:30])
    cases: Cases = {x.sscc(): list(lot.packs[k : k + 10]) for k in (0, 10, 20)}
    for case, packs in cases.items():
        x.pack(case, packs, n.maker, at(30, 11))
    flow(x, n, cases, at(31), sold=1)


@honest()
def stolen_and_recovered(x: Exchange) -> None:
    n, lot, cases, there = at_the_hub(x)
    stolen, *rest = cases.items()
    stolen_from(x, n.hub, "2026-02-10T08:00:00Z", lot, stolen[0])
    # The police brought the pallet back; it is checked and destroyed.
    x.event(at(50), n.hub, "inspecting", epcs=[stolen[0]], disposition="damaged")
    plant = x.place("destruction", "Hamburg")
    x.move([stolen[0]], n.hub, plant, at(52), disposition="stolen")
    x.unpack(stolen[0], stolen[1], plant, at(53.5))
    x.destroy(stolen[1], plant, at(54))
    hand_out(x, n.hub, [n.other], rest, there + days(1))


@honest()
def theft_notice_names_a_lot_that_many_hold(x: Exchange) -> None:
    n, lot, cases = packed(x)
    first, second, third = cases
    a = x.move([first], n.maker, n.hub, at(31))
    b = x.move([second, third], n.maker, n.second, at(31))
    stock(x, n.second, n.other, second, cases[second], b + days(1))
    stolen_from(x, n.hub, "2026-02-12T08:00:00Z", lot)
    x.sell(cases[second][5:8], n.other, at(45))
    stock(x, n.second, n.hospital, third, cases[third], at(46))
    assert a
