"""A CSV opens in any spreadsheet with its values as they are, and nothing in it runs."""

import csv
import io
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.spreadsheet import sheet


def cells(text: str) -> list[list[str]]:
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:], newline="")))


def test_values_read_back_as_they_are() -> None:
    rows = cells(
        sheet(("a", "b"), [("Köln, am Dom", 3.0), ('say "so"', None), (2.5, datetime(2024, 5, 1))])
    )
    assert rows == [
        ["a", "b"],
        ["Köln, am Dom", "3"],
        ['say "so"', ""],
        ["2.5", "2024-05-01 00:00:00"],
    ]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        " =1",
        "\t=1",
        "\r\n=1",
        "\x00=1",
        '"=1',
        "\uff1d1",
        "a;=1",
        'a;"=1',
        "a,=cmd|' /C calc'!A0",
        "a\n=1",
    ],
)
def test_a_text_that_begins_like_a_formula_is_marked_as_text(text: str) -> None:
    [[cell]] = cells(sheet((), [(text,)]))[1:]
    for split in (cell, *cell.replace(",", ";").replace("|", ";").split(";")):
        assert split.lstrip(' "')[:1] not in tuple("=+-@\uff1d\t\r\n\x00") or not split


@pytest.mark.parametrize("text", ["RV2406A", "a-b", "x=1", "09521234000013", "me@example.org", "5"])
def test_an_ordinary_text_is_left_alone(text: str) -> None:
    assert cells(sheet((), [(text,)]))[1:] == [[text]]


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_any_text_stays_in_its_row_and_column(texts: list[str]) -> None:
    rows = cells(sheet(tuple("h" for _ in texts), [texts]))
    assert [len(row) for row in rows] == [len(texts)] * 2
    assert not [c for c in rows[1] if c.lstrip()[:1] in tuple("=+-@") and c.lstrip()]
