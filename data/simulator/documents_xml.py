"""Events as the XML of EPCIS 1.2, which hides what came after version 1.0 in extensions."""

from typing import Final

import polars as pl

_CBV: Final = "urn:epcglobal:cbv:"
_OBJECT: Final = pl.col("event_type") == "ObjectEvent"
_AGGREGATION: Final = pl.col("event_type") == "AggregationEvent"
_TRANSFORMATION: Final = pl.col("event_type") == "TransformationEvent"
_ATTRIBUTES: Final = {
    "name": f"{_CBV}mda#name",
    "partner": "https://ns.example.com/site#owner",
    "city": f"{_CBV}mda#city",
    "country": f"{_CBV}mda#countryCode",
    "latitude": f"{_CBV}mda#latitude",
    "longitude": f"{_CBV}mda#longitude",
}


RECEIVER = "urn:epc:id:sgln:9529999.00001.0"  # who collects the feeds


def envelope(created: str, header: str) -> tuple[bytes, bytes]:
    """What stands before and after the events."""
    start = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:1" '
        f'xmlns:cbvmda="{_CBV}mda" schemaVersion="1.2" creationDate="{created}">\n'
        f"{header}<EPCISBody>\n<EventList>\n"
    )
    return start.encode(), b"</EventList>\n</EPCISBody>\n</epcis:EPCISDocument>\n"


def header(sites: pl.DataFrame, created: str) -> str:
    """The header: who sends (the first of the sites) to whom, and the sites described."""
    attributes = [
        pl.concat_str(
            pl.lit(f'<attribute id="{urn}">'),
            _escaped(pl.col(name).cast(pl.String)),
            pl.lit("</attribute>"),
        )
        for name, urn in _ATTRIBUTES.items()
    ]
    element = _all(
        pl.lit('<VocabularyElement id="'),
        pl.col("sgln_urn"),
        pl.lit('">'),
        *attributes,
        pl.lit("</VocabularyElement>\n"),
    )
    elements = "".join(sites.select(element).to_series())
    return (
        f"<EPCISHeader>{_business_header(str(sites['sgln_urn'][0]), created)}"
        "<extension><EPCISMasterData><VocabularyList>"
        '<Vocabulary type="urn:epcglobal:epcis:vtype:Location"><VocabularyElementList>\n'
        f"{elements}</VocabularyElementList></Vocabulary></VocabularyList></EPCISMasterData>"
        "</extension></EPCISHeader>\n"
    )


def _business_header(sender: str, created: str) -> str:
    """UN/CEFACT Standard Business Document Header, which EPCIS 1.2 asks of every header."""
    sides = "".join(
        f'<sbdh:{side}><sbdh:Identifier Authority="SGLN">{who}</sbdh:Identifier></sbdh:{side}>'
        for side, who in (("Sender", sender), ("Receiver", RECEIVER))
    )
    return (
        "<sbdh:StandardBusinessDocumentHeader "
        'xmlns:sbdh="http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader">'
        f"<sbdh:HeaderVersion>1.0</sbdh:HeaderVersion>{sides}<sbdh:DocumentIdentification>"
        "<sbdh:Standard>EPCglobal</sbdh:Standard><sbdh:TypeVersion>1.0</sbdh:TypeVersion>"
        f"<sbdh:InstanceIdentifier>{sender.rsplit(':', 1)[1]}-{created}</sbdh:InstanceIdentifier>"
        f"<sbdh:Type>Events</sbdh:Type><sbdh:CreationDateAndTime>{created}"
        "</sbdh:CreationDateAndTime></sbdh:DocumentIdentification>"
        "</sbdh:StandardBusinessDocumentHeader>\n"
    )


