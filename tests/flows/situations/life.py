"""Honest exchanges: what life adds."""

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
)


@honest()
def lot_that_its_maker_never_uploaded(x: Exchange) -> None:
    n = network(x)
    lot = x.lot(n.gtin, 20, listed=False)
    cases: Cases = {x.sscc(): list(lot.packs[k : k + 10]) for k in (0, 10)}
    there = at(32)
    x.take(lot.packs, n.maker, n.hub, there)
    for k, packs in enumerate(cases.values()):
        got = x.move(packs, n.hub, n.dispensers[k], there + days(1))
        for pack in packs[:5]:
            x.verify(pack, n.dispensers[k], got + hours(1), "A2", lot)
            x.sell([pack], n.dispensers[k], got + hours(2))


@honest()
def patients_check_packs_at_home(x: Exchange) -> None:
    n, lot, cases = handed_out(x)
    for k, pack in enumerate(inside(cases, 0)[:4]):
        x.verify(pack, n.shop, at(36 + k, 18), "A7", lot, site_gln="")


@honest()
def shipment_annulled(x: Exchange) -> None:
    n, _, cases, there = at_the_hub(x)
    for case, packs in cases.items():
        x.send([case], n.hub, n.shop, there + days(1))
        x.event(there + days(1.1), n.hub, "void_shipping", epcs=[case], disposition="in_progress")
        stock(x, n.hub, n.other, case, packs, there + days(2))


@honest()
def delivery_refused_at_the_door(x: Exchange) -> None:
    n, _, cases, there = at_the_hub(x)
    for case, packs in cases.items():
        x.send([case], n.hub, n.shop, there + days(1))
        x.event(
            there + days(1.5), n.shop, "arriving", epcs=[case], source=n.hub, to=n.shop
        )  # fmt: skip
        x.send([case], n.shop, n.hub, there + days(1.6), disposition="returned")
        x.take([case], n.shop, n.hub, there + days(2))
        stock(x, n.hub, n.other, case, packs, there + days(3))


@honest()
def goods_known_by_lot_only(x: Exchange) -> None:
    n = network(x)
    lot = x.lot(n.gtin, 0, quantity=1000)

    def some(number: float) -> dict[str, list[tuple[str, float]]]:
        return {"classes": [(lot.of_class, number)]}

    x.event(at(30), n.maker, "commissioning", action="ADD", disposition="active", **some(1000))
    x.move((), n.maker, n.hub, at(31), **some(600))
    x.move((), n.maker, n.second, at(31), **some(400))
    for k, shop in enumerate(n.dispensers):
        x.move((), n.hub, shop, at(34 + k), **some(150))
    x.move((), n.shop, n.hub, at(40), disposition="returned", **some(50))
    x.move((), n.hub, n.other, at(44), **some(150))
    x.event(at(60), n.hub, "destroying", action="DELETE", disposition="destroyed", **some(20))


@honest()
def packs_and_their_number_in_one_event(x: Exchange) -> None:
    n = network(x)
    lot = x.lot(n.gtin, 30)
    x.commission(lot, n.maker, at(30))
    for a, b, day, some in (
        (n.maker, n.hub, 31, lot.packs),
        (n.hub, n.shop, 33, lot.packs[:15]),
        (n.hub, n.other, 33, lot.packs[15:]),
    ):
        x.move(some, a, b, at(day), classes=[(lot.of_class, len(some))])
    x.sell(lot.packs[:8], n.shop, at(36))


@honest()
def more_packs_than_planned(x: Exchange) -> None:
    n = network(x)
    lot = x.lot(n.gtin, 44, quantity=40)
    cases = x.cases(lot, n.maker, at(30), 11)
    flow(x, n, cases, at(31), sold=1)


@honest()
def expiry_extended_by_the_authority(x: Exchange) -> None:
    n = network(x)
    lot = x.lot(n.gtin, 30, expiry="2026-06-30", listed_expiry="2026-12-31")
    cases = x.cases(lot, n.maker, at(30))
    flow(x, n, cases, at(31))
    for k, pack in enumerate(lot.packs[5:10]):
        x.verify(pack, n.shop, at(36 + k), "ACTIVE", lot)


@honest(note=frozenset({"P13"}))
def owner_repeats_the_packers_commissioning(x: Exchange) -> None:
    n = network(x)
    packer = x.place("contract packer", "Lyon")
    lot = x.lot(n.gtin, 30)
    cases = x.cases(lot, packer, at(30))
    x.commission(lot, n.maker, at(30.6))
    there = x.move(list(cases), packer, n.hub, at(32))
    hand_out(x, n.hub, n.dispensers, cases, there + days(1))


