import numpy as np
import pytest

from detectors import prototype_classifier as grlvq
from detectors.prototype_classifier import PrototypeClassifier
from tests.reference import prototypes as slow


def two_classes(seed=0, n=120, odd=8, d=6):
    """Cases differ in the first two features only."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    y = np.ones(n, dtype=int)
    y[:odd] = -1
    X[:odd, :2] += 4
    X[rng.random(X.shape) < 0.03] = np.nan
    return X, y


@pytest.mark.parametrize(
    "gradient", [grlvq.gradient, getattr(grlvq.gradient, "py_func", grlvq.gradient)]
)
def test_gradient_is_that_of_the_cost(gradient) -> None:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(30, 4))
    rows[rng.random(rows.shape) < 0.1] = np.nan
    classes, kinds = rng.integers(0, 2, 30), np.array([0, 0, 1, 1, 1])
    weights, place = rng.uniform(0.1, 1, 30), rng.normal(size=(6, 4))
    np.testing.assert_allclose(
        gradient(rows, classes, weights, place, kinds),
        slow.gradient(rows, classes, weights, place, kinds),
        atol=1e-7,
    )


def test_descent_lowers_the_cost_and_keeps_relevances_at_mean_one() -> None:
    X, y = two_classes()
    x, c = np.nan_to_num(X), (y == 1).astype(np.int64)
    weights = 1.0 / np.bincount(c)[c]
    start, kinds = np.vstack([x[:2], x[50:53]]), np.array([0, 0, 1, 1, 1])
    place, relevances = grlvq.descend(x, c, weights, start, kinds, 60)
    before = slow.cost(x, c, weights, np.vstack([start, np.ones(6)]), kinds)
    after = slow.cost(x, c, weights, np.vstack([place, np.sqrt(relevances)]), kinds)
    assert after < 0.7 * before
    assert relevances.mean() == pytest.approx(1)


def test_finds_the_features_that_matter_and_the_rows_that_stand_for_a_class() -> None:
    X, y = two_classes()
    model = PrototypeClassifier().fit(X, y)
    assert set(np.argsort(model.relevances_)[-2:]) == {0, 1}
    assert (y[model.prototype_rows_] == np.where(model.prototype_classes_ == 0, -1, 1)).all()
    new, truth = two_classes(seed=1)
    assert (model.predict(new) == truth).mean() > 0.95


def test_parts_add_up_on_every_row_and_scores_are_bounded() -> None:
    X, y = two_classes()
    model = PrototypeClassifier().fit(X, y)
    scores = model.score_samples(X)
    assert (np.abs(scores) <= 1).all()
    for score, e in zip(scores, model.explain(X), strict=True):
        assert e.parts.sum() == pytest.approx(score, abs=1e-9)
        assert y[e.neighbours[0]] == -1
        assert y[e.neighbours[1]] == 1


def test_one_case_is_enough_and_the_same_rows_give_the_same_prototypes() -> None:
    X, y = two_classes(odd=1)
    one, other = PrototypeClassifier().fit(X, y), PrototypeClassifier().fit(X, y)
    np.testing.assert_array_equal(one.prototypes_, other.prototypes_)
    assert one.predict(X[:1]).tolist() == [-1]
