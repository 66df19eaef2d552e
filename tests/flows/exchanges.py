"""Small exchanges between a maker, wholesalers and dispensers, built step by step for tests.

Every exchange has its own numbers, so that many can lie in one inbox without touching each other.
"""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from data.readers.gs1 import check_digit

PREFIX = "9525678"
PER_EXCHANGE = 40  # places, and products, that an exchange has numbers for
FIRST = datetime(2026, 1, 5, tzinfo=UTC)
LINK = "https://id.gs1.org"
CITIES = {
    "Athens": ("GR", 37.98, 23.73),
    "Basel": ("CH", 47.56, 7.59),
    "Cairo": ("EG", 30.04, 31.24),
    "Frankfurt": ("DE", 50.11, 8.68),
    "Hamburg": ("DE", 53.55, 9.99),
    "Lyon": ("FR", 45.76, 4.84),
    "Madrid": ("ES", 40.42, -3.70),
    "Munich": ("DE", 48.14, 11.58),
    "Offenbach": ("DE", 50.10, 8.77),
    "Vienna": ("AT", 48.21, 16.37),
    "Zurich": ("CH", 47.37, 8.54),
}
Cases = dict[str, list[str]]


def at(day: float, hour: float = 8.0) -> datetime:
    """A time of the exchange: days after its first day, hours UTC."""
    return FIRST + timedelta(days=day, hours=hour)


