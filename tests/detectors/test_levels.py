"""Months against earlier months, and ways against those of cleared lots."""

import numpy as np
import pytest

from detectors import levels
from detectors.features import EDGE_FEATURES, TRAJECTORY_FEATURES
from detectors.levels import LEAST_EARLIER, Judged, score_by_month, score_by_witness

WIDTH = len(EDGE_FEATURES)


def trade(seed: int = 0, months: int = 4, count: int = 120) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    values = np.abs(rng.normal(1.0, 0.3, (months * count, WIDTH)))
    values[rng.random(values.shape) < 0.1] = np.nan
    return values, np.repeat(np.arange(months), count)


def assert_parts_add_up(judged: Judged) -> None:
    assert judged.explanations
    for row, one in judged.explanations.items():
        assert one.exact
        assert one.score == pytest.approx(judged.score[row], abs=1e-9)
        assert one.parts.sum() == pytest.approx(one.score, abs=1e-9)


def test_parts_add_up_and_every_neighbour_is_of_an_earlier_month() -> None:
    values, month = trade()
    judged = score_by_month(values, month, EDGE_FEATURES)
    assert_parts_add_up(judged)
    for row, one in judged.explanations.items():
        assert all(month[neighbour] < month[row] for neighbour in one.neighbours)


def test_what_comes_later_changes_no_score() -> None:
    values, month = trade()
    early = month < 3
    whole = score_by_month(values, month, EDGE_FEATURES)
    then = score_by_month(values[early], month[early], EDGE_FEATURES)
    np.testing.assert_array_equal(whole.score[early], then.score)
    np.testing.assert_array_equal(whole.q_value[early], then.q_value)


def test_a_long_history_is_stood_for_by_an_even_draw_of_it(monkeypatch) -> None:
    values, month = trade(months=4)
    whole = score_by_month(values, month, EDGE_FEATURES)
    monkeypatch.setattr(levels, "MOST_EARLIER", 90)
    drawn = score_by_month(values, month, EDGE_FEATURES)
    last = month == 3
    turns = drawn.p_value[last] * (90 + 1)
    np.testing.assert_allclose(turns, np.round(turns), atol=1e-9)  # ranks among 90
    assert np.corrcoef(drawn.score[last], whole.score[last])[0, 1] > 0.8
    for row, one in drawn.explanations.items():
        assert all(month[neighbour] < month[row] for neighbour in one.neighbours)
    monkeypatch.setattr(levels, "MOST_EARLIER", 360)
    np.testing.assert_array_equal(
        score_by_month(values, month, EDGE_FEATURES).score[last], whole.score[last]
    )


def test_the_first_month_and_one_with_too_little_before_it_are_not_judged() -> None:
    values, month = trade(months=2, count=LEAST_EARLIER - 1)
    judged = score_by_month(values, month, EDGE_FEATURES)
    assert np.isnan(judged.score).all()
    assert judged.explanations == {}


def test_an_odd_month_stands_out_and_ordinary_ones_are_rarely_called_odd() -> None:
    values, month = trade(count=300)
    values[month == 3, :2] = np.abs(values[month == 3, :2])
    odd = np.flatnonzero(month == 3)[:3]
    values[odd] = 25.0
    judged = score_by_month(values, month, EDGE_FEATURES)
    now = month == 3
    assert set(np.flatnonzero(now)[np.argsort(judged.score[now])[:3]]) == set(odd)
    assert (judged.q_value[odd] <= 0.2).all()
    honest = ~np.isin(np.arange(len(month)), odd) & (month > 0)
    assert (judged.p_value[honest] <= 0.05).mean() < 0.1


def test_a_way_that_one_lot_shows_is_not_excused_by_itself() -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(1, 4, (80, len(TRAJECTORY_FEATURES))).astype(float)
    witnesses = np.full(80, 5)
    values[0], witnesses[0] = 30.0, 1  # of one cleared lot
    values[1], witnesses[1] = 30.5, 0  # of a suspect lot
    judged = score_by_witness(values, witnesses, TRAJECTORY_FEATURES)
    assert judged.score[0] < np.sort(judged.score[2:])[0]
    assert judged.p_value[0] <= 0.01
    assert not np.isnan(judged.score).any()
    assert_parts_add_up(judged)


def test_too_few_cleared_ways_judge_nothing() -> None:
    judged = score_by_witness(
        np.ones((5, len(TRAJECTORY_FEATURES))), np.ones(5, dtype=int), TRAJECTORY_FEATURES
    )
    assert np.isnan(judged.p_value).all()
