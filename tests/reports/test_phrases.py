"""Single values read right."""

from datetime import date, datetime

import pytest

from reports import phrases
from reports.claims import Place


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (12345, "12,345"),
        (811.96, "812"),
        (12.345, "12.3"),
        (1.2, "1.2"),
        (0.004, "0.004"),
        (0.00001234, "1.2e-05"),
        (-3.0, "-3"),
        (None, "not stated"),
    ],
)
def test_numbers(value: float | None, text: str) -> None:
    assert phrases.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "100 %"),
        (0.9999, "over 99.9 %"),
        (0.0002, "under 0.1 %"),
        (0.0, "0 %"),
        (0.415, "41.5 %"),
        (None, "not known"),
    ],
)
def test_a_share_never_rounds_to_all_or_nothing(value: float | None, text: str) -> None:
    assert phrases.share(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, "30 min"), (1.25, "1.2 h"), (48, "48 h"), (96, "4 days")]
)
def test_durations(value: float, text: str) -> None:
    assert phrases.hours(value) == text


def test_times_are_to_the_minute_and_dates_cannot_be_misread() -> None:
    assert phrases.moment(datetime(2024, 3, 4, 5, 6)) == "2024-03-04 05:06"
    assert phrases.day(date(2024, 3, 4)) == "4 Mar 2024"
    assert phrases.period(datetime(2024, 3, 4, 5), datetime(2024, 3, 4, 7)) == (
        "2024-03-04 05:00 to 07:00"
    )


def test_observed_stands_beside_its_limit() -> None:
    observed = (("distance_km", 812.3), ("elapsed_h", 1.2), ("is_listed", False), ("left", None))
    threshold = (("distance_km", 50), ("is_listed", True), ("speed_kmh", 900))
    assert phrases.against(observed, threshold) == (
        "distance 812 km (limit 50 km), time between 1.2 h, listed: no (expected yes); "
        "limits: speed 900 km/h"
    )


def test_a_place_without_a_name_shows_its_number() -> None:
    place = Place(site_id=1, gln="9521234000105", name=None, role=None, city=None, country=None)
    assert phrases.place_line(place) == "GLN 9521234000105"
    assert phrases.place_line(None) == "place not stated"


def test_a_quote_in_a_lot_stays_inside_the_sql_literal() -> None:
    assert phrases.quoted("A'; DROP") == "'A''; DROP'"


def test_chances_read_as_powers_of_ten() -> None:
    text = phrases.measured((("one_pack_log10", -18.2), ("ratio_log10", 16.6)))
    assert text.endswith("one pack 10⁻¹⁸, two packs are likelier by a factor of 10¹⁷")
