"""Times and dates as partners write them."""

from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.readers.epcis_times import (
    offset_minutes,
    parse_any_moments,
    parse_date,
    parse_moments,
)


def moment(text: str | None) -> datetime | None:
    answer: datetime | None = parse_moments(pl.Series([text], dtype=pl.String)).item()
    return answer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-03-01T10:00:00Z", datetime(2025, 3, 1, 10)),
        ("2025-03-01t10:00:00z", datetime(2025, 3, 1, 10)),
        ("2025-03-01 10:00:00+02:00", datetime(2025, 3, 1, 8)),
        ("2025-03-01T10:00:00-0530", datetime(2025, 3, 1, 15, 30)),
        ("2025-03-01T10:00:00+02", datetime(2025, 3, 1, 8)),
        ("2025-03-01T24:00:00Z", datetime(2025, 3, 2)),
        ("2025-12-31T23:59:59.9999995Z", datetime(2026, 1, 1)),
        ("2025-03-01T10:00:00.1234564999Z", datetime(2025, 3, 1, 10, 0, 0, 123456)),
        ("2025-03-01T10:00:00.1234565Z", datetime(2025, 3, 1, 10, 0, 0, 123457)),
        ("2025-03-01T24:00:01Z", None),
        ("2025-02-30T10:00:00Z", None),
        ("2025-03-01T10:00:00", None),
        ("2025-03-01T10:00:00+15:00", None),
        ("2025-03-01T10:00:00+02:60", None),
        ("2025-03-01", None),
        ("22-07-2026", None),
        ("1753142400000", None),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        (None, None),
    ],
)
def test_moments(text: str | None, expected: datetime | None) -> None:
    assert moment(text) == expected


@given(
    st.datetimes(datetime(1901, 1, 1), datetime(2199, 1, 1)),
    st.text("0123456789", max_size=12),
    st.integers(-14 * 60, 14 * 60),
)
def test_moments_are_exact_to_the_microsecond_rounded_half_up(
    stated: datetime, fraction: str, offset: int
) -> None:
    local = stated.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=offset)))
    zone = f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}:{abs(offset) % 60:02}"
    text = f"{local:%Y-%m-%dT%H:%M:%S}{'.' + fraction if fraction else ''}{zone}"
    microseconds = int(Fraction(int(fraction or 0), 10 ** len(fraction)) * 10**6 + Fraction(1, 2))
    utc = local.astimezone(UTC).replace(tzinfo=None) + timedelta(microseconds=microseconds)
    assert moment(text) == utc


@given(st.text(max_size=30))
def test_no_text_stops_the_parsers(text: str) -> None:
    moment(text)
    parse_date(text)
    offset_minutes(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2027-05-31", date(2027, 5, 31)),
        ("2027-05-31Z", date(2027, 5, 31)),
        ("2027-05-31T00:00:00+02:00", date(2027, 5, 31)),
        ("20270531", date(2027, 5, 31)),
        ("270531", date(2027, 5, 31)),
        ("270200", date(2027, 2, 28)),
        ("2028-02", date(2028, 2, 29)),
        ("2027-02-30", None),
        ("2020-12-12T11", None),
        ("31/05/2027", None),
        ("202705", None),
    ],
)
def test_dates(text: str, expected: date | None) -> None:
    assert parse_date(text) == expected


PLAIN = st.from_regex(
    r"\A(19|20|21|22|00)[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]"
    r"(\.[0-9]{1,7})?Z\Z"
)


@given(st.lists(st.none() | PLAIN, min_size=1, max_size=5))
def test_moments_of_the_usual_shape_are_those_of_the_general_way(texts: list[str | None]) -> None:
    column = pl.Series("at", texts, dtype=pl.String)
    assert parse_moments(column).to_list() == parse_any_moments(column).to_list()
