"""What each partner sends: EPCIS 1.2 XML, 2.0 JSON-LD or newline-delimited events, and lists.

Wholesalers write URNs in XML, others Digital Links in JSON, as real partners do; the readers must
bring both to one form.
"""

import csv
import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from data.readers.gs1 import parse
from data.simulator.sample.events import Event, Lot
from data.simulator.sample.network import PRODUCTS, SITES, Site
from data.simulator.sample.stories import Lists, Truth

_CBV = "urn:epcglobal:cbv:"


def _zulu(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _offset(at: datetime, site: Site) -> str:
    text = at.astimezone(site.tz).strftime("%z")
    return f"{text[:3]}:{text[3:]}"


def _tag(name: str, value: str | None) -> str:
    return "" if value is None else f"<{name}>{escape(value)}</{name}>"


def _xml_parties(event: Event) -> str:
    if event.seller is None or event.buyer is None:
        return ""
    kind = f"{_CBV}sdt:owning_party"
    place = f"{_CBV}sdt:location"
    return (
        f'<sourceList><source type="{kind}">{event.seller.sgln}</source>'
        f'<source type="{place}">{event.seller.sgln}</source></sourceList>'
        f'<destinationList><destination type="{kind}">{event.buyer.sgln}</destination>'
        f'<destination type="{place}">{event.buyer.sgln}</destination></destinationList>'
    )


def _xml_event(event: Event) -> str:
    base = _tag("eventID", event.event_id)
    if event.declared:
        base += (
            f"<errorDeclaration><declarationTime>{_zulu(event.declared)}</declarationTime>"
            f"<reason>{_CBV}er:incorrect_data</reason></errorDeclaration>"
        )
    parts = [
        _tag("eventTime", _zulu(event.at)),
        _tag("recordTime", _zulu(event.recorded)),
        _tag("eventTimeZoneOffset", _offset(event.at, event.site)),
        f"<baseExtension>{base}</baseExtension>",
    ]
    document = ""
    if event.document:
        kind, number = event.document
        document = (
            f'<bizTransactionList><bizTransaction type="{_CBV}btt:{kind}">'
            f"{escape(f'{_CBV}bt:{event.site.gln}:{number}')}</bizTransaction></bizTransactionList>"
        )
    tail = (
        _tag("bizStep", f"{_CBV}bizstep:{event.step}")
        + _tag("disposition", event.disposition and f"{_CBV}disp:{event.disposition}")
        + f"<readPoint><id>{event.site.sgln}</id></readPoint>"
        + f"<bizLocation><id>{event.site.sgln}</id></bizLocation>"
        + document
    )
    if event.event_type == "AggregationEvent":
        parts.append(_tag("parentID", event.parent))
        parts.append(
            "<childEPCs>" + "".join(_tag("epc", c) for c in event.children) + "</childEPCs>"
        )
        parts.append(_tag("action", event.action) + tail)
    else:
        parts.append("<epcList>" + "".join(_tag("epc", e) for e in event.epcs) + "</epcList>")
        parts.append(_tag("action", event.action) + tail)
        more = ""
        if event.classes:
            more += (
                "<quantityList>"
                + "".join(
                    f"<quantityElement>{_tag('epcClass', c)}{_tag('quantity', f'{q:g}')}"
                    "</quantityElement>"
                    for c, q in event.classes
                )
                + "</quantityList>"
            )
        more += _xml_parties(event)
        if event.lot:
            expiry = event.expiry.isoformat() if event.expiry else None
            more += (
                "<ilmd>"
                + _tag("cbvmda:lotNumber", event.lot)
                + _tag("cbvmda:itemExpirationDate", expiry)
                + "</ilmd>"
            )
        if more:
            parts.append(f"<extension>{more}</extension>")
    return f"<{event.event_type}>{''.join(parts)}</{event.event_type}>"


def _xml_master(sites: Iterable[Site]) -> str:
    rows = "".join(
        f"<VocabularyElement id={quoteattr(s.sgln)}>"
        f'<attribute id="urn:epcglobal:cbv:mda#name">{escape(s.name)}</attribute>'
        f'<attribute id="urn:epcglobal:cbv:mda#city">{escape(s.city)}</attribute>'
        f'<attribute id="urn:epcglobal:cbv:mda#countryCode">{s.country}</attribute>'
        f'<attribute id="urn:epcglobal:cbv:mda#latitude">{s.latitude}</attribute>'
        f'<attribute id="urn:epcglobal:cbv:mda#longitude">{s.longitude}</attribute>'
        "</VocabularyElement>"
        for s in sites
    )
    return (
        "<EPCISHeader><extension><EPCISMasterData><VocabularyList>"
        f'<Vocabulary type="urn:epcglobal:epcis:vtype:Location"><VocabularyElementList>{rows}'
        "</VocabularyElementList></Vocabulary></VocabularyList></EPCISMasterData></extension>"
        "</EPCISHeader>"
    )


def write_xml(path: Path, events: Sequence[Event], site: Site) -> None:
    """Write one EPCIS 1.2 document of one reporter."""
    created = _zulu(max(event.recorded for event in events))
    body = "\n".join(_xml_event(event) for event in events)
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:1" '
        'xmlns:cbvmda="urn:epcglobal:cbv:mda" schemaVersion="1.2" '
        f'creationDate="{created}">{_xml_master([site])}'
        f"<EPCISBody><EventList>\n{body}\n</EventList></EPCISBody></epcis:EPCISDocument>\n",
        encoding="utf-8",
    )


