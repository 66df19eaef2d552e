"""Honest exchanges: who owns, packs and carries is not always who reports."""

from tests.flows.exchanges import Exchange, Place, at, flow, network, stock
from tests.flows.situations.telling import days, hand_out, handed_out, honest, hours, inside, packed


@honest()
def drop_shipment(x: Exchange) -> None:
    n, _, cases = packed(x)

    def parties(owner: Place, holder: Place, word: str) -> list[dict[str, str]]:
        return [
            {"type": "owning_party", word: owner.id},
            {"type": "possessing_party", word: holder.id},
            {"type": "location", word: holder.id},
        ]

    for k, (case, packs) in enumerate(cases.items()):
        shop = n.dispensers[k]
        lists = {
            "sourceList": parties(n.hub, n.maker, "source"),
            "destinationList": parties(shop, shop, "destination"),
        }
        got = x.move([case], n.maker, shop, at(31 + k), **lists)
        x.unpack(case, packs, shop, got + hours(1))
        x.sell(packs[:5], shop, got + days(1))


@honest()
def packed_by_a_contractor(x: Exchange) -> None:
    n = network(x)
    packer = x.place("contract packer", "Lyon")
    for k in range(2):
        lot = x.lot(n.gtin, 30)
        cases = x.cases(lot, packer, at(30 + k))
        x.move(list(cases), packer, n.maker, at(31 + k))
        flow(x, n, cases, at(34 + k))


@honest()
def packed_by_a_contractor_who_sends_to_the_wholesaler(x: Exchange) -> None:
    n = network(x)
    packer = x.place("contract packer", "Lyon")
    lot = x.lot(n.gtin, 30)
    cases = x.cases(lot, packer, at(30))
    there = x.move(list(cases), packer, n.hub, at(31))
    hand_out(x, n.hub, n.dispensers, cases, there + days(1))


@honest()
def goods_of_many_owners_at_one_warehouse(x: Exchange) -> None:
    n = network(x)
    store = x.place("third-party logistics", "Frankfurt")
    makers = [n.maker, x.place("maker", "Zurich"), x.place("maker", "Vienna")]
    for maker in makers:
        lot = x.lot(x.gtin(), 30)
        cases = x.cases(lot, maker, at(30))
        owned = [{"type": "owning_party", "source": maker.id}]
        kept = [
            {"type": "owning_party", "destination": maker.id},
            {"type": "location", "destination": store.id},
        ]
        x.move(list(cases), maker, store, at(31), sourceList=owned, destinationList=kept)
        for k, (case, packs) in enumerate(cases.items()):
            hub = (n.hub, n.second)[k % 2]
            got = x.move([case], store, hub, at(35 + k), sourceList=owned)
            stock(x, hub, n.dispensers[k], case, packs, got + days(1))


@honest()
def lot_over_many_wholesalers(x: Exchange) -> None:
    n = network(x)
    hubs = [x.place("wholesaler", city) for city in ("Hamburg", "Vienna", "Lyon", "Zurich")]
    shops = [x.place("pharmacy", hub.city) for hub in hubs]
    lot = x.lot(n.gtin, 80)
    cases = list(x.cases(lot, n.maker, at(30)).items())
    for k, (case, packs) in enumerate(cases):
        hub, shop = hubs[k % 4], shops[k % 4]
        there = x.move([case], n.maker, hub, at(31 + k % 4))
        if k == 5:  # short of it, one wholesaler helps another out
            there, hub, shop = x.move([case], hub, hubs[0], there + days(1)), hubs[0], shops[0]
        stock(x, hub, shop, case, packs, there + days(1))


@honest()
def parallel_trade_with_new_serials(x: Exchange) -> None:
    n = network(x)
    trader = x.place("parallel trader", "Hamburg")
    spanish = x.gtin(markets="ES")
    new = x.gtin(markets="DE")
    seller = x.place("wholesaler", "Madrid")
    shop = x.place("pharmacy", "Hamburg")
    lot = x.lot(spanish, 30)
    cases = x.cases(lot, n.maker, at(30))
    x.move(list(cases), n.maker, seller, at(31), hours=30)
    got = x.move(list(cases), seller, trader, at(34), hours=40)
    for case, packs in cases.items():
        x.unpack(case, packs, trader, got + hours(2))
    boxed = x.lot(new, 30, number=lot.number)
    x.event(
        got + days(1), trader, "repackaging", kind="TransformationEvent", action=None,
        inputEPCList=list(lot.packs), outputEPCList=list(boxed.packs),
        ilmd={"cbvmda:lotNumber": boxed.number, "cbvmda:itemExpirationDate": boxed.expiry},
        disposition="active",
    )  # fmt: skip
    got = x.move(boxed.packs, trader, n.hub, got + days(3))
    got = x.move(boxed.packs[:20], n.hub, shop, got + days(1))
    x.sell(boxed.packs[:12], shop, got + days(1))


@honest()
def parallel_trade_by_ending_and_making_anew(x: Exchange) -> None:
    n = network(x)
    trader = x.place("parallel trader", "Hamburg")
    spanish, new = x.gtin(markets="ES"), x.gtin(markets="DE")
    seller = x.place("wholesaler", "Madrid")
    shop = x.place("pharmacy", "Hamburg")
    lot = x.lot(spanish, 30)
    cases = x.cases(lot, n.maker, at(30))
    x.move(list(cases), n.maker, seller, at(31), hours=30)
    got = x.move(list(cases), seller, trader, at(34), hours=40)
    x.retire(lot.packs, trader, got + days(1))
    boxed = x.lot(new, 30, listed=False)
    x.commission(boxed, trader, got + days(1.1))
    got = x.move(boxed.packs, trader, n.hub, got + days(3))
    got = x.move(boxed.packs[:20], n.hub, shop, got + days(1))
    x.sell(boxed.packs[:12], shop, got + days(1))


