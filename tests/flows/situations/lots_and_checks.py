"""Honest exchanges: lots, expiry dates, verifications."""

from tests.flows.exchanges import Cases, Exchange, at, flow, network
from tests.flows.situations.telling import days, hand_out, handed_out, honest, inside


@honest()
def expiry_as_a_month(x: Exchange) -> None:
    n = network(x)
    lot = x.lot(n.gtin, 30, listed_expiry="2027-12-01")
    cases = x.cases(lot, n.maker, at(30))
    flow(x, n, cases, at(31))
    for k, pack in enumerate(lot.packs[:6]):
        x.verify(pack, n.shop, at(40, 8 + k), "ACTIVE", lot, expiry=("271200", "271231")[k % 2])


@honest()
def lot_text_spelt_in_other_ways(x: Exchange) -> None:
    n = network(x)
    lot = x.lot(n.gtin, 30, number="00AB12")
    cases = x.cases(lot, n.maker, at(30))
    flow(x, n, cases, at(31))
    for k, text in enumerate(("ab12", "AB12", " 00AB12", "00ab12", "00AB-12")):
        x.verify(lot.packs[k], n.shop, at(33, 8 + k), "ACTIVE", lot, lot=text)


@honest()
def same_lot_number_at_two_products_and_makers(x: Exchange) -> None:
    n = network(x)
    other = x.place("maker", "Vienna")
    for maker, gtin in ((n.maker, n.gtin), (n.maker, x.gtin()), (other, x.gtin())):
        lot = x.lot(
            gtin, 20, number="1000", expiry="2027-06-30" if maker is other else "2028-01-31"
        )
        cases = x.cases(lot, maker, at(30))
        there = x.move(list(cases), maker, n.hub, at(31))
        hand_out(x, n.hub, [n.shop], cases, there + days(1))


@honest()
def no_answer_from_the_verification_service(x: Exchange) -> None:
    n, lot, _ = handed_out(x)
    far = x.place("pharmacy", "Madrid")
    for k in range(12):
        answer = ("NO_ANSWER", "404", "HTTP 503", "408")[k % 4]
        x.verify(lot.packs[k], (n.shop, n.other, far)[k % 3], at(34, 8 + k / 10), answer, lot)


@honest()
def asked_before_the_maker_had_uploaded(x: Exchange) -> None:
    n = network(x)
    lot = x.lot(n.gtin, 30)
    x.commission(lot, n.maker, at(30), recorded=at(38))
    cases: Cases = {x.sscc(): list(lot.packs[k : k + 10]) for k in (0, 10, 20)}
    for case, packs in cases.items():
        x.pack(case, packs, n.maker, at(30, 9))
    flow(x, n, cases, at(31))
    for k, packs in enumerate(cases.values()):
        for pack in packs[:4]:
            x.verify(pack, n.dispensers[k], at(34, 9 + k), "A3", lot)
        x.verify(packs[0], n.dispensers[k], at(39), "ACTIVE", lot)


@honest()
def maker_never_uploaded_part_of_the_lot(x: Exchange) -> None:
    n = network(x)
    lot = x.lot(n.gtin, 40)
    x.commission(lot, n.maker, at(30), lot.packs[:30])
    cases: Cases = {x.sscc(): list(lot.packs[k : k + 10]) for k in (0, 10, 20, 30)}
    flow(x, n, cases, at(31))
    for k, case in enumerate(list(cases)[3:]):
        for j, pack in enumerate(cases[case]):
            shop = n.dispensers[j % 3]
            x.verify(pack, shop, at(36, 9 + k + j), "A3", lot)


@honest()
def training_on_one_pack(x: Exchange) -> None:
    n, lot, cases = handed_out(x)
    for k in range(30):
        x.verify(inside(cases, 0)[8], n.shop, at(40 + k // 10, 8 + k % 10), "ACTIVE", lot)


@honest()
def packs_known_from_verifications_only(x: Exchange) -> None:
    n = network(x, lots=0)
    lot = x.lot(n.gtin, 40, listed=False)
    shops = [x.place("pharmacy", city) for city in ("Hamburg", "Madrid", "Lyon", "Vienna")]
    for k, pack in enumerate(lot.packs):
        x.verify(pack, shops[k % 4], at(30 + k), "ACTIVE", lot)


@honest()
def head_office_asks_about_packs_on_the_road(x: Exchange) -> None:
    n, lot, cases = handed_out(x)
    office = x.place("pharmacy", "Hamburg", partner=n.shop.partner)
    sold = inside(cases, 0)
    for k in range(4):
        x.verify(sold[k], office, at(34, 21 + k / 3), "A7", lot)


@honest()
def test_packs_of_the_packing_line(x: Exchange) -> None:
    n = network(x)
    lot = x.lot(n.gtin, 12, number="TEST001", listed=False)
    for k in range(3):
        x.commission(lot, n.maker, at(30, 8 + k))
        x.retire(lot.packs, n.maker, at(30, 8.5 + k))
    for pack in lot.packs[:4]:
        x.verify(pack, n.maker, at(31), "ACTIVE", lot)


@honest()
def typing_errors(x: Exchange) -> None:
    n, lot, _ = handed_out(x)
    serial = lot.packs[9].rsplit("/", 1)[1]
    for k, text in enumerate((serial.lower(), serial[:-1], serial.replace("0", "O", 1))):
        x.verify(lot.packs[9], n.shop, at(35, 9 + k), "A3", lot, serial=text, entry_mode="manual")
