"""The index says which feeds to call about, and that no lot is accused by it."""

from dataclasses import replace

from reports.claims import Bounded, FeedHealth
from reports.evidence import gather_index
from reports.feed_view import feeds_table, feeds_words
from reports.index_view import view_index
from reports.write import render_index
from tests.reports.sample import HOSTILE_TEXT

SILENT = FeedHealth(
    gln="9521234000013",
    name=HOSTILE_TEXT,
    health="failing",
    signs=("silent", "less"),
    silent_days=9.04,
    usual_gap_days=3.0,
    lag_p95_h=None,
    lag_before_p95_h=100.0,
    recent_events=0,
    usual_events=41.5,
    departure_untold_share=0.125,
    arrival_untold_share=None,
)


def test_a_failing_feed_stands_on_the_index_with_its_habit(con) -> None:
    index = replace(gather_index(con), feeds=Bounded((SILENT,), 3, 0.0), feeds_failing=1)
    [row] = feeds_table(index).rows
    assert row[1:4] == (
        "9521234000013",
        "fails",
        "silent for longer than its habit and tells much less than its usual week",
    )
    assert row[4:] == ("9 d, 3 d", "not recorded, 4.2 days", "0, 41.5", "12.5 %", "not known")
    assert "1 feed fails, 0 are in doubt" in feeds_words(index)
    html = render_index(view_index(index))
    assert "Feeds to look after" in html
    assert "No lot is accused here" in html
    assert HOSTILE_TEXT not in html
    assert "3 further feeds are in doubt" in html


def test_sound_feeds_are_told_in_one_sentence(con) -> None:
    index = gather_index(con)
    assert index.feeds.rows == ()
    assert "No feed departs from its own habit" in render_index(view_index(index))
