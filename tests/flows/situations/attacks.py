"""Attacks, each with one bad lot among honest trade."""

from tests.flows.exchanges import Exchange, Lot, at, flow, network, stock
from tests.flows.situations.telling import (
    at_the_hub,
    attack,
    days,
    hand_out,
    handed_out,
    hours,
    inside,
    packed,
    stolen_from,
    subject,
)


@attack("P01")
def clone_across_borders(x: Exchange) -> Lot:
    n, lot, cases = handed_out(x)
    abroad = x.place("pharmacy", "Madrid")
    packs = inside(cases, 0)[6:8]
    x.verify(packs[0], n.shop, at(40, 9), "ACTIVE", lot)
    x.verify(packs[0], abroad, at(40, 9.6), "ACTIVE", lot)
    return lot


@attack("P03")
def clone_sold_slowly(x: Exchange) -> Lot:
    _, lot, cases = handed_out(x)
    shops = [x.place("pharmacy", city) for city in ("Hamburg", "Vienna", "Lyon")]
    pack = inside(cases, 0)[0]
    for k, shop in enumerate(shops):
        x.sell([pack], shop, at(45 + 9 * k))
    return lot


@attack("P02")
def clone_checked_at_many_counters(x: Exchange) -> Lot:
    _, lot, cases = handed_out(x)
    shops = [x.place("pharmacy", city) for city in ("Hamburg", "Vienna", "Lyon", "Zurich")]
    pack = inside(cases, 0)[9]
    for k, shop in enumerate(shops):
        x.verify(pack, shop, at(40 + 4 * k), "ACTIVE", lot)
    return lot


@attack("P04")
def serial_never_made(x: Exchange) -> Lot:
    n, lot, _ = handed_out(x)
    false = [f"{lot.packs[0][:-6]}77{k:04d}" for k in range(2)]
    x.event(at(50), n.other, "receiving", epcs=false, source=n.second, to=n.other,
            ilmd={"cbvmda:lotNumber": lot.number})  # fmt: skip
    for pack in false:
        x.verify(pack, n.other, at(50.1), "A3", lot)
    return lot


@attack("P21")
def a_small_share_too_many(x: Exchange) -> Lot:
    n = network(x)
    lot = x.lot(n.gtin, 30, quantity=30)
    cases = x.cases(lot, n.maker, at(30))
    flow(x, n, cases, at(31), sold=1)
    false = [f"{lot.packs[0][:-6]}88{k:04d}" for k in range(3)]
    got = x.move(false, n.second, n.other, at(50), ilmd={"cbvmda:lotNumber": lot.number})
    x.sell(false, n.other, got + days(1), ilmd={"cbvmda:lotNumber": lot.number})
    return lot


@attack("P21")
def more_sold_than_was_made(x: Exchange) -> Lot:
    n = network(x)
    lot = x.lot(n.gtin, 0, quantity=1000)
    whole = [(lot.of_class, 1000.0)]
    x.event(at(30), n.maker, "commissioning", action="ADD", classes=whole, disposition="active")
    x.move((), n.maker, n.hub, at(31), classes=whole)
    x.move((), n.hub, n.shop, at(34), classes=[(lot.of_class, 700.0)])
    x.move((), n.hub, n.other, at(36), classes=[(lot.of_class, 340.0)])
    return lot


@attack("P08")
def old_goods_with_a_new_date(x: Exchange) -> Lot:
    n = network(x)
    lot = x.lot(n.gtin, 30, expiry="2026-03-31")
    cases = x.cases(lot, n.maker, at(30))
    flow(x, n, cases, at(31))
    for pack in inside(cases, 1)[6:9]:
        x.verify(pack, n.other, at(120), "A52", lot, expiry="280331")
    return lot


@attack("P26")
def laundered_through_an_unlicensed_wholesaler(x: Exchange) -> Lot:
    n, lot, cases, there = at_the_hub(x)
    shell = x.place("wholesaler", "Hamburg", licensed=False)
    got = x.move(list(cases), n.hub, shell, there + days(2))
    hand_out(x, shell, [n.other], cases, got + days(2))
    return lot


