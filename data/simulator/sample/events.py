"""Supply-chain steps as event records, in the order a pack lives them.

A ``Ledger`` collects what every site would report. Each step returns the time at which it ended, so
that a life is written as a sequence of steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from data.simulator.sample.network import PREFIX, Product, Site, distance_km

DRIVING_KMH = 65.0


@dataclass(frozen=True)
class Event:
    """One EPCIS event as its reporter knows it; times are UTC."""

    event_type: str
    action: str | None
    at: datetime
    recorded: datetime
    step: str
    disposition: str | None
    site: Site
    reporter: Site
    epcs: tuple[str, ...] = ()
    parent: str | None = None
    children: tuple[str, ...] = ()
    classes: tuple[tuple[str, float], ...] = ()
    seller: Site | None = None
    buyer: Site | None = None
    document: tuple[str, str] | None = None
    lot: str | None = None
    expiry: date | None = None
    event_id: str = ""
    declared: datetime | None = None


@dataclass(frozen=True)
class Lot:
    """A production lot with all its serials."""

    product: Product
    number: str
    made: date
    expiry: date
    serials: tuple[str, ...]

    def epc(self, serial: str) -> str:
        """The pack as an EPC URN."""
        return f"urn:epc:id:sgtin:{PREFIX}.0{self.product.ref}.{serial}"

    @property
    def lgtin(self) -> str:
        """The lot as an EPC class URN."""
        return f"urn:epc:class:lgtin:{PREFIX}.0{self.product.ref}.{self.number}"


@dataclass
class Ledger:
    """All events so far, a seeded source of chance, and counters for case numbers and documents."""

    rng: np.random.Generator
    events: list[Event] = field(default_factory=list)
    last_event: int = 0
    last_sscc: int = 0
    last_document: int = 0

    def sscc(self) -> str:
        """A new logistic unit."""
        self.last_sscc += 1
        return f"urn:epc:id:sscc:{PREFIX}.0{self.last_sscc:09d}"

    def document(self, kind: str) -> tuple[str, str]:
        """A new business document of a kind (po, desadv, inv, recadv)."""
        self.last_document += 1
        return kind, f"{kind.upper()}-{self.last_document:06d}"

    def minutes(self, low: float, high: float) -> timedelta:
        """A span between two bounds, to the second."""
        return timedelta(seconds=int(self.rng.uniform(low, high) * 60))

    def add(self, event: Event) -> None:
        """Note an event under a name of its own."""
        self.last_event += 1
        name = event.event_id or f"urn:uuid:00000000-0000-4000-8000-{self.last_event:012d}"
        self.events.append(replace(event, event_id=name))

    def observe(
        self,
        site: Site,
        at: datetime,
        step: str,
        epcs: Sequence[str],
        *,
        action: str = "OBSERVE",
        disposition: str | None = None,
        **more: Any,
    ) -> datetime:
        """One object event, reported within the hour."""
        details: dict[str, Any] = {
            "event_type": "ObjectEvent",
            "action": action,
            "at": at,
            "recorded": at + self.minutes(2, 50),
            "step": step,
            "disposition": disposition,
            "site": site,
            "reporter": site,
            "epcs": tuple(epcs),
        }
        self.add(Event(**{**details, **more}))
        return at

    def aggregate(
        self, site: Site, at: datetime, parent: str, children: Sequence[str], *, action: str
    ) -> datetime:
        """Pack children into a parent (ADD) or take them out (DELETE)."""
        self.add(
            Event(
                "AggregationEvent",
                action,
                at,
                at + self.minutes(2, 50),
                "packing" if action == "ADD" else "unpacking",
                "in_progress",
                site,
                site,
                parent=parent,
                children=tuple(children),
            )
        )
        return at


def office_hours(at: datetime, site: Site) -> datetime:
    """The same instant, or the next weekday morning if the site is closed then."""
    local = at.astimezone(site.tz)
    if local.hour >= 18:
        local = (local + timedelta(days=1)).replace(hour=8, minute=local.minute)
    elif local.hour < 7:
        local = local.replace(hour=8)
    while local.weekday() >= 5:
        local += timedelta(days=1)
    return local.astimezone(at.tzinfo)


def transit(ledger: Ledger, origin: Site, target: Site) -> timedelta:
    """Hours on the road and in the depot between two sites."""
    hours = distance_km(origin, target) / DRIVING_KMH + ledger.rng.uniform(6, 20)
    return timedelta(seconds=int(hours * 3600))


def make(ledger: Ledger, lot: Lot, maker: Site, at: datetime, per_case: int = 20) -> dict[str, str]:
    """Commission and case-pack a lot; return the case of every pack."""
    packs = [lot.epc(serial) for serial in lot.serials]
    cases: dict[str, str] = {}
    for start in range(0, len(packs), per_case * 5):
        batch = packs[start : start + per_case * 5]
        ledger.observe(
            maker,
            at,
            "commissioning",
            batch,
            action="ADD",
            disposition="active",
            lot=lot.number,
            expiry=lot.expiry,
        )
        at += ledger.minutes(4, 7)
        for first in range(0, len(batch), per_case):
            case = ledger.sscc()
            children = batch[first : first + per_case]
            ledger.aggregate(maker, at, case, children, action="ADD")
            cases.update(dict.fromkeys(children, case))
            at += ledger.minutes(1, 2)
    return cases


def ship(
    ledger: Ledger,
    things: Sequence[str],
    seller: Site,
    buyer: Site,
    at: datetime,
    *,
    classes: tuple[tuple[str, float], ...] = (),
    lot: str | None = None,
) -> datetime:
    """Send and receive cases, packs or quantities of a lot; return the time of receipt."""
    leave = office_hours(at, seller)
    arrive = office_hours(leave + transit(ledger, seller, buyer), buyer)
    shared: dict[str, Any] = {
        "seller": seller,
        "buyer": buyer,
        "document": ledger.document("desadv"),
        "classes": classes,
        "lot": lot,
    }
    ledger.observe(seller, leave, "shipping", things, disposition="in_transit", **shared)
    return ledger.observe(buyer, arrive, "receiving", things, disposition="in_progress", **shared)


def open_case(
    ledger: Ledger, case: str, packs: Sequence[str], site: Site, at: datetime
) -> datetime:
    """Take all packs out of a case."""
    return ledger.aggregate(site, at + ledger.minutes(20, 90), case, packs, action="DELETE")


def dispense(ledger: Ledger, packs: Sequence[str], site: Site, at: datetime) -> datetime:
    """Hand packs to patients over the following weeks, one scan a pack."""
    hospital = site.role == "hospital"
    for pack in packs:
        when = office_hours(at + timedelta(hours=float(ledger.rng.uniform(2, 24 * 30))), site)
        ledger.observe(
            site,
            when + ledger.minutes(0, 50),
            "dispensing" if hospital else "retail_selling",
            [pack],
            action="DELETE",
            disposition="dispensed" if hospital else "retail_sold",
        )
    return at
