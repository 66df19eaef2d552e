import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.calibration import benjamini_hochberg, conformal_p_values, training_p_values

NUMBERS = st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.5]), min_size=1, max_size=12)


def test_p_value_counts_reference_rows_at_least_as_odd() -> None:
    p = conformal_p_values(np.array([5.0, 3.0, 0.0, np.nan]), np.array([1.0, 2.0, 3.0, np.nan]))
    assert p[:3].tolist() == [1 / 4, 2 / 4, 4 / 4]
    assert np.isnan(p[3])


@given(values=NUMBERS)
def test_a_reference_row_is_judged_against_the_others(values) -> None:
    suspicion = np.array(values)
    expected = [
        conformal_p_values(suspicion[i : i + 1], np.delete(suspicion, i))[0]
        for i in range(len(suspicion))
    ]
    assert training_p_values(suspicion).tolist() == expected


def test_authentic_rows_alarm_no_more_often_than_promised() -> None:
    rng = np.random.default_rng(5)
    p = [
        conformal_p_values(rng.normal(size=1), rng.normal(size=99))[0] <= 0.05 for _ in range(4000)
    ]
    assert np.mean(p) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 4000)


def test_benjamini_hochberg_matches_the_worked_numbers() -> None:
    p = np.array([0.01, 0.04, np.nan, 0.03, 0.005])
    adjusted = benjamini_hochberg(p)
    assert adjusted[[0, 1, 3, 4]] == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert np.isnan(adjusted[2])


@given(values=st.lists(st.floats(0, 1), max_size=10), q=st.sampled_from([0.01, 0.05, 0.2]))
def test_adjusted_values_reject_what_the_step_up_rule_rejects(values, q) -> None:
    p = np.array(values)
    ranks = [k for k in range(1, len(p) + 1) if np.sort(p)[k - 1] * len(p) / k <= q]
    expected = p <= np.sort(p)[max(ranks) - 1] if ranks else np.zeros(len(p), dtype=bool)
    assert (benjamini_hochberg(p) <= q).tolist() == expected.tolist()