@attack("P26")
def licence_ran_out_long_ago(x: Exchange) -> Lot:
    n, lot, cases, there = at_the_hub(x)
    shell = x.place("wholesaler", "Hamburg", valid_to="2025-03-31")
    got = x.move(list(cases), n.hub, shell, there + days(2))
    hand_out(x, shell, [n.other], cases, got + days(2))
    return lot


@attack("P16")
def stolen_pallet_comes_back(x: Exchange) -> Lot:
    n, lot, cases, there = at_the_hub(x)
    stolen, *rest = cases.items()
    stolen_from(x, n.hub, "2026-02-10T08:00:00Z", lot, stolen[0])
    hand_out(x, n.hub, [n.shop], rest, there + days(1))
    x.take(stolen[1], None, n.second, at(60))
    got = x.move(stolen[1], n.second, n.other, at(62))
    x.sell(stolen[1][:4], n.other, got + days(1))
    return lot


@attack("P12")
def dispensed_packs_come_back(x: Exchange) -> Lot:
    n, lot, cases = handed_out(x)
    sold = inside(cases, 0)[:4]
    x.take(sold, None, n.second, at(60))
    got = x.move(sold, n.second, n.other, at(62))
    x.sell(sold, n.other, got + days(1))
    return lot


@attack("P12")
def dispensed_packs_go_back_as_a_late_return(x: Exchange) -> Lot:
    n, lot, cases = handed_out(x)
    sold = inside(cases, 0)[:4]
    x.move(sold, n.shop, n.hub, at(80), disposition="returned")
    got = x.move(sold, n.hub, n.other, at(84))
    x.sell(sold, n.other, got + days(1))
    return lot


@attack("P30")
def goods_go_round(x: Exchange) -> Lot:
    n, lot, cases, there = at_the_hub(x)
    third = x.place("wholesaler", "Vienna")
    there = x.move(list(cases), n.hub, n.second, there + days(5))
    there = x.move(list(cases), n.second, third, there + days(20))
    there = x.move(list(cases), third, n.hub, there + days(20))
    hand_out(x, n.hub, [n.shop], cases, there + days(1))
    return lot


@attack("P34")
def sold_in_the_wrong_market(x: Exchange) -> Lot:
    n, lot, cases, there = at_the_hub(x)
    seller = x.place("wholesaler", "Athens")
    shop = x.place("pharmacy", "Athens")
    *home, (away, packs) = cases.items()
    hand_out(x, n.hub, [n.shop], home, there + days(1))
    got = x.move([away], n.hub, seller, there + days(2), hours=60)
    stock(x, seller, shop, away, packs, got + days(2))
    return lot


@attack("P11")
def destroyed_goods_reappear(x: Exchange) -> Lot:
    n, lot, cases = handed_out(x)
    plant = x.place("destruction", "Hamburg")
    old = inside(cases, 1)[5:]
    x.move(old, n.other, plant, at(50), disposition="returned")
    x.destroy(old, plant, at(55))
    x.take(old, None, n.second, at(80))
    got = x.move(old, n.second, n.shop, at(82))
    x.sell(old[:3], n.shop, got + days(1))
    return lot


@attack("P27")
def shell_company_without_a_source(x: Exchange) -> Lot:
    n, lot, cases = packed(x)
    shell = x.place("wholesaler", "Hamburg")
    x.move(list(cases)[:2], n.maker, n.hub, at(31))
    for case, packs in list(cases.items())[:2]:
        stock(x, n.hub, n.shop, case, packs, at(33))
    strange = inside(cases, 2)
    got = x.move(strange, shell, n.other, at(50))
    x.sell(strange[:4], n.other, got + days(1))
    return lot


@attack("P04")
def guessed_serials(x: Exchange) -> Lot:
    _, lot, _ = handed_out(x)
    seller = x.place("pharmacy", "Hamburg")
    for k in range(25):
        x.verify(f"{lot.packs[0][:-9]}{500 + k:09d}", seller, at(45, 8 + k / 20), "A3", lot)
    return lot


