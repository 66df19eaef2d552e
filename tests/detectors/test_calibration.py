import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.calibration import (
    benjamini_hochberg,
    conformal_p_values,
    false_alarm_bound,
    recency_weights,
    training_p_values,
    weighted_p_values,
)

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


def test_equal_weights_are_the_plain_p_values() -> None:
    rng = np.random.default_rng(0)
    reference, new = rng.normal(size=50), np.append(rng.normal(size=20), np.nan)
    reference[3] = np.nan
    np.testing.assert_allclose(
        weighted_p_values(new, reference, np.ones(50)), conformal_p_values(new, reference)
    )


def test_recent_rows_count_more_when_the_chain_drifts() -> None:
    rng = np.random.default_rng(1)
    age_days = np.arange(1000.0)
    rates = []
    for _ in range(20):
        reference = rng.normal(size=1000) - age_days / 200  # suspicion grows over the years
        new = rng.normal(size=400)
        weights = recency_weights(age_days, half_life_days=60)
        plain = (conformal_p_values(new, reference) <= 0.05).mean()
        weighted = (weighted_p_values(new, reference, weights) <= 0.05).mean()
        rates.append((plain, weighted))
    plain, weighted = np.mean(rates, axis=0)
    assert plain > 0.12
    assert weighted < 0.08


def test_recency_halves_with_each_half_life_and_unknown_age_is_oldest() -> None:
    weights = recency_weights(np.array([0.0, 30.0, 60.0, np.nan]), 30.0)
    np.testing.assert_allclose(weights, [1, 0.5, 0.25, 0.25])


def slow_bound(p, level):
    """Closed testing with Simes, by trying every set: the twin of ``false_alarm_bound``."""
    n = len(p)

    def is_rejected(group):
        values = sorted(p[i] for i in group)
        return any(v * len(group) <= (j + 1) * level + 1e-12 for j, v in enumerate(values))

    groups = [[i for i in range(n) if mask >> i & 1] for mask in range(1, 2**n)]
    standing = [set(g) for g in groups if not is_rejected(g)]
    bounds = []
    for line in p:
        chosen = {i for i in range(n) if p[i] <= line}
        bounds.append(max((len(chosen & g) for g in standing), default=0) / len(chosen))
    return bounds


@pytest.mark.parametrize("seed", range(30))
def test_the_bound_is_that_of_closed_testing(seed) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 9))
    p = np.round(rng.uniform(size=n) ** rng.choice([1, 4, 8]), 3) + 0.001
    np.testing.assert_allclose(false_alarm_bound(p, 0.2), slow_bound(p.tolist(), 0.2))


def test_the_bound_holds_for_every_line_at_once() -> None:
    rng = np.random.default_rng(5)
    broken, tight = 0, []
    runs = 300
    for _ in range(runs):
        reference = rng.normal(size=500)
        is_odd = np.arange(60) < 15
        suspicion = rng.normal(size=60) + np.where(is_odd, 4.0, 0.0)
        p = conformal_p_values(suspicion, reference)
        bound = false_alarm_bound(p, 0.1)
        true = np.array([(~is_odd)[p <= line].mean() for line in p])
        broken += (true > bound + 1e-12).any()
        tight.append(bound[is_odd].mean())
    assert broken / runs <= 0.1 + 2 * np.sqrt(0.1 * 0.9 / runs)
    assert np.mean(tight) < 0.5


def test_unknown_p_values_stay_out_of_the_bound() -> None:
    bound = false_alarm_bound(np.array([np.nan, 0.001, 0.9]))
    assert np.isnan(bound[0])
    assert bound[1] == 0
    assert false_alarm_bound(np.array([np.nan])).shape == (1,)
