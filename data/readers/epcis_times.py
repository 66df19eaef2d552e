"""Times and dates of EPCIS documents, a whole column at once."""

import calendar
import re
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import polars as pl

_MOMENT = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(?:\.[0-9]+)?\s*(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)$"
)
# As nearly every system writes moments; one pass reads them.
_PLAIN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](?:\.[0-9]{1,6})?Z$"
_FRACTION = r"^\.([0-9]{1,7})"
_ZONE = r"([+-][0-9]{2}(?::?[0-9]{2})?)$"
_FIRST = datetime(1900, 1, 1)
_LAST = datetime(2200, 1, 1)
_MICROSECONDS_A_DAY = 86_400_000_000
_LATEST_OFFSET_MIN = 14 * 60

_OFFSET = re.compile(r"([+-])(\d\d)(?::?(\d\d))?")
_ISO_DATE = re.compile(
    r"(\d{4})-(\d\d)(?:-(\d\d))?"
    r"(?:T\d\d:\d\d:\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)?"
)
_DIGIT_DATE = re.compile(r"((?:\d\d)?\d\d)(\d\d)(\d\d)")


def mapped(column: str, values: pl.Series, function: Callable[[str], Any], dtype: Any) -> pl.Expr:
    """Return the expression for a function of one text, applied once a distinct value.

    ``values`` holds the distinct texts that occur in ``column``; null stays null.
    """
    distinct = values.drop_nulls() if values.null_count() else values
    if distinct.is_empty():
        return pl.lit(None, dtype).alias(column)
    answers = pl.Series([function(text) for text in distinct.to_list()], dtype=dtype)
    return pl.col(column).replace_strict(distinct, answers, default=None, return_dtype=dtype)


def parse_moments(texts: pl.Series) -> pl.Series:
    """Return the UTC moments, to the microsecond, that a column of texts names.

    Texts are ISO 8601 with a zone, without white space around; null where unusable. Fractions have
    any number of digits and are rounded half up. ``24:00:00`` is the next day's midnight (XML
    Schema part 2, dateTime). A text without a zone names no moment. Years outside 1900 to 2199
    are defaults of software, not observations.
    """
    if texts.null_count() == len(texts):
        return pl.Series(texts.name, [None] * len(texts), dtype=pl.Datetime("us"))
    plain = _plain_moments(texts)
    return parse_any_moments(texts) if plain is None else plain


def _plain_moments(texts: pl.Series) -> pl.Series | None:
    """Return the moments of texts that are all of the plain shape and plausible, else None."""
    text = pl.col("text")
    moments = (
        pl.DataFrame({"text": texts})
        .select(
            pl.when(text.str.contains(_PLAIN))
            .then(text.str.head(-1))
            .str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us")
            .alias(texts.name)
        )
        .to_series()
    )
    if moments.null_count() > texts.null_count():
        return None
    first, last = moments.min(), moments.max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return None
    return moments if first >= _FIRST and last < _LAST else None


def parse_any_moments(texts: pl.Series) -> pl.Series:
    """Return what ``parse_moments`` does, of whatever texts."""
    # In steps, since an expression used twice within one pass is computed twice.
    text = pl.col("text")
    parts = pl.DataFrame({"text": texts}).select(
        is_shaped=text.str.contains(_MOMENT),
        day=text.str.slice(0, 10),
        clock=text.str.slice(11, 8),
        fraction=text.str.slice(19, 8).str.extract(_FRACTION),
        zone=text.str.slice(-6).str.extract(_ZONE),
    )
    is_midnight = pl.col("clock") == "24:00:00"
    zones = parts["zone"].unique()
    numbers = parts.select(
        "is_shaped",
        is_midnight=is_midnight,
        second=pl.concat_str(
            "day",
            pl.when(is_midnight).then(pl.lit("00:00:00")).otherwise("clock"),
            separator="T",
        ).str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="us"),
        microsecond=(pl.col("fraction").str.pad_end(7, "0").cast(pl.Int64) + 5) // 10,
        minutes_east=mapped("zone", zones, offset_minutes, pl.Int64),
        is_zoned=pl.col("zone").is_not_null(),
    ).with_columns(pl.col("microsecond").fill_null(0))
    # A zone out of range has no minutes; Z has no zone text and is no minutes east.
    minutes = pl.when("is_zoned").then("minutes_east").otherwise(0)
    moments = numbers.select(
        is_usable=pl.col("is_shaped") & (~pl.col("is_midnight") | (pl.col("microsecond") == 0)),
        moment=(
            pl.col("second").cast(pl.Int64)
            + pl.col("microsecond")
            + pl.col("is_midnight") * _MICROSECONDS_A_DAY
            - minutes * 60_000_000
        ).cast(pl.Datetime("us")),
    )
    is_plausible = pl.col("is_usable") & pl.col("moment").is_between(_FIRST, _LAST, closed="left")
    return moments.select(pl.when(is_plausible).then("moment").alias(texts.name)).to_series()


@lru_cache(maxsize=1024)
def offset_minutes(text: str) -> int | None:
    """Return the minutes east of UTC of ``+02:00``, ``-0500``, ``+02`` or ``Z``; None of others."""
    stated = text.strip()
    if stated in {"Z", "z"}:
        return 0
    parts = _OFFSET.fullmatch(stated)
    if parts is None:
        return None
    hours, minutes = int(parts[2]), int(parts[3] or 0)
    if minutes > 59 or hours * 60 + minutes > _LATEST_OFFSET_MIN:
        return None
    return (-1 if parts[1] == "-" else 1) * (hours * 60 + minutes)


@lru_cache(maxsize=4096)
def parse_date(text: str) -> date | None:
    """Return the date of ``2027-05-31``, ``20270531``, ``270531`` or ``2027-05``; None of others.

    A month without a day, or with day 00, means its last day (GS1 General Specifications, AI 17).
    A time after the date is left out. Two-digit years are taken as 2000 to 2099.
    """
    stated = text.strip()
    parts = _ISO_DATE.fullmatch(stated) or _DIGIT_DATE.fullmatch(stated)
    if parts is None or ("T" in stated and parts[3] is None):
        return None
    year = int(parts[1]) if len(parts[1]) == 4 else 2000 + int(parts[1])
    month, day = int(parts[2]), int(parts[3] or 0)
    if not (1900 <= year < 2200 and 1 <= month <= 12):
        return None
    last = calendar.monthrange(year, month)[1]
    return date(year, month, day or last) if day <= last else None
