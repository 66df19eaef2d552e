"""Honest exchanges: returns, undone ends, errors of the counter."""

from tests.flows.exchanges import Exchange, at, network, stock
from tests.flows.situations.telling import (
    at_the_hub,
    days,
    hand_out,
    handed_out,
    honest,
    hours,
    inside,
    minutes,
    packed,
)


@honest()
def unsold_packs_returned_and_sold_again(x: Exchange) -> None:
    n, _, cases = handed_out(x)
    packs = inside(cases, 0)[6:9]
    when = at(40)
    x.move(packs, n.shop, n.hub, when, disposition="returned")
    x.event(when + days(2), n.hub, "inspecting", epcs=packs, disposition="sellable_accessible")
    got = x.move(packs, n.hub, n.other, when + days(4))
    x.sell(packs, n.other, got + days(1))


@honest()
def returned_to_the_wholesaler_whose_warehouse_is_another_firm(x: Exchange) -> None:
    n, _, cases = packed(x, lots=5)
    store = x.place("third-party logistics", "Frankfurt")
    owned = [
        {"type": "owning_party", "source": n.hub.id},
        {"type": "location", "source": store.id},
    ]
    kept = [
        {"type": "owning_party", "destination": n.hub.id},
        {"type": "location", "destination": store.id},
    ]
    x.move(list(cases), n.maker, store, at(31), destinationList=kept)
    for case, packs in cases.items():
        got = x.move([case], store, n.shop, at(33), sourceList=owned)
        x.unpack(case, packs, n.shop, got + hours(1))
    packs = inside(cases, 0)[6:9]
    x.move(packs, n.shop, n.hub, at(40), disposition="returned")
    got = x.move(packs, n.hub, n.other, at(44))
    x.sell(packs, n.other, got + days(1))


@honest()
def return_told_by_its_document_only(x: Exchange) -> None:
    n, _, cases = handed_out(x)
    packs = inside(cases, 0)[6:9]
    paper = [{"type": "rma", "bizTransaction": "urn:epcglobal:cbv:bt:9525678000014:R1"}]
    x.move(packs, n.shop, n.hub, at(40), bizTransactionList=paper)
    got = x.move(packs, n.hub, n.shop, at(44))
    x.sell(packs, n.shop, got + days(1))


@honest()
def return_that_nobody_calls_one(x: Exchange) -> None:
    n, _, cases = handed_out(x)
    packs = inside(cases, 0)[6:9]
    x.move(packs, n.shop, n.hub, at(38))
    got = x.move(packs, n.hub, n.other, at(44))
    x.sell(packs, n.other, got + days(1))


@honest()
def overstock_goes_back_to_the_maker(x: Exchange) -> None:
    n, _, cases, there = at_the_hub(x)
    *sold, (back, packs) = cases.items()
    hand_out(x, n.hub, [n.shop], sold, there + days(1))
    x.send([back], n.hub, n.maker, at(50), disposition="returned")
    home = at(51)
    x.take([back], n.hub, n.maker, home, disposition="returned")
    got = x.move([back], n.maker, n.second, home + days(5))
    stock(x, n.second, n.other, back, packs, got + days(1))


@honest()
def returned_for_destruction(x: Exchange) -> None:
    n, _, cases = handed_out(x)
    reverse = x.place("reverse distributor", "Hamburg")
    plant = x.place("destruction", "Hamburg")
    for k, (packs, shop) in enumerate(zip(cases.values(), n.dispensers, strict=True)):
        when = at(90 + k)
        x.move(packs[6:], shop, reverse, when, disposition="returned")
        x.move(packs[6:], reverse, plant, when + days(3), disposition="in_transit")
        x.destroy(packs[6:], plant, when + days(9))
    # The reverse distributor keeps its own record of the destruction.
    x.destroy(inside(cases, 0)[6:], reverse, at(99.5))


@honest()
def patients_bring_packs_back_for_destruction(x: Exchange) -> None:
    n, _, cases = handed_out(x)
    reverse = x.place("reverse distributor", "Hamburg")
    packs = inside(cases, 0)[:2]
    x.event(at(60), n.shop, "receiving", epcs=packs, disposition="returned")
    x.move(packs, n.shop, reverse, at(61), disposition="returned")
    x.destroy(packs, reverse, at(65))


def undone(x: Exchange, step: str | None, disposition: str) -> None:
    n, _, cases = handed_out(x)
    for packs, shop in zip(cases.values(), n.dispensers, strict=True):
        x.sell(packs[6:8], shop, at(40))
        x.event(at(42), shop, step, epcs=packs[6:8], disposition=disposition)
        x.sell(packs[6:8], shop, at(50))


@honest()
def sale_undone_by_a_disposition(x: Exchange) -> None:
    undone(x, None, "active")


@honest()
def sale_undone_by_putting_it_on_the_shelf(x: Exchange) -> None:
    undone(x, "stocking", "sellable_accessible")


