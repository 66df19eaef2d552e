"""Honest exchanges: cases and pallets, opened, relabelled and used again."""

from tests.flows.exchanges import Cases, Exchange, at, network, stock, zulu
from tests.flows.situations.telling import (
    at_the_hub,
    days,
    hand_out,
    honest,
    hours,
    minutes,
    packed,
)


@honest()
def only_the_case_is_ever_scanned(x: Exchange) -> None:
    n, _, cases = packed(x)
    pallet = x.sscc()
    x.pack(pallet, list(cases), n.maker, at(30, 10))
    there = x.move([pallet], n.maker, n.hub, at(31))
    # The wholesaler breaks the pallet without a scan and sends the cases on.
    for k, (case, packs) in enumerate(cases.items()):
        got = x.move([case], n.hub, n.dispensers[k], there + days(1))
        x.sell(packs[:5], n.dispensers[k], got + days(1))


@honest()
def part_of_a_case(x: Exchange) -> None:
    n, _, cases, there = at_the_hub(x)
    for case, packs in cases.items():
        tote = x.sscc()
        x.unpack(case, packs[:4], n.hub, there + hours(3))
        x.pack(tote, packs[:4], n.hub, there + hours(4))
        got = x.move([tote], n.hub, n.shop, there + days(1))
        x.unpack(tote, packs[:4], n.shop, got + hours(1))
        x.sell(packs[:3], n.shop, got + days(1))
        stock(x, n.hub, n.other, case, packs[4:], there + days(2))


@honest()
def part_of_a_case_taken_without_a_scan(x: Exchange) -> None:
    n, _, cases, there = at_the_hub(x)
    for case, packs in cases.items():
        got = x.move(packs[:4], n.hub, n.shop, there + days(1))
        x.sell(packs[:3], n.shop, got + days(1))
        got = x.move([case], n.hub, n.other, there + days(2))
        x.unpack(case, packs[4:], n.other, got + hours(1))
        x.sell(packs[4:8], n.other, got + days(1))


@honest()
def one_pack_picked_from_a_closed_case(x: Exchange) -> None:
    n, _, cases, there = at_the_hub(x)
    (case, packs), *rest = cases.items()
    got = x.move(packs[:1], n.hub, n.shop, there + days(1))
    x.sell(packs[:1], n.shop, got + days(1))
    for inner, content in [(case, packs), *rest]:
        stock(x, n.hub, n.other, inner, content[1:], there + days(2))


@honest()
def repacked_by_the_wholesaler(x: Exchange) -> None:
    n, _, cases = packed(x)
    second = x.lot(n.gtin, 20)
    cases |= x.cases(second, n.maker, at(30, 12))
    there = x.move(list(cases), n.maker, n.hub, at(31))
    loose = []
    for case, packs in cases.items():
        x.unpack(case, packs, n.hub, there + hours(2))
        loose += packs
    for k in range(5):
        tote, some = x.sscc(), loose[k::5]
        x.pack(tote, some, n.hub, there + hours(5))
        stock(x, n.hub, n.dispensers[k % 3], tote, some, there + days(1))


@honest()
def case_gets_a_new_label(x: Exchange) -> None:
    n, _, cases, there = at_the_hub(x)
    for k, (case, packs) in enumerate(cases.items()):
        label = x.sscc()
        if k:  # once without taking the packs off the old label
            x.unpack(case, packs, n.hub, there + hours(2))
        x.pack(label, packs, n.hub, there + hours(3))
        x.retire([case], n.hub, there + hours(4))
        stock(x, n.hub, n.dispensers[k], label, packs, there + days(1))


@honest()
def tote_used_again(x: Exchange) -> None:
    n, _, cases, there = at_the_hub(x)
    tote = x.sscc()
    for k, (case, packs) in enumerate(cases.items()):
        x.unpack(case, packs, n.hub, there + days(3 * k) + hours(1))
        x.pack(tote, packs, n.hub, there + days(3 * k) + hours(2))
        got = x.move([tote], n.hub, n.dispensers[k], there + days(3 * k) + hours(3))
        # Emptied without a scan; the tote itself goes home.
        x.sell(packs[:5], n.dispensers[k], got + hours(5))
        x.send([tote], n.dispensers[k], n.hub, got + hours(8), disposition=None)


