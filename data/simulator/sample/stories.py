"""Lots and what befalls them: the honest life, planted attacks, and honest look-alikes.

Every story returns the truth about its lot, so that detection can be measured. Attack stories
name the patterns that should stand; look-alike stories name the honest cause behind the noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from data.readers.gs1 import parse
from data.simulator.sample.events import (
    Event,
    Ledger,
    Lot,
    dispense,
    make,
    office_hours,
    open_case,
    ship,
    transit,
)
from data.simulator.sample.network import BY_NAME, SITES, Product, Site

Verification = dict[str, str]

WHOLESALERS = {
    "DE": "Mainstrom Grosshandel",
    "AT": "Donau Parallel",
    "PL": "Hansa Arzneihandel",
    "FR": "Rhone Repartition",
    "ES": "Meseta Distribucion",
    "PT": "Meseta Distribucion",
    "GR": "Meseta Distribucion",
}


@dataclass(frozen=True)
class Truth:
    """What really happened to a lot."""

    gtin: str
    lot: str
    label: str  # attack, look_alike, honest
    patterns: tuple[str, ...] = ()
    benign: str = ""
    note: str = ""


@dataclass
class Lists:
    """Rows of the reference lists and logs that accompany the events."""

    verifications: list[Verification] = field(default_factory=list)
    theft_notices: list[dict[str, str]] = field(default_factory=list)
    markets: dict[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # lots with markets of their own


@dataclass(frozen=True)
class Stage:
    """One lot after its honest start: cases delivered to dispensers, ready for what comes next."""

    lot: Lot
    cases: dict[str, list[str]]  # case -> packs
    holder: dict[str, Site]  # case -> dispenser that received it
    received: dict[str, datetime]
    wholesaler: Site


def utc(day: date, hour: float = 8.0) -> datetime:
    """A time of a day, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)


def verification(
    lot: Lot, serial: str, site: Site, at: datetime, answer: str, **more: str
) -> Verification:
    """One row of a verification log, as a scanner sends it."""
    row = {
        "request_time_utc": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "site_gln": site.gln,
        "gtin": lot.product.gtin,
        "serial": serial,
        "lot": lot.number,
        "expiry": lot.expiry.strftime("%y%m%d"),
        "entry_mode": "scan",
        "answer_code": answer,
    }
    return row | more


def deliver(
    ledger: Ledger,
    lot: Lot,
    dispensers: Sequence[Site],
    *,
    commission: bool = True,
    wholesaler: Site | None = None,
) -> Stage:
    """Make a lot, sell it to a wholesaler, and spread its cases over dispensers."""
    maker = BY_NAME[lot.product.maker]
    hub = wholesaler or BY_NAME[WHOLESALERS[dispensers[0].country]]
    start = len(ledger.events)
    case_of = make(ledger, lot, maker, office_hours(utc(lot.made), maker))
    if not commission:  # the maker's upload of the second half is lost
        made = ledger.events[start:]
        lost = [event for event in made if event.step == "commissioning"][1:]
        ledger.events = ledger.events[:start] + [event for event in made if event not in lost]
    cases: dict[str, list[str]] = {}
    for pack, case in case_of.items():
        cases.setdefault(case, []).append(pack)
    packed = max(event.at for event in ledger.events[start:])
    pallet = ledger.sscc()
    ledger.aggregate(maker, packed + ledger.minutes(30, 60), pallet, list(cases), action="ADD")
    at = ship(ledger, [pallet], maker, hub, packed + timedelta(days=3))
    at = ledger.aggregate(hub, at + ledger.minutes(30, 90), pallet, list(cases), action="DELETE")
    holder: dict[str, Site] = {}
    received: dict[str, datetime] = {}
    for number, case in enumerate(cases):
        site = dispensers[number % len(dispensers)]
        leave = at + timedelta(days=2 + float(ledger.rng.uniform(0, 20)))
        received[case] = ship(ledger, [case], hub, site, leave)
        holder[case] = site
    return Stage(lot, cases, holder, received, hub)


def finish(ledger: Ledger, stage: Stage, *, share: float = 0.5, skip: Sequence[str] = ()) -> None:
    """Open every case at its dispenser and dispense a share of the packs."""
    for case, packs in stage.cases.items():
        site, at = stage.holder[case], stage.received[case]
        opened = open_case(ledger, case, packs, site, at)
        sold = [p for p in packs[: int(len(packs) * share)] if p not in skip]
        dispense(ledger, sold, site, opened)


