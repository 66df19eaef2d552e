import numpy as np
import pytest

from detectors.counterfeit import CounterfeitDetector
from detectors.density import LocalDensity
from detectors.faithfulness import counterfactual, deletion_curve, stability
from tests.detectors.test_contrast import chain


@pytest.fixture(scope="module")
def fitted():
    X, y = chain(missing=0.0)
    return CounterfeitDetector().fit(X, y), X, y


def test_the_counterfactual_clears_the_row_by_the_feature_that_made_it_odd(fitted) -> None:
    model, X, y = fitted
    row = np.array([6.0, 0.2, -0.1, 0.3, 0.0])
    [e] = model.explain(row[None])
    found = counterfactual(model, row, e, X[y == 1])
    assert found.changed == (0,)
    assert model.predict(found.row[None]).tolist() == [1]
    assert found.row[0] < row[0]
    shorter = row + 0.98 * (found.row - row)
    assert model.predict(shorter[None]).tolist() == [-1]


def test_a_clear_row_needs_no_change(fitted) -> None:
    model, X, y = fitted
    row = np.zeros(5)
    assert counterfactual(model, row, model.explain(row[None])[0], X[y == 1]) is None


def test_a_missing_value_is_no_obstacle(fitted) -> None:
    model, X, y = fitted
    row = np.array([7.0, np.nan, 5.0, 0.0, 0.0])
    found = counterfactual(model, row, model.explain(row[None])[0], X[y == 1])
    assert model.predict(found.row[None]).tolist() == [1]
    assert 0 in found.changed


@pytest.mark.parametrize("seed", range(4))
def test_deleting_what_is_named_first_raises_the_score_sooner_than_chance(seed) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(400, 8))
    model = LocalDensity().fit(X)
    rows = rng.normal(size=(20, 8))
    for row in rows:
        row[rng.choice(8, 2, replace=False)] += rng.choice([-5, 5], 2)
    typical = np.median(X, axis=0)
    named, chance = [], []
    for row, e in zip(rows, model.explain(rows), strict=True):
        named.append(deletion_curve(model, row, np.argsort(e.by_feature()), typical).mean())
        chance += [deletion_curve(model, row, rng.permutation(8), typical).mean() for _ in range(5)]
    assert np.mean(named) > np.mean(chance) + 0.5


def test_what_is_named_stays_named_when_the_reference_is_drawn_anew(fitted) -> None:
    model, X, y = fitted
    often = stability(model, X, y, np.array([6.0, 0.2, -0.1, 0.3, 0.0]), top=1, resamples=8)
    assert often[0] >= 0.9
    assert often.sum() == pytest.approx(1)
