import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detectors import quantised
from detectors.prototype_classifier import PrototypeClassifier
from detectors.quantised import QuantisedPrototypeClassifier
from detectors.storage import load, save
from tests.detectors.test_prototype_classifier import two_classes
from tests.reference import quantised as slow

VALUES = st.sampled_from([0.0, 1.0, -1.0, 0.5, 2.5, -1e9, float("nan")])


def plain(function):
    return getattr(function, "py_func", function)


@pytest.mark.parametrize("encode", [quantised.encode, plain(quantised.encode)])
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_codes_are_those_of_the_slow_twin(encode, data) -> None:
    d, count = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 7))
    rows = data.draw(hnp.arrays(np.float64, (data.draw(st.integers(1, 6)), d), elements=VALUES))
    known = st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0])
    edges = np.sort(data.draw(hnp.arrays(np.float64, (d, count), elements=known)), axis=1)
    assert encode(rows, edges).tolist() == slow.encode(rows.tolist(), edges.tolist())


@pytest.mark.parametrize("look_up", [quantised.look_up, plain(quantised.look_up)])
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_sums_of_look_ups_are_those_of_the_slow_twin(look_up, data) -> None:
    d, lines, p = (data.draw(st.integers(1, 5)) for _ in range(3))
    entries = st.integers(0, 2**16 - 1)  # five of the largest pass 16 bits
    table = data.draw(hnp.arrays(np.uint16, (d, lines, p), elements=entries))
    n = data.draw(st.integers(1, 5))
    codes = data.draw(hnp.arrays(np.uint16, (n, d), elements=st.integers(0, lines - 1)))
    assert look_up(codes, table).tolist() == slow.look_up(codes.tolist(), table.tolist())


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_parts_add_up_on_every_row(bits) -> None:
    X, y = two_classes()
    model = QuantisedPrototypeClassifier(bits).fit(X, y)
    for score, e in zip(model.score_samples(X), model.explain(X), strict=True):
        assert e.parts.sum() == pytest.approx(score, abs=1e-9)
        assert (y[e.neighbours[0]], y[e.neighbours[1]]) == (-1, 1)


def test_eight_bits_say_what_full_precision_says_and_one_bit_nearly_so() -> None:
    X, y = two_classes(n=400, odd=30)
    new, truth = two_classes(seed=1, n=400, odd=30)
    whole = PrototypeClassifier().fit(X, y)
    eight = QuantisedPrototypeClassifier(8).fit(X, y)
    one = QuantisedPrototypeClassifier(1).fit(X, y)
    gap = np.abs(eight.score_samples(new) - whole.score_samples(new))
    assert gap.mean() < 0.01
    assert gap.max() < 0.1  # beyond the last level, values look alike
    assert (eight.predict(new) == whole.predict(new)).mean() > 0.99
    assert (one.predict(new) == truth).mean() > 0.9


def test_levels_are_as_many_as_bits_allow_and_rise() -> None:
    X, y = two_classes()
    for bits in (1, 2, 4, 8):
        model = QuantisedPrototypeClassifier(bits).fit(X, y)
        assert model.levels_.shape == (6, 2**bits)
        assert (np.diff(model.levels_, axis=1) >= 0).all()
        assert model.prototype_codes_.max() < 2**bits
        assert model.cost()["prototype_bytes"] == -(-model.prototype_codes_.size * bits // 8)


def test_what_is_unknown_adds_nothing() -> None:
    X, y = two_classes()
    model = QuantisedPrototypeClassifier(4).fit(X, y)
    row = X[60:61].copy()
    row[0, 3] = np.nan
    [e] = model.explain(row)
    assert (e.parts[:, 3] == 0).all()


def test_is_stored_as_arrays_and_answers_the_same(tmp_path) -> None:
    X, y = two_classes()
    model = QuantisedPrototypeClassifier(4).fit(X, y)
    save(model, tmp_path / "model.npz")
    kept = load(tmp_path / "model.npz")
    np.testing.assert_array_equal(kept.score_samples(X), model.score_samples(X))


@pytest.mark.parametrize("bits", [0, 9])
def test_more_or_fewer_bits_are_refused(bits) -> None:
    with pytest.raises(ValueError, match="bits"):
        QuantisedPrototypeClassifier(bits).fit(*two_classes())