def dispensers_in(*countries: str) -> list[Site]:
    """Pharmacies and hospitals of some countries, in a fixed order."""
    return [s for s in SITES if s.role in ("pharmacy", "hospital") and s.country in countries]


def truth(
    lot: Lot, label: str, patterns: Sequence[str] = (), benign: str = "", note: str = ""
) -> Truth:
    """The truth about a lot, in one row."""
    return Truth(lot.product.gtin, lot.number, label, tuple(patterns), benign, note)


def honest(ledger: Ledger, lists: Lists, lot: Lot, countries: tuple[str, ...]) -> Truth:
    """A lot that nothing happens to, with some scans that answer as they should."""
    stage = deliver(ledger, lot, dispensers_in(*countries))
    finish(ledger, stage)
    for case in list(stage.cases)[:3]:
        serial = lot.serials[lot_index(lot, stage.cases[case][0])]
        at = stage.received[case] + timedelta(minutes=10)
        lists.verifications.append(verification(lot, serial, stage.holder[case], at, "ACTIVE"))
    return truth(lot, "honest")


def lot_index(lot: Lot, epc: str) -> int:
    """Position of a pack among the serials of its lot."""
    return lot.serials.index(epc.rsplit(".", 1)[1])


# --- attacks -------------------------------------------------------------------------------------


def cloned_packs(ledger: Ledger, lists: Lists, lot: Lot) -> Truth:
    """Copies of genuine packs are sold in another country while the originals are on the shelf."""
    stage = deliver(ledger, lot, dispensers_in("DE"))
    copied = [packs[0] for packs in list(stage.cases.values())[:4]]
    finish(ledger, stage, skip=copied)
    for number, pack in enumerate(copied):
        case = next(c for c, packs in stage.cases.items() if pack in packs)
        site = stage.holder[case]
        sold = office_hours(stage.received[case] + timedelta(days=9 + number), site)
        dispense_once(ledger, pack, site, sold)
        far = BY_NAME["Farmacia Baixa"]
        dispense_once(ledger, pack, far, sold + timedelta(minutes=55 + 10 * number))
    return truth(lot, "attack", ("P01", "P03"), note="four serials copied and sold in Lisbon")


def dispense_once(ledger: Ledger, pack: str, site: Site, at: datetime, **more: Any) -> None:
    """Hand one pack to a patient."""
    ledger.observe(
        site, at, "retail_selling", [pack], action="DELETE", disposition="retail_sold", **more
    )


def bought_back(ledger: Ledger, lists: Lists, lot: Lot) -> Truth:
    """Dispensed packs are bought from patients, cleaned, and sold again by a small wholesaler."""
    stage = deliver(ledger, lot, dispensers_in("DE"))
    finish(ledger, stage, share=0.6)
    sold = [packs[i] for packs in list(stage.cases.values())[:5] for i in (0, 1, 2)]
    last = max(e.at for e in ledger.events if e.epcs and e.epcs[0] in set(sold))
    trader, pharmacy = BY_NAME["Isar Sekundaerhandel"], BY_NAME["Rosen Apotheke"]
    at = office_hours(last + timedelta(days=6), trader)
    ledger.observe(trader, at, "receiving", sold, disposition="in_progress")
    ship(ledger, sold, trader, pharmacy, at + timedelta(days=1))
    return truth(lot, "attack", ("P12",), note="15 dispensed packs return through a wholesaler")


