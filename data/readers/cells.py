"""Cells of text as values: times in UTC, dates, numbers, identifiers. Expressions only.

Every function takes an expression of trimmed text, null where empty, and gives null where the text
cannot be read: the caller compares the two to know which cells were not understood.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import polars as pl

from data.readers.identifiers import parse_texts, with_check_digit

# ISO 8601, with what real exports make of it: a blank for T, a comma for the point, +0200, +02.
_ISO: Final = (
    r"^([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ]([0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?)?"
    r" ?([Zz]|UTC|[+-][0-9]{2}:?(?:[0-9]{2})?)?$"
)
# Years outside are a misread format (strptime takes 06 for %Y as the year 6).
_YEARS: Final = (1900, 2200)


# Other spellings of a day that cannot be misread; which of 3/4 is the month nobody can tell.
_CERTAIN: Final = ("%Y/%m/%d", "%Y%m%d", "%d.%m.%Y", "%d-%b-%Y", "%d %b %Y")
_CERTAIN_TIMES: Final = (
    *_CERTAIN,
    *(f"%d.%m.%Y{clock}" for clock in (" %H:%M", " %H:%M:%S")),
    *(f"%Y/%m/%d{clock}" for clock in (" %H:%M", " %H:%M:%S")),
)

TIME: Final = pl.Struct({"at": pl.Datetime("us"), "is_day": pl.Boolean, "has_zone": pl.Boolean})


def time(text: pl.Expr, formats: Sequence[str] = (), zone: str | None = None) -> pl.Expr:
    """ISO 8601, or one of ``formats`` (else a few that are certain), as a struct ``TIME``.

    ``at`` is in UTC; a time without an offset is in ``zone``, else taken as UTC. ``is_day``: the
    text gave no time of the day. ``has_zone``: it told its offset.
    """

    def read(values: pl.Series) -> pl.Series:
        return _times(values, formats or _CERTAIN_TIMES, zone).to_struct(values.name)

    return text.map_batches(read, return_dtype=TIME)


def _times(values: pl.Series, formats: Sequence[str], zone: str | None) -> pl.DataFrame:
    # In steps of whole columns: one expression would split every text anew at each mention.
    text = pl.col("text")
    parts = values.alias("text").to_frame().with_columns(parts=text.str.extract_groups(_ISO))
    names = ("day", "minute", "second", "fraction", "offset")
    parts = parts.with_columns(pl.col("parts").struct.rename_fields(names)).unnest("parts")
    stamp = pl.concat_str(
        "day",
        pl.lit("T"),
        pl.col("minute").fill_null("00:00"),
        pl.lit(":"),
        pl.col("second").fill_null("00"),
        pl.lit("."),
        pl.col("fraction").fill_null("").str.pad_end(6, "0").str.head(6),
    )
    digits = pl.col("offset").str.extract("^[+-](.*)$").str.replace(":", "").str.pad_end(4, "0")
    read = parts.with_columns(
        iso=stamp.str.to_datetime("%Y-%m-%dT%H:%M:%S%.6f", time_unit="us", strict=False),
        minutes=digits.str.head(2).cast(pl.Int64) * 60 + digits.str.tail(2).cast(pl.Int64),
        **{f"as {one}": _formatted(text, one) for one in formats},
    )
    naive = _plausible(pl.coalesce("iso", *(f"as {one}" for one in formats)))
    days = [pl.col(f"as {one}").is_not_null() for one in formats if "%H" not in one]
    offset = pl.col("offset")
    read = read.with_columns(
        naive=naive,
        is_day=pl.any_horizontal(pl.col("iso").is_not_null() & pl.col("minute").is_null(), *days),
        minutes=pl.when(offset.str.starts_with("-")).then(-pl.col("minutes")).otherwise("minutes"),
    )
    local = pl.col("naive")
    if zone is not None:
        local = (
            local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
            .dt.convert_time_zone("UTC")
            .dt.replace_time_zone(None)
        )
    stated = pl.col("naive") - pl.duration(minutes=pl.col("minutes").fill_null(0))
    return read.select(
        at=pl.when(offset.is_not_null()).then(stated).when("is_day").then("naive").otherwise(local),
        is_day="is_day",
        has_zone=offset.is_not_null(),
    )


def _formatted(text: pl.Expr, pattern: str) -> pl.Expr:
    if "%H" in pattern:
        return text.str.to_datetime(pattern, time_unit="us", strict=False)
    return text.str.to_date(pattern, strict=False).cast(pl.Datetime("us"))


def _plausible(at: pl.Expr) -> pl.Expr:
    return pl.when(at.dt.year().is_between(*_YEARS)).then(at)


def date(text: pl.Expr, formats: Sequence[str] = ()) -> pl.Expr:
    """ISO 8601 (of a time, its day), year and month (its last day), YYMMDD as printed, formats.

    Printed years lie in 2000 to 2099 and day 00 is the month's last, as in ``gs1.printed_date``.
    """
    iso = text.str.extract(r"^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[Tt ].*)?$").str.to_date(
        "%Y-%m-%d", strict=False
    )
    month = _month_end(text.str.extract(r"^([0-9]{4}-[0-9]{2})(?:-00)?$") + "-01")
    printed = text.str.extract(r"^([0-9]{6})$")
    year_month = pl.lit("20") + printed.str.head(2) + "-" + printed.str.slice(2, 2) + "-"
    day = printed.str.tail(2)
    on_day = (year_month + day).str.to_date("%Y-%m-%d", strict=False)
    at_end = pl.when(day == "00").then(_month_end(year_month + "01"))
    compact = text.str.extract(r"^((?:19|20)[0-9]{6})$").str.to_date("%Y%m%d", strict=False)
    other = [text.str.to_date(one, strict=False) for one in formats or _CERTAIN]
    return _plausible(pl.coalesce(iso, month, on_day, at_end, compact, *other))


def _month_end(first: pl.Expr) -> pl.Expr:
    return first.str.to_date("%Y-%m-%d", strict=False).dt.month_end()


def number(text: pl.Expr) -> pl.Expr:
    """A finite number; commas, blanks or apostrophes between groups of three digits are dropped.

    A comma is the decimal sign where it can be nothing else: after points between groups, or
    before any but three digits.
    """
    is_grouped = text.str.contains(r"^[+-]?[0-9]{1,3}([, '’\u00a0\u202f][0-9]{3})+(\.[0-9]+)?$")
    has_comma = text.str.contains(
        r"^[+-]?([0-9]{1,3}(\.[0-9]{3})+,[0-9]+|[0-9]+,([0-9]{1,2}|[0-9]{4,}))$"
    )
    plain = (
        pl.when(is_grouped)
        .then(text.str.replace_all(r"[^0-9.+-]", ""))
        .when(has_comma)
        .then(text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True))
        .otherwise(text)
    )
    is_number = plain.str.contains(r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$")
    value = pl.when(is_number).then(plain).cast(pl.Float64, strict=False)
    return pl.when(value.is_finite()).then(value)


def integer(text: pl.Expr) -> pl.Expr:
    """A whole number that fits 32 bits."""
    value = number(text)
    return pl.when(value == value.round()).then(value).cast(pl.Int32, strict=False)


def boolean(text: pl.Expr) -> pl.Expr:
    """Yes or no, in the words that exports use."""
    word = text.str.to_lowercase()
    return (
        pl.when(word.is_in(["true", "yes", "y", "1", "t"]))
        .then(True)
        .when(word.is_in(["false", "no", "n", "0", "f"]))
        .then(False)
    )


def text_list(text: pl.Expr) -> pl.Expr:
    """A list with ``;`` between (or a JSON list of texts); an empty list is not stated."""
    is_json = text.str.contains(r"^\[.*\]$")
    bare = pl.when(is_json).then(text.str.replace_all(r'[\[\]"]', "").str.replace_all(",", ";"))
    parts = bare.otherwise(text).str.split(";").list.eval(pl.element().str.strip_chars())
    filled = parts.list.eval(pl.element().filter(pl.element() != ""))
    return pl.when(filled.list.len() > 0).then(filled)


def gln(text: pl.Expr) -> pl.Expr:
    """GLN-13 of digits (leading zeros given back), URN, link or element string; else the text."""
    return _identifier(text, "gln", r"^[0-9]{11,13}$", 13)


def gtin(text: pl.Expr) -> pl.Expr:
    """GTIN-14 of digits (leading zeros given back), URN, link or element string; else the text."""
    return _identifier(text, "gtin", r"^[0-9]{8,14}$", 14)


def sscc(text: pl.Expr) -> pl.Expr:
    """SSCC of digits, URN, link or element string; else the text."""
    return _identifier(text, "sscc", r"^[0-9]{16,18}$", 18)


def _identifier(text: pl.Expr, column: str, digits: str, length: int) -> pl.Expr:
    def parsed(values: pl.Series) -> pl.Series:
        other = values.filter(~values.str.contains(digits)).drop_nulls().unique(maintain_order=True)
        if other.is_empty():
            return values
        found = parse_texts(other).select("text", pl.coalesce(column, "text").alias("found"))
        return values.replace(found["text"], found["found"])

    padded = pl.when(text.str.contains(digits)).then(text.str.zfill(length)).otherwise(text)
    return padded.map_batches(parsed, return_dtype=pl.String)


def synthetic(text: pl.Expr, scope: str, number: str) -> pl.Expr:
    """An in-house GLN or GTIN for a name: the same for the same name, whatever file it is in.

    A leading 2 marks numbers that GS1 leaves to restricted circulation (General Specifications
    section 2.1.11), so that none can meet a real one. Case and runs of blanks do not count.
    """
    name = text.str.strip_chars().str.replace_all(r"\s+", " ").str.to_lowercase()

    def numbered(values: pl.Series) -> pl.Series:
        distinct = values.drop_nulls().unique(maintain_order=True)
        body = pl.Series(
            [_eleven_digits(f"{scope}\n{value}") for value in distinct], dtype=pl.String
        )
        closed = pl.select(with_check_digit(pl.lit("2") + body, 12)).to_series()
        return values.replace_strict(distinct, closed, default=None, return_dtype=pl.String)

    thirteen = name.map_batches(numbered, return_dtype=pl.String)
    return pl.lit("0") + thirteen if number == "gtin" else thirteen


def _eleven_digits(text: str) -> str:
    return f"{int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], 'big') % 10**11:011d}"
