import numpy as np
import pytest

from detectors import storage
from detectors.contrast import CaseContrast
from detectors.counterfeit import CounterfeitDetector
from detectors.density import LocalDensity
from detectors.prototype_classifier import PrototypeClassifier
from tests.detectors.test_contrast import chain

SETTINGS = [(odd, reference) for odd in (0, 1, 6) for reference in ("contaminated", "clean")]


@pytest.mark.parametrize(("odd", "reference"), SETTINGS)
def test_base_and_parts_add_up_to_the_score_on_every_row(odd, reference) -> None:
    X, y = chain(odd=odd)
    model = CounterfeitDetector(reference=reference).fit(X, y)
    new, _ = chain(seed=1)
    new[0] = np.nan
    rows = np.vstack([new, X])
    explanations = model.explain(rows)
    for score, e in zip(model.score_samples(rows), explanations, strict=True):
        assert e.exact
        assert e.base + e.parts.sum() == pytest.approx(score, abs=1e-9)
        assert all(0 <= position < len(X) for position in e.neighbours)


def test_names_rows_of_the_fitted_table() -> None:
    X, y = chain()
    [e] = CounterfeitDetector().fit(X, y).explain(X[:1])
    kinds = {
        kind: [p for k, p in zip(e.kinds, e.neighbours, strict=True) if k == kind]
        for kind in set(e.kinds)
    }
    assert set(kinds) == {"reference", "case", "prototype"}
    assert all(y[p] == -1 for p in kinds["case"])
    assert all(y[p] == 1 for p in kinds["reference"])


@pytest.mark.parametrize("odd", [1, 3])
def test_few_cases_find_the_rest(odd) -> None:
    X, y = chain(odd=odd, missing=0.0)
    new, truth = chain(seed=5, odd=30, missing=0.0)
    scores = CounterfeitDetector().fit(X, y).score_samples(new)
    first = np.argsort(scores)[:30]
    assert (truth[first] == -1).mean() > 0.9


def test_without_cases_what_is_odd_in_any_way_ranks_first() -> None:
    X, _ = chain(odd=0, missing=0.0)
    model = CounterfeitDetector(reference="clean").fit(X)
    odd = np.zeros((3, 5))
    odd[np.arange(3), [1, 2, 4]] = 7
    assert model.predict(odd).tolist() == [-1, -1, -1]
    assert model.explain(odd)[0].is_near_case is None


@pytest.mark.parametrize(
    "model",
    [
        LocalDensity(),
        LocalDensity(reference="contaminated"),
        CaseContrast(),
        CounterfeitDetector(),
        CounterfeitDetector(reference="clean"),
    ],
    ids=str,
)
def test_held_back_authentic_rows_raise_no_more_false_alarms_than_promised(model) -> None:
    rates = {0.01: [], 0.05: [], 0.1: []}
    for seed in range(6):
        X, y = chain(seed=seed, n=700, missing=0.0)
        y[300:], held = 1, X[-300:]
        model.fit(X[:400], y[:400])
        p = model.p_values(held)
        for alpha, seen in rates.items():
            seen.append((p <= alpha).mean())
    for alpha, seen in rates.items():
        error = np.sqrt(alpha * (1 - alpha) * (1 / 400 + 1 / 300) / len(seen))
        assert np.mean(seen) <= alpha + 2 * error


def test_an_added_case_draws_its_like(tmp_path) -> None:
    X, y = chain()
    model = CounterfeitDetector().fit(X, y)
    row = np.array([0.0, 0.0, 0.0, 8.0, 0.0])
    before = model.score_samples(row[None] + 0.1)
    model.add_case(row)
    assert model.score_samples(row[None] + 0.1) < before
    storage.save(model, tmp_path / "grown.npz")
    again = storage.load(tmp_path / "grown.npz")
    np.testing.assert_array_equal(again.score_samples(X), model.score_samples(X))


@pytest.mark.parametrize(
    "model",
    [
        LocalDensity(), LocalDensity(reference="contaminated"), CaseContrast(),
        PrototypeClassifier(), CounterfeitDetector(),
    ],
    ids=lambda m: type(m).__name__,
)  # fmt: skip
def test_a_stored_detector_answers_and_explains_as_before(model, tmp_path) -> None:
    X, y = chain()
    model.fit(X, y)
    storage.save(model, tmp_path / "model.npz")
    again = storage.load(tmp_path / "model.npz")
    assert again.get_params() == model.get_params()
    np.testing.assert_array_equal(again.score_samples(X), model.score_samples(X))
    for a, b in zip(again.explain(X[:20]), model.explain(X[:20]), strict=True):
        np.testing.assert_array_equal(a.parts, b.parts)
        assert (a.score, a.base, a.neighbours, a.kinds) == (b.score, b.base, b.neighbours, b.kinds)


def test_a_file_of_another_version_is_refused(tmp_path, monkeypatch) -> None:
    X, y = chain()
    monkeypatch.setattr(storage, "FORMAT_VERSION", 0)
    storage.save(LocalDensity().fit(X, y), tmp_path / "old.npz")
    monkeypatch.undo()
    with pytest.raises(ValueError, match="version 0"):
        storage.load(tmp_path / "old.npz")


def test_nothing_but_detectors_can_be_stored(tmp_path) -> None:
    with pytest.raises(TypeError, match="cannot be stored"):
        storage.save(LocalDensity(random_state=np.random.RandomState(0)), tmp_path / "x.npz")


def test_every_row_a_case_leaves_nothing_to_compare_with() -> None:
    with pytest.raises(ValueError, match="no reference"):
        CounterfeitDetector().fit([[1.0], [2.0]], [-1, -1])