def event_text() -> pl.Expr:
    """The element of an event, over the columns of ``spelling.spelled``."""
    ilmd = _inside("ilmd", _facts())
    parties = _parties("source", "from"), _parties("destination", "to")
    more = _all(_classes("quantityList", _OBJECT), _classes("childQuantityList", _AGGREGATION))
    more = _all(more, *parties, pl.when(_OBJECT).then(ilmd))
    body = _all(
        _tag("eventTime", "at"),
        _tag("recordTime", "recorded"),
        _tag("eventTimeZoneOffset", "zone"),
        pl.lit("<baseExtension>"),
        _tag("eventID", "id"),
        pl.concat_str(
            pl.lit("<errorDeclaration><declarationTime>"),
            "declared",
            pl.lit(f"</declarationTime><reason>{_CBV}er:incorrect_data</reason>"),
            pl.lit("</errorDeclaration>"),
        ),
        pl.lit("</baseExtension>"),
        pl.when(_OBJECT).then(_items("epcList", "epcs")),
        pl.when(_AGGREGATION).then(
            _all(_tag("parentID", "parent"), _items("childEPCs", "children"))
        ),
        pl.when(_TRANSFORMATION).then(
            _all(
                _items("inputEPCList", "epcs"),
                _classes("inputQuantityList", _TRANSFORMATION),
                _items("outputEPCList", "outputs"),
            )
        ),
        _tag("action", "action"),
        _tag("bizStep", "step", f"{_CBV}bizstep:"),
        _tag("disposition", "disposition", f"{_CBV}disp:"),
        _inside("readPoint", _tag("id", "site")),
        _inside("bizLocation", _tag("id", "site")),
        _inside("bizTransactionList", _typed("bizTransaction", "btt", "document_kind", "document")),
        pl.when(~_TRANSFORMATION & (more != "")).then(_inside("extension", more)),
        pl.when(_TRANSFORMATION).then(_all(*parties, ilmd)),
    )
    kind = pl.col("event_type")
    whole = pl.concat_str(pl.lit("<"), kind, pl.lit(">"), body, pl.lit("</"), kind, pl.lit(">"))
    return pl.when(_TRANSFORMATION).then(_inside("extension", whole)).otherwise(whole)


def _all(*texts: pl.Expr) -> pl.Expr:
    """The texts that are stated, one after the other."""
    return pl.concat_str(*texts, ignore_nulls=True)


def _tag(name: str, column: str, prefix: str = "") -> pl.Expr:
    return pl.concat_str(pl.lit(f"<{name}>{prefix}"), column, pl.lit(f"</{name}>"))


def _inside(name: str, content: pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit(f"<{name}>"), content, pl.lit(f"</{name}>"))


def _items(name: str, column: str) -> pl.Expr:
    """A list of identifiers; the schema wants the empty one too of objects and children."""
    joined = pl.col(column).list.join("</epc><epc>")
    filled = pl.concat_str(pl.lit("<epc>"), joined, pl.lit("</epc>"))
    return _inside(name, pl.when(pl.col(column).list.len() > 0).then(filled).otherwise(pl.lit("")))


def _classes(name: str, holds: pl.Expr) -> pl.Expr:
    inside = pl.element().struct
    element = pl.concat_str(
        pl.lit("<quantityElement><epcClass>"),
        inside.field("id"),
        pl.lit("</epcClass><quantity>"),
        inside.field("quantity"),
        pl.lit("</quantity></quantityElement>"),
    )
    elements = _inside(name, pl.col("classes").list.eval(element).list.join(""))
    return pl.when(holds & (pl.col("classes").list.len() > 0)).then(elements)


def _typed(name: str, vocabulary: str, kind: str | pl.Expr, column: str) -> pl.Expr:
    return pl.concat_str(
        pl.lit(f'<{name} type="{_CBV}{vocabulary}:'),
        kind,
        pl.lit('">'),
        column,
        pl.lit(f"</{name}>"),
    )


def _parties(name: str, end: str) -> pl.Expr:
    parties = _all(
        _typed(name, "sdt", pl.lit("owning_party"), f"owner_{end}"),
        _typed(name, "sdt", pl.lit("location"), f"place_{end}"),
    )
    return pl.when(parties != "").then(_inside(f"{name}List", parties))


def _facts() -> pl.Expr:
    """What commissioning says of the lot, null where it says nothing."""
    facts = _all(
        _inside("cbvmda:lotNumber", _escaped(pl.col("lot"))),
        _inside("cbvmda:itemExpirationDate", pl.col("expiry").cast(pl.String)),
        _inside("cbvmda:productionDate", pl.col("made_on").cast(pl.String)),
    )
    return pl.when(facts != "").then(facts)


def _escaped(text: pl.Expr) -> pl.Expr:
    return text.str.replace_many(["&", "<", ">"], ["&amp;", "&lt;", "&gt;"])
