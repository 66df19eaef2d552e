"""What all documents of events share: identifiers, times and numbers as the text that they hold.

Whole columns at once. Percent-encoding takes the characters that both EPC URNs (Tag Data Standard
2.1, section 6.3) and Digital Links cannot hold as they are, which leaves nothing in an identifier
that XML or JSON would have to escape.
"""

from typing import Final, Literal

import numpy as np
import polars as pl
import pyarrow as pa

from data.simulator.chance import mix

Style = Literal["urn", "digital_link"]

# The event's columns that hold site numbers.
PARTIES: Final = ("owner_from", "owner_to", "place_from", "place_to")
_ESCAPED: Final = {mark: f"%{ord(mark):02X}" for mark in '"%&/<>?'}
_DOMAIN: Final = "https://id.gs1.org/"
_HEX: Final = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_UUID: Final = np.frombuffer(b"urn:uuid:xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", dtype=np.uint8)
_VERSION_4: Final = np.uint64(0x4000)
_VARIANT: Final = np.uint64(0x8 << 60)


def spelled(events: pl.DataFrame, sites: pl.DataFrame, style: Style) -> pl.DataFrame:
    """Events with texts in place of keys, numbers of sites and times.

    Parameters
    ----------
    events, sites
        Frames in the columns of ``records.EVENTS`` and ``records.SITES``.
    style
        How items, lots and places are written.

    Returns
    -------
    The events' columns, with ``id`` and ``device`` (a number for its logger) for ``event_id``, and
    ``at``, ``recorded``, ``declared`` and ``zone`` (+HH:MM) for the times; ``classes`` are structs
    of texts ``id`` and ``quantity``, ``temperatures`` of ``at`` and ``value``. Lots are not
    escaped. Null stays null.
    """
    place = places(sites, style)
    item = identifier(pl.element(), style)
    inside = pl.element().struct
    seller = pl.coalesce("owner_from", "site")
    return events.select(
        "event_type",
        "action",
        "step",
        "disposition",
        "document_kind",
        "lot",
        "expiry",
        "made_on",
        id=event_names(events["event_id"]),
        device=pl.col("event_id").cast(pl.String),
        at=zulu(pl.col("at_us")),
        recorded=zulu(pl.col("recorded_us")),
        declared=zulu(pl.col("declared_us")),
        zone=_zone(pl.col("offset_min")),
        site=place.gather(events["site"]),
        **{name: place.gather(events[name]) for name in PARTIES},
        document=pl.concat_str(
            pl.lit("urn:epcglobal:cbv:bt:"),
            pl.lit(sites["gln"]).gather(seller),
            pl.lit(":"),
            encoded(pl.col("document")),
        ),
        parent=identifier(pl.col("parent"), style),
        **{name: pl.col(name).list.eval(item) for name in ("epcs", "children", "outputs")},
        classes=pl.col("classes").list.eval(
            pl.struct(
                id=identifier(inside.field("key"), style),
                quantity=number(inside.field("quantity")),
            )
        ),
        temperatures=pl.col("temperatures").list.eval(
            pl.struct(at=zulu(inside.field("observed_us")), value=number(inside.field("value")))
        ),
    )


def identifier(key: pl.Expr, style: Style) -> pl.Expr:
    """What a key names, as an EPC URN or a Digital Link; see ``records`` for keys."""
    finest = encoded(key.str.slice(21))
    if style == "digital_link":
        return pl.concat_str(pl.lit(_DOMAIN), key.str.head(21), finest)
    is_sscc = key.str.starts_with("00/")
    scheme = (
        pl.when(is_sscc)
        .then(pl.lit("id:sscc"))
        .when(key.str.slice(17, 4) == "/10/")
        .then(pl.lit("class:lgtin"))
        .otherwise(pl.lit("id:sgtin"))
    )
    # Indicator or extension digit, company prefix, reference, and check digit in the end.
    reference = pl.concat_str(key.str.slice(11, 5), pl.lit("."), finest)
    return pl.concat_str(
        pl.lit("urn:epc:"),
        scheme,
        pl.lit(":"),
        key.str.slice(4, 7),
        pl.lit("."),
        key.str.slice(3, 1),
        pl.when(is_sscc).then(key.str.slice(11, 9)).otherwise(reference),
    )


def encoded(value: pl.Expr) -> pl.Expr:
    """A serial, lot or number as it stands in a URN or link."""
    return value.str.replace_many(list(_ESCAPED), list(_ESCAPED.values()))


def places(sites: pl.DataFrame, style: Style) -> pl.Series:
    """The identifier of each site, in the sites' order."""
    return sites["sgln_urn"] if style == "urn" else f"{_DOMAIN}414/" + sites["gln"]


def event_names(numbers: pl.Series) -> pl.Series:
    """Event IDs that look like UUIDs of version 4; each number has its own, always the same."""
    words = mix(numbers.to_numpy().view(np.uint64))
    # All 64 bits of the first word are in the name, so that no two numbers share one.
    high = (words & ~np.uint64(0xFFFF)) | _VERSION_4 | (words >> np.uint64(4) & np.uint64(0xFFF))
    low = _VARIANT | (words & np.uint64(0xF)) << np.uint64(58) | mix(words) >> np.uint64(6)
    octets = np.stack([high, low], axis=1).astype(">u8").view(np.uint8)
    text = np.tile(_UUID, (len(words), 1))
    digits = np.flatnonzero(ord("x") == _UUID)
    text[:, digits[::2]] = _HEX[octets >> 4]
    text[:, digits[1::2]] = _HEX[octets & 15]
    ends = np.arange(len(words) + 1, dtype=np.int64) * len(_UUID)
    buffers = pa.py_buffer(ends.tobytes()), pa.py_buffer(text.tobytes())
    return pl.Series(pa.LargeStringArray.from_buffers(len(words), *buffers))


def zulu(micros: pl.Expr) -> pl.Expr:
    """UTC microseconds as ``2026-03-01T14:05:00Z``."""
    return micros.cast(pl.Datetime("us")).dt.strftime("%Y-%m-%dT%H:%M:%SZ")


def number(value: pl.Expr) -> pl.Expr:
    """A number as text; whole ones without a point."""
    whole = value.cast(pl.Int64).cast(pl.String)
    return pl.when(value == value.round()).then(whole).otherwise(value.cast(pl.String))


def _zone(minutes: pl.Expr) -> pl.Expr:
    size = minutes.abs()
    return pl.concat_str(
        pl.when(minutes < 0).then(pl.lit("-")).otherwise(pl.lit("+")),
        (size // 60).cast(pl.String).str.zfill(2),
        pl.lit(":"),
        (size % 60).cast(pl.String).str.zfill(2),
    )