def _link(urn: str) -> str:
    return parse(urn).canonical


def _json_event(event: Event) -> dict[str, object]:
    place = {"id": event.site.digital_link}
    out: dict[str, object] = {
        "type": event.event_type,
        "eventID": event.event_id,
        "eventTime": _zulu(event.at),
        "recordTime": _zulu(event.recorded),
        "eventTimeZoneOffset": _offset(event.at, event.site),
        "action": event.action,
        "bizStep": event.step,
        "readPoint": place,
        "bizLocation": place,
    }
    if event.declared:
        out["errorDeclaration"] = {
            "declarationTime": _zulu(event.declared),
            "reason": "incorrect_data",
        }
    if event.disposition:
        out["disposition"] = event.disposition
    if event.event_type == "AggregationEvent":
        out["parentID"] = _link(event.parent or "")
        out["childEPCs"] = [_link(c) for c in event.children]
    else:
        out["epcList"] = [_link(e) for e in event.epcs]
    if event.classes:
        out["quantityList"] = [{"epcClass": _link(c), "quantity": q} for c, q in event.classes]
    if event.document:
        kind, number = event.document
        document = f"urn:epcglobal:cbv:bt:{event.site.gln}:{quote(number)}"
        out["bizTransactionList"] = [{"type": kind, "bizTransaction": document}]
    if event.seller and event.buyer:
        kinds = ("owning_party", "location")
        seller, buyer = event.seller.digital_link, event.buyer.digital_link
        out["sourceList"] = [{"type": k, "source": seller} for k in kinds]
        out["destinationList"] = [{"type": k, "destination": buyer} for k in kinds]
    if event.lot:
        ilmd = {"cbvmda:lotNumber": event.lot}
        if event.expiry:
            ilmd["cbvmda:itemExpirationDate"] = event.expiry.isoformat()
        out["ilmd"] = ilmd
    return out


