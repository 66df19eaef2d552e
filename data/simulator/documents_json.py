"""Events as the JSON of EPCIS 2.0."""

from typing import Final

import polars as pl

_CONTEXT: Final = (
    '["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",'
    '{"cbvmda":"urn:epcglobal:cbv:mda:"}]'
)
_KIND: Final = pl.col("event_type")


def envelope(created: str) -> tuple[bytes, bytes]:
    """What stands before and after the events."""
    start = (
        f'{{"@context":{_CONTEXT},"type":"EPCISDocument","schemaVersion":"2.0",'
        f'"creationDate":"{created}","epcisBody":{{"eventList":[\n'
    )
    return start.encode(), b"]}}\n"


def event_text() -> pl.Expr:
    """The object of an event, over the columns of ``spelling.spelled``."""
    is_transformation = _KIND == "TransformationEvent"
    return _all(
        pl.concat_str(pl.lit('{"type":"'), _KIND, pl.lit('"')),
        _text("eventID", "id"),
        _text("eventTime", "at"),
        _text("recordTime", "recorded"),
        _text("eventTimeZoneOffset", "zone"),
        pl.concat_str(
            pl.lit(',"errorDeclaration":{"declarationTime":"'),
            "declared",
            pl.lit('","reason":"incorrect_data"}'),
        ),
        _text("action", "action"),
        _text("bizStep", "step"),
        _text("disposition", "disposition"),
        _text("parentID", "parent"),
        pl.when(is_transformation)
        .then(_items("inputEPCList", "epcs"))
        .otherwise(_items("epcList", "epcs")),
        _items("childEPCs", "children"),
        _items("outputEPCList", "outputs"),
        _classes(),
        pl.concat_str(pl.lit(',"readPoint":{"id":"'), "site", pl.lit('"}')),
        pl.concat_str(pl.lit(',"bizLocation":{"id":"'), "site", pl.lit('"}')),
        pl.concat_str(
            pl.lit(',"bizTransactionList":[{"type":"'),
            "document_kind",
            pl.lit('","bizTransaction":"'),
            "document",
            pl.lit('"}]'),
        ),
        _parties("source", "from"),
        _parties("destination", "to"),
        _temperatures(),
        _facts(),
        pl.lit("}"),
    )


def _all(*texts: pl.Expr) -> pl.Expr:
    """The texts that are stated, one after the other."""
    return pl.concat_str(*texts, ignore_nulls=True)


def _text(name: str, text: str | pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit(f',"{name}":"'), text, pl.lit('"'))


def _items(name: str, column: str) -> pl.Expr:
    joined = pl.concat_str(pl.lit('"'), pl.col(column).list.join('","'), pl.lit('"'))
    items = pl.when(pl.col(column).list.len() > 0).then(joined).otherwise(pl.lit(""))
    listed = pl.concat_str(pl.lit(f',"{name}":['), items, pl.lit("]"))
    return pl.when(pl.col(column).is_not_null()).then(listed)


def _classes() -> pl.Expr:
    inside = pl.element().struct
    element = pl.concat_str(
        pl.lit('{"epcClass":"'),
        inside.field("id"),
        pl.lit('","quantity":'),
        inside.field("quantity"),
        pl.lit("}"),
    )
    name = (
        pl.when(_KIND == "ObjectEvent")
        .then(pl.lit(',"quantityList":['))
        .when(_KIND == "AggregationEvent")
        .then(pl.lit(',"childQuantityList":['))
        .otherwise(pl.lit(',"inputQuantityList":['))
    )
    elements = pl.col("classes").list.eval(element).list.join(",")
    return pl.when(elements != "").then(pl.concat_str(name, elements, pl.lit("]")))


def _parties(name: str, end: str) -> pl.Expr:
    parties = pl.concat_str(
        _party(name, "owning_party", f"owner_{end}"),
        _party(name, "location", f"place_{end}"),
        separator=",",
        ignore_nulls=True,
    )
    listed = pl.concat_str(pl.lit(f',"{name}List":['), parties, pl.lit("]"))
    return pl.when(parties != "").then(listed)


def _party(name: str, kind: str, column: str) -> pl.Expr:
    return pl.concat_str(pl.lit(f'{{"type":"{kind}","{name}":"'), column, pl.lit('"}'))


def _temperatures() -> pl.Expr:
    inside = pl.element().struct
    report = pl.concat_str(
        pl.lit('{"type":"Temperature","time":"'),
        inside.field("at"),
        pl.lit('","value":'),
        inside.field("value"),
        pl.lit(',"uom":"CEL"}'),
    )
    reports = pl.col("temperatures").list.eval(report).list.join(",")
    # One logger travels with one consignment: its readings must not run into another's.
    device = pl.concat_str(
        pl.lit(
            ',"sensorElementList":[{"sensorMetadata":{"deviceID":"https://id.gs1.org/8004/9529999'
        ),
        pl.col("device"),
        pl.lit('"},"sensorReport":['),
    )
    return pl.when(reports != "").then(pl.concat_str(device, reports, pl.lit("]}]")))


def _facts() -> pl.Expr:
    """What commissioning says of the lot, null where it says nothing."""
    facts = _all(
        _text("cbvmda:lotNumber", pl.col("lot").str.replace_many(["\\", '"'], ["\\\\", '\\"'])),
        _text("cbvmda:itemExpirationDate", pl.col("expiry").cast(pl.String)),
        _text("cbvmda:productionDate", pl.col("made_on").cast(pl.String)),
    )
    inside = pl.concat_str(pl.lit(',"ilmd":{'), facts.str.slice(1), pl.lit("}"))
    return pl.when(facts != "").then(inside)
