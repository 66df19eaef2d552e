import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detectors.density import LocalDensity
from tests.reference import neighbours as slow

VALUES = st.one_of(
    st.sampled_from([0.0, 1.0, float("nan")]), st.floats(-1e3, 1e3, allow_subnormal=False)
)


@st.composite
def tables(draw):
    d = draw(st.integers(1, 5))
    X = draw(hnp.arrays(np.float64, (draw(st.integers(1, 12)), d), elements=VALUES))
    again = draw(st.lists(st.integers(0, len(X) - 1), max_size=6))
    new = draw(hnp.arrays(np.float64, (draw(st.integers(1, 4)), d), elements=VALUES))
    return np.vstack([X, X[again]]), new


def parts_sums(explanations):
    return np.array([e.parts.sum() for e in explanations])


@settings(max_examples=100, deadline=None)
@given(table=tables(), n_neighbors=st.sampled_from([None, 3]))
def test_parts_add_up_to_the_score_on_every_row(table, n_neighbors) -> None:
    X, new = table
    detector = LocalDensity(n_neighbors).fit(X)
    for scores, explanations in [
        (detector.score_samples(new), detector.explain(new)),
        (detector.score_training_, detector.explain_training()),
    ]:
        assert all(e.exact for e in explanations)
        known = ~np.isnan(scores)
        np.testing.assert_allclose(
            parts_sums(explanations)[known], scores[known], rtol=1e-9, atol=1e-9
        )
        assert not any(e.neighbours for e, k in zip(explanations, known, strict=True) if not k)


@settings(max_examples=60, deadline=None)
@given(table=tables(), k=st.integers(1, 5), power=st.sampled_from([0.0, 0.5, 1.0]))
def test_scores_are_those_of_the_definition_without_any_collapsing(table, k, power) -> None:
    X, new = table
    detector = LocalDensity(k, scale_power=power, standardize=False).fit(X)
    np.testing.assert_allclose(
        detector.score_training_, slow.density_scores(X, k, power), rtol=1e-7, atol=1e-7
    )
    np.testing.assert_allclose(
        detector.score_samples(new),
        slow.density_scores(X, k, power, rows=new),
        rtol=1e-7,
        atol=1e-7,
    )


def test_a_row_beside_many_equal_rows_is_not_an_explosion() -> None:
    rng = np.random.default_rng(3)
    X = np.vstack([rng.normal(size=(200, 2)), np.tile([0.5, 0.5], (30, 1))])
    beside, far = LocalDensity().fit(X).score_samples([[0.501, 0.5], [6.0, 6.0]])
    assert beside > -1.5
    assert far < -2


def test_a_fitted_row_is_no_neighbour_of_itself() -> None:
    X = np.array([[0.0], [1.0], [2.0], [50.0]])
    detector = LocalDensity(n_neighbors=1).fit(X)
    assert (detector.score_samples(X) > detector.score_training_).all()
    assert detector.score_training_.argmin() == 3
    assert all(row not in e.neighbours for row, e in enumerate(detector.explain_training()))


def test_names_the_neighbours_and_the_feature_that_made_the_row_odd() -> None:
    X = np.array([[0.0, 0.0], [0.1, 0.0], [0.0, 0.1], [9.0, 9.0], [9.1, 9.0]])
    [explanation] = LocalDensity(n_neighbors=2).fit(X).explain([[0.0, 5.0]])
    assert set(explanation.neighbours) == {2, 0}
    assert explanation.by_feature()[1] < explanation.by_feature()[0]


@pytest.mark.parametrize("X", [np.full((4, 2), np.nan), np.array([[1.0, 2.0]])])
def test_says_unknown_where_nothing_can_be_compared(X) -> None:
    assert np.isnan(LocalDensity().fit(X).score_training_).all()


def test_planted_odd_rows_rank_first() -> None:
    rng = np.random.default_rng(11)
    centres = rng.normal(scale=6, size=(4, 8))
    normal = centres[rng.integers(0, 4, 300)] + rng.normal(size=(300, 8))
    odd = centres[rng.integers(0, 4, 10)] + rng.normal(size=(10, 8)) * 4
    odd[:, 6:] = np.nan
    detector = LocalDensity().fit(normal[:200])
    scores = detector.score_samples(np.vstack([normal[200:], odd]))
    assert set(np.argsort(scores)[:9]) <= set(range(100, 110))


def test_what_nobody_knows_of_a_row_neither_makes_it_odd_nor_is_a_part() -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(300, 12))
    X[:, 0] *= 5  # the widest feature is one that all rows know
    few = X[:40].copy()
    few[:, 3:] = np.nan
    detector = LocalDensity(standardize=False).fit(X[40:])
    known_odd = np.full((1, 12), np.nan)
    known_odd[0, 1] = 9.0
    assert detector.score_samples(few).mean() > -0.5
    assert detector.score_samples(known_odd)[0] < -3
    for explanation in detector.explain(few[:5]):
        assert not explanation.parts[:, 3:].any()


def test_an_odd_row_is_not_excused_by_reference_rows_that_know_little() -> None:
    rng = np.random.default_rng(6)
    X = rng.normal(size=(200, 6))
    X[:30, 1:] = np.nan
    odd = np.array([[X[0, 0], 8.0, -8.0, 8.0, -8.0, 8.0]])
    assert LocalDensity(standardize=False).fit(X).score_samples(odd)[0] < -4
