"""Identifiers by the million: the set-based twin of ``gs1.parse``.

The spellings that come in volume are split by one regular expression each into the same four
parts (primary key, its digits, finest qualifier, its value), from which the columns follow; every
other text goes through ``gs1.parse`` one by one. Tests hold the two equal on every text.
"""

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Final

import polars as pl

from data.readers import gs1

COLUMNS: Final = (
    "text",
    "scheme",
    "canonical",
    "gtin",
    "serial",
    "lot",
    "sscc",
    "gln",
    "extension",
    "note",
)

# The expressions of the set-based way cost some 17 ms however few the texts are; one by one a text
# takes 12 microseconds.
FEW: Final = 1_000

# Values that are spelled alike in a URN, in a link and in plain text.
_PLAIN: Final = r"[A-Za-z0-9!'()*+,.:;=_-]{1,20}"


def parse_texts(texts: pl.Series) -> pl.DataFrame:
    """Parse distinct texts; one row each, in their order, nulls left out.

    Parameters
    ----------
    texts
        Strings as they were read.

    Returns
    -------
    A frame of strings with the columns ``COLUMNS``, as ``gs1.Identifier`` describes them.
    """
    stated = texts.drop_nulls()
    if stated.len() >= FEW:
        return parse_many(stated)
    return _one_by_one(_numbered(stated)).select(COLUMNS)


def parse_many(texts: pl.Series) -> pl.DataFrame:
    """``parse_texts`` set by set, however few the texts are."""
    rest = _numbered(texts.drop_nulls())
    done = []
    for spelling in _SPELLINGS:
        split = rest.with_columns(parts=pl.col("text").str.extract_groups(spelling.pattern))
        is_spelling = spelling.holds.fill_null(value=False)
        done.append(_columns(split.filter(is_spelling), spelling))
        rest = split.filter(~is_spelling).drop("parts")
    done.append(_one_by_one(rest))
    return pl.concat(done).sort("row").select(COLUMNS)


def _numbered(texts: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"text": texts.cast(pl.String)}).with_row_index("row")


def unit_link(gtin: pl.Expr, serial: pl.Expr) -> pl.Expr:
    """The canonical link of a pack from columns of GTIN-14 and serial; null where either is."""
    head = pl.concat_str(pl.lit(f"{gs1.DOMAIN}/01/"), gtin, pl.lit("/21/"))
    return pl.concat_str(head, serial.map_batches(_encoded, return_dtype=pl.String))


def with_check_digit(digits: pl.Expr, length: int) -> pl.Expr:
    """Texts of ``length`` digits (at most 17) with their check digit appended."""
    return pl.concat_str(digits, _check_digit(digits, length).cast(pl.String))


def _check_digit(digits: pl.Expr, length: int) -> pl.Expr:
    """The check digit of texts of ``length`` digits: weights 3, 1, 3, … from the right."""
    number = digits.cast(pl.Int64)
    weighted = [(number // 10**place % 10) * (1 if place % 2 else 3) for place in range(length)]
    total: pl.Expr = reduce(add, weighted)
    return (10 - total % 10) % 10


def _encoded(values: pl.Series) -> pl.Series:
    special = values.filter(~values.str.contains(f"^{_PLAIN}$")).unique().to_list()
    return values.replace(special, [gs1.encode(value) for value in special])


def _part(name: str) -> pl.Expr:
    return pl.col("parts").struct.field(name)


def _lengths(total: int) -> pl.Expr:
    """Company prefix and reference fill ``total`` digits; what a regular expression cannot say."""
    return _part("company").str.len_bytes() + _part("reference").str.len_bytes() == total


@dataclass(frozen=True)
class _Spelling:
    """A pattern whose groups give company and reference, or digits; and value where it has one."""

    key: str
    pattern: str
    holds: pl.Expr
    digits: pl.Expr  # with check digit
    length: int
    finest: str | None = None  # the AI of value


def _leading_digit_first() -> pl.Expr:
    """Indicator or extension digit, company prefix, rest of the reference."""
    reference = _part("reference")
    return pl.concat_str(reference.str.head(1), _part("company"), reference.str.slice(1))


def _urn(head: str, key: str, total: int, reference: str, finest: str | None) -> _Spelling:
    value = rf"\.(?<value>{_PLAIN})" if finest else ""
    holds = _lengths(total)
    return _Spelling(
        key=key,
        pattern=rf"^urn:epc:{head}:(?<company>[0-9]{{6,12}})\.(?<reference>{reference}){value}$",
        holds=holds & (_part("value") != "*") if finest else holds,  # a lone star is a pattern
        digits=with_check_digit(
            pl.concat_str(_part("company"), _part("reference"))
            if key == "414"
            else _leading_digit_first(),
            total,
        ),
        length=total + 1,
        finest=finest,
    )


def _link(key: str, length: int, finest: str | None) -> _Spelling:
    value = f"/{finest}/(?<value>{_PLAIN})" if finest else ""
    return _Spelling(
        key=key,
        pattern=rf"^https://id\.gs1\.org/{key}/(?<digits>[0-9]{{{length}}}){value}$",
        holds=_part("digits").is_not_null(),
        digits=_part("digits"),
        length=length,
        finest=finest,
    )


_SPELLINGS: Final = (
    _urn("id:sgtin", "01", 13, "[0-9]{1,7}", "21"),
    _urn("class:lgtin", "01", 13, "[0-9]{1,7}", "10"),
    _urn("id:sscc", "00", 17, "[0-9]{5,11}", None),
    _urn("id:sgln", "414", 12, "[0-9]{0,6}", "254"),
    _link("01", 14, "21"),
    _link("01", 14, "10"),
    _link("01", 14, None),
    _link("00", 18, None),
    _link("414", 13, "254"),
    _link("414", 13, None),
)
_SCHEMES: Final = {"21": "sgtin", "10": "lgtin"}


def _columns(split: pl.DataFrame, spelling: _Spelling) -> pl.DataFrame:
    finest = spelling.finest
    frame = split.select(
        "row",
        "text",
        digits=spelling.digits,
        value=_part("value") if finest else pl.lit(None, pl.String),
    )
    if finest == "254":  # extension 0: the whole site
        frame = frame.with_columns(value=pl.when(pl.col("value") != "0").then("value"))
    digits, value, null = pl.col("digits"), pl.col("value"), pl.lit(None, pl.String)
    bare = {"01": "gtin", "00": "sscc", "414": "sgln"}[spelling.key]
    head = pl.concat_str(pl.lit(f"{gs1.DOMAIN}/{spelling.key}/"), digits)
    finer = pl.concat_str(head, pl.lit(f"/{finest}/"), value)
    is_closed = _check_digit(digits.str.head(-1), spelling.length - 1) == digits.str.tail(1).cast(
        pl.Int64
    )
    return frame.select(
        "row",
        "text",
        scheme=pl.lit(_SCHEMES.get(finest or "", bare)),
        canonical=pl.coalesce(finer, head),
        gtin=digits if spelling.key == "01" else null,
        serial=value if finest == "21" else null,
        lot=value if finest == "10" else null,
        sscc=digits if spelling.key == "00" else null,
        gln=digits if spelling.key == "414" else null,
        extension=value if finest == "254" else null,
        note=pl.when(~is_closed).then(pl.lit("bad_check_digit")),
    )


def _one_by_one(rest: pl.DataFrame) -> pl.DataFrame:
    found = [gs1.parse(text) for text in rest["text"]]
    rows = {
        name: pl.Series([getattr(one, name) for one in found], dtype=pl.String) for name in COLUMNS
    }
    return pl.DataFrame({"row": rest["row"], **rows})