@honest()
def pallet_sent_on_within_the_minute(x: Exchange) -> None:
    n, _, cases, there = at_the_hub(x)
    x.send(list(cases), n.hub, n.second, there + minutes(0))
    got = there + hours(6)
    x.take(list(cases), n.hub, n.second, got)
    hand_out(x, n.second, [n.other], cases, got + minutes(1))


@honest()
def packing_never_told_and_cases_opened_by_the_wholesaler(x: Exchange) -> None:
    n = network(x, lots=5)
    lot = x.lot(n.gtin, 30)
    x.commission(lot, n.maker, at(40))
    cases: Cases = {x.sscc(): list(lot.packs[k : k + 10]) for k in (0, 10, 20)}
    there = x.move(list(cases), n.maker, n.hub, at(41))
    for k, (case, packs) in enumerate(cases.items()):
        x.unpack(case, packs, n.hub, there + hours(2))
        tote = x.sscc()
        x.pack(tote, packs, n.hub, there + hours(3))
        stock(x, n.hub, n.dispensers[k], tote, packs, there + days(1))


@honest()
def every_advice_bears_the_number_nought(x: Exchange) -> None:
    n = network(x)
    paper = [{"type": "desadv", "bizTransaction": "urn:epcglobal:cbv:bt:9525678000014:0"}]
    for k in range(3):
        lot = x.lot(n.gtin, 30)
        cases = x.cases(lot, n.maker, at(30 + 9 * k))
        there = x.move(list(cases), n.maker, n.hub, at(31 + 9 * k), bizTransactionList=paper)
        for j, (case, packs) in enumerate(cases.items()):
            got = x.move([case], n.hub, n.dispensers[j], there + days(1), bizTransactionList=paper)
            x.unpack(case, packs, n.dispensers[j], got + hours(1))


@honest()
def one_of_two_shippings_under_an_advice_lost(x: Exchange) -> None:
    n, _, cases = packed(x, lots=5)
    second = x.lot(n.gtin, 20)
    more = x.cases(second, n.maker, at(30, 12))
    there = x.move([*cases, *more], n.maker, n.hub, at(31))
    paper = [{"type": "desadv", "bizTransaction": "urn:epcglobal:cbv:bt:9525678000014:D7"}]
    x.send(list(cases), n.hub, n.shop, there + days(1), bizTransactionList=paper)
    x.take([*cases, *more], n.hub, n.shop, there + days(2), bizTransactionList=paper)
    for case, packs in (cases | more).items():
        x.unpack(case, packs, n.shop, there + days(2.1))
        x.sell(packs[:4], n.shop, there + days(3))


@honest()
def order_line_split_over_two_lots(x: Exchange) -> None:
    n = network(x)
    for k in range(14):
        lots = [x.lot(n.gtin, 0, quantity=50) for _ in range(2 if k == 5 else 1)]
        for lot in lots:
            x.row("shipments", {
                "shipment_id": f"D{x.number:03d}{k}", "line": "10", "from_gln": n.hub.gln,
                "to_gln": n.shop.gln, "gtin": lot.gtin, "lot": lot.number, "quantity": "20",
                "shipped_at": zulu(at(30 + k)), "received_at": zulu(at(31 + k)),
                "unit_price": "80", "currency": "EUR", "mode": "road", "order_id": "",
            })  # fmt: skip
            x.row("shipments", {
                "shipment_id": f"M{x.number:03d}{k}{lot.number}", "line": "10",
                "from_gln": n.maker.gln, "to_gln": n.hub.gln, "gtin": lot.gtin,
                "lot": lot.number, "quantity": "50", "shipped_at": zulu(at(20 + k)),
                "received_at": zulu(at(21 + k)), "unit_price": "70", "currency": "EUR",
                "mode": "road", "order_id": "",
            })  # fmt: skip