@honest()
def sale_undone_by_storing(x: Exchange) -> None:
    undone(x, "storing", "sellable_not_accessible")


@honest()
def sale_undone_by_inspection(x: Exchange) -> None:
    undone(x, "inspecting", "active")


@honest()
def undone_sale_then_returned_to_the_wholesaler(x: Exchange) -> None:
    n, _, cases = handed_out(x)
    packs = inside(cases, 0)[6:8]
    x.sell(packs, n.shop, at(37))
    x.event(at(38), n.shop, "stocking", epcs=packs, disposition="sellable_accessible")
    x.move(packs, n.shop, n.hub, at(40), disposition="returned")
    got = x.move(packs, n.hub, n.other, at(43))
    x.sell(packs, n.other, got + days(1))


@honest()
def loan_between_neighbours(x: Exchange) -> None:
    n, _, cases = handed_out(x)
    near = x.place("pharmacy", "Offenbach")
    packs = inside(cases, 0)
    x.move(packs[6:7], n.shop, near, at(40), hours=1)
    x.sell(packs[6:7], near, at(40.1))
    x.sell(packs[7:8], near, at(41))  # lent without a word


@honest()
def pack_sold_by_the_neighbour_after_a_slip(x: Exchange) -> None:
    n, _, cases = handed_out(x)
    near = x.place("pharmacy", "Offenbach", partner=n.shop.partner)
    packs = inside(cases, 0)
    x.sell(packs[6:7], n.shop, at(40))
    x.sell(packs[6:7], near, at(40.2))


@honest()
def blisters_given_out_one_by_one(x: Exchange) -> None:
    n, _, cases = handed_out(x)
    pack = inside(cases, 2)[7]
    for k in range(4):
        x.event(
            at(40 + 7 * k), n.hospital, "dispensing", epcs=[pack], action="OBSERVE",
            disposition="partially_dispensed",
        )  # fmt: skip
    x.sell([pack], n.hospital, at(70))


@honest()
def machine_ends_packs_when_they_are_put_in(x: Exchange) -> None:
    n, _, cases = packed(x)
    robot = x.place("pharmacy", "Munich")
    there = x.move(list(cases), n.maker, n.hub, at(31))
    for k, (case, packs) in enumerate(cases.items()):
        got = x.move([case], n.hub, robot, there + days(1 + k))
        x.unpack(case, packs, robot, got + minutes(30))
        x.retire(packs, robot, got + hours(1))
        for j, pack in enumerate(packs[:6]):
            x.event(got + days(1 + j), robot, "dispensing", epcs=[pack], disposition="dispensed")


@honest()
def hospital_ends_packs_at_goods_in(x: Exchange) -> None:
    n, _, cases, there = at_the_hub(x)
    ward = x.place("hospital", "Munich", partner=n.hospital.partner)
    for k, (case, packs) in enumerate(cases.items()):
        got = x.move([case], n.hub, n.hospital, there + days(1 + k))
        x.sell(packs, n.hospital, got + minutes(30))
        x.send(packs, n.hospital, ward, got + hours(5), disposition=None)
        x.take(packs, n.hospital, ward, got + hours(6), disposition=None)


@honest()
def hospital_hub_serves_its_wards(x: Exchange) -> None:
    n = network(x)
    wards = [x.place("hospital", "Munich", partner=n.hospital.partner) for _ in range(3)]
    lot = x.lot(n.gtin, 120)
    cases = x.cases(lot, n.maker, at(30), 60)
    there = x.move(list(cases), n.maker, n.hub, at(31))
    x.move(list(cases), n.hub, n.hospital, there + days(1))
    for case, packs in cases.items():
        x.unpack(case, packs, n.hospital, there + days(2))
    for k, ward in enumerate(wards):
        some = lot.packs[k * 40 : k * 40 + 40]
        got = x.move(some, n.hospital, ward, there + days(3 + k), hours=0.2)
        x.sell(some[:10], ward, got + days(1))


@honest()
def wrong_delivery_goes_straight_on(x: Exchange) -> None:
    n, _, cases, there = at_the_hub(x)
    (case, packs), *rest = cases.items()
    x.send([case], n.hub, n.shop, there + days(1))
    x.take([case], n.hub, n.other, there + days(2))  # meant for the pharmacy in Frankfurt
    x.move([case], n.other, n.hub, there + days(3))
    stock(x, n.hub, n.shop, case, packs, there + days(5))
    hand_out(x, n.hub, [n.hospital], rest, there + days(1))


@honest()
def one_case_more_than_announced(x: Exchange) -> None:
    n, _, cases, there = at_the_hub(x)
    first, second, third = cases
    x.send([first], n.hub, n.shop, there + days(1))
    x.take([first, second], n.hub, n.shop, there + days(1.8))
    x.sell(cases[first][:5] + cases[second][:5], n.shop, there + days(3))
    stock(x, n.hub, n.other, third, cases[third], there + days(1))
