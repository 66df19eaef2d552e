"""Months out of the ordinary on the index: named, worded as no finding, and escaped."""

import pytest

from reports.evidence import gather_index
from reports.index_view import view_index
from reports.write import render_index
from tests.reports.sample import sample_warehouse

HOSTILE = "<script>x</script>"


@pytest.fixture
def con():
    with sample_warehouse() as con:
        yield con


@pytest.fixture
def told(con):
    con.execute(
        "INSERT INTO edge_score VALUES "
        "('9501', ?, '9502', 'Buyer', '2024-05-01', 99.2, 0.04, "
        "['role_rarity', 'share_of_target'], ['9501>9503/2024-04'], 60, '9501>9502/2024-05'), "
        "('9503', 'Usual', '9502', 'Buyer', '2024-05-01', 40, 0.9, NULL, NULL, 5, 'b'), "
        "('9503', 'First', '9502', 'Buyer', '2024-04-01', NULL, NULL, NULL, NULL, 5, 'c')",
        [HOSTILE],
    )
    con.execute(
        "INSERT INTO site_score VALUES ('9502', 'Buyer', '2024-05-01', 99.5, 0.3, "
        "['out_in_ratio'], ['9503/2024-04'], 100, 20, '9502/2024-05')"
    )
    return con


def test_lists_what_is_out_of_the_ordinary_most_first(told) -> None:
    view = view_index(gather_index(told))
    assert [row[:6] for row in view.unusual.rows] == [
        ("May 2024", "Buyer (9502)", "all its trade", "99.5", "0.3", "120"),
        ("May 2024", f"{HOSTILE} (9501)", "Buyer (9502)", "99.2", "0.04", "60"),
    ]
    assert view.unusual.rows[1][6:] == (
        "who sells to whom by role and share of what the destination gets",
        "9501>9503/2024-04",
    )
    assert "raises no lot's tier" in view.unusual_words
    assert "Of 1 q is at most 0.1" in view.unusual_words


def test_names_cannot_bring_markup(told) -> None:
    page = render_index(view_index(gather_index(told)))
    assert HOSTILE not in page
    assert "&lt;script&gt;x" in page


def test_says_so_where_nothing_is(con) -> None:
    view = view_index(gather_index(con))
    assert view.unusual.rows == ()
    assert "too few of them to tell" in view.unusual_words


def test_chance_is_called_chance(told) -> None:
    told.execute("UPDATE edge_score SET q_value = 0.2")
    assert "each may be chance" in view_index(gather_index(told)).unusual_words
