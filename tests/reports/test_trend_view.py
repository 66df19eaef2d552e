"""The index over time, what a line would cost, and which lots a person has decided on."""

import re

import pytest

from reports.evidence import MOST_RUNS, gather_index
from reports.index_view import view_index
from reports.write import render_index
from tests.reports.page import read_page
from tests.reports.sample import RUN_ID, sample_warehouse


@pytest.fixture
def judged():
    """The sample with the runs of fifteen nights; another run was compared with none of them."""
    with sample_warehouse() as con:
        nights = [f"night-{n:02}" for n in range(14)]
        for n, run in enumerate([*nights, RUN_ID]):
            before = nights[n - 1] if n else None
            con.execute(
                "INSERT INTO raw_judged_run (run_id, before_run_id, as_of) "
                "VALUES (?, ?, TIMESTAMP '2024-06-17' + to_days(?))",
                [run, before, n],
            )
            con.execute(
                "INSERT INTO raw_lot_judgement (run_id, gtin, lot, tier) "
                "SELECT ?, 'g', i::VARCHAR, if(i < ?, 'hold', 'clear') FROM range(20) t(i)",
                [run, n],
            )
        con.execute(
            "INSERT INTO raw_judged_run (run_id, as_of) VALUES ('other', TIMESTAMP '2024-06-30')"
        )
        yield con


def test_the_trend_follows_the_runs_back_and_stops(judged) -> None:
    trend = gather_index(judged).trend
    assert [run.run_id for run in trend] == [RUN_ID, *(f"night-{n:02}" for n in range(13, 2, -1))]
    assert len(trend) == MOST_RUNS
    assert trend[1].lots == {"hold": 13, "clear": 7}
    rows = view_index(gather_index(judged)).trend.rows
    assert rows[0] == ("2024-07-01 00:00", RUN_ID, "14", "0", "0", "6")


def test_runs_that_name_each_other_end_somewhere(judged) -> None:
    judged.execute(
        "UPDATE raw_judged_run SET before_run_id = ? WHERE run_id = 'night-13'", [RUN_ID]
    )
    assert [run.run_id for run in gather_index(judged).trend] == [RUN_ID, "night-13"]


def test_without_an_earlier_run_it_says_so(con) -> None:
    view = view_index(gather_index(con))
    assert view.trend.rows == ()
    assert view.trend_words.startswith("No earlier run")


def test_a_line_counts_the_lots_at_or_below_it_and_bounds_the_false_ones(con) -> None:
    asked: list[list[float]] = []

    def bound(p_values: list[float]) -> list[float]:
        asked.append(p_values)
        return [0.25] * len(p_values)

    evidence = gather_index(con, bound)
    assert asked == [sorted(asked[0])]
    assert [line.lots for line in evidence.lines] == [
        sum(p <= line.p_value for p in asked[0]) for line in evidence.lines
    ]
    assert gather_index(con).lines == ()


def test_the_reader_moves_the_line_without_any_script(con) -> None:
    evidence = gather_index(con, lambda p_values: [0.5] * len(p_values))
    html = render_index(view_index(evidence))
    page = read_page(html)
    assert "script" not in page.tags
    stops = re.findall(r'<input type="radio" name="line" id="(line-\d+)"', html)
    said = re.findall(r'<p class="(line-\d+)">(.*?)</p>', html)
    assert stops == [name for name, _ in said]
    assert len(stops) == len(evidence.lines) > 0
    assert all("50 %" in words for _, words in said)
    # Each stop shows its own words, by a rule of the page's style.
    assert all(f":has(#{name}:checked) .{name}" in html for name in stops)
