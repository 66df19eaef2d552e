"""Honest exchanges: how things are recorded, and what recording leaves out."""

from datetime import timedelta

from tests.flows.exchanges import Exchange, at, flow, network, stock
from tests.flows.situations.telling import (
    at_the_hub,
    days,
    hand_out,
    handed_out,
    honest,
    hours,
    minutes,
    packed,
    subject,
)


@honest()
def usual_trade(x: Exchange) -> None:
    n = network(x, lots=4)
    x.verify(x.lots[0].packs[0], n.shop, at(8), "ACTIVE", x.lots[0])


@honest("B07")
def scanner_reads_twice(x: Exchange) -> None:
    n, _, cases, there = at_the_hub(x)
    x.take(list(cases), n.maker, n.hub, there + timedelta(seconds=2))
    for k, (case, packs) in enumerate(cases.items()):
        shop = n.dispensers[k]
        got = stock(x, n.hub, shop, case, packs, there + days(1), sold=0)
        x.sell(packs[:5], shop, got + days(1))
        x.sell(packs[:5], shop, got + days(1) + timedelta(seconds=4))


@honest()
def messages_sent_again_under_new_ids(x: Exchange) -> None:
    handed_out(x)
    for gln, event in list(x.events):
        again = event | {"eventID": event["eventID"].replace("4000-", "4001-")}
        again["recordTime"] = "2026-04-01T03:00:00Z"
        x.events.append((gln, again))


@honest()
def clock_of_the_receiver_minutes_slow(x: Exchange) -> None:
    n = network(x)
    near = x.place("pharmacy", "Frankfurt")
    x.shift[near.gln] = -minutes(40)
    _, cases = subject(x, n)
    there = x.move(list(cases), n.maker, n.hub, at(31))
    for k, (case, packs) in enumerate(cases.items()):
        got = x.move([case], n.hub, near, there + days(1 + k), hours=0.4)
        x.unpack(case, packs, near, got + minutes(10))
        x.sell(packs[:6], near, got + minutes(30))


@honest()
def local_time_written_as_universal_time(x: Exchange) -> None:
    n = network(x)
    far = x.place("pharmacy", "Munich")
    x.shift[far.gln] = -hours(7)
    _, cases = subject(x, n)
    there = x.move(list(cases), n.maker, n.hub, at(31))
    for k, (case, packs) in enumerate(cases.items()):
        got = x.move([case], n.hub, far, there + days(1 + k), hours=4.5)
        x.unpack(case, packs, far, got + minutes(10))
        x.sell(packs[:6], far, got + minutes(30))
    x.sell([next(iter(cases.values()))[7]], far, there + days(2))


@honest()
def wholesaler_writes_local_time_as_universal_time(x: Exchange) -> None:
    n = network(x)
    x.shift[n.second.gln] = hours(9)
    for k in range(3):
        lot = x.lot(n.gtin, 20)
        flow(x, n, x.cases(lot, n.maker, at(30 + 4 * k)), at(31 + 4 * k), hub=n.second)


@honest()
def clocks_put_forward_at_the_weekend(x: Exchange) -> None:
    n = network(x)
    near = x.place("pharmacy", "Offenbach")
    lot = x.lot(n.gtin, 30)
    cases = x.cases(lot, n.maker, at(78))  # summer time began on 29 March 2026, day 83
    there = x.move(list(cases), n.maker, n.hub, at(80))
    for k, (case, packs) in enumerate(cases.items()):
        x.shift[n.hub.gln] = hours(1 if k == 1 else 0)
        got = x.move([case], n.hub, near, there + days(1 + k), hours=0.5)
        x.unpack(case, packs, near, got + minutes(10))
        x.sell(packs[:6], near, got + minutes(30))


@honest()
def backlog_sent_weeks_later(x: Exchange) -> None:
    n = network(x)
    late = at(75)
    _, cases = subject(x, n)
    there = x.move(list(cases), n.maker, n.hub, at(31))
    for k, (case, packs) in enumerate(cases.items()):
        when = there + days(1 + k)
        x.send([case], n.hub, n.shop, when)
        x.take([case], n.hub, n.shop, when + hours(20), recorded=late)
        x.sell(packs[:6], n.shop, when + days(2), recorded=late)


@honest()
def shipping_never_reported(x: Exchange) -> None:
    n, _, cases, there = at_the_hub(x)
    (silent, packs), *rest = cases.items()
    x.take([silent], n.hub, n.shop, there + days(2))
    x.unpack(silent, packs, n.shop, there + days(2.1))
    x.sell(packs[:6], n.shop, there + days(3))
    hand_out(x, n.hub, [n.other], rest, there + days(1))


@honest()
def shipping_by_the_maker_never_reported(x: Exchange) -> None:
    n, _, cases = packed(x)
    x.take(list(cases), n.maker, n.hub, at(32))
    hand_out(x, n.hub, n.dispensers, cases, at(33))


@honest()
def receipt_never_reported(x: Exchange) -> None:
    n, _, cases, there = at_the_hub(x)
    (silent, packs), *rest = cases.items()
    x.send([silent], n.hub, n.shop, there + days(1))
    x.sell(packs, n.shop, there + days(3))
    hand_out(x, n.hub, [n.other], rest, there + days(1))


@honest()
def wholesaler_never_reports_receipts(x: Exchange) -> None:
    n = network(x)
    quiet = x.place("wholesaler", "Hamburg")
    for k in range(3):
        lot = x.lot(n.gtin, 20)
        cases = x.cases(lot, n.maker, at(30 + k))
        x.send(list(cases), n.maker, quiet, at(31 + k))
        hand_out(x, quiet, [n.shop], cases, at(33 + k))


@honest()
def wholesaler_sends_nothing_at_all(x: Exchange) -> None:
    n = network(x)
    dark = x.place("wholesaler", "Hamburg")
    for k in range(3):
        lot = x.lot(n.gtin, 20)
        cases = x.cases(lot, n.maker, at(30 + k))
        x.send(list(cases), n.maker, dark, at(31 + k))
        for case, packs in cases.items():
            x.take([case], dark, n.shop, at(34 + k))
            x.unpack(case, packs, n.shop, at(34.1 + k))
            x.sell(packs[:6], n.shop, at(36 + k))


@honest()
def wrong_event_declared_an_error_and_corrected(x: Exchange) -> None:
    n, _, cases, there = at_the_hub(x)
    (case, packs), *rest = cases.items()
    got = x.move([case], n.hub, n.shop, there + days(1))
    x.sell(packs[:4], n.shop, got + days(1))
    # The pharmacy in Munich booked the case of its colleague, and said so a day later.
    wrong = x.event(
        got + hours(2), n.other, "receiving", epcs=[case], source=n.hub, to=n.other,
        disposition="in_progress",
    )  # fmt: skip
    declared = {
        "declarationTime": "2026-02-09T09:00:00Z",
        "reason": "incorrect_data",
    }
    x.events.append((n.other.gln, wrong | {"errorDeclaration": declared}))
    hand_out(x, n.hub, [n.other], rest, there + days(1))