def write_json(path: Path, events: Sequence[Event]) -> None:
    """Write one EPCIS 2.0 JSON-LD document of one reporter."""
    document = {
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": _zulu(max(event.recorded for event in events)),
        "epcisBody": {"eventList": [_json_event(event) for event in events]},
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def write_lines(path: Path, events: Sequence[Event]) -> None:
    """Write events one a line, as a capture interface streams them."""
    text = "".join(json.dumps(_json_event(event)) + "\n" for event in events)
    path.write_text(text, encoding="utf-8")


def write_table(path: Path, rows: Sequence[dict[str, str]]) -> None:
    """Write one plain list."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_lists(folder: Path, lots: Sequence[Lot], lists: Lists) -> None:
    """Write sites, licences, product and lot masters, theft notices and the verification log."""
    write_table(
        folder / "sites.csv",
        [
            {
                "gln": s.gln,
                "name": s.name,
                "role": s.role,
                "city": s.city,
                "country": s.country,
                "latitude": f"{s.latitude}",
                "longitude": f"{s.longitude}",
                "partner": s.partner,
            }
            for s in SITES
        ],
    )
    write_table(folder / "licences.csv", _licences())
    write_table(
        folder / "product_master.csv",
        [
            {
                "gtin": p.gtin,
                "name": p.name,
                "shelf_life_days": f"{p.shelf_life_days}",
                "markets": ";".join(p.markets),
                "storage": p.storage,
                "high_risk": "true" if p.is_high_risk else "false",
            }
            for p in PRODUCTS
        ],
    )
    write_table(
        folder / "lot_master.csv",
        [
            {
                "gtin": lot.product.gtin,
                "lot": lot.number,
                "expiry": lot.expiry.isoformat(),
                "manufactured": lot.made.isoformat(),
                "quantity": f"{len(lot.serials)}",
                "markets": ";".join(lists.markets.get(lot.number, lot.product.markets)),
            }
            for lot in lots
        ],
    )
    write_table(folder / "theft_notices.csv", lists.theft_notices)
    write_table(folder / "verifications.csv", lists.verifications)


def _licences() -> list[dict[str, str]]:
    rows = []
    for site in SITES:
        spans = [("2024-01-01", "2028-12-31")]
        if site.name == "Nordkap Trading":
            spans = [("2024-01-01", "2026-01-31")]  # lapsed, and never renewed
        if site.name == "Hansa Arzneihandel":
            spans = [("2023-05-01", "2026-04-30"), ("2026-04-15", "2029-04-14")]
        for number, (start, end) in enumerate(spans, 1):
            rows.append(
                {
                    "gln": site.gln,
                    "role": site.role,
                    "licence_no": f"L-{site.ref}-{number}",
                    "valid_from": start,
                    "valid_to": end,
                    "country": site.country,
                }
            )
    return rows


def write_events(folder: Path, events: Sequence[Event]) -> None:
    """Write every reporter's events by month, each partner in its own format."""
    by_feed: dict[tuple[Site, str], list[Event]] = {}
    for event in sorted(events, key=lambda e: (e.recorded, e.event_id)):
        by_feed.setdefault((event.reporter, event.recorded.strftime("%Y-%m")), []).append(event)
    for (site, month), some in by_feed.items():
        stem = f"{month}_{site.ref}"
        if site.role in ("maker", "wholesaler"):
            write_xml(folder / f"{stem}.xml", some, site)
        elif site.role == "hospital":
            write_lines(folder / f"{stem}.ndjson", some)
        else:
            write_json(folder / f"{stem}.json", some)


def write_truth(path: Path, told: Sequence[Truth]) -> None:
    """Write what really happened to every lot; detection never reads it."""
    write_table(
        path,
        [
            {
                "gtin": t.gtin,
                "lot": t.lot,
                "label": t.label,
                "patterns": ";".join(t.patterns),
                "benign": t.benign,
                "note": t.note,
            }
            for t in sorted(told, key=lambda t: (t.gtin, t.lot))
        ],
    )


def recorded_until(events: Sequence[Event]) -> datetime:
    """The morning after the last report: the time from which the batch looks back."""
    last = max(event.recorded for event in events)
    return last.replace(hour=2, minute=0, second=0, microsecond=0) + timedelta(days=1)