@honest()
def parallel_trade_with_a_sticker(x: Exchange) -> None:
    n = network(x)
    trader = x.place("parallel trader", "Hamburg")
    seller = x.place("wholesaler", "Athens")
    shop = x.place("pharmacy", "Hamburg")
    lot = x.lot(x.gtin(markets="GR"), 30)
    cases = x.cases(lot, n.maker, at(30))
    there = x.move(list(cases), n.maker, seller, at(31), hours=60)
    got = x.move(list(cases), seller, trader, there + days(2), hours=80)
    got = x.move(list(cases), trader, n.hub, got + days(5))
    hand_out(x, n.hub, [shop], cases, got + days(1))


@honest()
def export_out_of_the_union(x: Exchange) -> None:
    n = network(x)
    abroad = x.place("wholesaler", "Cairo", licensed=False)
    lot = x.lot(x.gtin(markets="DE;EG"), 30)
    cases = x.cases(lot, n.maker, at(30))
    there = x.move(list(cases), n.maker, n.hub, at(31))
    # Before the border the packs are taken out of the union's repositories (2016/161 Art 22).
    x.retire(lot.packs, n.hub, there + days(2))
    for case, packs in cases.items():
        x.unpack(case, packs, n.hub, there + days(2))
    x.move(lot.packs, n.hub, abroad, there + days(3), hours=90)


@honest()
def exporter_ends_and_sends_closed_cases(x: Exchange) -> None:
    n = network(x)
    abroad = x.place("wholesaler", "Cairo", licensed=False)
    lot = x.lot(x.gtin(markets="DE;EG"), 30)
    cases = x.cases(lot, n.maker, at(30))
    there = x.move(list(cases), n.maker, n.hub, at(31))
    x.retire(lot.packs, n.hub, there + days(2), disposition="inactive")
    x.move(list(cases), n.hub, abroad, there + days(3), hours=90)


@honest()
def free_samples(x: Exchange) -> None:
    n, _, cases = handed_out(x)
    doctor = x.place("clinic", "Frankfurt", licensed=False)
    extra = x.lot(n.gtin, 10)
    x.commission(extra, n.maker, at(32))
    x.retire(extra.packs, n.maker, at(33), disposition="inactive")
    x.move(extra.packs, n.maker, doctor, at(34))
    # An authority draws two packs at the wholesaler's.
    last = inside(cases, 0)[8:]
    x.retire(last, n.shop, at(45))


@honest()
def clinical_trial(x: Exchange) -> None:
    n = network(x)
    site = x.place("hospital", "Vienna")
    lot = x.lot(x.gtin(listed=False), 20, listed=False)
    cases = x.cases(lot, n.maker, at(30))
    got = x.move(list(cases), n.maker, site, at(31), hours=30)
    x.sell(lot.packs[:8], site, got + days(3))
    # What patients leave and what nobody took goes back to the sponsor.
    x.move(lot.packs[6:], site, n.maker, got + days(90), hours=40, disposition="returned")
    x.destroy(lot.packs[6:], n.maker, got + days(120))


@honest()
def new_sites_first_shipment(x: Exchange) -> None:
    n = network(x)
    hub = x.place("wholesaler", "Hamburg", valid_from="2026-05-01")
    shop = x.place("pharmacy", "Hamburg", valid_from="2026-05-01")
    lot = x.lot(n.gtin, 30)
    cases = x.cases(lot, n.maker, at(120))
    there = x.move(list(cases), n.maker, hub, at(121))
    hand_out(x, hub, [shop], cases, there + days(1))


@honest()
def site_moves_to_a_new_address(x: Exchange) -> None:
    n, _, cases = packed(x)
    old = x.place("wholesaler", "Hamburg", partner="Elbe", valid_to="2026-02-28")
    new = x.place("wholesaler", "Hamburg", partner="Elbe", valid_from="2026-03-01")
    there = x.move(list(cases), n.maker, old, at(31))
    first, *rest = cases.items()
    stock(x, old, n.shop, *first, there + days(1))
    for case, packs in rest:  # the stock moved by lorry overnight, unscanned
        stock(x, new, n.other, case, packs, at(60))
    lot = x.lot(n.gtin, 20)
    flow(x, n, x.cases(lot, n.maker, at(62)), at(63), hub=new)


@honest()
def companies_merge(x: Exchange) -> None:
    n = network(x)
    old = x.place("wholesaler", "Hamburg", partner="Alster", valid_to="2026-02-15")
    x.row("licences", x.tables["licences"][-1] | {
        "gln": x.place("wholesaler", "Hamburg", partner="Alster", licensed=False).gln,
        "licence_no": "MERGED", "valid_from": "2026-02-01", "valid_to": "2029-12-31",
    })  # fmt: skip
    lot = x.lot(n.gtin, 30)
    flow(x, n, x.cases(lot, n.maker, at(44)), at(45), hub=old)


@honest()
def licence_list_without_hospitals(x: Exchange) -> None:
    n, _, cases = packed(x)
    clinic = x.place("clinic", "Munich", licensed=False)
    flow(x, n, cases, at(31), shops=(n.hospital, clinic, n.shop))


@honest()
def weeks_at_customs(x: Exchange) -> None:
    n, _, cases = packed(x)
    border = x.place("customs", "Basel", licensed=False)
    x.send(list(cases), n.maker, n.hub, at(31))
    x.event(at(31.5), border, "arriving", epcs=list(cases), disposition="in_transit")
    x.event(at(70), border, "departing", epcs=list(cases), disposition="in_transit")
    x.take(list(cases), n.maker, n.hub, at(71))
    hand_out(x, n.hub, [n.shop], cases, at(72))
