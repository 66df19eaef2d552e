import numpy as np
import pytest

from detectors.contrast import CaseContrast, relevances
from detectors.neighbours import NeighbourIndex


def chain(seed=0, n=300, odd=6, d=5, missing=0.05):
    """Authentic rows about the origin, cases off in the first feature, some equal rows."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    y = np.ones(n, dtype=int)
    y[:odd] = -1
    X[:odd, 0] += 6
    X[rng.random(X.shape) < missing] = np.nan
    X[-40:] = X[100:140]
    return X, y


@pytest.mark.parametrize("odd", [1, 2, 6])
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_parts_add_up_to_the_score_on_every_row(odd, missing) -> None:
    X, y = chain(odd=odd, missing=missing)
    model = CaseContrast().fit(X, y)
    new, _ = chain(seed=1, missing=missing)
    rows = np.vstack([new, X])
    for score, e in zip(model.score_samples(rows), model.explain(rows), strict=True):
        assert e.exact
        assert e.parts.sum() == pytest.approx(score, abs=1e-9)


def test_names_cases_as_cases_and_authentic_rows_as_reference() -> None:
    X, y = chain()
    [e] = CaseContrast().fit(X, y).explain(X[:1] + 0.01)
    for kind, position in zip(e.kinds, e.neighbours, strict=True):
        assert (kind == "case") == (y[position] == -1)
    assert e.by_feature().argmin() == 0
    assert e.is_near_case


def test_says_that_no_case_is_near_where_a_row_is_odd_in_another_way() -> None:
    X, y = chain()
    model = CaseContrast().fit(X, y)
    other_way = np.zeros((1, 5))
    other_way[0, 3] = -9
    assert model.is_near_case(np.vstack([X[2:3], other_way])).tolist() == [True, False]


def test_undetected_cases_in_the_reference_are_left_out_and_rank_first() -> None:
    X, y = chain(odd=20, missing=0.0)
    y[5:20] = 1  # known are five, fifteen more hide in the reference
    model = CaseContrast().fit(X, y)
    assert not model.is_reference_[:20].any()
    assert set(np.argsort(model.score_training_)[:20]) == set(range(20))


def test_an_added_case_counts_at_once() -> None:
    X, y = chain()
    model = CaseContrast().fit(X, y)
    row = np.array([0.0, 0.0, 0.0, 8.0, 0.0])
    [before] = model.score_samples(row[None])
    assert model.add_case(row) == len(X)
    [after] = model.score_samples(row[None])
    assert after < before - 1
    [e] = model.explain(row[None])
    assert ("case", len(X)) in zip(e.kinds, e.neighbours, strict=True)
    assert e.parts.sum() == pytest.approx(after, abs=1e-9)


def test_without_a_case_there_is_nothing_to_contrast() -> None:
    X, _ = chain()
    model = CaseContrast().fit(X)
    assert not model.score_samples(X).any()
    assert not model.is_near_case(X).any()
    with pytest.raises(ValueError, match="fit with this case"):
        model.add_case(X[0])


def test_the_feature_in_which_cases_differ_is_the_relevant_one() -> None:
    X, _ = chain(missing=0.0)
    lam = relevances(NeighbourIndex(X[6:200]), X[:6])
    assert lam.argmax() == 0
    assert lam.mean() == pytest.approx(1)


def test_scores_do_not_depend_on_the_units() -> None:
    X, y = chain(missing=0.0)
    scale, shift = np.array([1e-6, 1, 1e5, 3, 0.2]), np.array([0, 5, -1e6, 0, 2])
    one = CaseContrast().fit(X, y).score_samples(X)
    other = CaseContrast().fit(X * scale + shift, y).score_samples(X * scale + shift)
    np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)