@honest()
def only_the_day_is_known(x: Exchange) -> None:
    n, _, cases = packed(x)
    plain = x.place("pharmacy", "Offenbach")
    there = x.move(list(cases), n.maker, n.hub, at(31, 4))
    midnight = there.replace(hour=0)
    for k, (case, packs) in enumerate(cases.items()):
        day = midnight + days(1 + k)
        x.send([case], n.hub, plain, day + hours(8))
        x.take([case], n.hub, plain, day, recorded=day + hours(20))
        x.unpack(case, packs, plain, day)
        for pack in packs[:5]:
            x.sell([pack], plain, day, recorded=day + hours(21))


@honest()
def shipping_dated_ahead(x: Exchange) -> None:
    n, _, cases, there = at_the_hub(x)
    for k, (case, packs) in enumerate(cases.items()):
        # Booked in the afternoon for the lorry of the next morning, which leaves early.
        x.send([case], n.hub, n.dispensers[k], there + days(1), lag=-16)
        got = there + days(1) - hours(2)
        x.take([case], n.hub, n.dispensers[k], got)
        x.sell(packs[:5], n.dispensers[k], got + days(1))


@honest(note=frozenset({"P29"}))
def long_chain_of_wholesalers(x: Exchange) -> None:
    n, _, cases = packed(x)
    chain = [x.place("wholesaler", city) for city in ("Zurich", "Vienna", "Hamburg")]
    when, here = at(31), n.maker
    for hub in (*chain, n.second):
        when, here = x.move(list(cases), here, hub, when + days(2)), hub
    hand_out(x, here, [n.other], cases, when + days(1))


@honest()
def branches_of_one_wholesaler(x: Exchange) -> None:
    n = network(x)
    centre = x.place("wholesaler", "Hamburg", partner="Kette")
    branch = x.place("wholesaler", "Munich", partner="Kette")
    for k in range(3):
        lot = x.lot(n.gtin, 20)
        cases = x.cases(lot, n.maker, at(30 + k))
        there = x.move(list(cases), n.maker, centre, at(31 + k))
        hand_out(x, branch, [n.other], cases, there + days(2))


@honest()
def by_air_within_hours(x: Exchange) -> None:
    n, _, cases = packed(x)
    spain = x.place("wholesaler", "Madrid")
    shop = x.place("pharmacy", "Madrid")
    x.move(list(cases), n.maker, spain, at(31), hours=2.8)
    hand_out(x, spain, [shop], cases, at(33))


@honest()
def ward_gives_a_pack_back_to_its_pharmacy(x: Exchange) -> None:
    n, _, cases = packed(x)
    ward = x.place("hospital", "Munich", partner=n.hospital.partner)
    flow(x, n, cases, at(31), shops=(n.hospital,), sold=0)
    packs = inside(cases, 0)
    x.move(packs[:6], n.hospital, ward, at(36), hours=0.3)
    x.sell(packs[:4], ward, at(37))
    x.move(packs[:2], ward, n.hospital, at(39), hours=0.3, disposition="returned")
    x.sell(packs[:2], n.hospital, at(45))


@honest()
def on_the_road_when_the_data_ends(x: Exchange) -> None:
    n = network(x)
    lot = x.lot(n.gtin, 30)
    cases = x.cases(lot, n.maker, at(195))
    there = x.move(list(cases), n.maker, n.hub, at(204))
    x.send(list(cases), n.hub, n.shop, there + days(1))


@honest()
def stockpile_sold_after_months(x: Exchange) -> None:
    n, _, cases, there = at_the_hub(x)
    hand_out(x, n.hub, [n.shop], cases, there + days(150))


@honest()
def wholesalers_help_each_other_both_ways(x: Exchange) -> None:
    n, _, cases = packed(x)
    (first, a), (second, b), (third, c) = cases.items()
    x.move([first, third], n.maker, n.hub, at(31))
    x.move([second], n.maker, n.second, at(31))
    x.move([first], n.hub, n.second, at(40))
    x.move([second], n.second, n.hub, at(60))
    stock(x, n.second, n.other, first, a, at(62))
    stock(x, n.hub, n.shop, second, b, at(63))
    stock(x, n.hub, n.shop, third, c, at(64))


@honest()
def case_closed_again_after_a_return(x: Exchange) -> None:
    n, _, cases, there = at_the_hub(x)
    (case, packs), *rest = cases.items()
    got = x.move([case], n.hub, n.shop, there + days(1))
    x.unpack(case, packs, n.shop, got + hours(1))
    x.pack(case, packs, n.shop, got + days(3))
    back = x.move([case], n.shop, n.hub, got + days(4), disposition="returned")
    stock(x, n.hub, n.other, case, packs, back + days(2))
    hand_out(x, n.hub, [n.hospital], rest, there + days(1))


@honest()
def maker_examines_complaints(x: Exchange) -> None:
    n, lot, cases = handed_out(x)
    sold = inside(cases, 0)[:2]
    x.move(sold, n.shop, n.maker, at(60), disposition="returned")
    x.verify(sold[0], n.maker, at(62), "A7", lot)
    x.event(at(63), n.maker, "inspecting", epcs=sold, disposition="damaged")
    x.destroy(sold, n.maker, at(90))