def stolen_case(ledger: Ledger, lists: Lists, lot: Lot) -> Truth:
    """A case is stolen in transit and turns up at a wholesaler in another city weeks later."""
    stage = deliver(ledger, lot, dispensers_in("DE"))
    stolen = list(stage.cases)[2]
    taken = stage.received[stolen]
    ledger.events = [
        e
        for e in ledger.events
        if not (stolen in e.epcs and e.step == "receiving" and e.at == taken)
    ]
    packs = stage.cases.pop(stolen)
    finish(ledger, stage)
    lists.theft_notices.append(
        {
            "reported_at": (taken + timedelta(hours=20)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "gtin": "",
            "lot": "",
            "serial": "",
            "sscc": stolen_sscc(stolen),
            "place": "A7 rest area",
        }
    )
    fence, pharmacy = BY_NAME["Nordkap Trading"], BY_NAME["Hafen Apotheke"]
    at = office_hours(taken + timedelta(days=24), fence)
    ledger.observe(fence, at, "receiving", [stolen], disposition="in_progress")
    at = open_case(ledger, stolen, packs, fence, at)
    ship(ledger, packs[:12], fence, pharmacy, at + timedelta(days=2))
    return truth(lot, "attack", ("P16",), note="one stolen case sold on by Nordkap")


def stolen_sscc(urn: str) -> str:
    """SSCC-18 of an EPC URN."""
    return parse(urn).sscc or ""


def invented_serials(ledger: Ledger, lists: Lists, lot: Lot) -> Truth:
    """Falsified packs carry a genuine lot number and serials that the maker never issued."""
    stage = deliver(ledger, lot, dispensers_in("FR"))
    finish(ledger, stage)
    fakes = [f"51746517{n:04d}" for n in range(1, 31)]
    source, pharmacy = BY_NAME["Nordkap Trading"], BY_NAME["Pharmacie du Marais"]
    at = office_hours(max(stage.received.values()) + timedelta(days=30), source)
    ship(ledger, [lot.epc(s) for s in fakes], source, pharmacy, at, lot=lot.number)
    for number, serial in enumerate(fakes[:12]):
        when = at + timedelta(days=4, minutes=7 * number)
        lists.verifications.append(verification(lot, serial, pharmacy, when, "A3"))
    return truth(lot, "attack", ("P04", "P21"), note="30 packs beyond what was commissioned")


def wrong_market(ledger: Ledger, lists: Lists, lot: Lot) -> Truth:
    """Packs made for a cheaper market are sold to pharmacies of a dearer one."""
    stage = deliver(ledger, lot, dispensers_in("GR"))
    diverted = list(stage.cases)[:3]
    plaka = BY_NAME["Farmakeio Plaka"]
    trader = BY_NAME["Isar Sekundaerhandel"]
    packs = {case: stage.cases.pop(case) for case in diverted}
    finish(ledger, stage)
    for case in diverted:
        at = ship(ledger, [case], plaka, trader, stage.received[case] + timedelta(days=6))
        site = BY_NAME["Klinikum Isartal"]
        at = ship(ledger, [case], trader, site, at + timedelta(days=2))
        opened = open_case(ledger, case, packs[case], site, at)
        dispense(ledger, packs[case][:8], site, opened)
    return truth(lot, "attack", ("P34",), note="Greek packs in a Munich hospital")


def unlicensed_hub(ledger: Ledger, lists: Lists, lot: Lot) -> Truth:
    """A company whose licence has lapsed sells a costly product on."""
    stage = deliver(ledger, lot, [BY_NAME["Klinikum Isartal"], BY_NAME["Loewen Apotheke"]])
    moved = list(stage.cases)[:2]
    packs = {case: stage.cases.pop(case) for case in moved}
    finish(ledger, stage)
    hub, buyer = BY_NAME["Nordkap Trading"], BY_NAME["Ring Apotheke"]
    for case in moved:
        at = ship(ledger, [case], stage.holder[case], hub, stage.received[case] + timedelta(days=4))
        at = ship(ledger, [case], hub, buyer, at + timedelta(days=1))
        opened = open_case(ledger, case, packs[case], buyer, at)
        dispense(ledger, packs[case][:10], buyer, opened)
    return truth(lot, "attack", ("P26",), note="sold by a company without a valid licence")


def more_out_than_in(ledger: Ledger, lists: Lists, lot: Lot) -> Truth:
    """A wholesaler sells more packs of a lot than it ever received."""
    stage = deliver(ledger, lot, dispensers_in("ES"))
    finish(ledger, stage)
    hub, site = BY_NAME["Rhone Repartition"], BY_NAME["Pharmacie des Quais"]
    at = max(stage.received.values()) + timedelta(days=3)
    at = ship(ledger, (), stage.wholesaler, hub, at, classes=((lot.lgtin, 40.0),))
    for week in range(3):
        leave = at + timedelta(days=3 + 7 * week)
        ship(ledger, (), hub, site, leave, classes=((lot.lgtin, 35.0),))
    return truth(lot, "attack", ("P20", "P21"), note="40 packs in, 105 packs out")


def round_trip(ledger: Ledger, lists: Lists, lot: Lot) -> Truth:
    """Cases are sold in a circle of three companies to create paper history."""
    hub = BY_NAME["Hansa Arzneihandel"]
    stage = deliver(ledger, lot, dispensers_in("PL"), wholesaler=hub)
    moved = list(stage.cases)[:3]
    packs = {case: stage.cases.pop(case) for case in moved}
    finish(ledger, stage)
    isar, main = BY_NAME["Isar Sekundaerhandel"], BY_NAME["Mainstrom Grosshandel"]
    at = max(stage.received[case] for case in moved) + timedelta(days=5)
    at = ship(ledger, moved, stage.holder[moved[0]], hub, at)
    for seller, buyer in ((hub, isar), (isar, main), (main, hub), (hub, isar)):
        at = ship(ledger, moved, seller, buyer, at + timedelta(days=4))
    for case in moved:
        open_case(ledger, case, packs[case], isar, at)
    return truth(lot, "attack", ("P30",), note="the same cases pass Hansa twice")


def later_expiry(ledger: Ledger, lists: Lists, lot: Lot) -> Truth:
    """Relabelled packs show an expiry two years later than the maker's."""
    stage = deliver(ledger, lot, dispensers_in("DE"))
    finish(ledger, stage)
    printed = lot.expiry.replace(year=lot.expiry.year + 2).strftime("%y%m%d")
    site = BY_NAME["Hafen Apotheke"]
    for number, packs in enumerate(list(stage.cases.values())[:6]):
        at = max(stage.received.values()) + timedelta(days=12, minutes=4 * number)
        serial = lot.serials[lot_index(lot, packs[0])]
        row = verification(lot, serial, site, at, "A52", expiry=printed)
        lists.verifications.append(row)
    return truth(lot, "attack", ("P08",), note="expiry printed two years late")


# --- honest look-alikes --------------------------------------------------------------------------


def scanned_twice(ledger: Ledger, lists: Lists, lot: Lot) -> Truth:
    """A busy counter scans the same pack twice within two minutes."""
    stage = deliver(ledger, lot, dispensers_in("DE"))
    twice = [packs[0] for packs in list(stage.cases.values())[:5]]
    finish(ledger, stage, skip=twice)
    for pack in twice:
        case = next(c for c, packs in stage.cases.items() if pack in packs)
        site = stage.holder[case]
        at = office_hours(stage.received[case] + timedelta(days=8), site)
        dispense_once(ledger, pack, site, at)
        dispense_once(ledger, pack, site, at + timedelta(seconds=70))
    return truth(lot, "look_alike", benign="B07")


def undone_sale(ledger: Ledger, lists: Lists, lot: Lot) -> Truth:
    """Sales are cancelled at the counter and the packs sold later by the same pharmacy."""
    stage = deliver(ledger, lot, dispensers_in("AT"), wholesaler=BY_NAME["Mainstrom Grosshandel"])
    again = [packs[1] for packs in list(stage.cases.values())[:4]]
    finish(ledger, stage, skip=again)
    for pack in again:
        case = next(c for c, packs in stage.cases.items() if pack in packs)
        site = stage.holder[case]
        at = office_hours(stage.received[case] + timedelta(days=7), site)
        dispense_once(ledger, pack, site, at)
        ledger.observe(
            site,
            at + timedelta(minutes=25),
            "holding",
            [pack],
            action="ADD",
            disposition="active",
        )
        dispense_once(ledger, pack, site, office_hours(at + timedelta(days=3), site))
    return truth(lot, "look_alike", benign="B13")


def lawful_return(ledger: Ledger, lists: Lists, lot: Lot) -> Truth:
    """A pharmacy returns unopened cases to the wholesaler that sold them, on a return document."""
    stage = deliver(ledger, lot, dispensers_in("FR"))
    returned = list(stage.cases)[:2]
    packs = {case: stage.cases.pop(case) for case in returned}
    finish(ledger, stage)
    for case in returned:
        site, hub = stage.holder[case], stage.wholesaler
        at = office_hours(stage.received[case] + timedelta(days=5), site)
        document = ledger.document("rma")
        parties: dict[str, Any] = {"seller": site, "buyer": hub, "document": document}
        ledger.observe(site, at, "shipping", [case], disposition="returned", **parties)
        at = office_hours(at + transit(ledger, site, hub), hub)
        ledger.observe(hub, at, "receiving", [case], disposition="returned", **parties)
        other = BY_NAME["Pharmacie du Marais"]
        at = ship(ledger, [case], hub, other, at + timedelta(days=4))
        opened = open_case(ledger, case, packs[case], other, at)
        dispense(ledger, packs[case][:6], other, opened)
    return truth(lot, "look_alike", benign="B14")


def upload_lost(ledger: Ledger, lists: Lists, lot: Lot) -> Truth:
    """Half of the maker's commissioning never arrived; the packs are genuine."""
    stage = deliver(ledger, lot, dispensers_in("ES", "PT"), commission=False)
    finish(ledger, stage)
    for case in list(stage.cases)[-4:]:
        serial = lot.serials[lot_index(lot, stage.cases[case][0])]
        at = stage.received[case] + timedelta(minutes=15)
        lists.verifications.append(verification(lot, serial, stage.holder[case], at, "A3"))
    return truth(lot, "look_alike", benign="B06")


def day_zero(ledger: Ledger, lists: Lists, lot: Lot) -> Truth:
    """Packs print the expiry as month and year; scanners send day 00 or the first."""
    stage = deliver(ledger, lot, dispensers_in("DE"))
    finish(ledger, stage)
    for number, case in enumerate(list(stage.cases)[:6]):
        serial = lot.serials[lot_index(lot, stage.cases[case][1])]
        printed = lot.expiry.strftime("%y%m") + ("00" if number % 2 else "01")
        at = stage.received[case] + timedelta(minutes=12)
        row = verification(lot, serial, stage.holder[case], at, "A52", expiry=printed)
        lists.verifications.append(row)
    return truth(lot, "look_alike", benign="B16")


def case_not_opened(ledger: Ledger, lists: Lists, lot: Lot) -> Truth:
    """A wholesaler breaks cases without a scan and ships single packs."""
    stage = deliver(ledger, lot, dispensers_in("PL"), wholesaler=BY_NAME["Hansa Arzneihandel"])
    broken = list(stage.cases)[:2]
    packs = {case: stage.cases.pop(case) for case in broken}
    finish(ledger, stage)
    for case in broken:
        held = stage.holder[case]
        ledger.events = [
            e
            for e in ledger.events
            if not (case in e.epcs and e.step in ("shipping", "receiving") and held in (e.buyer,))
        ]
        at = ship(ledger, packs[case], stage.wholesaler, held, stage.received[case])
        dispense(ledger, packs[case][:8], held, at)
    return truth(lot, "look_alike", benign="B12")


def parallel_trade(ledger: Ledger, lists: Lists, lot: Lot) -> Truth:
    """A licensed parallel trader lawfully moves Spanish packs to Austria."""
    trader = BY_NAME["Donau Parallel"]
    lists.markets[lot.number] = ("ES", "PT")
    stage = deliver(ledger, lot, dispensers_in("ES"))
    moved = list(stage.cases)[:3]
    packs = {case: stage.cases.pop(case) for case in moved}
    finish(ledger, stage)
    ledger.events = [
        e
        for e in ledger.events
        if not (set(moved) & set(e.epcs) and e.buyer and e.buyer.role == "pharmacy")
    ]
    for case in moved:
        at = ship(ledger, [case], stage.wholesaler, trader, stage.received[case])
        site = BY_NAME["Ring Apotheke"]
        at = ship(ledger, [case], trader, site, at + timedelta(days=3))
        opened = open_case(ledger, case, packs[case], site, at)
        dispense(ledger, packs[case][:8], site, opened)
    return truth(lot, "look_alike", benign="B19")


def slow_clock(ledger: Ledger, lists: Lists, lot: Lot) -> Truth:
    """A pharmacy's scanner runs two hours slow, so goods seem received before they were shipped."""
    site = BY_NAME["Adler Apotheke"]
    stage = deliver(ledger, lot, [site, BY_NAME["Rosen Apotheke"]])
    finish(ledger, stage)
    packs = {p for case, held in stage.holder.items() if held == site for p in stage.cases[case]}
    cases = {case for case, held in stage.holder.items() if held == site}
    mine = packs | cases

    def shift(event: Event) -> Event:
        things = {*event.epcs, *event.children, *([event.parent] if event.parent else [])}
        if event.site != site or not things & mine:
            return event
        return replace(event, at=event.at - timedelta(hours=2))

    ledger.events = [shift(event) for event in ledger.events]
    return truth(lot, "look_alike", benign="B10")


def replayed_queue(ledger: Ledger, lists: Lists, lot: Lot) -> Truth:
    """An offline pharmacy system sends its queue again weeks later, under new event ids."""
    stage = deliver(ledger, lot, dispensers_in("DE"))
    finish(ledger, stage)
    first = stage.holder[next(iter(stage.cases))]
    sold = [
        e
        for e in ledger.events
        if e.step == "retail_selling" and e.site == first and lot.product.ref in e.epcs[0]
    ]
    sent = max(e.at for e in sold) + timedelta(days=21)
    for event in sold[:12]:
        ledger.add(replace(event, event_id="", recorded=sent))
    return truth(lot, "look_alike", benign="B09", note="same content under new ids: duplicates")


def caps_lock(ledger: Ledger, lists: Lists, lot: Lot) -> Truth:
    """Serials typed by hand with caps lock on are unknown to the verification system."""
    stage = deliver(ledger, lot, dispensers_in("DE"))
    finish(ledger, stage)
    for case in list(stage.cases)[:5]:
        serial = lot.serials[lot_index(lot, stage.cases[case][0])]
        at = stage.received[case] + timedelta(minutes=22)
        lists.verifications.append(
            verification(lot, serial.swapcase(), stage.holder[case], at, "A3", entry_mode="manual")
        )
    return truth(lot, "look_alike", benign="B01")


def corrected_event(ledger: Ledger, lists: Lists, lot: Lot) -> Truth:
    """A pharmacy reports sales of a wrong site, declares the error, and sends the right ones."""
    stage = deliver(ledger, lot, dispensers_in("FR"))
    pack = next(iter(stage.cases.values()))[0]
    finish(ledger, stage, skip=[pack])
    site, wrong = stage.holder[next(iter(stage.cases))], BY_NAME["Farmacia Baixa"]
    at = office_hours(next(iter(stage.received.values())) + timedelta(days=11), site)
    dispense_once(ledger, pack, wrong, at)
    mistaken = ledger.events[-1]
    ledger.add(replace(mistaken, declared=at + timedelta(days=1), recorded=at + timedelta(days=1)))
    dispense_once(ledger, pack, site, at)
    return truth(lot, "look_alike", note="an error declaration voids the wrong event")


ATTACKS = (
    (cloned_packs, 0),
    (bought_back, 2),
    (stolen_case, 4),
    (invented_serials, 0),
    (wrong_market, 5),
    (unlicensed_hub, 4),
    (more_out_than_in, 1),
    (round_trip, 2),
    (later_expiry, 0),
)
LOOK_ALIKES = (
    (scanned_twice, 1),
    (undone_sale, 3),
    (lawful_return, 2),
    (upload_lost, 0),
    (day_zero, 1),
    (case_not_opened, 3),
    (parallel_trade, 2),
    (slow_clock, 1),
    (replayed_queue, 3),
    (caps_lock, 0),
    (corrected_event, 4),
)


def stage_all(
    ledger: Ledger, lists: Lists, lots: dict[str, list[Lot]], products: Sequence[Product]
) -> list[Truth]:
    """Play every story, each on a lot of its own; the other lots live honestly."""
    left = {gtin: list(some) for gtin, some in lots.items()}
    told = []
    for story, index in (*ATTACKS, *LOOK_ALIKES):
        told.append(story(ledger, lists, left[products[index].gtin].pop()))
    markets = (("DE",), ("FR",), ("ES", "PT"), ("AT", "PL"), ("DE", "FR"))
    rest = [lot for product in products for lot in left[product.gtin]]
    for number, lot in enumerate(rest):
        where = ("GR",) if lot.product.markets == ("GR",) else markets[number % len(markets)]
        told.append(honest(ledger, lists, lot, where))
    return told