@attack("P04", "P23")
def case_emptied_and_filled_anew(x: Exchange) -> Lot:
    n, lot, cases, there = at_the_hub(x)
    (case, packs), *rest = cases.items()
    hand_out(x, n.hub, [n.shop], rest, there + days(1))
    # The case is sold on as if whole; what was in it is sold elsewhere.
    got = x.move([case], n.hub, n.second, there + days(2))
    x.sell(packs[:2], n.shop, got + days(4))
    got = x.move([case], n.second, n.hospital, got + days(8))
    false = [f"{pack[:-4]}F{k:03d}" for k, pack in enumerate(packs)]
    x.event(got + hours(1), n.hospital, "receiving", epcs=false, source=n.second, to=n.hospital,
            ilmd={"cbvmda:lotNumber": lot.number})  # fmt: skip
    x.sell(false[:5], n.hospital, got + days(1))
    return lot


@attack("P04")
def lot_never_made(x: Exchange) -> Lot:
    n = network(x)
    lot = x.lot(n.gtin, 10, number="ZZ9999", listed=False)
    ilmd = {"cbvmda:lotNumber": lot.number, "cbvmda:itemExpirationDate": lot.expiry}
    got = x.move(lot.packs, n.second, n.other, at(50), ilmd=ilmd)
    x.sell(lot.packs[:6], n.other, got + days(1))
    for pack in lot.packs[:4]:
        x.verify(pack, n.other, got + hours(2), "A2", lot)
    return lot


@attack("P12")
def dispensed_packs_called_sellable_by_the_buyer(x: Exchange) -> Lot:
    n, lot, cases = handed_out(x)
    sold = inside(cases, 0)[:4]
    x.event(at(60), n.second, "stocking", epcs=sold, disposition="sellable_accessible")
    got = x.move(sold, n.second, n.other, at(62))
    x.sell(sold, n.other, got + days(1))
    return lot


@attack("P11")
def exported_packs_come_home(x: Exchange) -> Lot:
    n = network(x)
    abroad = x.place("wholesaler", "Cairo", licensed=False)
    lot = x.lot(n.gtin, 30, markets="DE;EG")
    cases = x.cases(lot, n.maker, at(30))
    x.move(list(cases), n.maker, n.hub, at(31))
    x.retire(lot.packs, n.hub, at(33))
    x.move(lot.packs, n.hub, abroad, at(34), hours=90)
    got = x.move(lot.packs[:10], abroad, n.second, at(60), hours=120)
    x.move(lot.packs[:10], n.second, n.other, got + days(2))
    return lot


@attack("P03")
def samples_are_sold(x: Exchange) -> Lot:
    n = network(x)
    lot = x.lot(n.gtin, 10)
    x.commission(lot, n.maker, at(30))
    x.retire(lot.packs, n.maker, at(31))
    x.move(lot.packs, n.maker, n.shop, at(32))
    x.sell(lot.packs[:5], n.shop, at(35))
    return lot


@attack("P11")
def plant_sells_what_it_destroyed(x: Exchange) -> Lot:
    n, lot, cases = handed_out(x)
    plant = x.place("destruction", "Hamburg")
    old = inside(cases, 1)[5:]
    x.move(old, n.other, plant, at(50), disposition="returned")
    x.destroy(old, plant, at(55))
    got = x.move(old, plant, n.second, at(58))
    got = x.move(old, n.second, n.shop, got + days(2))
    x.sell(old[:3], n.shop, got + days(1))
    return lot


@attack("P08")
def later_expiry_stated_by_a_trader(x: Exchange) -> Lot:
    n = network(x)
    lot = x.lot(n.gtin, 30, expiry="2026-03-31")
    cases = x.cases(lot, n.maker, at(30))
    there = x.move(list(cases), n.maker, n.hub, at(31))
    false = {"cbvmda:lotNumber": lot.number, "cbvmda:itemExpirationDate": "2028-03-31"}
    packs = inside(cases, 0)
    got = x.move(packs, n.hub, n.second, there + days(60), ilmd=false)
    got = x.move(packs, n.second, n.other, got + days(1), ilmd=false)
    x.sell(packs[:5], n.other, got + days(1))
    return lot