def zulu(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def number_of(gtin: str) -> int:
    """The exchange that a GTIN belongs to."""
    return (int(gtin[8:13]) - 1) // PER_EXCHANGE


@dataclass(frozen=True)
class Place:
    gln: str
    name: str
    role: str
    city: str
    partner: str

    @property
    def id(self) -> str:
        return f"{LINK}/414/{self.gln}"


@dataclass(frozen=True)
class Lot:
    gtin: str
    number: str
    packs: tuple[str, ...]
    expiry: str

    @property
    def of_class(self) -> str:
        return f"{LINK}/01/{self.gtin}/10/{self.number}"


@dataclass
class Exchange:
    """One exchange: its places, lots, events by reporter, and rows of the lists."""

    number: int
    silent: frozenset[str] = frozenset()  # roles whose partners send no data
    lists: bool = True  # somebody has sent lists of what there is
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    lots: list[Lot] = field(default_factory=list)
    tables: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    count: int = 0
    products: int = 0
    # By how much the clock of a place (its GLN) is wrong.
    shift: dict[str, timedelta] = field(default_factory=dict)

    def _next(self) -> int:
        self.count += 1
        return self.count

    # --- what there is -----------------------------------------------------------------------

    def place(
        self,
        role: str,
        city: str = "Frankfurt",
        *,
        partner: str = "",
        licensed: bool = True,
        **licence: str,
    ) -> Place:
        """Open a place; the words after `licensed` replace columns of its licence."""
        body = f"{PREFIX}{self.number * PER_EXCHANGE + len(self.places) + 1:05d}"
        gln = f"{body}{check_digit(body)}"
        name = f"{role} {self.number}-{len(self.places) + 1}"
        place = Place(gln, name, role, city, partner or name)
        self.places.append(place)
        if licensed:
            row = {
                "gln": gln,
                "role": role,
                "licence_no": f"L{gln}",
                "valid_from": "2024-01-01",
                "valid_to": "2029-12-31",
                "country": CITIES[city][0],
            }
            self.row("licences", row | licence)
        return place

    def gtin(
        self, *, risk: bool = True, markets: str = "AT;CH;DE;ES;FR", listed: bool = True
    ) -> str:
        self.products += 1
        body = f"0{PREFIX}{self.number * PER_EXCHANGE + self.products:05d}"
        gtin = f"{body}{check_digit(body)}"
        if listed:
            self.row(
                "product_master",
                {
                    "gtin": gtin,
                    "name": f"Product {gtin}",
                    "shelf_life_days": "730",
                    "markets": markets,
                    "storage": "15-25 C",
                    "high_risk": str(risk).lower(),
                },
            )
        return gtin

    def lot(
        self,
        gtin: str,
        packs: int = 40,
        *,
        quantity: int | None = None,
        number: str = "",
        listed: bool = True,
        expiry: str = "2027-12-31",
        listed_expiry: str = "",
        markets: str = "",
    ) -> Lot:
        """Make up a lot; `quantity` is what the lot master says where that differs."""
        n = len(self.lots) + 1
        number = number or f"L{self.number:03d}{n:02d}"
        seeds = ((self.number * 7919 + n * 104729 + k * 15485863) % 10**9 for k in range(packs))
        serials = [f"{seed:09d}X{k:03d}Q{n}" for k, seed in enumerate(seeds)]
        lot = Lot(gtin, number, tuple(f"{LINK}/01/{gtin}/21/{s}" for s in serials), expiry)
        self.lots.append(lot)
        if listed:
            self.row(
                "lot_master",
                {
                    "gtin": gtin,
                    "lot": number,
                    "expiry": listed_expiry or expiry,
                    "manufactured": "2026-01-05",
                    "quantity": str(packs if quantity is None else quantity),
                    "markets": markets,
                },
            )
        return lot

    def sscc(self) -> str:
        body = f"0{PREFIX}{self.number:03d}{self._next():06d}"
        return f"{LINK}/00/{body}{check_digit(body)}"

    def row(self, table: str, values: dict[str, str]) -> None:
        self.tables.setdefault(table, []).append(values)

    # --- what happens ------------------------------------------------------------------------

    def event(
        self,
        when: datetime,
        place: Place | None,
        step: str | None,
        *,
        epcs: Sequence[str] = (),
        classes: Sequence[tuple[str, float]] = (),
        action: str | None = "OBSERVE",
        disposition: str | None = None,
        kind: str = "ObjectEvent",
        source: Place | None = None,
        to: Place | None = None,
        reporter: Place | None = None,
        lag: float = 0.3,
        recorded: datetime | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """One event, its time as the reporter's clock shows it.

        Further words are fields of the event; None leaves a field out.
        """
        who = reporter or place
        gln = who.gln if who else "0"
        shown = when + self.shift.get(gln, timedelta())
        out: dict[str, Any] = {
            "type": kind,
            "eventID": f"urn:uuid:00000000-0000-4000-{self.number:04d}-{self._next():012d}",
            "eventTime": zulu(shown),
            "recordTime": zulu(recorded or when + timedelta(hours=lag)),
            "eventTimeZoneOffset": "+01:00",
            "action": action,
            "bizStep": step,
            "disposition": disposition,
        }
        if place:
            out["readPoint"] = out["bizLocation"] = {"id": place.id}
        if kind == "ObjectEvent":
            out["epcList"] = list(epcs)
        if classes:
            out["quantityList"] = [{"epcClass": c, "quantity": q} for c, q in classes]
        for word, party in (("source", source), ("destination", to)):
            if party:
                both = ("owning_party", "location")
                out[f"{word}List"] = [{"type": kind, word: party.id} for kind in both]
        out.update(more)
        out = {name: value for name, value in out.items() if value is not None}
        self.events.append((gln, out))
        return out

    def commission(
        self,
        lot: Lot,
        place: Place,
        when: datetime,
        packs: Sequence[str] | None = None,
        **more: Any,
    ) -> None:
        ilmd = {"cbvmda:lotNumber": lot.number, "cbvmda:itemExpirationDate": lot.expiry}
        more = {"action": "ADD", "disposition": "active", "ilmd": ilmd} | more
        self.event(when, place, "commissioning", epcs=lot.packs if packs is None else packs, **more)

    def pack(
        self, parent: str, children: Sequence[str], place: Place, when: datetime, **more: Any
    ) -> None:
        more = {
            "kind": "AggregationEvent",
            "action": "ADD",
            "disposition": "in_progress",
            "parentID": parent,
            "childEPCs": list(children),
        } | more
        self.event(when, place, "packing" if more["action"] == "ADD" else "unpacking", **more)

    def unpack(self, parent: str, children: Sequence[str], place: Place, when: datetime) -> None:
        self.pack(parent, children, place, when, action="DELETE")

    def send(
        self, things: Sequence[str], a: Place, b: Place | None, when: datetime, **more: Any
    ) -> None:
        more = {"disposition": "in_transit", "source": a, "to": b} | more
        self.event(when, a, "shipping", epcs=things, **more)

    def take(
        self, things: Sequence[str], a: Place | None, b: Place, when: datetime, **more: Any
    ) -> None:
        more = {"disposition": "in_progress", "source": a, "to": b} | more
        self.event(when, b, "receiving", epcs=things, **more)

    def move(
        self,
        things: Sequence[str],
        a: Place,
        b: Place,
        when: datetime,
        hours: float = 20,
        **more: Any,
    ) -> datetime:
        """Ship and receive; return when the goods are there."""
        self.send(things, a, b, when, **more)
        self.take(things, a, b, when + timedelta(hours=hours), **more)
        return when + timedelta(hours=hours)

    def sell(self, packs: Sequence[str], place: Place, when: datetime, **more: Any) -> None:
        """Hand packs to patients, one after the other."""
        step, disposition = "retail_selling", "retail_sold"
        if place.role == "hospital":
            step, disposition = "dispensing", "dispensed"
        more = {"action": "DELETE", "disposition": disposition} | more
        for k, pack in enumerate(packs):
            self.event(when + timedelta(minutes=17 * k), place, step, epcs=[pack], **more)

    def retire(self, packs: Sequence[str], place: Place, when: datetime, **more: Any) -> None:
        more = {"action": "DELETE", "disposition": "inactive"} | more
        self.event(when, place, "decommissioning", epcs=packs, **more)

    def destroy(self, packs: Sequence[str], place: Place, when: datetime) -> None:
        self.event(when, place, "destroying", epcs=packs, action="DELETE", disposition="destroyed")

    def cases(self, lot: Lot, place: Place, when: datetime, size: int = 10) -> Cases:
        """Commission a lot and pack it; return what each case holds."""
        self.commission(lot, place, when)
        out = {}
        for k in range(0, len(lot.packs), size):
            case = self.sscc()
            out[case] = list(lot.packs[k : k + size])
            self.pack(case, out[case], place, when + timedelta(minutes=5 + k // size))
        return out

    def verify(
        self, pack: str, place: Place, when: datetime, answer: str, of: Lot, **more: str
    ) -> None:
        row = {
            "request_time_utc": zulu(when),
            "site_gln": place.gln,
            "gtin": of.gtin,
            "serial": pack.rsplit("/", 1)[1],
            "lot": of.number,
            "expiry": of.expiry[2:].replace("-", ""),
            "entry_mode": "scan",
            "answer_code": answer,
        }
        self.row("verifications", row | more)

    def ordered(
        self, lot: Lot, a: Place, b: Place, when: datetime, quantity: int, price: float
    ) -> None:
        """A line of a shipment log."""
        line = str(self._next())
        self.row(
            "shipments",
            {
                "shipment_id": f"S{self.number:03d}{line}",
                "line": "1",
                "from_gln": a.gln,
                "to_gln": b.gln,
                "gtin": lot.gtin,
                "lot": lot.number,
                "quantity": str(quantity),
                "shipped_at": zulu(when),
                "received_at": zulu(when + timedelta(hours=20)),
                "unit_price": str(price),
                "currency": "EUR",
                "mode": "road",
                "order_id": f"O{self.number:03d}{line}",
            },
        )


@dataclass(frozen=True)
class Network:
    maker: Place
    hub: Place
    second: Place
    shop: Place
    other: Place
    hospital: Place
    gtin: str

    @property
    def dispensers(self) -> tuple[Place, ...]:
        return self.shop, self.other, self.hospital


def network(x: Exchange, *, lots: int = 3, risk: bool = True) -> Network:
    """A usual network, with some honest lots through it so that habits show."""
    n = Network(
        x.place("maker", "Basel"),
        x.place("wholesaler", "Frankfurt"),
        x.place("wholesaler", "Munich"),
        x.place("pharmacy", "Frankfurt"),
        x.place("pharmacy", "Munich"),
        x.place("hospital", "Munich"),
        x.gtin(risk=risk),
    )
    for k in range(lots):
        lot = x.lot(n.gtin, 24)
        hub = n.second if k == 1 else n.hub
        flow(x, n, x.cases(lot, n.maker, at(k * 5), 8), at(k * 5 + 1), hub=hub, sold=0.25)
    return n


def flow(
    x: Exchange,
    n: Network,
    cases: Cases,
    start: datetime,
    *,
    sold: float = 0.5,
    hub: Place | None = None,
    shops: Sequence[Place] = (),
) -> None:
    """Maker to wholesaler to dispensers, there opened and partly sold."""
    hub = hub or n.hub
    shops = shops or n.dispensers
    there = x.move(list(cases), n.maker, hub, start)
    for k, (case, packs) in enumerate(cases.items()):
        stock(x, hub, shops[k % len(shops)], case, packs, there + timedelta(days=1, hours=k), sold)


def stock(
    x: Exchange,
    hub: Place,
    shop: Place,
    case: str,
    packs: Sequence[str],
    when: datetime,
    sold: float = 0.5,
) -> datetime:
    """One case from a wholesaler to a dispenser, opened there and partly sold."""
    got = x.move([case], hub, shop, when)
    x.unpack(case, packs, shop, got + timedelta(hours=1))
    x.sell(packs[: int(len(packs) * sold)], shop, got + timedelta(days=2))
    return got


def write(folder: Path, exchanges: Iterable[Exchange]) -> None:
    """Write the exchanges as an inbox: one file of events per reporter, one file per list."""
    folder.mkdir(parents=True, exist_ok=True)
    tables: dict[str, list[dict[str, str]]] = {}
    for x in exchanges:
        seen = {place.gln for place in x.places if place.role not in x.silent}
        by_reporter: dict[str, list[dict[str, Any]]] = {}
        for gln, event in x.events:
            if gln in seen:
                by_reporter.setdefault(gln, []).append(event)
        for gln, events in by_reporter.items():
            text = "".join(json.dumps(event) + "\n" for event in events)
            (folder / f"{x.number:03d}_{gln}.ndjson").write_text(text, encoding="utf-8")
        sites = [
            {
                "gln": place.gln,
                "name": place.name,
                "role": place.role,
                "city": place.city,
                "country": CITIES[place.city][0],
                "latitude": str(CITIES[place.city][1]),
                "longitude": str(CITIES[place.city][2]),
                "partner": place.partner,
            }
            for place in x.places
        ]
        for name, rows in (x.tables | {"sites": sites}).items():
            if name == "verifications" and x.silent:
                tables.setdefault(name, []).extend(row for row in rows if row["site_gln"] in seen)
            elif x.lists or name in ("theft_notices", "recalls", "verifications"):
                tables.setdefault(name, []).extend(rows)
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else ["gln"])
            writer.writeheader()
            writer.writerows(rows)