@attack("P21")
def a_few_too_many_in_a_thousand(x: Exchange) -> Lot:
    n = network(x)
    lot = x.lot(n.gtin, 0, quantity=1000)
    whole = [(lot.of_class, 1000.0)]
    x.event(at(30), n.maker, "commissioning", action="ADD", classes=whole, disposition="active")
    x.move((), n.maker, n.hub, at(31), classes=whole)
    for k, (shop, number) in enumerate(zip(n.dispensers, (500.0, 400.0, 106.0), strict=True)):
        x.move((), n.hub, shop, at(34 + k), classes=[(lot.of_class, number)])
    return lot


@attack("P16")
def whole_lot_stolen_and_sold(x: Exchange) -> Lot:
    n, lot, cases = packed(x)
    x.move(list(cases), n.maker, n.hub, at(31))
    stolen_from(x, n.hub, "2026-02-10T08:00:00Z", lot)
    got = x.move(lot.packs, n.second, n.other, at(70))
    x.sell(lot.packs[:5], n.other, got + days(1))
    return lot


@attack("P34")
def parallel_trader_without_a_licence(x: Exchange) -> Lot:
    n = network(x)
    x.place("parallel trader", "Hamburg")
    x.place("parallel trader", "Munich")
    trader = x.place("parallel trader", "Hamburg", licensed=False)
    seller = x.place("wholesaler", "Athens")
    shop = x.place("pharmacy", "Hamburg")
    lot = x.lot(x.gtin(markets="GR"), 30)
    cases = x.cases(lot, n.maker, at(30))
    there = x.move(list(cases), n.maker, seller, at(31), hours=60)
    got = x.move(list(cases), seller, trader, there + days(2), hours=80)
    hand_out(x, trader, [shop], cases, got + days(1))
    return lot


@attack("P18")
def a_case_vanishes_on_its_way(x: Exchange) -> Lot:
    n, lot, cases, there = at_the_hub(x, lots=5)
    (lost, _), *rest = cases.items()
    x.send([lost], n.hub, n.shop, there + days(1))
    hand_out(x, n.hub, [n.other], rest, there + days(1))
    later = x.lot(n.gtin, 20)  # the pharmacy goes on reporting
    flow(x, n, x.cases(later, n.maker, at(70)), at(71), shops=(n.shop,))
    return lot


@attack("P19")
def trader_sells_what_the_wholesaler_still_holds(x: Exchange) -> Lot:
    n = network(x, lots=5)
    for k in range(4):  # so that the second wholesaler's habits are known
        more = x.lot(n.gtin, 20)
        flow(x, n, x.cases(more, n.maker, at(20 + k)), at(21 + k), hub=n.second)
    lot, cases = subject(x, n)
    there = x.move(list(cases), n.maker, n.hub, at(31))
    (held, packs), *rest = cases.items()
    x.unpack(held, packs, n.hub, there + hours(2))
    x.event(there + hours(3), n.hub, "receiving", epcs=packs, disposition="in_progress",
            source=n.maker, to=n.hub)  # fmt: skip
    hand_out(x, n.hub, [n.shop], rest, there + days(1))
    x.move(packs[:6], n.second, n.other, there + days(9))
    return lot


@attack("P39")
def returned_to_a_wholesaler_who_never_sold_them(x: Exchange) -> Lot:
    n = network(x, lots=5)
    for k in range(2):
        more = x.lot(n.gtin, 20)
        flow(x, n, x.cases(more, n.maker, at(20 + k)), at(21 + k), hub=n.second)
    lot, cases = subject(x, n)
    flow(x, n, cases, at(31), shops=(n.shop,))
    packs = inside(cases, 0)[6:9]
    x.move(packs, n.shop, n.second, at(60), disposition="returned")
    got = x.move(packs, n.second, n.other, at(64))
    x.sell(packs, n.other, got + days(1))
    return lot


@attack("P40")
def papers_name_the_maker_who_sold_to_another(x: Exchange) -> Lot:
    n, lot, cases, there = at_the_hub(x, lots=5)
    dealer = x.place("wholesaler", "Hamburg")
    hand_out(x, n.hub, n.dispensers, cases, there + days(1))
    x.event(at(40), dealer, "receiving", classes=[(lot.of_class, 12.0)], source=n.maker,
            to=dealer, disposition="in_progress")  # fmt: skip
    x.move((), dealer, n.other, at(42), classes=[(lot.of_class, 12.0)])
    return lot
